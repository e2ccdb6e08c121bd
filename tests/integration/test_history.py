"""Resuming from the table: old history, long history, history on the move."""
import re
import threading
import time

import pytest

from lib.db import HISTORY_ROWS as ROWS, Together, query
from lib.harness import eventually

def prune(site, below):
    """Everything below that id goes, from the table and from memory."""
    site.sql("UPDATE pgfeed.mark SET oldest = %s WHERE oldest < %s", (below, below))
    eventually(lambda: not site.sql("SELECT more FROM pgfeed.prune_sweep()")[0][0])
    site.kill("stream")
    site.wait_ready()


def before_messages(stream, kind):
    """The event of pgfeed's own of that type; no message may come before it."""
    while True:
        event = stream.next()
        assert event.type.startswith("pgfeed."), event
        if event.type == kind:
            return event


def test_a_client_from_before_the_retention_gets_a_gap(site, topic):
    ids = [site.publish(topic, str(n)) for n in range(6)]
    prune(site, ids[3])
    with site.stream(f"/events?topic={topic}", last_event_id=ids[0]) as stream:
        gap = before_messages(stream, "pgfeed.gap")
        assert gap.json()["oldest"] == str(ids[3]) and gap.json()["reason"]
        assert [e.data for e in stream.messages(3)] == ["3", "4", "5"]
    # Its id is a place to resume: the gap is told once.
    with site.stream(f"/events?topic={topic}", last_event_id=gap.id) as stream:
        stream.next_of("pgfeed.open")
        assert [stream.next_of("message").data for _ in range(3)] == ["3", "4", "5"]


def test_a_client_that_missed_nothing_gets_no_gap(site, topic):
    ids = [site.publish(topic, str(n)) for n in range(6)]
    prune(site, ids[3])
    for start, rest in ((ids[2], ["3", "4", "5"]), (ids[4], ["5"])):
        with site.stream(f"/events?topic={topic}", last_event_id=start) as stream:
            stream.next_of("pgfeed.open")
            assert [stream.next_of("message").data for _ in rest] == rest
            stream.next_of("pgfeed.live")


def test_earliest_is_the_oldest_that_is_kept(site, topic):
    ids = [site.publish(topic, str(n)) for n in range(4)]
    prune(site, ids[2])
    with site.stream(f"/events?topic={topic}&last_event_id=earliest") as stream:
        stream.next_of("pgfeed.open")
        assert [stream.next_of("message").data for _ in range(2)] == ["2", "3"]


@pytest.mark.parametrize("garbage", ["x", "99999999999999999999", "1.", "1..2", "-5",
                                     "4294967296~1", "é", "0" * 3600],
                         ids=range(8))
def test_a_garbled_position_is_a_gap_and_goes_on(site, topic, garbage):
    """Never an error, which would stop an EventSource for good."""
    with site.stream(f"/events?topic={topic}",
                     headers={"Last-Event-ID": garbage}) as stream:
        assert stream.status == 200
        before_messages(stream, "pgfeed.gap")
        site.publish(topic, "on")
        assert stream.message().data == "on"


def test_nothing_is_lost_while_partitions_come_and_go(site, topic):
    """Streams, replays and writers beside rotation and pruning."""
    site.sql("SELECT setval('pgfeed.event_id_seq', greatest(100000,"
             " (SELECT last_value FROM pgfeed.event_id_seq)))")
    first = site.publish(topic, "0")
    count, done = 600, threading.Event()

    def keep():
        connection = site.connect()
        while not done.is_set():
            query(connection, "SELECT pgfeed.rotate(20, true)")
            # Everything stays that this test still has to see.
            query(connection, "UPDATE pgfeed.mark SET oldest = %s WHERE oldest < %s",
                  (first, first))
            query(connection, "SELECT pgfeed.prune_sweep(50)")
        connection.close()

    def write():
        connection = site.connect()
        for n in range(1, count):
            query(connection, "SELECT pgfeed.publish(%s, %s)", (topic, str(n)))
            time.sleep(0.002)
        connection.close()

    keeper, writer = Together(), Together()
    keeper.start(keep)
    with site.stream(f"/events?topic={topic}", last_event_id=first).live() as live:
        writer.start(write)
        try:
            while writer.threads[0].is_alive():
                with site.stream(f"/events?topic={topic}"
                                 "&last_event_id=earliest") as stream:
                    got = [int(e.data) for e in stream.messages(20)]
                    assert got == list(range(20))
            writer.finish()
            assert [int(e.data) for e in live.messages(count - 1)] == list(
                range(1, count))
        finally:
            done.set()
            keeper.finish()
    assert site.sql("SELECT count(*) > 5 FROM pgfeed.partition") == [(True,)]


def test_the_gateway_looks_after_history(make_site):
    """By itself, within a minute: old events and keys go, partitions are made."""
    site = make_site("lighttpd", retention="1s", key_age="1s")
    site.sql("UPDATE pgfeed.duty SET least = '1 microsecond' WHERE name <> 'rotate'")
    stuck = make_site("lighttpd", retention="2h")
    stuck.sql("""CREATE OR REPLACE FUNCTION pgfeed.expire_keys(age interval,
                 batch integer DEFAULT 5000) RETURNS bigint LANGUAGE sql
                 SET search_path = pg_catalog, pg_temp AS 'SELECT 0::bigint'""")
    stuck.sql("UPDATE pgfeed.duty SET done = now() - '2 hours'::interval"
              " WHERE name = 'keys'")
    site.publish("old", "x", key="k")
    site.sql("SELECT setval('pgfeed.event_id_seq', 99990)")
    last = site.publish("old", "y")
    eventually(lambda: site.sql("SELECT oldest FROM pgfeed.mark")[0][0] == last + 1,
               100, "the mark is raised")
    eventually(lambda: not site.sql("SELECT id FROM pgfeed.event"), what="events go")
    eventually(lambda: not site.sql("SELECT key FROM pgfeed.key"), what="keys go")
    assert site.sql("SELECT count(*) FROM pgfeed.partition") == [(3,)]
    with site.stream("/events?topic=old", last_event_id=1) as stream:
        stream.live()
        site.publish("old", "z")
        assert stream.message().data == "z"
    # And it says so when that was not done for long, or not as the option asks.
    eventually(lambda: 'the duty "keys" was last done 12' in stuck.log(), 100,
               "the duty is named")
    assert "keeps events for at least 1 day" in stuck.log()
    metrics = stuck.post("/events/-/metrics", method="GET").body.decode()
    assert int(re.search(r"^pgfeed_janitor_late_seconds (\d+)", metrics, re.M)[1]) >= 7200


def test_a_long_history_is_no_burden(make_site, history):
    """With two million events a resume answers in milliseconds, from an index."""
    site = make_site("lighttpd", database=history.name)
    connection = site.connect()

    def scans():
        query(connection, "SELECT pg_stat_clear_snapshot()")
        return query(connection, "SELECT sum(seq_scan), sum(seq_tup_read)"
                     " FROM pg_stat_user_tables WHERE relname LIKE 'event%%'", ())[0]

    def resume(path, start):
        began = time.monotonic()
        with site.stream(path, last_event_id=start) as stream:
            data = stream.message().data
            return data, 1000 * (time.monotonic() - began)

    resume("/events?topic=topic/7", 1)  # the first finds what it needs on disk
    before = scans()
    took = []
    for path, start, first in (
            ("/events?topic=topic/7", 1, "7"),
            ("/events?topic=topic/7", 1_000_000, "1000007"),
            ("/events?topic=topic/7&topic=topic/9", 1_900_000, "1900007"),
            ("/events?topic=topic/*", 1_000_000, "1000001"),
            ("/events?topic=topic/*", 500, "501"),
            ("/events?topic=topic/7", ROWS - 999, str(ROWS - 993))):
        for _ in range(5):
            data, ms = resume(path, start)
            assert data == first
            took.append(ms)
    took.sort()
    print(f"first event after {took[len(took) // 2]:.1f} ms (median), at most {took[-1]:.1f}")
    # A silent topic, whose history is all of the table.
    with site.stream("/events?topic=silent", last_event_id=1) as stream:
        stream.live()
    after = scans()
    assert after[1] == before[1], f"rows read by scanning: {before} {after}"
    connection.close()
