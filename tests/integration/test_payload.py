"""Each payload arrives exactly as it was sent, or is refused with a reason."""
import json
import urllib.parse

import pytest

LIMIT = 64 * 1024
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

PAYLOADS = {
    "empty": "",
    "blank": " ",
    "leading-blank": "  two blanks",
    "newline": "\n",
    "newlines": "a\nb\n\nc\n",
    "carriage-returns": "a\rb\r\rc\r",
    "crlf": "a\r\nb\r\n\r\n",
    "mixed-breaks": "\r\n\n\r\r\n",
    "nul-escape": "\\u0000 \\0 \\x00",
    "four-byte": "\U0001F600\U0010FFFF\U00010000",
    "separators": "\u2028\u2029\u0085\ufeff\ufffe",
    "bom": "\ufeffstart",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f",
    "quotes": "'\"`\\'\\\"$$ $1 %s {} <b>&amp;</b>",
    "sql": "'); DROP TABLE pgfeed.event; --",
    "sse": "data: x\nid: 7\nevent: pgfeed.bye\n\n: c",
    "json": '{"a":[1,2,{"b":null}]}',
    "limit": "x" * LIMIT,
    "limit-of-newlines": "\n" * LIMIT,
    "limit-of-four-byte": "\U0001F600" * (LIMIT // 4),
    "limit-of-controls": "\x01" * LIMIT,
    "record-edges": "".join(chr(97 + n % 26) for n in range(8184 * 3 + 1)),
}


def multipart(data):
    edge = "edge7c3f"
    body = (f'--{edge}\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
            ).encode() + data + f"\r\n--{edge}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}"}


def ways(data):
    yield "text", data, TEXT
    yield "form", b"data=" + urllib.parse.quote_from_bytes(data).encode(), FORM
    yield ("multipart", *multipart(data))


def sse_lines(text):
    """What format=raw makes of a text: every line break is LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("name", PAYLOADS)
def test_arrives_exactly_as_sent(site, topic, name):
    text = PAYLOADS[name]
    with site.stream(f"/events/{topic}?format=json").live() as stream, \
            site.stream(f"/events/{topic}").live() as raw:
        for way, body, headers in ways(text.encode()):
            answer = site.post(f"/events/{topic}", body, headers)
            assert answer.status == 201, (way, answer)
            event = stream.message().json()
            assert event["data"] == text, way
            assert event["id"] == answer.json()["id"]
            assert raw.message().data == sse_lines(text), way


def test_sql_payloads_arrive_exactly(site, topic):
    with site.stream(f"/events/{topic}?format=json").live() as stream:
        for text in PAYLOADS.values():
            site.sql("SELECT pgfeed.publish(%s, %s)", (topic, text))
            assert stream.message().json()["data"] == text


def test_json_bodies_are_payloads_as_they_stand(site, topic):
    body = ' {"a" : 1.10, "b": "\\u00e9\\u0000", "a": 2}\n'
    with site.stream(f"/events/{topic}?format=json").live() as stream:
        answer = site.post(f"/events/{topic}", body.encode(),
                           {"Content-Type": "application/json"})
        assert answer.status == 201, answer
        assert stream.message().json()["data"] == body


def test_other_form_fields_become_one_object(site, topic):
    with site.stream(f"/events/{topic}").live() as stream:
        site.post(f"/events/{topic}", b"name=Ada&note=a%0Ab&_kind=k", FORM)
        event = stream.message()
        assert event.type == "k"
        assert json.loads(event.data) == {"name": "Ada", "note": "a\nb"}


def refused(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == status


@pytest.mark.parametrize("way", [0, 1, 2], ids=["text", "form", "multipart"])
def test_one_byte_more_than_the_limit_is_413(site, topic, way):
    _, body, headers = list(ways(b"x" * (LIMIT + 1)))[way]
    refused(site.post(f"/events/{topic}", body, headers), 413)
    assert site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s",
                    (topic,)) == [(0,)]


def test_far_more_than_the_limit_is_413(site, topic):
    assert site.post(f"/events/{topic}", b"x" * (3 * 1024 * 1024), TEXT).status == 413
    assert site.publish(topic, "still here") > 0


@pytest.mark.parametrize("bad", [
    b"\xff", b"a\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf0\x9f\x98", b"a\x00b"], ids=lambda b: b.hex())
def test_what_is_not_utf8_text_is_422(site, topic, bad):
    """PostgreSQL's text has no NUL, so a NUL is refused the same way."""
    for _, body, headers in ways(bad):
        refused(site.post(f"/events/{topic}", body, headers), 422)
    assert site.publish(topic, "still here") > 0


def test_other_types_are_415(site, topic):
    refused(site.post(f"/events/{topic}", b"x",
                      {"Content-Type": "application/octet-stream"}), 415)


def test_none_of_it_ended_a_process(site):
    for name in ("stream", "post"):
        assert "starts again" not in site.log(name)
