"""Changes what a message says, and makes sure that it is still a message of its type. Pure: no I/O."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from onhand.common.contracts import CONTRACTS
from onhand.common.contracts.message import Message
from onhand.common.errors import OnhandError
from onhand.common.messaging.envelope import Envelope, decode
from onhand.common.messaging.versions import versions_of

_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_BY_TYPE = {version.TYPE: version for contract in CONTRACTS for version in versions_of(contract)}


class CannotEdit(OnhandError):
    """The message is none, or would no longer be one of its type."""


class Editing:
    """A message whose data is to be changed. All else of its envelope stays, above all its id.

    Args:
        payload: the envelope as it lies there.

    Raises:
        CannotEdit: the payload is no envelope, or of a type that nobody knows.
    """

    def __init__(self, payload: bytes) -> None:
        try:
            self._envelope: Envelope = decode(payload)
            self._parts = msgspec.json.decode(payload, type=dict[str, Raw])
        except _UNREADABLE as error:
            raise CannotEdit(f"it is no message ({error}), and can only be tried again or dropped") from None
        contract = _BY_TYPE.get(self._envelope.type)
        if contract is None:
            raise CannotEdit(f"there is no contract for {self._envelope.type!r} to hold it against")
        self._contract: type[Message] = contract
        self._fields = {field.encode_name: field.name for field in msgspec.structs.fields(contract)}

    @property
    def data(self) -> str:
        """What it says, to be read by a person."""
        try:
            return msgspec.json.format(bytes(self._envelope.data), indent=2).decode()
        except _UNREADABLE:
            return bytes(self._envelope.data).decode(errors="replace")

    def with_data(self, data: str) -> bytes:
        """The payload, if it says something else.

        Raises:
            CannotEdit: that is not JSON, or makes no sense for the type.
        """
        try:
            fields = msgspec.json.decode(data.encode(), type=dict[str, object])
        except _UNREADABLE as error:
            raise CannotEdit(f"that is no JSON object: {error}") from None
        return self._with_fields(fields, strict=True)

    def with_fields(self, changes: Mapping[str, str]) -> bytes:
        """The payload, if some of its fields are others.

        Values are converted to what the type wants; JSON arrays and objects are taken as such.

        Raises:
            CannotEdit: that makes no sense for the type.
        """
        try:
            fields = msgspec.json.decode(self._envelope.data, type=dict[str, object])
        except _UNREADABLE as error:
            raise CannotEdit(f"its data is no JSON object ({error}): give all of it") from None
        return self._with_fields(fields | {name: _read(value) for name, value in changes.items()}, strict=False)

    def _with_fields(self, fields: dict[str, object], *, strict: bool) -> bytes:
        self._refuse_unknown(fields)
        try:
            message = msgspec.convert(fields, self._contract, strict=strict)
            fields |= msgspec.to_builtins(message)  # each value as the type wants it
            data = Raw(msgspec.json.encode(fields))
        except _UNREADABLE as error:
            raise CannotEdit(f"that is no {self._contract.__name__}: {error}") from None
        subject = next(name for name, attribute in self._fields.items() if attribute == self._contract.SUBJECT)
        if fields[subject] != self._envelope.subject:
            raise CannotEdit(f"{subject} has to stay {self._envelope.subject!r}: it is what the message is about")
        return msgspec.json.encode(self._parts | {"data": data})

    def _refuse_unknown(self, fields: Mapping[str, object]) -> None:
        """A name that is mistyped would be ignored by whoever reads it."""
        try:
            known = set(self._fields) | msgspec.json.decode(self._envelope.data, type=dict[str, object]).keys()
        except _UNREADABLE:
            known = set(self._fields)
        if unknown := sorted(fields.keys() - known):
            raise CannotEdit(
                f"{self._contract.__name__} has no field {', '.join(unknown)}: it has {', '.join(self._fields)}"
            )


def _read(value: str) -> object:
    if not value.startswith(("[", "{")):
        return value
    try:
        return msgspec.json.decode(value.encode())
    except _UNREADABLE:
        return value
