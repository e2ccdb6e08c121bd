"""Old history goes away, and nobody is hurt by it."""
import threading
import time

import psycopg2
import pytest
from psycopg2 import errors

from lib.db import Together, query
from lib.harness import eventually


def publish(database, n, age="0"):
    """n events that look as if they were that old; returns the last id."""
    database.sql("SELECT pgfeed.publish('a', i::text) FROM generate_series(1, %s) i",
                 (n,))
    last = database.value("SELECT max(id) FROM pgfeed.event")
    database.sql("UPDATE pgfeed.event SET at = at - %s::interval WHERE id > %s",
                 (age, last - n))
    return last


def ids(database):
    return [row[0] for row in database.sql("SELECT id FROM pgfeed.event ORDER BY id")]


def oldest(database):
    return database.value("SELECT oldest FROM pgfeed.mark")


def bounds(database):
    return database.sql("SELECT low, high FROM pgfeed.partition ORDER BY low NULLS FIRST")


def rotate(database, step):
    """As a gateway does: again, while the table is busy."""
    return eventually(lambda: database.value(
        "SELECT pgfeed.rotate(%s, true)", (step,)) == "split")


# --- rotation

def test_the_last_partition_is_split_before_it_is_needed(database):
    assert bounds(database) == [(None, 100001), (100001, None)]
    assert database.value("SELECT pgfeed.rotate()") == "idle"
    database.sql("SELECT setval('pgfeed.event_id_seq', 60000)")
    assert database.value("SELECT pgfeed.rotate()") == "split"
    assert bounds(database) == [(None, 100001), (100001, 200001), (200001, None)]
    assert database.value("SELECT pgfeed.rotate()") == "idle"


def test_an_insert_never_misses_a_partition(database):
    """Nobody rotated for long: the last one takes it, and is split all the same."""
    database.sql("SELECT setval('pgfeed.event_id_seq', 1000000)")
    publish(database, 10)
    assert database.value("SELECT pgfeed.rotate(100)") == "split"
    publish(database, 200)
    assert bounds(database) == [(None, 100001), (100001, 1000111), (1000111, None)]
    assert ids(database) == list(range(1000001, 1000211))


def test_partitions_stay_few_whatever_the_rate(database):
    """A new one has room for an eighth of what is kept."""
    for last, room in ((2_000_000, 249_999), (40_000_000, 4_999_999),
                       (4_000_000_000, 20_000_000)):
        database.sql("SELECT setval('pgfeed.event_id_seq', %s)", (last,))
        assert database.value("SELECT pgfeed.rotate()") == "split"
        assert bounds(database)[-1] == (last + 1 + room, None)


def test_rotation_beside_writers_loses_nothing(database):
    """Splits while four sessions write: no insert fails, none is missing."""
    database.sql("SELECT setval('pgfeed.event_id_seq', 100000)")
    done = threading.Event()
    written = []

    def write():
        connection = database.connect()
        mine = []
        while not done.is_set():
            mine += [row[0] for row in query(
                connection, "INSERT INTO pgfeed.event (topic, data) SELECT 'a', 'x'"
                            " FROM generate_series(1, 3) RETURNING id")]
        connection.close()
        written.extend(mine)

    writers = Together()
    for _ in range(4):
        writers.start(write)
    try:
        for _ in range(25):
            rotate(database, 20)
    finally:
        done.set()
    writers.finish()
    assert ids(database) == sorted(written)
    used = database.value("SELECT count(DISTINCT tableoid) FROM pgfeed.event")
    assert used > 5, "the writers should have crossed several bounds"


def test_a_long_transaction_stops_the_rotation_and_not_the_writers(database):
    long, writer = database.connect(autocommit=False), database.connect()
    query(long, "SELECT pgfeed.publish('a', 'x')")
    query(writer, "SET statement_timeout = '1s'")
    rotations = Together()
    answers = []
    rotations.start(lambda: answers.extend(
        database.value("SELECT pgfeed.rotate(10, true)") for _ in range(5)))
    while rotations.threads[0].is_alive():
        began = time.monotonic()
        query(writer, "SELECT pgfeed.publish('a', 'y')")
        assert time.monotonic() - began < 1
    rotations.finish()
    assert answers == ["busy"] * 5
    long.commit()
    rotate(database, 10)
    long.close()
    writer.close()


def test_one_rotates_at_a_time(database):
    first = database.connect(autocommit=False)
    assert query(first, "SELECT pgfeed.rotate(1, true)") == [("split",)]
    assert database.value("SELECT pgfeed.rotate(1, true)") == "busy"
    first.close()


# --- pruning

def test_the_mark_is_raised_and_committed_before_anything_goes(database):
    last = publish(database, 20, "2 days")
    young = publish(database, 5)
    connection = database.connect(autocommit=False)
    query(connection, "SELECT pgfeed.prune_mark('1 day')")
    with pytest.raises(errors.InvalidTransactionState, match="must be committed"):
        query(connection, "SELECT pgfeed.prune_sweep()")
    connection.rollback()
    assert oldest(database) == 1
    query(connection, "SELECT pgfeed.prune_mark('1 day')")
    connection.commit()
    assert oldest(database) == last + 1
    assert len(ids(database)) == 25, "nothing goes before the sweep"
    query(connection, "SELECT pgfeed.prune_sweep()")
    connection.commit()
    connection.close()
    assert ids(database) == list(range(last + 1, young + 1))


def test_a_reader_that_misses_events_finds_the_mark_raised(database):
    """First the page, then the mark: a hole in the page is always explained."""
    database.sql("SELECT setval('pgfeed.event_id_seq', 99900)")
    for _ in range(3):
        rotate(database, 100)
    publish(database, 400, "1 hour")  # 99901 to 100300
    done = threading.Event()
    seen_short = []

    def read():
        connection = database.connect("stream")
        while not done.is_set():
            page = [r[0] for r in query(
                connection, "SELECT id FROM pgfeed.event WHERE id > 0 ORDER BY id")]
            mark = query(connection, "SELECT oldest FROM pgfeed.mark")[0][0]
            missing = set(range(99901, 100301)) - set(page)
            assert not missing or max(missing) < mark, (missing, mark)
            seen_short.append(bool(missing))
        connection.close()

    readers = Together()
    for _ in range(2):
        readers.start(read)
    eventually(lambda: len(seen_short) > 10)
    try:
        pruner = database.connect("stream")
        for old in range(99940, 100300, 40):  # ever more of them are old
            database.sql("UPDATE pgfeed.event SET at = now() - '2 days'::interval"
                         " WHERE id <= %s", (old,))
            query(pruner, "SELECT pgfeed.prune_mark('1 day', true)")
            eventually(lambda: query(
                pruner, "SELECT more FROM pgfeed.prune_sweep(7)") == [(False,)])
        pruner.close()
        eventually(lambda: any(seen_short))
    finally:
        done.set()
    readers.finish()
    assert ids(database) == list(range(old + 1, 100301))
    assert bounds(database)[0] == (100201, 100301)


def test_whole_partitions_go_once_all_in_them_is_old(database):
    rotate(database, 10)      # 1 .. 100000 | 100001 .. 100010 | ...
    database.sql("SELECT setval('pgfeed.event_id_seq', 99990)")
    publish(database, 15, "9 days")   # to 100005
    last = publish(database, 15, "1 day")    # to 100020
    assert last == 100020
    assert database.value("SELECT pgfeed.prune_mark('8 days')") == 100001
    assert database.sql("SELECT * FROM pgfeed.prune_sweep()") == [(False, 1, 0)]
    assert bounds(database)[0] == (100001, 100011)
    assert ids(database) == list(range(100001, 100021))
    # The next one has young events as well, so it stays as a whole ...
    assert database.value("SELECT pgfeed.prune_mark('8 days')") is None
    # ... but to the letter, its old ones go.
    assert database.value("SELECT pgfeed.prune_mark('8 days', true)") == 100006
    assert database.sql("SELECT * FROM pgfeed.prune_sweep()") == [(False, 0, 5)]
    assert ids(database) == list(range(100006, 100021))


def test_a_small_site_loses_single_events_a_quarter_late(database):
    publish(database, 10, "9 days")
    publish(database, 10, "8.5 days")
    assert database.value("SELECT pgfeed.prune_mark('8 days')") is None
    assert database.value("SELECT pgfeed.prune_mark('7 days')") == 21
    assert database.value("SELECT pgfeed.prune_mark('7 days')") is None


def test_the_sweep_goes_in_batches(database):
    publish(database, 12, "2 days")
    database.sql("SELECT pgfeed.prune_mark('1 day')")
    assert [database.sql("SELECT more, rows FROM pgfeed.prune_sweep(5)")[0]
            for _ in range(4)] == [(True, 5), (True, 5), (False, 2), (False, 0)]


def test_ids_that_may_still_come_are_not_pruned(database):
    publish(database, 5, "2 days")
    late = database.connect(autocommit=False)
    query(late, "INSERT INTO pgfeed.event (topic, data, at)"  # draws 6
                " VALUES ('a', 'late', now() - '2 days'::interval)")
    publish(database, 5, "2 days")
    database.sql("UPDATE pgfeed.mark SET low = 3")
    assert database.value("SELECT pgfeed.prune_mark('1 day', true)") == 4
    late.commit()
    late.close()
    assert ids(database) == list(range(1, 12))
    assert database.value("SELECT pgfeed.prune_mark('1 day', true)") == 12


def test_a_busy_table_is_swept_later(database):
    rotate(database, 10)
    database.sql("SELECT setval('pgfeed.event_id_seq', 100000)")
    publish(database, 3)
    database.sql("UPDATE pgfeed.mark SET oldest = 100001")
    reader = database.connect(autocommit=False)
    query(reader, "SELECT id FROM pgfeed.event")
    assert database.sql("SELECT * FROM pgfeed.prune_sweep()") == [(True, 0, 0)]
    reader.rollback()
    reader.close()
    assert database.sql("SELECT * FROM pgfeed.prune_sweep()") == [(False, 1, 0)]


def test_one_prunes_at_a_time(database):
    publish(database, 5, "2 days")
    first = database.connect(autocommit=False)
    assert query(first, "SELECT pgfeed.prune_mark('1 day')") == [(6,)]
    assert database.value("SELECT pgfeed.prune_mark('1 day')") is None
    assert database.sql("SELECT * FROM pgfeed.prune_sweep()") == [(True, 0, 0)]
    first.rollback()
    first.close()
    assert database.value("SELECT pgfeed.prune_mark('1 day')") == 6


@pytest.mark.parametrize("age", ["0", "-1 day"])
def test_nothing_young_can_be_pruned_by_mistake(database, age):
    publish(database, 1)
    with pytest.raises(psycopg2.DataError, match="must be positive"):
        database.sql("SELECT pgfeed.prune_mark(%s)", (age,))


# --- keys

def test_keys_expire_and_can_be_used_again(database):
    call = "SELECT pgfeed.publish('a', 'x', key => 'k')"
    first = database.value(call)
    assert database.value("SELECT pgfeed.expire_keys('1 day')") == 0
    assert database.value(call) == first
    database.sql("UPDATE pgfeed.key SET at = at - '2 days'::interval")
    assert database.value("SELECT pgfeed.expire_keys('1 day')") == 1
    assert database.value(call) > first


def test_a_repeated_key_keeps_its_first_id_after_the_event_is_gone(database):
    call = "SELECT pgfeed.publish('a', 'x', key => 'k')"
    first = database.value(call)
    database.sql("UPDATE pgfeed.event SET at = at - '2 days'::interval")
    database.sql("SELECT pgfeed.prune_mark('1 day')")
    database.sql("SELECT pgfeed.prune_sweep()")
    assert ids(database) == []
    assert database.value(call) == first


def test_a_key_in_use_is_not_expired(database):
    call = "SELECT pgfeed.publish('a', 'x', key => 'k')"
    database.value(call)
    database.sql("UPDATE pgfeed.key SET at = at - '2 days'::interval")
    user = database.connect(autocommit=False)
    query(user, call)
    assert database.value("SELECT pgfeed.expire_keys('1 day')") == 0
    user.commit()
    user.close()
    assert database.value("SELECT pgfeed.expire_keys('1 day')") == 1


# --- what others can do about it

def done(database, duty):
    return database.value("SELECT done FROM pgfeed.duty WHERE name = %s", (duty,))


def test_no_young_event_goes_whatever_stands_beside_it(database):
    """Rows were imported with their old times: halving by time met them, and
    took the young ones below with it."""
    publish(database, 5, "30 days")
    publish(database, 20)
    publish(database, 50, "30 days")
    for exact in (False, True):
        database.sql("SELECT pgfeed.prune_mark('7 days', %s)", (exact,))
        database.sql("SELECT pgfeed.prune_sweep()")
        assert ids(database) == list(range(6, 76))
    database.sql("UPDATE pgfeed.event SET at = at - '30 days'::interval WHERE id < 26")
    assert database.value("SELECT pgfeed.prune_mark('7 days')") == 76


def test_a_partition_with_one_young_event_stays(database):
    rotate(database, 10)      # 1 .. 100000 | 100001 .. 100010 | ...
    database.sql("SELECT setval('pgfeed.event_id_seq', 99990)")
    publish(database, 15, "30 days")
    publish(database, 20)
    database.sql("UPDATE pgfeed.event SET at = now() WHERE id = 99993")
    assert database.value("SELECT pgfeed.prune_mark('7 days')") == 99993
    database.sql("UPDATE pgfeed.event SET at = now() - '30 days'::interval WHERE id = 99993")
    assert database.value("SELECT pgfeed.prune_mark('7 days')") == 100006


def test_only_the_owner_goes_below_the_least_retention(database):
    publish(database, 5, "2 days")
    publish(database, 5, "2 hours")
    database.sql("SELECT pgfeed.publish('a', 'k', key => 'k');"
                 "UPDATE pgfeed.key SET at = now() - '30 minutes'::interval")
    for call in ("SELECT pgfeed.prune_mark('1 microsecond', true)",
                 "SELECT pgfeed.prune_sweep()",
                 "SELECT pgfeed.expire_keys('1 microsecond')"):
        database.sql(call, user="stream")
    assert ids(database) == list(range(6, 12))
    assert database.value("SELECT count(*) FROM pgfeed.key") == 1
    for call in ("SELECT pgfeed.rotate(1)", "SELECT pgfeed.rotate(200000, true)"):
        with pytest.raises(errors.InsufficientPrivilege):
            database.sql(call, user="stream")
    # The owner says otherwise, or does it.
    database.sql("UPDATE pgfeed.duty SET least = '1 hour' WHERE name = 'prune'")
    assert database.value("SELECT pgfeed.prune_mark('1 microsecond', true)",
                          user="stream") == 11
    assert database.value("SELECT pgfeed.expire_keys('1 microsecond')") == 1


def test_strangers_cannot_keep_retention_from_running(database):
    """They could, when it took advisory locks."""
    publish(database, 5, "30 days")
    database.sql("CREATE ROLE outsider LOGIN")
    connections = [database.connect(user, autocommit=False)
                   for user in ("outsider", "post", "stream")]
    try:
        for connection in connections:
            query(connection, "SELECT pg_advisory_lock_shared(1885824613, n)"
                              " FROM generate_series(0, 3) n")
            for attempt in ("SELECT FROM pgfeed.duty FOR UPDATE",
                            "SELECT FROM pgfeed.duty FOR KEY SHARE",
                            "LOCK TABLE pgfeed.duty IN ROW EXCLUSIVE MODE"):
                with pytest.raises(errors.InsufficientPrivilege):
                    query(connection, attempt)
                connection.rollback()
        assert database.value("SELECT pgfeed.prune_mark('7 days')") == 6
        assert database.sql("SELECT * FROM pgfeed.prune_sweep()") == [(False, 0, 5)]
        assert database.value("SELECT pgfeed.rotate()") == "idle"
    finally:
        for connection in connections:
            connection.close()
        database.sql("DROP ROLE outsider")


def test_it_is_known_when_each_duty_was_last_done(database):
    rotate(database, 10)
    before = {duty: done(database, duty) for duty in ("rotate", "prune", "keys")}
    busy = database.connect(autocommit=False)
    query(busy, "SELECT id FROM pgfeed.event")
    database.sql("SELECT setval('pgfeed.event_id_seq', 100000);"
                 "UPDATE pgfeed.mark SET oldest = 100001")
    database.sql("SELECT pgfeed.prune_sweep()")
    assert database.value("SELECT pgfeed.rotate(10, true)") == "busy"
    assert before["prune"] == done(database, "prune")
    assert before["rotate"] == done(database, "rotate")
    busy.close()
    database.sql("SELECT pgfeed.prune_sweep()")
    database.sql("SELECT pgfeed.rotate()")
    database.sql("SELECT pgfeed.expire_keys('1 day')")
    assert all(done(database, duty) > at for duty, at in before.items())


def test_doctor_names_a_duty_that_was_not_done_for_long(database):
    assert "history is looked after" in database.pgfeed("doctor", code=3)
    database.sql("UPDATE pgfeed.duty SET done = now() - '2 hours'::interval"
                 " WHERE name = 'prune'")
    said = database.pgfeed("doctor", code=3)
    assert 'history: the duty "prune" was last done 120 min ago' in said
    assert "history is looked after" not in said
