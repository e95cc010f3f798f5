"""What is on disk, and what must be true of it whatever has happened.

The rules are those of `onhand verify`, told once more and otherwise: whoever breaks both has to be wrong twice.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tests.e2e.backlog import backlog, unacknowledged, unanswered, unpublished, unread, unsettled
from tests.e2e.databases import read, read_at_once
from tests.e2e.system import System
from tests.e2e.traffic import stock
from tests.e2e.waiting import eventually

Row = Mapping[str, Any]
Place = tuple[str, str]
"""A product and a location."""

_COUNTERS = ("reserved", "backordered", "fulfilled", "returned", "cancelled")
_ORDERS = "SELECT order_id, customer_id, policy, status, reason, lines, progress FROM orders"
_STORIES = "SELECT order_id, array_agg(type ORDER BY version) AS types FROM order_events GROUP BY order_id"
_RESERVATIONS = "SELECT * FROM reservations ORDER BY holder_id, row_no"
_LEVELS = "SELECT * FROM stock_levels"
_LEDGER = "SELECT * FROM movements ORDER BY seq"
_HOLDS = "SELECT reservation_id, state FROM holds"
_DEAD_LETTERS = "SELECT topic, error FROM dead_letters"
_MOST_READINGS = 5
_REFERENCES = {
    "orders": """
        SELECT data ->> 'reference' AS reference FROM order_events WHERE type LIKE 'orders.order-fulfilled.%'
        UNION ALL
        SELECT data ->> 'reason' FROM order_events WHERE type LIKE 'orders.order-returned.%'
    """,
    "inventory": """
        SELECT reference FROM (SELECT DISTINCT movement_id, reference FROM movements WHERE order_id IS NULL) AS moved
        UNION ALL
        SELECT reference FROM holds
        UNION ALL
        SELECT reference FROM (SELECT DISTINCT incoming_id, reference FROM incoming) AS expected
    """,
}


class Books(NamedTuple):
    """Both databases at one moment, when nothing is under way.

    Attributes:
        orders: by order id. `lines` are dictionaries with `productId`, `quantity` and all counters.
        stories: the types of each order's events, first to last, by order id.
        reservations: what Inventory has given, by who has it.
        levels: by product and location.
        ledger: every movement, in the order in which they happened.
        holds: state of each, by its id.
        effects: how often something was done that a client calls so.
        dead_letters: in words, with the service that could not take them.
    """

    orders: dict[str, Row]
    stories: dict[str, list[str]]
    reservations: dict[str, list[Row]]
    levels: dict[Place, Row]
    ledger: list[Row]
    holds: dict[str, str]
    effects: Counter[str]
    dead_letters: list[str]


def read_books(system: System) -> Books:
    """Read everything that `problems` looks at.

    A hold ends by itself, and gives its units to an order that waits for them. If one does meanwhile, the two databases
    are read at two different moments: then they are read again.
    """
    for _ in range(_MOST_READINGS):
        before, is_still = _states_of_holds(system), not backlog(system)
        books = _read(system)
        if is_still and before == books.holds == _states_of_holds(system):
            break
    return books


def _read(system: System) -> Books:
    orders, stories, told, buried = read_at_once(
        system, "orders", _ORDERS, _STORIES, _REFERENCES["orders"], _DEAD_LETTERS
    )
    given, levels, ledger, holds, known, buried_too = read_at_once(
        system, "inventory", _RESERVATIONS, _LEVELS, _LEDGER, _HOLDS, _REFERENCES["inventory"], _DEAD_LETTERS
    )
    reservations: defaultdict[str, list[Row]] = defaultdict(list)
    for row in given:
        reservations[str(row["holder_id"])].append(row)
    return Books(
        orders={str(row["order_id"]): _with_counters(row) for row in orders},
        stories={str(row["order_id"]): row["types"] for row in stories},
        reservations=dict(reservations),
        levels={(row["product_id"], row["location_id"]): row for row in levels},
        ledger=ledger,
        holds=_by_id(holds),
        effects=Counter(row["reference"] for row in (*told, *known)),
        dead_letters=[
            f"{service} buried a message of {row['topic']}: {row['error']}"
            for service, rows in (("orders", buried), ("inventory", buried_too))
            for row in rows
        ],
    )


def _states_of_holds(system: System) -> dict[str, str]:
    return _by_id(read(system, "inventory", _HOLDS))


def _by_id(holds: Sequence[Row]) -> dict[str, str]:
    return {str(row["reservation_id"]): row["state"] for row in holds}


def problems(books: Books) -> list[str]:
    """Say what is wrong: an order that did not end once, and as Inventory decided; a unit that is sold twice."""
    return [*_wrong_orders(books), *_wrong_stock(books), *books.dead_letters]


def served_out_of_turn(books: Books) -> list[str]:
    """Say who was given units while somebody waited for them who had come before; by the clock of the database."""
    begun: dict[tuple[str, int], float] = {}
    done: dict[tuple[str, int], float] = {}
    for row in (row for rows in books.reservations.values() for row in rows if row["queue_no"] is not None):
        place, at = (row["product_id"], row["queue_no"]), row["decided_at"].timestamp()
        if not row["requested"]:
            begun[place] = min(at, begun.get(place, at))
            done[place] = max(at, done.get(place, at))
        elif row["waiting"]:
            done[place] = float("inf")
    return [
        f"place {later} in the queue for {product} was served before place {first} had all"
        for (product, first), (same, later) in pairwise(sorted(done))
        if product == same and begun.get((product, later), float("inf")) < done[product, first]
    ]


def check_books(system: System, accepted: Collection[str]) -> None:
    """Wait until everything is settled, and make sure that nothing was lost, done twice or sold twice.

    Args:
        system: may have been through anything, but everything runs again.
        accepted: ids of the orders that were answered 201; more may be stored, of which the customer heard nothing.
    """
    for waiting in (unread, unsettled, unanswered, unpublished):
        eventually(lambda waiting=waiting: not waiting(system))  # type: ignore[misc]
    books = read_books(system)
    assert len(set(accepted)) == len(accepted)
    assert set(accepted) <= books.orders.keys(), "an order that was answered 201 is not stored"
    assert not problems(books)
    for product_id in {product_id for product_id, _ in books.levels}:
        told = stock(system, product_id)
        rows = [row for (product, _), row in books.levels.items() if product == product_id]
        on_hand, reserved = (sum(row[name] for row in rows) for name in ("on_hand", "reserved"))
        assert (told["onHand"], told["reserved"], told["available"]) == (on_hand, reserved, on_hand - reserved)


def check_streams(system: System) -> None:
    """Wait until every message that was read is acknowledged."""
    eventually(lambda: not unacknowledged(system))


def _with_counters(row: Row) -> Row:
    """A row of `orders` with all counters in its lines."""
    lines = json.loads(row["lines"])
    progress = json.loads(row["progress"]) if row["progress"] else [{}] * len(lines)
    if row["status"] == "confirmed" and not row["progress"]:
        progress = [{"reserved": line["quantity"]} for line in lines]
    counted = [line | dict.fromkeys(_COUNTERS, 0) | counters for line, counters in zip(lines, progress, strict=True)]
    return {**row, "lines": counted}


def _wrong_orders(books: Books) -> Iterator[str]:
    for order_id, order in books.orders.items():
        rows = books.reservations.get(order_id, [])
        if order["status"] == "pending":
            yield f"order {order_id} never ended"
            continue
        if wrong := _wrong_story(order["status"], books.stories.get(order_id, [])):
            yield f"order {order_id} is {order['status']}, but {wrong}"
        if not rows:
            yield f"order {order_id} was never decided by Inventory"
        elif order["status"] != "cancelled" and {row["reason"] for row in rows} != {order["reason"]}:
            yield f"order {order_id} is not what Inventory decided: {dict(rows[0])}"
        elif rows[0]["reason"] == "insufficient-stock" and all(row["available"] >= row["requested"] for row in rows):
            yield f"order {order_id} was rejected although {rows[0]['available']} units were available"
        else:
            yield from (f"order {order_id} {wrong}" for wrong in _wrong_lines(order, rows))
    for holder_id in books.reservations.keys() - books.orders.keys() - books.holds.keys():
        yield f"order {holder_id} is known to Inventory and not to Orders"


def _wrong_story(status: str, types: Sequence[str]) -> str:
    """Each step of an order is told once, and nothing comes after its end."""
    steps = [kind.split(".")[1].removeprefix("order-") for kind in types]
    is_ended_well = status not in {"rejected", "cancelled"} or steps[-1:] == [status]
    ends = steps.count("confirmed") + steps.count("rejected")
    once = max(ends, steps.count("created"), steps.count("cancelled")) <= 1
    if steps[:1] == ["created"] and status in steps and is_ended_well and once:
        return ""
    return f"its story is {steps}"


def _wrong_lines(order: Row, rows: Sequence[Row]) -> Iterator[str]:
    for number, line in enumerate(order["lines"]):
        counted = sum(line[name] for name in _COUNTERS if name != "returned")
        if counted != line["quantity"] or not 0 <= line["returned"] <= line["fulfilled"]:
            yield f"has counters that do not add up: {line}"
        of_line = [row for row in rows if row["line_no"] == number]
        requested, granted, shipped, waiting = (
            sum(row[name] for row in of_line) for name in ("requested", "granted", "shipped", "waiting")
        )
        open_units = sum(row["granted"] - row["shipped"] for row in of_line if row["released_at"] is None)
        told = (line["quantity"], line["reserved"], line["fulfilled"], line["backordered"])
        if told != (requested, open_units, shipped, waiting):
            has = f"{granted} granted, {open_units} there, {shipped} sent, {waiting} waited for"
            yield f"is not what Inventory has of it: {line}, but {has}"


def _wrong_stock(books: Books) -> Iterator[str]:
    held: Counter[Place] = Counter()
    waiting: Counter[str] = Counter()
    for rows in books.reservations.values():
        for row in rows:
            waiting[row["product_id"]] += row["waiting"]
            if row["released_at"] is None and row["granted"]:
                held[row["product_id"], row["location_id"]] += row["granted"] - row["shipped"]
    moved: Counter[Place] = Counter()
    for row in books.ledger:
        place = row["product_id"], row["location_id"]
        moved[place] += row["quantity"]
        if row["on_hand"] != moved[place]:
            yield f"{row['on_hand']} units of {place} are there after a movement, and {moved[place]} by the ledger"
    for place in {**books.levels, **held, **moved}:
        level = books.levels.get(place, {"on_hand": 0, "reserved": 0})
        if level["reserved"] != held[place]:
            yield f"{level['reserved']} units of {place} are reserved, but orders and holds have {held[place]}"
        if level["on_hand"] != moved[place]:
            yield f"{level['on_hand']} units of {place} are on hand, but movements add up to {moved[place]}"
        if not 0 <= level["reserved"] <= level["on_hand"]:
            yield f"{level['reserved']} units of {place} are reserved of {level['on_hand']}"
