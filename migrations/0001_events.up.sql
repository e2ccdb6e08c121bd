-- The feed itself: events, what gateways remember about them, and the bell.
--
-- An event's id is drawn when it is inserted and becomes visible when its
-- transaction commits, so ids appear out of order. pgfeed finds out which
-- unseen ids may still come from who holds the lock on the sequence. For that:
-- the identity is GENERATED ALWAYS with CACHE 1, nobody may use the sequence
-- directly, and it is never set back. pgfeed.check() looks after these.

DO $$
BEGIN
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE 'pgfeed needs a database with encoding UTF8, this one has %',
      current_setting('server_encoding')
      USING HINT = 'Create it with: createdb -E UTF8 -T template0 NAME';
  END IF;
END $$;

CREATE SCHEMA pgfeed;
COMMENT ON SCHEMA pgfeed IS 'events that pgfeed streams to browsers';

-- What "pgfeed migrate" has applied. It writes here, the files do not.
CREATE TABLE pgfeed.migration (
  version  integer PRIMARY KEY,
  name     text NOT NULL,
  checksum text NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The same rule as topic.h: 1 to 1,024 bytes without control characters, "*",
-- "{" and "}"; names that begin with "-/" are pgfeed's own. The constraint of
-- pgfeed.event repeats the rule: the server reads and plans the body of a
-- function in a constraint anew for each statement, which takes longer than
-- writing the row.
CREATE FUNCTION pgfeed.topic_valid(topic text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN octet_length(topic) BETWEEN 1 AND 1024
  AND topic !~ '[\u0001-\u001f\u007f*{}]|^-/';

-- A topic, "*" for every topic, or "a/*" for every topic that begins with "a/".
CREATE FUNCTION pgfeed.pattern_valid(pattern text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pattern = '*' OR pgfeed.topic_valid(
  CASE WHEN right(pattern, 2) = '/*' THEN left(pattern, -1) ELSE pattern END);

-- Partitioned by id, so that old history goes away by dropping a table. The
-- last partition is open-ended: an INSERT can never miss a partition, whether
-- or not anybody looked after them. It is kept empty: pgfeed.rotate() splits
-- it at a bound above the highest id long before it gets a row, which
-- moves no row and scans none; should it have rows, the split still works.
--
-- by is the name of the user who wrote the event, NULL when it has none; also
-- lists up to 99 further topics of the event, NULL when it has only one.
CREATE TABLE pgfeed.event (
  id    bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
  at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  topic text NOT NULL,
  kind  text,
  data  text NOT NULL,
  by    text,
  also  text[],
  PRIMARY KEY (id),
  CONSTRAINT topic_is_valid CHECK (octet_length(topic) BETWEEN 1 AND 1024
    AND topic !~ '[\u0001-\u001f\u007f*{}]|^-/'),
  CONSTRAINT kind_is_1_to_64_bytes_in_one_line CHECK
    (octet_length(kind) BETWEEN 1 AND 64 AND kind !~ '[\n\r]'),
  CONSTRAINT kind_is_not_pgfeeds_own CHECK (kind NOT LIKE 'pgfeed.%'),
  CONSTRAINT data_is_at_most_1_mib CHECK (octet_length(data) <= 1048576),
  CONSTRAINT by_is_1_to_255_bytes CHECK (octet_length(by) BETWEEN 1 AND 255)
) PARTITION BY RANGE (id);
-- Retention looks for young events in old partitions: a summary of each
-- megabyte is enough for that.
CREATE INDEX event_at ON pgfeed.event USING brin (at) WITH (autosummarize = on);
CREATE INDEX event_topic_id ON pgfeed.event (topic, id);
CREATE TABLE pgfeed.event_1 PARTITION OF pgfeed.event
  FOR VALUES FROM (MINVALUE) TO (100001);
CREATE TABLE pgfeed.event_100001 PARTITION OF pgfeed.event
  FOR VALUES FROM (100001) TO (MAXVALUE);

COMMENT ON TABLE pgfeed.event IS
  'one row per event; INSERT (topic, kind, data) publishes it';

-- The further topics of events, for history by topic. Readers compare a row with
-- its event, so one that is left over harms nobody.
CREATE TABLE pgfeed.further (
  topic text NOT NULL,
  id    bigint NOT NULL,
  PRIMARY KEY (topic, id)
);
CREATE INDEX further_id ON pgfeed.further (id);

CREATE FUNCTION pgfeed.note_further() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF cardinality(new.also) > 99 OR EXISTS (SELECT FROM unnest(new.also) a
      WHERE NOT coalesce(pgfeed.topic_valid(a), false)) THEN
    RAISE 'also of pgfeed.event has up to 99 topics and nothing else'
      USING ERRCODE = 'check_violation', HINT =
        'A topic has 1 to 1024 bytes without control characters, "*", "{" and "}", and does not begin with "-/".';
  END IF;
  INSERT INTO pgfeed.further (topic, id)
  SELECT a, new.id FROM unnest(new.also) a WHERE a <> new.topic
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER further AFTER INSERT OR UPDATE OF also ON pgfeed.event
  FOR EACH ROW WHEN (new.also IS NOT NULL) EXECUTE FUNCTION pgfeed.note_further();
-- Also for events that triggers write while logical replication applies rows.
ALTER TABLE pgfeed.event ENABLE ALWAYS TRIGGER further;

-- Numbers as positions have them (cursor.h).
CREATE FUNCTION pgfeed.to_base36(n bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  digits text := '';
BEGIN
  LOOP
    digits := substr('0123456789abcdefghijklmnopqrstuvwxyz', (n % 36)::integer + 1, 1)
      || digits;
    n := n / 36;
    EXIT WHEN n = 0;
  END LOOP;
  RETURN digits;
END $$;

CREATE FUNCTION pgfeed.from_base36(digits text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT sum((strpos('0123456789abcdefghijklmnopqrstuvwxyz', d) - 1)
                   * 36::numeric ^ (length(digits) - o))::bigint
          FROM regexp_split_to_table(digits, '') WITH ORDINALITY s (d, o));

-- low:      every id up to it is finished, committed or never to come. A hint
--           that shortens the start of a gateway; any gateway raises it.
-- finished: the same as a position (cursor.h), which goes on while an open
--           transaction holds low back.
-- oldest:   events below it are gone or about to go. It is raised, and that
--           committed, before anything is removed: whoever reads a page of
--           events and then this column knows whether the page was complete.
-- history:  the random identity of the history that the ids belong to. Whoever
--           knew another one knew other events by the same ids.
-- tag:      what positions say of it: nothing for the first history of a
--           database, four characters at random for each later one.
-- home:     the tables that the history was made in (or moved to by pg_upgrade);
--           a copy restored from a dump has others.
CREATE TABLE pgfeed.mark (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  low      bigint NOT NULL DEFAULT 0,
  finished text NOT NULL DEFAULT '0',
  oldest   bigint NOT NULL DEFAULT 1,
  history  text NOT NULL DEFAULT gen_random_uuid(),
  tag      text NOT NULL CHECK (tag ~ '^([1-9a-z][0-9a-z]{3})?$'),
  home     text NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION pgfeed.home() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('%s.%s', 'pgfeed.event'::regclass::oid, 'pgfeed.mark'::regclass::oid);

CREATE FUNCTION pgfeed.random_tag() RETURNS text
LANGUAGE sql VOLATILE
RETURN pgfeed.to_base36(46656 + floor(random() * 1632960)::bigint);

-- Gives the history a new identity, unless somebody has done so since known
-- was read. A gateway calls it that finds the sequence set back, other events
-- behind the ids that it knows, or the tables of another home.
CREATE FUNCTION pgfeed.new_history(known text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO pgfeed.mark (tag, home) VALUES (pgfeed.random_tag(), pgfeed.home())
  ON CONFLICT (one) DO UPDATE
    SET history = excluded.history, tag = excluded.tag, home = excluded.home,
        low = 0, finished = '0', oldest = least(mark.oldest,
          coalesce((SELECT min(id) FROM pgfeed.event), 1))
    WHERE mark.history = known
$$;

-- The first history of a database has short positions. That there was one is
-- kept as a setting of the database, which outlives the schema.
DO $$
DECLARE
  first boolean := NOT EXISTS (
    SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
     WHERE d.datname = current_database() AND s.setrole = 0
       AND EXISTS (SELECT FROM unnest(s.setconfig) c
                    WHERE starts_with(c, 'pgfeed.history=')));
BEGIN
  BEGIN
    EXECUTE format('ALTER DATABASE %I SET pgfeed.history = %L', current_database(), 'kept');
  EXCEPTION WHEN insufficient_privilege THEN
    first := false; -- nobody could tell later that this one was the first
  END;
  INSERT INTO pgfeed.mark (tag, home)
  VALUES (CASE WHEN first THEN '' ELSE pgfeed.random_tag() END, pgfeed.home());
END $$;

-- TRUNCATE pgfeed.event: with RESTART IDENTITY a new history begins; else the
-- ids go on, and all events so far are gone.
CREATE FUNCTION pgfeed.emptied() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  TRUNCATE pgfeed.further;
  IF (SELECT is_called FROM pgfeed.event_id_seq) THEN
    UPDATE pgfeed.mark SET oldest = (SELECT last_value + 1 FROM pgfeed.event_id_seq);
  ELSE
    PERFORM pgfeed.new_history(history) FROM pgfeed.mark;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER emptied AFTER TRUNCATE ON pgfeed.event
  FOR EACH STATEMENT EXECUTE FUNCTION pgfeed.emptied();
ALTER TABLE pgfeed.event ENABLE ALWAYS TRIGGER emptied;

-- When the server's timeline began, in ids. Ids above first_id of a later
-- timeline may have been other events before that failover.
CREATE TABLE pgfeed.epoch (
  tli      integer PRIMARY KEY,
  first_id bigint NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per gateway that listens: whether it is asleep. A writer rings only
-- while a gateway sleeps, since a NOTIFY in a transaction costs its commit the
-- company of others at the flush of the log (docs/ordering.md, "The doorbell").
-- A crash empties the table, and ends the connections that the rows stand for.
CREATE UNLOGGED TABLE pgfeed.gateway (
  pid    integer PRIMARY KEY,
  role   oid NOT NULL,
  asleep boolean NOT NULL,
  at     timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- Writes the row of the calling session, and removes those of dead ones. The
-- row need not survive a crash, so its commit waits for no disk.
CREATE FUNCTION pgfeed.set_asleep(asleep boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM pgfeed.gateway WHERE pid IN (
    SELECT g.pid FROM pgfeed.gateway g
     WHERE NOT EXISTS (SELECT FROM pg_stat_activity a
       WHERE a.pid = g.pid AND a.usesysid = g.role AND a.datname = current_database())
       FOR UPDATE SKIP LOCKED);
  INSERT INTO pgfeed.gateway AS g (pid, role, asleep)
  SELECT pg_backend_pid(), r.oid, set_asleep.asleep FROM pg_roles r WHERE r.rolname = session_user
  ON CONFLICT (pid) DO UPDATE SET role = excluded.role, asleep = excluded.asleep,
      at = excluded.at
   WHERE (g.role, g.asleep) <> (excluded.role, excluded.asleep);
END $$;

-- Rings unless every gateway is awake: one empty notification that says "look",
-- never what. For a transaction that has seen its events committed.
CREATE FUNCTION pgfeed.ring() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pgfeed.gateway WHERE asleep) THEN
    PERFORM pg_notify('pgfeed', '');
  END IF;
END $$;

-- Rings for every transaction that writes events. The trigger runs after the
-- INSERT, so its transaction holds the lock on the sequence when it reads which
-- gateways sleep; a gateway that falls asleep waits for the holders of then. The
-- reading must not be older than that lock: with a snapshot of the transaction's
-- beginning (REPEATABLE READ) it may be, so such a transaction always rings.
--
-- SET pgfeed.bell = off silences the doorbell for a session: for PREPARE
-- TRANSACTION, which PostgreSQL refuses after a NOTIFY. An event must be durable
-- before a browser sees it, or a crash could hand out its id again; hence the
-- synchronous commit.
CREATE FUNCTION pgfeed.bell() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  IF current_setting('pgfeed.bell', true) IS NOT DISTINCT FROM 'off' THEN
    RETURN NULL;
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed'
    OR EXISTS (SELECT FROM pgfeed.gateway WHERE asleep) THEN
    PERFORM pg_notify('pgfeed', '');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER bell AFTER INSERT ON pgfeed.event
  FOR EACH STATEMENT EXECUTE FUNCTION pgfeed.bell();
-- Also for rows that logical replication applies, and those of its triggers.
ALTER TABLE pgfeed.event ENABLE ALWAYS TRIGGER bell;

-- The position of everything that the caller's snapshot sees, in any isolation
-- level: what a page made from that snapshot passes as last_event_id. Of the
-- events committed later it misses none. STABLE, so that its queries have the
-- snapshot of the caller's. A position holds 128 ranges of unseen ids here;
-- with more it ends below the next one, and what is above comes again.
--
-- When nobody holds the sequence's lock (read after the snapshot) and no
-- transaction has committed since the snapshot, nobody has an id up to the
-- highest that is seen: then nothing else is to be read. Otherwise the ids
-- above the one that gateways know to be finished are counted in blocks, and
-- the blocks with gaps are looked into.
CREATE FUNCTION pgfeed.position() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
DECLARE
  m record;
  base bigint;
  top bigint;
  holes int8multirange := '{}';
  above bigint;
  below bigint;
  x numeric;
  part text[];
  gap text[];
  hole int8range;
  quiet boolean := NOT pg_is_in_recovery();
  said text := '';
BEGIN
  SELECT finished, tag, coalesce((SELECT max(tli) FROM pgfeed.epoch), 1) AS tli
    INTO STRICT m FROM pgfeed.mark;
  SELECT max(id) INTO top FROM pgfeed.event;

  IF quiet THEN
    quiet := NOT EXISTS (SELECT FROM pgfeed.holder);
  END IF;
  IF quiet THEN
    FOR x IN SELECT s::text::numeric FROM pg_snapshot_xip(pg_current_snapshot()) s LOOP
      quiet := quiet AND pg_xact_status(x::text::xid8) = 'in progress';
    END LOOP;
    x := pg_snapshot_xmax(pg_current_snapshot())::text::numeric;
    BEGIN
      WHILE quiet LOOP -- until an id that no transaction has yet
        quiet := pg_xact_status(x::text::xid8) = 'in progress';
        x := x + 1;
      END LOOP;
    EXCEPTION WHEN invalid_parameter_value THEN
      NULL;
    END;
  END IF;
  -- m.finished is: [tli~]last[.gap[-more]]...[_tag]
  part := regexp_match(m.finished, '^(?:\d+~)?(\d+)([.0-9a-z-]*)(?:_[0-9a-z]+)?$');
  base := part[1];
  top := greatest(top, base);
  IF NOT quiet THEN
    below := base;
    FOR gap IN SELECT regexp_matches(part[2], '\.([0-9a-z]+)(?:-([0-9a-z]+))?', 'g') LOOP
      above := below - pgfeed.from_base36(gap[1]);
      below := above - coalesce(pgfeed.from_base36(gap[2]), 0);
      holes := holes + int8multirange(int8range(below, above, '[]'));
      below := below - 1;
    END LOOP;
    SELECT holes - coalesce(range_agg(int8range(e.id, e.id, '[]')), '{}') INTO holes
      FROM unnest(holes) h
     CROSS JOIN LATERAL (SELECT id FROM pgfeed.event
                          WHERE id >= lower(h) AND id < upper(h)) e;
    SELECT holes + coalesce(range_agg(missing), '{}') INTO holes
      FROM (SELECT i + 1 AS low, least(i + 1000, top) AS high
              FROM generate_series(base, top - 1, 1000) i) block
     CROSS JOIN LATERAL (SELECT count(*) AS n FROM pgfeed.event
                          WHERE id BETWEEN block.low AND block.high) seen
     CROSS JOIN LATERAL (
       SELECT int8multirange(int8range(block.low, block.high, '[]'))
              - coalesce(range_agg(int8range(id, id, '[]')), '{}') AS gaps
         FROM pgfeed.event WHERE id BETWEEN block.low AND block.high
       HAVING seen.n < block.high - block.low + 1) inside
     CROSS JOIN LATERAL unnest(inside.gaps) missing;
    SELECT lower(h) - 1 INTO below FROM unnest(holes) h ORDER BY 1 OFFSET 128 LIMIT 1;
    top := coalesce(below, top);
  END IF;

  above := top; -- of ranges from the highest to the lowest
  FOR hole IN SELECT h FROM unnest(holes) h WHERE lower(h) <= top ORDER BY 1 DESC LOOP
    said := said || '.' || pgfeed.to_base36(above - upper(hole) + 1);
    IF upper(hole) - lower(hole) > 1 THEN
      said := said || '-' || pgfeed.to_base36(upper(hole) - lower(hole) - 1);
    END IF;
    above := lower(hole) - 1;
  END LOOP;
  RETURN concat(CASE WHEN m.tli > 1 THEN m.tli || '~' END, top, said,
    '_' || nullif(m.tag, ''));
END $$;
COMMENT ON FUNCTION pgfeed.position() IS
  'the position of everything that the caller''s snapshot sees, for last_event_id';
