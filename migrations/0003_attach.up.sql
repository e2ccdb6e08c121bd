-- Changes of any table as events.
--
-- The trigger is deferred to the commit: ids are drawn in the last
-- milliseconds even of a long transaction, and a rolled back one draws none.
-- Each event has old and new as they were at that moment, in order.

-- Arguments: topic, name of the table, then the columns to publish.
CREATE FUNCTION pgfeed.changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns text[] := tg_argv[2:];
  before text := 'null';
  after text := 'null';
  message text;
BEGIN
  IF tg_op IN ('UPDATE', 'DELETE') THEN
    SELECT '{' || string_agg(to_json(key) || ':' || value, ',') || '}' INTO before
      FROM json_each(to_json(old)) WHERE key = ANY (columns);
  END IF;
  IF tg_op IN ('INSERT', 'UPDATE') THEN
    SELECT '{' || string_agg(to_json(key) || ':' || value, ',') || '}' INTO after
      FROM json_each(to_json(new)) WHERE key = ANY (columns);
  END IF;
  IF tg_op = 'UPDATE' AND before = after THEN
    RETURN NULL; -- nothing that is published has changed
  END IF;
  message := format('{"table":%s,"old":%s,"new":%s}', to_json(tg_argv[1]),
    coalesce(before, '{}'), coalesce(after, '{}'));
  IF octet_length(message) > 1048576 THEN
    -- Too big for an event, which is no reason to fail the application.
    message := format('{"table":%s,"old":null,"new":null,"omitted":true}',
      to_json(tg_argv[1]));
  END IF;
  INSERT INTO pgfeed.event (topic, kind, data)
  VALUES (tg_argv[0], lower(tg_op), message);
  RETURN NULL;
END $$;

-- Publishes the changes of a table to a topic (default: the table's name), of
-- the given columns (default: those it has now; a column added later may be
-- nobody's business). Attaching again replaces. Runs with the caller's
-- rights: it takes the TRIGGER privilege on the table, and ownership to replace.
CREATE FUNCTION pgfeed.attach(rel regclass, topic text DEFAULT NULL,
  columns text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
  present text[];
  wrong text[];
  call text;
BEGIN
  SELECT c.relname, c.relkind, c.relispartition, n.nspname INTO t
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = rel;
  IF t IS NULL THEN
    RAISE 'there is no such table' USING ERRCODE = 'undefined_table';
  END IF;
  IF t.relkind NOT IN ('r', 'p') THEN
    RAISE '% is not a table', rel USING ERRCODE = 'wrong_object_type',
      HINT = 'Only tables can be attached; for a view, attach the tables below it.';
  END IF;
  IF rel IN ('pgfeed.event', 'pgfeed.mark', 'pgfeed.epoch', 'pgfeed.key',
      'pgfeed.migration') OR t.nspname = 'pg_catalog' THEN
    RAISE '% cannot be attached', rel USING ERRCODE = 'wrong_object_type',
      HINT = 'Attach a table of your own.';
  END IF;
  IF t.relispartition THEN
    RAISE '% is a partition', rel USING ERRCODE = 'wrong_object_type',
      HINT = format('Attach the whole table %s.', pg_partition_root(rel));
  END IF;
  topic := coalesce(topic, t.relname);
  IF NOT pgfeed.topic_valid(topic) THEN
    RAISE '"%" is not a topic', topic
      USING ERRCODE = 'invalid_parameter_value', HINT =
        'A topic has 1 to 1024 bytes without control characters, "*", "{" and "}", and does not begin with "-/".';
  END IF;
  SELECT array_agg(attname::text ORDER BY attnum) INTO present
    FROM pg_attribute WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped;
  columns := coalesce(columns, present);
  SELECT array_agg(c) INTO wrong FROM unnest(columns) c
   WHERE c IS NULL OR c <> ALL (present);
  IF wrong IS NOT NULL THEN
    RAISE '% has no column %', rel,
      (SELECT string_agg(coalesce(quote_ident(c), 'NULL'), ', ') FROM unnest(wrong) c)
      USING ERRCODE = 'undefined_column';
  END IF;

  PERFORM pgfeed.detach(rel);
  SELECT format('pgfeed.changed(%s)', string_agg(quote_literal(a), ', ' ORDER BY o))
    INTO call
    FROM unnest(ARRAY[topic, t.nspname || '.' || t.relname] || columns)
      WITH ORDINALITY u (a, o);
  EXECUTE format('CREATE CONSTRAINT TRIGGER pgfeed_row AFTER INSERT OR UPDATE OR DELETE'
    ' ON %I.%I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION %s',
    t.nspname, t.relname, call);
  EXECUTE format('CREATE TRIGGER pgfeed_truncate AFTER TRUNCATE'
    ' ON %I.%I FOR EACH STATEMENT EXECUTE FUNCTION %s',
    t.nspname, t.relname, call);
  RETURN topic;
END $$;

-- Undoes pgfeed.attach(); returns whether the table was attached.
CREATE FUNCTION pgfeed.detach(rel regclass) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
  found_any boolean := false;
BEGIN
  FOR t IN
    SELECT g.tgname, n.nspname, c.relname
      FROM pg_trigger g
      JOIN pg_class c ON c.oid = g.tgrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE g.tgrelid = rel AND g.tgparentid = 0
       AND g.tgname IN ('pgfeed_row', 'pgfeed_truncate')
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %I.%I', t.tgname, t.nspname, t.relname);
    found_any := true;
  END LOOP;
  RETURN found_any;
END $$;

REVOKE EXECUTE ON FUNCTION pgfeed.changed(), pgfeed.attach(regclass, text, text[]),
  pgfeed.detach(regclass) FROM PUBLIC;
