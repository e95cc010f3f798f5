"""Ways to break the books of `conftest.py`, and what has to be said of each."""

from typing import NamedTuple
from uuid import UUID

TEA, MILK = UUID(int=1), UUID(int=2)
"""Two orders: the one for three of tea was confirmed, the one for nine of milk rejected, because there is one."""


class Broken(NamedTuple):
    """Something that is broken on purpose.

    Attributes:
        service: in whose database.
        how: by which statements.
        found: for each invariant that is violated by it, of which subject what has to be said.
    """

    service: str
    how: str
    found: dict[str, tuple[object, str]]


_ORDERS = {
    "an order is lost": Broken(
        "orders",
        "DELETE FROM orders WHERE product_id = 'tea'",
        {
            "I1": (TEA, "has a log of 2 events and is not"),
            "I3": (TEA, "was decided (its units are reserved) and is not"),
        },
    ),
    "an order is lost with its log": Broken(
        "orders",
        "DELETE FROM orders; DELETE FROM order_events",
        {"I3": (MILK, "was decided (insufficient-stock) and is not stored")},
    ),
    "an order never ends": Broken(
        "orders",
        "UPDATE orders SET status = 'pending', reason = NULL, version = 1; DELETE FROM order_events WHERE version = 2",
        {"I3": (TEA, "is still pending, though Inventory has decided: its units are reserved")},
    ),
    "an order ends twice": Broken(
        "orders",
        "UPDATE orders SET version = 3;"
        "INSERT INTO order_events SELECT order_id, 3, type, data, 'x' FROM order_events WHERE version = 2",
        {"I3": (TEA, "ended 2 times: orders.order-confirmed.v1, orders.order-confirmed.v1")},
    ),
    "an order is confirmed that was refused": Broken(
        "orders",
        "UPDATE orders SET status = 'confirmed', reason = NULL",
        {
            "I3": (MILK, "is confirmed, but the last event of its log is orders.order-rejected.v1"),
            "I4": (MILK, "is stored as ann, milk, 9, confirmed, -, but its log leads to ann, milk, 9, rejected, ins"),
        },
    ),
    "a version is wrong": Broken(
        "orders", "UPDATE orders SET version = 5", {"I1": (TEA, "is of version 5, but its log ends with 2")}
    ),
    "a log is lost": Broken("orders", "DELETE FROM order_events", {"I1": (TEA, "is stored without a log")}),
    "a log has a hole": Broken(
        "orders",
        "UPDATE order_events SET version = 3 WHERE version = 2",
        {"I1": (TEA, "has the versions 1, 3 in its log, not 1 to 2")},
    ),
    "a log begins with the end": Broken(
        "orders",
        "DELETE FROM order_events WHERE version = 1; UPDATE order_events SET version = 1",
        {
            "I1": (TEA, "has a log that begins with orders.order-confirmed.v1"),
            "I4": (TEA, "is stored as ann, tea, 3, confirmed, -, but its log leads to -, -, -, confirmed, -"),
        },
    ),
    "a log tells of another quantity": Broken(
        "orders",
        """UPDATE order_events SET data = data || '{"quantity": 99}' WHERE version = 1""",
        {"I4": (TEA, "is stored as ann, tea, 3, confirmed, -, but its log leads to ann, tea, 99, confirmed, -")},
    ),
    "a log tells of another order": Broken(
        "orders",
        """UPDATE order_events SET data = data || '{"orderId": "00000000-0000-0000-0000-000000000003"}'""",
        {"I4": (TEA, "has an event of another order in its log")},
    ),
    "a log cannot be read": Broken(
        "orders",
        "UPDATE order_events SET data = '{}' WHERE version = 1",
        {"I4": (TEA, "has an event in its log that cannot be read: Object missing required field")},
    ),
    "a log has an event that nobody knows": Broken(
        "orders",
        "UPDATE order_events SET type = 'orders.order-eaten.v1' WHERE version = 2",
        {
            "I3": (TEA, "is confirmed, but the last event of its log is orders.order-eaten.v1"),
            "I4": (TEA, "has an event of an unknown type in its log: orders.order-eaten.v1"),
        },
    ),
    "a message was not handled": Broken(
        "orders",
        "INSERT INTO dead_letters (topic, entry_id, payload, error) VALUES ('inventory.events', '1-0', '', 'Oh: no')",
        {"I5": ("orders", "has a dead letter from inventory.events: Oh: no")},
    ),
    "a message waits behind one that was not handled": Broken(
        "orders",
        "INSERT INTO dead_letters (topic, entry_id, payload, error, state)"
        " VALUES ('inventory.events', '1-0', '', '', 'parked')",
        {"I5": ("orders", "has a message from inventory.events parked behind dead letters")},
    ),
}

_INVENTORY = {
    "more is reserved than the reservations hold": Broken(
        "inventory",
        "UPDATE stock SET reserved = 4 WHERE product_id = 'tea'",
        {"I2": ("tea", "has 4 reserved, but its reservations hold 3")},
    ),
    "a product is lost": Broken(
        "inventory",
        "DELETE FROM stock WHERE product_id = 'tea'",
        {"I2": ("tea", "is not known, but 3 units of it are reserved for orders")},
    ),
    "units are sold that were not there": Broken(
        "inventory",
        "UPDATE reservations SET available = 2 WHERE product_id = 'tea'",
        {"I2": (TEA, "got 3 of tea when 2 were available")},
    ),
    "units are refused that were there": Broken(
        "inventory",
        "UPDATE reservations SET available = 9 WHERE product_id = 'milk'",
        {"I2": (MILK, "did not get 9 of milk when 9 were available")},
    ),
    "a decision is lost": Broken(
        "inventory",
        "DELETE FROM reservations WHERE product_id = 'milk'",
        {"I3": (MILK, "is rejected, but Inventory has decided nothing")},
    ),
    "a decision has another reason": Broken(
        "inventory",
        "UPDATE reservations SET reason = 'unknown-product' WHERE product_id = 'milk'",
        {"I3": (MILK, "is rejected (insufficient-stock), but Inventory decided: unknown-product")},
    ),
    "a decision is on another quantity": Broken(
        "inventory",
        "UPDATE reservations SET quantity = 8 WHERE product_id = 'milk'",
        {"I3": (MILK, "is for 9 of milk, but Inventory decided on 8 of milk")},
    ),
    "events are not published": Broken(
        "inventory",
        "INSERT INTO outbox (events, messages) VALUES (2, '[]')",
        {"I5": ("outbox of inventory", "has 2 events to publish, the first since 0.")},
    ),
}

BROKEN = _ORDERS | _INVENTORY
FORBIDDEN = {
    "an order is stored twice": Broken(
        "orders",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey; INSERT INTO orders SELECT * FROM orders WHERE quantity = 3",
        {"I1": (TEA, "is stored 2 times")},
    ),
    "more is reserved than there is": Broken(
        "inventory",
        "ALTER TABLE stock DROP CONSTRAINT stock_check; UPDATE stock SET on_hand = 2 WHERE product_id = 'tea'",
        {"I2": ("tea", "has 3 reserved of 2 there")},
    ),
    "an order is decided twice": Broken(
        "inventory",
        "ALTER TABLE reservations DROP CONSTRAINT reservations_pkey;"
        "INSERT INTO reservations SELECT * FROM reservations WHERE product_id = 'milk'",
        {"I3": (MILK, "was decided 2 times")},
    ),
}
"""What the constraints of the tables forbid, as long as they are there."""
