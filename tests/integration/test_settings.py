"""What a database or a role has set changes nothing for pgfeed's programs.

The owner of a database may set a search_path for everybody who connects to it,
and put operators and functions of its own before those of PostgreSQL. Once,
"pgfeed migrate" and "pgfeed status" called them as a superuser.
"""
import glob
import os
import re

import psycopg2
import pytest

from lib.db import Database
from lib.harness import SOURCE, Site

SCHEMAS = ("evil", "public")
PLANTED = """
CREATE FUNCTION {schema}.{name}({arguments}) RETURNS {result} LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_catalog.nextval('public.planted_ran');
  RAISE 'a planted function ran: %', 'pg_temp';
END $$"""


def names_used():
    """Every word of pgfeed's SQL and C that may name a function."""
    words = set()
    for pattern in ("migrations/*.sql", "fcgi/**/*.c"):
        for path in glob.glob(os.path.join(SOURCE, pattern), recursive=True):
            with open(path, encoding="utf-8") as file:
                words |= set(re.findall(r"\b[a-z_0-9]+\b", file.read()))
    assert {"to_regclass", "unnest", "format", "octet_length"} <= words
    return sorted(words)


def plant(database):
    """Gives each schema every operator, and every function that pgfeed names."""
    # "any" is for C functions only: text it is, of as many as there may be.
    functions = database.sql("""
        SELECT DISTINCT p.proname, a.arguments, p.prorettype::regtype::text
          FROM pg_proc p
         CROSS JOIN LATERAL (
           SELECT array_to_string(ARRAY(SELECT t::regtype::text
                                          FROM unnest(p.proargtypes) t), ', ')
            WHERE NOT '"any"'::regtype = ANY (p.proargtypes)
           UNION ALL
           SELECT array_to_string(array_fill('text'::text, ARRAY[n]), ', ')
             FROM generate_series(1, 7) n
            WHERE '"any"'::regtype = ANY (p.proargtypes)) a (arguments)
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY (%s)
           AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype,
                 'trigger'::regtype, 'event_trigger'::regtype)
           AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'cstring'::regtype]
        """, (names_used(),))
    operators = database.sql("""
        SELECT oprname, nullif(oprleft, 0)::regtype::text, oprright::regtype::text,
               oprresult::regtype::text
          FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace""")
    statements = ["CREATE SEQUENCE public.planted_ran", "CREATE SCHEMA evil"]
    for schema in SCHEMAS:
        for name, arguments, result in functions:
            statements.append(PLANTED.format(schema=schema, name=f'"{name}"',
                                             arguments=arguments, result=result))
        for n, (name, left, right, result) in enumerate(operators):
            both = ", ".join(t for t in (left, right) if t)
            statements.append(PLANTED.format(
                schema=schema, name=f"operator_{n}", arguments=both, result=result))
            statements.append(
                f"CREATE OPERATOR {schema}.{name} (FUNCTION = {schema}.operator_{n}"
                + (f", LEFTARG = {left}" if left else "") + f", RIGHTARG = {right})")
    connection = database.connect()
    planted = {"FUNCTION": 0, "OPERATOR": 0}
    with connection.cursor() as cursor:
        for statement in statements:
            try:
                cursor.execute(statement)
                kind = statement.split()[1]
                planted[kind] = planted.get(kind, 0) + 1
            except psycopg2.Error as error:
                # Polymorphic results without such an argument, and the like.
                assert error.pgcode in ("42P13", "42723"), (statement, error)
    connection.close()
    assert planted["OPERATOR"] > 1000 and planted["FUNCTION"] > 2000, planted
    database.sql(f"GRANT USAGE ON SCHEMA evil TO PUBLIC;"
                 f"GRANT USAGE ON SEQUENCE public.planted_ran TO PUBLIC;"
                 f"ALTER DATABASE {database.name}"
                 " SET search_path = evil, public, pg_catalog, pgfeed")


def safely(database, statement, args=None):
    """A statement of the test itself, which is not to meet what it planted."""
    connection = psycopg2.connect(database.cluster.conninfo(database.name),
                                  options="-c search_path=pg_catalog")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        rows = cursor.fetchall() if cursor.description else None
    connection.close()
    return rows


def nothing_planted_ran(database):
    return safely(database, "SELECT is_called FROM public.planted_ran") == [(False,)]


@pytest.fixture(scope="module")
def planted(cluster):
    database = Database(cluster, migrated=False)
    plant(database)
    yield database
    database.drop()


def test_a_planted_operator_would_be_noticed(planted):
    """The trap works: a session with the database's search_path steps into it."""
    for statement in ("SELECT 1 WHERE 'a'::text = 'a'::text",
                      "SELECT format('%s', 'x'::text)",
                      "SELECT * FROM unnest('{a}'::text[])"):
        with pytest.raises(psycopg2.Error, match="a planted function ran"):
            planted.sql(statement)
    assert not nothing_planted_ran(planted)
    safely(planted, "ALTER SEQUENCE public.planted_ran RESTART")
    assert nothing_planted_ran(planted)


def test_no_program_calls_what_is_planted(planted, cluster):
    for command in ("migrate", "status"):
        planted.pgfeed(command)
    planted.pgfeed("migrate", "down", "all", "--yes")
    planted.pgfeed("migrate", "up")
    planted.pgfeed("migrate", "status")
    assert nothing_planted_ran(planted), "as a superuser"
    bound = safely(planted, """
        SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
          JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass
                             AND o.oid = d.refobjid
         WHERE o.oprnamespace IN ('evil'::regnamespace, 'public'::regnamespace)
        UNION ALL
        SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
          JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
         WHERE p.pronamespace IN ('evil'::regnamespace, 'public'::regnamespace)
           AND d.classid <> 'pg_operator'::regclass""")
    assert bound == []

    safely(planted, "INSERT INTO pgfeed.access VALUES ('*', '*', true, true)")
    site = Site(cluster, "lighttpd", database=planted.name)
    try:
        with site.stream("/events?topic=a") as stream:
            stream.live()
            assert site.publish("a", "x", key="k", kind="y") == 1
            assert site.publish("a", "z") == 2
            assert [e.data for e in stream.messages(2)] == ["x", "z"]
        site.stop("stream")  # a fresh ring: the events come from the table
        site.start("stream")
        with site.stream("/events?topic=a&last_event_id=earliest") as stream:
            assert [e.data for e in stream.messages(2)] == ["x", "z"]
    finally:
        site.close()
    assert nothing_planted_ran(planted), "as the gateway, or as pgfeed-post"

    assert planted.pgfeed("publish", "a", "1") == "3\n"
    planted.pgfeed("tail", "-j", "-s", "earliest", "-n", "3")
    planted.pgfeed("prune", "--age", "1d")
    planted.start("doctor").communicate(timeout=60)
    assert nothing_planted_ran(planted), "as a superuser"


ODD = """
array_nulls = off; transform_null_equals = on; quote_all_identifiers = on;
DateStyle = 'SQL, DMY'; IntervalStyle = 'iso_8601'; extra_float_digits = -15;
bytea_output = 'escape'; client_encoding = 'LATIN1'; standard_conforming_strings = off;
row_security = off; default_transaction_read_only = on;
default_transaction_deferrable = on; default_transaction_isolation = 'serializable';
statement_timeout = 900; lock_timeout = 900; idle_session_timeout = 900;
idle_in_transaction_session_timeout = 900; client_min_messages = 'error';
check_function_bodies = off; search_path = '$user'; TimeZone = 'Pacific/Chatham';
synchronous_commit = off; pgfeed.bell = off
"""


def pinned_settings():
    with open(os.path.join(SOURCE, "fcgi/common/pg/db.c"), encoding="utf-8") as file:
        return dict(re.findall(r"\{ 0, \"SET (\w+) = '?([^\"']*)'?\"", file.read()))


def test_the_odd_settings_are_all_that_pgfeed_pins():
    tuning = {"jit", "enable_seqscan", "plan_cache_mode"}
    assert set(pinned_settings()) - tuning <= set(
        re.findall(r"(\w+(?:\.\w+)?) =", ODD))


def test_odd_settings_of_the_roles_change_nothing(database, cluster):
    """Such as read-only transactions: the gateway flapped, and pruned nothing."""
    expected = pinned_settings()
    for own in ("statement_timeout", "client_min_messages", "search_path"):
        del expected[own]  # shorter in pgfeed-post; that of the function
    wrong = " + ".join(
        f"(current_setting('{name}') <> '{value}')::integer" for name, value in expected.items())
    for what in ("read", "write"):
        database.sql(f"""
            CREATE OR REPLACE FUNCTION pgfeed.may_{what}(who text, claims jsonb, topic text)
            RETURNS boolean LANGUAGE sql VOLATILE RETURN {wrong} = 0""")
    for role in ("stream", "post", "postgres"):
        for setting in ODD.replace("\n", " ").split(";"):
            cluster.sql(f"ALTER ROLE {role} IN DATABASE {database.name} SET {setting}",
                        "postgres")
    site = Site(cluster, "lighttpd", database=database.name)
    try:
        with site.stream("/events?topic=odd") as stream:
            stream.live()
            assert site.publish("odd", "é \\ NULL") == 1
            assert stream.message().data == "é \\ NULL"
        for name in ("stream", "post"):
            assert "read-only" not in site.log(name)
            assert "timeout" not in site.log(name)
    finally:
        site.close()
    assert database.pgfeed("publish", "odd", "NULL") == "2\n"
    assert '"data":"NULL"' in database.pgfeed("tail", "-j", "-s", "-1", "-n", "1", "odd")
    assert database.pgfeed("prune", "--age", "1d")
    database.pgfeed("migrate", "status")
