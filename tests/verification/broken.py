"""Ways to break the books of `conftest.py`, and what has to be said of each."""

from tests.verification.breaking import CANCELLED, HELD, MILK, PARCEL, SENT, TEA, USED, USER, WAITING, Broken
from tests.verification.broken_stock import IN_INVENTORY

_ORDERS = {
    "an order is lost": Broken(
        "orders",
        "DELETE FROM orders WHERE order_id = :TEA",
        {
            "I1": (TEA, "has a log of 2 events and is not"),
            "I3": (TEA, "was decided (it has units, or waits for them) and is not stored"),
        },
    ),
    "an order is lost with its log": Broken(
        "orders",
        "DELETE FROM orders WHERE order_id = :MILK; DELETE FROM order_events WHERE order_id = :MILK",
        {
            "I1": (MILK, "is listed for milk, which it is not for"),
            "I3": (MILK, "was decided (insufficient-stock) and is not stored"),
        },
    ),
    "an order is not found by its product": Broken(
        "orders",
        "DELETE FROM order_products WHERE order_id = :SENT AND product_id = 'cake'",
        {"I1": (SENT, "is for cake, but is not listed for it")},
    ),
    "an order is found by a product that it is not for": Broken(
        "orders",
        "INSERT INTO order_products (product_id, order_id) VALUES ('coal', :TEA)",
        {"I1": (TEA, "is listed for coal, which it is not for")},
    ),
    "an order never ends": Broken(
        "orders",
        "UPDATE orders SET status = 'pending', version = 1 WHERE order_id = :TEA;"
        "DELETE FROM order_events WHERE order_id = :TEA AND version = 2",
        {"I3": (TEA, "is still pending, though Inventory has decided: it has units")},
    ),
    "an order is pending and forgotten": Broken(
        "orders",
        "UPDATE orders SET status = 'pending', version = 1 WHERE order_id = :TEA;"
        "DELETE FROM asked_orders; DELETE FROM order_events WHERE order_id = :TEA AND version = 2",
        {"I3": (TEA, "is pending, and Inventory will not be asked again")},
    ),
    "an order ends twice": Broken(
        "orders",
        "UPDATE orders SET version = 3 WHERE order_id = :TEA;"
        "INSERT INTO order_events SELECT order_id, 3, type, data, 'x', recorded_at, source FROM order_events"
        " WHERE order_id = :TEA AND version = 2",
        {"I3": (TEA, "has in its log orders.order-confirmed.v1 when it was confirmed")},
    ),
    "an order is confirmed that was refused": Broken(
        "orders",
        "UPDATE orders SET status = 'confirmed', reason = NULL, progress = NULL WHERE order_id = :MILK",
        {
            "I3": (MILK, "is confirmed, but its log ends rejected"),
            "I4": (MILK, "is stored with status confirmed, but its log leads to rejected"),
        },
    ),
    "a version is wrong": Broken(
        "orders",
        "UPDATE orders SET version = 5 WHERE order_id = :TEA",
        {"I1": (TEA, "is of version 5, but its log ends with 2")},
    ),
    "a log is lost": Broken(
        "orders",
        "DELETE FROM order_events WHERE order_id = :TEA",
        {"I1": (TEA, "is stored without a log")},
    ),
    "a log has a hole": Broken(
        "orders",
        "UPDATE order_events SET version = 3 WHERE order_id = :TEA AND version = 2",
        {"I1": (TEA, "has the versions 1, 3 in its log, not 1 to 2")},
    ),
    "a log begins with the end": Broken(
        "orders",
        "DELETE FROM order_events WHERE order_id = :TEA AND version = 1;"
        "UPDATE order_events SET version = 1 WHERE order_id = :TEA",
        {
            "I1": (TEA, "has a log that begins with orders.order-confirmed.v1"),
            "I3": (TEA, "has in its log orders.order-confirmed.v1 when it was not there"),
            "I4": (TEA, "is stored with customer_id ann, but its log leads to -"),
        },
    ),
    "a log tells of another quantity": Broken(
        "orders",
        "UPDATE order_events SET data = jsonb_set(data, '{lines,0,quantity}', '99')"
        " WHERE order_id = :TEA AND version = 1",
        {"I4": (TEA, "is stored with lines [3 of tea], but its log leads to [99 of tea]")},
    ),
    "a log tells of another order": Broken(
        "orders",
        "UPDATE order_events SET data = data || jsonb_build_object('orderId', :MILK::text) WHERE order_id = :TEA",
        {"I4": (TEA, "has an event of another order in its log")},
    ),
    "a log tells of a product that nobody ordered": Broken(
        "orders",
        "UPDATE order_events SET data = jsonb_set(data, '{lines,0,productId}', '\"coal\"')"
        " WHERE order_id = :WAITING AND version = 2",
        {"I4": (WAITING, "has an event in its log about coal, which nobody ordered")},
    ),
    "a log cannot be read": Broken(
        "orders",
        "UPDATE order_events SET data = '{}' WHERE order_id = :TEA AND version = 1",
        {"I4": (TEA, "has an event in its log that cannot be read: Object missing required field")},
    ),
    "a log has an event that nobody knows": Broken(
        "orders",
        "UPDATE order_events SET type = 'orders.order-eaten.v1' WHERE order_id = :TEA AND version = 2",
        {
            "I3": (TEA, "is confirmed, but its log ends pending"),
            "I4": (TEA, "has an event of an unknown type in its log: orders.order-eaten.v1"),
        },
    ),
    "counters do not add up": Broken(
        "orders",
        "UPDATE orders SET progress = jsonb_set(progress, '{0,reserved}', '2') WHERE order_id = :WAITING",
        {
            "I1": (WAITING, "has 5 of jam ordered, and 4 accounted for: 2 reserved, 2 backordered"),
            "I3": (WAITING, "has of jam 2 reserved, 2 backordered, but Inventory 5 requested, 3 granted, 2 waiting"),
            "I4": (WAITING, "is stored with counts [2 reserved, 2 backordered], but its log leads to [3 reserved"),
        },
    ),
    "more is back than was sent": Broken(
        "orders",
        "UPDATE orders SET progress = jsonb_set(progress, '{1,returned}', '3') WHERE order_id = :SENT",
        {
            "I1": (SENT, "has impossible counters for cake: 2 fulfilled, 3 returned"),
            "I4": (SENT, "but its log leads to"),
        },
    ),
    "an order is said to be sent that is not": Broken(
        "orders",
        "UPDATE orders SET fulfilment = 'fulfilled' WHERE order_id = :TEA",
        {"I1": (TEA, "is fulfilled, but its counters say unfulfilled")},
    ),
    "an order waits for nothing": Broken(
        "orders",
        "UPDATE orders SET status = 'backordered', progress = '[{\"reserved\": 3}]' WHERE order_id = :TEA",
        {
            "I1": (TEA, "is backordered, but waits for nothing"),
            "I3": (TEA, "is backordered, but its log ends confirmed"),
            "I4": (TEA, "is stored with status backordered, but its log leads to confirmed"),
        },
    ),
    "a cancelled order has units": Broken(
        "orders",
        "UPDATE orders SET progress = '[{\"reserved\": 2}]' WHERE order_id = :CANCELLED",
        {
            "I1": (CANCELLED, "is cancelled, but has 2 reserved of tea"),
            "I4": (CANCELLED, "is stored with counts [2 reserved], but its log leads to [2 cancelled]"),
        },
    ),
    "a fulfilment is in the log and nobody knows it": Broken(
        "orders",
        "DELETE FROM order_changes WHERE change_id = :PARCEL",
        {"I1": (SENT, f"has the change {PARCEL} in its log, but not stored")},
    ),
    "a return is known and not in the log": Broken(
        "orders",
        "INSERT INTO order_changes (change_id, order_id, type, data)"
        " VALUES (:TEA, :TEA, 'orders.return-order.v1', '{}')",
        {"I1": (TEA, f"has the change {TEA} stored, but not in its log")},
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
    "an event is not answered": Broken(
        "orders",
        "INSERT INTO unanswered_events (fact, type, event, asks) VALUES ('cancel/1', 'x', '', 7)",
        {
            "I5": (
                "unanswered events of orders",
                "has 1 events that nobody answers, such as x of cancel/1, told 7 times",
            )
        },
    ),
}

BROKEN = _ORDERS | IN_INVENTORY
FORBIDDEN = {
    "an order is stored twice": Broken(
        "orders",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey, ALTER COLUMN rare_status DROP EXPRESSION;"
        "INSERT INTO orders SELECT * FROM orders WHERE order_id = :TEA",
        {"I1": (TEA, "is stored 2 times")},
    ),
    "a key makes two orders": Broken(
        "orders",
        "DROP INDEX orders_once_per_key; UPDATE orders SET idempotency_key = 'k' WHERE order_id IN (:TEA, :MILK)",
        {"I1": (TEA, "is one of 2 orders with the same idempotency key")},
    ),
    "more is reserved than there is": Broken(
        "inventory",
        "ALTER TABLE stock_levels DROP CONSTRAINT stock_check;"
        "UPDATE stock_levels SET on_hand = 2 WHERE product_id = 'tea'",
        {"I2": ("tea", "has 4 reserved of 2 at main")},
    ),
    "an order is decided twice": Broken(
        "inventory",
        "ALTER TABLE reservations DROP CONSTRAINT reservations_pkey;"
        "INSERT INTO reservations SELECT * FROM reservations WHERE holder_id = :MILK",
        {"I3": (MILK, "was decided in 2 rows, with numbers from 1 to 1")},
    ),
    "a hold ends twice": Broken(
        "inventory",
        "ALTER TABLE holds DROP CONSTRAINT holds_check1;"
        "UPDATE holds SET state = 'expired' WHERE reservation_id = :USED",
        {"I2": (USED, f"is expired, and used by order {USER}")},
    ),
    "a hold ends and goes on": Broken(
        "inventory",
        "ALTER TABLE holds DROP CONSTRAINT holds_check;UPDATE holds SET ended_at = now() WHERE reservation_id = :HELD",
        {"I2": (HELD, "is active, and ended")},
    ),
}
"""What the constraints of the tables forbid, as long as they are there."""
