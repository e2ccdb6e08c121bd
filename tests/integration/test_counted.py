"""Every limit and every refusal has its number in /-/metrics, and the posts of
all processes are in one sum."""
import contextlib
import os
import pwd
import re
import subprocess
import sys

import pytest

from lib import fastcgi
from lib import harness
from lib.fixtures import needs_libjwt
from lib.harness import SERVICE_USER, eventually
from test_identity import b64, write_file

pytestmark = needs_libjwt

TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# What only a machine at its end has: memory, and 10,000 posts that wait.
NOT_MADE_HERE = {"busy", "memory"}


def page(site, name):
    _, _, body = fastcgi.request(site.dir + "/stream.sock", "GET",
                                 f"/events/-/{name}")
    return body.decode()


def figures(site, metric, label):
    found = re.findall(rf'^{metric}_total{{{label}="(\w+)"}} (\d+)$',
                       page(site, "metrics"), re.MULTILINE)
    return {name: int(n) for name, n in found}


def posts(site):
    return figures(site, "pgfeed_posts", "outcome")


def refused(site):
    return figures(site, "pgfeed_streams_refused", "reason")


def settled(read, wanted):
    """The figures, once they are as wanted; the last ones if they never are."""
    with contextlib.suppress(AssertionError):
        eventually(lambda: read() == wanted)
    assert read() == wanted


@pytest.fixture(scope="module")
def site(cluster):
    keys = cluster.service_dir + "/keys-counted"
    write_file(keys, f"k HS256 {b64(b'k' * 32)}\n")
    site = harness.Site(
        cluster, "lighttpd", identity="remote_user jwt", jwt_keys=keys,
        form_token="csrf", payload_limit=1000, body_limit=20000,
        request_timeout="1s", post_rate_per_user=1, post_rate_per_address=1,
        post_burst=2, max_streams=4, max_streams_per_address=2,
        max_streams_per_user=1, max_topics=2, max_fields=20, head_limit="8kB")
    yield site
    site.close()


class Poster:
    """Posts straight to the socket, each from an address of its own."""

    def __init__(self, site):
        self.path, self.addresses = site.dir + "/post.sock", 0

    def _params(self, topic, headers, length, method="POST", **extra):
        self.addresses += 1
        extra = {"REMOTE_ADDR": f"192.0.2.{self.addresses}", **extra}
        return fastcgi.params_for(method, f"/events/{topic}", headers, length, extra)

    def begin(self, topic="t", body=b"x", headers=TEXT, **extra):
        c = fastcgi.Connection(self.path)
        c.begin(self._params(topic, headers, len(body), **extra))
        c.body(body)
        return c

    def __call__(self, status, *args, **kwargs):
        with self.begin(*args, **kwargs) as c:
            assert c.response()[0] == status

    def until_too_many(self, **kwargs):
        """How many were stored before."""
        for n in range(100):
            with self.begin(headers=JSON, body=b"1", **kwargs) as c:
                status = c.response()[0]
            if status == 429:
                return n
            assert status == 201
        raise AssertionError("no limit")

    def short(self, status, length, end, topic="t"):
        """A body of one byte; end: and no more, else silence."""
        with fastcgi.Connection(self.path) as c:
            c.begin(self._params(topic, TEXT, length))
            c.body(b"x", end)
            assert c.response()[0] == status


def raw(path, data):
    """Bytes on a connection, up to its end."""
    with fastcgi.Connection(path) as c:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            c.sock.sendall(data)
            assert c.sock.recv(1) == b""


def large_head():
    params = {f"HTTP_X_{n}": "x" * 10000 for n in range(12)}
    return fastcgi.pairs({"REQUEST_METHOD": "GET", **params})


def send_head(path):
    """More parameters than are taken."""
    content = large_head()
    data = fastcgi.record(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0")
    for i in range(0, len(content), 60000):
        data += fastcgi.record(fastcgi.PARAMS, content[i:i + 60000])
    raw(path, data)


def connect_as_stranger(path):
    """Lets a user who is not in peer_users try."""
    mode = os.stat(path).st_mode
    os.chmod(path, 0o666)
    try:
        subprocess.run(
            ["setpriv", "--reuid", "nobody", "--clear-groups", sys.executable,
             "-c", "import socket, sys; s = socket.socket(socket.AF_UNIX);"
             " s.connect(sys.argv[1]); assert s.recv(1) == b''", path], check=True)
    finally:
        os.chmod(path, mode)


def broken_table(site, topic):
    site.sql(f"ALTER TABLE pgfeed.event ADD CONSTRAINT no CHECK (topic <> '{topic}')")


def test_what_becomes_of_posts_is_counted(site):
    post, before = Poster(site), posts(site)
    path, many = site.dir + "/post.sock", "&".join(f"f{i}=1" for i in range(5000))
    assert set(before.values()) == {0}
    wanted = dict(before)

    def expect(outcome, n=1):
        wanted[outcome] += n

    broken_table(site, "not-here")
    keyed = {**TEXT, "Idempotency-Key": "k1"}
    site.sql("DELETE FROM pgfeed.access")
    site.sql("INSERT INTO pgfeed.access VALUES ('*', '*', false, true)")
    post(201, headers=keyed)
    post(201, headers={**TEXT})
    expect("stored", 2)
    post(200, headers=keyed)
    expect("duplicate")
    post(422, headers=keyed, body=b"other")
    expect("conflict")
    post(422, topic="not-here")
    expect("refused")
    post(401, headers={**TEXT, "Authorization": "Bearer bad.bad.bad"})
    expect("token")
    post(403, headers={**TEXT, "Origin": "https://evil.example"})
    expect("origin")
    post(403, headers={**FORM, "Cookie": "csrf=0123456789abcdef"}, body=b"data=x")
    expect("form_token")
    expect("stored", post.until_too_many(REMOTE_ADDR="198.51.100.1"))
    expect("stored", post.until_too_many(REMOTE_USER="ada"))
    expect("address")
    expect("user")
    post(413, body=b"x" * 1001)
    post(413, headers=FORM, body=b"data=" + b"x" * 20000)
    post(413, headers=FORM, body=b"data=" + b"x" * 1001)
    expect("too_large", 3)
    post(400, topic="t?kind=" + "k" * 65)
    post(400, headers={**TEXT, "Idempotency-Key": "k" * 256})
    post(400, topic="t?" + many[:300])
    post(413, headers=FORM, body=b"&".join([b"a="] * 21))
    post(413, headers=FORM, body=b"&".join([b"a="] * 5000))
    post(400, headers=FORM, body=b"data=x&_next=/" + b"x" * 2048)
    expect("fields", 6)
    post(400, headers=JSON, body=b"{")
    post(400, headers=FORM, body=b"_topic=t")
    expect("malformed", 2)
    post.short(400, 2, True)
    expect("incomplete")
    post(400, topic="a//b")
    expect("topic")
    post(405, method="PUT")
    expect("method")
    post(415, headers={"Content-Type": "image/png"})
    post(415, headers={**TEXT, "Content-Encoding": "gzip"})
    expect("type", 2)
    post(422, body=b"\xff")
    post(422, body=b"\0")
    expect("not_text", 2)
    post.short(408, 2, False)                     # its body is late,
    raw(path, fastcgi.record(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0"))
    raw(path, b"")                                # its head, all of it
    expect("late", 3)
    send_head(path)
    post(431, headers={**TEXT, "X": "x" * 8000})
    expect("head", 2)
    raw(path, b"GET / HTTP/1.1\r\n\r\n")
    expect("broken")
    if os.geteuid() == 0:
        connect_as_stranger(path)
        expect("peer")
    site.sql("DELETE FROM pgfeed.access")
    post(401)
    expect("unauthorized")
    post(403, headers=JSON, body=b"1", REMOTE_USER="bob")
    expect("forbidden")
    shipped = site.sql("SELECT pg_get_functiondef('pgfeed.may_write(text, jsonb, text)'"
                       "::regprocedure)")[0][0]
    site.sql("CREATE OR REPLACE FUNCTION pgfeed.may_write(who text, claims jsonb, topic text)"
             " RETURNS boolean LANGUAGE sql STABLE RETURN 1 / length(left(topic, 0)) > 0")
    post(403, headers=JSON, body=b"1", REMOTE_USER="bob")
    expect("policy")
    assert "pgfeed.may_write failed, which counts as no: division by zero" in site.log("post")
    site.sql(shipped)
    site.sql("INSERT INTO pgfeed.access VALUES ('*', '*', true, true)")

    connection = site.connect()
    with connection.cursor() as cursor:           # lost in the middle of a commit
        cursor.execute("BEGIN; LOCK TABLE pgfeed.event IN EXCLUSIVE MODE")
        with post.begin() as c:
            gone = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = 'post' AND datname = current_database()"
                    " AND wait_event_type = 'Lock'")
            eventually(lambda: site.sql(gone), what="a batch in flight")
            assert c.response()[0] == 503
        cursor.execute("ROLLBACK")
    connection.close()
    expect("unknown")
    post(201)                                     # it is back
    expect("stored")
    lost = site.log("post").count("lost the database")
    site.sql("ALTER ROLE post NOLOGIN")
    try:
        site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE usename = 'post' AND datname = current_database()")
        eventually(lambda: site.log("post").count("lost the database") > lost,
                   what="its loss")
        post(503)
    finally:
        site.sql("ALTER ROLE post LOGIN")
    expect("unavailable")

    settled(lambda: posts(site), wanted)
    left = {name for name, n in wanted.items() if n == 0}
    assert left == NOT_MADE_HERE | (set() if os.geteuid() == 0 else {"peer"})
    status = site.post("/events/-/status", method="GET").json()
    assert status["posts"] == wanted


def test_why_a_request_became_no_stream_is_counted(site):
    path, wanted = site.dir + "/stream.sock", refused(site)
    held = []

    def expect(reason, n=1):
        wanted[reason] += n

    def ask(uri="/events/t", headers=None, **extra):
        return fastcgi.request(path, "GET", uri, headers,
                               extra={"REMOTE_ADDR": "192.0.2.1", **extra})

    def hold(**extra):
        c = fastcgi.Connection(path)
        c.begin(fastcgi.params_for("GET", "/events/t", extra={
            "REMOTE_ADDR": "192.0.2.2", **extra}))
        c.body(b"")
        assert b"pgfeed.open" in c.read()[1]
        held.append(c)

    site.sql("DELETE FROM pgfeed.access")
    site.sql("INSERT INTO pgfeed.access VALUES ('t', '*', true, true)")
    assert ask("/events/t?topic=a&topic=b")[0] == 400
    expect("topics")
    assert ask("/events/t?" + "a&" * 21)[0] == 400
    assert ask("/events/t?" + "a&" * 1500)[0] == 400
    expect("fields", 2)
    assert ask("/events/a//b")[0] == 400
    assert ask("/events/t?format=x")[0] == 400
    with fastcgi.Connection(path) as c:           # answered without its body
        c.begin(fastcgi.params_for("PUT", "/events/t"))
        assert c.response()[0] == 405
    expect("bad_request", 3)
    assert ask(headers={"Authorization": "Bearer bad.bad.bad"})[0] == 401
    expect("token")
    assert ask("/events/secret")[0] == 401
    expect("unauthorized")
    assert ask("/events/secret", REMOTE_USER="bob")[0] == 403
    expect("forbidden")
    hold()
    hold()
    assert b'"full"' in ask(REMOTE_ADDR="192.0.2.2")[2]
    expect("address")
    hold(REMOTE_ADDR="192.0.2.3", REMOTE_USER="ada")
    assert b'"full"' in ask(REMOTE_USER="ada")[2]
    expect("user")
    hold(REMOTE_ADDR="192.0.2.4")
    assert b'"full"' in ask(REMOTE_ADDR="192.0.2.5")[2]
    expect("full")
    raw(path, fastcgi.record(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0"))
    with fastcgi.Connection(path) as c:           # whose body is late
        c.begin(fastcgi.params_for("GET", "/events/t", length=5))
        c.body(b"x", False)
        assert c.response()[0] == 408
    expect("late", 2)
    send_head(path)
    assert ask(headers={"X": "x" * 8000})[0] == 431
    expect("head", 2)
    raw(path, b"GET / HTTP/1.1\r\n\r\n")
    expect("broken")
    if os.geteuid() == 0:
        connect_as_stranger(path)
        expect("peer")
    settled(lambda: refused(site), wanted)
    status = site.post("/events/-/status", method="GET").json()
    assert status["refused_for"] == wanted
    assert status["refused"] == sum(wanted.values())
    left = {name for name, n in wanted.items() if n == 0}
    assert left == {"shutdown", "memory"} | (set() if os.geteuid() == 0 else {"peer"})
    for c in held:
        c.close()


def run_cgi(site, address):
    """pgfeed-post as a CGI program, which ends after one post."""
    env = {**fastcgi.params_for("POST", "/events/t", TEXT, 1),
           "REMOTE_ADDR": address, "PGFEED_CONF": site.conf,
           "PATH": os.environ["PATH"]}
    done = subprocess.run(
        harness.as_service([site.cluster.share + "/pgfeed-post"]), env=env,
        input=b"x", stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    assert done.stdout.startswith(b"Status: 201"), done
    return done.stderr.decode()


def test_all_processes_add_to_one_sum_that_outlives_them(make_site):
    site = make_site("lighttpd")
    assert posts(site)["stored"] == 0
    site.publish("t", "one")
    assert "counted" not in run_cgi(site, "192.0.2.1")
    settled(lambda: posts(site)["stored"], 2)
    # What was not yet in the file is written at the end.
    site.publish("t", "two")
    site.stop("post")
    assert posts(site)["stored"] == 3
    site.start("post")
    site.publish("t", "three")
    settled(lambda: posts(site)["stored"], 4)


@pytest.mark.parametrize("kind", ["fifo", "link", "text", "folder"])
def test_whatever_is_in_the_files_place_posts_are_taken(make_site, kind):
    site = make_site("lighttpd")
    path = site.dir + "/post.sock.counters"
    site.stop("post")
    os.unlink(path)
    harness.run({
        "fifo": ["mkfifo", path],
        "link": ["ln", "-s", site.conf, path],
        "text": ["cp", site.conf, path],
        "folder": ["mkdir", path],
    }[kind])
    size = os.path.getsize(site.conf)
    site.start("post")
    eventually(lambda: "posts are not counted" in site.log("post"))
    for n in range(3):
        site.publish("t", str(n))
    assert "counted" not in run_cgi(site, "192.0.2.1")
    assert posts(site) == {}
    assert "posts" not in site.post("/events/-/status", method="GET").json()
    assert site.log("post").count("posts are not counted") == 1
    assert os.path.getsize(site.conf) == size


def test_cutting_the_file_short_ends_nobody(make_site):
    site = make_site("lighttpd")
    pid = site.gateway_pid("post")
    site.publish("t", "one")
    settled(lambda: posts(site)["stored"], 1)
    for _ in range(3):
        os.truncate(site.dir + "/post.sock.counters", 0)
        site.publish("t", "two")
        settled(lambda: posts(site)["stored"], 1)
    assert site.gateway_pid("post") == pid


@needs_root
def test_root_makes_the_file_for_the_user_it_becomes(make_site):
    site = make_site("lighttpd")
    folder = site.dir + "/roots"
    os.mkdir(folder, 0o755)                       # where only root may write
    conf = folder + "/conf"
    with open(site.conf, encoding="utf-8") as old, \
            open(conf, "w", encoding="utf-8") as new:
        new.write(old.read().replace(f"{site.dir}/post.sock", f"{folder}/post"))
        new.write(f"user = {SERVICE_USER}\n")
    with open(folder + "/log", "wb") as log:
        process = subprocess.Popen(
            [site.cluster.share + "/pgfeed-post", "-c", conf], stdout=log,
            stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            env=harness.clean_environment())
    try:
        def answered():
            with contextlib.suppress(OSError):
                return fastcgi.request(folder + "/post", headers=TEXT, body=b"x")
            return None
        assert eventually(answered, what="an answer")[0] == 201
        file = folder + "/post.counters"
        eventually(lambda: re.search(r"^stored +1$", open(
            file, encoding="ascii").read(), re.MULTILINE), what="its count")
        assert os.stat(file).st_uid == pwd.getpwnam(SERVICE_USER).pw_uid
        assert os.stat(file).st_mode & 0o777 == 0o600
    finally:
        process.terminate()
        process.wait(15)
