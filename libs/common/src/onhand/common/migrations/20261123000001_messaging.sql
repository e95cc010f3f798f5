-- The tables of the message runtime. Every service's database has them.

-- migrate:up

-- Events of a committed transaction that are not known to be published yet: one row for one batch.
-- A row is deleted by the transaction of the next batch; what a crash leaves behind, the sweeper publishes.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    written_at timestamptz NOT NULL DEFAULT now(),
    topics     text[] NOT NULL,
    payloads   bytea[] NOT NULL,
    CHECK (cardinality(topics) = cardinality(payloads))
);
-- A row lives for milliseconds: compressing it would cost more than the bytes.
ALTER TABLE outbox ALTER COLUMN payloads SET STORAGE EXTERNAL;

-- Ids of messages whose effect is in this database, where no natural key says so already.
CREATE TABLE inbox (
    message_id  text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);

-- Messages that no handler can take, with the reason: kept here so that they do not stop the others.
CREATE TABLE dead_letters (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic     text NOT NULL,
    entry_id  text NOT NULL,
    payload   bytea NOT NULL,
    error     text NOT NULL,
    buried_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE dead_letters;
DROP TABLE inbox;
DROP TABLE outbox;
