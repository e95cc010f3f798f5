-- migrate:up

ALTER TABLE incoming ADD COLUMN is_received boolean NOT NULL DEFAULT false; -- the last of the units has come
UPDATE incoming SET is_received = true
WHERE quantity = 0 AND replaced_at IS NULL
  AND EXISTS (SELECT FROM movements WHERE movements.incoming_id = incoming.incoming_id);

-- migrate:down

ALTER TABLE incoming DROP COLUMN is_received;
