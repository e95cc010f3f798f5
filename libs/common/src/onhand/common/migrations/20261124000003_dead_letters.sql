-- migrate:up

-- A row is a message that a handler failed on, or one that waits behind such a message because it has the same key.
-- Of each key the row with the lowest id comes first; the others wait until it is gone.
ALTER TABLE dead_letters
    ADD COLUMN state           text NOT NULL DEFAULT 'failed' CHECK (state IN ('failed', 'parked')),
    ADD COLUMN key             text, -- what it is about; null if nothing can wait behind it: a query, or no message at all
    ADD COLUMN type            text,
    ADD COLUMN message_id      text,
    ADD COLUMN partition       integer,
    ADD COLUMN consumer        text, -- which replica read it
    ADD COLUMN attempts        integer NOT NULL DEFAULT 0,
    ADD COLUMN first_failed_at timestamptz,
    ADD COLUMN last_failed_at  timestamptz,
    ADD COLUMN retry           boolean NOT NULL DEFAULT false, -- somebody wants it to be handled once more
    ADD COLUMN identity        bytea, -- digest of what makes it the same when it is delivered again
    ADD COLUMN content         bytea, -- digest of what an event says, however often it is told; null for other messages
    ALTER COLUMN buried_at SET DEFAULT statement_timestamp();
UPDATE dead_letters SET attempts = 5, first_failed_at = buried_at, last_failed_at = buried_at;

CREATE INDEX dead_letters_in_order ON dead_letters (key, id) WHERE key IS NOT NULL;
CREATE INDEX dead_letters_parked ON dead_letters (key) WHERE state = 'parked';
CREATE INDEX dead_letters_to_retry ON dead_letters (id) WHERE retry;
CREATE UNIQUE INDEX dead_letters_once ON dead_letters (identity);

-- migrate:down

DROP INDEX dead_letters_once, dead_letters_to_retry, dead_letters_parked, dead_letters_in_order;
ALTER TABLE dead_letters
    ALTER COLUMN buried_at SET DEFAULT now(),
    DROP COLUMN content,
    DROP COLUMN identity,
    DROP COLUMN retry,
    DROP COLUMN last_failed_at,
    DROP COLUMN first_failed_at,
    DROP COLUMN attempts,
    DROP COLUMN consumer,
    DROP COLUMN partition,
    DROP COLUMN message_id,
    DROP COLUMN type,
    DROP COLUMN key,
    DROP COLUMN state;
