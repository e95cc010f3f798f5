-- migrate:up

-- In the rows of a hold that was used: the order that took its units over. `holds` says so too, but there it is one value
-- with the state, and if that is wrong nothing else would tell.
ALTER TABLE reservations ADD COLUMN taken_by uuid;
UPDATE reservations SET taken_by = order_id FROM holds WHERE holder_id = reservation_id AND state = 'used';

-- migrate:down

ALTER TABLE reservations DROP COLUMN taken_by;
