"""When a system is at rest: nobody waits for a reply, and every message is read and acknowledged.

The clients of a load are gone then, but what they sent is still done, and thousands of requests may be under way.
"""

import asyncio
import time

from redis.asyncio import Redis

from benchmarks.answers import in_flight

_POLL_SECONDS = 0.05


async def wait_for_rest(redis_url: str, limit_seconds: float, url: str | None = None) -> None:
    """Wait until the groups of every stream, and the gateway at `url`, have nothing left to do, or for so long.

    Args:
        redis_url: where the streams are.
        limit_seconds: how long to wait at most.
        url: of a gateway of ours; None where there is none.

    Raises:
        OSError, redis.RedisError: one of them does not answer.
    """
    deadline = time.monotonic() + limit_seconds
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        # Twice, because a message that is acknowledged may have led to the next.
        while (url and await in_flight(url)) or await _waiting(redis) or await _waiting(redis):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _waiting(redis: Redis) -> int:
    groups = [
        group
        for stream in [it async for it in redis.scan_iter(_type="stream")]
        for group in await redis.xinfo_groups(stream)
    ]
    return sum(group["pending"] + (group["lag"] or 0) for group in groups)
