-- migrate:up

-- What is at a location, and what somebody wants to hear of when it runs low. None of these columns changes when stock is
-- reserved or sold, so that orders still touch no index of a level.
CREATE INDEX stock_levels_at_location ON stock_levels (location_id, product_id);
CREATE INDEX products_with_threshold ON products (product_id) WHERE low_stock_threshold IS NOT NULL;

-- migrate:down

DROP INDEX stock_levels_at_location, products_with_threshold;
