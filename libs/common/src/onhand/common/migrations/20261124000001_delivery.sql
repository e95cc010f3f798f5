-- migrate:up

-- What each event is about: it decides the partition, also when their number has changed since the row was written.
ALTER TABLE outbox ADD COLUMN keys text[];
UPDATE outbox
SET keys = ARRAY(SELECT convert_from(payload, 'UTF8')::jsonb ->> 'subject' FROM unnest(payloads) AS payload);
ALTER TABLE outbox ALTER COLUMN keys SET NOT NULL, ADD CHECK (cardinality(keys) = cardinality(topics));

-- A transaction may have begun before the message came that it is about (see Session in onhand.common.database).
ALTER TABLE outbox ALTER COLUMN written_at SET DEFAULT statement_timestamp();
ALTER TABLE inbox ALTER COLUMN received_at SET DEFAULT statement_timestamp();

-- migrate:down

ALTER TABLE inbox ALTER COLUMN received_at SET DEFAULT now();
ALTER TABLE outbox ALTER COLUMN written_at SET DEFAULT now();
ALTER TABLE outbox DROP COLUMN keys;
