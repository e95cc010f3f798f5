-- migrate:up

-- Units of each product. The checks are the last guard against selling a unit twice; the first are the row locks.
CREATE TABLE stock (
    product_id text COLLATE "C" PRIMARY KEY,
    on_hand    integer NOT NULL CHECK (on_hand >= 0),
    reserved   integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    CHECK (reserved <= on_hand)
) WITH (fillfactor = 50); -- room for the new version of a row on its own page: no index is touched by an update

-- What was decided for each order. A repeated OrderCreated gets the stored decision.
CREATE TABLE reservations (
    order_id   uuid PRIMARY KEY,
    product_id text NOT NULL,
    quantity   integer NOT NULL CHECK (quantity > 0),
    reason     text CHECK (reason IN ('unknown-product', 'insufficient-stock')), -- NULL: the units are reserved
    available  integer NOT NULL CHECK (available >= 0), -- before the decision
    decided_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE reservations;
DROP TABLE stock;
