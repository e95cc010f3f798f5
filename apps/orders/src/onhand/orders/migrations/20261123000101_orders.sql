-- migrate:up

CREATE TABLE orders (
    order_id    uuid PRIMARY KEY,
    customer_id text NOT NULL,
    product_id  text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    status      text NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected')),
    reason      text,
    version     integer NOT NULL DEFAULT 1, -- number of the last entry in order_events
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    asks        integer NOT NULL DEFAULT 1, -- how often OrderCreated was published
    asked_at    timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'rejected') = (reason IS NOT NULL))
);

-- The orders that still wait for an answer: few, however many are stored.
CREATE INDEX orders_unanswered ON orders (asked_at) WHERE status = 'pending';

-- Everything that ever happened to an order. Rows are only added.
CREATE TABLE order_events (
    order_id    uuid NOT NULL,
    version     integer NOT NULL,
    type        text NOT NULL,
    data        jsonb NOT NULL,
    caused_by   text NOT NULL, -- id of the message that led to it
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, version)
);

-- migrate:down

DROP TABLE order_events;
DROP TABLE orders;
