-- Who may read and write which topics.
--
-- pgfeed.may_read and pgfeed.may_write decide, and are yours to replace:
--
--   CREATE OR REPLACE FUNCTION pgfeed.may_read(who text, claims jsonb, topic text)
--   RETURNS boolean LANGUAGE sql STABLE
--   RETURN EXISTS (SELECT FROM shop.member m
--                   WHERE m.login = who AND 'shop/' || m.shop || '/*' = topic);
--
-- As they come they look into the table pgfeed.access. who is the user's name,
-- NULL for somebody who is not signed in; claims is what the token says, '{}'
-- without one. A subscription to a whole subtree asks for a topic that ends
-- with '/*'. They run as the owner of pgfeed, with pg_catalog as the search
-- path: other schemas have to be named. An error counts as no.

-- Each row grants, none takes away. who: '*' is everybody, '+' everybody who is
-- signed in, else it is a name. pattern: a topic, 'a/*' for all that begin with
-- a/, or '*' for all there are; {user} in it stands for the user's name.
CREATE TABLE pgfeed.access (
  pattern   text NOT NULL,
  who       text NOT NULL DEFAULT '*',
  may_read  boolean NOT NULL DEFAULT true,
  may_write boolean NOT NULL DEFAULT false,
  PRIMARY KEY (who, pattern),
  CONSTRAINT pattern_is_valid CHECK
    (pgfeed.pattern_valid(replace(pattern, '{user}', 'user'))),
  CONSTRAINT who_is_1_to_1024_bytes CHECK (octet_length(who) BETWEEN 1 AND 1024)
);
COMMENT ON TABLE pgfeed.access IS
  'who may read and write which topics, unless pgfeed.may_read and may_write are replaced';

-- public/* is for everybody, as are the topics of the demo and of the page that
-- tests a set-up.
INSERT INTO pgfeed.access (pattern, may_write) VALUES
  ('public/*', true), ('demo', true), ('events', true), ('demo_notify', false),
  ('doctor', true), ('doctor/*', true), ('doctor-quiet', false);

-- Tokens of a user count no more when they were made before at: all of them in
-- the row without a jti, else the one with that jti, whenever it was made. at
-- also shows to gateways that missed the notification that there was one.
CREATE TABLE pgfeed.revocation (
  who text NOT NULL COLLATE "C",
  jti text NOT NULL DEFAULT '' COLLATE "C",
  at  timestamptz NOT NULL,
  PRIMARY KEY (who, jti),
  CONSTRAINT who_is_1_to_1024_bytes CHECK (octet_length(who) BETWEEN 1 AND 1024),
  CONSTRAINT jti_is_at_most_1024_bytes CHECK (octet_length(jti) <= 1024)
) WITH (fillfactor = 70);

-- The notification of a revocation is heard by every role that may connect. So
-- it has no name but a number, made from the name and this key.
CREATE TABLE pgfeed.alias_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  key bytea NOT NULL
);
INSERT INTO pgfeed.alias_key (key)
  VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- The number that stands for a user in notifications, in hexadecimal; NULL for
-- NULL.
CREATE FUNCTION pgfeed.alias(key bytea, who text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN left(encode(sha256(key || convert_to(who, 'UTF8')), 'hex'), 16);

-- Whether all that pattern takes is taken by the pattern in a rule. "*" is every
-- topic; names that begin with "-/" are none.
CREATE FUNCTION pgfeed.covers(rule text, pattern text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN rule = pattern OR (rule = '*' AND NOT starts_with(pattern, '-/'))
  OR (right(rule, 2) = '/*' AND starts_with(pattern, left(rule, -1)));

-- What a rule comes to for a user. A name must not be more than a part of a
-- topic; NULL covers nothing.
CREATE FUNCTION pgfeed.rule_for(pattern text, who text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos(pattern, '{user}') = 0 THEN pattern
            WHEN who ~ '^[^/*]+$' THEN replace(pattern, '{user}', who) END;

-- The patterns that a token grants by itself, as "pgfeed sign" makes them:
-- {"pgfeed": {"read": ["orders/*"], "write": ["orders/7"]}}.
CREATE FUNCTION pgfeed.claimed(claims jsonb, what text, topic text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN EXISTS (
  SELECT FROM jsonb_array_elements_text(
           CASE jsonb_typeof(claims -> 'pgfeed' -> what) WHEN 'array'
                THEN claims -> 'pgfeed' -> what ELSE '[]' END) rule
   WHERE pgfeed.covers(rule, topic));

-- In plpgsql, which keeps its plans from one call to the next.
CREATE FUNCTION pgfeed.may_read(who text, claims jsonb, topic text)
RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM pgfeed.access a
     WHERE a.who IN ('*', CASE WHEN may_read.who IS NOT NULL THEN '+' END, may_read.who)
       AND a.may_read
       AND pgfeed.covers(pgfeed.rule_for(a.pattern, may_read.who), topic))
    OR (claims ? 'pgfeed' AND pgfeed.claimed(claims, 'read', topic));
END $$;

CREATE FUNCTION pgfeed.may_write(who text, claims jsonb, topic text)
RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM pgfeed.access a
     WHERE a.who IN ('*', CASE WHEN may_write.who IS NOT NULL THEN '+' END, may_write.who)
       AND a.may_write
       AND pgfeed.covers(pgfeed.rule_for(a.pattern, may_write.who), topic))
    OR (claims ? 'pgfeed' AND pgfeed.claimed(claims, 'write', topic));
END $$;

-- Asks may_read or may_write once per element; one row each, n from 1.
--
-- revoked: when the user, or this token of theirs, was last revoked, in
--          microseconds, 0 for never: a gateway that sees it change has missed a
--          revocation.
-- alias:   what stands for the user in notifications of a revocation
-- reason:  why not: 'forbidden'; 'revoked' for a token that counts no more; or
--          the message of an error, which counts as no; a fault of the server,
--          such as no memory or a deadlock, is an error of the whole statement
--
-- Claims are text, so that what jsonb refuses is a no to its owner and no error
-- for everybody.
CREATE FUNCTION pgfeed.allowed(whos text[], claims text[], topics text[],
  writing boolean)
RETURNS TABLE (n integer, allowed boolean, revoked bigint, alias text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  q record;
  claim jsonb;
  secret bytea := (SELECT k.key FROM pgfeed.alias_key k);
  since timestamptz;
  issued numeric;
  failed integer := 0;
  why text;
BEGIN
  IF cardinality(claims) <> cardinality(whos)
    OR cardinality(topics) <> cardinality(whos) THEN
    RAISE 'pgfeed.allowed needs three arrays of the same length'
      USING ERRCODE = 'array_subscript_error';
  END IF;
  FOR q IN
    SELECT u.who, u.claims, u.topic, o,
           EXISTS (SELECT FROM pgfeed.revocation r WHERE r.who = u.who) AS ever
      FROM unnest(whos, allowed.claims, topics) WITH ORDINALITY u (who, claims, topic, o)
     ORDER BY o
  LOOP
    n := q.o;
    allowed := false;
    revoked := 0;
    alias := pgfeed.alias(secret, q.who);
    reason := NULL;
    BEGIN
      claim := coalesce(q.claims, '{}');
      IF q.ever THEN
        -- iat in whole seconds counts as the end of its second: a token made
        -- after the revocation is good, and so is one made just before it in
        -- the same second. A token that doesn't say when it was made is as old
        -- as can be.
        SELECT max(r.at) INTO since FROM pgfeed.revocation r
         WHERE r.who = q.who AND r.jti IN ('', coalesce(claim ->> 'jti', ''));
        revoked := coalesce((extract(epoch FROM since) * 1000000)::bigint, 0);
        IF claim <> '{}' AND EXISTS (
          SELECT FROM pgfeed.revocation r
           WHERE r.who = q.who AND r.jti <> '' AND r.jti = claim ->> 'jti') THEN
          reason := 'revoked';
        ELSIF claim <> '{}' THEN
          SELECT r.at INTO since FROM pgfeed.revocation r
           WHERE r.who = q.who AND r.jti = '';
          issued := coalesce((claim ->> 'iat')::numeric, 0);
          IF issued < (CASE WHEN issued = trunc(issued)
                            THEN trunc(extract(epoch FROM since))
                            ELSE extract(epoch FROM since) END) THEN
            reason := 'revoked';
          END IF;
        END IF;
      END IF;
      IF reason IS NULL THEN
        IF writing THEN
          allowed := coalesce(pgfeed.may_write(q.who, claim, q.topic), false);
        ELSE
          allowed := coalesce(pgfeed.may_read(q.who, claim, q.topic), false);
        END IF;
        IF NOT allowed THEN
          reason := 'forbidden';
        END IF;
      END IF;
    EXCEPTION
    -- A fault of the server is no answer: the statement fails, and the gateway
    -- puts its client off.
    WHEN connection_exception OR transaction_rollback OR insufficient_resources
      OR operator_intervention OR lock_not_available OR system_error
      OR internal_error THEN
      RAISE;
    -- An error of the function counts as no.
    WHEN assert_failure OR OTHERS THEN
      allowed := false;
      failed := failed + 1;
      why := sqlerrm;
      reason := 'failed: ' || sqlerrm;
    END;
    RETURN NEXT;
  END LOOP;
  IF failed > 0 THEN
    RAISE WARNING '% failed % times, which counts as no: %',
      CASE WHEN writing THEN 'pgfeed.may_write' ELSE 'pgfeed.may_read' END, failed, why;
  END IF;
END $$;

-- Ends the streams of a user, within a second, and all tokens made for them so
-- far; with a jti, that token alone and the streams that came with it. Who is
-- signed in by the web server may come back: take the rights away first. GRANT
-- EXECUTE on it to the role that is to log users out.
CREATE FUNCTION pgfeed.revoke(who text, jti text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF jti = '' THEN
    RAISE 'the jti of a token is not empty'
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Without a jti, all tokens of the user are revoked.';
  END IF;
  INSERT INTO pgfeed.revocation AS r (who, jti, at)
  VALUES (revoke.who, coalesce(revoke.jti, ''), clock_timestamp())
  ON CONFLICT ON CONSTRAINT revocation_pkey DO UPDATE
    SET at = greatest(clock_timestamp(), r.at + interval '1 microsecond');
  PERFORM pg_notify('pgfeed_revoke', pgfeed.alias(k.key, revoke.who)
    || CASE WHEN revoke.jti IS NULL THEN '' ELSE ' ask' END)
    FROM pgfeed.alias_key k;
END $$;

-- Changed rules take effect at once: without a name, gateways ask again for
-- everybody. Who replaces may_read can send the same when what it looks at
-- changes; without, an answer is used for access_age.
CREATE FUNCTION pgfeed.access_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('pgfeed_revoke', '');
  RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
  ON pgfeed.access FOR EACH STATEMENT EXECUTE FUNCTION pgfeed.access_changed();

-- Publishes what each element's user may write, as the form with five arrays
-- does, with the user as the writer; forbidden tells what is not, and reason why,
-- as pgfeed.allowed does. Asks once per user, claims and topic.
--
-- Nearly every batch is events without keys for one topic by one user. The
-- function judges and stores such a batch itself: calls of pgfeed.allowed and of
-- the form with five arrays took a third of the time that a single event spends
-- in the server.
CREATE FUNCTION pgfeed.ingest(topics text[], kinds text[], datas text[],
  keys text[], whos text[], claims text[])
RETURNS TABLE (n integer, id bigint, duplicate boolean, conflict boolean,
  forbidden boolean, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  may boolean;
  why text := 'forbidden';
  asked record;
  answers boolean[];
  reasons text[];
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
      EXCEPTION -- as in pgfeed.allowed
      WHEN connection_exception OR transaction_rollback OR insufficient_resources
        OR operator_intervention OR lock_not_available OR system_error
        OR internal_error THEN
        RAISE;
      WHEN assert_failure OR OTHERS THEN
        why := 'failed: ' || sqlerrm;
        RAISE WARNING 'pgfeed.may_write failed, which counts as no: %', sqlerrm;
      END;
    ELSE
      SELECT a.allowed, a.reason INTO may, why
        FROM pgfeed.allowed(whos[1:1], claims[1:1], topics[1:1], true) a;
    END IF;
    IF may IS NOT TRUE THEN
      RETURN QUERY SELECT o, NULL::bigint, false, false, true, why
        FROM generate_series(1, cardinality(topics)) o;
    ELSIF array_remove(keys, NULL) = '{}' AND cardinality(kinds) = cardinality(topics)
      AND cardinality(datas) = cardinality(topics) THEN
      -- Ids of one statement rise in the order of its rows: so they are paired.
      RETURN QUERY
        WITH new AS (
          INSERT INTO pgfeed.event (topic, kind, data, by)
          SELECT topic, nullif(kind, ''), data, nullif(whos[1], '')
            FROM unnest(topics, kinds, datas) WITH ORDINALITY u (topic, kind, data, o)
           ORDER BY o
          RETURNING event.id)
        SELECT row_number() OVER (ORDER BY new.id)::integer, new.id, false, false, false,
               NULL::text
          FROM new ORDER BY 1;
    ELSE
      RETURN QUERY SELECT i.*, false, NULL::text
        FROM pgfeed.ingest(topics, kinds, datas, keys, whos) i;
    END IF;
    RETURN;
  END IF;

  SELECT array_agg(who) AS whos, array_agg(claim) AS claims, array_agg(topic) AS topics
    INTO asked
    FROM (SELECT DISTINCT who, coalesce(claim, '{}') AS claim, topic
            FROM unnest(whos, claims, topics) u (who, claim, topic)) question;
  SELECT array_agg(allowed ORDER BY n), array_agg(reason ORDER BY n)
    INTO answers, reasons
    FROM pgfeed.allowed(asked.whos, asked.claims, asked.topics, true);

  IF true = ALL (answers) THEN
    RETURN QUERY SELECT i.*, false, NULL::text
      FROM pgfeed.ingest(topics, kinds, datas, keys, whos) i ORDER BY i.n;
    RETURN;
  END IF;
  -- "=" before the name: NULL is nobody's.
  SELECT coalesce(array_agg(o ORDER BY o) FILTER (WHERE a.allowed), '{}'),
         array_agg(a.reason ORDER BY o)
    INTO allowed_n, reasons
    FROM unnest(whos, claims, topics) WITH ORDINALITY u (who, claim, topic, o)
    LEFT JOIN unnest(asked.whos, asked.claims, asked.topics, answers, reasons)
         a (who, claim, topic, allowed, reason)
      ON coalesce('=' || a.who, '') = coalesce('=' || u.who, '')
     AND a.claim = coalesce(u.claim, '{}') AND a.topic = u.topic;
  RETURN QUERY
    WITH part AS (
      SELECT array_agg(topic ORDER BY o) AS topics,
             array_agg(kind ORDER BY o) AS kinds,
             array_agg(data ORDER BY o) AS datas,
             array_agg(key ORDER BY o) AS keys,
             array_agg(who ORDER BY o) AS whos
        FROM unnest(topics, kinds, datas, keys, whos) WITH ORDINALITY
             u (topic, kind, data, key, who, o)
       WHERE o = ANY (allowed_n)
    ), made AS (
      SELECT i.* FROM part,
             pgfeed.ingest(part.topics, part.kinds, part.datas, part.keys, part.whos) i
       WHERE allowed_n <> '{}'
    )
    SELECT o::integer, made.id, coalesce(made.duplicate, false),
           coalesce(made.conflict, false), made.n IS NULL, reasons[o]
      FROM generate_series(1, cardinality(topics)) o
      LEFT JOIN made ON allowed_n[made.n] = o
     ORDER BY 1;
END $$;
