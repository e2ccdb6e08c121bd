"""A subscriber of logical replication publishes the rows that it is sent.

Publisher and subscriber are two databases of one cluster.
"""
import contextlib
import json

import pytest

from lib.db import Database, query
from lib.harness import eventually

TABLES = """
    CREATE TABLE public.orders (id integer PRIMARY KEY, state text);
    CREATE TABLE public.silent (id integer PRIMARY KEY)"""


@pytest.fixture
def publisher(cluster):
    database = Database(cluster)
    database.sql(TABLES + "; CREATE PUBLICATION shop FOR TABLE public.orders, public.silent")
    # CREATE SUBSCRIPTION would wait for its own transaction to make the slot.
    database.sql("SELECT pg_create_logical_replication_slot('shop', 'pgoutput')")
    yield database
    database.sql("SELECT pg_drop_replication_slot('shop')")
    database.drop()


@pytest.fixture
def subscriber(cluster, database, publisher):
    database.sql(TABLES)
    database.sql("SELECT pgfeed.attach('public.orders', always => true),"
                 " pgfeed.attach('public.silent')")
    database.sql(f"CREATE SUBSCRIPTION shop CONNECTION '{cluster.conninfo(publisher.name)}'"
                 " PUBLICATION shop WITH (create_slot = false, copy_data = false)")
    yield database
    database.sql("ALTER SUBSCRIPTION shop DISABLE")
    database.sql("ALTER SUBSCRIPTION shop SET (slot_name = NONE)")
    database.sql("DROP SUBSCRIPTION shop")
    eventually(lambda: not publisher.value(
        "SELECT active FROM pg_replication_slots WHERE slot_name = 'shop'"), 20,
               "the end of the replication")


def changes(database):
    return [(kind, json.loads(data)["old"], json.loads(data)["new"]) for kind, data in
            database.sql("SELECT kind, data FROM pgfeed.event ORDER BY id")]


def test_replicated_rows_are_one_event_each_and_ring(publisher, subscriber):
    with contextlib.closing(subscriber.connect()) as gateway:
        query(gateway, "LISTEN pgfeed")
        query(gateway, "SELECT pgfeed.set_asleep(true)")

        def rings():
            gateway.poll()
            count = len(gateway.notifies)
            gateway.notifies.clear()
            return count

        publisher.sql("INSERT INTO public.orders VALUES (1, 'new'), (2, 'new');"
                      "INSERT INTO public.silent VALUES (1)")
        eventually(rings, 30, "the doorbell")
        publisher.sql("UPDATE public.orders SET state = 'sent' WHERE id = 1")
        eventually(rings, 30, "the doorbell again")
        publisher.sql("BEGIN; DELETE FROM public.orders WHERE id = 2; TRUNCATE public.orders;"
                      "INSERT INTO public.orders VALUES (3, NULL); COMMIT")
        eventually(rings, 30, "the doorbell for the last time")
    assert changes(subscriber) == [
        ("insert", None, {"id": 1, "state": "new"}), ("insert", None, {"id": 2, "state": "new"}),
        ("update", {"id": 1, "state": "new"}, {"id": 1, "state": "sent"}),
        ("delete", {"id": 2, "state": "new"}, None), ("truncate", None, None),
        ("insert", None, {"id": 3, "state": None})]
    assert publisher.value("SELECT count(*) FROM pgfeed.event") == 0
    assert subscriber.value("SELECT count(*) FROM public.silent") == 1
