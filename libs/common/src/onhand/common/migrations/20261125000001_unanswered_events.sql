-- migrate:up

-- Events that another service has to act on and has not answered yet. They are told again until it does: Redis may lose
-- an event after its outbox row is gone, and it may lose the answer.
CREATE TABLE unanswered_events (
    fact     text PRIMARY KEY, -- what the event is about and what the answer names, such as the id of a fulfilment
    type     text NOT NULL,
    event    text NOT NULL,    -- as JSON
    cause    text,             -- envelope of the message that led to it, without its data
    asks     integer NOT NULL DEFAULT 1, -- how often it was told
    asked_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX unanswered_events_by_age ON unanswered_events (asked_at);

-- migrate:down

DROP TABLE unanswered_events;
