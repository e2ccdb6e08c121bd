-- Publishing from SQL and from pgfeed-post, with keys that make it exact.

-- A key stands for one event of its topic: whoever publishes to the topic with
-- it again gets the first event's id. Keys of other topics neither collide nor
-- show. event_id is NULL only inside the transaction that makes the row. The
-- table is not partitioned, since uniqueness must span all history.
CREATE TABLE pgfeed.key (
  topic    text NOT NULL COLLATE "C",
  key      text NOT NULL COLLATE "C",
  event_id bigint,
  digest   bytea NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic, key),
  CONSTRAINT key_is_1_to_255_bytes CHECK (octet_length(key) BETWEEN 1 AND 255)
) WITH (fillfactor = 70);
CREATE INDEX key_at ON pgfeed.key (at);

-- What must be equal for a repeated key to be the same event. (Stable, as
-- convert_to and integer || text are: a stricter claim would stop inlining.)
CREATE FUNCTION pgfeed.digest(kind text, data text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(coalesce(octet_length(kind) || ':' || kind, '-') || data,
  'UTF8'));

-- Publishes a batch in the order of the arrays; kinds, keys and writers may have
-- NULLs, and writers may be NULL: they are the names of who wrote each event.
-- One row per element, n from 1. A key that was used before for the topic, or
-- earlier in the batch, gives the first event's id and duplicate; conflict as
-- well when kind or data differ from then.
--
-- Two sessions with the same key: the second waits for the first at the key
-- table's index, and sees what became of it. Keys are taken in one order, so
-- that no two batches wait for each other.
CREATE FUNCTION pgfeed.ingest(topics text[], kinds text[], datas text[],
  keys text[], writers text[])
RETURNS TABLE (n integer, id bigint, duplicate boolean, conflict boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  known_topics text[];
  known_keys text[];
  known_ids bigint[];
  known_digests bytea[];
BEGIN
  IF cardinality(kinds) <> cardinality(topics)
    OR cardinality(datas) <> cardinality(topics)
    OR cardinality(keys) <> cardinality(topics)
    OR cardinality(writers) <> cardinality(topics) THEN
    RAISE 'pgfeed.ingest needs arrays of the same length'
      USING ERRCODE = 'array_subscript_error';
  END IF;

  -- Ids of one statement rise in the order of its rows: so they are paired.
  IF array_remove(keys, NULL) = '{}' THEN
    RETURN QUERY
      WITH new AS (
        INSERT INTO pgfeed.event (topic, kind, data, by)
        SELECT topic, nullif(kind, ''), data, nullif(writer, '')
          FROM unnest(topics, kinds, datas, writers) WITH ORDINALITY
               u (topic, kind, data, writer, o)
         ORDER BY o
        RETURNING event.id)
      SELECT row_number() OVER (ORDER BY new.id)::integer, new.id, false, false
        FROM new ORDER BY 1;
    RETURN;
  END IF;

  -- DO UPDATE and not DO NOTHING: it locks a key that is there already, so it
  -- can't expire before its id has been read.
  WITH taken AS (
    INSERT INTO pgfeed.key AS k (topic, key, digest)
    SELECT DISTINCT ON (topic COLLATE "C", key COLLATE "C") topic, key,
           pgfeed.digest(nullif(kind, ''), data)
      FROM unnest(topics, kinds, datas, keys) WITH ORDINALITY
           u (topic, kind, data, key, o)
     WHERE key IS NOT NULL
     ORDER BY topic COLLATE "C", key COLLATE "C", o
    ON CONFLICT (topic, key) DO UPDATE SET at = k.at
    RETURNING k.topic, k.key, k.event_id, k.digest)
  SELECT array_agg(topic), array_agg(key), array_agg(event_id), array_agg(digest)
    INTO known_topics, known_keys, known_ids, known_digests FROM taken;

  RETURN QUERY
    WITH input AS MATERIALIZED (
      SELECT o, u.topic, nullif(kind, '') AS kind, data, u.key,
             nullif(writer, '') AS writer,
             known.id AS known_id, known.digest,
             u.key IS NULL OR (known.id IS NULL AND row_number()
               OVER (PARTITION BY u.topic, u.key ORDER BY o) = 1) AS fresh
        FROM unnest(topics, kinds, datas, keys, writers) WITH ORDINALITY
             u (topic, kind, data, key, writer, o)
        LEFT JOIN unnest(known_topics, known_keys, known_ids, known_digests)
             known (topic, key, id, digest)
          ON known.topic = u.topic COLLATE "C" AND known.key = u.key COLLATE "C"
    ), new AS (
      INSERT INTO pgfeed.event (topic, kind, data, by)
      SELECT topic, kind, data, writer FROM input WHERE fresh ORDER BY o
      RETURNING event.id
    ), pair AS (
      SELECT o, topic, key, made.id
        FROM (SELECT o, topic, key, row_number() OVER (ORDER BY o) AS nth
                FROM input WHERE fresh) i
        JOIN (SELECT new.id, row_number() OVER (ORDER BY new.id) AS nth
                FROM new) made USING (nth)
    ), named AS (
      UPDATE pgfeed.key k SET event_id = pair.id
        FROM pair WHERE k.topic = pair.topic AND k.key = pair.key
    )
    SELECT i.o::integer,
           coalesce(own.id, i.known_id, first.id),
           NOT i.fresh,
           NOT i.fresh AND i.digest <> pgfeed.digest(i.kind, i.data)
      FROM input i
      LEFT JOIN pair own ON own.o = i.o
      LEFT JOIN pair first ON first.topic = i.topic AND first.key = i.key
                          AND NOT i.fresh
     ORDER BY 1;
END $$;

-- The same for events whose writers have no name.
CREATE FUNCTION pgfeed.ingest(topics text[], kinds text[], datas text[],
  keys text[])
RETURNS TABLE (n integer, id bigint, duplicate boolean, conflict boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM pgfeed.ingest(topics, kinds, datas, keys, NULL) $$;

-- Publishes one event and returns its id. With a key: exactly one event of the
-- topic however often it is called, and an error when the key stood for another
-- event. by is the name of the writer, which readers see.
CREATE FUNCTION pgfeed.publish(topic text, data text, kind text DEFAULT NULL,
  key text DEFAULT NULL, by text DEFAULT NULL)
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
    ARRAY[publish.kind], ARRAY[publish.data], ARRAY[publish.key],
    ARRAY[publish.by]);
  IF made.conflict THEN
    RAISE 'key "%" already stands for another event, id %', publish.key, made.id
      USING ERRCODE = 'unique_violation',
        HINT = 'Use a new key for a new event.';
  END IF;
  RETURN made.id;
END $$;

-- Publishes one event of several topics; the first is the one that a key
-- belongs to.
CREATE FUNCTION pgfeed.publish(topics text[], data text, kind text DEFAULT NULL,
  key text DEFAULT NULL, by text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wanted text[]; -- without doubles
  further text[];
  made record;
BEGIN
  SELECT array_agg(t ORDER BY o) INTO wanted
    FROM (SELECT t, min(o) AS o FROM unnest(topics) WITH ORDINALITY u (t, o)
           GROUP BY t) u;
  further := nullif(wanted[2:], '{}');
  IF further IS NULL OR array_position(wanted, NULL) IS NOT NULL THEN
    RETURN pgfeed.publish(CASE WHEN array_position(wanted, NULL) IS NULL THEN wanted[1] END,
      publish.data, publish.kind, publish.key, publish.by);
  END IF;
  IF publish.key IS NULL THEN
    INSERT INTO pgfeed.event (topic, also, kind, data, by)
    VALUES (wanted[1], further, nullif(publish.kind, ''), publish.data,
      nullif(publish.by, ''))
    RETURNING event.id INTO made;
    RETURN made.id;
  END IF;
  SELECT * INTO STRICT made FROM pgfeed.ingest(wanted[1:1],
    ARRAY[publish.kind], ARRAY[publish.data], ARRAY[publish.key],
    ARRAY[publish.by]);
  IF NOT made.duplicate THEN
    UPDATE pgfeed.event e SET also = further WHERE e.id = made.id;
  ELSIF made.conflict OR EXISTS (SELECT FROM pgfeed.event e
      WHERE e.id = made.id AND e.also IS DISTINCT FROM further) THEN
    RAISE 'key "%" already stands for another event, id %', publish.key, made.id
      USING ERRCODE = 'unique_violation',
        HINT = 'Use a new key for a new event.';
  END IF;
  RETURN made.id;
END $$;
