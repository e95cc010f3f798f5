"""What entries of streams hold, and the commands that append them.

An entry holds many messages, each the value of a field of its own: what an entry costs Redis and whoever reads it is
shared by its messages. The name of a field is the number of messages in its value if that is a bundle, and says nothing
otherwise, so whatever somebody put there by hand is read, and buried.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from onhand.common.messaging.connections import Command
from onhand.common.messaging.envelope import Outgoing

MOST_MESSAGES = 32
"""With how many messages an entry is full: by then what the entry itself costs is shared by enough."""
_FIELD = b"event"
_MOST_DIGITS = 4

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


class Entry(Struct, frozen=True):
    """One message of an entry of a stream.

    Attributes:
        payload: what was appended; None if the entry was trimmed away while it was pending.
        shared_by: how many messages the entry holds. It may be acknowledged when all of them are done.
        messages: how many this one counts for; more than one is a bundle.
    """

    topic: str
    entry_id: bytes
    payload: bytes | None
    shared_by: int = 1
    messages: int = 1


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
    shared_by = len(fields) // 2
    return [
        Entry(topic, entry_id, payload, shared_by, 1 if name == _FIELD else _number(name))
        for name, payload in zip(fields[::2], fields[1::2], strict=True)
    ]


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
    topics: dict[str, list[Outgoing]] = {}
    for message in messages:
        topics.setdefault(message.topic, []).append(message)
    for topic, of_topic in topics.items():
        key, fields, count = stream_key(topic, partition), list[bytes](), 0
        for message in of_topic:
            number = message.messages
            fields += (_FIELD if number == 1 else b"%d" % number, message.payload)
            count += number
            if count >= MOST_MESSAGES:
                yield key, fields
                fields, count = [], 0
        if fields:
            yield key, fields


def _number(name: bytes) -> int:
    return max(1, int(name)) if len(name) <= _MOST_DIGITS and name.isdigit() else 1


def publish_commands(replies: Mapping[str, bytes]) -> list[Command]:
    """Commands that send a payload to each channel."""
    return [("PUBLISH", channel, payload) for channel, payload in replies.items()]
