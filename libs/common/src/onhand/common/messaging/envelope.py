"""The CloudEvents envelope around every message, and what a handler takes in and gives out.

JSON format of CloudEvents 1.0 (https://github.com/cloudevents/spec); `correlationid`, `causationid`, `traceparent`,
`replyto` and `actor` are extension attributes.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, to_builtins
from uuid_utils import uuid7

from onhand.common.contracts import Event, Message, Reply
from onhand.common.messaging.versions import read

MessageT_co = TypeVar("MessageT_co", bound=Message, covariant=True)


class Envelope(Struct, frozen=True, gc=False):
    """One message on its way. Field order is the order on the wire: what a person looks for comes first.

    Attributes:
        subject: what the message is about, such as the order's id.
        correlationid: the same for all messages of one story; for an order, the order's id.
        causationid: id of the message that this one answers or follows from.
        replyto: channel that waits for the reply to this request.
        traceparent: W3C trace context of the request that began the story.
        actor: who wants it, as the request that led to it says; a log entry and nobody's proof.
    """

    type: str
    subject: str
    id: str
    source: str
    time: datetime
    data: Raw
    correlationid: str
    causationid: str | UnsetType = UNSET
    replyto: str | UnsetType = UNSET
    traceparent: str | UnsetType = UNSET
    actor: str | UnsetType = UNSET
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"


class Received(Struct, Generic[MessageT_co], frozen=True):
    """A message as a handler gets it: what it says, and the envelope it came in."""

    message: MessageT_co
    envelope: Envelope


class Publish(Struct, frozen=True):
    """An event to be told once the transaction is committed.

    Attributes:
        cause: the message it follows from; none for what a timer sets off.
    """

    event: Event
    cause: Received[Message] | None = None


class Answer(Struct, frozen=True):
    """A reply to be sent once the transaction is committed; it goes nowhere if the request expects none."""

    to: Received[Message]
    reply: Reply


Effect = Publish | Answer
"""What a handler may ask the runtime to do."""


class Outgoing(Struct, frozen=True):
    """A message to be appended.

    Attributes:
        topic: where to.
        key: what it is about; messages about the same are in the same partition.
        payload: its envelope as JSON.
        messages: how many it counts for; more than one is a bundle.
    """

    topic: str
    key: str
    payload: bytes
    messages: int = 1


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_envelopes = msgspec.json.Decoder(list[Envelope]).decode


def wrap(
    message: Message,
    *,
    source: str,
    cause: Envelope | None = None,
    correlationid: str | None = None,
    replyto: str | UnsetType = UNSET,
    traceparent: str | UnsetType = UNSET,
    actor: str | UnsetType = UNSET,
) -> Envelope:
    """Put a message in a new envelope.

    Args:
        message: what to say.
        source: path of the sending service, such as `/orders`.
        cause: envelope of the message this one follows from; its correlation, trace and actor go on.
        correlationid: begins a new story under this id, if there is no cause; the subject if not given.
        replyto: channel on which a reply is awaited.
        traceparent: begins a new trace context, if there is no cause.
        actor: who wants it, if there is no cause.
    """
    subject: str = to_builtins(getattr(message, message.SUBJECT))  # str() of a UUID takes four times as long
    if cause is not None:
        correlationid, traceparent, actor = cause.correlationid, cause.traceparent, cause.actor
    return Envelope(
        type=message.TYPE,
        subject=subject,
        id=str(uuid7()),
        source=source,
        time=datetime.now(UTC),
        data=Raw(_encode(message)),
        correlationid=correlationid or subject,
        causationid=UNSET if cause is None else cause.id,
        replyto=replyto,
        traceparent=traceparent,
        actor=actor,
    )


def encode(envelope: Envelope) -> bytes:
    """Write an envelope as JSON."""
    return _encode(envelope)


def encode_all(envelopes: Sequence[Envelope]) -> bytes:
    """Write envelopes as one JSON array (CloudEvents' batch format)."""
    return _encode(envelopes)


def decode(payload: bytes) -> Envelope:
    """Read one envelope; its data stays raw.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: the payload is no envelope.
    """
    return _decode_envelope(payload)


def decode_all(payload: bytes) -> list[Envelope]:
    """Read what `encode_all` wrote.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: the payload is no array of envelopes.
    """
    return _decode_envelopes(payload)


def read_as(kind: type[MessageT_co], envelope: Envelope) -> MessageT_co:
    """Decode and validate an envelope's data as one contract, of whichever version it is.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: the data is not of that shape.
    """
    return read(kind, envelope.type, envelope.data)


def events_of(effects: Iterable[Effect], source: str) -> list[Outgoing]:
    """The events among some effects, each in its envelope."""
    outgoing = []
    for effect in effects:
        if isinstance(effect, Publish):
            envelope = wrap(effect.event, source=source, cause=effect.cause.envelope if effect.cause else None)
            outgoing.append(Outgoing(effect.event.TOPIC, envelope.subject, encode(envelope)))
    return outgoing


def replies_of(effects: Iterable[Effect], source: str) -> dict[str, bytes]:
    """The replies among some effects: for each channel that waits, one payload with all of its replies."""
    channels: dict[str, list[Envelope]] = {}
    for effect in effects:
        if isinstance(effect, Answer) and effect.to.envelope.replyto:
            request = effect.to.envelope
            envelope = wrap(effect.reply, source=source, cause=request)
            channels.setdefault(str(request.replyto), []).append(envelope)
    return {channel: encode_all(envelopes) for channel, envelopes in channels.items()}
