-- migrate:up

CREATE TABLE notes (
    order_id uuid PRIMARY KEY,
    text     text NOT NULL
);

-- migrate:down

DROP TABLE notes;
