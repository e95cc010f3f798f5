"""How a row of `orders` is read."""

from typing import Any

from msgspec import UNSET
from msgspec.json import Decoder

from onhand.common.contracts import Line
from onhand.common.contracts.message import Metadata
from onhand.orders.domain.orders import Counters, Order, implied_counters

_read_lines = Decoder(tuple[Line, ...]).decode
_read_progress = Decoder(list[Counters]).decode
_read_metadata = Decoder(Metadata).decode


def order_of(row: Any) -> Order:  # noqa: ANN401  # asyncpg ships no types
    """The order that is stored in a row."""
    lines, progress, metadata = _read_lines(row["lines"]), row["progress"], row["metadata"]
    return Order(
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        policy=row["policy"],
        lines=lines,
        counters=implied_counters(row["status"], lines) if progress is None else _read_progress(progress),
        status=row["status"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        revision=row["revision"],
        promise_revision=row["promise_revision"],
        version=row["version"],
        reason=row["reason"] or UNSET,
        reservation_id=row["reservation_id"] or UNSET,
        reference=row["reference"] or UNSET,
        metadata=UNSET if metadata is None else _read_metadata(metadata),
    )
