"""One example of every message, as small as it can be while it shows every field."""

from datetime import UTC, datetime
from uuid import UUID

from onhand.common.contracts import (
    AdjustStock,
    AllocationNoted,
    BackorderPromised,
    CancelOrder,
    CheckStock,
    CountStock,
    CreateOrder,
    DefineLocation,
    DefineProduct,
    ExpectStock,
    ExplainedBackorder,
    ExplainedIncoming,
    ExplainedMovement,
    ExplainedReservation,
    ExplainStock,
    ExtendHold,
    FulfilOrder,
    GetHold,
    GetOrder,
    GetProduct,
    GetTimeline,
    HoldDetails,
    HoldEnded,
    HoldReplayed,
    HoldStock,
    IncomingDetails,
    Line,
    LineAllocation,
    LineDetails,
    LineOutcome,
    LinePromise,
    LineShortage,
    ListLocations,
    LocationDetails,
    LocationEntry,
    LocationLevel,
    LocationList,
    Message,
    MovementEntry,
    MovementReceipt,
    MovementReplayed,
    OrderBackordered,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderDetails,
    OrderFulfilled,
    OrderReceipt,
    OrderRejected,
    OrderReplayed,
    OrderReturned,
    OrderTimeline,
    ProductDetails,
    ReceiveStock,
    ReleaseHold,
    RequestRefused,
    ReturnOrder,
    SetStock,
    StockDepleted,
    StockExplanation,
    StockLevel,
    StockLow,
    StockRejected,
    StockReleased,
    StockReplenished,
    StockReserved,
    StockReturned,
    StockShipped,
    TimelineEntry,
    TransferStock,
)

ORDER_ID = UUID("01939c8e-5f00-7abc-8def-0123456789ab")
HOLD_ID = UUID("01939c8e-4000-7abc-8def-0123456789ab")
MOVEMENT_ID = UUID("01939c8e-6000-7abc-8def-0123456789ab")
INCOMING_ID = UUID("01939c8e-3000-7abc-8def-0123456789ab")
FULFILMENT_ID = UUID("01939c8e-7000-7abc-8def-0123456789ab")
RETURN_ID = UUID("01939c8e-8000-7abc-8def-0123456789ab")
TAKEN = datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC)
SETTLED = datetime(2026, 11, 23, 9, 30, 0, 234567, tzinfo=UTC)
EXPECTED = datetime(2026, 12, 1, 8, tzinfo=UTC)
LINES = (Line(product_id="123", quantity=5), Line(product_id="456", quantity=1))
SHORT = (
    LineShortage(product_id="123", requested=5, available=3),
    LineShortage(product_id="456", requested=1, available=9),
)
HALF = (
    LineOutcome(product_id="123", reserved=3, backordered=2, cancelled=0),
    LineOutcome(product_id="456", reserved=1, backordered=0, cancelled=0),
)

_ORDERS: tuple[Message, ...] = (
    CreateOrder(
        order_id=ORDER_ID,
        customer_id="cust-456",
        lines=LINES,
        policy="backorder",
        reservation_id=HOLD_ID,
        reference="web-1001",
        metadata={"channel": "web"},
        idempotency_key="8e03978e-40d5",
        as_product=True,
    ),
    CancelOrder(order_id=ORDER_ID, reason="changed my mind"),
    FulfilOrder(order_id=ORDER_ID, fulfilment_id=FULFILMENT_ID, lines=LINES, reference="parcel 1"),
    ReturnOrder(order_id=ORDER_ID, return_id=RETURN_ID, lines=LINES[:1], restock=False, reason="broken"),
    GetOrder(order_id=ORDER_ID),
    GetTimeline(order_id=ORDER_ID),
    OrderReceipt(order_id=ORDER_ID, product_id="123", quantity=5, status="pending"),
    OrderReplayed(order_id=ORDER_ID, lines=LINES, status="confirmed"),
    OrderDetails(
        order_id=ORDER_ID,
        customer_id="cust-456",
        status="backordered",
        fulfilment="partially-fulfilled",
        policy="backorder",
        lines=(
            LineDetails(
                product_id="123",
                ordered=5,
                reserved=1,
                backordered=2,
                fulfilled=2,
                returned=1,
                cancelled=0,
                available=3,
                promised_at=EXPECTED,
            ),
        ),
        created_at=TAKEN,
        updated_at=SETTLED,
        reason="insufficient-stock",
        reservation_id=HOLD_ID,
        reference="web-1001",
        metadata={"channel": "web"},
    ),
    OrderTimeline(
        order_id=ORDER_ID,
        events=(
            TimelineEntry(
                version=1,
                type="orders.order-confirmed.v1",
                at=SETTLED,
                source="inventory",
                cause="01939c8e-5f10-7000-8000-000000000002",
                data={"orderId": str(ORDER_ID)},
                actor="anna",
            ),
        ),
    ),
    OrderCreated(
        order_id=ORDER_ID,
        customer_id="cust-456",
        lines=LINES,
        policy="ship-available",
        reservation_id=HOLD_ID,
        reference="web-1001",
        metadata={"channel": "web"},
    ),
    OrderCancelled(order_id=ORDER_ID, lines=LINES, reason="changed my mind"),
    OrderFulfilled(order_id=ORDER_ID, fulfilment_id=FULFILMENT_ID, lines=LINES, reference="parcel 1"),
    OrderReturned(order_id=ORDER_ID, return_id=RETURN_ID, lines=LINES[:1], restock=False, reason="broken"),
    AllocationNoted(order_id=ORDER_ID, revision=2),
    OrderConfirmed(order_id=ORDER_ID, lines=HALF),
    OrderBackordered(order_id=ORDER_ID, lines=HALF, revision=2),
    OrderRejected(order_id=ORDER_ID, reason="insufficient-stock", lines=SHORT),
)

_STOCK: tuple[Message, ...] = (
    SetStock(movement_id=MOVEMENT_ID, product_id="123", on_hand=100, location_id="shop"),
    CheckStock(product_id="123", quantity=5),
    StockLevel(
        product_id="123",
        on_hand=100,
        reserved=5,
        available=95,
        incoming=20,
        safety_stock=2,
        available_to_promise=93,
        locations=(
            LocationLevel(location_id="main", on_hand=100, reserved=5, available=95, incoming=20, safety_stock=2),
        ),
        in_stock=True,
    ),
    StockReserved(
        order_id=ORDER_ID,
        lines=(
            LineAllocation(product_id="123", granted=3, backordered=2),
            LineAllocation(product_id="456", granted=1, backordered=0),
        ),
        revision=2,
    ),
    StockRejected(order_id=ORDER_ID, reason="insufficient-stock", lines=SHORT),
    BackorderPromised(order_id=ORDER_ID, lines=(LinePromise(product_id="123", promised_at=EXPECTED),), revision=3),
    StockReleased(order_id=ORDER_ID),
    StockShipped(order_id=ORDER_ID, fulfilment_id=FULFILMENT_ID),
    StockReturned(order_id=ORDER_ID, return_id=RETURN_ID),
    StockLow(product_id="123", available_to_promise=4, threshold=5, crossing=1),
    StockDepleted(product_id="123", crossing=2),
    StockReplenished(product_id="123", available_to_promise=93, crossing=3),
)

_HOLDS: tuple[Message, ...] = (
    HoldStock(reservation_id=HOLD_ID, lines=LINES, ttl_seconds=900, reference="cart 7"),
    ExtendHold(reservation_id=HOLD_ID, ttl_seconds=900),
    ReleaseHold(reservation_id=HOLD_ID),
    GetHold(reservation_id=HOLD_ID),
    HoldDetails(
        reservation_id=HOLD_ID,
        state="used",
        lines=LINES,
        created_at=TAKEN,
        expires_at=EXPECTED,
        ended_at=SETTLED,
        order_id=ORDER_ID,
        reference="cart 7",
    ),
    HoldReplayed(reservation_id=HOLD_ID, state="active", lines=LINES, created_at=TAKEN, expires_at=EXPECTED),
    HoldEnded(reservation_id=HOLD_ID, state="used", order_id=ORDER_ID),
)

_MOVEMENTS: tuple[Message, ...] = (
    ReceiveStock(
        movement_id=MOVEMENT_ID,
        product_id="123",
        reason="ordered in May",
        reference="delivery 9",
        idempotency_key="8e03978e-40d5",
        quantity=20,
        location_id="shop",
        incoming_id=INCOMING_ID,
    ),
    AdjustStock(
        movement_id=MOVEMENT_ID,
        product_id="123",
        reason="broken",
        reference="report 3",
        idempotency_key="8e03978e-40d5",
        quantity=-2,
        location_id="shop",
    ),
    CountStock(
        movement_id=MOVEMENT_ID,
        product_id="123",
        reason="stocktaking",
        reference="list 4",
        idempotency_key="8e03978e-40d5",
        on_hand=98,
        location_id="shop",
    ),
    TransferStock(
        movement_id=MOVEMENT_ID,
        product_id="123",
        reason="sold out there",
        reference="van 2",
        idempotency_key="8e03978e-40d5",
        quantity=10,
        from_location_id="main",
        to_location_id="shop",
    ),
    MovementReceipt(
        movement_id=MOVEMENT_ID,
        type="transfer",
        product_id="123",
        entries=(
            MovementEntry(location_id="main", quantity=-10, on_hand=90),
            MovementEntry(location_id="shop", quantity=10, on_hand=10),
        ),
    ),
    MovementReplayed(
        movement_id=MOVEMENT_ID,
        type="receive",
        product_id="123",
        entries=(MovementEntry(location_id="main", quantity=20, on_hand=120),),
    ),
    ExpectStock(
        incoming_id=INCOMING_ID,
        product_id="123",
        quantity=20,
        expected_at=EXPECTED,
        location_id="shop",
        reference="order 12",
    ),
    IncomingDetails(
        incoming_id=INCOMING_ID,
        product_id="123",
        location_id="shop",
        quantity=20,
        expected_at=EXPECTED,
        reference="order 12",
    ),
)

_CATALOGUE: tuple[Message, ...] = (
    DefineProduct(product_id="123", name="Tea", low_stock_threshold=5, safety_stock=2, backorderable=False),
    GetProduct(product_id="123"),
    ProductDetails(product_id="123", name="Tea", low_stock_threshold=5, safety_stock=2, backorderable=False),
    DefineLocation(location_id="shop", name="The shop", priority=10),
    LocationDetails(location_id="shop", name="The shop", priority=10),
    ListLocations(about="all"),
    LocationList(
        about="locations",
        locations=(LocationEntry(location_id="shop", name="The shop", priority=10), LocationEntry(location_id="main")),
    ),
    ExplainStock(product_id="123", at=SETTLED, limit=10),
    StockExplanation(
        product_id="123",
        at=SETTLED,
        on_hand=100,
        reserved=5,
        available=95,
        locations=(LocationLevel(location_id="main", on_hand=100, reserved=5, available=95),),
        movement_count=2,
        movements=(
            ExplainedMovement(
                movement_id=MOVEMENT_ID,
                type="sale",
                location_id="main",
                quantity=-5,
                on_hand=100,
                at=SETTLED,
                order_id=ORDER_ID,
                reason="sold",
                reference="parcel 1",
                actor="anna",
                idempotency_key="8e03978e-40d5",
            ),
        ),
        reservation_count=1,
        reservations=(
            ExplainedReservation(
                holder="order",
                holder_id=ORDER_ID,
                location_id="main",
                quantity=5,
                available=100,
                at=SETTLED,
                is_split=True,
            ),
        ),
        backorder_count=1,
        backorders=(ExplainedBackorder(order_id=ORDER_ID, quantity=2, at=SETTLED, promised_at=EXPECTED),),
        incoming=(
            ExplainedIncoming(
                incoming_id=INCOMING_ID, location_id="shop", quantity=20, expected_at=EXPECTED, reference="order 12"
            ),
        ),
    ),
)

EXAMPLES: tuple[Message, ...] = (
    *_ORDERS,
    *_STOCK,
    *_HOLDS,
    *_MOVEMENTS,
    *_CATALOGUE,
    RequestRefused(
        code="insufficient-stock", detail="There is not enough.", state="active", pointer="/lines/0", lines=SHORT
    ),
)
