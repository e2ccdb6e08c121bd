-- Who may do what, and how to find out whether it is so.
--
-- pgfeed_stream  reads events, but cannot write one
-- pgfeed_post    publishes through functions, but cannot read anything
--
-- Both are groups without a login: GRANT pgfeed_stream TO the role that the
-- program logs in as. A role that may not create roles leaves them out;
-- once somebody has created them, SELECT pgfeed.grant_roles() does the rest.

CREATE FUNCTION pgfeed.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_stream') THEN
    GRANT USAGE ON SCHEMA pgfeed TO pgfeed_stream;
    GRANT SELECT ON pgfeed.event, pgfeed.event_id_seq, pgfeed.mark, pgfeed.epoch,
      pgfeed.migration, pgfeed.partition, pgfeed.holder TO pgfeed_stream;
    GRANT UPDATE (low, finished) ON pgfeed.mark TO pgfeed_stream;
    GRANT INSERT ON pgfeed.epoch TO pgfeed_stream;
    GRANT EXECUTE ON FUNCTION pgfeed.holders(), pgfeed.set_asleep(boolean), pgfeed.rotate(bigint, boolean),
      pgfeed.prune_mark(interval, boolean), pgfeed.prune_sweep(integer),
      pgfeed.expire_keys(interval, integer),
      pgfeed.allowed(text[], text[], text[], boolean) TO pgfeed_stream;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_post') THEN
    GRANT USAGE ON SCHEMA pgfeed TO pgfeed_post;
    GRANT EXECUTE ON FUNCTION pgfeed.ingest(text[], text[], text[], text[]),
      pgfeed.ingest(text[], text[], text[], text[], text[], text[]),
      pgfeed.publish(text, text, text, text), pgfeed.ring() TO pgfeed_post;
  END IF;
END $$;

-- What the programs depend on, one row each. program is 'stream', 'post' or
-- 'owner'. must: the program refuses to run when it is not ok.
CREATE FUNCTION pgfeed.check(program text DEFAULT 'owner')
RETURNS TABLE (name text, ok boolean, must boolean, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  open text;
  seq regclass := pg_get_serial_sequence('pgfeed.event', 'id');
  s record;
  strangers text;
  top bigint;
  drawn bigint;
BEGIN
  name := 'encoding';
  must := true;
  ok := current_setting('server_encoding') = 'UTF8';
  detail := 'the database''s encoding is ' || current_setting('server_encoding');
  RETURN NEXT;

  name := 'identity';
  ok := EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pgfeed.event'::regclass
                   AND attname = 'id' AND attidentity = 'a') AND seq IS NOT NULL;
  detail := CASE WHEN ok THEN 'ids are GENERATED ALWAYS' ELSE
    'ids must be GENERATED ALWAYS: ALTER TABLE pgfeed.event ALTER id SET GENERATED ALWAYS' END;
  RETURN NEXT;
  IF NOT ok THEN
    RETURN;
  END IF;

  SELECT * INTO STRICT s FROM pg_sequence WHERE seqrelid = seq;
  name := 'cache';
  ok := s.seqcache = 1;
  detail := CASE WHEN ok THEN 'the sequence has CACHE 1' ELSE format(
    'the sequence has CACHE %s, events would be lost: ALTER SEQUENCE %s CACHE 1',
    s.seqcache, seq) END;
  RETURN NEXT;

  name := 'increment';
  ok := s.seqincrement = 1 AND NOT s.seqcycle;
  detail := CASE WHEN ok THEN 'ids rise by one' ELSE format(
    'ids must rise by one: ALTER SEQUENCE %s INCREMENT 1 NO CYCLE', seq) END;
  RETURN NEXT;

  IF has_table_privilege('pgfeed.event', 'SELECT')
    AND has_sequence_privilege(seq, 'SELECT') THEN
    SELECT max(id) INTO top FROM pgfeed.event;
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END
      INTO drawn FROM pgfeed.event_id_seq;
    name := 'sequence';
    ok := coalesce(top, 0) <= drawn;
    detail := CASE WHEN ok THEN format('the highest id drawn is %s', drawn)
      ELSE format('the sequence stands at %s but event %s exists, somebody has set it back: SELECT setval(%L, %s)',
      drawn, top, seq, top) END;
    RETURN NEXT;
  END IF;

  SELECT string_agg(DISTINCT coalesce(r.rolname, 'PUBLIC'), ', ') INTO strangers
    FROM pg_class c
   CROSS JOIN LATERAL aclexplode(c.relacl) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
   WHERE c.oid = seq AND a.grantee <> c.relowner
     AND a.privilege_type IN ('USAGE', 'UPDATE');
  name := 'sequence grants';
  ok := strangers IS NULL;
  detail := CASE WHEN ok THEN 'only its owner uses the sequence' ELSE format(
    '%s may use the sequence directly: REVOKE USAGE, UPDATE ON SEQUENCE %s FROM %1$s',
    strangers, seq) END;
  RETURN NEXT;

  name := 'bell';
  ok := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'pgfeed.event'::regclass
                   AND tgname = 'bell' AND tgenabled IN ('O', 'A'));
  detail := CASE WHEN ok THEN 'the bell trigger is enabled' ELSE
    'the bell trigger is off: ALTER TABLE pgfeed.event ENABLE TRIGGER bell' END;
  RETURN NEXT;

  name := 'last partition';
  ok := EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = 'pgfeed.event'::regclass
                   AND pg_get_expr(c.relpartbound, c.oid) LIKE '%TO (MAXVALUE)');
  detail := CASE WHEN ok THEN 'the last partition is open-ended' ELSE
    'no partition is open-ended, inserts will fail: create one of pgfeed.event up to MAXVALUE' END;
  RETURN NEXT;

  name := 'grants';
  IF program = 'stream' THEN
    ok := has_table_privilege('pgfeed.event', 'SELECT')
      AND has_sequence_privilege(seq, 'SELECT')
      AND has_table_privilege('pgfeed.mark', 'SELECT')
      AND has_column_privilege('pgfeed.mark', 'low', 'UPDATE')
      AND has_column_privilege('pgfeed.mark', 'finished', 'UPDATE')
      AND has_table_privilege('pgfeed.epoch', 'SELECT')
      AND has_table_privilege('pgfeed.epoch', 'INSERT')
      AND has_function_privilege('pgfeed.prune_sweep(integer)', 'EXECUTE')
      AND has_function_privilege(
        'pgfeed.allowed(text[], text[], text[], boolean)', 'EXECUTE');
    detail := format(CASE WHEN ok THEN '%I may read events'
      WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_stream'
                     AND pg_has_role(oid, 'USAGE')) THEN
        'the group pgfeed_stream lacks a right: SELECT pgfeed.grant_roles()'
      ELSE '%I may not read events: GRANT pgfeed_stream TO %1$I' END, current_user);
  ELSIF program = 'post' THEN
    ok := has_function_privilege(
      'pgfeed.ingest(text[], text[], text[], text[], text[], text[])', 'EXECUTE');
    detail := format(CASE WHEN ok THEN '%I may publish'
      WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_post'
                     AND pg_has_role(oid, 'USAGE')) THEN
        'the group pgfeed_post lacks a right: SELECT pgfeed.grant_roles()'
      ELSE '%I may not publish: GRANT pgfeed_post TO %1$I' END, current_user);
  ELSE
    ok := has_table_privilege('pgfeed.event', 'INSERT')
      AND has_table_privilege('pgfeed.event', 'SELECT');
    detail := format(CASE WHEN ok THEN '%I may read and write events' ELSE
      '%I is not the owner of pgfeed''s tables' END, current_user);
  END IF;
  RETURN NEXT;

  must := false;
  name := 'least privilege';
  IF program = 'stream' THEN
    ok := NOT has_table_privilege('pgfeed.event', 'INSERT');
    detail := format(CASE WHEN ok THEN '%I cannot write events' ELSE
      '%I can write events, which pgfeed-stream does not need' END, current_user);
    RETURN NEXT;
  ELSIF program = 'post' THEN
    ok := NOT has_table_privilege('pgfeed.event', 'SELECT');
    detail := format(CASE WHEN ok THEN '%I cannot read events' ELSE
      '%I can read events, which pgfeed-post does not need' END, current_user);
    RETURN NEXT;
  ELSE
    name := 'owner';
    SELECT NOT r.rolsuper, r.rolname INTO ok, strangers
      FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
     WHERE c.oid = 'pgfeed.event'::regclass;
    detail := format(CASE WHEN ok THEN 'pgfeed''s functions run as %I' ELSE
      'pgfeed''s functions run as %I, a superuser: an ordinary role is enough' END,
      strangers);
    RETURN NEXT;

    IF has_table_privilege('pgfeed.access', 'SELECT') THEN
      name := 'access';
      SELECT string_agg(format('%s (%s)', a.pattern,
               concat_ws(', ', CASE WHEN may_read THEN 'read' END,
                               CASE WHEN may_write THEN 'write' END)), ', '
               ORDER BY a.pattern) INTO open
        FROM pgfeed.access a
       WHERE who = '*' AND (may_read OR may_write)
         AND NOT pgfeed.covers('public/*', a.pattern);
      ok := open IS NULL;
      detail := CASE WHEN ok THEN 'nothing but public/* is open to everybody' ELSE
        'open to everybody: ' || open END;
      RETURN NEXT;
    END IF;
  END IF;
END $$;

DO $$
DECLARE
  r text;
  missing text[];
BEGIN
  FOREACH r IN ARRAY ARRAY['pgfeed_stream', 'pgfeed_post'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', r);
      EXCEPTION
        WHEN insufficient_privilege THEN missing := missing || r;
        WHEN duplicate_object OR unique_violation THEN NULL; -- made just now
      END;
    END IF;
  END LOOP;
  PERFORM pgfeed.grant_roles();
  IF missing IS NOT NULL THEN
    RAISE NOTICE 'not made, since % may not create roles: %',
      current_user, array_to_string(missing, ', ')
      USING HINT = 'Let a superuser create them, then run: SELECT pgfeed.grant_roles()';
  END IF;
END $$;

REVOKE EXECUTE ON FUNCTION pgfeed.grant_roles() FROM PUBLIC;
