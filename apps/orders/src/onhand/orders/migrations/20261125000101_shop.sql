-- migrate:up

-- An order has lines: [{"productId", "quantity"}, ...], no product twice, as they were ordered.
ALTER TABLE orders
    ADD COLUMN lines           jsonb,
    ADD COLUMN policy          text NOT NULL DEFAULT 'all-or-nothing'
        CHECK (policy IN ('all-or-nothing', 'ship-available', 'backorder')),
    ADD COLUMN fulfilment      text NOT NULL DEFAULT 'unfulfilled'
        CHECK (fulfilment IN ('unfulfilled', 'partially-fulfilled', 'fulfilled', 'partially-returned', 'returned')),
    -- Counters of each line, in the order of the lines. NULL as long as the status says it all: nothing of a pending
    -- order is reserved, and all of a confirmed one.
    ADD COLUMN progress        jsonb,
    ADD COLUMN revision        integer NOT NULL DEFAULT 0, -- of the last StockReserved that was noted
    ADD COLUMN reservation_id  uuid,
    ADD COLUMN reference       text,
    ADD COLUMN metadata        jsonb,
    ADD COLUMN idempotency_key text,
    DROP CONSTRAINT orders_status_check,
    DROP CONSTRAINT orders_check,
    ADD CHECK (status IN ('pending', 'confirmed', 'backordered', 'rejected', 'cancelled'));
UPDATE orders SET lines = jsonb_build_array(jsonb_build_object('productId', product_id, 'quantity', quantity));
ALTER TABLE orders ALTER COLUMN lines SET NOT NULL, DROP COLUMN product_id, DROP COLUMN quantity;
CREATE UNIQUE INDEX orders_once_per_key ON orders (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Who wanted it, and the service that the cause came from.
ALTER TABLE order_events ADD COLUMN actor text, ADD COLUMN source text NOT NULL DEFAULT '-';
ALTER TABLE order_events ALTER COLUMN source DROP DEFAULT;
-- Orders that are stored already are told in the words of today, which nobody outside has heard yet.
UPDATE order_events
SET type = 'orders.order-created.v2',
    data = data - 'productId' - 'quantity' || jsonb_build_object(
        'lines', jsonb_build_array(jsonb_build_object('productId', data -> 'productId', 'quantity', data -> 'quantity')))
WHERE type = 'orders.order-created.v1';

-- Fulfilments and returns, so that the same command that comes again is known.
CREATE TABLE order_changes (
    change_id uuid PRIMARY KEY,
    order_id  uuid NOT NULL,
    type      text NOT NULL, -- of its event
    data      jsonb NOT NULL
);
CREATE INDEX order_changes_of_order ON order_changes (order_id);

-- migrate:down

DROP TABLE order_changes;
ALTER TABLE order_events DROP COLUMN actor, DROP COLUMN source;
DROP INDEX orders_once_per_key;
ALTER TABLE orders
    ADD COLUMN product_id text,
    ADD COLUMN quantity integer;
UPDATE orders SET product_id = lines -> 0 ->> 'productId', quantity = (lines -> 0 ->> 'quantity')::integer;
ALTER TABLE orders
    ALTER COLUMN product_id SET NOT NULL,
    ALTER COLUMN quantity SET NOT NULL,
    DROP COLUMN lines,
    DROP COLUMN policy,
    DROP COLUMN fulfilment,
    DROP COLUMN progress,
    DROP COLUMN revision,
    DROP COLUMN reservation_id,
    DROP COLUMN reference,
    DROP COLUMN metadata,
    DROP COLUMN idempotency_key;
