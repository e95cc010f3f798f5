"""Holds a recorded history against what is on disk. Pure: it asks nobody and waits for nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from tests.e2e.books import Books, problems
from tests.failures.history import Look, Purchase, Record

_RANK = {"absent": 0, "pending": 1, "confirmed": 2, "rejected": 2}
_COME_AGAIN = {503, 504}
_POSSIBLE_ANSWERS = {"purchase": {201, 503, 504}, "look": {200, 404, 503, 504}}


class Findings(Struct, frozen=True, rename="camel"):
    """What the comparison gave. Everything after `unknown` has to be empty.

    Attributes:
        accepted: orders answered 201.
        unavailable: orders of which nothing was sent or done, as the client knows: 503, connection refused.
        unknown: orders of which the client knows nothing: 504, timeout, reset. Stored or not, both are right.
        lost: orders that were accepted and are not stored, or not as they were placed.
        duplicated: purchases that are stored more than once, or at all although they were refused or never placed.
        oversold: units that confirmed orders got and that are not there, by product.
        regressions: statuses that were seen and went back.
        wrong: everything else, in sentences.
    """

    accepted: int = 0
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
    """A status of an order that somebody saw."""

    asked_at: float
    answered_at: float
    status: str


def check(history: Sequence[Record], books: Books) -> Findings:
    """Compare what clients saw with what is on disk when nothing is under way any more."""
    purchases = [record for record in history if isinstance(record, Purchase)]
    return Findings(
        accepted=sum(purchase.is_accepted for purchase in purchases),
        unavailable=sum(purchase.is_refused for purchase in purchases),
        unknown=sum(purchase.is_unknown for purchase in purchases),
        lost=[*_lost(purchases, books)],
        duplicated=[*_duplicated(purchases, books)],
        oversold=_oversold(books),
        regressions=[*_regressions(history, books)],
        wrong=[*_unexpected_answers(history), *problems(books)],
    )


def _lost(purchases: Sequence[Purchase], books: Books) -> Iterator[str]:
    for purchase in purchases:
        if not purchase.is_accepted:
            continue
        order = books.orders.get(purchase.order_id)
        if order is None:
            yield f"order {purchase.order_id} of {purchase.customer} was answered 201 and is not stored"
        elif (order["customer_id"], order["product_id"], order["quantity"]) != (
            purchase.customer,
            purchase.product,
            purchase.quantity,
        ):
            yield f"order {purchase.order_id} is stored as {dict(order)}, but was placed as {purchase}"


def _duplicated(purchases: Sequence[Purchase], books: Books) -> Iterator[str]:
    stored: defaultdict[str, list[str]] = defaultdict(list)
    for order_id, order in books.orders.items():
        stored[order["customer_id"]].append(order_id)
    for purchase in purchases:
        order_ids = stored.pop(purchase.customer, [])
        if len(order_ids) > 1:
            yield f"one purchase of {purchase.customer} is stored {len(order_ids)} times: {', '.join(order_ids)}"
        elif order_ids and purchase.is_refused:
            yield f"the purchase of {purchase.customer} was refused and is stored as {order_ids[0]}"
        elif order_ids and purchase.order_id not in ("", order_ids[0]):
            yield f"the purchase of {purchase.customer} is stored as {order_ids[0]}, not {purchase.order_id}"
    for customer, order_ids in stored.items():
        yield f"{customer} never placed what is stored as {', '.join(order_ids)}"


def _oversold(books: Books) -> dict[str, int]:
    sold: Counter[str] = Counter()
    for order in books.orders.values():
        sold[order["product_id"]] += order["quantity"] if order["status"] == "confirmed" else 0
    there = {product: row["on_hand"] for product, row in books.stock.items()}
    return {product: units - there.get(product, 0) for product, units in sold.items() if units > there.get(product, 0)}


def _regressions(history: Sequence[Record], books: Books) -> Iterator[str]:
    """A look that was begun when a later status had been seen already, by whomever. What is on disk is seen last."""
    seen: defaultdict[str, list[_Sight]] = defaultdict(list)
    for record in history:
        if record.order_id and (status := _status_in(record)):
            seen[record.order_id].append(_Sight(record.asked_at, record.answered_at, status))
    for order_id, sights in seen.items():
        if order := books.orders.get(order_id):
            sights.append(_Sight(float("inf"), float("inf"), order["status"]))
        yield from _steps_back(order_id, sights)


def _status_in(record: Record) -> str:
    return "absent" if isinstance(record, Look) and record.answer == 404 else record.status


def _steps_back(order_id: str, sights: Sequence[_Sight]) -> Iterator[str]:
    for later in sights:
        known = [sight.status for sight in sights if sight.answered_at < later.asked_at]
        furthest = max(known, key=_RANK.__getitem__, default=later.status)
        is_back = _RANK[later.status] < _RANK[furthest]
        if is_back or (_RANK[later.status] == _RANK[furthest] and later.status != furthest):
            yield f"order {order_id} was {later.status} after it had been seen {furthest}"


def _unexpected_answers(history: Sequence[Record]) -> Iterator[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for record in history:
        kind = "purchase" if isinstance(record, Purchase) else "look"
        if record.answer and record.answer not in _POSSIBLE_ANSWERS[kind]:
            counts[kind, str(record.answer)] += 1
        elif record.answer in _COME_AGAIN and not record.says_when:
            counts[kind, f"{record.answer} without a Retry-After"] += 1
    for (kind, answer), count in counts.items():
        yield f"{count} times a {kind} was answered {answer}"
