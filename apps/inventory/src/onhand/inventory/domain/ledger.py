"""The ledger: what a command adds to it, and what it does to a level."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from onhand.common.contracts import (
    AdjustStock,
    CountStock,
    LineShortage,
    MovementEntry,
    MovementReceipt,
    MovementReplayed,
    ReceiveStock,
    RequestRefused,
    SetStock,
    TransferStock,
)
from onhand.common.contracts.movements import MovementType
from onhand.inventory.domain.levels import Level, Stock

Move = SetStock | ReceiveStock | AdjustStock | CountStock | TransferStock


class Entry(NamedTuple):
    """One row of the ledger: units that came to a location or left it.

    Attributes:
        movement_id: the command's; of a sale or a return, that of the fulfilment or the return.
        entry_no: from 1 on; of a sale, the number of the row of the order in `reservations` that the units are from.
        quantity: units added or, below 0, taken away.
        on_hand: units at the location afterwards.
        order_id: of a sale or a return.
        incoming_id: what was received, if it was expected.
    """

    movement_id: UUID
    entry_no: int
    type: MovementType
    product_id: str
    location_id: str
    quantity: int
    on_hand: int
    order_id: UUID | None = None
    reason: str | None = None
    reference: str | None = None
    actor: str | None = None
    idempotency_key: str | None = None
    incoming_id: UUID | None = None


class _Step(NamedTuple):
    """What a command wants at one location.

    Attributes:
        units: to add; of a count, those that are there.
        pointer: the field that names the location.
    """

    type: MovementType
    location_id: str
    units: int
    pointer: str = "/locationId"


class _Words(NamedTuple):
    """What a command says besides."""

    reason: str | None = None
    reference: str | None = None
    incoming_id: UUID | None = None


def places_of(command: Move) -> list[tuple[str, str]]:
    """The product and the location, or the two of them, at which a command needs a level."""
    return [(command.product_id, step.location_id) for step in _steps(command)]


def makes_known(command: Move) -> bool:
    """Whether an unknown product becomes known by a command."""
    return not isinstance(command, AdjustStock | TransferStock)


def refuse(command: Move, stock: Stock) -> RequestRefused | None:
    """Why a command cannot be carried out now, if so.

    Args:
        command: for the first time.
        stock: with a level wherever there can be one.
    """
    levels: list[Level] = []
    for step in _steps(command):
        level = stock.at(command.product_id, step.location_id)
        if level is None:
            return _nowhere(command, step, stock)
        levels.append(level)
    if isinstance(command, TransferStock):
        return _refuse_transfer(command, levels[0])
    (step,), (level,) = _steps(command), levels
    pointer = "/onHand" if step.type == "count" else "/quantity"
    if _change(step, level) < -level.available:
        return RequestRefused(
            code="on-hand-below-reserved",
            detail=f"Of {level.product_id} {level.on_hand} are on hand at {level.location_id}, and {level.reserved} of "
            "them are reserved: on hand cannot be less than that.",
            state=_state(level),
            pointer=pointer,
        )
    if not stock.has_room(level.product_id, _change(step, level)):
        return RequestRefused(
            code="too-much-stock",
            detail=f"There would be more units of {level.product_id} than can be counted.",
            state=f"{sum(it.on_hand for it in stock.of(level.product_id))} on hand",
            pointer=pointer,
        )
    return None


def move(command: Move, stock: Stock, actor: str | None) -> list[Entry]:
    """Carry out a command in memory.

    Args:
        command: for the first time, and not refused.
        stock: in which its levels change.
        actor: who wants it, if anybody said so.
    """
    entries: list[Entry] = []
    for step in _steps(command):
        level = stock.at(command.product_id, step.location_id)
        if level is None:
            raise ValueError(f"no level of {command.product_id} at {step.location_id}")
        change = _change(step, level)
        level.on_hand += change
        entry = Entry(
            command.movement_id,
            len(entries) + 1,
            step.type,
            command.product_id,
            step.location_id,
            change,
            level.on_hand,
            actor=actor,
            idempotency_key=command.idempotency_key or None,
            **_words(command)._asdict(),
        )
        entries.append(entry)
    return entries


def is_same(command: Move, entries: Sequence[Entry]) -> bool:
    """Whether a command says what the one said that made these entries; who says so does not count."""
    said = [
        (entry.type, entry.location_id, entry.on_hand if entry.type == "count" else entry.quantity) for entry in entries
    ]
    first = entries[0]
    return (
        said == [(step.type, step.location_id, step.units) for step in _steps(command)]
        and command.product_id == first.product_id
        and _words(command) == _Words(first.reason, first.reference, first.incoming_id)
    )


def tell_movement(entries: Sequence[Entry], *, replayed: bool) -> MovementReceipt:
    """What whoever sent the command is told."""
    kind = MovementReplayed if replayed else MovementReceipt
    first = entries[0]
    return kind(
        movement_id=first.movement_id,
        type=first.type,
        product_id=first.product_id,
        entries=tuple(MovementEntry(entry.location_id, entry.quantity, entry.on_hand) for entry in entries),
    )


def _steps(command: Move) -> list[_Step]:
    match command:
        case SetStock() | CountStock():
            return [_Step("count", command.location_id, command.on_hand)]
        case ReceiveStock():
            return [_Step("receive", command.location_id, command.quantity)]
        case AdjustStock():
            return [_Step("adjust", command.location_id, command.quantity)]
        case TransferStock():
            return [
                _Step("transfer", command.from_location_id, -command.quantity, "/fromLocationId"),
                _Step("transfer", command.to_location_id, command.quantity, "/toLocationId"),
            ]


def _state(level: Level) -> str:
    return f"{level.on_hand} on hand, {level.reserved} reserved"


def _change(step: _Step, level: Level) -> int:
    return step.units - level.on_hand if step.type == "count" else step.units


def _words(command: Move) -> _Words:
    if isinstance(command, SetStock):
        return _Words()
    incoming_id = command.incoming_id or None if isinstance(command, ReceiveStock) else None
    return _Words(command.reason or None, command.reference or None, incoming_id)


def _nowhere(command: Move, step: _Step, stock: Stock) -> RequestRefused:
    if command.product_id not in stock.products and not makes_known(command):
        return RequestRefused(code="product-not-found", detail=f"There is no product {command.product_id}.")
    return RequestRefused(
        code="location-not-found", detail=f"There is no location {step.location_id}.", pointer=step.pointer
    )


def _refuse_transfer(command: TransferStock, level: Level) -> RequestRefused | None:
    if command.quantity <= level.available:
        return None
    return RequestRefused(
        code="insufficient-stock",
        detail=f"{level.available} units of {level.product_id} at {level.location_id} are not reserved.",
        state=_state(level),
        pointer="/quantity",
        lines=(LineShortage(level.product_id, command.quantity, level.available),),
    )
