"""What is expected, and how a command changes it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import ExpectStock, IncomingDetails, ReceiveStock, RequestRefused
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.contracts.movements import IncomingState


class Incoming(NamedTuple):
    """Units that are on their way, as was said last.

    Attributes:
        version: 1 for what was said first.
        quantity: still to come.
        is_received: whether the last of the units has come.
    """

    incoming_id: UUID
    version: int
    product_id: str
    location_id: str
    quantity: int
    expected_at: datetime
    reference: str | None
    is_received: bool = False

    @property
    def state(self) -> IncomingState:
        """Whether anything is still to come and, if not, why."""
        if self.quantity:
            return "expected"
        return "received" if self.is_received else "withdrawn"


class Incomings:
    """What is expected of some products, locked along with their levels. Changed in memory, then stored.

    Attributes:
        changes: new versions, in the order they came about.
    """

    def __init__(self, current: dict[UUID, Incoming], first: dict[UUID, Incoming], units: dict[str, int]) -> None:
        self._current = current
        self._first = first
        self._units = units
        self.changes: list[Incoming] = []

    def find(self, incoming_id: UUID, product_id: str) -> Incoming | None:
        """What is expected of a product under an id, if anything ever was."""
        incoming = self._current.get(incoming_id)
        return incoming if incoming and incoming.product_id == product_id else None

    def is_of_another(self, incoming_id: UUID, product_id: str) -> bool:
        """Whether an id stands for another product."""
        return incoming_id in self._current and self.find(incoming_id, product_id) is None

    def was_first(self, command: ExpectStock) -> bool:
        """Whether a command says what was first said under its id."""
        first = self._first[command.incoming_id]
        return first == _made_by(command, 1)

    def refuse(self, command: ExpectStock) -> RequestRefused | None:
        """Why a command cannot be taken, if so."""
        if self.is_of_another(command.incoming_id, command.product_id):
            detail = f"{command.incoming_id} is expected of another product."
            return RequestRefused(code="incoming-not-found", detail=detail)
        before = self.find(command.incoming_id, command.product_id)
        more = command.quantity - (before.quantity if before else 0)
        if self._units.get(command.product_id, 0) + more > LARGEST_INTEGER:
            detail = f"There would be more units of {command.product_id} incoming than can be counted."
            state = f"{self._units.get(command.product_id, 0)} incoming"
            return RequestRefused(code="too-much-stock", detail=detail, state=state, pointer="/quantity")
        return None

    def expect(self, command: ExpectStock) -> Incoming:
        """Take a command, which is not refused, for what is expected from now on."""
        before = self.find(command.incoming_id, command.product_id)
        if before is not None and before == _made_by(command, before.version):
            return before
        return self._change(_made_by(command, before.version + 1 if before else 1))

    def receive(self, command: ReceiveStock) -> None:
        """Expect as many units less as have come; never fewer than none."""
        if not isinstance(command.incoming_id, UUID):
            return
        before = self._current[command.incoming_id]
        left = max(0, before.quantity - command.quantity)
        after = before._replace(quantity=left, is_received=left == 0)
        if after != before:
            self._change(after._replace(version=before.version + 1))

    def _change(self, incoming: Incoming) -> Incoming:
        before = self._current.get(incoming.incoming_id)
        units = self._units.get(incoming.product_id, 0) - (before.quantity if before else 0)
        self._units[incoming.product_id] = units + incoming.quantity
        self._current[incoming.incoming_id] = incoming
        self._first.setdefault(incoming.incoming_id, incoming)
        self.changes.append(incoming)
        return incoming


def tell_incoming(incoming: Incoming, kind: type[IncomingDetails] = IncomingDetails) -> IncomingDetails:
    """What whoever asks, or sent a command about it, is told."""
    return kind(
        incoming_id=incoming.incoming_id,
        product_id=incoming.product_id,
        location_id=incoming.location_id,
        quantity=incoming.quantity,
        expected_at=incoming.expected_at,
        reference=incoming.reference or UNSET,
        state=incoming.state,
    )


def _made_by(command: ExpectStock, version: int) -> Incoming:
    return Incoming(
        command.incoming_id,
        version,
        command.product_id,
        command.location_id,
        command.quantity,
        command.expected_at,
        command.reference or None,
    )
