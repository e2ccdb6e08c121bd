"""Requests that are malformed, disguised or more than they say they are."""
import contextlib
import gzip
import random
import selectors
import socket
import time
import zlib

import pytest

OPTIONS = {"request_timeout": "3s"}
INJECTED = "\r\nX-Injected: yes\r\n\r\nhello"
ESCAPED = "%0d%0aX-Injected:%20yes%0d%0a%0d%0ahello"
PLAIN = "text/plain; charset=utf-8"


def raw(site, sent, timeout=20):
    """All that comes back, up to the end or the silence of a stream."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=timeout) as sock:
        out = b""
        try:
            sock.sendall(sent)
            while len(out) < 100000 and (part := sock.recv(65536)):
                out += part
        except OSError:
            pass
        return out


def raw_together(site, requests, seconds=1):
    """The beginnings of the answers that come within a second."""
    poll, answers = selectors.DefaultSelector(), [b""] * len(requests)
    for n, sent in enumerate(requests):
        sock = socket.create_connection(("127.0.0.1", site.port), timeout=20)
        with contextlib.suppress(OSError):
            sock.sendall(sent)
        poll.register(sock, selectors.EVENT_READ, n)
    deadline = time.monotonic() + seconds
    while poll.get_map() and (left := deadline - time.monotonic()) > 0:
        for key, _ in poll.select(left):
            part = b""
            with contextlib.suppress(OSError):
                part = key.fileobj.recv(65536)
            answers[key.data] += part
            if not part:
                poll.unregister(key.fileobj)
                key.fileobj.close()
    for key in list(poll.get_map().values()):
        key.fileobj.close()
    poll.close()
    return answers


def head_of(answer):
    return answer.partition(b"\r\n\r\n")[0].lower()


def status_of(answer):
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.") else 0


def post(site, path, body, content_type=PLAIN, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    return site.post(path, body, {"Content-Type": content_type, **headers})


def get_raw(site, uri, *lines):
    return raw(site, "\r\n".join([f"GET {uri} HTTP/1.1", "Host: x", "Connection: close",
                                  *lines, "", ""]).encode())


# --- header injection

@pytest.mark.quick
@pytest.mark.parametrize("uri", [
    "/events/" + ESCAPED, "/events?topic=" + ESCAPED,
    "/events/t?last_event_id=" + ESCAPED, "/events/t?lastEventId=" + ESCAPED,
    "/events/t?format=" + ESCAPED, "/events/t?hb=" + ESCAPED,
    "/events/t?kind=" + ESCAPED, "/events/t?wait=" + ESCAPED,
])
def test_no_header_from_a_query(site, bystander, uri):
    with site.stream(uri, timeout=20) as stream:
        assert "x-injected" not in stream.headers
        assert stream.status in (200, 400)
        if stream.status == 200:
            stream.live()
            assert b"injected" not in stream.parser.last_id.encode()


@pytest.mark.parametrize("header", ["Last-Event-ID", "Origin", "Accept", "Idempotency-Key",
                                    "Referer", "User-Agent", "Cookie", "Authorization"])
@pytest.mark.parametrize("ending", ["\n", "\r", "\0", "\x1f"])
def test_no_header_from_a_header(site, bystander, header, ending):
    value = f"1{ending}X-Injected: yes"
    answer = get_raw(site, "/events/-/live", f"{header}: {value}")
    assert b"\nx-injected" not in head_of(answer)


@pytest.mark.parametrize("field", ["_topic", "_kind", "_key", "_next", "data", "other"])
def test_no_header_from_a_form(site, bystander, topic, field):
    fields = {"_topic": topic, "data": "x", field: "/a" + ESCAPED}
    body = "&".join(f"{k}={v}" for k, v in fields.items()).encode()
    answer = raw(site, b"POST /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       b"Sec-Fetch-Site: same-origin\r\nAccept: text/html\r\n"
                       b"Content-Type: application/x-www-form-urlencoded\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert status_of(answer) in (201, 303, 400, 422)
    assert b"\nx-injected" not in head_of(answer)
    assert b"\r\n\r\nhello" not in answer


@pytest.mark.parametrize("uri", ["?kind=" + ESCAPED, "?key=" + ESCAPED, "/" + ESCAPED])
def test_no_event_has_a_line_break_in_its_name(site, bystander, topic, uri):
    answer = post(site, f"/events/{topic}{uri}", b"x")
    assert answer.status in (400, 404, 422)
    for column in ("topic", "kind"):
        with pytest.raises(Exception, match="check constraint|valid"):
            site.sql(f"INSERT INTO pgfeed.event (topic, data, {column}) VALUES (%s, 'x', %s)"
                     if column != "topic" else
                     "INSERT INTO pgfeed.event (data, kind, topic) VALUES ('x', %s, %s)",
                     (topic, f"a{INJECTED}"))


@pytest.mark.quick
def test_no_event_inside_an_event(site, bystander, topic):
    """Whatever the payload: its lines stay data."""
    evil = ("x\n\nevent: pgfeed.bye\ndata: {}\n\nid: 9999999\ndata: y\n\n:\r\r"
            "event: evil\rdata: z\r\n\r\nretry: 1\n\n")
    with site.stream(f"/events/{topic}") as stream:
        stream.live()
        retry = stream.parser.retry
        site.publish(topic, evil)
        got = stream.next()
        assert got.type == "message"
        assert got.data == evil.replace("\r\n", "\n").replace("\r", "\n")
        site.publish(topic, "next")
        assert stream.next().data == "next"
        assert stream.parser.retry == retry
    with site.stream("/events/demo_notify") as stream:
        stream.live()
        site.sql("SELECT pg_notify('demo_notify', %s)", (evil,))
        assert stream.next().data == evil.replace("\r\n", "\n").replace("\r", "\n")


# --- what a body is said to be

BOMB = b"0" * 10_000_000


@pytest.mark.quick
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-gzip", "compress", "zstd",
                                      "gzip, gzip", "identity, gzip", "GZIP", "nonsense"])
def test_compressed_bodies_are_refused(site, bystander, topic, encoding):
    """Nothing here unpacks, so nothing can be made to unpack too much."""
    body = zlib.compress(BOMB) if encoding == "deflate" else gzip.compress(BOMB)
    answer = post(site, f"/events/{topic}", body, Content_Encoding=encoding)
    assert answer.status == 415
    assert site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s", (topic,)) == [(0,)]


@pytest.mark.parametrize("length", ["-1", "99999999999999999999", "+5", "5, 6", "0x5", "5 5", ""])
def test_lengths_that_are_none(site, bystander, topic, length):
    answer = raw(site, f"POST /events/{topic} HTTP/1.1\r\nHost: x\r\nContent-Type: {PLAIN}\r\n"
                       f"Content-Length: {length}\r\nConnection: close\r\n\r\nhello".encode())
    assert status_of(answer) in (0, 400, 411, 413), answer
    assert site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s", (topic,)) == [(0,)]


def test_smuggled_requests(site, bystander, topic):
    """Two lengths, or a length and chunks: the web server has one opinion, and
    pgfeed, which has a connection for each request, follows it."""
    inner = f"POST /events/{topic}-smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    for first in (f"Content-Length: {len(inner) + 5}\r\nTransfer-Encoding: chunked",
                  f"Content-Length: 5\r\nContent-Length: {len(inner)}",
                  "Transfer-Encoding: chunked, identity",
                  "Transfer-Encoding: xchunked\r\nContent-Length: 5",
                  "Transfer-Encoding : chunked"):
        raw(site, f"GET /events/-/live HTTP/1.1\r\nHost: x\r\n{first}\r\n\r\n"
                  f"0\r\n\r\n{inner}".encode())
    assert site.publish(topic, "x")


def test_bodies_that_are_no_utf8_or_too_large(site, bystander, topic):
    for body in (b"\xff\xfe", b"a\0b", b"\xed\xa0\x80", b"\xc0\xaf"):
        assert post(site, f"/events/{topic}", body).status == 422
    assert post(site, f"/events/{topic}", b"x" * 70000).status == 413
    deep = b"[" * 5000 + b"]" * 5000
    assert post(site, f"/events/{topic}", deep, "application/json").status in (201, 400, 422)
    many = b"&".join(b"f%d=x" % n for n in range(5000))
    answer = post(site, f"/events/{topic}", many, "application/x-www-form-urlencoded")
    assert 400 <= answer.status < 500


# --- paths

@pytest.mark.quick
@pytest.mark.parametrize("uri", ids=lambda uri: uri[:30], argvalues=[
    "/events/../../../../etc/passwd", "/events/..%2f..%2f..%2fetc%2fpasswd",
    "/events/%2e%2e/%2e%2e/etc/passwd", "/events/..%252f..%252fetc/passwd",
    "/events/.%00./etc/passwd", "/events/x%00.html", "/events/%00", "/events//etc/passwd",
    "/events/%5c..%5c..%5cetc%5cpasswd", "/events/....//....//etc/passwd",
    "/events;/x", "/events/a;b=c", "/events/%c0%ae%c0%ae/etc/passwd", "/events/%",
    "/events/%zz", "/events/" + "a/" * 2000, "/events/" + "%41" * 2000, "/events/~root",
    "//events//-//status", "/events/-/../-/status/../../../etc/passwd",
    "/.git/config", "/events/.htaccess", "/pgfeed.conf", "/../conf/pgfeed.conf",
    "/events/file:///etc/passwd", "/events/http://127.0.0.1/",
])
def test_paths_lead_nowhere(site, bystander, uri):
    for method in ("GET", "POST"):
        answer = raw(site, f"{method} {uri}?wait=0 HTTP/1.0\r\nHost: x\r\n"
                           "Accept: application/json\r\n"
                           "Content-Length: 0\r\n\r\n".encode(), timeout=2)
        assert b"root:x:0:0" not in answer and b"stream_database" not in answer
        assert b"[core]" not in answer
        assert status_of(answer) < 500 or status_of(answer) in (501, 505), answer[:200]


def test_redirects_stay_on_the_site(site, bystander, topic):
    for target in ("//evil.example/", "https://evil.example/", "/\\evil.example",
                   "\\\\evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:a=b",
                   " //evil.example", "\t//evil.example", "/\t/evil.example", "http:evil.example",
                   "///evil.example", "/../../evil", "data:text/html,x", "?x", "."):
        answer = post(site, f"/events/{topic}",
                      f"data=x&_next={target}".encode(), "application/x-www-form-urlencoded",
                      Accept="text/html", Sec_Fetch_Site="same-origin")
        location = answer.headers.get("location", "/")
        assert location[0] == "/" and location[1:2] not in ("/", "\\"), (target, location)
        assert "set-cookie" not in answer.headers and "\t" not in location


# --- a thousand of them

def malformed(dice, topic):
    """One request that is wrong somewhere."""
    junk = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 60)))
    method = dice.choice([b"GET", b"POST", b"PUT", b"DELETE", b"get", b"", b"G\0T", b"TRACE",
                          b"CONNECT", b"OPTIONS", b"HEAD", junk])
    path = dice.choice([b"/events/" + topic, b"/events/" + junk, b"/events?" + junk,
                        b"/events/%" + junk, b"*", b"", b"/events?topic=" + b"a" * 9000,
                        b"/events?" + b"topic=a&" * 2000, b"/events/a?last_event_id=" + junk,
                        b"http://[::1/events", b"/events/" + topic + b"?wait=-1&format=json"])
    version = dice.choice([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"HTTP/1.", b"", junk])
    heads = dice.sample([
        b"Host: x", b"Host: " + junk, b"Host: a\r\nHost: b", b"Content-Length: 5",
        b"Content-Length: 99", b"Content-Length: -9", b"Transfer-Encoding: chunked",
        b"Content-Type: multipart/form-data", b"Content-Type: multipart/form-data; boundary=x",
        b"Content-Type: multipart/form-data; boundary=" + b"b" * 5000,
        b"Content-Type: application/json", b"Content-Type: " + junk,
        b"Content-Type: application/x-www-form-urlencoded", b"Accept: " + junk,
        b"Accept: " + b"text/html;q=0.5," * 400, b"Last-Event-ID: " + junk,
        b"Last-Event-ID: 9" * 50, b"Idempotency-Key: " + b"k" * 500, b"Origin: " + junk,
        b"Authorization: Bearer " + junk, b"Cookie: " + b"a=b; " * 300, b": novalue",
        b"NoColon", b" folded: x", b"X: " + b"y" * 9000, b"Range: bytes=0-",
        b"Expect: 100-continue", b"Upgrade: h2c", b"Connection: close"], dice.randrange(5))
    body = dice.choice([b"", junk, b"hello", b"data=%ff", b"data=" + junk, b"{", b"{\"data\":",
                        b"--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n" + junk,
                        b"--x\r\n" + junk + b"\r\n--x--", b"5\r\nhello\r\n0\r\n\r\n",
                        b"ffffffffffffffff\r\n", b"-1\r\nx\r\n"])
    return (method + b" " + path + b" " + version + b"\r\n" + b"\r\n".join(heads) +
            dice.choice([b"\r\n\r\n", b"\n\n", b"\r\n", b""]) + body)


def test_a_thousand_malformed_requests(site, bystander, topic):
    """No answer is an error of ours: what comes through gets a 4xx at most.
    The web servers have 501 and 505 of their own, and 502 for a body that they
    stop sending in the middle."""
    dice = random.Random(7)
    seen = set()
    for _ in range(20):
        sent = [malformed(dice, topic.encode()) for _ in range(50)]
        for request, answer in zip(sent, raw_together(site, sent)):
            status = status_of(answer)
            seen.add(status)
            assert status < 500 or status in (501, 502, 505), (request, answer[:500])
    assert {400, 404} & seen and len(seen) > 3
