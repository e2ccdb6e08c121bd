-- History that grows old: partitions are made ahead, marked, then removed.
--
-- A gateway (or "pgfeed prune") calls these one by one, each in a transaction
-- of its own. Each does nothing while another session is in the same function,
-- so any number of gateways may call them.
--
--   rotate()          splits the open-ended last partition when ids come near
--   prune_mark(age)   raises mark.oldest above what is older than age
--   prune_sweep()     removes what is below mark.oldest
--   expire_keys(age)  forgets idempotency keys
--
-- Between prune_mark and prune_sweep there must be a commit: then a reader that
-- finds events missing finds mark.oldest raised, and tells its client.

-- One row for each of these duties; a session that locks the row has the duty.
-- (A lock on a row takes the right to UPDATE it, which nobody else has. Any
-- stranger may hold an advisory lock.)
--
-- least:  what the duty keeps whatever a gateway asks for. Only the owner of
--         pgfeed removes younger events or keys, or changes this column.
-- done:   when the duty was last found done. pgfeed-stream and doctor warn when
--         that is long ago.
CREATE TABLE pgfeed.duty (
  name  text PRIMARY KEY,
  least interval,
  done  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT name_is_known CHECK (name IN ('rotate', 'prune', 'keys')),
  CONSTRAINT least_is_positive CHECK (least > interval '0')
) WITH (fillfactor = 50);
INSERT INTO pgfeed.duty (name, least) VALUES
  ('rotate', NULL), ('prune', '1 day'), ('keys', '1 hour');

-- Locks the row of a duty until the end of the transaction and returns it, or
-- NULL while another session has the duty.
CREATE FUNCTION pgfeed.take_duty(name text) RETURNS pgfeed.duty
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT d FROM pgfeed.duty d WHERE d.name = take_duty.name FOR UPDATE SKIP LOCKED
$$;

-- Whether the session has the rights of the owner of pgfeed's tables. (The
-- functions below run as that owner, whoever calls them.)
CREATE FUNCTION pgfeed.is_owner() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_has_role(session_user, relowner, 'USAGE')
    FROM pg_class WHERE oid = 'pgfeed.event'::regclass
$$;

-- Takes all rights on a new table from everybody but its owner, whatever default
-- privileges gave them.
CREATE FUNCTION pgfeed.bare(rel regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  r record;
BEGIN
  FOR r IN
    SELECT DISTINCT a.grantee, format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL aclexplode(c.relacl) a
     WHERE c.oid = rel AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', r.name,
      CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END);
  END LOOP;
END $$;

-- low is NULL for "from the beginning", high for "open-ended".
CREATE VIEW pgfeed.partition AS
SELECT c.oid::regclass AS rel, c.relname AS name,
       substring(b.bound FROM 'FROM \(''?(\d+)')::bigint AS low,
       substring(b.bound FROM 'TO \(''?(\d+)')::bigint AS high
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
 CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS b (bound)
 WHERE i.inhparent = 'pgfeed.event'::regclass;

-- Transactions that may own an id nobody has seen: nextval keeps this lock to
-- the end of the transaction, past savepoints.
CREATE VIEW pgfeed.holder AS
SELECT l.virtualtransaction, l.pid
  FROM pg_locks l
 WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.relation = (SELECT pg_get_serial_sequence('pgfeed.event', 'id')::regclass);

-- The same for gateways, with since when each has done nothing, in microseconds,
-- or NULL: who stays idle draws no further id, so that a transaction left open
-- keeps nobody else's ids from being given up. A prepared one is idle for good.
-- What other roles' sessions do is seen only if the owner of pgfeed may see it
-- (GRANT pg_read_all_stats TO the owner); else NULL, which is always safe.
CREATE FUNCTION pgfeed.holders()
RETURNS TABLE (name text, quiet_since bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT h.virtualtransaction,
         CASE WHEN h.pid IS NULL THEN 0
              WHEN a.state LIKE 'idle in transaction%'
                THEN (extract(epoch FROM a.state_change) * 1000000)::bigint END
    FROM pgfeed.holder h
    LEFT JOIN pg_stat_activity a ON a.pid = h.pid
$$;

-- Takes pgfeed.event for this transaction alone. Writers must not queue up
-- behind it for long: it does not even ask while some transaction stays on the
-- table, and gives up after the lock_timeout of its caller.
CREATE FUNCTION pgfeed.take_event() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  early text[];
BEGIN
  FOR i IN 1..2 LOOP
    IF i = 2 THEN
      EXIT WHEN early IS NULL;
      PERFORM pg_sleep(0.05);
    END IF;
    SELECT array_agg(virtualtransaction) INTO early
      FROM pg_locks
     WHERE locktype = 'relation' AND relation = 'pgfeed.event'::regclass
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND granted AND pid IS DISTINCT FROM pg_backend_pid()
       AND (i = 1 OR virtualtransaction = ANY (early));
    IF i = 2 AND early IS NOT NULL THEN
      RAISE 'pgfeed.event is in use' USING ERRCODE = 'lock_not_available';
    END IF;
  END LOOP;
  LOCK TABLE pgfeed.event IN ACCESS EXCLUSIVE MODE;
END $$;

-- Splits the last partition when ids have come within half a step of it (or
-- now, when forced). step is the number of ids for the new partition; by
-- default an eighth of what is kept, so that their number stays small whatever
-- the rate. Returns 'split', 'idle' or 'busy' (try again in a minute: nothing
-- is lost meanwhile, since the last partition takes everything). Only the owner
-- of pgfeed may force it, or make partitions of less than 100,000 ids: each of
-- them costs every reader.
CREATE FUNCTION pgfeed.rotate(step bigint DEFAULT NULL, force boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms' AS $$
DECLARE
  last_id bigint;
  tail record;
  bound bigint;
BEGIN
  IF (force OR step < 100000) AND NOT pgfeed.is_owner() THEN
    RAISE 'only the owner of pgfeed forces a split or sets a step below 100000'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF pgfeed.take_duty('rotate') IS NULL THEN
    RETURN 'busy';
  END IF;
  SELECT s.last_value INTO last_id FROM pgfeed.event_id_seq s;
  IF step IS NULL THEN
    SELECT least(greatest((last_id - oldest) / 8, 100000), 20000000)
      INTO step FROM pgfeed.mark;
  ELSIF step < 1 THEN
    RAISE 'step must be at least 1' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT * INTO STRICT tail FROM pgfeed.partition WHERE high IS NULL;
  UPDATE pgfeed.duty SET done = clock_timestamp() WHERE name = 'rotate';
  IF last_id < tail.low - step / 2 AND NOT force THEN
    RETURN 'idle';
  END IF;

  PERFORM pgfeed.take_event();
  -- Nobody is writing now. Ids to come are above this one.
  SELECT s.last_value INTO last_id FROM pgfeed.event_id_seq s;
  bound := greatest(last_id + 1, tail.low) + step;
  EXECUTE format('ALTER TABLE pgfeed.event DETACH PARTITION pgfeed.%I', tail.name);
  EXECUTE format('ALTER TABLE pgfeed.event ATTACH PARTITION pgfeed.%I'
    ' FOR VALUES FROM (%s) TO (%s)', tail.name, tail.low, bound);
  EXECUTE format('CREATE TABLE pgfeed.%I PARTITION OF pgfeed.event'
    ' FOR VALUES FROM (%s) TO (MAXVALUE)', 'event_' || bound, bound);
  PERFORM pgfeed.bare(format('pgfeed.%I', 'event_' || bound)::regclass);
  RETURN 'split';
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RETURN 'busy';
END $$;

-- Raises mark.oldest to what is worth removing and returns it, or NULL when
-- nothing is. Whole partitions as soon as all their events are older than age;
-- single rows only when the oldest is a quarter overdue (a site too small to
-- fill partitions), or when exact is set. No event younger than age goes,
-- whatever times stand in rows beside it: the mark stops below the first young
-- event. Ids that a running transaction may still fill are left alone.
CREATE FUNCTION pgfeed.prune_mark(age interval, exact boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  duty pgfeed.duty := pgfeed.take_duty('prune');
  cutoff timestamptz;
  m record;
  safe bigint;
  target bigint;
  p record;
  e record;
  young bigint;
BEGIN
  IF age <= interval '0' THEN
    RAISE 'age must be positive' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF duty IS NULL THEN
    RETURN NULL;
  END IF;
  IF NOT pgfeed.is_owner() THEN
    age := greatest(age, duty.least);
  END IF;
  cutoff := clock_timestamp() - age;
  -- The order matters: first the highest id, then who may own one up to it.
  SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO safe
    FROM pgfeed.event_id_seq s;
  SELECT * INTO STRICT m FROM pgfeed.mark;
  IF EXISTS (SELECT FROM pgfeed.holder) THEN
    safe := least(safe, m.low);
  END IF;
  target := m.oldest;

  FOR p IN SELECT * FROM pgfeed.partition
            WHERE partition.high > m.oldest AND partition.high - 1 <= safe
            ORDER BY partition.high
  LOOP
    -- Nearly always the last event tells. When it is old, the index on at shows
    -- whether any other is young ("+ 0" leaves no other index to use).
    SELECT id, at INTO e FROM pgfeed.event
     WHERE id >= target AND id < p.high ORDER BY id DESC LIMIT 1;
    EXIT WHEN e.at >= cutoff;
    EXECUTE format('SELECT min(id + 0) FROM pgfeed.%I WHERE at >= $1 AND id + 0 >= $2',
      p.name) INTO young USING cutoff, target;
    EXIT WHEN young IS NOT NULL;
    target := p.high;
  END LOOP;

  SELECT id, at INTO e FROM pgfeed.event
   WHERE id >= target AND id <= safe ORDER BY id LIMIT 1;
  IF e.at < (CASE WHEN exact THEN cutoff ELSE cutoff - age / 4 END) THEN
    -- From here to the first young event, but not further than a call may read.
    SELECT coalesce(min(id) FILTER (WHERE at >= cutoff), max(id) + 1) INTO target
      FROM (SELECT id, at FROM pgfeed.event WHERE id >= e.id AND id <= safe
             ORDER BY id LIMIT 500000) rows;
  END IF;

  IF target <= m.oldest THEN
    RETURN NULL;
  END IF;
  UPDATE pgfeed.mark SET oldest = target WHERE oldest < target;
  RETURN target;
END $$;

-- Removes what is below mark.oldest: whole partitions by dropping them, else
-- up to batch rows. more: call again (in a minute if nothing was removed: the
-- table was busy).
CREATE FUNCTION pgfeed.prune_sweep(batch integer DEFAULT 5000,
  OUT more boolean, OUT partitions integer, OUT rows bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms' AS $$
DECLARE
  m record;
  doomed text[];
BEGIN
  more := false;
  partitions := 0;
  rows := 0;
  IF pgfeed.take_duty('prune') IS NULL THEN
    more := true;
    RETURN;
  END IF;
  SELECT oldest, xmin INTO STRICT m FROM pgfeed.mark;
  IF m.xmin = pg_current_xact_id_if_assigned()::xid THEN
    RAISE 'pgfeed.prune_mark must be committed before pgfeed.prune_sweep'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;

  SELECT array_agg(format('pgfeed.%I', name) ORDER BY high) INTO doomed
    FROM pgfeed.partition WHERE high <= m.oldest;
  IF doomed IS NOT NULL THEN
    BEGIN
      PERFORM pgfeed.take_event();
      EXECUTE 'DROP TABLE ' || array_to_string(doomed, ', ');
      partitions := cardinality(doomed);
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      more := true;
      RETURN;
    END;
  END IF;
  DELETE FROM pgfeed.event WHERE id IN (
    SELECT id FROM pgfeed.event WHERE id < m.oldest ORDER BY id LIMIT batch);
  GET DIAGNOSTICS rows = ROW_COUNT;
  more := rows = batch;
  DELETE FROM pgfeed.further WHERE id <= (SELECT max(id) FROM (
    SELECT id FROM pgfeed.further WHERE id < m.oldest ORDER BY id LIMIT batch) f);
  more := more OR EXISTS (SELECT FROM pgfeed.further WHERE id < m.oldest);
  IF NOT more THEN
    UPDATE pgfeed.duty SET done = clock_timestamp() WHERE name = 'prune';
  END IF;
END $$;

-- Forgets up to batch keys older than age; returns how many it forgot.
CREATE FUNCTION pgfeed.expire_keys(age interval, batch integer DEFAULT 5000)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  duty pgfeed.duty := pgfeed.take_duty('keys');
  gone bigint;
BEGIN
  IF duty IS NULL THEN
    RETURN 0;
  END IF;
  IF NOT pgfeed.is_owner() THEN
    age := greatest(age, duty.least);
  END IF;
  DELETE FROM pgfeed.key WHERE (topic, key) IN (
    SELECT topic, key FROM pgfeed.key WHERE at < clock_timestamp() - age
     ORDER BY at LIMIT batch FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS gone = ROW_COUNT;
  UPDATE pgfeed.duty SET done = clock_timestamp() WHERE name = 'keys';
  RETURN gone;
END $$;
