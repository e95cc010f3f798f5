-- migrate:up

-- All events of a batch in one value, a JSON array of [topic, key, envelope], and how many they are: of an array every
-- element costs who sends it. To look at them: SELECT convert_from(messages, 'UTF8')::json FROM outbox; since then long
-- ones are LZ4 frames (docs/adr/0038), of which none may be left when this is undone.
ALTER TABLE outbox ADD COLUMN events integer, ADD COLUMN messages bytea;
UPDATE outbox SET events = cardinality(topics), messages = (
    SELECT convert_to(json_agg(json_build_array(topic, key, convert_from(payload, 'UTF8')::json) ORDER BY n)::text, 'UTF8')
    FROM unnest(topics, keys, payloads) WITH ORDINALITY AS event (topic, key, payload, n)
);
ALTER TABLE outbox
    ALTER COLUMN events SET NOT NULL,
    ALTER COLUMN messages SET NOT NULL,
    ALTER COLUMN messages SET STORAGE EXTERNAL, -- a row lives for milliseconds
    DROP COLUMN topics,
    DROP COLUMN keys,
    DROP COLUMN payloads;

-- migrate:down

ALTER TABLE outbox ADD COLUMN topics text[], ADD COLUMN keys text[], ADD COLUMN payloads bytea[];
UPDATE outbox SET (topics, keys, payloads) = (
    SELECT array_agg(event ->> 0 ORDER BY n), array_agg(event ->> 1 ORDER BY n),
           array_agg(convert_to((event -> 2)::text, 'UTF8') ORDER BY n)
    FROM json_array_elements(convert_from(messages, 'UTF8')::json) WITH ORDINALITY AS it (event, n)
);
ALTER TABLE outbox
    ALTER COLUMN topics SET NOT NULL,
    ALTER COLUMN keys SET NOT NULL,
    ALTER COLUMN payloads SET NOT NULL,
    ALTER COLUMN payloads SET STORAGE EXTERNAL,
    ADD CHECK (cardinality(topics) = cardinality(payloads)),
    ADD CHECK (cardinality(keys) = cardinality(topics)),
    DROP COLUMN messages,
    DROP COLUMN events;
