"""Ways to break the book of Inventory, and what has to be said of each."""

from uuid import UUID

from tests.verification.breaking import (
    CANCELLED,
    HELD,
    LATER,
    MILK,
    PARCEL,
    RELEASED,
    RETURN,
    SENT,
    TEA,
    USED,
    USER,
    WAITING,
    Broken,
)

IN_INVENTORY = {
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
        {
            "I2": (USED, f"is used, but order {USER} has taken over its cake"),
            "I3": (TEA, f"has used the holds {USED}, but was to use none"),
        },
    ),
    "a hold that was used is said to have expired": Broken(
        "inventory",
        "UPDATE holds SET state = 'expired', order_id = NULL WHERE reservation_id = :USED",
        {"I2": (USED, f"is expired, but order {USER} has taken over its cake")},
    ),
    "a hold that was used is said to have been released": Broken(
        "inventory",
        "UPDATE holds SET state = 'released', order_id = NULL WHERE reservation_id = :USED",
        {"I2": (USED, f"is released, but order {USER} has taken over its cake")},
    ),
    "a hold that was released is said to have been used": Broken(
        "inventory",
        "UPDATE holds SET state = 'used', order_id = :ENDED WHERE reservation_id = :RELEASED",
        {"I2": (RELEASED, "is used, but no order has taken over its cake")},
    ),
    "a hold that was released is said to have expired": Broken(
        "inventory",
        "UPDATE holds SET state = 'expired' WHERE reservation_id = :RELEASED",
        {"I2": (RELEASED, "is expired, but ended before its time was over")},
    ),
    "a hold that was over is said to have been released": Broken(
        "inventory",
        "UPDATE holds SET expires_at = ended_at WHERE reservation_id = :RELEASED",
        {"I2": (RELEASED, "is released, but its time was over before")},
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
