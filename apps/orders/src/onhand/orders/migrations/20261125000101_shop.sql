-- migrate:up

-- An order has lines: [{"productId", "quantity"}, ...], no product twice, as they were ordered.
ALTER TABLE orders
    ADD COLUMN lines            jsonb,
    ADD COLUMN policy           text NOT NULL DEFAULT 'all-or-nothing'
        CHECK (policy IN ('all-or-nothing', 'ship-available', 'backorder')),
    ADD COLUMN fulfilment       text NOT NULL DEFAULT 'unfulfilled'
        CHECK (fulfilment IN ('unfulfilled', 'partially-fulfilled', 'fulfilled', 'partially-returned', 'returned')),
    -- Counters of each line, in the order of the lines. NULL as long as the status says it all: nothing of a pending
    -- order is reserved, and all of a confirmed one.
    ADD COLUMN progress         jsonb,
    ADD COLUMN revision         integer NOT NULL DEFAULT 0, -- of the last StockReserved that was noted
    ADD COLUMN promise_revision integer NOT NULL DEFAULT 0, -- of the last BackorderPromised that was noted
    ADD COLUMN reservation_id   uuid,
    ADD COLUMN reference        text,
    ADD COLUMN metadata         jsonb,
    ADD COLUMN idempotency_key  text,
    DROP CONSTRAINT orders_status_check,
    DROP CONSTRAINT orders_check;
UPDATE orders SET
    lines = jsonb_build_array(jsonb_build_object('productId', product_id, 'quantity', quantity)),
    progress = CASE status WHEN 'rejected' THEN jsonb_build_array(jsonb_build_object(
        'reserved', 0, 'backordered', 0, 'fulfilled', 0, 'returned', 0, 'cancelled', quantity)) END;
ALTER TABLE orders
    ALTER COLUMN lines SET NOT NULL,
    DROP COLUMN product_id,
    DROP COLUMN quantity,
    ADD CONSTRAINT orders_status_check CHECK (status IN ('pending', 'confirmed', 'backordered', 'rejected', 'cancelled')),
    ADD CONSTRAINT orders_reason_check CHECK (CASE status
        WHEN 'rejected' THEN reason IS NOT NULL
        WHEN 'cancelled' THEN true -- if somebody said why
        ELSE reason IS NULL END),
    ADD CONSTRAINT orders_progress_check CHECK (CASE
        WHEN progress IS NULL THEN status IN ('pending', 'confirmed')
        ELSE jsonb_array_length(progress) = jsonb_array_length(lines) END);
-- Of all commands with one key only one makes an order. It is kept as long as the order.
CREATE UNIQUE INDEX orders_once_per_key ON orders (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Who wanted it, and the service that the cause came from.
ALTER TABLE order_events ADD COLUMN source text, ADD COLUMN actor text;
-- Events that are stored already are told in the words of today, which nobody outside has heard yet. What was available
-- of a rejected product was not logged, so a rejection of then tells of no line.
UPDATE order_events SET
    source = CASE type WHEN 'orders.order-created.v1' THEN 'gateway' ELSE 'inventory' END,
    type = CASE type
        WHEN 'orders.order-created.v1' THEN 'orders.order-created.v2'
        WHEN 'orders.order-rejected.v1' THEN 'orders.order-rejected.v2'
        ELSE type END,
    data = CASE type
        WHEN 'orders.order-created.v1' THEN data - 'productId' - 'quantity' || jsonb_build_object('lines',
            jsonb_build_array(jsonb_build_object('productId', data -> 'productId', 'quantity', data -> 'quantity')))
        WHEN 'orders.order-rejected.v1' THEN data || '{"lines": []}'
        ELSE data END;
ALTER TABLE order_events ALTER COLUMN source SET NOT NULL;

-- The commands that led to fulfilments and returns, so that one that comes again is known.
CREATE TABLE order_changes (
    change_id uuid PRIMARY KEY, -- of the fulfilment or the return
    order_id  uuid NOT NULL,
    type      text NOT NULL,    -- of the command
    data      jsonb NOT NULL    -- what it asked for
);

-- migrate:down

-- What one product and four words cannot tell is forgotten: all lines but the first, what was sent off and returned, keys.
DROP TABLE order_changes;
DELETE FROM order_events WHERE type NOT IN (
    'orders.order-created.v2', 'orders.order-confirmed.v1', 'orders.order-rejected.v2');
UPDATE order_events SET
    type = replace(type, '.v2', '.v1'),
    data = CASE type
        WHEN 'orders.order-created.v2' THEN data - 'lines' || (data -> 'lines' -> 0)
        ELSE data - 'lines' END;
ALTER TABLE order_events DROP COLUMN actor, DROP COLUMN source;
DROP INDEX orders_once_per_key;
ALTER TABLE orders
    DROP CONSTRAINT orders_status_check,
    DROP CONSTRAINT orders_reason_check,
    DROP CONSTRAINT orders_progress_check,
    ADD COLUMN product_id text,
    ADD COLUMN quantity   integer CHECK (quantity > 0);
UPDATE orders SET
    product_id = lines -> 0 ->> 'productId',
    quantity = (lines -> 0 ->> 'quantity')::integer,
    reason = CASE WHEN status IN ('rejected', 'cancelled') THEN coalesce(reason, 'cancelled') END,
    status = CASE status WHEN 'backordered' THEN 'confirmed' WHEN 'cancelled' THEN 'rejected' ELSE status END;
ALTER TABLE orders
    ALTER COLUMN product_id SET NOT NULL,
    ALTER COLUMN quantity SET NOT NULL,
    DROP COLUMN lines,
    DROP COLUMN policy,
    DROP COLUMN fulfilment,
    DROP COLUMN progress,
    DROP COLUMN revision,
    DROP COLUMN promise_revision,
    DROP COLUMN reservation_id,
    DROP COLUMN reference,
    DROP COLUMN metadata,
    DROP COLUMN idempotency_key,
    ADD CONSTRAINT orders_status_check CHECK (status IN ('pending', 'confirmed', 'rejected')),
    ADD CONSTRAINT orders_check CHECK ((status = 'rejected') = (reason IS NOT NULL));
