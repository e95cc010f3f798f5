"""Reads what older code has written: each version of a message by way of the next, up to that of today."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from onhand.common.contracts import CONTRACTS
from onhand.common.contracts.message import Message, Older

MessageT = TypeVar("MessageT", bound=Message)

_decoders: dict[type[Message], Callable[[bytes | str], Message]] = {}


def versions_of(kind: type[Message]) -> Iterator[type[Message]]:
    """A contract, and every version before it that is still read, the newest first."""
    yield kind
    for older in kind.OLDER:
        yield from versions_of(older)


def read(kind: type[MessageT], message_type: str, data: bytes | str) -> MessageT:
    """Decode and validate what a message says, in whichever version of a contract it is.

    Args:
        kind: the contract of today.
        message_type: on the wire. What is no older version is held against the contract of today.
        data: JSON.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: it is not of that shape.
    """
    if message_type == kind.TYPE:
        return _decode(kind, data)
    written_as = next((it for it in versions_of(kind) if message_type == it.TYPE), kind)
    return upcast(kind, _decode(written_as, data))


def upcast(kind: type[MessageT], message: Message) -> MessageT:
    """Say the same as an older version in the words of today.

    Raises:
        TypeError: it is no version of this contract.
    """
    while isinstance(message, Older):
        message = message.upcast()
    if not isinstance(message, kind):
        raise TypeError(f"{type(message).__name__} is no version of {kind.__name__}")
    return message


def by_type(kinds: Iterable[type[MessageT]]) -> dict[str, type[MessageT]]:
    """Contracts by the types on the wire that are read as them."""
    return {version.TYPE: kind for kind in kinds for version in versions_of(kind)}


_OF_TODAY = by_type(CONTRACTS)


def in_todays_words(message_type: str, data: str) -> tuple[str, str]:
    """An entry of a log, its type and its data as JSON, as it would be written today.

    Raises:
        msgspec.MsgspecError: it is of an older version, and not of that shape.
    """
    kind = _OF_TODAY.get(message_type)
    if kind is None or message_type == kind.TYPE:
        return message_type, data
    return kind.TYPE, msgspec.json.encode(read(kind, message_type, data)).decode()


def _decode(kind: type[MessageT], data: bytes | str) -> MessageT:
    decode = _decoders.get(kind)
    if decode is None:
        decode = _decoders[kind] = msgspec.json.Decoder(kind).decode
    message: MessageT = decode(data)  # type: ignore[assignment]  # the dict's key says the type
    return message
