-- migrate:up

-- What comes back is here and cannot be refused, so there may be more of a product than anybody can ask for. What is asked
-- for at once, or is expected, is still an integer. This writes the three tables anew.
ALTER TABLE stock_levels ALTER COLUMN on_hand TYPE bigint, ALTER COLUMN reserved TYPE bigint;
ALTER TABLE movements ALTER COLUMN quantity TYPE bigint, ALTER COLUMN on_hand TYPE bigint;
ALTER TABLE reservations ALTER COLUMN available TYPE bigint;

-- migrate:down

-- Fails if there is more than that; no number is cut off.
ALTER TABLE reservations ALTER COLUMN available TYPE integer;
ALTER TABLE movements ALTER COLUMN quantity TYPE integer, ALTER COLUMN on_hand TYPE integer;
ALTER TABLE stock_levels ALTER COLUMN on_hand TYPE integer, ALTER COLUMN reserved TYPE integer;
