"""Writers ring only while a gateway sleeps, and no event is late for that.

A gateway sleeps when events are rare and is awake when they are many. These
tests make each step between the two happen while writers are under way; the
oracle of tests/faults mixes them all.
"""
import contextlib
import threading
import time

import pytest

from lib.db import query
from lib.harness import Site, eventually

LATE_S = 0.5    # far below the fetch of each second, far above a noisy machine


@pytest.fixture(scope="module")
def site(request, cluster):
    site = Site(cluster, "lighttpd")
    yield site
    if request.session.testsfailed:
        site.show_logs()
    site.close()


def status(site, name):
    return site.post("/events/-/status", method="GET").json()[name]


def wait_until_asleep(site):
    eventually(lambda: status(site, "asleep"), 20, "the gateway sleeps")


def rows(site):
    return [asleep for (asleep,) in site.sql("SELECT asleep FROM pgfeed.gateway")]


@contextlib.contextmanager
def crowd(site, topic, writers=4):
    """Commits one event after the other, until the end of the block."""
    done = threading.Event()

    def write():
        connection = site.connect()
        while not done.is_set():
            query(connection, "INSERT INTO pgfeed.event (topic, data) VALUES (%s, 'x')",
                  (topic,))
        connection.close()
    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def wake(site, topic):
    """Ends when the gateway is awake; the writers are gone then."""
    with crowd(site, topic + "-crowd"):
        eventually(lambda: not status(site, "asleep") and rows(site) == [False], 20,
                   "the gateway is awake")


def delay_of(stream, connection, statement, *args):
    """Seconds from the end of the statement to the event."""
    query(connection, statement, args)
    begun = time.monotonic()
    stream.message(10)
    return time.monotonic() - begun


class Ear:
    """A plain LISTEN, which hears whether writers ring."""

    def __init__(self, site):
        self.connection = site.connect()
        query(self.connection, "LISTEN pgfeed")

    def heard(self):
        query(self.connection, "SELECT 1")
        self.connection.poll()
        found = len(self.connection.notifies)
        self.connection.notifies.clear()
        return found


def test_a_gateway_without_events_sleeps_and_is_rung(site, topic):
    wait_until_asleep(site)
    assert rows(site) == [True]
    rings = status(site, "rings")
    connection = site.connect()
    with site.stream(f"/events/{topic}").live() as stream:
        assert delay_of(stream, connection, "SELECT pgfeed.publish(%s, 'x')", topic) < LATE_S
        assert site.post(f"/events/{topic}", b"y", {"Content-Type": "text/plain"}).status == 201
        stream.message(LATE_S)
    assert status(site, "rings") > rings
    connection.close()


def test_many_events_wake_it_and_then_nobody_rings(site, topic):
    wait_until_asleep(site)
    ear = Ear(site)
    connection = site.connect()
    with site.stream(f"/events/{topic}").live() as stream:
        wake(site, topic)
        ear.heard()
        assert delay_of(stream, connection, "SELECT pgfeed.publish(%s, 'x')", topic) < LATE_S
        assert ear.heard() == 0
        assert site.post(f"/events/{topic}", b"y", {"Content-Type": "text/plain"}).status == 201
        stream.message(LATE_S)
        assert ear.heard() == 0
    wait_until_asleep(site)
    query(connection, "SELECT pgfeed.publish(%s, 'z')", (topic,))
    eventually(ear.heard, what="a ring")
    connection.close()


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_it_does_not_fall_asleep_before_a_writer_that_did_not_ring(site, topic, end):
    with site.stream(f"/events/{topic}").live() as stream:
        wake(site, topic)
        writer = site.connect()
        query(writer, "BEGIN")
        query(writer, "SELECT pgfeed.publish(%s, 'late')", (topic,))
        # The row says asleep, so that others ring, but the gateway waits.
        eventually(lambda: rows(site) == [True], 20, "the row says asleep")
        probes = status(site, "fetches") + 10
        eventually(lambda: status(site, "fetches") > probes, 20, "fetches go on")
        assert not status(site, "asleep")
        begun = time.monotonic()
        query(writer, end)
        if end == "COMMIT":
            assert stream.message(10).data == "late"
            assert time.monotonic() - begun < LATE_S
        writer.close()
        wait_until_asleep(site)


def test_a_writer_that_begins_while_it_falls_asleep_rings(site, topic):
    wake(site, topic)
    holder, writer = site.connect(), site.connect()
    query(holder, "BEGIN")
    query(holder, "SELECT pgfeed.publish(%s, 'x')", (topic,))
    eventually(lambda: rows(site) == [True], 20, "the row says asleep")
    ear = Ear(site)
    query(writer, "SELECT pgfeed.publish(%s, 'y')", (topic,))
    eventually(ear.heard, what="a ring")
    query(holder, "COMMIT")
    holder.close()
    writer.close()


@pytest.mark.parametrize("level,rings", [
    ("READ COMMITTED", 0), ("REPEATABLE READ", 1), ("SERIALIZABLE", 1)])
def test_a_writer_with_an_old_snapshot_always_rings(site, topic, level, rings):
    writer = site.connect()
    with site.stream(f"/events/{topic}").live() as stream:
        wake(site, topic)
        ear = Ear(site)
        query(writer, f"BEGIN ISOLATION LEVEL {level}")
        query(writer, "SELECT pgfeed.publish(%s, 'x')", (topic,))
        query(writer, "COMMIT")
        stream.message(10)
        assert ear.heard() == rings
    writer.close()


def test_a_prepared_transaction_of_a_time_without_rings_is_not_late(site, topic):
    with site.stream(f"/events/{topic}").live() as stream:
        wake(site, topic)
        writer = site.connect()
        query(writer, "BEGIN")
        query(writer, "SELECT pgfeed.publish(%s, 'prepared')", (topic,))
        query(writer, f"PREPARE TRANSACTION '{topic}'")
        eventually(lambda: rows(site) == [True], 20, "the row says asleep")
        begun = time.monotonic()
        query(writer, f"COMMIT PREPARED '{topic}'")
        assert stream.message(10).data == "prepared"
        assert time.monotonic() - begun < LATE_S
        writer.close()


def test_the_row_of_a_gateway_that_died_asleep_goes(site, topic):
    wait_until_asleep(site)
    site.kill()
    site.wait_ready()
    eventually(lambda: rows(site) == [True] and status(site, "asleep"), 30,
               "one row, of the gateway that is there")


def test_two_gateways_are_rung_as_long_as_one_sleeps(site, cluster, topic):
    with contextlib.closing(Site(cluster, "lighttpd", database=site.database)) as other, \
            other.stream(f"/events/{topic}").live() as stream:
        wait_until_asleep(other)
        wait_until_asleep(site)
        assert rows(site) == [True, True]
        connection = site.connect()
        assert delay_of(stream, connection, "SELECT pgfeed.publish(%s, 'x')", topic) < LATE_S
        connection.close()
    eventually(lambda: len(rows(site)) == 1, 30, "the other's row goes")


def test_strangers_cannot_write_the_rows(site):
    connection = site.connect()
    query(connection, "CREATE ROLE doorbell_stranger")
    query(connection, "GRANT USAGE ON SCHEMA pgfeed TO doorbell_stranger")
    query(connection, "SET ROLE doorbell_stranger")
    for statement in ("SELECT pgfeed.set_asleep(true)", "SELECT pgfeed.ring()",
                      "INSERT INTO pgfeed.gateway VALUES (1, 1, true)",
                      "DELETE FROM pgfeed.gateway"):
        with pytest.raises(Exception, match="permission denied"):
            query(connection, statement)
    query(connection, "RESET ROLE")
    query(connection, "DROP OWNED BY doorbell_stranger")
    query(connection, "DROP ROLE doorbell_stranger")
    connection.close()
