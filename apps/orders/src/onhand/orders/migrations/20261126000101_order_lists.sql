-- migrate:up

-- By which orders are listed, the newest first: their ids begin with the time. The frequent states are found along the
-- primary key; an index over all states would cost every order.
CREATE INDEX orders_of_customer ON orders (customer_id, order_id);
CREATE INDEX orders_by_reference ON orders (reference, order_id) WHERE reference IS NOT NULL;
CREATE INDEX orders_by_rare_status ON orders (status, order_id) WHERE status IN ('backordered', 'rejected', 'cancelled');
CREATE INDEX orders_by_fulfilment ON orders (fulfilment, order_id) WHERE fulfilment <> 'unfulfilled';

-- Which products are in which orders: written with the order, and then never again.
CREATE TABLE order_products (
    product_id text NOT NULL,
    order_id   uuid NOT NULL,
    PRIMARY KEY (product_id, order_id)
);
INSERT INTO order_products (product_id, order_id)
SELECT line ->> 'productId', order_id FROM orders, jsonb_array_elements(lines) AS line ORDER BY 1, 2;

-- migrate:down

DROP TABLE order_products;
DROP INDEX orders_of_customer, orders_by_reference, orders_by_rare_status, orders_by_fulfilment;
