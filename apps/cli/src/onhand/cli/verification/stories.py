"""One order, as both services tell it, and what is wrong with it. Pure: no clock, no I/O.

The rules are written down here once more, instead of being taken from the services: a check that shared the code which
it checks would share its faults.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import MsgspecError
from msgspec.json import Decoder

from onhand.cli.verification.counters import shown, wrong_with_counters
from onhand.cli.verification.findings import Finding, Invariant
from onhand.cli.verification.folding import (
    CannotFold,
    Counts,
    Entry,
    State,
    fold,
    implied_counts,
    last_status,
    missteps,
)
from onhand.cli.verification.holdings import (
    Movement,
    Share,
    Use,
    decided,
    wrong_with_movements,
    wrong_with_shares,
    wrong_with_uses,
)
from onhand.common.contracts import Line, OrderCreated
from onhand.common.contracts.message import Metadata


class Order(NamedTuple):
    """A row of `orders`. `lines`, `progress` and `metadata` are JSON."""

    order_id: UUID
    customer_id: str
    lines: str
    policy: str
    status: str
    fulfilment: str
    progress: str | None
    reason: str | None
    version: int
    reservation_id: UUID | None
    reference: str | None
    metadata: str | None


class Story(NamedTuple):
    """All that is stored of one order; each part may be missing."""

    order_id: UUID
    order: Order | None
    log: Sequence[Entry]
    shares: Sequence[Share]
    movements: Sequence[Movement]
    uses: Sequence[Use]


_read_lines = Decoder(tuple[Line, ...]).decode
_read_progress = Decoder(list[Counts]).decode
_read_metadata = Decoder(Metadata).decode
Problem = tuple[Invariant, str | None]


def judge(story: Story) -> Iterator[Finding]:
    """Say what is wrong with an order. What is still on its way looks wrong as well: look again a moment later."""
    for invariant, problem in _problems(story):
        if problem:
            yield Finding(invariant, str(story.order_id), problem)


def _problems(story: Story) -> Iterator[Problem]:
    order, log = story.order, story.log
    if order is None:
        yield "I1", f"has a log of {len(log)} events and is not stored" if log else None
        yield "I3", _known_to_inventory(story)
        return
    try:
        state = _stored(order)
    except MsgspecError as error:
        yield "I1", f"is stored in a way that cannot be read: {error}"
        return
    yield "I1", next(wrong_with_counters(state, order.fulfilment), None)
    yield "I1", _wrong_with_log(order, log) if log else "is stored without a log"
    if log:
        yield "I3", _wrong_with_end(order, log)
        try:
            told = fold(order.order_id, log)
        except CannotFold as problem:
            yield "I4", str(problem)
        else:
            yield "I4", _wrong_with_fold(state, told.state)
            if told.booked or story.movements:
                yield "I3", next(wrong_with_movements(told.booked, story.movements), None)
    yield "I3", next(wrong_with_shares(state, story.shares), None)
    if story.uses:
        yield "I3", next(wrong_with_uses(state, story.uses), None)


def _known_to_inventory(story: Story) -> str | None:
    if story.shares:
        return f"was decided ({decided(story.shares)}) and is not stored"
    if story.movements:
        return f"has moved stock ({story.movements[0].quantity} of {story.movements[0].product_id}) and is not stored"
    return f"has used the hold {story.uses[0].reservation_id} and is not stored" if story.uses else None


def _stored(order: Order) -> State:
    lines = _read_lines(order.lines)
    return State(
        order.customer_id,
        lines,
        order.policy,
        order.reservation_id,
        order.reference,
        _read_metadata(order.metadata) or None if order.metadata else None,
        order.status,
        order.reason,
        _read_progress(order.progress) if order.progress else implied_counts(lines, order.status),
    )


def _wrong_with_log(order: Order, log: Sequence[Entry]) -> str | None:
    count = len(log)
    if (versions := [it.version for it in log]) != list(range(1, count + 1)):
        return f"has the versions {', '.join(map(str, versions))} in its log, not 1 to {count}"
    if log[0].type != OrderCreated.TYPE:
        return f"has a log that begins with {log[0].type}"
    return None if order.version == count else f"is of version {order.version}, but its log ends with {count}"


def _wrong_with_end(order: Order, log: Sequence[Entry]) -> str | None:
    if steps := list(missteps(log)):
        return f"has in its log {'; '.join(steps)}"
    if order.status != last_status(log):
        return f"is {order.status}, but its log ends {last_status(log) or 'without a status'}"
    return None


def _wrong_with_fold(stored: State, told: State) -> str | None:
    if stored == told:
        return None
    for name in State.__struct_fields__:
        if (here := getattr(stored, name)) != (there := getattr(told, name)):
            return f"is stored with {name} {shown(here)}, but its log leads to {shown(there)}"
    return None
