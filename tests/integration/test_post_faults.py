"""pgfeed-post when something is slow, half or gone.

Straight to its socket, without a web server in between that would smooth
things. To have a batch in flight, a test holds a lock that its commit needs.
"""
import concurrent.futures
import contextlib
import fcntl
import itertools
import json
import os
import re
import signal
import struct
import subprocess
import termios
import threading
import time

from lib import fastcgi
import pytest

from lib.harness import (Process, Site, as_service, children,
                        clean_environment, descriptors, eventually, rss_bytes)

TEXT = {"Content-Type": "text/plain"}


class PostSite(Site):
    """A site of which only pgfeed-post runs."""

    def __init__(self, cluster, **options):
        super().__init__(cluster, None, **options)

    def start(self, name):
        if name == "post":
            super().start(name)

    def start_server(self):
        pass

    def wait_ready(self):
        eventually(lambda: post(self, "ready")[0] == 201)


@pytest.fixture(scope="module")
def site(request, cluster):
    site = PostSite(cluster)
    yield site
    if request.session.testsfailed:
        site.show_logs()
    site.close()


def post(site, topic, body=b"x", headers=TEXT, **kwargs):
    return fastcgi.request(site.dir + "/post.sock", uri=f"/events/{topic}",
                           headers=headers, body=body, **kwargs)


def begin(site, topic, body=b"x", headers=TEXT, length=None, end=True, path=None):
    """Sends a request, or the beginning of one, and does not wait."""
    c = fastcgi.Connection(path or site.dir + "/post.sock")
    c.begin(fastcgi.params_for("POST", f"/events/{topic}", headers,
                               len(body) if length is None else length))
    c.body(body, end)
    return c


def count(site, topic):
    return site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s",
                    (topic,))[0][0]


def unread(connection):
    """Bytes that the other side of a Unix socket has not read yet."""
    answer = fcntl.ioctl(connection.sock, termios.TIOCOUTQ, b"\0" * 4)
    return struct.unpack("i", answer)[0]


@contextlib.contextmanager
def stuck(site):
    """While this lasts no event can be inserted."""
    connection = site.connect()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE pgfeed.event IN EXCLUSIVE MODE")
    try:
        yield lambda: connection.cursor().execute("ROLLBACK")
    finally:
        connection.close()


def wait_for_batch(site):
    """Until pgfeed-post has a batch that waits for the lock."""
    eventually(lambda: site.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'post'"
        " AND datname = current_database() AND wait_event_type = 'Lock'"
        ) == [(1,)], what="a batch in flight")


def queue(site, bodies, topic, headers=lambda n: TEXT):
    """The first is in flight, the others have been read and wait for it."""
    first = begin(site, topic, bodies[0], headers(0))
    wait_for_batch(site)
    rest = [begin(site, topic, body, headers(n))
            for n, body in enumerate(bodies[1:], 1)]
    eventually(lambda: not any(map(unread, rest)), what="requests read")
    return [first, *rest]


def answers(connections):
    result = []
    for connection in connections:
        with connection:
            result.append(connection.response())
    return result


def test_what_waits_is_committed_together(site, topic):
    """64 posts at once: the first, then the other 63 in very few commits."""
    with stuck(site) as release:
        waiting = queue(site, [b"%d" % n for n in range(64)], topic)
        release()
        assert [a[0] for a in answers(waiting)] == [201] * 64
    commits = site.sql("SELECT count(DISTINCT xmin::text) FROM pgfeed.event"
                       " WHERE topic = %s", (topic,))[0][0]
    assert count(site, topic) == 64
    assert commits <= 8, f"{commits} commits for 64 events"


def test_each_answer_has_the_id_of_its_own_event(site, topic):
    with stuck(site) as release:
        waiting = queue(site, [b"%d" % n for n in range(40)], topic,
                        lambda n: {**TEXT, "Idempotency-Key": f"{topic}-{n}"}
                        if n % 2 else TEXT)
        release()
        got = answers(waiting)
    stored = dict(site.sql("SELECT id::text, data FROM pgfeed.event"
                           " WHERE topic = %s", (topic,)))
    for n, (status, _, body) in enumerate(got):
        assert status == 201
        assert stored[json.loads(body)["id"]] == str(n)


def test_one_refused_event_fails_alone(site, topic):
    site.sql("""
        CREATE FUNCTION no_bad() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF new.data LIKE 'bad%' THEN RAISE 'no, not %', new.data; END IF;
          RETURN new;
        END $$;
        CREATE TRIGGER no_bad BEFORE INSERT ON pgfeed.event
          FOR EACH ROW EXECUTE FUNCTION no_bad()""")
    try:
        bodies = [b"bad" if n in (7, 20, 21, 33) else b"good" for n in range(34)]
        with stuck(site) as release:
            waiting = queue(site, bodies, topic)
            release()
            got = answers(waiting)
        for body, (status, headers, text) in zip(bodies, got):
            assert status == (422 if body == b"bad" else 201), text
            if body == b"bad":
                assert headers["content-type"] == "application/problem+json"
                assert b"P0001" in text and b"not bad" not in text
        assert count(site, topic) == 30
        assert "no, not bad" in site.log("post")
    finally:
        site.sql("DROP FUNCTION no_bad CASCADE")


def test_an_error_at_commit_time_is_not_201(site, topic):
    """A deferred constraint speaks after the rows have come back."""
    site.sql("""
        CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF new.data = 'late' THEN RAISE 'too late'; END IF;
          RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER too_late AFTER INSERT ON pgfeed.event
          DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION too_late()""")
    try:
        with stuck(site) as release:
            waiting = queue(site, [b"ok", b"late", b"ok"], topic)
            release()
            got = answers(waiting)
        assert [a[0] for a in got] == [201, 422, 201]
        assert count(site, topic) == 2
    finally:
        site.sql("DROP FUNCTION too_late CASCADE")


def test_a_connection_lost_in_flight_is_503(site, topic):
    """Whether it was committed is unknown: the same key finds out."""
    key = {**TEXT, "Idempotency-Key": topic}
    with stuck(site) as release:
        with begin(site, topic, headers=key) as c:
            wait_for_batch(site)
            site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE usename = 'post' AND datname = current_database()")
            status, headers, _ = c.response()
        assert status == 503 and int(headers["retry-after"]) > 0
        release()
    status, _, body = post(site, topic, headers=key)
    assert status in (200, 201), body
    assert count(site, topic) == 1


def test_a_short_outage_is_bridged(site, topic):
    """Posts wait a moment for the connection to come back."""
    for _ in range(5):
        site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE usename = 'post' AND datname = current_database()")
        eventually(lambda: site.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'post'"
            " AND datname = current_database() AND state <> 'idle'") == [(0,)])
        assert post(site, topic)[0] in (201, 503)
        assert eventually(lambda: post(site, topic)[0] == 201)


def test_keys_survive_a_crash_of_the_database(site, topic):
    """Clients that repeat with the same key until they are told: one event
    each, and every id that was told is there."""
    told, over = {}, threading.Event()

    def client(n):
        for i in itertools.count():
            if over.is_set():
                return
            key = f"{topic}-{n}-{i}"
            status = 503
            while status == 503:
                status, _, body = post(site, topic, key.encode(),
                                       {**TEXT, "Idempotency-Key": key})
            assert status in (200, 201), body
            told[key] = json.loads(body)["id"]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client, n) for n in range(16)]
        for mode in ("immediate", "fast", "immediate"):
            before = len(told)
            eventually(lambda: len(told) >= before + 50, 20, "posts succeed")
            site.cluster.restart(mode)
        over.set()
        for future in clients:
            future.result(60)
    assert len(told) >= 150
    stored = site.sql("SELECT data, id::text FROM pgfeed.event WHERE topic = %s",
                      (topic,))
    assert sorted(stored) == sorted(told.items())


def test_a_database_that_is_away_is_503_at_once(site, topic):
    site.cluster.stop("fast")
    try:
        assert post(site, topic)[0] == 503
        eventually(lambda: post(site, topic)[0] == 503)
        began = time.monotonic()
        got = [post(site, topic) for _ in range(20)]
        assert {a[0] for a in got} == {503}
        assert all(int(a[1]["retry-after"]) > 0 for a in got)
        assert time.monotonic() - began < 2.5   # one patience at most, not 20
    finally:
        site.cluster.start()
    eventually(lambda: post(site, topic)[0] == 201, 20)


def test_a_backend_that_hangs_is_503(site, topic):
    """The time limit holds for a batch of one, which nobody's waking sent."""
    assert post(site, topic)[0] == 201
    pid = site.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'post'"
                   " AND datname = current_database()")[0][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        status, headers, _ = post(site, topic, timeout=30)
        assert status == 503 and int(headers["retry-after"]) > 0
        eventually(lambda: post(site, topic)[0] == 201)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_locked_key_holds_up_only_itself(site, topic):
    """Somebody's open transaction has used the same key."""
    connection = site.connect()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT pgfeed.publish(%s, 'x', key => %s)", (topic, topic))
        blocked = begin(site, topic, headers={**TEXT, "Idempotency-Key": topic})
        wait_for_batch(site)
        others = [begin(site, topic) for _ in range(5)]
        with blocked:
            status, headers, _ = blocked.response()
        assert status == 503 and "retry-after" in headers
        assert [a[0] for a in answers(others)] == [201] * 5
    connection.close()


# --- slow, half and gone

def test_a_client_gone_in_its_body_leaves_nothing(site, topic):
    pid = site.gateway_pid("post")
    assert post(site, topic + "-warm")[0] == 201
    before = descriptors(pid)
    for n in range(50):
        begin(site, topic, b"half", length=8, end=False).close()
        c = fastcgi.Connection(site.dir + "/post.sock")
        c.sock.sendall(fastcgi.record(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0")[:n % 16])
        c.close()
    eventually(lambda: descriptors(pid) <= before, what="descriptors given back")
    assert post(site, topic)[0] == 201
    assert count(site, topic) == 1


@pytest.mark.parametrize("length", [0, 1, 3, 100])
def test_a_body_of_another_length_than_announced_is_400(site, topic, length):
    with begin(site, topic, b"xx", length=length) as c:
        assert c.response()[0] == 400
    assert count(site, topic) == 0


@pytest.mark.parametrize("length", ["-1", "1x", "x", "99999999999999999999", " 1"])
def test_nonsense_as_content_length_is_400(site, topic, length):
    with begin(site, topic, b"x", length=length) as c:
        assert c.response()[0] == 400


def test_get_does_not_belong_here(site, topic):
    for method in ("GET", "HEAD", "BREW"):
        status, headers, _ = post(site, topic, b"", method=method)
        assert status == 405 and headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_slow_uploads_end_and_block_nobody(cluster, topic):
    """Even when they keep all threads busy: whole requests need none."""
    site = PostSite(cluster, post_threads=2, request_timeout="2s")
    slow = [begin(site, topic, b"half", length=8, end=False) for _ in range(4)]
    assert post(site, topic)[0] == 201
    eventually(lambda: [unread(c) for c in slow].count(0) >= 2,
               what="both threads reading")
    began = time.monotonic()
    for _ in range(20):
        assert post(site, topic)[0] == 201
    assert time.monotonic() - began < 1
    for status, _, _ in answers(slow):
        assert status == 408
    assert count(site, topic) == 21
    site.close()


def test_a_body_in_small_pieces_arrives(site, topic):
    """The web server hands it on as it comes, in records of any size."""
    data = bytes(range(32, 127)) * 300
    c = begin(site, topic, b"", length=len(data), end=False)
    for i in range(0, len(data), 57):
        c.send(fastcgi.STDIN, data[i:i + 57])
    c.send(fastcgi.STDIN)
    with c:
        assert c.response()[0] == 201
    assert site.sql("SELECT data FROM pgfeed.event WHERE topic = %s",
                    (topic,)) == [(data.decode(),)]


def test_ten_thousand_posts_leak_nothing(site, topic):
    pid = site.gateway_pid("post")
    multipart = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--'

    def some(count):
        for n in range(count):
            assert post(site, topic)[0] == 201
            assert post(site, topic, b"a=1&b=%20", {
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "text/html"})[0] == 303
            assert post(site, topic, multipart, {
                "Content-Type": "multipart/form-data; boundary=X",
                "Idempotency-Key": f"{topic}-{n % 100}"})[0] in (200, 201)
            assert post(site, topic, b"{", {
                "Content-Type": "application/json"})[0] == 400

    def crowd(count):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: some(count), range(8)))

    crowd(160)
    memory, files = rss_bytes(pid), descriptors(pid)
    crowd(320)
    eventually(lambda: descriptors(pid) <= files, what="descriptors given back")
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        # Sanitizers keep what was freed, and look for leaks themselves.
        if not re.search("lib[at]san", maps.read()):
            assert rss_bytes(pid) - memory < 1024 * 1024


# --- the process

def start(site, **options):
    """A pgfeed-post with a socket of its own making."""
    conf = site.dir + "/own.conf"
    values = {"post_database": site.cluster.conninfo(site.database, "post"),
              "post_socket": site.dir + "/own.sock", **options}
    with open(conf, "w", encoding="utf-8") as file:
        file.writelines(f"{k} = {v}\n" for k, v in values.items())
    process = Process([site.cluster.share + "/pgfeed-post", "-c", conf],
                      site.dir + "/own.log")
    eventually(lambda: os.path.exists(values["post_socket"]), what="socket")
    return process, values["post_socket"]


def terminate(process):
    """SIGTERM to the program itself, where runuser stands before it."""
    os.kill((children(process.pid) or [process.pid])[0], signal.SIGTERM)


def test_sigterm_finishes_what_is_at_hand(site, topic):
    process, path = start(site)
    with stuck(site) as release:
        pending = [begin(site, topic, path=path) for _ in range(4)]
        wait_for_batch(site)
        eventually(lambda: not any(map(unread, pending)), what="requests read")
        terminate(process)
        with open(site.dir + "/own.log", encoding="utf-8") as log:
            eventually(lambda: "ending on signal 15" in log.read())
        release()
        assert [a[0] for a in answers(pending)] == [201] * 4
    assert process.popen.wait(5) == 0
    assert not os.path.exists(path)
    assert count(site, topic) == 4


def test_sigterm_waits_for_no_one_who_is_silent(site):
    process, path = start(site, request_timeout="1s")
    silent = fastcgi.Connection(path)
    half = fastcgi.Connection(path)
    half.begin(fastcgi.params_for("POST", "/events", TEXT, 8))
    eventually(lambda: unread(half) == 0, what="request read")
    terminate(process)
    assert half.response()[0] == 408
    assert process.popen.wait(5) == 0
    silent.close()
    half.close()


def test_a_missing_right_is_told_at_start(site):
    """The stream's role may not publish."""
    process, path = start(site, post_database=site.cluster.conninfo(
        site.database, "stream"))
    try:
        status, headers, body = fastcgi.request(path, headers=TEXT, body=b"x")
        assert status == 503 and "retry-after" in headers
        with open(site.dir + "/own.log", encoding="utf-8") as log:
            text = log.read()
        assert text.count("permission denied for function ingest") == 1
        assert b"permission" not in body
    finally:
        process.stop()


def test_another_user_is_refused(site):
    """Whoever reaches the socket may claim to be anybody, so few may."""
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    process, path = start(site, socket_mode="0666")
    try:
        code = ("import sys; sys.path.insert(0, sys.argv[1]); import fastcgi\n"
                "try: print(fastcgi.request(sys.argv[2], headers="
                "{'Content-Type': 'text/plain'}, body=b'x')[0])\n"
                "except (EOFError, OSError): print('refused')")
        folder = site.dir + "/client"
        subprocess.run(["install", "-D", "-m", "0644", fastcgi.__file__,
                        folder + "/fastcgi.py"], check=True)
        answer = {user: subprocess.run(
            ["runuser", "-u", user, "--", "/usr/bin/python3", "-B", "-c", code,
             folder, path], stdout=subprocess.PIPE, check=True).stdout
            for user in ("nobody", "www-data")}
        assert answer == {"nobody": b"refused\n", "www-data": b"201\n"}
    finally:
        process.stop()


# --- CGI

def cgi(site, uri="/cgi-bin/pgfeed-post/cgi", body=b"x", method="POST",
        arguments=(), **extra):
    env = {k: v for k, v in clean_environment().items() if k != "REQUEST_METHOD"}
    env.update(fastcgi.params_for(method, uri, TEXT, len(body)))
    env.update({"SCRIPT_NAME": "/cgi-bin/pgfeed-post", "PGFEED_CONF": site.conf,
                "PATH_INFO": uri[len("/cgi-bin/pgfeed-post"):].partition("?")[0]})
    env.update(extra)
    done = subprocess.run(
        as_service([site.cluster.share + "/pgfeed-post", *arguments]), env=env,
        input=body, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        cwd="/")
    assert done.returncode == 0, done.stderr
    return fastcgi.parse(done.stdout)


def test_cgi_serves_one_request(site):
    listener = site.connect()
    listener.cursor().execute("SELECT pgfeed.set_asleep(true)")     # or nobody rings
    listener.cursor().execute("LISTEN pgfeed")
    status, headers, body = cgi(site, body=b"from CGI")
    assert status == 201, body
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["topic"] == "cgi"
    assert site.sql("SELECT data FROM pgfeed.event WHERE id = %s",
                    (json.loads(body)["id"],)) == [("from CGI",)]
    eventually(lambda: listener.poll() or listener.notifies, what="the bell")
    listener.close()


def test_cgi_reads_no_more_than_its_body(site):
    status, _, body = cgi(site, body=b"hello and more", CONTENT_LENGTH="5")
    assert status == 201, body
    assert site.sql("SELECT data FROM pgfeed.event WHERE id = %s",
                    (int(json.loads(body)["id"]),)) == [("hello",)]


def test_cgi_takes_no_options_from_the_url(site):
    """Web servers pass "?-c+/etc/passwd" as arguments (RFC 3875 4.4)."""
    for arguments in (["-c", "/etc/passwd"], ["--help"], ["--nonsense"]):
        status, _, body = cgi(site, arguments=arguments)
        assert status == 201, body


def test_cgi_errors_are_answers(site):
    assert cgi(site, method="GET", body=b"")[0] == 405
    assert cgi(site, body=b"\xff")[0] == 422
    status, headers, _ = cgi(site, PGFEED_POST_DATABASE="host=/nonexistent")
    assert status == 503 and "retry-after" in headers
