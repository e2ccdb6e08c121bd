-- Changes of any table as events.
--
-- pgfeed.attach() writes a trigger function for the table, pgfeed.changed_*,
-- which belongs to pgfeed's owner and runs with that owner's rights, so a writer
-- of the table needs no right on pgfeed.event. The function is generated, since
-- only code that names the columns reads the published columns and no others.
--
-- Always:
-- * No code of the table's owner runs with the rights of pgfeed's owner.
--   to_json() would run a cast to json that the owner of a type has defined.
--   Values of a type that PostgreSQL comes with go through to_json(), values of
--   any other type through format('%s'), which runs the type's output function,
--   and only a superuser can define one. A value's type is checked where it is
--   used; generated code contains no cast, operator or comparison of a column.
-- * No row fails its writer. An error while the row is read becomes an event
--   with "omitted". Only storing the event itself can fail.
-- * The writer's settings do not change what is published: the function pins
--   those that output functions depend on.
-- * A writer cannot forge an event of a table. The functions that store one
--   belong to pgfeed's owner, PUBLIC may not execute them, and a trigger function
--   cannot be called by hand. EXECUTE on pgfeed.attach is another matter: its
--   holder may publish to any topic, by attaching a table of their own.
--
-- A table that was altered since it was attached is still published, by
-- pgfeed.row_slowly(), which reads the catalog for each row, and
-- pgfeed.check_attached() (0006_roles) names the table.

-- What stands in a topic for a value: one path segment. Control characters and
-- %/*{} are percent-encoded, and so is a lone "-", which begins a reserved name.
-- NULL, the empty text and what is too long for a topic give NULL: no topic.
CREATE FUNCTION pgfeed.topic_segment(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF value = '' OR octet_length(value) > 1024 THEN
    RETURN NULL;
  ELSIF value = '-' THEN
    RETURN '%2D';
  ELSIF value !~ E'[\u0001-\u001f\u007f%/*{}]' THEN
    RETURN value;
  END IF;
  RETURN (SELECT string_agg(CASE WHEN c ~ E'[\u0001-\u001f\u007f%/*{}]'
                   THEN '%' || upper(lpad(to_hex(ascii(c)), 2, '0')) ELSE c END, '' ORDER BY o)
            FROM string_to_table(value, NULL) WITH ORDINALITY t (c, o));
END $$;

-- The JSON of an array: elements in row-major order, dims as array_dims() has them.
CREATE FUNCTION pgfeed.json_array(elements text[], dims text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bounds text[];
  size integer;
BEGIN
  FOR bounds IN
    SELECT m FROM regexp_matches(dims, '[[](-?[0-9]+):(-?[0-9]+)[]]', 'g')
             WITH ORDINALITY t (m, o) ORDER BY o DESC
  LOOP
    size := bounds[2]::bigint - bounds[1]::bigint + 1;
    elements := ARRAY(
      SELECT '[' || string_agg(e, ',' ORDER BY o) || ']'
        FROM unnest(elements) WITH ORDINALITY t (e, o)
       GROUP BY (o - 1) / size ORDER BY (o - 1) / size);
  END LOOP;
  RETURN coalesce(elements[1], '[]');
END $$;

CREATE FUNCTION pgfeed.base_type(type oid) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  below oid;
BEGIN
  LOOP
    SELECT typbasetype INTO below FROM pg_type WHERE oid = type AND typtype = 'd';
    EXIT WHEN NOT FOUND;
    type := below;
  END LOOP;
  RETURN type;
END $$;

-- The SQL expression of a value's JSON, as text that is never NULL. ref is the
-- SQL of the value. Oids below 16384 are those of the types PostgreSQL comes
-- with. COALESCE(x, NULL) has the type below a domain; pg_typeof() is decided
-- when the expression is parsed, as is what to_json() gets.
CREATE FUNCTION pgfeed.value_expression(ref text, type oid, depth integer DEFAULT 0)
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  base oid := pgfeed.base_type(type);
  element oid;
  fields text;
  written text := format('to_json(format(''%%s'', %s))::text', ref);
  value text;
BEGIN
  IF base < 16384 THEN
    value := format('coalesce(to_json(%s)::text, ''null'')', ref);
    -- A column is checked beforehand; what is inside a value is checked here.
    RETURN CASE WHEN depth = 0 THEN value ELSE
      format('CASE WHEN pg_typeof(COALESCE(%s, NULL))::oid < 16384 THEN %s ELSE %s END',
             ref, value, written) END;
  END IF;
  SELECT oid INTO element FROM pg_type WHERE typarray = base;
  IF FOUND THEN
    value := format('pgfeed.json_array(ARRAY(SELECT %s FROM (SELECT unnest(%s) AS e) AS e%s),'
      ' array_dims(%2$s))', pgfeed.value_expression(format('e%s.e', depth), element, depth + 1),
      ref, depth);
  ELSIF (SELECT typtype = 'c' FROM pg_type WHERE oid = base) THEN
    SELECT string_agg(format('%L || %s', CASE WHEN nth > 1 THEN ',' ELSE '' END || to_json(name) || ':',
             pgfeed.value_expression(format('(%s).%I', ref, name), atttypid, depth + 1)),
             ' || ' ORDER BY nth) INTO fields
      FROM (SELECT attname::text AS name, atttypid, row_number() OVER (ORDER BY attnum) AS nth
              FROM pg_attribute
             WHERE attrelid = (SELECT typrelid FROM pg_type WHERE oid = base)
               AND attnum > 0 AND NOT attisdropped) a;
    value := format('''{'' || %s || ''}''', coalesce(fields, ''''''));
  ELSE
    value := written;
  END IF;
  RETURN format('CASE WHEN num_nulls(%s) = 1 THEN ''null'' ELSE %s END', ref, value);
END $$;

-- For the columns named in order, of a row that SQL calls source ("old"):
-- data: the expression of their JSON object, as text
-- size: the expression of about a lower bound of their bytes, which reads no value
--       but one that is compressed to less than 1 MiB
-- safe: the condition under which both may be evaluated
CREATE FUNCTION pgfeed.row_expressions(rel oid, columns text[], source text,
  OUT data text, OUT size text, OUT safe text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  c record;
  template text := '';
  parts text[] := '{}';
  arguments text[] := '{}';
  sizes text[] := '{0}';
  checks text[] := '{true}';
BEGIN
  FOR c IN
    SELECT attname, atttypid, atttypmod, attlen, o, pgfeed.base_type(atttypid) AS base,
           format('%s.%I', source, attname) AS ref
      FROM unnest(columns) WITH ORDINALITY u (name, o)
      JOIN pg_attribute ON attrelid = rel AND attname = name
     WHERE attnum > 0 AND NOT attisdropped ORDER BY o
  LOOP
    template := template || CASE WHEN c.o > 1 THEN ',' ELSE '' END
      || replace(to_json(c.attname)::text, '%', '%%') || ':%s';
    arguments := arguments || pgfeed.value_expression(c.ref, c.atttypid);
    IF cardinality(arguments) = 50 THEN -- a function has up to 100 arguments
      parts := parts || format('format(%L, %s)', template, array_to_string(arguments, ', '));
      template := '';
      arguments := '{}';
    END IF;
    checks := checks || CASE WHEN c.base < 16384
      THEN format('pg_typeof(COALESCE(%s, NULL))::oid = %s', c.ref, c.base)
      ELSE format('pg_typeof(COALESCE(%s, NULL)) = %L::regtype', c.ref,
                  format_type(c.base, NULL)) END;
    IF c.base IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'bytea'::regtype) THEN
      IF c.atttypmod NOT BETWEEN 0 AND 1028 THEN
        sizes := sizes || format('coalesce(octet_length(%s), 0)::bigint', c.ref);
      END IF;
    ELSIF c.attlen = -1 AND c.base < 16384 THEN
      -- A compressed value may be 255 times as large as it is stored.
      -- In parentheses, since PL/pgSQL ends a condition at the first THEN outside.
      sizes := sizes || format('(CASE WHEN pg_column_size(%1$s) BETWEEN 4096 AND 1048576'
        ' AND pg_column_compression(%1$s) <> '''' THEN octet_length(format(''%%s'', %1$s))'
        ' ELSE coalesce(pg_column_size(%1$s), 0) END)::bigint', c.ref);
    ELSIF c.attlen = -1 THEN
      sizes := sizes || format('coalesce(pg_column_size(%s), 0)::bigint', c.ref);
    END IF;
  END LOOP;
  IF arguments <> '{}' THEN
    parts := parts || format('format(%L, %s)', template, array_to_string(arguments, ', '));
  END IF;
  data := format('''{'' || %s || ''}''',
    coalesce(nullif(array_to_string(parts, ' || '), ''), ''''''));
  size := array_to_string(sizes, ' + ');
  safe := array_to_string(checks, ' AND ');
END $$;

-- The expression of a topic such as "chat/{order_id}". columns are the names
-- that stand in braces, present those columns' names in the table: NULL for a
-- column that is gone, which gives no topic.
CREATE FUNCTION pgfeed.topic_expression(topic text, columns text[], present text[], source text)
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  m text[];
  parts text[] := '{}';
  name text;
BEGIN
  FOR m IN SELECT regexp_matches(topic, '([^{}]*)(?:[{]([^{}]+)[}])?', 'g') LOOP
    IF m[1] <> '' THEN
      parts := parts || quote_literal(m[1]);
    END IF;
    IF m[2] IS NOT NULL THEN
      name := present[array_position(columns, m[2])];
      parts := parts || coalesce(format('CASE WHEN pg_column_size(%1$s) <= 4096'
        ' THEN pgfeed.topic_segment(format(''%%s'', %1$s)) END',
        format('%s.%I', source, name)), 'NULL');
    END IF;
  END LOOP;
  RETURN array_to_string(parts, ' || ');
END $$;

-- Arguments of the row trigger: the topic; the names of the columns that are
-- published, then of those in the topic only; their numbers; how many are
-- published; the oid of the table, for which alone the numbers count (a restored
-- dump numbers columns anew); the types of the columns; "always" or nothing.

-- Today's names of the columns, NULL for one that is gone.
CREATE FUNCTION pgfeed.attached_columns(rel oid, names text[], numbers smallint[], was oid)
RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN ARRAY(
    SELECT a.attname::text
      FROM unnest(names, numbers) WITH ORDINALITY u (name, number, o)
      LEFT JOIN pg_attribute a ON a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
       AND CASE WHEN was = rel THEN a.attnum = number ELSE a.attname = name END
     ORDER BY o);
END $$;

-- pg_trigger.tgargs as an array.
CREATE FUNCTION pgfeed.trigger_arguments(tgargs bytea) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN ARRAY(
    SELECT convert_from(decode(replace(hex, ' ', ''), 'hex'), 'UTF8')
      FROM string_to_table(regexp_replace(encode(tgargs, 'hex'), '(..)', E'\\1 ', 'g'), '00 ')
           WITH ORDINALITY t (hex, o)
     ORDER BY o);
END $$;

-- The settings that the text of the given columns depends on, as a clause of
-- CREATE FUNCTION: each one costs time per row, and most types need none. A
-- topic has a date as its output function writes it, to_json() has its own way.
CREATE FUNCTION pgfeed.pinned_settings(rel oid, topic text, columns text[], published integer)
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  in_json oid[] := '{bool,int2,int4,int8,oid,numeric,text,varchar,bpchar,name,uuid,json,jsonb,xml,date,timestamp,time,inet,cidr,bool[],int2[],int4[],int8[],numeric[],text[],varchar[],uuid[],date[],timestamp[]}'::regtype[]::oid[];
  in_topic oid[] := '{bool,int2,int4,int8,oid,numeric,text,varchar,bpchar,name,uuid}'::regtype[]::oid[];
  bases oid[];
BEGIN
  SELECT array_agg(base) INTO bases
    FROM (SELECT pgfeed.base_type(atttypid) AS base, attname = ANY (columns[:published]) AS out,
                 strpos(topic, '{' || attname || '}') > 0 AS named
            FROM pg_attribute WHERE attrelid = rel AND attname = ANY (columns)) c
   WHERE out AND base <> ALL (in_json) OR named AND base <> ALL (in_topic);
  RETURN CASE
    WHEN bases IS NULL THEN ''
    WHEN bases <@ ARRAY['timestamptz'::regtype::oid] AND strpos(topic, '{') = 0 THEN
      ' SET timezone = ''UTC'''
    ELSE ' SET datestyle = ''ISO'' SET intervalstyle = postgres SET timezone = ''UTC'''
      ' SET extra_float_digits = 1 SET bytea_output = hex SET quote_all_identifiers = off'
    END || CASE WHEN 'money'::regtype::oid = ANY (bases)
           THEN ' SET lc_monetary FROM CURRENT' ELSE '' END;
END $$;

-- What the generated code says of a row, found out from the catalog. topic is
-- NULL where there is none, omitted the reason why there is no data.
CREATE FUNCTION pgfeed.row_slowly(rel oid, args text[], r record,
  OUT data text, OUT topic text, OUT omitted text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
SET intervalstyle = postgres SET timezone = 'UTC' SET extra_float_digits = 1
SET bytea_output = hex SET quote_all_identifiers = off AS $$
DECLARE
  present text[] := pgfeed.attached_columns(coalesce(pg_partition_root(rel), rel),
    args[1]::text[], args[2]::smallint[], args[4]::oid);
  e record;
BEGIN
  topic := CASE WHEN strpos(args[0], '{') = 0 THEN args[0] END;
  e := pgfeed.row_expressions(rel, array_remove(present[:args[3]::integer], NULL), '($1)');
  EXECUTE format('SELECT %s, CASE WHEN %s <= 1048576 THEN %s END',
    pgfeed.topic_expression(args[0], args[1]::text[], present, '($1)'), e.size, e.data)
    INTO topic, data USING r;
  IF data IS NULL THEN
    omitted := 'too large';
  END IF;
EXCEPTION WHEN OTHERS THEN
  RAISE LOG 'a row of % could not be published: %', rel::regclass, sqlerrm;
  omitted := 'error ' || sqlstate;
END $$;

-- The statements of a trigger function that read one row, "old" or "new".
CREATE FUNCTION pgfeed.row_code(rel oid, topic text, columns text[], published integer,
  source text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  e record := pgfeed.row_expressions(rel, columns[:published], source);
BEGIN
  RETURN format($code$
        IF NOT (%2$s) THEN
          RAISE datatype_mismatch;
        END IF;
        %1$s_topic := %3$s;
        IF %4$s > 1048576 THEN
          omitted := 'too large';
        ELSE
          %1$s_row := %5$s;
        END IF;$code$, source, e.safe,
    pgfeed.topic_expression(topic, columns, columns, source), e.size, e.data);
END $$;

-- Drops the trigger functions that no table uses, as after DROP TABLE.
CREATE FUNCTION pgfeed.drop_unattached() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN
    SELECT p.oid FROM pg_proc p
     WHERE pronamespace = 'pgfeed'::regnamespace AND proname ~ '^changed_[0-9a-f]{12}$'
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgfoid = p.oid)
  LOOP
    BEGIN
      EXECUTE format('DROP FUNCTION %s', f);
    EXCEPTION WHEN OTHERS THEN
      NULL; -- another session has dropped it
    END;
  END LOOP;
END $$;

-- Makes the trigger function of a table and lets the role use it in a trigger.
-- For pgfeed.attach(), which has checked the arguments. It changes nothing that
-- is there: whoever calls it by hand has a function without a trigger.
CREATE FUNCTION pgfeed.attach_function(rel regclass, topic text, columns text[],
  published integer, caller text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made text := 'changed_' || left(md5(gen_random_uuid()::text), 12);
  -- By its present name, for a partition that of the whole table.
  relation text := CASE (SELECT relkind FROM pg_class WHERE oid = rel)
    WHEN 'p' THEN 'array_to_string(parse_ident(pg_partition_root(tg_relid)::text), ''.'')'
    ELSE 'tg_table_schema || ''.'' || tg_table_name' END;
  per_row boolean := strpos(topic, '{') > 0;
  stranger text;
BEGIN
  PERFORM pgfeed.drop_unattached();
  EXECUTE format('CREATE FUNCTION pgfeed.%I() RETURNS trigger LANGUAGE plpgsql'
    ' SECURITY DEFINER SET search_path = pg_catalog, pg_temp%s AS %L', made,
    pgfeed.pinned_settings(rel, topic, columns, published), format($code$
DECLARE
  old_row text;
  new_row text;
  old_topic text;
  new_topic text;
  omitted text;
  data text;
  slow record;
BEGIN
  IF tg_op <> 'TRUNCATE' THEN
    BEGIN
      IF tg_op <> 'INSERT' THEN%1$s
      END IF;
      IF tg_op <> 'DELETE' THEN%2$s
      END IF;
    EXCEPTION WHEN OTHERS THEN
      old_topic := NULL;
      new_topic := NULL;
      omitted := NULL;
      BEGIN
        IF tg_op <> 'INSERT' THEN
          slow := pgfeed.row_slowly(tg_relid, tg_argv, old);
          old_row := slow.data;
          old_topic := slow.topic;
          omitted := slow.omitted;
        END IF;
        IF tg_op <> 'DELETE' THEN
          slow := pgfeed.row_slowly(tg_relid, tg_argv, new);
          new_row := slow.data;
          new_topic := slow.topic;
          omitted := coalesce(omitted, slow.omitted);
        END IF;
      EXCEPTION WHEN OTHERS THEN -- as when the whole row is too large for memory
        RAISE LOG 'a row of %% could not be published: %%', tg_relid::regclass, sqlerrm;
        omitted := 'error ' || sqlstate;
        old_topic := %3$s;
        new_topic := old_topic;
      END;
    END;
  ELSE
    new_topic := %3$s;
  END IF;
  IF tg_op = 'UPDATE' AND omitted IS NULL AND old_row = new_row AND new_row <> '{}'%5$s THEN
    RETURN NULL; -- nothing that is published has changed
  END IF;
%6$s  IF omitted IS NULL THEN
    data := '{"table":' || to_json(%4$s) || ',"old":' || coalesce(old_row, 'null')
      || ',"new":' || coalesce(new_row, 'null') || '}';
    IF octet_length(data) > 1048576 THEN
      omitted := 'too large';
    END IF;
  END IF;
  IF omitted IS NOT NULL THEN
    data := '{"table":' || to_json(%4$s)
      || ',"old":null,"new":null,"omitted":true,"reason":' || to_json(omitted) || '}';
  END IF;
  INSERT INTO pgfeed.event (topic, also, kind, data)
  VALUES (coalesce(new_topic, old_topic),
    CASE WHEN old_topic <> new_topic THEN ARRAY[old_topic] END, lower(tg_op), data);
  RETURN NULL;
END $code$,
    pgfeed.row_code(rel, topic, columns, published, 'old'),
    pgfeed.row_code(rel, topic, columns, published, 'new'),
    CASE WHEN per_row THEN 'NULL' ELSE quote_literal(topic) END, relation,
    CASE WHEN per_row THEN E'\n    AND old_topic IS NOT DISTINCT FROM new_topic' ELSE '' END,
    CASE WHEN per_row THEN $code$
  -- What makes no topic is in none.
  IF NOT pgfeed.topic_valid(old_topic) THEN
    old_topic := NULL;
  END IF;
  IF NOT pgfeed.topic_valid(new_topic) THEN
    new_topic := NULL;
  END IF;
  IF old_topic IS NULL AND new_topic IS NULL THEN
    RETURN NULL;
  END IF;
$code$ ELSE '' END));
  EXECUTE format('REVOKE ALL ON FUNCTION pgfeed.%I() FROM PUBLIC', made);
  FOR stranger IN -- from default privileges
    SELECT r.rolname FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
      JOIN pg_roles r ON r.oid = a.grantee
     WHERE p.pronamespace = 'pgfeed'::regnamespace AND p.proname = made AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION pgfeed.%I() FROM %I', made, stranger);
  END LOOP;
  IF caller <> current_user THEN
    EXECUTE format('GRANT EXECUTE ON FUNCTION pgfeed.%I() TO %I', made, caller);
  END IF;
  RETURN made;
END $$;

-- Publishes the changes of a table to a topic (default: the table's name), of
-- the given columns (default: those it has now; a column added later may be
-- nobody's business). {name} in the topic stands for that column's value. With
-- deferred, events are written when the transaction commits; with always, also
-- for rows that logical replication brings. Deferred is the default without always:
-- a replicated transaction that deletes and truncates could not be applied. Attaching again replaces
-- the topic and the columns, and keeps deferred and always where they are not
-- given. Runs with the caller's rights: it takes the TRIGGER privilege on the
-- table, and ownership to replace and for always. Returns the topic.
CREATE FUNCTION pgfeed.attach(rel regclass, topic text DEFAULT NULL,
  columns text[] DEFAULT NULL, deferred boolean DEFAULT NULL, always boolean DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
  was record;
  in_topic text[];
  present text[];
  wrong text[];
  others text;
  function text;
  args text;
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
  IF t.relispartition THEN
    RAISE '% is a partition', rel USING ERRCODE = 'wrong_object_type',
      HINT = format('Attach the whole table %s.', pg_partition_root(rel));
  END IF;
  IF t.nspname IN ('pgfeed', 'pg_catalog', 'information_schema') THEN
    RAISE '% cannot be attached', rel USING ERRCODE = 'wrong_object_type',
      HINT = 'Attach a table of your own.';
  END IF;

  IF topic IS NULL THEN
    SELECT string_agg(tgrelid::regclass::text, ', ') INTO others FROM pg_trigger
     WHERE tgname = 'pgfeed_row' AND tgparentid = 0 AND tgrelid <> rel
       AND (pgfeed.trigger_arguments(tgargs))[1] = t.relname;
    IF others IS NOT NULL THEN
      RAISE WARNING 'the topic % is also that of %', quote_ident(t.relname), others
        USING HINT = 'Give each table a topic of its own: pgfeed.attach(table, topic => ...).';
    END IF;
  END IF;
  topic := coalesce(topic, t.relname);
  IF NOT pgfeed.topic_valid(regexp_replace(topic, '[{][^{}]+[}]', 'x', 'g')) THEN
    RAISE '"%" is not a topic', topic
      USING ERRCODE = 'invalid_parameter_value', HINT =
        'A topic has 1 to 1024 bytes without control characters and "*", and does not begin with "-/"; {name} stands for the value of a column.';
  END IF;
  in_topic := ARRAY(SELECT m[1] FROM regexp_matches(topic, '[{]([^{}]+)[}]', 'g') m);
  SELECT array_agg(attname::text ORDER BY attnum) INTO present
    FROM pg_attribute WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped;
  columns := coalesce(columns, present, '{}');
  SELECT array_agg(c) INTO wrong FROM unnest(columns || in_topic) c
   WHERE (c = ANY (present)) IS NOT TRUE;
  IF wrong IS NOT NULL THEN
    RAISE '% has no column %', rel,
      (SELECT string_agg(coalesce(quote_ident(c), 'NULL'), ', ') FROM unnest(wrong) c)
      USING ERRCODE = 'undefined_column';
  END IF;

  SELECT string_agg(c.oid::regclass::text, ', ') INTO others
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = rel AND NOT c.relispartition
     AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'pgfeed_row');
  IF others IS NOT NULL THEN
    RAISE WARNING 'changes of tables that inherit from % are not published: %', rel, others
      USING HINT = 'Attach these tables as well; they may have the same topic.';
  END IF;
  SELECT tgdeferrable,
         tgenabled = 'A' OR (pgfeed.trigger_arguments(tgargs))[7] = 'always' AS always INTO was
    FROM pg_trigger WHERE tgrelid = rel AND tgname = 'pgfeed_row';
  IF NOT FOUND AND pg_stat_get_xact_tuples_inserted(rel) + pg_stat_get_xact_tuples_updated(rel)
    + pg_stat_get_xact_tuples_deleted(rel) > 0 THEN
    RAISE WARNING 'changes of % earlier in this transaction are not published', rel
      USING HINT = 'Attach a table before you change it.';
  END IF;

  PERFORM pgfeed.detach(rel);
  columns := ARRAY(SELECT c FROM unnest(columns) WITH ORDINALITY u (c, o)
                    GROUP BY c ORDER BY min(o));
  in_topic := ARRAY(SELECT DISTINCT c FROM unnest(in_topic) c WHERE c <> ALL (columns));
  function := pgfeed.attach_function(rel, topic, columns || in_topic, cardinality(columns),
    current_user);
  always := coalesce(always, was.always, false);
  deferred := coalesce(deferred, was.tgdeferrable, NOT always);
  SELECT format('%L, %L, %L, %L, %L, %L, %L', topic, columns || in_topic,
           coalesce(array_agg(attnum ORDER BY o), '{}'), cardinality(columns), rel::oid,
           coalesce(array_agg(format_type(atttypid, NULL) ORDER BY o), '{}'),
           CASE WHEN always THEN 'always' ELSE '' END) INTO args
    FROM unnest(columns || in_topic) WITH ORDINALITY u (c, o)
    JOIN pg_attribute ON attrelid = rel AND attname = c;
  EXECUTE format('CREATE %s TRIGGER pgfeed_row AFTER INSERT OR UPDATE OR DELETE ON %I.%I'
    ' %s FOR EACH ROW EXECUTE FUNCTION pgfeed.%I(%s)',
    CASE WHEN deferred THEN 'CONSTRAINT' ELSE '' END, t.nspname, t.relname,
    CASE WHEN deferred THEN 'DEFERRABLE INITIALLY DEFERRED' ELSE '' END, function, args);
  EXECUTE format('CREATE TRIGGER pgfeed_truncate AFTER TRUNCATE'
    ' ON %I.%I FOR EACH STATEMENT EXECUTE FUNCTION pgfeed.%I(%s)',
    t.nspname, t.relname, function, args);
  IF always THEN
    EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER pgfeed_row,'
      ' ENABLE ALWAYS TRIGGER pgfeed_truncate', t.nspname, t.relname);
  END IF;
  RETURN topic;
END $$;

-- Undoes pgfeed.attach(); returns whether the table was attached. Changes that
-- the transaction has made before are published.
CREATE FUNCTION pgfeed.detach(rel regclass) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
  found_any boolean := false;
BEGIN
  FOR t IN
    SELECT g.tgname, g.tgdeferrable, n.nspname, c.relname
      FROM pg_trigger g
      JOIN pg_class c ON c.oid = g.tgrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE g.tgrelid = rel AND g.tgparentid = 0
       AND g.tgname IN ('pgfeed_row', 'pgfeed_truncate')
  LOOP
    IF t.tgdeferrable THEN
      EXECUTE format('SET CONSTRAINTS %I.pgfeed_row IMMEDIATE', t.nspname);
      EXECUTE format('SET CONSTRAINTS %I.pgfeed_row DEFERRED', t.nspname);
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %I.%I', t.tgname, t.nspname, t.relname);
    found_any := true;
  END LOOP;
  IF found_any THEN
    PERFORM pgfeed.drop_unattached();
  END IF;
  RETURN found_any;
END $$;

REVOKE EXECUTE ON FUNCTION pgfeed.topic_segment(text), pgfeed.json_array(text[], text),
  pgfeed.base_type(oid), pgfeed.value_expression(text, oid, integer),
  pgfeed.row_expressions(oid, text[], text),
  pgfeed.topic_expression(text, text[], text[], text),
  pgfeed.attached_columns(oid, text[], smallint[], oid), pgfeed.trigger_arguments(bytea),
  pgfeed.pinned_settings(oid, text, text[], integer),
  pgfeed.row_slowly(oid, text[], record), pgfeed.drop_unattached(),
  pgfeed.row_code(oid, text, text[], integer, text),
  pgfeed.attach_function(regclass, text, text[], integer, text),
  pgfeed.attach(regclass, text, text[], boolean, boolean), pgfeed.detach(regclass) FROM PUBLIC;
