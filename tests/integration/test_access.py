"""Nobody reads what they may not, and nobody else waits for the answer.

The rules themselves are tested in test_access_sql.py.
"""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import time

import pytest

from lib import fastcgi
from lib import harness
from lib.fixtures import needs_libjwt
from lib.db import query
from lib.harness import eventually
from lib.http import SseParser, request

pytestmark = needs_libjwt

SECRET = b"a secret of the tests, thirty-two bytes or more"
JSON = "application/json"
RULES = [("member/*", "+"), ("user/{user}/*", "+"), ("open/*", "*"), ("anns", "ann")]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(who, seconds=3600, **claims):
    """A token for who, made now and good for so long."""
    now = int(time.time())
    parts = [base64url(json.dumps(p).encode()) for p in (
        {"alg": "HS256", "typ": "JWT"},
        {"sub": who, "iat": now, "exp": now + seconds, **claims})]
    signature = hmac.new(SECRET, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join(parts + [base64url(signature)])


def closed_site(cluster, server, **options):
    """A site that opens nothing but public/*, the demo and RULES."""
    keys = cluster.service_dir + "/keys"
    with open(keys, "w", encoding="ascii") as file:
        file.write(f"* HS256 {base64url(SECRET)}\n")
    os.chmod(keys, 0o600)
    if harness.SERVICE_USER:
        shutil.chown(keys, harness.SERVICE_USER)
    site = harness.Site(cluster, server, identity="remote_user jwt",
                           jwt_keys=keys, **options)
    site.sql("DELETE FROM pgfeed.access WHERE pattern = '*'")
    for rule in RULES:
        site.sql("INSERT INTO pgfeed.access VALUES (%s, %s)", rule)
    return site


@pytest.fixture(scope="module", params=["lighttpd", "apache"])
def both(request, cluster):
    site = closed_site(cluster, request.param, origins="https://app.example")
    yield site
    if request.session.testsfailed:
        site.show_logs()
    site.close()


@pytest.fixture
def site(cluster):
    """One of the test's own, behind lighttpd."""
    sites = []

    def make(**options):
        sites.append(closed_site(cluster, "lighttpd", **options))
        return sites[-1]

    yield make
    for each in sites:
        each.close()


def path(topic, who=None, /, **query):
    if who is not None:
        query["access_token"] = who if "." in who else token(who)
    return f"/events/{topic}?" + "&".join(f"{k}={v}" for k, v in query.items())


def opened(site, topic, who=None, /, **query):
    return site.stream(path(topic, who, **query)).live()


def get(site, topic, who=None, accept="text/event-stream", /, **query):
    """For what is refused, and so ends."""
    return request(site.port, "GET", path(topic, who, **query),
                   headers={"Accept": accept})


def status(site):
    return get(site, "-/status").json()


def put(site, topic, data):
    site.sql("SELECT pgfeed.publish(%s, %s)", (topic, data))


# --- headers

@pytest.mark.parametrize("accept", ["text/event-stream", JSON])
@pytest.mark.parametrize("where,who", [
    ("open/t", None), ("member/t", None), ("anns", "bob"), ("a*b", None), ("open/t", "no.token")])
def test_every_answer_has_the_headers_that_a_page_elsewhere_needs(both, accept, where, who):
    """HEAD and GET, a stream, a long-poll and a refusal."""
    headers = {"Accept": accept, "Origin": "https://app.example"}
    uri = path(where, who, wait="0")
    head = request(both.port, "HEAD", uri, headers=headers)
    with both.stream(uri, headers={"Origin": "https://app.example"}, accept=accept) as stream:
        same = ("content-type", "cache-control", "x-content-type-options", "vary",
                "www-authenticate", "access-control-allow-origin",
                "access-control-allow-credentials")
        assert head.status == stream.status
        assert {k: head.headers.get(k) for k in same} == {
            k: stream.headers.get(k) for k in same}
    assert head.body == b""
    assert head.headers["access-control-allow-origin"] == "https://app.example"
    assert head.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in head.headers["vary"]
    assert head.status == {None: 401, "bob": 403, "no.token": 401}[who] or where in (
        "open/t", "a*b")


def test_two_origins_wait_for_the_same_event(site):
    """Each long-poll is answered with its own origin's headers."""
    origins = ["https://app.example", "https://b.example"]
    two = site(origins=" ".join(origins))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        polls = [pool.submit(request, two.port, "GET", path("open/two", wait="30"), b"",
                             {"Accept": JSON, "Origin": origin})
                 for origin in origins + ["https://c.example"]]
        eventually(lambda: status(two)["streams"] == 3, what="three polls")
        put(two, "open/two", "x")
        said = [poll.result(20).headers.get("access-control-allow-origin") for poll in polls]
    assert said == origins + [None]


# --- before the first byte

@pytest.mark.parametrize("accept", ["text/event-stream", JSON])
@pytest.mark.parametrize("who,code", [(None, 401), ("bob", 403)])
def test_a_reader_without_the_right_is_refused_before_any_byte_of_an_event(
        both, accept, who, code):
    put(both, "anns", "for her eyes only")
    for _ in range(2):      # the second time it is known
        answer = get(both, "anns", who, accept, last_event_id="earliest")
        assert answer.status == code
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["status"] == code
        assert ("www-authenticate" in answer.headers) is (code == 401)
        assert b"eyes" not in answer.body and b"event" not in answer.body
    with opened(both, "anns", "ann") as stream:
        put(both, "anns", "more")
        while stream.message().data != "more":
            pass    # what was published before may be new to the gateway


def test_a_bad_token_is_refused(both):
    good = token("ann")
    for bad in (good[:-4] + "AAAA", "x.y.z", token("ann", -3600)):
        answer = get(both, "public/x", bad)
        assert answer.status == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("topic,who,allowed", [
    ("member/*", "bob", True), ("member/a", "bob", True), ("member/a/*", "bob", True),
    ("anns/*", "ann", False), ("user/bob/*", "bob", True), ("user/*", "bob", False),
    ("user/ann/x", "bob", False), ("member/a&topic=anns", "bob", False),
    ("member/a&topic=anns", "ann", True), ("public/*&topic=open/*", None, True),
    ("public/*&topic=member/a", None, False)])
def test_a_subscription_needs_the_right_to_all_of_it(both, topic, who, allowed):
    first, _, rest = topic.partition("&topic=")
    query = {"topic": rest} if rest else {}
    if allowed:
        opened(both, first, who, **query).close()
    else:
        assert get(both, first, who, **query).status == (401 if who is None else 403)


def test_a_refusal_does_not_tell_whether_a_topic_has_events(both):
    for n in range(3):
        put(both, "hidden/full", str(n))
    answers = []
    for topic in ("hidden/full", "hidden/void", "hidden/*", "nowhere/*"):
        for start in ("earliest", "1", "-5", "garbage", "now"):
            answer = get(both, topic, "bob", last_event_id=start)
            answer.headers.pop("date")
            answers.append((answer.status, answer.headers, answer.body))
    assert answers[0][0] == 403
    assert all(answer == answers[0] for answer in answers)


def test_a_fresh_install_is_open_for_public_and_the_demo_alone(cluster):
    site = harness.Site(cluster, "lighttpd")
    try:
        site.sql("DELETE FROM pgfeed.access WHERE pattern = '*'")
        for topic in ("public/x", "public/*", "demo", "events"):
            opened(site, topic).close()
            assert site.post(f"/events/{topic.replace('*', 'y')}", b"x",
                             {"Content-Type": "text/plain"}).status == 201
        for topic in ("orders", "user/*", "demo/x"):
            # No token would be believed: there is nothing to sign in with.
            assert get(site, topic).status == 403
    finally:
        site.close()


# --- streams that are open

def test_after_revoke_nothing_more_arrives(both):
    streams = {who: opened(both, "member/r", who) for who in ("ann", "bob")}
    streams["anns"] = opened(both, "anns", "ann")
    public = opened(both, "open/r")
    old = token("ann", iat=int(time.time()) - 5)
    connection = both.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgfeed.revoke('ann')")
        for n in range(20):
            for topic in ("member/r", "anns", "open/r"):
                cursor.execute("SELECT pgfeed.publish(%s, %s)", (topic, str(n)))
    connection.close()
    for who in ("ann", "anns"):
        events, clean = streams[who].until_end()
        assert clean and [(e.type, e.json()) for e in events] == [
            ("pgfeed.bye", {"reason": "revoked"})]
    assert [int(e.data) for e in streams["bob"].messages(20)] == list(range(20))
    assert [int(e.data) for e in public.messages(20)] == list(range(20))
    for answer in (get(both, "member/r", old), get(both, "member/r", old, JSON), both.post(
            path("member/r", old), b"x", {"Content-Type": "text/plain"})):
        assert answer.status == 401, answer
        assert "invalid_token" in answer.headers["www-authenticate"]
        assert "revoked" in answer.json()["detail"]
    new = token("ann", iat=int(time.time()) + 5)
    with both.stream(path("member/r", new, last_event_id=-20)) as stream:
        assert [int(e.data) for e in stream.messages(20)] == list(range(20))
    for stream in [*streams.values(), public]:
        stream.close()


def test_revoking_one_token_ends_its_streams_alone(both):
    tokens = [token("zoe", jti=jti) for jti in ("one", "two")]
    one, two = (opened(both, "member/j", each) for each in tokens)
    both.sql("SELECT pgfeed.revoke('zoe', 'one')")
    assert one.until_end()[0][-1].json() == {"reason": "revoked"}
    put(both, "member/j", "x")
    assert two.message().data == "x"
    assert get(both, "member/j", tokens[0]).status == 401
    one.close()
    two.close()


def test_readers_see_who_wrote_an_event(both):
    both.sql("INSERT INTO pgfeed.access VALUES ('wall', '*', true, true) ON CONFLICT DO NOTHING")
    with both.stream("/events?topic=wall&format=json") as stream:
        stream.live()
        for who in ("Zoë", None):
            assert both.post(path("wall", who and token(who)), b"x",
                             {"Content-Type": "text/plain"}).status == 201
        put(both, "wall", "y")
        assert [e.json()["by"] for e in stream.messages(3)] == ["Zoë", None, None]
    poll = get(both, "wall", None, JSON, last_event_id="-3").json()
    assert [e["by"] for e in poll["events"]] == ["Zoë", None, None]


def test_a_poll_that_waits_ends_with_its_right(both):
    connection = http.client.HTTPConnection("127.0.0.1", both.port, timeout=20)
    connection.request("GET", path("member/p", "eve", wait=20),
                       headers={"Accept": JSON})
    eventually(lambda: 'opened for "member/p"' in both.log(), what="the poll")
    both.sql("SELECT pgfeed.revoke('eve')")
    answer = connection.getresponse()
    assert answer.status == 401
    assert json.loads(answer.read())["detail"]
    connection.close()


def test_a_stream_ends_when_its_token_is_refused(both):
    """At exp + jwt_leeway (30 s), for both: a client that comes back with the
    token in its hand must not get a stream that ends at once."""
    old = token("tim", -27)
    with opened(both, "member/t", old) as stream:
        events, clean = stream.until_end()
    assert clean and [e.json() for e in events] == [{"reason": "expired"}]
    assert get(both, "member/t", old).status == 401


def test_changed_rules_take_effect_at_once(site):
    feed = site(access_age="1h")
    assert get(feed, "late", "ann").status == 403
    feed.sql("INSERT INTO pgfeed.access VALUES ('late', 'ann')")
    eventually(lambda: get(feed, "late", "ann", JSON, wait=0).status == 200,
               what="the new rule")
    with opened(feed, "late", "ann") as stream, opened(feed, "member/x", "ann") as other:
        feed.sql("DELETE FROM pgfeed.access WHERE pattern = 'late'")
        events, clean = stream.until_end()
        assert clean and events[-1].json() == {"reason": "forbidden"}
        put(feed, "member/x", "still")
        assert other.message().data == "still"
    assert get(feed, "late", "ann").status == 403


REPLACED = """
CREATE OR REPLACE FUNCTION pgfeed.may_read(who text, claims jsonb, topic text)
RETURNS boolean LANGUAGE {} AS $${}$$"""


def test_a_replaced_may_read_is_honoured_and_asked_again(site):
    feed = site(access_age="500ms")
    feed.sql("CREATE TABLE public.member (login text, room text)")
    feed.sql(REPLACED.format("sql STABLE", """
        SELECT EXISTS (SELECT FROM public.member m
                        WHERE m.login = who AND topic = 'room/' || m.room)"""))
    assert get(feed, "room/1", "ann").status == 403
    feed.sql("INSERT INTO member VALUES ('ann', '1'), ('bob', '1')")
    eventually(lambda: get(feed, "room/1", "ann", JSON, wait=0).status
               == 200, what="her right")
    with opened(feed, "room/1", "ann") as hers, opened(feed, "room/1", "bob") as his:
        feed.sql("DELETE FROM member WHERE login = 'ann'")
        events, clean = hers.until_end()
        assert clean and events[-1].json() == {"reason": "forbidden"}
        put(feed, "room/1", "after")
        assert his.message().data == "after"
    assert "after" not in [e.data for e in events]


SLEEPER = """
BEGIN
  PERFORM pg_sleep({}) WHERE who = 'slow';
  RETURN true;
END"""


def test_a_slow_answer_delays_no_event_of_others(site):
    feed = site(heartbeat="200ms")
    feed.sql(REPLACED.format("plpgsql", SLEEPER.format(4)))
    connection = feed.connect()
    slow = fastcgi.Connection(feed.dir + "/stream.sock")
    with opened(feed, "t", "ann") as stream, slow:
        slow.begin(fastcgi.params_for("GET", "/events/t", length=0,
                                      extra={"REMOTE_USER": "slow"}))
        slow.body(b"")
        eventually(lambda: feed.sql(
            "SELECT FROM pg_stat_activity WHERE query LIKE '%%pgfeed.allowed(%%'"
            " AND state = 'active' AND pid <> pg_backend_pid()") != [], what="the question")
        for n in range(20):
            query(connection, "SELECT pgfeed.publish('t', %s)", (str(n),))
            assert stream.message().data == str(n)
        # Nor a revocation.
        query(connection, "SELECT pgfeed.revoke('ann')")
        connection.close()
        assert stream.until_end()[0][-1].json() == {"reason": "revoked"}
        slow.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.sock.recv(1)
        slow.sock.settimeout(20)
        assert b"Status: 200" in slow.read()[1]


@pytest.mark.parametrize("accept,status,word", [
    ("text/event-stream", 200, b"pgfeed.bye"), (JSON, 503, b"shutdown")])
def test_a_gateway_that_ends_puts_off_who_waits_for_the_answer(
        site, accept, status, word):
    feed = site()
    feed.sql(REPLACED.format("plpgsql", SLEEPER.format(4)))
    slow = fastcgi.Connection(feed.dir + "/stream.sock")
    slow.begin(fastcgi.params_for("GET", "/events/t", headers={"Accept": accept},
                                  length=0, extra={"REMOTE_USER": "slow"}))
    slow.body(b"")
    eventually(lambda: 'opened for "t"' in feed.log(), what="the slow one")
    feed.kill(signo=signal.SIGTERM)
    answer = slow.response()
    assert answer[0] == status and word in answer[2]
    slow.close()


def test_a_poll_that_does_not_wait_is_answered_all_the_same(site):
    feed = site()
    feed.sql(REPLACED.format("plpgsql", SLEEPER.format(1)))
    put(feed, "t", "x")
    eventually(lambda: status(feed)["events"] == 1, what="the event")
    slow = fastcgi.request(feed.dir + "/stream.sock", "GET", "/events/t?wait=0",
                           {"Accept": JSON}, extra={"REMOTE_USER": "slow"})
    assert slow[0] == 200 and json.loads(slow[2])["cursor"] == status(
        feed)["cursor"]


@pytest.mark.parametrize("accept,code,word", [
    ("text/event-stream", 200, b'pgfeed.bye\ndata: {"reason":"database"}'),
    (JSON, 503, b"the database does not answer")])
def test_a_question_that_takes_too_long_is_put_off(site, accept, code, word):
    feed = site()
    feed.sql(REPLACED.format("plpgsql", SLEEPER.format(60)))
    slow = fastcgi.Connection(feed.dir + "/stream.sock")
    slow.begin(fastcgi.params_for("GET", "/events/t?wait=20", {"Accept": accept}, length=0,
                                  extra={"REMOTE_USER": "slow"}))
    slow.body(b"")
    eventually(lambda: status(feed)["streams"] == 1, what="the slow one")
    with feed.stream(path("t", "ann"), timeout=30) as stream:
        stream.live(30)
    answer = slow.response()
    assert answer[0] == code and word in answer[2], answer
    slow.close()


def test_a_fault_of_the_server_is_later_and_what_is_open_comes_back(site):
    """403 would end an EventSource for good."""
    feed = site(access_age="500ms")
    with feed.stream(path("open/t", "ann")).live() as stream:
        waits = fastcgi.Connection(feed.dir + "/stream.sock")
        waits.begin(fastcgi.params_for("GET", "/events/open/t?wait=20", {"Accept": JSON}, length=0))
        waits.body(b"")
        eventually(lambda: status(feed)["streams"] == 2, what="the long-poll")
        old = feed.sql("SELECT pg_get_functiondef('pgfeed.may_read'::regproc)")[0][0]
        feed.sql(REPLACED.format("plpgsql STABLE", "BEGIN RAISE SQLSTATE '53200'; END"))
        events, clean = stream.until_end()
        assert clean and events[-1].json() == {"reason": "database"}
        assert waits.response()[0] == 503
        waits.close()
    with feed.stream(path("open/t", "ann")) as stream:
        events, clean = stream.until_end()
        assert stream.status == 200 and clean and events[-1].json() == {"reason": "database"}
    answer = get(feed, "open/t", "ann", JSON, wait=0)
    assert answer.status == 503 and "database does not answer" in answer.json()["detail"]
    assert status(feed)["access_failed"] >= 3
    feed.sql(old)
    opened(feed, "open/t", "ann").close()


def test_an_error_of_may_read_counts_as_no_and_is_logged(site):
    feed = site()
    feed.sql(REPLACED.format("sql STABLE", "SELECT 1 / length(who) > 0"))
    feed.sql(REPLACED.format("sql STABLE", "SELECT 1 / (length(who) - 3) IS NOT NULL"))
    assert get(feed, "t", "ann").status == 403
    opened(feed, "t", "anna").close()
    assert "access: WARNING:  pgfeed.may_read failed 1 times" in feed.log()
    assert status(feed)["access_failed"] >= 1


# --- while the database is away

class Reader:
    """A stream on the gateway's own socket, of whom the web server signed in."""

    def __init__(self, site, topic, who):
        self.connection = fastcgi.Connection(site.dir + "/stream.sock")
        extra = {"REMOTE_USER": who} if who else {}
        self.connection.begin(fastcgi.params_for("GET", f"/events/{topic}", length=0,
                                                 extra=extra))
        self.connection.body(b"")
        self.parser, self.events, self.head = SseParser(), [], b""

    def read(self):
        """One more record; False after the last."""
        kind, content = self.connection.read()
        if kind == fastcgi.STDOUT and content:
            if b"\r\n\r\n" not in self.head:
                self.head, _, content = content.partition(b"\r\n\r\n")
                self.head += b"\r\n\r\n"
            self.events += self.parser.feed(content)
        return kind != fastcgi.END

    def until(self, kind):
        while kind not in [e.type for e in self.events]:
            assert self.read(), self.events
        return self

    def until_end(self):
        while self.read():
            pass
        self.connection.close()
        return [(e.type, e.json().get("reason")) for e in self.events]


class Cut:
    """No connection of pgfeed-stream to its database, and none to be had."""

    def __init__(self, site):
        self.site, self.connection = site, site.connect()

    def sql(self, statement):
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def __enter__(self):
        self.sql("ALTER ROLE stream NOLOGIN")
        eventually(lambda: self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE usename = 'stream' AND datname = current_database()") == [(0,)],
                   what="the cut")
        return self

    def __exit__(self, *_):
        self.sql("ALTER ROLE stream LOGIN")
        self.connection.close()


def test_a_revocation_while_the_gateway_is_cut_off_is_noticed(site):
    feed = site()
    ann = Reader(feed, "member/x", "ann").until("pgfeed.live")
    bob = Reader(feed, "member/x", "bob").until("pgfeed.live")
    signed = opened(feed, "member/x", token("eve", iat=int(time.time()) - 5))
    with Cut(feed) as cut:
        cut.sql("SELECT pgfeed.revoke('ann'), pgfeed.revoke('eve')")
        cut.sql("SELECT pgfeed.publish('open/x', 'y')")
    assert ann.until_end()[-1] == ("pgfeed.bye", "revoked")
    events, clean = signed.until_end(20)
    assert clean and events[-1].json() == {"reason": "revoked"}
    put(feed, "member/x", "for bob")
    bob.until("message")
    assert bob.events[-1].data == "for bob"
    # Whom the web server signs in may come back.
    Reader(feed, "member/x", "ann").until("pgfeed.live").connection.close()
    bob.connection.close()


def test_a_right_that_was_taken_while_the_gateway_was_cut_off_is_gone(site):
    feed = site()
    ann = Reader(feed, "anns", "ann").until("pgfeed.live")
    with Cut(feed) as cut:
        cut.sql("DELETE FROM pgfeed.access WHERE who = 'ann'")
    assert ann.until_end()[-1] == ("pgfeed.bye", "forbidden")


def test_who_comes_while_the_database_is_away_is_held_and_then_asked(site):
    feed = site()
    known = Reader(feed, "member/x", "ann").until("pgfeed.live")
    with Cut(feed):
        again = Reader(feed, "member/x", "ann").until("pgfeed.open")
        good = Reader(feed, "member/y", "bob")
        bad = Reader(feed, "anns", "bob")
        poll = fastcgi.request(feed.dir + "/stream.sock", "GET", "/events/member/z?wait=0",
                               {"Accept": JSON}, extra={"REMOTE_USER": "ann"})
        assert poll[0] == 503 and b"the database does not answer" in poll[2], poll
        for reader in (good, bad):
            assert reader.read() and b"Status: 200" in reader.head
            assert reader.events == []
    assert bad.until_end() == [("pgfeed.bye", "forbidden")]
    for reader in (known, again, good):
        reader.until("pgfeed.live").connection.close()


def test_a_gateway_that_starts_without_its_database_asks_later(site):
    feed = site()
    feed.kill()
    with Cut(feed):
        bad = Reader(feed, "anns", "bob")
        good = Reader(feed, "anns", "ann")
        assert bad.read() and good.read() and bad.events + good.events == []
    assert bad.until_end() == [("pgfeed.bye", "forbidden")]
    good.until("pgfeed.live").connection.close()


# --- how often, how many

def test_a_user_is_asked_about_once(site):
    feed = site(access_age="1h")
    eventually(lambda: status(feed)["live"], what="live")
    before = status(feed)
    for _ in range(5):
        Reader(feed, "member/x", "ann").until("pgfeed.live").connection.close()
        assert get(feed, "anns", "bob", JSON).status == 403
    after = status(feed)
    # Tokens differ by the second they were made in.
    assert after["access_asked"] - before["access_asked"] <= 1 + 5
    assert after["access_cached"] - before["access_cached"] >= 4
    assert after["refused_for"]["forbidden"] == 5
    metrics = get(feed, "-/metrics").body.decode()
    assert 'pgfeed_streams_refused_total{reason="forbidden"} 5' in metrics
    for name in ("pgfeed_rights ", "pgfeed_access_asked_total ",
                 "pgfeed_access_cached_total ", "pgfeed_access_lost_total "):
        assert name in metrics


def test_a_user_gets_so_many_streams_and_anonymous_any(site):
    feed = site(max_streams_per_user=2)
    first, second = (Reader(feed, "member/x", "ann").until("pgfeed.live")
                     for _ in range(2))
    assert Reader(feed, "member/x", "ann").until_end() == [("pgfeed.bye", "full")]
    events, clean = feed.stream(path("member/y", token("ann", x=1))).until_end()
    assert clean and events[-1].json() == {"reason": "full"}
    others = [Reader(feed, "public/x", who).until("pgfeed.live")
              for who in ("bob", None, None, None)]
    assert status(feed)["refused_for"]["user"] == 2
    first.connection.close()
    eventually(lambda: status(feed)["streams"] == 5, what="its end")
    others.append(Reader(feed, "member/x", "ann").until("pgfeed.live"))
    for reader in [second, *others]:
        reader.connection.close()


def test_many_users_at_once_are_asked_about_together(site):
    feed = site()
    readers = [Reader(feed, f"user/u{n}/x", f"u{n // 2 * 2}") for n in range(200)]
    for n, reader in enumerate(readers):
        if n % 2 == 0:
            reader.until("pgfeed.live")
        else:
            assert reader.connection.response()[0] == 403
    put(feed, "user/u42/x", "hello")
    readers[42].until("message")
    assert readers[42].events[-1].data == "hello"
    for reader in readers:
        reader.connection.close()
    assert status(feed)["access_asked"] >= 200


@pytest.mark.skipif(harness.sanitized(), reason="what a sanitizer keeps is no leak")
def test_answers_to_strangers_take_no_more_than_some_memory(make_site):
    """Ten thousand were kept, however long, for as long as access_age says: of
    32 topics each 80 MB, for whoever may read none of them."""
    site = make_site("lighttpd")
    site.sql("DELETE FROM pgfeed.access")
    path, pid = site.dir + "/stream.sock", site.gateway_pid("stream")
    topics = ["x" * 240 + f"/{n}" for n in range(31)]

    def ask(number):
        uri = f"/events/{number}?topic=" + "&topic=".join(topics)
        assert fastcgi.request(path, "GET", uri)[0] == 403

    for n in range(100):
        ask(n)
    before = harness.rss_bytes(pid)
    for n in range(100, 2600):
        ask(n)
    assert harness.rss_bytes(pid) - before < 14 * 1024 * 1024
    ask(2599)
