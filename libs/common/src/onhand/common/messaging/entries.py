"""What entries of streams hold, and the commands that append them.

An entry holds many messages, each the value of a field of its own: what an entry costs Redis and whoever reads it is
shared by its messages. Names of fields are not looked at, so whatever somebody put there by hand is read, and buried.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from onhand.common.messaging.connections import Command
from onhand.common.messaging.envelope import Outgoing

MOST_MESSAGES = 32
"""How many messages one entry holds at most: by then what the entry itself costs is shared by enough."""
_FIELD = b"event"

# It looks first, because what a script did before it failed is done: nobody could say any more that nothing was. The
# text goes along each time, because the server knows it by its hash anyway, and so there is no NOSCRIPT to handle.
_APPEND = """
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'stream' and kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. key .. ' is no stream') end
end
local first = 1
for number, key in ipairs(KEYS) do
  local last = first + ARGV[first]
  redis.call('XADD', key, '*', unpack(ARGV, first + 1, last))
  first = last + 1
end
"""


class Entry(NamedTuple):
    """One message of an entry of a stream.

    Attributes:
        payload: what was appended; None if the entry was trimmed away while it was pending.
        shared_by: how many messages the entry holds. It may be acknowledged when all of them are done.
    """

    topic: str
    entry_id: bytes
    payload: bytes | None
    shared_by: int = 1


class Delivery(NamedTuple):
    """What follows from a committed transaction.

    Attributes:
        messages: to be appended.
        replies: for each channel that waits, what to send there.
        done: what is done; an entry is acknowledged when all of its messages are.
    """

    messages: Sequence[Outgoing] = ()
    replies: Mapping[str, bytes] = {}
    done: Sequence[Entry] = ()


def stream_key(topic: str, partition: int = 0) -> str:
    """Key of one partition of a topic. The braces put all streams of a partition into one Redis Cluster hash slot."""
    return f"{topic}.{{{partition}}}"


def messages_in(topic: str, entry_id: bytes, fields: Sequence[bytes] | None) -> list[Entry]:
    """The messages of an entry as Redis sends it: names and values in turn, or none if it was trimmed away."""
    if fields is None:
        return [Entry(topic, entry_id, None)]
    payloads = fields[1::2]
    return [Entry(topic, entry_id, payload, len(payloads)) for payload in payloads]


def append_command(partition: int, messages: Sequence[Outgoing]) -> Command:
    """One command that appends messages to a partition, all or none."""
    entries = list(_pack(partition, messages))
    if len(entries) == 1:
        ((key, fields),) = entries
        return ("XADD", key, "*", *fields)
    command: list[str | bytes | int] = ["EVAL", _APPEND, len(entries), *(key for key, _ in entries)]
    for _, fields in entries:
        command += (len(fields), *fields)
    return tuple(command)


def append_commands(partition: int, messages: Sequence[Outgoing]) -> list[Command]:
    """Commands that append messages to a partition, at two thirds of the cost, for who tells all again if one fails."""
    return [("XADD", key, "*", *fields) for key, fields in _pack(partition, messages)]


def _pack(partition: int, messages: Sequence[Outgoing]) -> Iterator[tuple[str, list[bytes]]]:
    """Key and fields of each entry; messages on one topic stay in order."""
    topics: dict[str, list[bytes]] = {}
    for topic, _, payload in messages:
        topics.setdefault(topic, []).append(payload)
    for topic, payloads in topics.items():
        key, rest = stream_key(topic, partition), iter(payloads)
        while some := list(islice(rest, MOST_MESSAGES)):
            yield key, [word for payload in some for word in (_FIELD, payload)]


def publish_commands(replies: Mapping[str, bytes]) -> list[Command]:
    """Commands that send a payload to each channel."""
    return [("PUBLISH", channel, payload) for channel, payload in replies.items()]
