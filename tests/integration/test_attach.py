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
        "table": "shop.orders", "old": None, "new": None, "omitted": True})]


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
             " pgfeed.changed TO post")
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
