-- migrate:up

CREATE TABLE locations (
    location_id text COLLATE "C" PRIMARY KEY,
    name        text,
    priority    integer NOT NULL DEFAULT 100 CHECK (priority >= 0) -- orders are served from the lowest that can
);
INSERT INTO locations (location_id) VALUES ('main');

CREATE TABLE products (
    product_id          text COLLATE "C" PRIMARY KEY,
    name                text,
    low_stock_threshold integer CHECK (low_stock_threshold >= 0),
    safety_stock        integer NOT NULL DEFAULT 0 CHECK (safety_stock >= 0), -- kept from orders, at each location
    backorderable       boolean NOT NULL DEFAULT true,
    edition             integer NOT NULL DEFAULT 0, -- how often it was defined or came to be at one more location
    crossings           integer NOT NULL DEFAULT 0  -- how often its stock ran low, ran out or came back
);
INSERT INTO products (product_id) SELECT product_id FROM stock;

-- What a product was said to be, and by whom: rows are only added. Of a past moment the safety stock is found here.
CREATE TABLE definitions (
    product_id          text COLLATE "C" NOT NULL REFERENCES products,
    edition             integer NOT NULL,
    name                text,
    low_stock_threshold integer,
    safety_stock        integer NOT NULL,
    backorderable       boolean NOT NULL,
    actor               text,
    defined_at          timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (product_id, edition)
);

-- Units of each product at each location. The checks are the last guard against selling a unit twice; the first are the
-- row locks: whoever changes a level of a product has locked all levels of it.
ALTER TABLE stock RENAME TO stock_levels;
ALTER TABLE stock_levels RENAME CONSTRAINT stock_pkey TO stock_levels_pkey;
ALTER TABLE stock_levels
    ADD COLUMN location_id text COLLATE "C" NOT NULL DEFAULT 'main' REFERENCES locations,
    -- The product's. What is read beside a row that had to be waited for is older than that row; this tells if it is.
    ADD COLUMN edition integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT stock_levels_pkey,
    ADD CONSTRAINT stock_levels_pkey PRIMARY KEY (product_id, location_id),
    ADD FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE stock_levels ALTER COLUMN location_id DROP DEFAULT, ALTER COLUMN on_hand SET DEFAULT 0;

-- The ledger: rows are only added, and what is on hand at a location is the sum of its rows.
CREATE TABLE movements (
    seq             bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they happened to a product
    movement_id     uuid NOT NULL,     -- the command's; for a sale or a return, that of the fulfilment or the return
    entry_no        integer NOT NULL,  -- from 1 on; of a sale, the row of the order in reservations that it is from
    type            text NOT NULL CHECK (type IN ('receive', 'adjust', 'count', 'transfer', 'sale', 'return')),
    product_id      text COLLATE "C" NOT NULL,
    location_id     text COLLATE "C" NOT NULL,
    quantity        integer NOT NULL,  -- units added or, below 0, taken away; 0: counted and found right, or not restocked
    on_hand         integer NOT NULL CHECK (on_hand >= 0), -- afterwards
    order_id        uuid,              -- of a sale or a return
    incoming_id     uuid,              -- what was received, if it was expected
    reason          text,
    reference       text,
    actor           text,
    idempotency_key text,
    recorded_at     timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (movement_id, entry_no)
);
CREATE INDEX movements_of_product ON movements (product_id, seq);
CREATE INDEX movements_of_order ON movements (order_id) WHERE order_id IS NOT NULL;
INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand, reason)
SELECT gen_random_uuid(), 1, 'count', product_id, location_id, on_hand, on_hand, 'carried over' FROM stock_levels;

-- Who has units, or waits for some, or got none: one row for each line of an order or a hold, and one more for each
-- location and each time that it is given units at. A repeated OrderCreated gets the decision that stands here.
ALTER TABLE reservations RENAME COLUMN order_id TO holder_id; -- an order or a hold
ALTER TABLE reservations RENAME COLUMN quantity TO requested;
CREATE SEQUENCE backorder_queue;
ALTER TABLE reservations
    DROP CONSTRAINT reservations_pkey,
    DROP CONSTRAINT reservations_quantity_check,
    DROP CONSTRAINT reservations_reason_check,
    ALTER COLUMN product_id TYPE text COLLATE "C",
    ADD COLUMN row_no integer NOT NULL DEFAULT 1,      -- of all rows of the holder, from 1 on in the order they came
    ADD COLUMN line_no integer NOT NULL DEFAULT 0,     -- which line of the order or hold, from 0 on
    ADD COLUMN location_id text COLLATE "C",           -- NULL: no units are given by this row
    ADD COLUMN granted integer NOT NULL DEFAULT 0,     -- units given by this row
    ADD COLUMN shipped integer NOT NULL DEFAULT 0,     -- of these, units that have left
    ADD COLUMN waiting integer NOT NULL DEFAULT 0,     -- units that the line waits for
    ADD COLUMN queue_no bigint,                        -- place among those that wait; kept when it waits no longer.
                                                       -- A row that fills it has the same
    ADD COLUMN revision integer,                       -- in row 1 of an order that waited: how often Orders was told news
    ADD COLUMN promised_at timestamptz,                -- when the last unit that the line waits for is expected
    ADD COLUMN released_at timestamptz,                -- when what had not left was given back
    ADD PRIMARY KEY (holder_id, row_no);
UPDATE reservations SET granted = requested, location_id = 'main' WHERE reason IS NULL;
ALTER TABLE reservations
    ALTER COLUMN row_no DROP DEFAULT,
    ALTER COLUMN line_no DROP DEFAULT,
    ALTER COLUMN granted DROP DEFAULT,
    ADD CHECK (requested >= 0), -- 0: the row adds to a line that has a row already
    ADD CHECK (granted >= 0 AND shipped BETWEEN 0 AND granted),
    ADD CHECK (reason IN ('unknown-product', 'unknown-reservation', 'not-backorderable', 'insufficient-stock', 'cancelled')),
    ADD CHECK (reason IS NULL OR granted = 0 AND waiting = 0), -- it is the same in all rows of an order
    ADD CHECK (waiting >= 0 AND (waiting = 0 OR queue_no IS NOT NULL AND released_at IS NULL)),
    ADD CHECK ((location_id IS NULL) = (granted = 0));
CREATE INDEX reservations_of_product ON reservations (product_id); -- with its time it would cost each order more
CREATE INDEX reservations_waiting ON reservations (product_id, queue_no) WHERE waiting > 0;

-- Units held for a while without an order. Its rows in reservations say where.
CREATE TABLE holds (
    reservation_id uuid PRIMARY KEY,
    state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'used', 'released', 'expired')),
    lines          jsonb NOT NULL,
    ttl_seconds    integer NOT NULL, -- as it was asked for
    reference      text,
    created_at     timestamptz NOT NULL DEFAULT statement_timestamp(),
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    order_id       uuid, -- that used it
    CHECK ((state = 'active') = (ended_at IS NULL)),
    CHECK ((state = 'used') = (order_id IS NOT NULL))
);
CREATE INDEX holds_to_expire ON holds (expires_at) WHERE state = 'active';

-- Units that are on their way, each time anew when something about them changes: the current row is not replaced.
CREATE TABLE incoming (
    incoming_id uuid NOT NULL,
    version     integer NOT NULL,
    product_id  text COLLATE "C" NOT NULL REFERENCES products, -- the same in all versions
    location_id text COLLATE "C" NOT NULL REFERENCES locations,
    quantity    integer NOT NULL CHECK (quantity >= 0), -- still to come
    expected_at timestamptz NOT NULL,
    reference   text,
    recorded_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    replaced_at timestamptz,
    PRIMARY KEY (incoming_id, version)
);
CREATE INDEX incoming_of_product ON incoming (product_id);
CREATE INDEX incoming_awaited ON incoming (product_id, expected_at) WHERE replaced_at IS NULL AND quantity > 0;

-- migrate:down

-- Where units are, what is held and that some were sent is forgotten; what is on hand and reserved stays.
DROP TABLE incoming;
DELETE FROM reservations WHERE row_no > 1 OR holder_id IN (SELECT reservation_id FROM holds);
DROP TABLE holds;
DROP INDEX reservations_waiting, reservations_of_product;
ALTER TABLE reservations
    DROP CONSTRAINT reservations_pkey,
    DROP CONSTRAINT reservations_requested_check,
    DROP CONSTRAINT reservations_reason_check,
    DROP COLUMN row_no,
    DROP COLUMN line_no,
    DROP COLUMN location_id,
    DROP COLUMN granted,
    DROP COLUMN shipped,
    DROP COLUMN waiting,
    DROP COLUMN queue_no,
    DROP COLUMN revision,
    DROP COLUMN promised_at,
    DROP COLUMN released_at,
    ALTER COLUMN product_id TYPE text COLLATE "default";
DROP SEQUENCE backorder_queue;
ALTER TABLE reservations RENAME COLUMN requested TO quantity;
ALTER TABLE reservations RENAME COLUMN holder_id TO order_id;
UPDATE reservations SET reason = 'insufficient-stock' WHERE reason <> 'unknown-product';
ALTER TABLE reservations
    ADD PRIMARY KEY (order_id),
    ADD CHECK (quantity > 0),
    ADD CHECK (reason IN ('unknown-product', 'insufficient-stock'));
DROP TABLE movements;
CREATE TABLE stock (
    product_id text COLLATE "C" PRIMARY KEY,
    on_hand    integer NOT NULL CHECK (on_hand >= 0),
    reserved   integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    CHECK (reserved <= on_hand)
) WITH (fillfactor = 50);
INSERT INTO stock SELECT product_id, sum(on_hand), sum(reserved) FROM stock_levels GROUP BY product_id;
DROP TABLE stock_levels;
DROP TABLE definitions;
DROP TABLE products;
DROP TABLE locations;
