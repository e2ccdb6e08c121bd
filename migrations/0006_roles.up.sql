-- Who may do what, and how to find out whether it is so.
--
-- pgfeed_stream  reads events, but cannot write one
-- pgfeed_post    publishes through functions, but cannot read anything
--
-- Both are groups without a login: GRANT pgfeed_stream TO the role that the
-- program logs in as. A role that may not create roles leaves them out;
-- once somebody has created them, SELECT pgfeed.grant_roles() does the rest.

-- The rights that others than the owner have after an installation, one row
-- each. A right of a later migration is a row of this list. grantee: 'PUBLIC' or
-- one of the two groups; what: as in GRANT ... ON; part: the column, if any.
CREATE FUNCTION pgfeed.wanted_grants()
RETURNS TABLE (grantee text, privilege text, what text, object text, part text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT grantee, privilege, what, CASE what
           WHEN 'FUNCTION' THEN object::regprocedure::text
           WHEN 'TABLE' THEN object::regclass::text
           ELSE object END, part
    FROM (VALUES
      ('pgfeed_stream', 'USAGE', 'SCHEMA', 'pgfeed', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.event', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.event_id_seq', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.further', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.mark', NULL),
      ('pgfeed_stream', 'UPDATE', 'TABLE', 'pgfeed.mark', 'low'),
      ('pgfeed_stream', 'UPDATE', 'TABLE', 'pgfeed.mark', 'finished'),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.epoch', NULL),
      ('pgfeed_stream', 'INSERT', 'TABLE', 'pgfeed.epoch', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.migration', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.partition', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.holder', NULL),
      ('pgfeed_stream', 'SELECT', 'TABLE', 'pgfeed.duty', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.holders()', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.home()', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.new_history(text)', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.set_asleep(boolean)', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.rotate(bigint, boolean)', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.prune_mark(interval, boolean)', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.prune_sweep(integer)', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION', 'pgfeed.expire_keys(interval, integer)', NULL),
      ('pgfeed_stream', 'EXECUTE', 'FUNCTION',
        'pgfeed.allowed(text[], text[], text[], boolean)', NULL),
      ('pgfeed_post', 'USAGE', 'SCHEMA', 'pgfeed', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION', 'pgfeed.ring()', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION',
        'pgfeed.ingest(text[], text[], text[], text[])', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION',
        'pgfeed.ingest(text[], text[], text[], text[], text[])', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION',
        'pgfeed.ingest(text[], text[], text[], text[], text[], text[])', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION',
        'pgfeed.publish(text, text, text, text, text)', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION',
        'pgfeed.publish(text[], text, text, text, text)', NULL),
      ('pgfeed_post', 'EXECUTE', 'FUNCTION', 'pgfeed.position()', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.topic_valid(text)', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.pattern_valid(text)', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.wanted_grants()', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.present_grants()', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.grant_differences()', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.trigger_arguments(bytea)', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION',
        'pgfeed.attached_columns(oid, text[], smallint[], oid)', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.check_attached()', NULL),
      ('PUBLIC', 'EXECUTE', 'FUNCTION', 'pgfeed.check(text)', NULL)
    ) w (grantee, privilege, what, object, part)
$$;

-- The rights that others than the owner have now, in the same form.
CREATE FUNCTION pgfeed.present_grants()
RETURNS TABLE (grantee text, privilege text, what text, object text, part text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END,
         a.privilege_type, o.what, o.object, o.part
    FROM (
      SELECT 'SCHEMA', nspname::text, NULL::text, nspowner, nspacl
        FROM pg_namespace WHERE nspname = 'pgfeed'
      UNION ALL
      SELECT 'TABLE', c.oid::regclass::text, NULL, c.relowner, c.relacl
        FROM pg_class c WHERE c.relnamespace = 'pgfeed'::regnamespace
      UNION ALL
      SELECT 'TABLE', c.oid::regclass::text, t.attname::text, c.relowner, t.attacl
        FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid
       WHERE c.relnamespace = 'pgfeed'::regnamespace AND t.attacl IS NOT NULL
      UNION ALL
      SELECT 'FUNCTION', p.oid::regprocedure::text, NULL, p.proowner,
             coalesce(p.proacl, acldefault('f', p.proowner))
        FROM pg_proc p WHERE p.pronamespace = 'pgfeed'::regnamespace
    ) o (what, object, part, owner, acl)
   CROSS JOIN LATERAL aclexplode(o.acl) a
   WHERE a.grantee <> o.owner
$$;

-- Gives the groups that exist, and PUBLIC, the rights of the list above, and
-- takes what PUBLIC has by PostgreSQL's own default. exact takes every other
-- right as well, those that an administrator or default privileges gave: a fresh
-- installation begins with that. "pgfeed migrate" calls it without.
CREATE FUNCTION pgfeed.grant_roles(exact boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  g record;
BEGIN
  FOR g IN
    SELECT 'REVOKE' AS verb, p.* FROM pgfeed.present_grants() p
     WHERE NOT EXISTS (SELECT FROM pgfeed.wanted_grants() w
                        WHERE w IS NOT DISTINCT FROM p)
       AND (exact OR (p.grantee = 'PUBLIC' AND p.what = 'FUNCTION' AND EXISTS (
             SELECT FROM pg_proc WHERE oid = p.object::regprocedure AND proacl IS NULL)))
    UNION ALL
    SELECT 'GRANT', w.* FROM pgfeed.wanted_grants() w
     WHERE (w.grantee = 'PUBLIC' OR w.grantee IN (SELECT rolname FROM pg_roles))
       AND NOT EXISTS (SELECT FROM pgfeed.present_grants() p
                        WHERE w IS NOT DISTINCT FROM p)
  LOOP
    EXECUTE format('%s %s ON %s %s %s %s', g.verb,
      g.privilege || coalesce('(' || quote_ident(g.part) || ')', ''), g.what, g.object,
      CASE g.verb WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END,
      CASE g.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(g.grantee) END)
      || CASE g.verb WHEN 'GRANT' THEN '' ELSE ' CASCADE' END;
  END LOOP;
END $$;

-- Differences between the rights that others have and those of the list: what is
-- missing, and what could be abused. A role that an administrator lets publish,
-- read events or call functions is no difference.
CREATE FUNCTION pgfeed.grant_differences()
RETURNS TABLE (missing boolean, detail text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT missing, format('%s %s on %s', grantee,
           privilege || coalesce('(' || part || ')', ''), object)
    FROM (
      SELECT true, w.* FROM pgfeed.wanted_grants() w
       WHERE (w.grantee = 'PUBLIC' OR w.grantee IN (SELECT rolname FROM pg_roles))
         AND NOT EXISTS (SELECT FROM pgfeed.present_grants() p
                          WHERE w IS NOT DISTINCT FROM p)
      UNION ALL
      SELECT false, p.* FROM pgfeed.present_grants() p
       WHERE NOT EXISTS (SELECT FROM pgfeed.wanted_grants() w
                          WHERE w IS NOT DISTINCT FROM p)
         AND NOT (p.grantee <> 'PUBLIC' AND (
               p.privilege = 'EXECUTE' OR (p.what = 'SCHEMA' AND p.privilege = 'USAGE')
               OR (p.object = 'pgfeed.event' AND p.privilege IN ('SELECT', 'INSERT'))))
    ) d (missing, grantee, privilege, what, object, part)
   ORDER BY 1 DESC, 2
$$;

-- Rows as those of pgfeed.check(): what is wrong with attached tables, and who
-- may attach one.
CREATE FUNCTION pgfeed.check_attached()
RETURNS TABLE (name text, ok boolean, must boolean, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
  args text[];
  names text[];
  present text[];
  published integer;
  topic text;
  attached integer := 0;
  wrong text;
  all_wrong text[] := '{}';
BEGIN
  FOR t IN
    SELECT tgrelid::regclass AS rel, tgargs FROM pg_trigger
     WHERE tgname = 'pgfeed_row' AND tgparentid = 0 ORDER BY tgrelid::regclass::text
  LOOP
    attached := attached + 1;
    args := pgfeed.trigger_arguments(t.tgargs);
    topic := args[1];
    names := args[2];
    published := args[4];
    present := pgfeed.attached_columns(t.rel, names, args[3]::smallint[], args[5]::oid);
    FOR i IN 1 .. cardinality(names) LOOP
      topic := replace(topic, '{' || names[i] || '}', '{' || coalesce(present[i], '') || '}');
    END LOOP;
    SELECT string_agg(CASE WHEN attname IS NULL THEN format('column %I is gone', was)
             WHEN attname <> was THEN format('column %I is now called %I', was, attname)
             ELSE format('column %I is now of type %s', was, format_type(atttypid, NULL)) END,
             ', ' ORDER BY o) INTO wrong
      FROM unnest(names, present, args[6]::text[]) WITH ORDINALITY u (was, now_is, type, o)
      LEFT JOIN pg_attribute ON attrelid = t.rel AND attname = now_is
     WHERE (attname = was AND format_type(atttypid, NULL) = type) IS NOT TRUE;
    IF wrong IS NOT NULL THEN
      all_wrong := all_wrong || format(
        '%s: %s, attach it again: SELECT pgfeed.attach(%L, topic => %L, columns => %L)',
        t.rel, wrong, t.rel, topic, array_remove(present[:published], NULL));
    END IF;
    SELECT string_agg(format('ENABLE %sTRIGGER %I',
             CASE WHEN args[7] = 'always' THEN 'ALWAYS ' END, tgname), ', ' ORDER BY tgname) INTO wrong
      FROM pg_trigger
     WHERE tgrelid = t.rel AND tgname IN ('pgfeed_row', 'pgfeed_truncate')
       AND (tgenabled IN ('D', 'R') OR tgenabled <> 'A' AND args[7] = 'always');
    IF wrong IS NOT NULL THEN
      all_wrong := all_wrong || format('%s: its triggers are disabled: ALTER TABLE %1$s %s',
        t.rel, wrong);
    END IF;
    SELECT string_agg(c.oid::regclass::text, ', ') INTO wrong
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = t.rel AND NOT c.relispartition
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'pgfeed_row');
    IF wrong IS NOT NULL THEN
      all_wrong := all_wrong || format(
        '%s: tables that inherit from it are not attached: %s', t.rel, wrong);
    END IF;
  END LOOP;
  must := false;
  name := 'attached tables';
  ok := all_wrong = '{}';
  detail := CASE WHEN ok THEN format('%s attached, all as when they were attached', attached)
    ELSE array_to_string(all_wrong, '; ') END;
  RETURN NEXT;

  SELECT string_agg(DISTINCT coalesce(quote_ident(r.rolname), 'PUBLIC'), ', ') INTO wrong
    FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
   WHERE p.oid = 'pgfeed.attach_function'::regproc AND a.grantee <> p.proowner;
  name := 'attach grants';
  ok := coalesce(strpos(wrong, 'PUBLIC') = 0, true);
  detail := CASE WHEN wrong IS NULL THEN 'only pgfeed''s owner attaches tables' ELSE
    format('%s may attach tables, and so publish to any topic', wrong) END;
  RETURN NEXT;
END $$;

-- What the programs depend on, one row each. program is 'stream', 'post' or
-- 'owner'. must: the program refuses to run when it is not ok.
CREATE FUNCTION pgfeed.check(program text DEFAULT 'owner')
RETURNS TABLE (name text, ok boolean, must boolean, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  open text;
  missing text;
  q record;
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
      ELSE format('the sequence stands at %s but event %s exists, somebody has set it back, or logical replication brought the events, which copies no sequence: SELECT setval(%L, %s)',
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
  SELECT string_agg('ENABLE ALWAYS TRIGGER ' || w, ', ') INTO missing
    FROM unnest(ARRAY['bell', 'further']) w
   WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'pgfeed.event'::regclass
                        AND tgname = w AND tgenabled = 'A');
  ok := missing IS NULL;
  detail := CASE WHEN ok THEN 'the triggers of pgfeed.event are enabled' ELSE
    'triggers of pgfeed.event are off: ALTER TABLE pgfeed.event ' || missing END;
  RETURN NEXT;

  -- Without it a gateway finds a TRUNCATE by itself, at most 10 s later.
  name := 'emptied';
  must := false;
  ok := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'pgfeed.event'::regclass
                   AND tgname = 'emptied' AND tgenabled = 'A');
  detail := CASE WHEN ok THEN 'a TRUNCATE of pgfeed.event begins a new history' ELSE
    'gateways notice a TRUNCATE late: ALTER TABLE pgfeed.event ENABLE ALWAYS TRIGGER emptied' END;
  RETURN NEXT;
  must := true;

  name := 'last partition';
  ok := EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = 'pgfeed.event'::regclass
                   AND pg_get_expr(c.relpartbound, c.oid) LIKE '%TO (MAXVALUE)');
  detail := CASE WHEN ok THEN 'the last partition is open-ended' ELSE
    'no partition is open-ended, inserts will fail: create one of pgfeed.event up to MAXVALUE' END;
  RETURN NEXT;

  name := 'grants';
  IF program IN ('stream', 'post') THEN
    SELECT string_agg(w.privilege || ' on ' || w.object, ', ') INTO strangers
      FROM pgfeed.wanted_grants() w
     WHERE w.grantee = 'pgfeed_' || program AND NOT CASE
             WHEN w.what = 'SCHEMA' THEN has_schema_privilege(w.object, w.privilege)
             WHEN w.what = 'FUNCTION' THEN has_function_privilege(w.object, w.privilege)
             WHEN w.part IS NOT NULL
               THEN has_column_privilege(w.object, w.part, w.privilege)
             ELSE has_table_privilege(w.object, w.privilege) END;
    ok := strangers IS NULL;
    detail := format(CASE WHEN ok AND program = 'stream' THEN '%I may read events'
      WHEN ok THEN '%I may publish'
      WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_' || program
                      AND pg_has_role(oid, 'USAGE')) THEN
        'the group pgfeed_%2$s lacks rights (%3$s): SELECT pgfeed.grant_roles()'
      WHEN program = 'stream' THEN '%I may not read events: GRANT pgfeed_stream TO %1$I'
      ELSE '%I may not publish: GRANT pgfeed_post TO %1$I' END,
      current_user, program, strangers);
    RETURN NEXT;
  ELSE
    ok := has_table_privilege('pgfeed.event', 'INSERT')
      AND has_table_privilege('pgfeed.event', 'SELECT');
    detail := format(CASE WHEN ok THEN '%I may read and write events' ELSE
      '%I is not the owner of pgfeed''s tables' END, current_user);
    RETURN NEXT;
    must := false;
    SELECT string_agg(d.detail, ', ') FILTER (WHERE d.missing),
           string_agg(d.detail, ', ') FILTER (WHERE NOT d.missing)
      INTO missing, strangers FROM pgfeed.grant_differences() d;
    ok := missing IS NULL AND strangers IS NULL;
    detail := CASE WHEN ok THEN 'others have the rights that pgfeed gives them' ELSE
      concat_ws('; ', 'missing: ' || missing || ': SELECT pgfeed.grant_roles()',
        'too many: ' || strangers || ': REVOKE them, or all that pgfeed does not'
        || ' give: SELECT pgfeed.grant_roles(exact => true)') END;
    RETURN NEXT;
  END IF;

  must := true;
  name := 'row security';
  SELECT string_agg(c.oid::regclass::text, ', ') INTO strangers FROM pg_class c
   WHERE c.relnamespace = 'pgfeed'::regnamespace AND c.relrowsecurity;
  ok := strangers IS NULL;
  detail := CASE WHEN ok THEN 'no row is hidden from the programs' ELSE format(
    'row security hides rows of %s from the programs: ALTER TABLE ... DISABLE ROW LEVEL SECURITY',
    strangers) END;
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
    RETURN QUERY SELECT * FROM pgfeed.check_attached();
  END IF;

  -- The rules as a gateway asks for them, for nobody and for somebody.
  IF has_function_privilege('pgfeed.allowed(text[], text[], text[], boolean)', 'EXECUTE')
  THEN
    FOR q IN SELECT w.writing, CASE WHEN w.writing THEN 'may_write' ELSE 'may_read' END AS f
               FROM (VALUES (false), (true)) w (writing)
    LOOP
      name := q.f;
      SELECT min(substr(a.reason, 9)) INTO strangers
        FROM pgfeed.allowed(ARRAY[NULL, 'pgfeed-doctor'], ARRAY[NULL, NULL],
          ARRAY['doctor/trial', 'doctor/trial'], q.writing) a
       WHERE starts_with(a.reason, 'failed: ');
      ok := strangers IS NULL;
      detail := format(CASE WHEN ok THEN 'pgfeed.%s answers' ELSE
        'pgfeed.%s fails, so that everybody is refused: %s' END, q.f, strangers);
      RETURN NEXT;
    END LOOP;
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
  PERFORM pgfeed.grant_roles(exact => true);
  IF missing IS NOT NULL THEN
    RAISE NOTICE 'not made, since % may not create roles: %',
      current_user, array_to_string(missing, ', ')
      USING HINT = 'Let a superuser create them, then run: SELECT pgfeed.grant_roles()';
  END IF;
END $$;
