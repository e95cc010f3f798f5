"""One example of every message, as small as it can be while it shows every field."""

from datetime import UTC, datetime
from uuid import UUID

from onhand.common.contracts import (
    CheckStock,
    CreateOrder,
    GetOrder,
    Message,
    OrderConfirmed,
    OrderCreated,
    OrderDetails,
    OrderReceipt,
    OrderRejected,
    RequestRefused,
    SetStock,
    StockLevel,
    StockRejected,
    StockReserved,
)

ORDER_ID = UUID("01939c8e-5f00-7abc-8def-0123456789ab")
TAKEN = datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC)
SETTLED = datetime(2026, 11, 23, 9, 30, 0, 234567, tzinfo=UTC)

EXAMPLES: tuple[Message, ...] = (
    CreateOrder(order_id=ORDER_ID, customer_id="cust-456", product_id="123", quantity=5),
    GetOrder(order_id=ORDER_ID),
    OrderReceipt(order_id=ORDER_ID, product_id="123", quantity=5, status="pending"),
    OrderDetails(
        order_id=ORDER_ID,
        customer_id="cust-456",
        product_id="123",
        quantity=5,
        status="rejected",
        created_at=TAKEN,
        updated_at=SETTLED,
        reason="insufficient-stock",
    ),
    OrderCreated(order_id=ORDER_ID, customer_id="cust-456", product_id="123", quantity=5),
    OrderConfirmed(order_id=ORDER_ID),
    OrderRejected(order_id=ORDER_ID, reason="unknown-product"),
    SetStock(product_id="123", on_hand=100),
    CheckStock(product_id="123", quantity=5),
    StockLevel(product_id="123", on_hand=100, reserved=5, available=95, in_stock=True),
    StockReserved(order_id=ORDER_ID),
    StockRejected(order_id=ORDER_ID, reason="insufficient-stock", requested=5, available=3),
    RequestRefused(code="product-not-found", detail="There is no product 123."),
)
