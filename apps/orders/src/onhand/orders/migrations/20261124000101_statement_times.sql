-- migrate:up

-- A transaction may have begun before the message came that it is about (see Session in onhand.common.database).
ALTER TABLE orders
    ALTER COLUMN created_at SET DEFAULT statement_timestamp(),
    ALTER COLUMN updated_at SET DEFAULT statement_timestamp(),
    ALTER COLUMN asked_at SET DEFAULT statement_timestamp();
ALTER TABLE order_events ALTER COLUMN recorded_at SET DEFAULT statement_timestamp();

-- migrate:down

ALTER TABLE order_events ALTER COLUMN recorded_at SET DEFAULT now();
ALTER TABLE orders
    ALTER COLUMN created_at SET DEFAULT now(),
    ALTER COLUMN updated_at SET DEFAULT now(),
    ALTER COLUMN asked_at SET DEFAULT now();
