-- migrate:up

-- The extensions of holds that came with an idempotency key, so that one that is sent again extends nothing.
CREATE TABLE hold_extensions (
    extension_id   uuid PRIMARY KEY,
    reservation_id uuid NOT NULL,
    ttl_seconds    integer NOT NULL CHECK (ttl_seconds > 0)
);

-- migrate:down

DROP TABLE hold_extensions;
