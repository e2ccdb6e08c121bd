"""Changes of ordinary tables arrive as events."""
import json

import psycopg2
import pytest
from psycopg2 import errors

from lib.db import query


def changes(database, topic=None):
    """(topic, kind, data) of all events, data read as JSON."""
    return [(t, k, json.loads(d)) for t, k, d in database.sql(
        "SELECT topic, kind, data FROM pgfeed.event"
        " WHERE %s IS NULL OR topic = %s ORDER BY id", (topic, topic))]


@pytest.fixture
def shop(database):
    database.sql("""
        CREATE SCHEMA shop;
        CREATE TABLE shop.orders (id integer PRIMARY KEY, who text, secret text)""")
    return database


def test_insert_update_and_delete_arrive(shop):
    assert shop.value("SELECT pgfeed.attach('shop.orders')") == "orders"
    shop.sql("INSERT INTO shop.orders VALUES (1, 'ann', 's'), (2, 'bob', NULL)")
    shop.sql("UPDATE shop.orders SET who = 'eve' WHERE id = 1")
    shop.sql("DELETE FROM shop.orders WHERE id = 2")

    def row(number, who, secret):
        return {"id": number, "who": who, "secret": secret}
    table = "shop.orders"
    assert changes(shop) == [
        ("orders", "insert", {"table": table, "old": None, "new": row(1, "ann", "s")}),
        ("orders", "insert", {"table": table, "old": None, "new": row(2, "bob", None)}),
        ("orders", "update", {"table": table, "old": row(1, "ann", "s"),
                              "new": row(1, "eve", "s")}),
        ("orders", "delete", {"table": table, "old": row(2, "bob", None), "new": None}),
    ]


def test_only_the_chosen_columns_leave(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders', 'orders/all', ARRAY['who', 'id'])")
    shop.sql("INSERT INTO shop.orders VALUES (1, 'ann', 'secret')")
    shop.sql("UPDATE shop.orders SET secret = 'other'")  # nobody's business
    shop.sql("UPDATE shop.orders SET who = who")         # no change at all
    shop.sql("UPDATE shop.orders SET who = NULL")
    assert [(t, k, d["new"]) for t, k, d in changes(shop)] == [
        ("orders/all", "insert", {"id": 1, "who": "ann"}),
        ("orders/all", "update", {"id": 1, "who": None})]
    assert "secret" not in json.dumps(changes(shop))


def test_a_column_added_later_stays_private(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    shop.sql("ALTER TABLE shop.orders ADD password text DEFAULT 'hunter2'")
    shop.sql("INSERT INTO shop.orders VALUES (1, 'ann', 's')")
    assert changes(shop)[0][2]["new"] == {"id": 1, "who": "ann", "secret": "s"}


def test_values_and_names_are_never_run_as_sql(database):
    """Quotes, injections and odd names come out as they went in."""
    evil = "x'; DROP TABLE secrets; --"
    name = "it's \"quoted\"; %s %I\\"
    database.sql("CREATE TABLE public.secrets (); ")
    connection = database.connect()
    quoted = psycopg2.extensions.quote_ident(name, connection)
    query(connection, f"CREATE SCHEMA {quoted}".replace("%", "%%"), ())
    query(connection, f"CREATE TABLE {quoted}.{quoted} ({quoted} text)"
          .replace("%", "%%"), ())
    query(connection, "SELECT pgfeed.attach(%s::regclass, %s)",
          (f"{quoted}.{quoted}", evil))
    query(connection, f"INSERT INTO {quoted}.{quoted}".replace("%", "%%")
          + " VALUES (%s), (%s)", (evil, "it's"))
    connection.close()
    assert changes(database) == [
        (evil, "insert", {"table": f"{name}.{name}", "old": None, "new": {name: value}})
        for value in (evil, "it's")]
    assert database.value("SELECT to_regclass('public.secrets') IS NOT NULL")


def test_all_types_arrive(database):
    """Also those without an equality operator."""
    database.sql("""
        CREATE TYPE mood AS ENUM ('glad');
        CREATE TABLE public.things (id bigint, j json, jb jsonb, p point, a text[],
          b bytea, n numeric, t timestamptz, m mood, x xml, g int GENERATED ALWAYS
          AS (7) STORED);
        SELECT pgfeed.attach('public.things', 'a')""")
    database.sql("""INSERT INTO public.things VALUES (9007199254740993, '{"b":1,  "a":[]}',
        '{"k": null}', '(1,2)', '{x,NULL}', '\\x00ff', 1.10,
        '2026-01-02 03:04:05.678901+00', 'glad', '<a/>')""")
    database.sql("UPDATE public.things SET j = '{}'")
    database.sql("UPDATE public.things SET j = '{}'")
    found = changes(database)
    assert [k for _, k, _ in found] == ["insert", "update"]
    new = found[0][2]["new"]
    assert new["id"] == 9007199254740993 and new["g"] == 7 and new["m"] == "glad"
    assert new["j"] == {"b": 1, "a": []} and new["a"] == ["x", None]
    assert '"n":1.10' in database.value("SELECT data FROM pgfeed.event LIMIT 1")


def test_rolled_back_changes_do_not_arrive_and_draw_no_id(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    connection = shop.connect(autocommit=False)
    query(connection, "INSERT INTO shop.orders VALUES (1)")
    query(connection, "SAVEPOINT s")
    query(connection, "INSERT INTO shop.orders VALUES (2)")
    query(connection, "ROLLBACK TO s")
    connection.rollback()
    query(connection, "INSERT INTO shop.orders VALUES (3)")
    # Deferred: no id is held while the transaction goes on.
    assert not shop.value("SELECT is_called FROM pgfeed.event_id_seq")
    connection.commit()
    connection.close()
    assert shop.sql("SELECT id FROM pgfeed.event") == [(1,)]


def test_truncate_arrives(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    shop.sql("TRUNCATE shop.orders")
    assert changes(shop) == [
        ("orders", "truncate", {"table": "shop.orders", "old": None, "new": None})]


def test_attaching_again_replaces(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders', 'first')")
    shop.sql("SELECT pgfeed.attach('shop.orders', 'second', ARRAY['id'])")
    shop.sql("INSERT INTO shop.orders VALUES (1, 'ann', 's')")
    assert [(t, d["new"]) for t, _, d in changes(shop)] == [("second", {"id": 1})]


def test_detach_leaves_no_trigger(shop):
    assert shop.value("SELECT pgfeed.detach('shop.orders')") is False
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    assert shop.value("SELECT pgfeed.detach('shop.orders')") is True
    shop.sql("INSERT INTO shop.orders VALUES (1); TRUNCATE shop.orders")
    assert changes(shop) == []
    assert shop.value("SELECT count(*) FROM pg_trigger"
                      " WHERE tgrelid = 'shop.orders'::regclass") == 0


def test_a_failing_attach_leaves_the_old_one(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders', 'old')")
    with pytest.raises(errors.UndefinedColumn):
        shop.sql("SELECT pgfeed.attach('shop.orders', 'new', ARRAY['nix'])")
    shop.sql("INSERT INTO shop.orders VALUES (1)")
    assert [t for t, _, _ in changes(shop)] == ["old"]


def test_a_partitioned_table_speaks_as_one(database):
    database.sql("""
        CREATE TABLE public.logs (id integer, v text) PARTITION BY RANGE (id);
        CREATE TABLE public.logs_1 PARTITION OF public.logs FOR VALUES FROM (1) TO (10);
        SELECT pgfeed.attach('public.logs');
        CREATE TABLE public.logs_2 PARTITION OF public.logs FOR VALUES FROM (10) TO (20)""")
    database.sql("INSERT INTO public.logs VALUES (1, 'a'), (11, 'b')")
    database.sql("UPDATE public.logs SET v = 'c' WHERE id = 11")
    database.sql("UPDATE public.logs SET id = 12 WHERE id = 1")  # moves to the other
    assert [(k, d["table"], (d["new"] or d["old"])["id"])
            for _, k, d in changes(database)] == [
        ("insert", "public.logs", 1), ("insert", "public.logs", 11),
        ("update", "public.logs", 11),
        ("delete", "public.logs", 1), ("insert", "public.logs", 12)]
    with pytest.raises(errors.WrongObjectType, match="is a partition"):
        database.sql("SELECT pgfeed.attach('public.logs_1')")
    assert database.value("SELECT pgfeed.detach('public.logs')")
    database.sql("INSERT INTO public.logs VALUES (2, 'z')")
    assert len(changes(database)) == 5


def test_a_row_too_big_for_an_event_does_not_fail_its_writer(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    shop.sql("INSERT INTO shop.orders VALUES (1, repeat('x', 1 << 20), '')")
    assert changes(shop) == [("orders", "insert", {
        "table": "shop.orders", "old": None, "new": None, "omitted": True,
        "reason": "too large"})]


@pytest.mark.parametrize("call,error,text", [
    ("'shop.v'", errors.WrongObjectType, "not a table"),
    ("'shop.m'", errors.WrongObjectType, "not a table"),
    ("'shop.orders_pkey'", errors.WrongObjectType, "not a table"),
    ("'pg_class'", errors.WrongObjectType, "cannot be attached"),
    ("'pgfeed.event'", errors.WrongObjectType, "cannot be attached"),
    ("'pgfeed.key'", errors.WrongObjectType, "cannot be attached"),
    ("'pgfeed.event_1'", errors.WrongObjectType, "is a partition"),
    ("'shop.nix'", errors.UndefinedTable, "does not exist"),
    ("4294967295::oid::regclass", errors.UndefinedTable, "no such table"),
    ("'shop.orders', '-/b'", errors.InvalidParameterValue, "not a topic"),
    ("'shop.orders', 'orders/*'", errors.InvalidParameterValue, "not a topic"),
    ("'shop.orders', 'orders/{id'", errors.InvalidParameterValue, "not a topic"),
    ("'shop.orders', 'orders/{nix}'", errors.UndefinedColumn, "nix"),
    ("'shop.orders', columns => '{id,\"o''dd\"}'", errors.UndefinedColumn,
     "no column \"o'dd\""),
    ("'shop.orders', columns => '{id,NULL}'", errors.UndefinedColumn, "NULL"),
    ("'shop.orders', columns => '{ctid}'", errors.UndefinedColumn, "ctid"),
])
def test_attach_says_what_is_wrong(shop, call, error, text):
    shop.sql("CREATE VIEW shop.v AS SELECT 1; CREATE MATERIALIZED VIEW shop.m AS SELECT 1")
    with pytest.raises(error, match=text):
        shop.sql(f"SELECT pgfeed.attach({call})")


def test_it_takes_rights_on_the_table_to_attach_it(shop):
    shop.sql("GRANT USAGE ON SCHEMA pgfeed, shop TO post;"
             "GRANT EXECUTE ON FUNCTION pgfeed.attach, pgfeed.detach,"
             " pgfeed.attach_function, pgfeed.drop_unattached TO post")
    with pytest.raises(errors.InsufficientPrivilege):
        shop.sql("SELECT pgfeed.attach('shop.orders')", user="post")
    shop.sql("ALTER TABLE shop.orders OWNER TO post")
    shop.sql("SELECT pgfeed.attach('shop.orders')", user="post")
    # The owner of a table need not be able to read events to make some.
    shop.sql("INSERT INTO shop.orders VALUES (1)", user="post")
    assert len(changes(shop)) == 1


def test_the_demo_can_be_set_up_twice(database, cluster):
    with open(cluster.share + "/conf/demo.sql", encoding="utf-8") as file:
        demo = file.read()
    for _ in range(2):
        database.sql(demo)
        database.sql("INSERT INTO events (event) VALUES ('hello')")
    database.sql("UPDATE events SET event = 'bye' WHERE id = 1")
    database.sql("DELETE FROM events WHERE id = 1")
    assert [(t, k) for t, k, _ in changes(database)] == [
        ("events", "insert")] * 2 + [("events", "update"), ("events", "delete")]
    assert changes(database)[0][2]["new"] == {"id": 1, "event": "hello"}


EVIL_TYPE = """
    CREATE TYPE shop.x AS ENUM ('a');
    CREATE FUNCTION shop.to_json(shop.x) RETURNS json LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'to_json ran as %%', current_user; END $$;
    CREATE FUNCTION shop.to_text(shop.x) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
      $$ BEGIN RAISE 'to_text ran as %%', current_user; END $$;
    CREATE FUNCTION shop.always(shop.x, shop.x) RETURNS boolean LANGUAGE plpgsql
      IMMUTABLE AS $$ BEGIN RAISE 'the operator ran as %%', current_user; END $$;
    CREATE CAST (shop.x AS json) WITH FUNCTION shop.to_json(shop.x);
    CREATE CAST (shop.x AS text) WITH FUNCTION shop.to_text(shop.x) AS IMPLICIT;
    CREATE OPERATOR shop.= (LEFTARG = shop.x, RIGHTARG = shop.x, PROCEDURE = shop.always);
    CREATE TYPE shop.pair AS (l shop.x, r integer);
    """.replace("%%", "%")


def test_no_code_of_a_types_owner_runs(shop):
    """Casts and operators of a column's type ran as pgfeed's owner."""
    shop.sql(EVIL_TYPE)
    shop.sql("ALTER TABLE shop.orders ADD x shop.x, ADD xs shop.x[], ADD p shop.pair,"
             " ADD ps shop.pair[]")
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    shop.sql("INSERT INTO shop.orders (id, x, xs, p, ps) VALUES"
             " (1, 'a', '{a,NULL}', '(a,1)', ARRAY[ROW('a', 2), NULL]::shop.pair[])")
    shop.sql("UPDATE shop.orders SET id = 2")
    new = changes(shop)[1][2]["new"]
    assert new == {"id": 2, "who": None, "secret": None, "x": "a", "xs": ["a", None],
                   "p": {"l": "a", "r": 1}, "ps": [{"l": "a", "r": 2}, None]}


def test_a_column_that_becomes_of_such_a_type_runs_no_code(shop):
    shop.sql(EVIL_TYPE)
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    connection = shop.connect()
    query(connection, "INSERT INTO shop.orders VALUES (1, 'ann', 's')")
    shop.sql("ALTER TABLE shop.orders ALTER who TYPE shop.x USING 'a'")
    query(connection, "UPDATE shop.orders SET id = 2")
    connection.close()
    shop.sql("UPDATE shop.orders SET id = 3")
    assert [d["new"]["who"] for _, _, d in changes(shop)] == ["ann", "a", "a"]
    assert "column who is now of type shop.x" in attached_detail(shop)


def test_no_check_of_a_domain_runs(database):
    """Neither in a value, nor inside one, nor in a topic."""
    database.sql("""
        CREATE SCHEMA evil AUTHORIZATION post;
        SET ROLE post;
        CREATE FUNCTION evil.ok(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
          IF current_user <> 'post' THEN RAISE 'the check ran as %', current_user; END IF;
          RETURN true; END $$;
        CREATE DOMAIN evil.d AS text CHECK (evil.ok(value));
        CREATE DOMAIN evil.dd AS evil.d[] CHECK (evil.ok(value[1]));
        CREATE TYPE evil.pair AS (l evil.d, r integer);
        CREATE TABLE evil.t (id integer, d evil.d, a evil.d[], dd evil.dd, p evil.pair,
          ps evil.pair[])""")
    database.sql("SELECT pgfeed.attach('evil.t', 't/{d}/{a}')")
    row = "%s, 'x', '{x,NULL}', '{y}', '(z,1)', ARRAY[ROW('z', 2)::evil.pair]"
    new = {"id": 1, "d": "x", "a": ["x", None], "dd": ["y"], "p": {"l": "z", "r": 1},
           "ps": [{"l": "z", "r": 2}]}
    database.sql(f"INSERT INTO evil.t VALUES ({row})", (1,), user="post")
    database.sql("ALTER TABLE evil.t RENAME id TO number")      # the slow way
    database.sql(f"INSERT INTO evil.t VALUES ({row})", (2,), user="post")
    assert [(t, d["new"]) for t, _, d in changes(database)] == [
        ("t/x/%7Bx,NULL%7D", new),
        ("t/x/%7Bx,NULL%7D", {"number": 2, **{k: v for k, v in new.items() if k != "id"}})]


def test_check_names_the_statement_that_enables_the_triggers(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    for always, broken, remedy in (
            (False, "DISABLE TRIGGER pgfeed_row", "ENABLE TRIGGER pgfeed_row"),
            (True, "DISABLE TRIGGER pgfeed_row", "ENABLE ALWAYS TRIGGER pgfeed_row"),
            (True, "ENABLE TRIGGER pgfeed_row", "ENABLE ALWAYS TRIGGER pgfeed_row"),
            (True, "DISABLE TRIGGER ALL", "ENABLE ALWAYS TRIGGER pgfeed_row,"
                                          " ENABLE ALWAYS TRIGGER pgfeed_truncate")):
        shop.sql("SELECT pgfeed.attach('shop.orders', always => %s)", (always,))
        shop.sql(f"ALTER TABLE shop.orders {broken}")
        detail = attached_detail(shop)
        assert detail == ("shop.orders: its triggers are disabled: "
                          f"ALTER TABLE shop.orders {remedy}")
        shop.sql(detail.split(": ")[-1])
        assert "as when they were attached" in attached_detail(shop)
        shop.sql(f"ALTER TABLE shop.orders {broken}")
        shop.sql("SELECT pgfeed.attach('shop.orders')")     # keeps always
        assert "as when they were attached" in attached_detail(shop)
        assert shop.value("SELECT array_agg(DISTINCT tgenabled::text) FROM pg_trigger WHERE tgrelid"
                          " = 'shop.orders'::regclass") == (["A"] if always else ["O"])


def attached_detail(database):
    return database.value("SELECT detail FROM pgfeed.check() WHERE name = 'attached tables'")


def test_the_trigger_functions_belong_to_nobody_else(shop):
    """A writer has no way to make up a change."""
    shop.sql("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO post")
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    assert shop.sql("SELECT proname FROM pg_proc WHERE pronamespace = 'pgfeed'::regnamespace"
                    " AND proname ~ '^(changed_|attach_|drop_|row_)'"
                    " AND has_function_privilege('post', oid, 'EXECUTE')") == []


def test_types_keep_their_form(database):
    database.sql("""
        CREATE TYPE mood AS ENUM ('glad');
        CREATE TYPE span AS RANGE (subtype = integer);
        CREATE TYPE addr AS (street text, m mood, n integer[]);
        CREATE DOMAIN small AS integer CHECK (value < 10);
        CREATE TABLE public.things (i integer, b boolean, f float8, j json, t timestamptz,
          m mood, ms mood[], s span, a addr, aa addr[], d small, ds small[]);
        SELECT pgfeed.attach('public.things', 'a');
        INSERT INTO public.things VALUES (1, true, 'NaN', '{"x":  1}',
          '2026-01-01 00:00+02', 'glad', '{{glad,NULL}}', '[1,3)', '("Main ""St",glad,"{1}")',
          ARRAY[ROW('s', NULL, '{}')::addr, NULL, ROW(NULL, NULL, NULL)::addr], 4, '{1,2}')""")
    assert changes(database)[0][2]["new"] == {
        "i": 1, "b": True, "f": "NaN", "j": {"x": 1}, "t": "2025-12-31T22:00:00+00:00",
        "m": "glad", "ms": [["glad", None]], "s": "[1,3)",
        "a": {"street": 'Main "St', "m": "glad", "n": [1]},
        "aa": [{"street": "s", "m": None, "n": []}, None,
               {"street": None, "m": None, "n": None}], "d": 4, "ds": [1, 2]}
    assert '"j":{"x":  1}' in database.value("SELECT data FROM pgfeed.event")


@pytest.mark.parametrize("text", ['{"x":"a\\u0000b"}', '"\\ud800"'])
def test_json_that_postgres_cannot_read_is_published_verbatim(database, text):
    database.sql("CREATE TABLE public.j (id integer, raw json)")
    database.sql("SELECT pgfeed.attach('public.j')")
    database.sql("INSERT INTO public.j VALUES (1, %s)", (text,))
    database.sql("SELECT pgfeed.attach('public.j', 'j', '{id}')")
    database.sql("UPDATE public.j SET id = 2")
    assert database.sql("SELECT data FROM pgfeed.event ORDER BY id") == [
        ('{"table":"public.j","old":null,"new":{"id":1,"raw":' + text + '}}',),
        ('{"table":"public.j","old":{"id":1},"new":{"id":2}}',)]


def test_what_a_writer_has_set_changes_nothing(database):
    database.sql("""
        CREATE TABLE public.f (v float8, t timestamptz, i interval, b bytea, o regclass,
          r tstzrange, d date);
        SELECT pgfeed.attach('public.f', 'f/{d}')""")
    row = ("INSERT INTO public.f VALUES (0.3, '2026-01-02 00:00+00', '1 day 2 h', '\\x00',"
           " 'public.f', '[2026-01-02 00:00+00,)', '2026-01-02');")
    update = "UPDATE public.f SET v = 0.1::float8 + 0.2::float8; DELETE FROM public.f"
    database.sql(row + update)
    database.sql(
        "SET extra_float_digits = 0; SET datestyle = 'German'; SET timezone = 'Asia/Tokyo';"
        "SET intervalstyle = iso_8601; SET bytea_output = escape; SET search_path = public;"
        "SET quote_all_identifiers = on;" + row + update)
    found = database.sql("SELECT topic, kind, data FROM pgfeed.event ORDER BY id")
    assert [k for _, k, _ in found] == ["insert", "update", "delete"] * 2
    assert found[:3] == found[3:] and found[0][0] == "f/2026-01-02"


def test_large_values_that_are_not_published_are_not_read(database):
    """Such a row made the writer run out of memory."""
    database.sql("""
        CREATE TABLE public.big (id integer, n integer, t text);
        SELECT pgfeed.attach('public.big', columns => '{id,n}');
        INSERT INTO public.big VALUES (1, 1, repeat('x', 200000000))""")
    database.sql("UPDATE public.big SET n = 2")
    database.sql("SELECT pgfeed.attach('public.big')")
    database.sql("UPDATE public.big SET n = 3")
    assert [d.get("reason", d["new"]) for _, _, d in changes(database)] == [
        {"id": 1, "n": 1}, {"id": 1, "n": 2}, "too large"]


@pytest.mark.parametrize("compression", ["pglz", "lz4"])
@pytest.mark.parametrize("type_, value", [
    ("json", "('\"' || repeat('x', 5000000) || '\"')::json"),
    ("jsonb", "jsonb_build_object('x', repeat('x', 5000000))"),
    ("text[]", "array_fill(repeat('x', 1000), '{5000}')")])
def test_large_compressed_values_are_omitted(database, compression, type_, value):
    """Stored they have far less than the 1 MiB that an event may have."""
    database.sql(f"""
        CREATE TABLE public.big (id integer, v {type_} COMPRESSION {compression});
        SELECT pgfeed.attach('public.big')""")
    database.sql(f"INSERT INTO public.big VALUES (1, {value}), (2, NULL)")
    assert database.value("SELECT pg_column_size(v) < 1048576 FROM public.big WHERE id = 1")
    assert [d.get("reason", d["new"]) for _, _, d in changes(database)] == [
        "too large", {"id": 2, "v": None}]


def test_a_large_value_is_omitted_without_being_read(database):
    database.sql("""
        CREATE TABLE public.big (id integer, v json);
        SELECT pgfeed.attach('public.big');
        INSERT INTO public.big VALUES (1, ('"' || repeat('x', 100000000) || '"')::json)""")
    database.sql("UPDATE public.big SET id = 2")
    assert [d["reason"] for _, _, d in changes(database)] == ["too large"] * 2


def test_compressed_values_that_fit_are_published(database):
    value = {"x": "y" * 900000}
    database.sql("CREATE TABLE public.j (a json, b jsonb); SELECT pgfeed.attach('public.j')")
    for column in "ab":
        database.sql(f"INSERT INTO public.j ({column}) VALUES (%s)", (json.dumps(value),))
    assert [d["new"][c] for (_, _, d), c in zip(changes(database), "ab")] == [value] * 2


def test_a_row_that_nothing_can_read_does_not_fail_its_writer(shop):
    """An altered table is read by row_slowly(), which takes whole rows. For one that
    does not fit into memory, not even the call is possible."""
    shop.sql("SELECT pgfeed.attach('shop.orders'); ALTER TABLE shop.orders DROP secret;"
             "CREATE OR REPLACE FUNCTION pgfeed.row_slowly(rel oid, args text[], r record,"
             " OUT data text, OUT topic text, OUT omitted text) LANGUAGE plpgsql STABLE AS"
             " $$ BEGIN RAISE out_of_memory; END $$")
    shop.sql("INSERT INTO shop.orders VALUES (1)")
    shop.sql("SELECT pgfeed.attach('shop.orders', 'o/{who}'); ALTER TABLE shop.orders ADD x int,"
             " DROP who")
    shop.sql("INSERT INTO shop.orders VALUES (2)")      # nobody knows its topic
    assert changes(shop) == [("orders", "insert", {
        "table": "shop.orders", "old": None, "new": None, "omitted": True,
        "reason": "error 53200"})]


def test_a_renamed_or_dropped_column_is_followed_and_named(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders', 'o/{who}')")
    connection = shop.connect()  # one session has seen the table as it was
    query(connection, "INSERT INTO shop.orders VALUES (1, 'ann', 's')")
    shop.sql("ALTER TABLE shop.orders RENAME who TO name; ALTER TABLE shop.orders DROP secret;"
             "ALTER TABLE shop.orders RENAME TO sales")
    query(connection, "UPDATE shop.sales SET name = 'bob'")
    shop.sql("UPDATE shop.sales SET name = 'eve'")
    connection.close()
    assert changes(shop)[1:] == [
        ("o/" + new, "update", {"table": "shop.sales", "old": {"id": 1, "name": old},
                                "new": {"id": 1, "name": new}})
        for old, new in (("ann", "bob"), ("bob", "eve"))]
    detail = attached_detail(shop)
    assert "column who is now called name" in detail and "column secret is gone" in detail
    shop.sql(detail.split(": ")[-1])
    assert "as when they were attached" in attached_detail(shop)
    shop.sql("UPDATE shop.sales SET name = 'pat'")
    assert changes(shop)[-1][0] == "o/pat"


def test_attach_and_detach_lose_no_event_of_their_transaction(shop):
    shop.sql("BEGIN; INSERT INTO shop.orders VALUES (1); SELECT pgfeed.attach('shop.orders', 'a');"
             "INSERT INTO shop.orders VALUES (2); SELECT pgfeed.attach('shop.orders', 'b');"
             "INSERT INTO shop.orders VALUES (3); SELECT pgfeed.detach('shop.orders'); COMMIT")
    # The first change came before there was anything to tell of it: attach warns.
    assert [(t, d["new"]["id"]) for t, _, d in changes(shop)] == [("a", 2), ("b", 3)]


def warnings(database, statement):
    connection = database.connect()
    query(connection, statement)
    notices = "".join(connection.notices)
    connection.close()
    return notices


def test_attach_warns(shop):
    shop.sql("CREATE TABLE shop.child () INHERITS (shop.orders); CREATE SCHEMA b;"
             "CREATE TABLE b.orders (id integer)")
    assert "inherit from shop.orders are not published: shop.child" in warnings(
        shop, "SELECT pgfeed.attach('shop.orders')")
    assert "shop.child" in attached_detail(shop)
    assert "topic orders is also that of shop.orders" in warnings(
        shop, "SELECT pgfeed.attach('b.orders')")
    assert warnings(shop, "SELECT pgfeed.attach('b.orders', 'b')") == ""
    assert "earlier in this transaction are not published" in warnings(
        shop, "BEGIN; INSERT INTO shop.child VALUES (1);"
        "SELECT pgfeed.attach('shop.child', 'orders'); COMMIT")
    assert "as when they were attached" in attached_detail(shop)


def test_a_table_that_is_not_deferred_can_be_altered_in_the_transaction(shop):
    change = "BEGIN; INSERT INTO shop.orders VALUES ({0}); {1} ALTER TABLE shop.orders ADD c{0} int; COMMIT"
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    with pytest.raises(errors.ObjectInUse, match="pending trigger events"):
        shop.sql(change.format(1, ""))
    shop.sql(change.format(2, "SET CONSTRAINTS ALL IMMEDIATE;"))
    shop.sql("SELECT pgfeed.attach('shop.orders', deferred => false)")
    shop.sql(change.format(3, ""))
    shop.sql("SELECT pgfeed.attach('shop.orders')")  # keeps it
    shop.sql(change.format(4, ""))
    assert [d["new"]["id"] for _, _, d in changes(shop)] == [2, 3, 4]


def test_replicated_rows_are_events_on_demand_and_ring(shop):
    replicated = "SET session_replication_role = replica; INSERT INTO shop.orders VALUES (%s)"
    shop.sql("SELECT pgfeed.attach('shop.orders')")
    shop.sql(replicated, (1,))
    shop.sql("SELECT pgfeed.attach('shop.orders', always => true)")
    shop.sql(replicated, (2,))
    shop.sql("SELECT pgfeed.attach('shop.orders')")  # keeps it
    shop.sql(replicated, (3,))
    assert [d["new"]["id"] for _, _, d in changes(shop)] == [2, 3]
    assert shop.value("SELECT tgenabled FROM pg_trigger WHERE tgname = 'bell'"
                      " AND tgrelid = 'pgfeed.event'::regclass") == "A"


def test_a_topic_per_row(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders', 'who/{who}', '{id}')")
    shop.sql("INSERT INTO shop.orders VALUES (1, 'a/b*{c}%%'), (2, NULL), (3, ''), (4, 'ann'),"
             " (5, repeat('x', 2000))".replace("%%", "%"))
    shop.sql("UPDATE shop.orders SET secret = 's'")
    shop.sql("UPDATE shop.orders SET who = 'bob' WHERE id IN (2, 4)")
    shop.sql("UPDATE shop.orders SET who = NULL WHERE id = 4")
    shop.sql("TRUNCATE shop.orders")
    assert shop.sql("SELECT topic, also, kind FROM pgfeed.event ORDER BY id") == [
        ("who/a%2Fb%2A%7Bc%7D%25", None, "insert"), ("who/ann", None, "insert"),
        ("who/bob", None, "update"), ("who/bob", ["who/ann"], "update"),
        ("who/bob", None, "update")]
    shop.sql("SELECT pgfeed.attach('shop.orders', '{who}/x', '{id}')")
    shop.sql("INSERT INTO shop.orders VALUES (6, '-')")
    assert changes(shop)[-1][0] == "%2D/x"


def test_partitions_that_are_attached_themselves(database):
    database.sql("""
        CREATE TABLE public.logs (k integer, v text) PARTITION BY LIST (k);
        CREATE TABLE public.one (junk int, v text, k integer);
        ALTER TABLE public.one DROP junk;
        SELECT pgfeed.attach('public.logs'), pgfeed.attach('public.one')""")
    attach = "ALTER TABLE public.logs ATTACH PARTITION public.one FOR VALUES IN (1)"
    with pytest.raises(errors.DuplicateObject):
        database.sql(attach)
    database.sql("SELECT pgfeed.detach('public.one')")
    database.sql(attach)
    database.sql("INSERT INTO public.logs VALUES (1, 'a')")
    database.sql("TRUNCATE public.one")  # PostgreSQL tells the parent nothing
    database.sql("TRUNCATE public.logs")
    assert [(k, d["new"]) for _, k, d in changes(database)] == [
        ("insert", {"k": 1, "v": "a"}), ("truncate", None)]


def test_functions_of_dropped_tables_go(shop):
    shop.sql("SELECT pgfeed.attach('shop.orders'); DROP TABLE shop.orders;"
             "CREATE TABLE shop.b (id int); SELECT pgfeed.attach('shop.b')")
    assert shop.value("SELECT count(*) FROM pg_proc WHERE proname ~ '^changed_'") == 1
