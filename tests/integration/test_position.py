"""pgfeed.position(): the position of everything that a snapshot sees."""
import contextlib

import pytest
from psycopg2 import errors

from lib.db import query

LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


def position(connection):
    return query(connection, "SELECT pgfeed.position()")[0][0]


def insert(connection, *datas, topic="a"):
    for data in datas:
        query(connection, "INSERT INTO pgfeed.event (topic, data) VALUES (%s, %s)",
              (topic, data))


@contextlib.contextmanager
def sessions(database, count):
    """Connections that are in a transaction."""
    made = [database.connect(autocommit=False) for _ in range(count)]
    yield made
    for connection in made:
        connection.close()


def test_without_writers_it_is_the_last_event(database):
    reader = database.connect()
    assert position(reader) == "0"
    insert(reader, "1", "2")
    assert position(reader) == "2"
    with sessions(database, 1) as (undone,):
        insert(undone, "3")
        undone.rollback()
    insert(reader, "4")
    assert position(reader) == "4"  # nobody has 3
    reader.close()


def test_ids_of_open_transactions_are_holes(database):
    reader = database.connect()
    with sessions(database, 2) as (first, second):
        insert(first, "1")
        insert(reader, "2", "3")
        insert(second, "4", "5", "6")
        insert(reader, "7")
        assert position(reader) == "7.1-2.2"    # without 4 to 6 and 1
        first.commit()
        assert position(reader) == "7.1-2"
        second.rollback()
        assert position(reader) == "7"
    reader.close()


@pytest.mark.parametrize("level", LEVELS)
def test_it_is_of_the_snapshot(database, level):
    """What commits after the snapshot was taken is not in the position."""
    reader = database.connect()
    with sessions(database, 2) as (early, page):
        insert(early, "1")
        insert(reader, "2")
        query(page, "SET TRANSACTION ISOLATION LEVEL " + level)
        seen = query(page, "SELECT pgfeed.position(), array_agg(id) FROM pgfeed.event")[0]
        assert seen == ("2.1", [2])
        early.commit()
        insert(reader, "3")
        old = level != "READ COMMITTED"
        assert position(page) == ("2.1" if old else "3")
    reader.close()


def test_it_is_of_the_statements_snapshot_whatever_commits_meanwhile(database):
    reader, writer = database.connect(), database.connect()
    with sessions(database, 1) as (early,):
        insert(early, "1")
        insert(writer, "2")
        # The statement's snapshot is older than the commit in its middle.
        query(reader, "CREATE EXTENSION dblink")
        found = query(reader, """
            SELECT dblink_exec(%s, 'INSERT INTO pgfeed.event (topic, data) VALUES (''a'', ''3'')'),
                   pgfeed.position(), (SELECT max(id) FROM pgfeed.event)""",
                      (database.cluster.conninfo(database.name),))[0]
        assert found == ("INSERT 0 1", "2.1", 2)
    for connection in (reader, writer):
        connection.close()


def test_the_transactions_own_events_are_seen(database):
    with sessions(database, 1) as (own,):
        insert(own, "1", "2")
        query(own, "SAVEPOINT s")
        insert(own, "3")
        query(own, "ROLLBACK TO s")
        insert(own, "4")
        seen = position(own)
        own.commit()
    assert seen == "4.1"


def test_a_prepared_transaction_has_its_ids(database):
    reader = database.connect()
    with sessions(database, 1) as (prepared,):
        query(prepared, "SET LOCAL pgfeed.bell = off")
        insert(prepared, "1")
        query(prepared, "PREPARE TRANSACTION 'position'")
        insert(reader, "2")
        assert position(reader) == "2.1"
        query(reader, "COMMIT PREPARED 'position'")
        assert position(reader) == "2"
    reader.close()


def test_what_gateways_know_to_be_finished_is_its_base(database):
    """Ids below it that nobody has are no holes, however old."""
    reader = database.connect()
    with sessions(database, 2) as (gone, open_):
        insert(gone, "1", "2")
        gone.rollback()
        insert(reader, "3")
        insert(open_, "4")
        insert(reader, "5")
        assert position(reader) == "5.1.1-1"
        query(reader, "UPDATE pgfeed.mark SET finished = '3'")
        assert position(reader) == "5.1"
        query(reader, "UPDATE pgfeed.mark SET finished = '5.1'")
        assert position(reader) == "5.1"
        open_.commit()
        assert position(reader) == "5"
        insert(gone, "6")
        assert position(reader) == "5"
        query(reader, "UPDATE pgfeed.mark SET finished = '7.1'")     # 7 is of nobody
        assert position(reader) == "7.1"
    reader.close()


def test_beyond_what_a_position_holds_events_come_again(database):
    """128 ranges; the position ends below the next one, so that nothing is lost."""
    reader = database.connect()
    with sessions(database, 1) as (other,):
        for n in range(140):
            insert(other, str(2 * n + 1))
            insert(reader, str(2 * n + 2))
        text = position(reader)
        assert text == "256" + ".1" * 128       # 258 and more come again
        other.commit()
    assert position(reader) == "280"
    reader.close()


def test_it_names_the_timeline_and_the_history(database):
    database.sql("SELECT pgfeed.publish('a', '')")
    database.sql("INSERT INTO pgfeed.epoch VALUES (1, 0), (3, 1)")
    assert database.value("SELECT pgfeed.position()") == "3~1"
    database.sql("SELECT pgfeed.new_history(history) FROM pgfeed.mark")
    tag = database.value("SELECT tag FROM pgfeed.mark")
    assert len(tag) == 4
    assert database.value("SELECT pgfeed.position()") == f"3~1_{tag}"


def test_who_publishes_may_ask_for_it(database):
    assert database.value("SELECT pgfeed.position()", user="post") == "0"
    database.sql("CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA pgfeed TO stranger")
    try:
        with pytest.raises(errors.InsufficientPrivilege):
            database.sql("SELECT pgfeed.position()", user="stranger")
    finally:
        database.sql("DROP OWNED BY stranger; DROP ROLE stranger")


def test_a_page_goes_on_from_where_it_was_rendered(site, topic):
    """The page shows rows; each change committed later arrives once, no other does."""
    site.sql("CREATE TABLE rendered (id integer PRIMARY KEY, state text)")
    site.sql("SELECT pgfeed.attach('rendered', topic => %s)", (topic,))
    site.sql("INSERT INTO rendered VALUES (1, 'new'), (2, 'new')")
    with contextlib.closing(site.connect()) as page, contextlib.closing(
            site.connect()) as open_:
        query(page, "BEGIN ISOLATION LEVEL REPEATABLE READ")
        query(open_, "BEGIN")
        query(open_, "INSERT INTO rendered VALUES (3, 'open')")
        query(open_, "SET CONSTRAINTS ALL IMMEDIATE")   # has drawn its id
        site.sql("UPDATE rendered SET state = 'sent' WHERE id = 1")
        shown = query(page, "SELECT id, state FROM rendered ORDER BY id")
        site.sql("DELETE FROM rendered WHERE id = 2")
        query(open_, "COMMIT")
        begin = position(page)
    assert shown == [(1, "sent"), (2, "new")] and ".1" in begin
    with site.stream(f"/events?format=json&topic={topic}&last_event_id={begin}") as stream:
        got = [(m["kind"], m["data"]) for m in (e.json() for e in stream.messages(2))]
        assert sorted(kind for kind, _ in got) == ["delete", "insert"], got
        assert stream.next().type == "pgfeed.live"
