"""Holds a recorded history against what is on disk. Pure: it asks nobody and waits for nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from tests.e2e.books import Books, problems, served_out_of_turn
from tests.failures.history import Deed, Look, Purchase, Record

_COME_AGAIN = {503, 504}
_AFTER: Mapping[str, set[str]] = {
    "absent": {"pending", "confirmed", "backordered", "rejected", "cancelled"},
    "pending": {"confirmed", "backordered", "rejected", "cancelled"},
    "backordered": {"confirmed", "cancelled"},
    "confirmed": {"cancelled"},
    "rejected": set(),
    "cancelled": set(),
    # of a hold
    "active": {"used", "released", "expired"},
    "used": set(),
    "released": set(),
    "expired": set(),
    # how far an order is sent
    "unfulfilled": {"partially-fulfilled", "fulfilled", "partially-returned", "returned"},
    "partially-fulfilled": {"fulfilled", "partially-returned", "returned"},
    "fulfilled": {"partially-returned", "returned"},
    "partially-returned": {"returned"},
    "returned": set(),
}
"""What each status may become, by whatever steps."""
_LEAVES_A_TRACE = {"fulfil", "return", "receive", "adjust", "count", "transfer", "expect", "hold"}
"""What is found on disk by its key, as often as it was done."""
_SUCCESS = {"look": 200, "see-hold": 200, "cancel": 200, "extend": 200, "release": 200}
"""How what makes nothing is answered; all else is answered 201."""
_NEVER_REFUSED = {"purchase", "expect"}
_NOT_ALLOWED_NOW = {404, 409}


class Findings(Struct, frozen=True, rename="camel"):
    """What the comparison gave. Everything after `unknown` has to be empty.

    Attributes:
        accepted: orders answered 201.
        done: cancellations, fulfilments, movements, holds and the like that were answered with success.
        unavailable: requests of which nothing was done, as the client knows: 503, connection refused.
        unknown: requests of which the client knows nothing: 504, timeout, reset. Done or not, both are right.
        lost: what was answered with success and is not on disk, or not as it was asked for.
        duplicated: what is on disk more than once, or at all although it was refused or never asked for.
        oversold: units that orders and holds got and that never were there, by product.
        regressions: statuses that were seen and went back.
        wrong: everything else, in sentences.
    """

    accepted: int = 0
    done: int = 0
    unavailable: int = 0
    unknown: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    oversold: dict[str, int] = field(default_factory=dict)
    regressions: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def oversold_units(self) -> int:
        """Over all products."""
        return sum(self.oversold.values())

    def sentences(self) -> list[str]:
        """Everything that is wrong, in words."""
        oversold = [f"{units} units too many of {product} are sold" for product, units in self.oversold.items()]
        return [*self.lost, *self.duplicated, *oversold, *self.regressions, *self.wrong]


class _Sight(NamedTuple):
    """A status that somebody saw."""

    asked_at: float
    answered_at: float
    status: str


def check(history: Sequence[Record], books: Books, *, has_right_clocks: bool = True) -> Findings:
    """Compare what clients saw with what is on disk when nothing is under way any more.

    Args:
        history: what they saw.
        books: what is on disk.
        has_right_clocks: whether the database's clock was never set, so that its times tell who was served first.
    """
    purchases = [record for record in history if isinstance(record, Purchase)]
    deeds = [record for record in history if isinstance(record, Deed)]
    asked = [*purchases, *(deed for deed in deeds if deed.verb != "see-hold")]
    return Findings(
        accepted=len({purchase.customer for purchase in purchases if purchase.is_done}),
        done=len({deed.key for deed in asked if isinstance(deed, Deed) and deed.is_done}),
        unavailable=sum(it.answer == 503 or not it.was_sent for it in asked),  # come again
        unknown=sum(it.is_unknown for it in asked),
        lost=[*_lost(purchases, books), *_undone(deeds, books)],
        duplicated=[*_duplicated(purchases, books), *_done_too_often(deeds, books)],
        oversold=_oversold(books),
        regressions=[*_regressions(history, books)],
        wrong=[
            *_unexpected_answers(history),
            *problems(books),
            *(served_out_of_turn(books) if has_right_clocks else ()),
        ],
    )


def _lost(purchases: Sequence[Purchase], books: Books) -> Iterator[str]:
    for purchase in purchases:
        if not purchase.is_done:
            continue
        order = books.orders.get(purchase.order_id)
        if order is None:
            yield f"order {purchase.order_id} of {purchase.customer} was answered 201 and is not stored"
            continue
        lines = tuple((line["productId"], line["quantity"]) for line in order["lines"])
        if (order["customer_id"], lines, order["policy"]) != (purchase.customer, purchase.lines, purchase.policy):
            yield f"order {purchase.order_id} is stored as {dict(order)}, but was placed as {purchase}"


def _undone(deeds: Sequence[Deed], books: Books) -> Iterator[str]:
    for deed in deeds:
        if not deed.is_done:
            continue
        if deed.verb in _LEAVES_A_TRACE and not books.effects[deed.key]:
            yield f"{deed.verb} {deed.key} of {deed.subject} was answered {deed.answer} and is not done"
        if deed.verb == "cancel" and (order := books.orders.get(deed.subject)) and order["status"] != "cancelled":
            yield f"order {deed.subject} was cancelled, answered {deed.answer}, and is {order['status']}"
        if deed.verb == "release" and books.holds.get(deed.subject) != "released":
            yield f"hold {deed.subject} was released, answered {deed.answer}, and is {books.holds.get(deed.subject)}"


def _duplicated(purchases: Sequence[Purchase], books: Books) -> Iterator[str]:
    stored: defaultdict[str, list[str]] = defaultdict(list)
    for order_id, order in books.orders.items():
        stored[order["customer_id"]].append(order_id)
    for customer, tries in _grouped(purchases, [it.customer for it in purchases]).items():
        order_ids = stored.pop(customer, [])
        told = {it.order_id for it in tries if it.is_done or not it.key} - {"", *order_ids}
        if len(order_ids) > 1:
            yield f"one purchase of {customer} is stored {len(order_ids)} times: {', '.join(order_ids)}"
        elif order_ids and all(it.is_refused for it in tries):
            yield f"the purchase of {customer} was refused and is stored as {order_ids[0]}"
        elif order_ids and told:
            yield f"the purchase of {customer} is stored as {order_ids[0]}, not {', '.join(sorted(told))}"
    for customer, order_ids in stored.items():
        yield f"{customer} never placed what is stored as {', '.join(order_ids)}"


def _done_too_often(deeds: Sequence[Deed], books: Books) -> Iterator[str]:
    with_trace = [it for it in deeds if it.verb in _LEAVES_A_TRACE]
    for key, tries in _grouped(with_trace, [it.key for it in with_trace]).items():
        verb, times = tries[0].verb, books.effects[key]
        if times > 1:
            yield f"{verb} {key} of {tries[0].subject} was done {times} times"
        elif times and all(it.is_refused for it in tries):
            yield f"{verb} {key} of {tries[0].subject} was refused and is done"
    for order_id, story in books.stories.items():
        if (times := story.count("orders.order-cancelled.v1")) > 1:
            yield f"order {order_id} was cancelled {times} times"


def _oversold(books: Books) -> dict[str, int]:
    """Units that orders have or were sent, and that holds have, beyond those that ever were there."""
    given: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for order in books.orders.values():
        for line in order["lines"]:
            given[line["productId"]] += line["reserved"] + line["fulfilled"]
    for hold_id, state in books.holds.items():
        if state == "active":
            for row in books.reservations.get(hold_id, []):
                given[row["product_id"]] += row["granted"]
    for (product, _), level in books.levels.items():
        there[product] += level["on_hand"]
    for row in books.ledger:
        there[row["product_id"]] -= row["quantity"] if row["type"] == "sale" else 0
    return {product: units - there[product] for product, units in given.items() if units > there[product]}


def _regressions(history: Sequence[Record], books: Books) -> Iterator[str]:
    """A look that was begun when a later status had been seen already, by whomever. What is on disk is seen last."""
    seen: defaultdict[str, list[_Sight]] = defaultdict(list)
    sent: defaultdict[str, list[_Sight]] = defaultdict(list)
    for record in history:
        about = record.told_id if isinstance(record, Deed) else record.order_id
        if about and (status := _status_in(record)):
            seen[about].append(_Sight(record.asked_at, record.answered_at, status))
        if about and not isinstance(record, Purchase) and record.fulfilment:
            sent[about].append(_Sight(record.asked_at, record.answered_at, record.fulfilment))
    stored = {order_id: order["status"] for order_id, order in books.orders.items()} | books.holds
    for subject, sights in seen.items():
        if subject in stored:
            sights.append(_Sight(float("inf"), float("inf"), stored[subject]))
        yield from _steps_back(subject, sights)
    for subject, sights in sent.items():
        yield from _steps_back(subject, sights)


def _status_in(record: Record) -> str:
    return "absent" if isinstance(record, Look) and record.answer == 404 else record.status  # HTTP


def _steps_back(subject: str, sights: Sequence[_Sight]) -> Iterator[str]:
    kind = "hold" if any(sight.status == "active" for sight in sights) else "order"
    for later in sights:
        before = {sight.status for sight in sights if sight.answered_at < later.asked_at}
        for status in sorted(before - {later.status}):
            if later.status not in _AFTER[status]:
                yield f"{kind} {subject} was {later.status} after it had been seen {status}"


def _unexpected_answers(history: Sequence[Record]) -> Iterator[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for record in history:
        kind = record.verb if isinstance(record, Deed) else "purchase" if isinstance(record, Purchase) else "look"
        possible = {_SUCCESS.get(kind, 201), *_COME_AGAIN, *(set() if kind in _NEVER_REFUSED else _NOT_ALLOWED_NOW)}
        if record.answer and record.answer not in possible:
            counts[kind, str(record.answer)] += 1
        elif record.answer in _COME_AGAIN and not record.says_when:
            counts[kind, f"{record.answer} without a Retry-After"] += 1
    for (kind, answer), count in counts.items():
        yield f"{count} times a {kind} was answered {answer}"


_RecordT = TypeVar("_RecordT", Purchase, Deed)


def _grouped(records: Sequence[_RecordT], keys: Sequence[str]) -> dict[str, list[_RecordT]]:
    groups: defaultdict[str, list[_RecordT]] = defaultdict(list)
    for key, record in zip(keys, records, strict=True):
        groups[key].append(record)
    return groups
