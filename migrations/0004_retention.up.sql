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
REVOKE EXECUTE ON FUNCTION pgfeed.holders() FROM PUBLIC;

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
-- is lost meanwhile, since the last partition takes everything).
CREATE FUNCTION pgfeed.rotate(step bigint DEFAULT NULL, force boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms' AS $$
DECLARE
  last_id bigint;
  tail record;
  bound bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1885824613, 1) THEN
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
  RETURN 'split';
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RETURN 'busy';
END $$;

-- Raises mark.oldest to what is worth removing and returns it, or NULL when
-- nothing is. Whole partitions as soon as their last event is older than age;
-- single rows only when the oldest is a quarter overdue (a site too small to
-- fill partitions), or when exact is set. Ids that a running transaction may
-- still fill are left alone.
CREATE FUNCTION pgfeed.prune_mark(age interval, exact boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  cutoff timestamptz := clock_timestamp() - age;
  m record;
  safe bigint;
  target bigint;
  p record;
  e record;
  high bigint;
  middle bigint;
BEGIN
  IF age <= interval '0' THEN
    RAISE 'age must be positive' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT pg_try_advisory_xact_lock(1885824613, 2) THEN
    RETURN NULL;
  END IF;
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
    SELECT id, at INTO e FROM pgfeed.event
     WHERE id >= target AND id < p.high ORDER BY id DESC LIMIT 1;
    EXIT WHEN e.at >= cutoff;
    target := p.high;
  END LOOP;

  -- The times of events rise with their ids, give or take a transaction's
  -- length; so the last old one is found by halving.
  SELECT id, at INTO e FROM pgfeed.event
   WHERE id >= target AND id <= safe ORDER BY id LIMIT 1;
  IF e.at < (CASE WHEN exact THEN cutoff ELSE cutoff - age / 4 END) THEN
    target := e.id + 1;
    high := safe + 1;
    WHILE target < high LOOP -- below target all are old, from high on none is
      middle := target + (high - target) / 2;
      SELECT id, at INTO e FROM pgfeed.event
       WHERE id >= middle AND id < high ORDER BY id LIMIT 1;
      IF e.at < cutoff THEN
        target := e.id + 1;
      ELSE
        high := middle;
      END IF;
    END LOOP;
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
  IF NOT pg_try_advisory_xact_lock(1885824613, 2) THEN
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
END $$;

-- Forgets up to batch keys older than age; returns how many it forgot.
CREATE FUNCTION pgfeed.expire_keys(age interval, batch integer DEFAULT 5000)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1885824613, 3) THEN
    RETURN 0;
  END IF;
  DELETE FROM pgfeed.key WHERE key IN (
    SELECT key FROM pgfeed.key WHERE at < clock_timestamp() - age
     ORDER BY at LIMIT batch FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;

REVOKE EXECUTE ON FUNCTION pgfeed.take_event(), pgfeed.rotate(bigint, boolean),
  pgfeed.prune_mark(interval, boolean), pgfeed.prune_sweep(integer),
  pgfeed.expire_keys(interval, integer) FROM PUBLIC;
