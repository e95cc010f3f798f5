"""Bundles: many requests in one envelope, which leave at the same time.

What an envelope costs is shared by what is in it. Handlers see no bundle: each part has an envelope of its own again,
as if it had come alone, with an id that follows from the bundle's, so it is the same part whenever the bundle comes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Raw, Struct, UnsetType, to_builtins
from msgspec.structs import replace
from uuid_utils import uuid7

from onhand.common.contracts import Command, Query
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import Envelope, decode, encode

TYPE = "onhand.bundle.v1"
MOST_PARTS = 100
"""By then what the envelope costs is shared by enough, and what one consumer is given at once has an end."""


class Part(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A request as it is in a bundle; its data is encoded."""

    type: str
    subject: str
    data: Raw


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Part]).decode


def subject_of(request: Command | Query) -> str:
    """What a request is about."""
    subject: str = to_builtins(getattr(request, request.SUBJECT))
    return subject


def part_of(request: Command | Query) -> Part:
    """A request, to be put into a bundle.

    Raises:
        Exception: it cannot be encoded.
    """
    return Part(request.TYPE, subject_of(request), Raw(_encode(request)))


def bundle(
    parts: Sequence[Part],
    *,
    source: str,
    replyto: str,
    traceparent: str | UnsetType,
    actor: str | UnsetType,
) -> Envelope:
    """Put requests into one new envelope, which is about what the first is about; the rest is as in `wrap`."""
    subject = parts[0].subject
    return Envelope(
        type=TYPE,
        subject=subject,
        id=str(uuid7()),
        source=source,
        time=datetime.now(UTC),
        data=Raw(_encode(parts)),
        correlationid=subject,
        replyto=replyto,
        traceparent=traceparent,
        actor=actor,
    )


def part_id(bundle_id: str, number: int) -> str:
    """The id that a part of a bundle has, numbered from 0 on; its reply names it."""
    return f"{bundle_id}.{number}"


def parts_of(envelope: Envelope) -> list[Envelope]:
    """The parts of a bundle, each in the envelope that it would have alone.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: it is none.
    """
    return [
        Envelope(
            type=part.type,
            subject=part.subject,
            id=part_id(envelope.id, number),
            source=envelope.source,
            time=envelope.time,
            data=part.data,
            correlationid=part.subject,
            replyto=envelope.replyto,
            traceparent=envelope.traceparent,
            actor=envelope.actor,
        )
        for number, part in enumerate(_decode(envelope.data))
    ]


def divide(entry: Entry) -> list[Entry]:
    """What would be there if the parts of a bundle had come alone; nothing if it is no bundle that can be read."""
    try:
        envelope = decode(entry.payload or b"")
        if envelope.type != TYPE:
            return []
        return [replace(entry, payload=encode(part), messages=1) for part in parts_of(envelope)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
