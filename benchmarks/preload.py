"""Orders and products that are stored before anything is measured: written by SQL, as the services would have.

Of ten orders seven are confirmed, two have been sent, and one was rejected. Each is for a product of its own, so that
there are as many products. `onhand verify` finds nothing wrong with them.
"""

from typing import Any
from uuid import UUID

import asyncpg

_SECONDS = 1800.0

# Both databases count alike: order number n is for product number n. These ids are older than any new one.
_NUMBERS = """
    CREATE TEMPORARY TABLE number AS
    SELECT ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS order_id,
           ('01890000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid AS fulfilment_id,
           ('01890000-0000-7000-a000-' || lpad(to_hex(n), 12, '0'))::uuid AS movement_id,
           'stored-' || n AS product_id, 1 + n % 5 AS quantity,
           CASE {customers} WHEN 1 THEN 'stored' ELSE 'stored-' || n % {customers} END AS customer_id,
           CASE WHEN n % 10 < 7 THEN 'confirmed' WHEN n % 10 < 9 THEN 'sent' ELSE 'rejected' END AS state
    FROM generate_series(1, {count}) AS n;
    ANALYZE number;
"""

_ORDERS = """
    INSERT INTO orders (order_id, customer_id, lines, status, fulfilment, progress, reason, version)
    SELECT order_id, customer_id, jsonb_build_array(jsonb_build_object('productId', product_id, 'quantity', quantity)),
           CASE state WHEN 'rejected' THEN 'rejected' ELSE 'confirmed' END,
           CASE state WHEN 'sent' THEN 'fulfilled' ELSE 'unfulfilled' END,
           CASE state
               WHEN 'sent' THEN jsonb_build_array(jsonb_build_object('fulfilled', quantity))
               WHEN 'rejected' THEN jsonb_build_array(jsonb_build_object('cancelled', quantity, 'available', 0))
           END,
           CASE state WHEN 'rejected' THEN 'insufficient-stock' END, CASE state WHEN 'sent' THEN 3 ELSE 2 END
    FROM number;
    INSERT INTO order_products (product_id, order_id) SELECT product_id, order_id FROM number;
    INSERT INTO order_events (order_id, version, type, data, caused_by, source)
    SELECT order_id, version, type, data || jsonb_build_object('orderId', order_id), order_id::text, source
    FROM number, jsonb_build_array(jsonb_build_object('productId', product_id, 'quantity', quantity)) AS lines,
    LATERAL (VALUES
        (1, 'orders.order-created.v2', jsonb_build_object('customerId', customer_id, 'lines', lines), 'gateway'),
        (2, CASE state WHEN 'rejected' THEN 'orders.order-rejected.v2' ELSE 'orders.order-confirmed.v1' END,
            CASE state
                WHEN 'rejected' THEN jsonb_build_object('reason', 'insufficient-stock', 'lines', jsonb_build_array(
                    jsonb_build_object('productId', product_id, 'requested', quantity, 'available', 0)))
                ELSE '{}'
            END, 'inventory'),
        (3, CASE state WHEN 'sent' THEN 'orders.order-fulfilled.v1' END,
            jsonb_build_object('fulfilmentId', fulfilment_id, 'lines', lines), 'gateway')
    ) AS event (version, type, data, source)
    WHERE type IS NOT NULL;
    INSERT INTO order_changes (change_id, order_id, type, data)
    SELECT fulfilment_id, order_id, 'orders.fulfil-order.v1',
           jsonb_build_object('orderId', order_id, 'fulfilmentId', fulfilment_id)
    FROM number WHERE state = 'sent';
"""

_INVENTORY = """
    INSERT INTO products (product_id) SELECT product_id FROM number;
    INSERT INTO stock_levels (product_id, location_id, on_hand, reserved)
    SELECT product_id, 'main', CASE state WHEN 'rejected' THEN 0 WHEN 'sent' THEN 1000 - quantity ELSE 1000 END,
           CASE state WHEN 'confirmed' THEN quantity ELSE 0 END
    FROM number;
    INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand)
    SELECT movement_id, 1, 'receive', product_id, 'main', 1000, 1000 FROM number WHERE state <> 'rejected';
    INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand)
    SELECT movement_id, 1, 'count', product_id, 'main', 0, 0 FROM number WHERE state = 'rejected';
    INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand, order_id)
    SELECT fulfilment_id, 1, 'sale', product_id, 'main', -quantity, 1000 - quantity, order_id
    FROM number WHERE state = 'sent';
    INSERT INTO reservations
        (holder_id, row_no, line_no, product_id, location_id, requested, granted, shipped, reason, available)
    SELECT order_id, 1, 0, product_id, CASE WHEN state <> 'rejected' THEN 'main' END, quantity,
           CASE WHEN state <> 'rejected' THEN quantity ELSE 0 END, CASE state WHEN 'sent' THEN quantity ELSE 0 END,
           CASE state WHEN 'rejected' THEN 'insufficient-stock' END, CASE WHEN state <> 'rejected' THEN 1000 ELSE 0 END
    FROM number;
"""


def order_id(number: int) -> UUID:
    """The id of one of the orders, counted from 1."""
    return UUID(f"01890000-0000-7000-8000-{number:012x}")


def customer_id(number: int, customers: int) -> str:
    """Whose that order is, of so many customers."""
    return "stored" if customers == 1 else f"stored-{number % customers}"


async def store(orders_url: str, inventory_url: str, count: int, customers: int = 1) -> None:
    """Store so many orders and products in the databases of a system that has none yet, and let it come to rest."""
    numbers = _NUMBERS.replace("{count}", str(count)).replace("{customers}", str(customers))
    for url, statements in ((orders_url, _ORDERS), (inventory_url, _INVENTORY)):
        connection: Any = await asyncpg.connect(url, command_timeout=_SECONDS)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                await connection.execute(numbers + statements)
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()
