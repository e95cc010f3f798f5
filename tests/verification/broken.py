"""Ways to break the books of `conftest.py`, and what has to be said of each."""

import re
from typing import NamedTuple
from uuid import UUID

TEA = UUID(int=1)
"""An order for three of ten tea, confirmed."""
MILK = UUID(int=2)
"""An order for nine of milk, rejected, because there is one."""
WAITING, LATER = UUID(int=3), UUID(int=4)
"""Orders for five of jam and for one: the first has got two at once and one later, and both wait for the rest."""
SENT, PARCEL, RETURN = UUID(int=5), UUID(int=6), UUID(int=7)
"""An order for one tea and two of cake, the fulfilment by which the cake was sent, and the return of one of them."""
CANCELLED = UUID(int=8)
"""An order for two of tea, cancelled."""
HELD, USED, USER = UUID(int=9), UUID(int=10), UUID(int=11)
"""A hold of one cake; a hold of three cakes, and the order for two that has used it."""


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

    @property
    def statements(self) -> str:
        """How, with the ids that it names as `:TEA`."""
        return re.sub(r"(?<!:):([A-Z]+)", lambda found: f"'{globals()[found[1]]}'", self.how)


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

_INVENTORY = {
    "more is reserved than orders and holds have": Broken(
        "inventory",
        "UPDATE stock_levels SET reserved = 5 WHERE product_id = 'tea'",
        {"I2": ("tea", "has 5 reserved at main, but orders and holds have 4")},
    ),
    "there is more than came": Broken(
        "inventory",
        "UPDATE stock_levels SET on_hand = 11 WHERE product_id = 'tea'",
        {"I2": ("tea", "has 11 on hand at main, but its movements add up to 10")},
    ),
    "a product is lost": Broken(
        "inventory",
        "DELETE FROM stock_levels WHERE product_id = 'tea'",
        {"I2": ("tea", "is not known at main, but orders and holds have 4 of it there, and movements add up to 10")},
    ),
    "a movement is lost": Broken(
        "inventory",
        "DELETE FROM movements WHERE movement_id = :RETURN",
        {
            "I2": ("cake", "has 7 on hand at main, but its movements add up to 6"),
            "I3": (SENT, f"has +1 of cake by {RETURN} in its log, and nothing in the ledger"),
        },
    ),
    "the ledger leaps": Broken(
        "inventory",
        "UPDATE movements SET on_hand = 5 WHERE movement_id = :PARCEL",
        {"I2": ("cake", f"has 5 at main after movement {PARCEL} of -2, and had 8 before")},
    ),
    "a movement is not what it is called": Broken(
        "inventory",
        "UPDATE movements SET type = 'transfer' WHERE product_id = 'milk'",
        {"I2": (UUID(int=101), "is no transfer: 1 entries, in sum 1")},
    ),
    "a parcel is sent twice": Broken(
        "inventory",
        "INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand, order_id)"
        " VALUES (:PARCEL, 99, 'sale', 'cake', 'main', -2, 5, :SENT);"
        "UPDATE stock_levels SET on_hand = 5 WHERE product_id = 'cake'",
        {"I3": (SENT, f"has -2 of cake by {PARCEL} in its log, and -4 in the ledger of Inventory")},
    ),
    "more is sent than the order knows of": Broken(
        "inventory",
        "UPDATE reservations SET shipped = 1 WHERE holder_id = :TEA;"
        "UPDATE stock_levels SET reserved = 3 WHERE product_id = 'tea'",
        {"I3": (TEA, "has of tea 3 reserved, but Inventory 3 requested, 3 granted, 1 shipped")},
    ),
    "units are sold that were not there": Broken(
        "inventory",
        "UPDATE reservations SET available = 2 WHERE holder_id = :TEA",
        {"I2": (TEA, "got 3 of tea at main when 2 were available")},
    ),
    "units are refused that were there": Broken(
        "inventory",
        "UPDATE reservations SET available = 9 WHERE holder_id = :MILK",
        {
            "I2": (MILK, "did not get 9 of milk when 9 were available"),
            "I3": (MILK, "tells of 1 of milk, but Inventory saw 9"),
        },
    ),
    "an order waits for units that were there": Broken(
        "inventory",
        "UPDATE reservations SET available = 4 WHERE holder_id = :WAITING AND requested > 0",
        {"I2": (WAITING, "got 2 of jam, wants 5, and there were 4")},
    ),
    "a decision is lost": Broken(
        "inventory",
        "DELETE FROM reservations WHERE holder_id = :MILK",
        {"I3": (MILK, "is rejected, but Inventory has decided nothing")},
    ),
    "a decision is lost in part": Broken(
        "inventory",
        "DELETE FROM reservations WHERE holder_id = :SENT AND row_no = 1;"
        "UPDATE stock_levels SET reserved = 3 WHERE product_id = 'tea'",
        {"I3": (SENT, "is for 1 of tea, but Inventory decided on 0")},
    ),
    "a decision has another reason": Broken(
        "inventory",
        "UPDATE reservations SET reason = 'unknown-product' WHERE holder_id = :MILK",
        {"I3": (MILK, "is rejected (insufficient-stock), but Inventory decided: unknown-product")},
    ),
    "a decision is on another quantity": Broken(
        "inventory",
        "UPDATE reservations SET requested = 8 WHERE holder_id = :MILK",
        {"I3": (MILK, "is for 9 of milk, but Inventory decided on 8")},
    ),
    "a decision is on another product": Broken(
        "inventory",
        "UPDATE reservations SET product_id = 'coal' WHERE holder_id = :MILK",
        {"I3": (MILK, "did not order coal in line 0, but Inventory decided on that")},
    ),
    "a cancelled order keeps its units": Broken(
        "inventory",
        "UPDATE reservations SET released_at = NULL WHERE holder_id = :CANCELLED;"
        "UPDATE stock_levels SET reserved = 6 WHERE product_id = 'tea'",
        {"I3": (CANCELLED, "is cancelled, but Inventory has not taken back tea")},
    ),
    "units are taken from an order": Broken(
        "inventory",
        "UPDATE reservations SET released_at = now() WHERE holder_id = :TEA;"
        "UPDATE stock_levels SET reserved = 1 WHERE product_id = 'tea'",
        {"I3": (TEA, "is confirmed, but Inventory has taken back tea")},
    ),
    "units are kept from who waits": Broken(
        "inventory",
        "UPDATE stock_levels SET on_hand = 5 WHERE product_id = 'jam';"
        "INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand)"
        " VALUES (:TEA, 1, 'adjust', 'jam', 'main', 2, 5)",
        {"I2": ("jam", "can promise 2, though orders wait for 3")},
    ),
    "who came later is served before": Broken(
        "inventory",
        "INSERT INTO reservations"
        " (holder_id, row_no, line_no, product_id, location_id, requested, granted, available, queue_no)"
        " SELECT holder_id, 2, 0, product_id, 'main', 0, 1, 1, queue_no FROM reservations"
        " WHERE holder_id = :LATER; UPDATE reservations SET waiting = 0 WHERE holder_id = :LATER;"
        "UPDATE stock_levels SET reserved = 4, on_hand = 4 WHERE product_id = 'jam';"
        "INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand)"
        " VALUES (:TEA, 1, 'adjust', 'jam', 'main', 1, 4)",
        {
            "I2": (LATER, f"was given 1 of jam, though {WAITING} waits since before"),
            "I3": (LATER, "has of jam 1 backordered, but Inventory 1 requested, 1 granted"),
        },
    ),
    "a hold keeps its units after its end": Broken(
        "inventory",
        "UPDATE reservations SET released_at = NULL WHERE holder_id = :USED;"
        "UPDATE stock_levels SET reserved = 6 WHERE product_id = 'cake'",
        {"I2": (USED, "is used, but 1 of its 1 places for cake are held")},
    ),
    "a hold loses its units": Broken(
        "inventory",
        "UPDATE reservations SET released_at = now() WHERE holder_id = :HELD;"
        "UPDATE stock_levels SET reserved = 2 WHERE product_id = 'cake'",
        {"I2": (HELD, "is active, but 0 of its 1 places for cake are held")},
    ),
    "a hold has fewer units than it says": Broken(
        "inventory",
        """UPDATE holds SET lines = '[{"productId": "cake", "quantity": 2}]' WHERE reservation_id = :HELD""",
        {"I2": (HELD, "is for 2 of cake, but was given 1")},
    ),
    "a hold is used by an order that was to use another": Broken(
        "inventory",
        "UPDATE holds SET order_id = :TEA WHERE reservation_id = :USED",
        {"I3": (TEA, f"has used the holds {USED}, but was to use none")},
    ),
    "a hold does not end": Broken(
        "inventory",
        "UPDATE holds SET expires_at = now() - interval '1 minute' WHERE reservation_id = :HELD",
        {"I5": (HELD, "is held 60.")},
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
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey;INSERT INTO orders SELECT * FROM orders WHERE order_id = :TEA",
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
