-- pgfeed.ingest once more: what nearly every batch is, events without keys for
-- one topic by one user, is judged and stored here, without a call of
-- pgfeed.allowed and one of the form with four arrays in between. Those took a
-- third of the time that a single event spends in the server.

-- Publishes what each element's user may write, as the form with four arrays
-- does; forbidden tells what is not. Asks once per user, claims and topic.
CREATE OR REPLACE FUNCTION pgfeed.ingest(topics text[], kinds text[], datas text[],
  keys text[], whos text[], claims text[])
RETURNS TABLE (n integer, id bigint, duplicate boolean, conflict boolean,
  forbidden boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  may boolean;
  asked record;
  answers boolean[];
  allowed_n integer[];
BEGIN
  IF cardinality(whos) <> cardinality(topics)
    OR cardinality(claims) <> cardinality(topics) THEN
    RAISE 'pgfeed.ingest needs six arrays of the same length'
      USING ERRCODE = 'array_subscript_error';
  END IF;

  -- Nearly always all are for one topic and by one user, or by nobody known.
  IF array_remove(topics, topics[1]) = '{}' AND array_remove(whos, whos[1]) = '{}'
    AND array_remove(claims, claims[1]) = '{}' THEN
    IF claims[1] IS NULL AND topics[1] IS NOT NULL THEN
      -- Without a token there is none that may have been revoked.
      BEGIN
        may := pgfeed.may_write(whos[1], '{}', topics[1]);
      EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'pgfeed.may_write failed, which counts as no: %', sqlerrm;
      END;
    ELSE
      may := (SELECT a.allowed FROM pgfeed.allowed(whos[1:1], claims[1:1], topics[1:1], true) a);
    END IF;
    IF may IS NOT TRUE THEN
      RETURN QUERY SELECT o, NULL::bigint, false, false, true
        FROM generate_series(1, cardinality(topics)) o;
    ELSIF array_remove(keys, NULL) = '{}' AND cardinality(kinds) = cardinality(topics)
      AND cardinality(datas) = cardinality(topics) THEN
      -- Ids of one statement rise in the order of its rows: so they are paired.
      RETURN QUERY
        WITH new AS (
          INSERT INTO pgfeed.event (topic, kind, data)
          SELECT topic, nullif(kind, ''), data
            FROM unnest(topics, kinds, datas) WITH ORDINALITY u (topic, kind, data, o)
           ORDER BY o
          RETURNING event.id)
        SELECT row_number() OVER (ORDER BY new.id)::integer, new.id, false, false, false
          FROM new ORDER BY 1;
    ELSE
      RETURN QUERY SELECT i.*, false FROM pgfeed.ingest(topics, kinds, datas, keys) i;
    END IF;
    RETURN;
  END IF;

  SELECT array_agg(who) AS whos, array_agg(claim) AS claims, array_agg(topic) AS topics
    INTO asked
    FROM (SELECT DISTINCT who, coalesce(claim, '{}') AS claim, topic
            FROM unnest(whos, claims, topics) u (who, claim, topic)) question;
  SELECT array_agg(allowed ORDER BY n) INTO answers
    FROM pgfeed.allowed(asked.whos, asked.claims, asked.topics, true);

  IF true = ALL (answers) THEN
    RETURN QUERY SELECT i.*, false
      FROM pgfeed.ingest(topics, kinds, datas, keys) i ORDER BY i.n;
    RETURN;
  END IF;
  -- "=" before the name: NULL is nobody's.
  SELECT coalesce(array_agg(o ORDER BY o), '{}') INTO allowed_n
    FROM unnest(whos, claims, topics) WITH ORDINALITY u (who, claim, topic, o)
    JOIN unnest(asked.whos, asked.claims, asked.topics, answers)
         a (who, claim, topic, allowed)
      ON coalesce('=' || a.who, '') = coalesce('=' || u.who, '')
     AND a.claim = coalesce(u.claim, '{}') AND a.topic = u.topic
   WHERE a.allowed;
  RETURN QUERY
    WITH part AS (
      SELECT array_agg(topic ORDER BY o) AS topics,
             array_agg(kind ORDER BY o) AS kinds,
             array_agg(data ORDER BY o) AS datas,
             array_agg(key ORDER BY o) AS keys
        FROM unnest(topics, kinds, datas, keys) WITH ORDINALITY
             u (topic, kind, data, key, o)
       WHERE o = ANY (allowed_n)
    ), made AS (
      SELECT i.* FROM part, pgfeed.ingest(part.topics, part.kinds, part.datas, part.keys) i
       WHERE allowed_n <> '{}'
    )
    SELECT o::integer, made.id, coalesce(made.duplicate, false),
           coalesce(made.conflict, false), made.n IS NULL
      FROM generate_series(1, cardinality(topics)) o
      LEFT JOIN made ON allowed_n[made.n] = o
     ORDER BY 1;
END $$;
