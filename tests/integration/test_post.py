"""What pgfeed-post promises to forms, scripts and pages of other origins.

Through both web servers; what happens behind them (halves of requests, a lost
database, the end of the process) is in test_post_faults.py.
"""
import concurrent.futures
import json
import urllib.parse

import pytest

OPTIONS = {"origins": "https://app.example", "payload_limit": "1kB",
           "body_limit": "8kB"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {**FORM, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def form(**fields):
    return urllib.parse.urlencode(fields).encode()


def events(site, topic):
    return site.sql("SELECT id, kind, data FROM pgfeed.event WHERE topic = %s"
                    " ORDER BY id", (topic,))


def refused(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body.count(b"\n") == 1 and answer.body.endswith(b"\n")
    problem = answer.json()
    assert problem["status"] == status and problem["title"] and problem["detail"]
    return answer


def test_201_means_committed(site, topic):
    answer = site.post(f"/events/{topic}?kind=k", b"hello", TEXT)
    assert answer.status == 201, answer
    number = answer.json()["id"]
    assert answer.json() == {"id": number, "topic": topic}
    assert events(site, topic) == [(int(number), "k", "hello")]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_topic_from_path_or_field(site, topic):
    for path, fields, expected in [
            (f"/events/{topic}/a%20b/c", {}, f"{topic}/a b/c"),
            ("/events", {"_topic": topic}, topic),
            ("/events/", {"_topic": topic}, topic),
            (f"/events?topic={topic}", {}, topic),
            (f"/events?topic[]={topic}", {}, topic),
            ("/events?topic=other", {"_topic": topic}, topic),
            (f"/events/{topic}", {"_topic": "other"}, topic),
            ("/events", {}, "events")]:
        answer = site.post(path, form(data="x", **fields), FORM)
        assert answer.status == 201, answer
        assert answer.json()["topic"] == expected


@pytest.mark.parametrize("path", [
    "/events/a*b", "/events/a//b", "/events/a%00b", "/events/%ff", "/events/a/",
    "/events/a%0d%0aSet-Cookie:%20x=1", "/events/" + "x" * 1025])
def test_what_is_no_topic_is_400(site, path):
    answer = site.post(path, b"x", TEXT)
    assert answer.status in (400, 404), answer     # 404: the web server itself
    assert "set-cookie" not in answer.headers


def test_reserved_topics_are_refused(site):
    assert site.post("/events/-/status", b"x", TEXT).status in (400, 403, 404)
    refused(site.post("/events", form(_topic="-/status", data="x"), FORM), 400)


# --- plain forms

@pytest.mark.parametrize("nxt, referer, location", [
    ("/thanks?a=b#c", None, "/thanks?a=b#c"),
    (None, "http://{host}/page?x=y", "/page?x=y"),
    ("", "http://{host}", "/"),
    ("http://{host}/own", None, "/own"),
    (None, None, "/"),
    ("//evil.example/", "http://{host}/page", "/page"),
    ("/\\evil.example/", None, "/"),
    ("/\t/evil.example/", None, "/"),
    ("http://evil.example/", None, "/"),
    ("http://{host}//evil.example/", None, "/"),
    ("http://{host}@evil.example/", None, "/"),
    ("javascript:alert(1)", None, "/"),
    ("/a\r\nSet-Cookie: x=1", None, "/"),
    ("/ü", None, "/%C3%BC")])
def test_a_browser_form_gets_303_to_its_own_site(site, topic, nxt, referer, location):
    host = f"127.0.0.1:{site.port}"
    fields = {"data": "x"}
    if nxt is not None:
        fields["_next"] = nxt.replace("{host}", host)
    headers = dict(BROWSER)
    if referer is not None:
        headers["Referer"] = referer.replace("{host}", host)
    answer = site.post(f"/events/{topic}", form(**fields), headers)
    assert answer.status == 303, answer
    assert answer.headers["location"] in (location, f"http://{host}{location}")
    assert "set-cookie" not in answer.headers
    assert len(events(site, topic)) == 1


@pytest.mark.parametrize("server", ["lighttpd", "apache"])
def test_a_next_that_fits_no_header_is_refused_before_anything_is_stored(make_site, server):
    """The event was stored, and Apache made a 500 of so long a Location."""
    site = make_site(server)
    for length, status in ((2000, 303), (3000, 400), (300000, 400)):
        answer = site.post("/events/t", b"data=x&_next=/" + b"%7b" * (length - 1), {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "text/html", "Sec-Fetch-Site": "same-origin"})
        assert answer.status == status, answer.headers
    assert len(events(site, "t")) == 1


def test_a_script_gets_json_whatever_next_says(site, topic):
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5"):
        answer = site.post(f"/events/{topic}", form(data="x", _next="/there"),
                           {**FORM, "Accept": accept})
        assert answer.status == 201, answer


def test_no_field_of_a_form_is_dropped(site, topic):
    """A contact form may have fields of any name; pgfeed's begin with "_"."""
    fields = {"topic": "Prices", "kind": "question", "key": "front door", "next": "May",
              "data": "hello", "_gotcha": "", "name": "Ada"}
    answer = site.post(f"/events/{topic}", form(_kind="contact", **fields), FORM)
    assert answer.status == 201, answer
    assert answer.json()["topic"] == topic
    (_, kind, data), = events(site, topic)
    assert kind == "contact" and json.loads(data) == fields


@pytest.mark.parametrize("name, got", [
    (r"App\Model\User[title]", r"App\Model\User[title]"), ("a\\", "a\\"),
    ("a%22b%0D%0Ac%20%0d", 'a"b\r\nc%20%0d')])
def test_names_of_multipart_fields_are_as_html_writes_them(site, topic, name, got):
    """A backslash is itself; only a quote, CR and LF are escaped."""
    body = (f'--X\r\nContent-Disposition: form-data; filename="x\\"; name="{name}"\r\n'
            "\r\n1\r\n--X--").encode()
    answer = site.post(f"/events/{topic}", body, {
        "Content-Type": "multipart/form-data; boundary=X"})
    assert answer.status == 201, answer
    assert json.loads(events(site, topic)[0][2]) == {got: "1"}


def test_files_of_a_form_are_text(site, topic):
    body = (b'--X\r\nContent-Disposition: form-data; name="note"; filename="a.txt"\r\n'
            b"Content-Type: text/plain\r\n\r\nline\r\n\xe2\x82\xac\r\n--X--\r\n")
    kind = {"Content-Type": "multipart/form-data; boundary=X"}
    assert site.post(f"/events/{topic}", body, kind).status == 201
    assert events(site, topic)[0][2] == '{"note":"line\\r\\n€"}'
    refused(site.post(f"/events/{topic}", body.replace(b"\xe2", b"\xff"), kind), 422)


# --- what is wrong with a request

@pytest.mark.parametrize("headers, body, status", [
    (JSON, b"{", 400),
    (JSON, b"", 400),
    (JSON, b"NaN", 400),
    (JSON, b"[" * 600 + b"]" * 400, 400),
    ({"Content-Type": "multipart/form-data; boundary=X"}, b"--X", 400),
    ({"Content-Type": "multipart/form-data"}, b"--X--", 400),
    (FORM, b"", 400),
    (FORM, b"_kind=k", 400),
    (FORM, b"data=x&_kind=a%0Ab", 400),
    (FORM, b"data=x&_kind=pgfeed.bye", 400),
    (FORM, b"data=x&_kind=" + b"k" * 65, 400),
    (FORM, b"data=x&_key=" + b"k" * 256, 400),
    (FORM, b"data=x&_key=a&_key=b", 400),
    (JSON, b"\xef\xbb\xbf{}", 400),
    (FORM, b'{"a":1}', 415),
    ({**TEXT, "Idempotency-Key": '"open'}, b"x", 400),
    (FORM, b"data=%00", 422),
    (TEXT, b"\0", 422),
    (JSON, b'"\xed\xa0\x80"', 422),
    (TEXT, b"x" * 1025, 413),
    (FORM, b"data=" + b"x" * 1025, 413),
    (FORM, b"a=" + b"x" * 1017, 413),
    (FORM, b"data=x&_pad=" + b"x" * 8192, 413),
    (FORM, b"a&" * 1025, 413),
    ({"Content-Type": "text/html"}, b"x", 415),
    ({"Content-Type": "text/plain; charset=latin1"}, b"x", 415),
    ({}, b"x", 415),
    ({**TEXT, "Content-Encoding": "gzip"}, b"x", 415)],
    ids=lambda v: repr(v)[:30] if isinstance(v, bytes) else "" if isinstance(v, dict)
    else str(v))
def test_errors_say_what_to_do(site, topic, headers, body, status):
    refused(site.post(f"/events/{topic}", body, headers), status)
    assert events(site, topic) == []


def test_limits_are_exact(site, topic):
    for headers, body in [(TEXT, b"x" * 1024), (FORM, b"data=" + b"x" * 1024),
                          (FORM, b"a=" + b"x" * 1016),
                          (FORM, b"data=" + b"%78" * 1024)]:
        assert site.post(f"/events/{topic}", body, headers).status == 201


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(site, topic, method):
    answer = refused(site.post(f"/events/{topic}", b"x", TEXT, method), 405)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("headers, body, text", [
    (FORM, b'{"a":1}', "Content-Type: application/json"),
    (JSON, b"\xef\xbb\xbf{}", "byte order mark"),
    ({**TEXT, "Origin": "null"}, b"x", "Referrer-Policy: no-referrer")])
def test_the_message_names_the_remedy(site, topic, headers, body, text):
    answer = site.post(f"/events/{topic}", body, headers)
    assert text in answer.json()["detail"]


# --- other origins

@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://{host}"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://{host}.evil.example"},
    {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example"},
    {"Origin": "http://app.example"},
    {"Referer": "https://evil.example/page"}],
    ids=lambda h: " ".join(h.values()))
def test_pages_of_other_origins_may_not_post(site, topic, headers):
    headers = {k: v.replace("{host}", f"127.0.0.1:{site.port}")
               for k, v in headers.items()}
    for method in ("POST", "OPTIONS"):
        answer = refused(site.post(f"/events/{topic}", b"x",
                                   {**TEXT, **headers}, method), 403)
        assert not [h for h in answer.headers if h.startswith("access-control")]
    assert events(site, topic) == []


@pytest.mark.parametrize("headers", [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://{host}"},
    {"Referer": "http://{host}/page"}],
    ids=lambda h: " ".join(h.values()) or "none")
def test_own_pages_and_scripts_may_post(site, topic, headers):
    headers = {k: v.replace("{host}", f"127.0.0.1:{site.port}")
               for k, v in headers.items()}
    answer = site.post(f"/events/{topic}", b"x", {**TEXT, **headers})
    assert answer.status == 201, answer
    assert not [h for h in answer.headers if h.startswith("access-control")]
    assert "Origin" in answer.headers["vary"]


def test_a_listed_origin_may_post_and_read_the_answer(site, topic):
    headers = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}

    def allowed(answer, status):
        assert answer.status == status, answer
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]
        return answer

    preflight = allowed(site.post(f"/events/{topic}", b"", {
        **headers, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, idempotency-key"},
        "OPTIONS"), 204)
    assert "POST" in preflight.headers["access-control-allow-methods"]
    names = preflight.headers["access-control-allow-headers"].lower()
    assert "content-type" in names and "idempotency-key" in names
    assert preflight.body == b""
    for asked in ("hx-request, x-requested-with", "X-Requested-With", "turbo-frame,sentry-trace"):
        preflight = allowed(site.post(f"/events/{topic}", b"", {
            **headers, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked}, "OPTIONS"), 204)
        assert preflight.headers["access-control-allow-headers"] == asked
    allowed(site.post(f"/events/{topic}", b"x", {**TEXT, **headers}), 201)
    allowed(site.post(f"/events/{topic}", b"\xff", {**TEXT, **headers}), 422)
    allowed(site.post(f"/events/{topic}", b"x", {**TEXT, **headers}, "PUT"), 405)


# --- keys

def test_a_key_makes_one_event(site, topic):
    ways = [({**TEXT, "Idempotency-Key": f'"{topic}"'}, b"x", ""),
            ({**TEXT, "Idempotency-Key": topic}, b"x", ""),
            (TEXT, b"x", f"?key={topic}"),
            (FORM, form(data="x", _key=topic), "")]
    answers = [site.post(f"/events/{topic}{query}", body, headers)
               for headers, body, query in ways]
    assert [a.status for a in answers] == [201, 200, 200, 200]
    number = answers[0].json()["id"]
    for answer in answers[1:]:
        assert answer.json() == {"id": number, "topic": topic, "duplicate": True}
    assert events(site, topic) == [(int(number), None, "x")]


def test_a_key_for_another_event_is_422(site, topic):
    key = {**TEXT, "Idempotency-Key": topic}
    assert site.post(f"/events/{topic}", b"x", key).status == 201
    refused(site.post(f"/events/{topic}", b"y", key), 422)
    refused(site.post(f"/events/{topic}?kind=k", b"x", key), 422)
    assert len(events(site, topic)) == 1
    # Another topic's key is another key.
    assert site.post(f"/events/{topic}/other", b"x", key).status == 201


def test_the_same_key_at_once_makes_one_event(site, topic):
    key = {**TEXT, "Idempotency-Key": topic}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(
            lambda _: site.post(f"/events/{topic}", b"x", key), range(64)))
    assert sorted({a.status for a in answers}) == [200, 201]
    assert [a.status for a in answers].count(201) == 1
    assert len({a.json()["id"] for a in answers}) == 1
    assert len(events(site, topic)) == 1
