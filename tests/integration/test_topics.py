"""One event, several topics: once for each stream, wherever it comes from."""

import pytest
from psycopg2 import errors

from lib.db import query

OPTIONS = {"ring_size": "1MB"}


def publish(site, topics, data):
    return site.sql("SELECT pgfeed.publish(%s, %s)", (topics, data))[0][0]


def push_out_of_the_ring(site, topic):
    """Twice as much as the ring holds."""
    site.sql("SELECT pgfeed.publish(%s, repeat('x', 90000)) FROM generate_series(1, 20)",
             (topic + "-filler",))


def test_a_stream_gets_it_once_live(site, topic):
    a, b, c = (f"{topic}/{name}" for name in "abc")
    wanted = {f"topic={a}": 2, f"topic={b}": 2, f"topic={a}&topic={b}": 3,
              f"topic={topic}/*": 3, f"topic={topic}/*&topic={c}": 3, f"topic={c}": 1}
    streams = {q: site.stream(f"/events?format=json&{q}").live() for q in wanted}
    publish(site, [a, b], "1")
    publish(site, [b, c, b], "2")
    publish(site, [a], "3")
    publish(site, [a, b, c, topic + "/end"], "end")
    for q, stream in streams.items():
        got = [m.json() for m in stream.messages(wanted[q] + 1)]
        assert got[-1]["data"] == "end", (q, got)
        assert len({m["id"] for m in got}) == len(got)
        stream.close()


def test_history_finds_it_by_each_topic_and_once(site, topic):
    a, b, c = (f"{topic}/{name}" for name in "abc")
    for n in range(5):
        publish(site, [a, b], f"ab {n}")
        publish(site, [b, a], f"ba {n}")
        publish(site, [c, b], f"cb {n}")
        publish(site, b, f"b {n}")
    push_out_of_the_ring(site, topic)
    expected = {f"topic={a}": ["ab", "ba"], f"topic={b}": ["ab", "ba", "cb", "b"],
                f"topic={a}&topic={b}": ["ab", "ba", "cb", "b"],
                f"topic={a}&topic={c}": ["ab", "ba", "cb"],
                f"topic={topic}/*": ["ab", "ba", "cb", "b"],
                f"topic={c}&topic={topic}/*": ["ab", "ba", "cb", "b"]}
    for q, kinds in expected.items():
        want = [f"{kind} {n}" for n in range(5) for kind in kinds]
        with site.stream(f"/events?{q}&last_event_id=earliest") as stream:
            assert [m.data for m in stream.messages(len(want))] == want, q
            assert stream.next().type == "pgfeed.live"
        with site.stream(f"/events?{q}&last_event_id=-3") as stream:
            assert [m.data for m in stream.messages(3)] == want[-3:], q
            assert stream.next().type == "pgfeed.live"


def test_a_reader_sees_only_topics_that_the_stream_asked_for(site, topic):
    secret, shown = f"{topic}-secret", f"{topic}/shown"
    position = publish(site, [topic], "")
    with site.stream(f"/events?topic={shown}&format=json").live() as stream:
        publish(site, [secret, shown], "x")
        assert stream.message().json()["topic"] == shown
    answer = site.post(f"/events?topic={shown}&last_event_id={position}", method="GET",
                       headers={"Accept": "application/json"})
    assert [e["topic"] for e in answer.json()["events"]] == [shown]
    assert secret not in answer.body.decode()
    push_out_of_the_ring(site, topic)
    with site.stream(f"/events?topic={topic}/*&format=json&last_event_id=-1") as stream:
        assert stream.message().json()["topic"] == shown


def test_who_may_read_one_topic_gets_the_event(site, topic):
    site.sql("UPDATE pgfeed.access SET pattern = %s WHERE pattern = '*'", (topic + "/open",))
    try:
        publish(site, [topic + "/shut", topic + "/open"], "x")
        for q, open_to_all in (("open", True), ("shut", False)):
            answer = site.post(f"/events?topic={topic}/{q}&last_event_id=-1&wait=1",
                               method="GET", headers={"Accept": "application/json"})
            assert (answer.status == 200) is open_to_all, answer
    finally:
        site.sql("UPDATE pgfeed.access SET pattern = '*' WHERE pattern = %s",
                 (topic + "/open",))


def test_publish_takes_topics(database):
    first = database.value("SELECT pgfeed.publish(ARRAY['a', 'b', 'a', 'c'], 'x', kind => 'k')")
    assert database.sql("SELECT id, topic, also, kind, data FROM pgfeed.event") == [
        (first, "a", ["b", "c"], "k", "x")]
    only = database.value("SELECT pgfeed.publish(ARRAY['a', 'a'], 'x')")
    assert database.sql("SELECT topic, also FROM pgfeed.event WHERE id = %s", (only,)) == [
        ("a", None)]
    for topics in ([], [None], ["a", None], ["a", "*"], ["-/a"], ["x"] * 3 + [""],
                   [f"t{n}" for n in range(101)]):
        with pytest.raises((errors.InvalidParameterValue, errors.CheckViolation)):
            database.sql("SELECT pgfeed.publish(%s::text[], 'x')", (topics,))
    assert database.value("SELECT count(*) FROM pgfeed.event") == 2


def test_a_key_stands_for_all_topics(database):
    publish_ab = "SELECT pgfeed.publish(ARRAY['a', 'b'], 'x', key => 'k')"
    connection = database.connect(autocommit=False)
    query(connection, "SAVEPOINT s")
    first = query(connection, publish_ab)[0][0]
    connection.commit()
    connection.close()
    assert database.value(publish_ab) == first
    for other in ("ARRAY['a', 'c']", "ARRAY['a', 'b', 'c']"):
        with pytest.raises(errors.UniqueViolation):
            database.sql(f"SELECT pgfeed.publish({other}, 'x', key => 'k')")
    assert database.sql("SELECT topic, also FROM pgfeed.event") == [("a", ["b"])]


def test_retention_forgets_further_topics(database):
    database.sql("SELECT pgfeed.publish(ARRAY['a', 'b'], 'x'), pgfeed.publish(ARRAY['a', 'c'], 'x')")
    database.sql("UPDATE pgfeed.mark SET oldest = 2")
    assert database.value("SELECT (pgfeed.prune_sweep()).more") is False
    assert database.sql("SELECT topic, id FROM pgfeed.further") == [("c", 2)]
    database.sql("TRUNCATE pgfeed.event")
    assert database.sql("SELECT * FROM pgfeed.further") == []
