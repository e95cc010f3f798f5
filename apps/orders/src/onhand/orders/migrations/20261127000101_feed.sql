-- migrate:up

-- The event log of all orders, in an order in which it can be read to its end again and again without missing anything:
-- an entry's turn is the transaction that wrote it, or that of the order's entry before if that one is higher. Once every
-- transaction up to some number has ended, no entry with a lower turn can appear any more (docs/adr/0030). A number of
-- rows of before would be the same for all of them; they are told of single orders only.
ALTER TABLE orders ADD COLUMN turn xid8 NOT NULL DEFAULT '0'; -- of the last entry in order_events
ALTER TABLE orders ALTER COLUMN turn SET DEFAULT pg_current_xact_id();
ALTER TABLE order_events ADD COLUMN turn xid8 NOT NULL DEFAULT '0';
ALTER TABLE order_events ALTER COLUMN turn SET DEFAULT pg_current_xact_id();
CREATE INDEX order_events_in_turn ON order_events (turn, order_id, version) WHERE turn > '0';

-- migrate:down

ALTER TABLE order_events DROP COLUMN turn;
ALTER TABLE orders DROP COLUMN turn;
