"""What one database alone can tell: whether what may be there once is there once, and whether stock adds up.

Within one snapshot nothing is on its way, so what is wrong here is wrong.
"""

from typing import Any

from onhand.cli.verification.findings import MOST_SHOWN, Finding, Findings, Invariant
from onhand.cli.verification.snapshots import Snapshot
from onhand.common.contracts import FulfilOrder, OrderFulfilled, OrderReturned, ReturnOrder
from onhand.common.database import Transaction

_ORDERS_STORED_TWICE = """
    SELECT order_id::text AS subject, 'is stored ' || count(*) || ' times' AS problem, count(*) OVER () AS total
    FROM orders GROUP BY order_id HAVING count(*) > 1 LIMIT $1
"""

_KEYS_USED_TWICE = """
    SELECT min(order_id::text) AS subject,
           'is one of ' || count(*) || ' orders with the same idempotency key' AS problem, count(*) OVER () AS total
    FROM orders WHERE idempotency_key IS NOT NULL GROUP BY idempotency_key HAVING count(*) > 1 LIMIT $1
"""

# By these rows orders are found by their products. Lines that make no sense are told by who reads them.
_NOT_LISTED_BY_PRODUCT = """
    WITH ordered AS (
        SELECT order_id, line ->> 'productId' AS product_id
        FROM orders, jsonb_array_elements(CASE jsonb_typeof(lines) WHEN 'array' THEN lines ELSE '[]' END) AS line
        WHERE line ->> 'productId' IS NOT NULL
    )
    SELECT order_id::text AS subject,
           CASE
               WHEN listed.order_id IS NULL THEN 'is for ' || product_id || ', but is not listed for it'
               ELSE 'is listed for ' || product_id || ', which it is not for'
           END AS problem,
           count(*) OVER () AS total
    FROM ordered FULL JOIN order_products AS listed USING (order_id, product_id)
    WHERE ordered.order_id IS NULL OR listed.order_id IS NULL LIMIT $1
"""

# Inventory, or Redis, may lose the question. It is put again for what is noted here, and for nothing else.
_NOT_ASKED_FOR_AGAIN = """
    WITH forgotten AS (
        SELECT order_id FROM orders WHERE status = 'pending' EXCEPT SELECT unnest(order_ids) FROM asked_orders
    )
    SELECT order_id::text AS subject, 'is pending, and Inventory will not be asked again' AS problem,
           count(*) OVER () AS total
    FROM forgotten LIMIT $1
"""

# The commands by which fulfilments and returns are known when they come again, and the events that tell of them.
_CHANGES_THAT_ARE_NOT_TOLD = """
    WITH told AS (
        SELECT order_id, type, (data ->> CASE type WHEN $2 THEN 'fulfilmentId' ELSE 'returnId' END)::uuid AS change_id
        FROM order_events WHERE type IN ($2, $3)
    ), asked AS (
        SELECT order_id, CASE type WHEN $4 THEN $2 ELSE $3 END AS type, change_id FROM order_changes
        WHERE type IN ($4, $5)
    )
    SELECT coalesce(asked.order_id, told.order_id)::text AS subject,
           CASE
               WHEN told.order_id IS NULL THEN 'has the change ' || change_id || ' stored, but not in its log'
               WHEN asked.order_id IS NULL THEN 'has the change ' || change_id || ' in its log, but not stored'
               ELSE 'has the change ' || change_id || ' stored otherwise than in its log'
           END AS problem,
           count(*) OVER () AS total
    FROM asked FULL JOIN told USING (change_id)
    WHERE (asked.order_id, asked.type) IS DISTINCT FROM (told.order_id, told.type) LIMIT $1
"""

_ROWS_OF_A_DECISION = """
    SELECT holder_id::text AS subject,
           'was decided in ' || count(*) || ' rows, with numbers from ' || min(row_no) || ' to ' || max(row_no)
               AS problem,
           count(*) OVER () AS total
    FROM reservations GROUP BY holder_id HAVING min(row_no) <> 1 OR max(row_no) <> count(*) LIMIT $1
"""

_LEVELS_THAT_DO_NOT_ADD_UP = """
    WITH held AS (
        SELECT product_id, location_id, sum(granted - shipped) AS units
        FROM reservations WHERE released_at IS NULL AND granted > 0 GROUP BY product_id, location_id
    ), moved AS (
        SELECT product_id, location_id, sum(quantity) AS units FROM movements GROUP BY product_id, location_id
    )
    SELECT product_id AS subject,
           CASE
               WHEN on_hand IS NULL THEN 'is not known at ' || location_id || ', but orders and holds have '
                   || coalesce(held.units, 0) || ' of it there, and movements add up to ' || coalesce(moved.units, 0)
               WHEN reserved NOT BETWEEN 0 AND on_hand
                   THEN 'has ' || reserved || ' reserved of ' || on_hand || ' at ' || location_id
               WHEN reserved <> coalesce(held.units, 0) THEN 'has ' || reserved || ' reserved at ' || location_id
                   || ', but orders and holds have ' || coalesce(held.units, 0)
               ELSE 'has ' || on_hand || ' on hand at ' || location_id
                   || ', but its movements add up to ' || coalesce(moved.units, 0)
           END AS problem,
           count(*) OVER () AS total
    FROM stock_levels
    FULL JOIN held USING (product_id, location_id) FULL JOIN moved USING (product_id, location_id)
    WHERE on_hand IS NULL AND (held.units <> 0 OR moved.units IS NOT NULL) OR reserved NOT BETWEEN 0 AND on_hand
       OR reserved <> coalesce(held.units, 0) OR on_hand <> coalesce(moved.units, 0)
    LIMIT $1
"""

_LEDGER_WITH_A_LEAP = """
    WITH ledger AS (
        SELECT movement_id, product_id, location_id, quantity, on_hand,
               lag(on_hand, 1, 0) OVER (PARTITION BY product_id, location_id ORDER BY seq) AS before
        FROM movements
    )
    SELECT product_id AS subject,
           'has ' || on_hand || ' at ' || location_id || ' after movement ' || movement_id || ' of ' || quantity
               || ', and had ' || before || ' before' AS problem,
           count(*) OVER () AS total
    FROM ledger WHERE on_hand <> before + quantity LIMIT $1
"""

_IMPOSSIBLE_MOVEMENTS = """
    SELECT movement_id::text AS subject,
           'is no ' || min(type) || ': ' || count(*) || ' entries, in sum ' || sum(quantity) AS problem,
           count(*) OVER () AS total
    FROM movements GROUP BY movement_id
    HAVING min(type) <> max(type) OR count(DISTINCT product_id) > 1 AND min(type) NOT IN ('sale', 'return')
        OR CASE min(type)
               WHEN 'transfer' THEN sum(quantity) <> 0
               WHEN 'receive' THEN min(quantity) <= 0
               WHEN 'sale' THEN max(quantity) >= 0
               WHEN 'return' THEN min(quantity) < 0
               ELSE false
           END
        OR (min(type) IN ('sale', 'return')) <> (count(order_id) > 0)
    LIMIT $1
"""

_DECIDED_AGAINST_THE_STOCK = """
    SELECT holder_id::text AS subject,
           'got ' || granted || ' of ' || product_id || ' at ' || location_id || ' when ' || available
               || ' were available' AS problem,
           count(*) OVER () AS total
    FROM reservations WHERE granted > available LIMIT $1
"""

# Whoever lacks units has got all there were: of a line that got nothing, of the order if it was refused.
_LACKS_WHAT_WAS_THERE = """
    SELECT holder_id::text AS subject,
           'got ' || sum(granted) || ' of ' || min(product_id) || ', wants ' || sum(requested) || ', and there were '
               || sum(available) AS problem,
           count(*) OVER () AS total
    FROM reservations
    WHERE reason IS NULL AND (requested > 0 OR queue_no IS NULL) -- the others were given later
    GROUP BY holder_id, line_no
    HAVING sum(granted) < sum(requested) AND sum(granted) < sum(available) LIMIT $1
"""

_REFUSED_WITHOUT_NEED = """
    SELECT holder_id::text AS subject,
           'did not get ' || min(requested) || ' of ' || min(product_id) || ' when ' || min(available)
               || ' were available' AS problem,
           count(*) OVER () AS total
    FROM reservations WHERE reason = 'insufficient-stock'
    GROUP BY holder_id HAVING bool_and(requested <= available) LIMIT $1
"""

# A hold ends in one way, and what it held is then given back, to everybody or to the order that used it. Its rows
# say which. Whether its time was over was asked of one clock at one moment, however clocks were set.
_HOLDS_THAT_DO_NOT_ADD_UP = """
    WITH wanted AS (
        SELECT reservation_id, line ->> 'productId' AS product_id, sum((line ->> 'quantity')::bigint) AS units
        FROM holds, jsonb_array_elements(lines) AS line GROUP BY 1, 2
    ), given AS (
        SELECT holder_id AS reservation_id, product_id, sum(granted) AS units, sum(shipped) AS shipped,
               count(*) AS rows, count(*) FILTER (WHERE released_at IS NULL) AS held,
               max(taken_by::text) AS taker, count(*) FILTER (WHERE taken_by IS DISTINCT FROM order_id) AS mistaken
        FROM reservations JOIN holds ON reservation_id = holder_id GROUP BY 1, 2
    )
    SELECT reservation_id::text AS subject,
           CASE
               WHEN (state = 'used') <> (order_id IS NOT NULL) THEN 'is ' || state || ', '
                   || CASE WHEN order_id IS NULL THEN 'by no order' ELSE 'and used by order ' || order_id END
               WHEN (state = 'active') <> (ended_at IS NULL)
                   THEN 'is ' || state || CASE WHEN ended_at IS NULL THEN ', and did not end' ELSE ', and ended' END
               WHEN wanted.units IS DISTINCT FROM given.units THEN 'is for ' || coalesce(wanted.units, 0) || ' of '
                   || product_id || ', but was given ' || coalesce(given.units, 0)
               WHEN shipped > 0 THEN 'has sent ' || shipped || ' of ' || product_id
               WHEN mistaken > 0 THEN 'is ' || state || ', but ' || coalesce('order ' || taker, 'no order')
                   || ' has taken over its ' || product_id
               WHEN state = 'expired' AND ended_at < expires_at THEN 'is expired, but ended before its time was over'
               WHEN state = 'released' AND ended_at >= expires_at THEN 'is released, but its time was over before'
               ELSE 'is ' || state || ', but ' || held || ' of its ' || rows || ' places for ' || product_id
                   || ' are held'
           END AS problem,
           count(*) OVER () AS total
    FROM wanted FULL JOIN given USING (reservation_id, product_id) JOIN holds USING (reservation_id)
    WHERE (state = 'used') <> (order_id IS NOT NULL) OR (state = 'active') <> (ended_at IS NULL)
       OR wanted.units IS DISTINCT FROM given.units OR shipped > 0
       OR mistaken > 0 OR state = 'expired' AND ended_at < expires_at OR state = 'released' AND ended_at >= expires_at
       OR held <> CASE state WHEN 'active' THEN rows ELSE 0 END
    LIMIT $1
"""

_KEPT_FROM_WHO_WAITS = """
    WITH waiting AS (
        SELECT product_id, sum(waiting) AS units FROM reservations WHERE waiting > 0 GROUP BY product_id
    )
    SELECT product_id AS subject,
           'can promise ' || sum(greatest(0, on_hand - reserved - safety_stock)) || ', though orders wait for '
               || min(units) AS problem,
           count(*) OVER () AS total
    FROM waiting JOIN products USING (product_id) JOIN stock_levels USING (product_id)
    GROUP BY product_id HAVING sum(greatest(0, on_hand - reserved - safety_stock)) > 0 LIMIT $1
"""

# A row that adds to a line has the place that the line has in the queue.
_SERVED_OUT_OF_TURN = """
    WITH first AS (
        SELECT DISTINCT ON (product_id) product_id, queue_no, holder_id
        FROM reservations WHERE waiting > 0 ORDER BY product_id, queue_no
    )
    SELECT given.holder_id::text AS subject,
           'was given ' || granted || ' of ' || product_id || ', though ' || first.holder_id || ' waits since before'
               AS problem,
           count(*) OVER () AS total
    FROM first JOIN reservations given USING (product_id)
    WHERE given.queue_no > first.queue_no AND requested = 0 LIMIT $1
"""


async def check_tables(snapshot: Snapshot) -> Findings:
    """Find what is wrong within Orders, and within Inventory."""
    findings = Findings()
    of_orders, of_inventory = snapshot.orders, snapshot.inventory
    await _find(findings, "I1", of_orders, _ORDERS_STORED_TWICE)
    await _find(findings, "I1", of_orders, _KEYS_USED_TWICE)
    await _find(findings, "I1", of_orders, _NOT_LISTED_BY_PRODUCT)
    await _find(findings, "I3", of_orders, _NOT_ASKED_FOR_AGAIN)
    kinds = [it.TYPE for it in (OrderFulfilled, OrderReturned, FulfilOrder, ReturnOrder)]
    await _find(findings, "I1", of_orders, _CHANGES_THAT_ARE_NOT_TOLD, *kinds)
    for query in (
        *(_LEVELS_THAT_DO_NOT_ADD_UP, _LEDGER_WITH_A_LEAP, _IMPOSSIBLE_MOVEMENTS),
        *(_DECIDED_AGAINST_THE_STOCK, _LACKS_WHAT_WAS_THERE, _REFUSED_WITHOUT_NEED),
        *(_HOLDS_THAT_DO_NOT_ADD_UP, _KEPT_FROM_WHO_WAITS, _SERVED_OUT_OF_TURN),
    ):
        await _find(findings, "I2", of_inventory, query)
    await _find(findings, "I3", of_inventory, _ROWS_OF_A_DECISION)
    return findings


async def _find(findings: Findings, invariant: Invariant, tx: Transaction, query: str, *arguments: str) -> None:
    rows: list[Any] = await tx.fetch(query, MOST_SHOWN, *arguments)
    findings.add(Finding(invariant, row["subject"], row["problem"]) for row in rows)
    if rows:
        findings.add_unread(invariant, rows[0]["total"] - len(rows))
