"""History that is made anew: a gap with the reason, and every new event."""
import re

import pytest

from lib.harness import run

RESTARTS = {
    "truncate": "TRUNCATE pgfeed.event RESTART IDENTITY",
    "truncate-unnoticed": "ALTER TABLE pgfeed.event DISABLE TRIGGER emptied;"
                          " TRUNCATE pgfeed.event RESTART IDENTITY",
    "setval": "DELETE FROM pgfeed.event; SELECT setval('pgfeed.event_id_seq', 1, false)",
}


def publish(site, topic, *datas):
    return [site.sql("SELECT pgfeed.publish(%s, %s)", (topic, data))[0][0] for data in datas]


def until_data(stream, data):
    """All that comes up to the event with that data."""
    got = [stream.next(timeout=30)]
    while got[-1].data != data:
        got.append(stream.next(timeout=30))
    return got


def gaps(events):
    return [e.json()["reason"] for e in events if e.type == "pgfeed.gap"]


@pytest.fixture(name="own")
def own_site(make_site):
    return make_site("lighttpd")


@pytest.mark.parametrize("how", RESTARTS)
def test_a_running_stream_gets_a_gap_and_then_all_new_events(own, topic, how):
    with own.stream(f"/events/{topic}").live() as stream:
        publish(own, topic, *"abc")
        assert [m.data for m in stream.messages(3)] == list("abc")
        own.sql(RESTARTS[how])
        ids = publish(own, topic, "1", "2")
        assert ids == [1, 2]
        gap = stream.next_of("pgfeed.gap", timeout=20)
        assert gap.json()["reason"] == "history"
        assert [m.data for m in stream.messages(2)] == ["1", "2"]
        publish(own, topic, "3")
        last = stream.message()
        assert last.data == "3"
    with own.stream(f"/events/{topic}", last_event_id=last.id) as stream:
        publish(own, topic, "4")
        assert gaps(until_data(stream, "4")) == []


@pytest.mark.parametrize("published", [1, 9], ids=["lower", "higher"])
def test_a_position_of_the_old_history_is_recognised(own, topic, published):
    with own.stream(f"/events/{topic}").live() as stream:
        publish(own, topic, *"abcde")
        old = stream.messages(5)[-1].id
    own.sql("TRUNCATE pgfeed.event RESTART IDENTITY")
    datas = [str(n) for n in range(published)]
    publish(own, topic, *datas)
    for _ in range(2):                  # before and after the gateway knows it
        with own.stream(f"/events/{topic}", last_event_id=old) as stream:
            got = until_data(stream, datas[-1])
        assert gaps(got) == ["history"]
        assert [e.data for e in got if e.type == "message"] == datas
        assert re.fullmatch(r"[1-9]\d*_[0-9a-z]{4}", got[-1].id)


def away(site):
    """The gateway keeps what it knows and can't reach the database."""
    site.sql("ALTER ROLE stream NOLOGIN")
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
             " WHERE usename = 'stream' AND datname = current_database()")


def migrate(site):
    run(["env", f"PGFEED_DATABASE={site.cluster.conninfo(site.database)}",
         site.cluster.share + "/pgfeed", "migrate", "up", "--dir",
         site.cluster.share + "/migrations"])
    site.sql("INSERT INTO pgfeed.access VALUES ('*', '*', true, true)")


def test_a_schema_made_anew_while_the_gateway_was_away(own, topic):
    with own.stream(f"/events/{topic}").live() as stream:
        publish(own, topic, *"abcde")
        assert len(stream.messages(5)) == 5
        away(own)
        try:
            own.sql("DROP SCHEMA pgfeed CASCADE")
            migrate(own)
            publish(own, topic, *"0123456789")
        finally:
            own.sql("ALTER ROLE stream LOGIN")
        gap = stream.next_of("pgfeed.gap", timeout=30)
        assert gap.json()["reason"] == "history"
        assert [m.data for m in stream.messages(10)] == list("0123456789")


def test_events_replaced_while_the_gateway_was_away(own, topic):
    """As an older dump that has been overtaken: the same ids, other events."""
    with own.stream(f"/events/{topic}").live() as stream:
        publish(own, topic, *"abcde")
        assert len(stream.messages(5)) == 5
        away(own)
        try:
            own.sql("DELETE FROM pgfeed.event; SELECT setval('pgfeed.event_id_seq', 1, false)")
            publish(own, topic, *"0123456789")
        finally:
            own.sql("ALTER ROLE stream LOGIN")
        assert stream.next_of("pgfeed.gap", timeout=30).json()["reason"] == "history"
        assert [m.data for m in stream.messages(10)] == list("0123456789")


def test_two_gateways_make_one_new_history(own, make_site, topic):
    other = make_site("lighttpd", database=own.database)
    with own.stream(f"/events/{topic}").live() as a, other.stream(f"/events/{topic}").live() as b:
        publish(own, topic, *"abc")
        assert len(a.messages(3)) == len(b.messages(3)) == 3
        own.sql(RESTARTS["setval"])
        publish(own, topic, "x")
        for stream in (a, b):
            assert gaps(until_data(stream, "x")) == ["history"]
        publish(own, topic, "y")
        last = [until_data(stream, "y") for stream in (a, b)]
        assert gaps(last[0] + last[1]) == []
        assert last[0][-1].id == last[1][-1].id


def test_a_connection_lost_and_found_is_no_new_history(own, topic):
    with own.stream(f"/events/{topic}").live() as stream:
        publish(own, topic, *"abc")
        assert len(stream.messages(3)) == 3
        away(own)
        publish(own, topic, "d")
        own.sql("ALTER ROLE stream LOGIN")
        assert gaps(until_data(stream, "d")) == []


def test_truncate_that_goes_on_with_the_ids_is_expired_history(database):
    database.sql("SELECT pgfeed.publish('a', 'x') FROM generate_series(1, 5)")
    before = database.value("SELECT history FROM pgfeed.mark")
    database.sql("TRUNCATE pgfeed.event")
    assert database.sql("SELECT history, tag, oldest FROM pgfeed.mark") == [(before, "", 6)]
    database.sql("TRUNCATE pgfeed.event RESTART IDENTITY")
    history, tag, oldest = database.sql("SELECT history, tag, oldest FROM pgfeed.mark")[0]
    assert history != before and len(tag) == 4 and oldest == 1


def test_only_who_knows_the_present_history_replaces_it(database):
    before = database.value("SELECT history FROM pgfeed.mark")
    database.sql("SELECT pgfeed.new_history('another')")
    assert database.value("SELECT history FROM pgfeed.mark") == before
    database.sql("SELECT pgfeed.new_history(%s)", (before,))
    assert database.value("SELECT history FROM pgfeed.mark") != before


def test_a_sequence_behind_the_table_is_named_with_its_remedy(database):
    database.sql("SELECT pgfeed.publish('a', 'x') FROM generate_series(1, 5);"
                 "SELECT setval('pgfeed.event_id_seq', 2)")
    ok, must, detail = database.sql("SELECT ok, must, detail FROM pgfeed.check('stream')"
                                    " WHERE name = 'sequence'")[0]
    assert not ok and must and "replication" in detail
    database.sql(detail[detail.index("SELECT setval"):])
    assert database.value("SELECT ok FROM pgfeed.check() WHERE name = 'sequence'")
