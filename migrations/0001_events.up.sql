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
-- lists further topics of the event, NULL when it has only one.
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

-- low:      every id up to it is finished, committed or never to come. A hint
--           that shortens the start of a gateway; any gateway raises it.
-- finished: the same as a position (cursor.h), which goes on while an open
--           transaction holds low back.
-- oldest:   events below it are gone or about to go. It is raised, and that
--           committed, before anything is removed: whoever reads a page of
--           events and then this column knows whether the page was complete.
CREATE TABLE pgfeed.mark (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  low      bigint NOT NULL DEFAULT 0,
  finished text NOT NULL DEFAULT '0',
  oldest   bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);
INSERT INTO pgfeed.mark DEFAULT VALUES;

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
