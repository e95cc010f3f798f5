"""When a system is at rest: nobody waits for a reply, and every message is read and acknowledged.

The clients of a load are gone then, but what they sent is still done, and thousands of requests may be under way.
"""

import asyncio
import time

from redis.asyncio import Redis

from benchmarks.answers import in_flight

_POLL_SECONDS = 0.05


async def wait_for_rest(url: str, redis_url: str, limit_seconds: float) -> None:
    """Wait until the gateway at `url` and the groups of every stream have nothing left to do, or for so long.

    Raises:
        OSError, redis.RedisError: one of them does not answer.
    """
    deadline = time.monotonic() + limit_seconds
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        # Twice, because a message that is acknowledged may have led to the next.
        while await in_flight(url) or await _waiting(redis) or await _waiting(redis):
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
