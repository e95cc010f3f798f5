-- migrate:up

-- A transaction may have begun before the message came that it is about (see Session in onhand.common.database).
ALTER TABLE reservations ALTER COLUMN decided_at SET DEFAULT statement_timestamp();

-- migrate:down

ALTER TABLE reservations ALTER COLUMN decided_at SET DEFAULT now();
