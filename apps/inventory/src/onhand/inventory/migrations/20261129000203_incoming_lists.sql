-- migrate:up

-- What is still to come, in an order that nothing changes which is said of it later.
CREATE INDEX incoming_listed ON incoming (product_id, incoming_id) WHERE replaced_at IS NULL AND quantity > 0;

-- migrate:down

DROP INDEX incoming_listed;
