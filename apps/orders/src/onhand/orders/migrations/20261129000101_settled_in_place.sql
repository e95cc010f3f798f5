-- migrate:up

-- A pending order is settled where it stands: as long as no index, and no condition of one, has a column that changes
-- with it, PostgreSQL writes the new row into the same page, if that has room, and touches no index (a HOT update).

-- Of the orders that Inventory was asked for at once, those of which no answer was seen. Written with them, and looked
-- at when they should long be answered.
CREATE TABLE asked_orders (
    batch_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_ids uuid[] NOT NULL,
    asks      integer NOT NULL DEFAULT 1, -- how often OrderCreated was published
    asked_at  timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX asked_orders_by_age ON asked_orders (asked_at);
INSERT INTO asked_orders (order_ids, asks, asked_at)
SELECT ARRAY[order_id], asks, asked_at FROM orders WHERE status = 'pending';
DROP INDEX orders_unanswered, orders_by_rare_status;
ALTER TABLE orders
    DROP COLUMN asks,
    DROP COLUMN asked_at,
    -- Most orders have none, before they are settled and after.
    ADD COLUMN rare_status text GENERATED ALWAYS AS (
        CASE WHEN status IN ('backordered', 'rejected', 'cancelled') THEN status END) STORED,
    SET (fillfactor = 50);
CREATE INDEX orders_by_rare_status ON orders (rare_status, order_id) WHERE rare_status IS NOT NULL;

-- migrate:down

ALTER TABLE orders
    DROP COLUMN rare_status,
    ADD COLUMN asks     integer NOT NULL DEFAULT 1,
    ADD COLUMN asked_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    RESET (fillfactor);
UPDATE orders SET asks = asked.asks, asked_at = asked.asked_at
FROM (SELECT unnest(order_ids) AS order_id, asks, asked_at FROM asked_orders) AS asked
WHERE asked.order_id = orders.order_id AND status = 'pending';
CREATE INDEX orders_unanswered ON orders (asked_at) WHERE status = 'pending';
CREATE INDEX orders_by_rare_status ON orders (status, order_id) WHERE status IN ('backordered', 'rejected', 'cancelled');
DROP TABLE asked_orders;
