"""What is on disk, and what must be true of it whatever has happened."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from tests.e2e.backlog import unacknowledged, unpublished, unread, unsettled
from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.traffic import stock
from tests.e2e.waiting import eventually

Row = Mapping[str, Any]

_STORIES = {
    "confirmed": ["orders.order-created.v1", "orders.order-confirmed.v1"],
    "rejected": ["orders.order-created.v1", "orders.order-rejected.v1"],
}


class Books(NamedTuple):
    """Both databases at one moment, when nothing is under way.

    Attributes:
        orders: by order id.
        stories: the types of each order's events, first to last, by order id.
        reservations: what Inventory decided, by order id.
        stock: by product id.
        dead_letters: in words, with the service that could not take them.
    """

    orders: dict[str, Row]
    stories: dict[str, list[str]]
    reservations: dict[str, Row]
    stock: dict[str, Row]
    dead_letters: list[str]


def read_books(system: System) -> Books:
    """Read everything that `problems` looks at."""
    stories = "SELECT order_id, array_agg(type ORDER BY version) AS types FROM order_events GROUP BY 1"
    return Books(
        orders={str(row["order_id"]): row for row in read(system, "orders", "SELECT * FROM orders")},
        stories={str(row["order_id"]): row["types"] for row in read(system, "orders", stories)},
        reservations={str(row["order_id"]): row for row in read(system, "inventory", "SELECT * FROM reservations")},
        stock={row["product_id"]: row for row in read(system, "inventory", "SELECT * FROM stock")},
        dead_letters=[
            f"{service} buried a message of {row['topic']}: {row['error']}"
            for service in ("orders", "inventory")
            for row in read(system, service, "SELECT topic, error FROM dead_letters")
        ],
    )


def problems(books: Books) -> list[str]:
    """Say what is wrong: an order that did not end once, and as Inventory decided; a unit that is sold twice."""
    return [*_wrong_orders(books), *_wrong_stock(books), *books.dead_letters]


def check_books(system: System, accepted: Collection[str]) -> None:
    """Wait until everything is settled, and make sure that nothing was lost, done twice or sold twice.

    Args:
        system: may have been through anything, but everything runs again.
        accepted: ids of the orders that were answered 201; more may be stored, of which the customer heard nothing.
    """
    for waiting in (unread, unsettled, unpublished):
        eventually(lambda waiting=waiting: not waiting(system))  # type: ignore[misc]
    books = read_books(system)
    assert len(set(accepted)) == len(accepted)
    assert set(accepted) <= books.orders.keys(), "an order that was answered 201 is not stored"
    assert not problems(books)
    for product_id, row in books.stock.items():
        level = stock(system, product_id)
        assert (level["onHand"], level["reserved"]) == (row["on_hand"], row["reserved"])
        assert level["available"] == level["onHand"] - level["reserved"]


def check_streams(system: System) -> None:
    """Wait until every message that was read is acknowledged."""
    eventually(lambda: not unacknowledged(system))


def _wrong_orders(books: Books) -> Iterator[str]:
    for order_id, order in books.orders.items():
        if order["status"] == "pending":
            yield f"order {order_id} never ended"
        elif books.stories.get(order_id) != _STORIES[order["status"]]:
            yield f"order {order_id} is {order['status']}, but its story is {books.stories.get(order_id)}"
        decision = books.reservations.get(order_id)
        if decision is None:
            yield f"order {order_id} was never decided by Inventory"
        elif any(decision[name] != order[name] for name in ("product_id", "quantity", "reason")):
            yield f"order {order_id} is not what Inventory decided: {dict(decision)}"
        elif decision["reason"] == "insufficient-stock" and decision["available"] >= order["quantity"]:
            yield f"order {order_id} was rejected although {decision['available']} units were available"
    for order_id in books.reservations.keys() - books.orders.keys():
        yield f"order {order_id} is known to Inventory and not to Orders"


def _wrong_stock(books: Books) -> Iterator[str]:
    held: Counter[str] = Counter()
    for decision in books.reservations.values():
        held[decision["product_id"]] += 0 if decision["reason"] else decision["quantity"]
    for product_id, row in books.stock.items():
        if row["reserved"] != held[product_id]:
            yield f"{row['reserved']} units of {product_id} are reserved, but orders hold {held[product_id]}"
        if not 0 <= row["reserved"] <= row["on_hand"]:
            yield f"{row['reserved']} units of {product_id} are reserved of {row['on_hand']}"
