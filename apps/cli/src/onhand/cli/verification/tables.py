"""What one database alone can tell: whether what may be there once is there once, and whether stock adds up.

Within one snapshot nothing is on its way, so what is wrong here is wrong.
"""

from typing import Any

from onhand.cli.verification.findings import MOST_SHOWN, Finding, Findings, Invariant
from onhand.cli.verification.snapshots import LONGEST_QUERY_SECONDS, Snapshot
from onhand.common.database import Transaction

# An idempotency key belongs here as soon as orders have one.
_ORDERS_STORED_TWICE = """
    SELECT order_id::text AS subject, 'is stored ' || count(*) || ' times' AS problem, count(*) OVER () AS total
    FROM orders GROUP BY order_id HAVING count(*) > 1 LIMIT $1
"""

_DECIDED_TWICE = """
    SELECT order_id::text AS subject, 'was decided ' || count(*) || ' times' AS problem, count(*) OVER () AS total
    FROM reservations GROUP BY order_id HAVING count(*) > 1 LIMIT $1
"""

# A rejection names a product that may be unknown; everything else names one that is known.
_STOCK_THAT_DOES_NOT_ADD_UP = """
    WITH held AS (
        SELECT product_id, coalesce(sum(quantity) FILTER (WHERE reason IS NULL), 0) AS units
        FROM reservations WHERE reason IS DISTINCT FROM 'unknown-product' GROUP BY product_id
    )
    SELECT product_id AS subject,
           CASE
               WHEN on_hand IS NULL THEN 'is not known, but ' || units || ' units of it are reserved for orders'
               WHEN reserved NOT BETWEEN 0 AND on_hand THEN 'has ' || reserved || ' reserved of ' || on_hand || ' there'
               ELSE 'has ' || reserved || ' reserved, but its reservations hold ' || coalesce(units, 0)
           END AS problem,
           count(*) OVER () AS total
    FROM stock FULL JOIN held USING (product_id)
    WHERE on_hand IS NULL OR reserved NOT BETWEEN 0 AND on_hand OR reserved <> coalesce(units, 0)
    LIMIT $1
"""

_DECIDED_AGAINST_THE_STOCK = """
    SELECT order_id::text AS subject,
           CASE WHEN reason IS NULL THEN 'got ' ELSE 'did not get ' END || quantity || ' of ' || product_id
               || ' when ' || available || ' were available' AS problem,
           count(*) OVER () AS total
    FROM reservations WHERE (reason IS NULL) <> (quantity <= available) LIMIT $1
"""


async def check_tables(snapshot: Snapshot) -> Findings:
    """Find what is wrong within Orders, and within Inventory."""
    findings = Findings()
    await _find(findings, "I1", snapshot.orders, _ORDERS_STORED_TWICE)
    await _find(findings, "I2", snapshot.inventory, _STOCK_THAT_DOES_NOT_ADD_UP)
    await _find(findings, "I2", snapshot.inventory, _DECIDED_AGAINST_THE_STOCK)
    await _find(findings, "I3", snapshot.inventory, _DECIDED_TWICE)
    return findings


async def _find(findings: Findings, invariant: Invariant, tx: Transaction, query: str) -> None:
    rows: list[Any] = await tx.fetch(query, MOST_SHOWN, timeout=LONGEST_QUERY_SECONDS)
    findings.add(Finding(invariant, row["subject"], row["problem"]) for row in rows)
    if rows:
        findings.add_unread(invariant, rows[0]["total"] - len(rows))
