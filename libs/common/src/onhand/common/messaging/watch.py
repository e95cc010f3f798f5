"""Watches topics: says that something was appended, and not what."""

import asyncio
import time
from collections.abc import Callable, Sequence

from onhand.common.backoff import stopped_within
from onhand.common.messaging.connections import Command, Connection, call
from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.streams import Streams

_BLOCK_MS = 1000
_PAUSE_SECONDS = 0.05
"""Between two looks; under load something is appended all the time, and to say so more often is of no use."""
_PAUSE_AFTER_QUIET_SECONDS, _QUIET_SECONDS = 0.01, 0.05
"""The same after some time without anything: where messages are few, what follows from one comes just after it."""

_NEWEST = """
local newest = {}
for number, key in ipairs(KEYS) do
  newest[number] = '0-0'
  if redis.call('EXISTS', key) == 1 then
    local told = redis.call('XINFO', 'STREAM', key)
    for i = 1, #told, 2 do
      if told[i] == 'last-generated-id' then newest[number] = told[i + 1] end
    end
  end
end
return newest
"""


async def watch(
    streams: Streams,
    topics: Sequence[str],
    partition: int,
    appended: Callable[[], float | None],
    stopping: asyncio.Event,
) -> None:
    """Call `appended` at first and then soon after anything was appended, until `stopping` is set.

    It returns for how many seconds it need not be told again, or None to hear no more. What is appended is stored
    already by who appends it. So whoever looks there when this says so sees it.

    Raises:
        Unavailable: Redis is away.
    """
    keys = [stream_key(topic, partition) for topic in topics]
    async with streams.connection(partition) as connection:
        newest, pause = await _newest(connection, keys), _PAUSE_AFTER_QUIET_SECONDS
        while (rest := appended()) is not None and not await stopped_within(max(pause, rest), stopping):
            asked = time.monotonic()
            read: Command = ("XREAD", "COUNT", 1, "BLOCK", _BLOCK_MS, "STREAMS", *keys, *newest)
            # A stream that was lost, with a clock that was set back, goes on below the last id: no read tells of that.
            while not (await call(connection, read))[0] and await _newest(connection, keys) == newest:
                if stopping.is_set():
                    return
            pause = _PAUSE_AFTER_QUIET_SECONDS if time.monotonic() - asked > _QUIET_SECONDS else _PAUSE_SECONDS
            # Their ends first, and then the word: what comes in between is told the next time.
            newest = await _newest(connection, keys)


async def _newest(connection: Connection, keys: Sequence[str]) -> list[bytes]:
    """The last id of each stream; of one that is not there the lowest that there can be."""
    newest: list[bytes]
    (newest,) = await call(connection, ("EVAL_RO", _NEWEST, len(keys), *keys))
    return newest
