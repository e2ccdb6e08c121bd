"""The demo as ./run makes it: a table, two gateways, a log of who is there."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.harness import eventually, run

OPTIONS = {"heartbeat": "2s"}


@pytest.fixture(scope="module")
def demo(site):
    """The site with the demo's table."""
    for _ in range(2):      # it may be run again
        run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
             site.cluster.conninfo(site.database), "-f",
             site.cluster.share + "/conf/demo.sql"])
    return site


def test_what_happens_to_the_table_shows_on_the_page(demo):
    with demo.stream("/events").live() as stream:
        (number,), = demo.sql("INSERT INTO events(event) VALUES ('hello') RETURNING id")
        demo.sql("UPDATE events SET event = 'hello again' WHERE id = %s", (number,))
        demo.sql("DELETE FROM events WHERE id = %s", (number,))
        first, second, third = stream.messages(3)
    old, new = ({"id": number, "event": e} for e in ("hello", "hello again"))
    assert (first.type, first.json()["new"]) == ("insert", old)
    assert (second.type, second.json()["old"], second.json()["new"]) == (
        "update", old, new)
    assert (third.type, third.json()["old"]) == ("delete", new)
    assert all(e.json()["table"].split(".")[-1] == "events"
               for e in (first, second, third))


def test_two_gateways_on_one_database_both_show_it(demo, make_site):
    other = make_site("apache" if demo.server == "lighttpd" else "lighttpd",
                      database=demo.database)
    with demo.stream("/events").live() as here, other.stream("/events").live() as there:
        demo.sql("INSERT INTO events(event) VALUES ('both')")
        other.publish("events", "posted there")
        seen = [[(e.type, e.id, e.data) for e in s.messages(2)] for s in (here, there)]
    assert seen[0] == seen[1]
    assert seen[0][1][2] == "posted there"


def test_a_client_goes_on_at_the_other_gateway(demo, make_site, topic):
    other = make_site(demo.server, database=demo.database)
    with demo.stream(f"/events/{topic}").live() as stream:
        ids = [demo.publish(topic, str(n)) for n in range(10)]
        messages = stream.messages(5)
    assert [int(e.id) for e in messages] == ids[:5]
    with other.stream(f"/events/{topic}", last_event_id=messages[-1].id) as stream:
        assert [int(e.data) for e in stream.messages(5)] == list(range(5, 10))


def test_connects_and_disconnects_are_logged(demo, topic):
    begun = len(demo.log())
    with demo.stream(f"/events/{topic}").live():
        said = eventually(lambda: [line for line in demo.log()[begun:].splitlines()
                                   if topic in line], what="a line about the stream")
    stream = re.search(r"stream \d+", said[0]).group()
    # Behind Apache this is seen at a heartbeat.
    eventually(lambda: re.search(stream + r"\b.*(closed|gone|ended|left)",
                                 demo.log()[begun:]), 40, "a line about its end")


def test_published_by_many_at_once_arrives_once(demo, topic):
    with demo.stream(f"/events/{topic}").live() as stream:
        with ThreadPoolExecutor(16) as pool:
            ids = list(pool.map(lambda n: demo.publish(topic, str(n)), range(200)))
        messages = stream.messages(200)
    assert sorted(int(e.id) for e in messages) == sorted(ids)
    assert sorted(int(e.data) for e in messages) == list(range(200))


@pytest.mark.parametrize("uri", ["/", "/pgfeed.js", "/status.html", "/examples/chat.html",
                                 "/icon.svg", "/not-there", "/events-not"])
def test_pages_come_with_strict_headers(site, uri):
    answer = site.post(uri, method="GET")
    assert answer.status == (404 if "not" in uri else 200)
    policy = {name: value for name, _, value in
              (part.strip().partition(" ") for part in
               answer.headers["content-security-policy"].split(";"))}
    assert policy["default-src"] == policy["form-action"] == "'self'"
    for name in ("base-uri", "frame-ancestors", "object-src"):
        assert policy[name] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("method, uri, status", [
    ("GET", "/events/-/status", 200), ("GET", "/events/-/metrics", 200),
    ("GET", "/events/-/live", 200), ("GET", "/events?topic=a*b", 400),
    ("GET", "/events/demo?wait=0", 200),
    ("HEAD", "/events/demo", 200), ("POST", "/events/demo", 201),
    ("POST", "/events/a*b", 400), ("PUT", "/events/demo", 405)])
def test_no_answer_is_to_be_sniffed(site, method, uri, status):
    """A page that is fooled into taking one for a script is not."""
    answer = site.post(uri, None if method in ("GET", "HEAD") else b"1",
                       {"Content-Type": "application/json", "Accept": "application/json"},
                       method=method)
    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]
    assert "access-control-allow-origin" not in answer.headers
