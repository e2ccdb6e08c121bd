-- Publishing from SQL and from pgfeed-post, with keys that make it exact.

-- A key stands for one event: whoever publishes with it again gets the first
-- event's id. event_id is NULL only inside the transaction that makes the row.
-- The table is not partitioned, since uniqueness must span all history.
CREATE TABLE pgfeed.key (
  key      text PRIMARY KEY COLLATE "C",
  event_id bigint,
  digest   bytea NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT key_is_1_to_255_bytes CHECK (octet_length(key) BETWEEN 1 AND 255)
) WITH (fillfactor = 70);
CREATE INDEX key_at ON pgfeed.key (at);

-- What must be equal for a repeated key to be the same event. (Stable, as
-- convert_to and integer || text are: a stricter claim would stop inlining.)
CREATE FUNCTION pgfeed.digest(topic text, kind text, data text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(octet_length(topic) || ':' || topic
  || coalesce(octet_length(kind) || ':' || kind, '-') || data, 'UTF8'));

-- Publishes a batch in the order of the arrays; kinds and keys may have NULLs.
-- One row per element, n from 1. A key that was used before, or earlier in the
-- batch, gives the first event's id and duplicate; conflict as well when topic,
-- kind or data differ from then.
--
-- Two sessions with the same key: the second waits for the first at the key
-- table's index, and sees what became of it. Keys are taken in one order, so
-- that no two batches wait for each other.
CREATE FUNCTION pgfeed.ingest(topics text[], kinds text[], datas text[],
  keys text[])
RETURNS TABLE (n integer, id bigint, duplicate boolean, conflict boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  known_keys text[];
  known_ids bigint[];
  known_digests bytea[];
BEGIN
  IF cardinality(kinds) <> cardinality(topics)
    OR cardinality(datas) <> cardinality(topics)
    OR cardinality(keys) <> cardinality(topics) THEN
    RAISE 'pgfeed.ingest needs four arrays of the same length'
      USING ERRCODE = 'array_subscript_error';
  END IF;

  -- Ids of one statement rise in the order of its rows: so they are paired.
  IF array_remove(keys, NULL) = '{}' THEN
    RETURN QUERY
      WITH new AS (
        INSERT INTO pgfeed.event (topic, kind, data)
        SELECT topic, nullif(kind, ''), data
          FROM unnest(topics, kinds, datas) WITH ORDINALITY u (topic, kind, data, o)
         ORDER BY o
        RETURNING event.id)
      SELECT row_number() OVER (ORDER BY new.id)::integer, new.id, false, false
        FROM new ORDER BY 1;
    RETURN;
  END IF;

  -- DO UPDATE and not DO NOTHING: it locks a key that is there already, so it
  -- can't expire before its id has been read.
  WITH taken AS (
    INSERT INTO pgfeed.key AS k (key, digest)
    SELECT DISTINCT ON (key COLLATE "C") key,
           pgfeed.digest(topic, nullif(kind, ''), data)
      FROM unnest(topics, kinds, datas, keys) WITH ORDINALITY
           u (topic, kind, data, key, o)
     WHERE key IS NOT NULL
     ORDER BY key COLLATE "C", o
    ON CONFLICT (key) DO UPDATE SET at = k.at
    RETURNING k.key, k.event_id, k.digest)
  SELECT array_agg(key), array_agg(event_id), array_agg(digest)
    INTO known_keys, known_ids, known_digests FROM taken;

  RETURN QUERY
    WITH input AS MATERIALIZED (
      SELECT o, topic, nullif(kind, '') AS kind, data, u.key,
             known.id AS known_id, known.digest,
             u.key IS NULL OR (known.id IS NULL
               AND row_number() OVER (PARTITION BY u.key ORDER BY o) = 1) AS fresh
        FROM unnest(topics, kinds, datas, keys) WITH ORDINALITY
             u (topic, kind, data, key, o)
        LEFT JOIN unnest(known_keys, known_ids, known_digests)
             known (key, id, digest) ON known.key = u.key COLLATE "C"
    ), new AS (
      INSERT INTO pgfeed.event (topic, kind, data)
      SELECT topic, kind, data FROM input WHERE fresh ORDER BY o
      RETURNING event.id
    ), pair AS (
      SELECT o, key, made.id
        FROM (SELECT o, key, row_number() OVER (ORDER BY o) AS nth
                FROM input WHERE fresh) i
        JOIN (SELECT new.id, row_number() OVER (ORDER BY new.id) AS nth
                FROM new) made USING (nth)
    ), named AS (
      UPDATE pgfeed.key k SET event_id = pair.id
        FROM pair WHERE k.key = pair.key
    )
    SELECT i.o::integer,
           coalesce(own.id, i.known_id, first.id),
           NOT i.fresh,
           NOT i.fresh
             AND i.digest <> pgfeed.digest(i.topic, i.kind, i.data)
      FROM input i
      LEFT JOIN pair own ON own.o = i.o
      LEFT JOIN pair first ON first.key = i.key AND NOT i.fresh
     ORDER BY 1;
END $$;

-- Publishes one event and returns its id. With a key: exactly one event however
-- often it is called, and an error when the key stood for another event.
CREATE FUNCTION pgfeed.publish(topic text, data text, kind text DEFAULT NULL,
  key text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made record;
BEGIN
  IF NOT coalesce(pgfeed.topic_valid(publish.topic), false) THEN
    RAISE '"%" is not a topic', publish.topic
      USING ERRCODE = 'invalid_parameter_value', HINT =
        'A topic has 1 to 1024 bytes without control characters, "*", "{" and "}", and does not begin with "-/".';
  END IF;
  SELECT * INTO STRICT made FROM pgfeed.ingest(ARRAY[publish.topic],
    ARRAY[publish.kind], ARRAY[publish.data], ARRAY[publish.key]);
  IF made.conflict THEN
    RAISE 'key "%" already stands for another event, id %', publish.key, made.id
      USING ERRCODE = 'unique_violation',
        HINT = 'Use a new key for a new event.';
  END IF;
  RETURN made.id;
END $$;

REVOKE EXECUTE ON FUNCTION pgfeed.ingest(text[], text[], text[], text[]),
  pgfeed.publish(text, text, text, text) FROM PUBLIC;
