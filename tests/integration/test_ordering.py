"""Every event once, whatever order transactions commit in.

Ids are drawn before commits, so events become visible out of order. These
tests make each case happen that a position has to get right; tests/faults
mixes them all. What a web server does to a stream is not the matter here, so
one of them is enough.
"""
import contextlib
import os
import signal
import threading

import pytest

from lib.db import query
from lib.harness import Site, eventually
from lib.http import StreamEnded

OPTIONS = {"heartbeat": "1s"}
INSERT = "INSERT INTO pgfeed.event (topic, data) VALUES (%s, %s) RETURNING id"
MANY = ("INSERT INTO pgfeed.event (topic, data) SELECT %s, %s || n"
        " FROM generate_series(1, %s) n")
CAP = 128       # CURSOR_FEED_RANGES


@pytest.fixture(scope="module")
def site(request, cluster):
    site = Site(cluster, "lighttpd", **OPTIONS)
    yield site
    if request.session.testsfailed:
        site.show_logs()
    site.close()


@contextlib.contextmanager
def transaction(site, quiet=False):
    """A session inside a transaction; rolled back unless the test ends it."""
    connection = site.connect()
    query(connection, "BEGIN")
    if quiet:
        query(connection, "SET LOCAL pgfeed.bell = off")
    try:
        yield connection
    finally:
        connection.close()


def insert(connection, topic, data):
    return query(connection, INSERT, (topic, data))[0][0]


def status(site, name):
    return site.post("/events/-/status", method="GET").json()[name]


def holes(site):
    return status(site, "holes")


def wait_for_no_holes(site):
    eventually(lambda: holes(site) == 0, 10, "holes closed")


def wait_for_probes(site, count=5):
    """The gateway has had time to take the owner of a hole for dead."""
    enough = status(site, "probes") + count
    eventually(lambda: status(site, "probes") >= enough, 20, "probes of the holes")


def restart_database(site):
    """As a crash; returns when both gateways have found it again."""
    site.cluster.restart("immediate")
    site.wait_ready()
    eventually(lambda: site.post("/events/back", b"", {
        "Content-Type": "text/plain"}).status == 201, 20, "the database is back")


def has_session(site, condition):
    return site.sql("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND "
                    + condition, (site.database,))


def read_with_returns(site, topic, start, count, every):
    """Reads count messages, coming back after each `every` of them."""
    data, position = [], start
    while len(data) < count:
        with site.stream(f"/events/{topic}", last_event_id=position) as stream:
            for _ in range(min(every, count - len(data))):
                event = stream.message(30)
                data.append(event.data)
                position = event.id
    return data, position


def assert_nothing_more(site, topic, position):
    """A stream from there brings the next event and nothing before it."""
    with site.stream(f"/events/{topic}", last_event_id=position) as stream:
        site.publish(topic, "the end")
        assert stream.message().data == "the end"


# --- transactions that stay open

def test_an_open_transaction_delays_nobody(site, topic):
    """It has drawn an id. Others' events arrive at once, and its own when it
    commits: at who stayed, and at who came back in between."""
    with site.stream(f"/events/{topic}").live() as stayed, \
            transaction(site) as writer:
        insert(writer, topic, "late")
        for n in range(30):
            site.publish(topic, f"{n}")
            assert stayed.message(1).data == f"{n}"
        data, position = read_with_returns(site, topic, "0", 30, 7)
        assert data == [f"{n}" for n in range(30)]
        assert "." in position      # it remembers what it has not had
        with site.stream(f"/events/{topic}", last_event_id=position) as back:
            query(writer, "COMMIT")
            assert stayed.message(2).data == back.message(2).data == "late"
        with site.stream(f"/events/{topic}", last_event_id=position) as later:
            assert later.message(2).data == "late"
    wait_for_no_holes(site)


def test_an_idle_transaction_keeps_nobody_elses_ids_open(make_site, topic):
    """It has an id and stays idle, while others roll back: were their ids kept
    until it ends, the position would be full before long."""
    site = make_site("lighttpd", **OPTIONS)
    other = site.connect()
    with transaction(site) as writer:
        with site.stream(f"/events/{topic}").live() as stream:
            insert(writer, topic, "late")
            insert(other, topic, "early")
            assert stream.message().data == "early"
            probes = status(site, "probes")     # until it is known to be idle
            eventually(lambda: status(site, "probes") > probes + 2, what="probes")
            for n in range(3 * CAP):
                query(other, "BEGIN")
                insert(other, topic, "never")
                query(other, "ROLLBACK")
                last = insert(other, topic, f"{n}")
                if n % 32 == 31:
                    eventually(lambda: holes(site) == 1, 5, "one hole")
            events = stream.messages(3 * CAP)
            assert [e.data for e in events] == [f"{n}" for n in range(3 * CAP)]
        # A gateway that starts now is told by others what is finished.
        eventually(lambda: site.sql("SELECT 1 FROM pgfeed.mark WHERE finished"
                                    " LIKE %s", (f"{last}.%",)), 15, "the mark")
        site.kill("stream")
        site.wait_ready()
        assert holes(site) == 1
        with site.stream(f"/events/{topic}", last_event_id=events[-1].id) as stream:
            # It draws another one: what is open from here on may be its.
            insert(writer, topic, "too")
            insert(other, topic, "last")
            assert stream.message().data == "last"
            eventually(lambda: holes(site) == 2, 5, "two holes")
            query(writer, "COMMIT")
            assert [e.data for e in stream.messages(2)] == ["late", "too"]
    other.close()
    wait_for_no_holes(site)


def test_a_slow_expression_after_the_id_is_drawn(site, topic):
    """The id is drawn before the transaction has an id of its own, so nothing
    in a snapshot tells that somebody will still use it."""
    before = site.publish(topic, "before")
    with transaction(site) as writer, transaction(site) as gate:
        query(gate, "SELECT pg_advisory_lock(1)")
        slow = threading.Thread(target=query, args=(
            writer, "INSERT INTO pgfeed.event (topic, data) VALUES (%s, 'slow'"
            " || pg_advisory_xact_lock_shared(1)::text)", (topic,)))
        slow.start()
        eventually(lambda: has_session(
            site, "wait_event = 'advisory' AND query LIKE 'INSERT%%'"),
            what="the slow INSERT has its id")
        after = site.publish(topic, "after")
        with site.stream(f"/events/{topic}",
                         last_event_id=str(before)) as stream:
            event = stream.message()
            assert (event.data, event.id) == ("after", f"{after}.1")
        wait_for_probes(site)
        query(gate, "SELECT pg_advisory_unlock(1)")
        slow.join(10)
        query(writer, "COMMIT")
        with site.stream(f"/events/{topic}", last_event_id=event.id) as stream:
            assert stream.message(2).data == "slow"
    wait_for_no_holes(site)


def test_ids_of_rolled_back_transactions_are_given_up(site, topic):
    wait_for_no_holes(site)
    before = site.publish(topic, "before")
    with transaction(site) as writer:
        query(writer, MANY, (topic, "never", 10))
        after = site.publish(topic, "after")
        with site.stream(f"/events/{topic}",
                         last_event_id=str(before)) as stream:
            event = stream.message()
            assert event.id == f"{after}.1-9"
        query(writer, "ROLLBACK")
    wait_for_no_holes(site)
    last = site.publish(topic, "last")
    with site.stream(f"/events/{topic}", last_event_id=event.id) as stream:
        event = stream.message()
        assert (event.data, event.id) == ("last", str(last))


def test_ids_of_a_rolled_back_savepoint_are_given_up(site, topic):
    with transaction(site) as writer:
        insert(writer, topic, "first")
        query(writer, "SAVEPOINT s")
        insert(writer, topic, "never")
        query(writer, "ROLLBACK TO s")
        second = insert(writer, topic, "second")
        with site.stream(f"/events/{topic}").live() as stream:
            query(writer, "COMMIT")
            assert [e.data for e in stream.messages(2)] == ["first", "second"]
    wait_for_no_holes(site)
    assert site.publish(topic, "third") > second


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_prepared_transactions_are_waited_for(site, topic, end):
    """Also over a restart of the server, which gives them other names."""
    before = site.publish(topic, "before")
    wait_for_no_holes(site)
    with transaction(site, quiet=True) as writer:
        insert(writer, topic, "prepared")
        query(writer, f"PREPARE TRANSACTION '{topic}'")
    after = site.publish(topic, "after")
    with site.stream(f"/events/{topic}", last_event_id=str(before)) as stream:
        event = stream.message()
        assert (event.data, event.id) == ("after", f"{after}.1")
        wait_for_probes(site)
        assert holes(site) == 1
        restart_database(site)
        wait_for_probes(site)
        assert holes(site) >= 1     # a crash skips some ids
        site.sql(f"{end} PREPARED '{topic}'")
        if end == "COMMIT":     # which rings no bell
            assert stream.message(3).data == "prepared"
    wait_for_no_holes(site)


# --- gateways that start, and clients from elsewhere

def test_a_gateway_starts_while_ids_are_open(site, topic):
    """It finds the holes from the table, and knows who may fill them."""
    with transaction(site) as writer, transaction(site) as never:
        late = insert(writer, topic, "late")
        insert(never, topic, "never")
        early = site.publish(topic, "early")
        site.kill("stream")
        with site.stream(f"/events/{topic}",
                         last_event_id=str(late - 1)) as stream:
            event = stream.message()
            assert (event.data, event.id) == ("early", f"{early}.1-1")
            query(never, "ROLLBACK")
            query(writer, "COMMIT")
            assert stream.message().data == "late"
    wait_for_no_holes(site)


def test_ids_that_a_crash_gives_out_again_are_no_loss(site, topic):
    """A rolled back id that nobody wrote to disk is drawn again after a crash.
    A gateway that started in between must not claim to have had it."""
    site.sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
    site.sql("SELECT pg_reload_conf()")
    try:
        for _ in range(3):
            site.publish(topic, "before")
            site.sql("CHECKPOINT")
            with transaction(site) as writer:
                query(writer, MANY, (topic, "never", 100))
            wait_for_no_holes(site)
            site.kill("stream")
            with site.stream(f"/events/{topic}") as stream:
                position = stream.next_of("pgfeed.open").id
                site.cluster.restart("immediate")
                site.sql(MANY, (topic, "again", 200))
                expected = [f"again{n}" for n in range(1, 201)]
                assert [e.data for e in stream.messages(200)] == expected
            data, _ = read_with_returns(site, topic, position, 200, 200)
            assert data == expected
            restart_database(site)
    finally:
        site.sql("ALTER SYSTEM RESET wal_writer_delay")
        site.sql("SELECT pg_reload_conf()")


def test_a_client_may_be_ahead_of_its_gateway(site, topic):
    """It had an event from a faster gateway: it gets what follows, and that
    one not again. Without a bell the gateway here is up to a second behind."""
    for n in range(5):
        with transaction(site, quiet=True) as writer:
            had = insert(writer, topic, "had elsewhere")
            query(writer, "COMMIT")
        with site.stream(f"/events/{topic}", last_event_id=str(had)) as stream:
            new = site.publish(topic, f"new {n}")
            event = stream.message()
            assert (event.data, event.id) == (f"new {n}", str(new))


@pytest.mark.parametrize("position, reason", [
    ("999999999", "unknown"), ("12345.99999", "unknown"), ("banana", "unknown"),
    ("%F0%9F%8D%8C", "unknown"), ("9" * 4000, "unknown"), ("7~1", "timeline")],
    ids=["ahead", "low", "word", "utf-8", "long", "timeline"])
def test_a_position_from_elsewhere_is_a_gap(site, topic, position, reason):
    """Told so, and on from now; never an error, never silence."""
    path = f"/events/{topic}?last_event_id={position}"
    with site.stream(path) as stream:
        event = stream.next()
        while event.type != "pgfeed.gap":
            assert event.type in ("pgfeed.open", "pgfeed.live"), event
            event = stream.next(5)
        assert event.json()["reason"] == reason
        site.publish(topic, "from now on")
        assert stream.message().data == "from now on"


def test_a_sequence_with_a_cache_is_refused(make_site):
    """Ids would not follow time any more; say so instead of losing events."""
    site = make_site("lighttpd")
    site.sql("ALTER SEQUENCE pgfeed.event_id_seq CACHE 10")
    site.kill("stream")
    eventually(lambda: "CACHE 1" in site.log(), what="the reason in the log")
    assert site.post("/events/-/ready", method="GET").status == 503
    site.sql("ALTER SEQUENCE pgfeed.event_id_seq CACHE 1")
    site.wait_ready()
    with site.stream("/events/a").live() as stream:
        site.publish("a", "well")
        assert stream.message().data == "well"


# --- very many rows

def test_a_bulk_insert_arrives_whole(site, topic):
    """20,000 rows, while others write; to a stream, and to one that comes
    back on the way."""
    before = site.publish(topic, "before")
    with transaction(site) as writer:
        query(writer, MANY, (topic, "", 20000))
        between = site.publish("other", "between")
        with site.stream(f"/events/{topic}",
                         last_event_id=str(before)) as stream:
            stream.next_of("pgfeed.open")
            query(writer, "COMMIT")
            events = stream.messages(20000, 60)
    expected = [f"{n}" for n in range(1, 20001)]
    assert [e.data for e in events] == expected
    data, position = read_with_returns(site, topic, str(before), 20000, 2900)
    assert data == expected
    assert_nothing_more(site, topic, position)
    assert between > before + 20000


def test_what_fills_a_hole_comes_before_what_began_later(site, topic):
    """More rows than one fetch takes become visible in a hole, and then one is
    written above it, before the gateway looks: it comes last."""
    before = site.publish(topic, "before")
    with transaction(site, quiet=True) as writer:
        query(writer, MANY, (topic, "", 3000))
        site.publish(topic, "between")
        with site.stream(f"/events/{topic}",
                         last_event_id=str(before)) as stream:
            assert stream.message().data == "between"
            pid = site.gateway_pid()
            os.kill(pid, signal.SIGSTOP)
            query(writer, "COMMIT")
            site.sql(INSERT, (topic, "began later"))
            os.kill(pid, signal.SIGCONT)
            data = [e.data for e in stream.messages(3001)]
    assert data == [*(f"{n}" for n in range(1, 3001)), "began later"]


def fill_the_position(site, topic, writer):
    """One transaction with more holes than a position has room for, the first
    of them 20,000 ids long. Returns what it will commit."""
    query(writer, MANY, (topic, "bulk", 20000))
    expected = [f"bulk{n}" for n in range(1, 20001)]
    other = site.connect()
    for n in range(CAP + 40):
        insert(other, topic, f"seen {n}")
        insert(writer, topic, f"hole {n}")
        expected.append(f"hole {n}")
    other.close()
    return expected


def test_a_full_position_loses_nothing(site, topic):
    """At the cap later events wait. Then all the holes are filled at once, by
    more rows than one fetch takes: none of them may be taken for dead."""
    before = site.publish(topic, "before")
    with transaction(site) as writer, transaction(site) as later, \
            site.stream(f"/events/{topic}", last_event_id=str(before)) as stream:
        expected = fill_the_position(site, topic, writer)
        # Its hole has no room even when the writer is done.
        insert(later, topic, "later")
        site.sql(INSERT, (topic, "above"))
        expected.append("above")
        early = stream.messages(CAP)
        assert [e.data for e in early] == [f"seen {n}" for n in range(CAP)]
        eventually(lambda: holes(site) == 20000 + CAP - 1, what="all it can hold")
        query(writer, "COMMIT")
        rest = stream.messages(20000 + CAP + 81, 60)
        query(later, "COMMIT")
        rest.append(stream.message())
        expected.append("later")
    expected += [f"seen {n}" for n in range(CAP, CAP + 40)]
    assert sorted(e.data for e in rest) == sorted(expected)
    wait_for_no_holes(site)
    # Who left with the full position gets the same, from a gateway that has
    # to look it all up.
    for position in (early[-1].id, early[-30].id):
        site.kill("stream")
        had = {e.data for e in early[:early.index(next(
            e for e in early if e.id == position)) + 1]}
        everything = sorted(set(expected) | {e.data for e in early} - had)
        data, end = read_with_returns(site, topic, position, len(everything),
                                      9000)
        assert sorted(data) == everything
        assert_nothing_more(site, topic, end)
        site.sql("DELETE FROM pgfeed.event WHERE data = 'the end'")


def test_rows_not_yet_fetched_do_not_stop_a_replay(site, topic):
    """More of them than a page holds, committed without a bell, lie in the
    holes of a client that comes back, below a hole that the feed has filled.
    The page was filled with what the feed had not; so it was asked for again,
    and again."""
    with transaction(site, quiet=True) as many, transaction(site) as one:
        query(many, MANY, (topic, "many", 1000))
        insert(one, topic, "one")
        after = site.publish(topic, "after")
        site.sql(MANY, ("other", "so much that memory forgets", 12000))
        site.kill("stream")
        position = f"{after}.1-rs"      # without the 1,001 before it
        with site.stream("/events/other?last_event_id=-1") as stream:
            stream.message()        # the gateway has started
        before = holes(site)
        query(one, "COMMIT")
        eventually(lambda: holes(site) == before - 1, what="the one is there")
        query(many, "COMMIT")
        with site.stream(f"/events/{topic}", last_event_id=position) as stream:
            data = [e.data for e in stream.messages(1001)]
    assert data[0] in ("one", "many1") and set(data) == {
        "one", *(f"many{n}" for n in range(1, 1001))}
    assert len(data) == 1001


@contextlib.contextmanager
def feed_held_up(site):
    """The gateway's fetches get no answer; its other queries do."""
    pid = site.sql("SELECT pid FROM pg_stat_activity WHERE datname = %s AND "
                   "application_name = 'pgfeed/stream'", (site.database,))[0][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("late", [1, 1000])
@pytest.mark.parametrize("pattern", ["{}/a", "{}/*"])
def test_a_page_of_history_claims_no_row_that_the_feed_has_not_had(
        site, topic, pattern, late):
    """Rows are committed between the feed's fetch and a page's query: the
    last of the first page, or more than a page takes. They come live. A page
    that ended with one said that its readers had had it."""
    first, window = 40, 20000   # FIRST_ROWS, PREFIX_WINDOW
    name = f"{topic}/a"
    start = site.publish(name, "before")
    site.sql(MANY, (name, "early", first - 1))
    with transaction(site, quiet=True) as writer:
        query(writer, MANY, (name, "late", late))
        site.sql(MANY, (name, "after", 20))
        site.sql(MANY, ("other", "so much that memory forgets",
                        start + window - site.publish("other", "mark") - 1))
        with transaction(site, quiet=True) as border:
            query(border, MANY, (name, "border", 3))    # the window's end
            last = site.publish(name, "last")
            site.sql(MANY, ("other", "so much that memory forgets", 3000))
            site.kill("stream")
            with site.stream("/events/other?last_event_id=-1") as stream:
                stream.message()        # the gateway has started
            with contextlib.ExitStack() as held:
                held.enter_context(feed_held_up(site))
                query(writer, "COMMIT")
                query(border, "COMMIT")
                with site.stream("/events/" + pattern.format(topic),
                                 last_event_id=str(start)) as stream:
                    data = [e.data for e in stream.messages(first + 20)]
                    assert data == [
                        *(f"early{n}" for n in range(1, first)),
                        *(f"after{n}" for n in range(1, 21)), "last"]
                    assert last > start + window
                    held.close()
                    data = [e.data for e in stream.messages(late + 3)]
    assert data == [*(f"late{n}" for n in range(1, late + 1)),
                    *(f"border{n}" for n in range(1, 4))]


def test_streams_end_when_they_should(site, topic):
    """Nothing above has left a stream that cannot be read to its end."""
    with site.stream(f"/events/{topic}").live() as stream:
        site.kill("stream", 15)
        with pytest.raises(StreamEnded):
            while True:
                stream.next()
