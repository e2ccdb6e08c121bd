"""The subscriber's contract: what a stream says, and when.

Every test runs behind lighttpd and behind Apache.
"""
import json
import re
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from lib.harness import eventually
from lib.http import follow

OPTIONS = {"heartbeat": "1s", "poll_wait": "25s"}


def test_head_and_open_come_at_once(site, topic):
    with site.stream(f"/events?topic={topic}") as stream:
        opened = stream.next_of("pgfeed.open", timeout=1)
        assert stream.status == 200
        assert opened.at - stream.opened_at < 1.0
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in stream.headers
        assert 2000 <= stream.parser.retry <= 5000
        assert opened.own_id and opened.json()["cursor"] == opened.id
        assert "heartbeat" in opened.json()
        live = stream.next_of("pgfeed.live")
        assert live.at - stream.opened_at < 2.0


def test_a_form_reaches_the_stream_with_its_id(site, topic):
    with site.stream(f"/events?topic={topic}") as stream:
        answer = site.post(f"/events/{topic}", b"data=hello",
                           {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 201, answer
        assert answer.json()["topic"] == topic
        event = stream.message()
        assert (event.type, event.data, event.id) == (
            "message", "hello", answer.json()["id"])


def test_each_event_arrives_before_the_next(site, topic):
    """Nothing between the commit and the browser waits for more to send."""
    took = []
    with site.stream(f"/events/{topic}").live() as stream:
        for n in range(20):
            site.publish(topic, f"number {n}")
            committed = time.monotonic()
            event = stream.message(timeout=5)
            assert event.data == f"number {n}"
            took.append(event.at - committed)
    assert statistics.median(took) < 0.1, took


def test_kind_becomes_the_type(site, topic):
    with site.stream(f"/events/{topic}").live() as stream:
        site.publish(topic, "{}", kind="created")
        assert stream.message().type == "created"


def test_insert_with_sql_arrives(site, topic):
    with site.stream(f"/events?topic={topic}").live() as stream:
        (row,), = site.sql("INSERT INTO pgfeed.event(topic, kind, data)"
                           " VALUES (%s, 'k', 'from SQL') RETURNING id", (topic,))
        event = stream.message()
        assert (event.type, event.data, event.id) == ("k", "from SQL", str(row))


def test_publish_with_sql_arrives(site, topic):
    with site.stream(f"/events?topic={topic}").live() as stream:
        (row,), = site.sql("SELECT pgfeed.publish(%s, 'called')", (topic,))
        event = stream.message()
        assert (event.data, event.id) == ("called", str(row))


def test_a_transaction_arrives_whole_and_a_rollback_never(site, topic):
    with site.stream(f"/events?topic={topic}").live() as stream:
        connection = site.connect()
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT pgfeed.publish(%s, 'never')", (topic,))
            connection.rollback()
            for n in range(3):
                cursor.execute("SELECT pgfeed.publish(%s, %s)", (topic, str(n)))
            connection.commit()
        connection.close()
        assert [e.data for e in stream.messages(3)] == ["0", "1", "2"]


def test_notify_on_a_configured_channel_is_live_only(site):
    with site.stream("/events/demo_notify").live() as stream:
        before = stream.parser.last_id
        site.sql("NOTIFY demo_notify, 'ding'")
        event = stream.message()
        assert (event.data, event.own_id, event.id) == ("ding", False, before)
    with site.stream("/events/demo_notify?last_event_id=earliest").live() as stream:
        site.sql("NOTIFY demo_notify, 'dong'")
        assert stream.message().data == "dong"


def test_rows_of_an_attached_table_arrive(site, topic):
    table = f"t_{site.server}"
    site.sql(f"CREATE TABLE {table}(id int PRIMARY KEY, name text, secret text)")
    site.sql("SELECT pgfeed.attach(%s, topic => %s, columns => '{id,name}')",
             (table, topic))
    with site.stream(f"/events/{topic}").live() as stream:
        site.sql(f"INSERT INTO {table} VALUES (1, 'one', 'hidden')")
        site.sql(f"UPDATE {table} SET name = 'uno'")
        site.sql(f"DELETE FROM {table}")
        inserted, updated, deleted = stream.messages(3)
        assert [e.type for e in (inserted, updated, deleted)] == [
            "insert", "update", "delete"]
        assert inserted.json()["new"] == {"id": 1, "name": "one"}
        assert updated.json()["old"] == {"id": 1, "name": "one"}
        assert updated.json()["new"] == {"id": 1, "name": "uno"}
        assert deleted.json()["old"] == {"id": 1, "name": "uno"}
        assert table in inserted.json()["table"]
        site.sql("SELECT pgfeed.detach(%s)", (table,))
        site.sql(f"INSERT INTO {table} VALUES (2, 'two', '')")
        site.publish(topic, "after")
        assert stream.message().data == "after"


# --- topics


def test_without_a_topic_it_is_events(site):
    with site.stream("/events").live() as stream:
        site.publish("events", "default")
        assert stream.message().data == "default"


def test_topics_are_kept_apart_and_may_be_several(site, topic):
    with site.stream(f"/events?topic={topic}-a&topic={topic}-b").live() as stream:
        for name in "cabc":
            site.publish(f"{topic}-{name}", name)
        site.publish(f"{topic}-b", "last")
        assert [e.data for e in stream.messages(3)] == ["a", "b", "last"]


def test_a_prefix_takes_all_below_it(site, topic):
    with site.stream(f"/events?topic={topic}/*").live() as stream:
        site.publish(f"{topic}x", "beside")
        site.publish(f"{topic}/1", "one")
        site.publish(f"{topic}/2/deep", "two")
        assert [e.data for e in stream.messages(2)] == ["one", "two"]


# --- resume


@pytest.mark.parametrize("way", [
    "header", "last_event_id", "lastEventId", "lastEventID", "last_event_id=now&lastEventId",
    "lastEventId=0&last_event_id=earliest&lastEventId"])
def test_resume_goes_on_after_the_last_id(site, topic, way):
    for n in range(20):
        site.publish(topic, str(n))
    with site.stream(f"/events?topic={topic}&last_event_id=earliest") as stream:
        last_id = stream.messages(7)[-1].id
    if way == "header":
        again = site.stream(f"/events?topic={topic}", last_event_id=last_id)
    else:
        again = site.stream(f"/events?topic={topic}&{way}={last_id}")
    with again:
        assert [int(e.data) for e in again.messages(13)] == list(range(7, 20))
        site.publish(topic, "20")
        assert again.message().data == "20"


def test_the_header_wins_over_the_query(site, topic):
    ids = [site.publish(topic, str(n)) for n in range(3)]
    with site.stream(f"/events?topic={topic}&last_event_id=earliest",
                     last_event_id=ids[1]) as stream:
        assert stream.message().data == "2"


def test_the_header_wins_over_what_a_library_appends(site, topic):
    ids = [site.publish(topic, str(n)) for n in range(3)]
    with site.stream(f"/events?topic={topic}&lastEventId={ids[0]}",
                     last_event_id=ids[1]) as stream:
        assert stream.message().data == "2"


def test_an_empty_last_event_id_is_none(site, topic):
    site.publish(topic, "a")
    with site.stream(f"/events?topic={topic}&lastEventId=&lastEventID="
                     "&last_event_id=earliest") as stream:
        assert stream.message().data == "a"


def publish_and_see(site, topic, *data):
    """When this returns, the gateway has the events too. A 201 says that they
    are committed; "the last" and "now" are for the gateway to say."""
    with site.stream(f"/events?topic={topic}").live() as stream:
        for each in data:
            site.publish(topic, each)
        stream.messages(len(data))


def test_the_last_n_are_those_of_the_topic(site, topic):
    for n in range(6):
        site.publish(topic + "-noise", "noise")
        publish_and_see(site, topic, str(n))
    site.publish(topic + "-noise", "noise")
    with site.stream(f"/events?topic={topic}&last_event_id=-2") as stream:
        assert [e.data for e in stream.messages(2)] == ["4", "5"]


def test_now_replays_nothing(site, topic):
    publish_and_see(site, topic, "old")
    with site.stream(f"/events?topic={topic}&last_event_id=now").live() as stream:
        site.publish(topic, "new")
        assert stream.message().data == "new"


def test_the_cursor_of_open_is_a_place_to_resume(site, topic):
    with site.stream(f"/events?topic={topic}") as stream:
        opened = stream.next_of("pgfeed.open")
    site.publish(topic, "while away")
    with site.stream(f"/events?topic={topic}", last_event_id=opened.id) as stream:
        assert stream.message().data == "while away"


def test_nothing_is_lost_or_doubled_between_replay_and_live(site, topic):
    """Joins while events are being written, again and again."""
    connection = site.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgfeed.publish(%s, '0')", (topic,))
        done = 1
        for _ in range(10):
            with site.stream(f"/events?topic={topic}&last_event_id=earliest") as stream:
                for _ in range(15):
                    cursor.execute("SELECT pgfeed.publish(%s, %s)",
                                   (topic, str(done)))
                    done += 1
                assert [int(e.data) for e in stream.messages(done)] == list(range(done))
    connection.close()


# --- forms of the answer


def test_json_format_says_everything(site, topic):
    with site.stream(f"/events?topic={topic}&format=json").live() as stream:
        number = site.publish(topic, "a\r\nb\n", kind="k")
        event = stream.message()
        assert event.type == "message" and event.raw.count(b"\ndata:") <= 1
        said = event.json()
        at = said.pop("at")
        assert said == {"topic": topic, "id": str(number), "kind": "k",
                        "by": None, "data": "a\r\nb\n"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|\+00:00)", at)


def test_silence_is_filled_with_heartbeats(site, topic):
    with site.stream(f"/events?topic={topic}").live() as stream:
        stream.parser.comments.clear()
        eventually(lambda: stream.read_some() or len(stream.parser.comments) >= 2,
                   10, "two heartbeats")
        assert not stream.events


def test_heartbeats_can_be_events(site, topic):
    with site.stream(f"/events?topic={topic}&hb=event").live() as stream:
        assert stream.next(5).type == "pgfeed.hb"


def long_poll(site, topic, query):
    return site.post(f"/events?topic={topic}{query}", method="GET",
                     headers={"Accept": "application/json"})


def test_long_poll_waits_and_answers_empty(site, topic):
    begun = time.monotonic()
    answer = long_poll(site, topic, "&wait=1")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["events"] == [] and answer.json()["cursor"]
    assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.parametrize("accept", [
    "application/json, text/plain, */*", "application/json, text/javascript, */*; q=0.01"])
def test_libraries_that_ask_for_json_first_get_json(site, topic, accept):
    """axios, Angular and jQuery name JSON and then everything."""
    answer = site.post(f"/events?topic={topic}&wait=0", method="GET",
                       headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["events"] == []


def test_long_poll_that_does_not_wait_is_answered_at_once(site, topic):
    """Each used to wait for the next tick of the clock, 100 ms after the last."""
    def poll():
        begun = time.monotonic()
        assert long_poll(site, topic, "&wait=0").json()["events"] == []
        return time.monotonic() - begun

    poll()
    assert min(poll() for _ in range(20)) < 0.05


def test_long_poll_goes_on_from_its_cursor(site, topic):
    cursor = long_poll(site, topic, "&wait=0").json()["cursor"]
    number = site.publish(topic, "polled", kind="k")
    answer = long_poll(site, topic, f"&wait=10&last_event_id={cursor}").json()
    (event,) = answer["events"]
    assert (event["id"], event["data"], event["kind"], event["topic"]) == (
        str(number), "polled", "k", topic)
    later = long_poll(site, topic, f"&wait=0&last_event_id={answer['cursor']}")
    assert later.json()["events"] == []


def test_long_poll_ends_with_the_first_event(site, topic):
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        poll = pool.submit(long_poll, site, topic, "&wait=20")
        eventually(lambda: f'opened for "{topic}"' in site.log(),
                   what="the long-poll has arrived")
        site.publish(topic, "now")
        assert [e["data"] for e in poll.result(15).json()["events"]] == ["now"]
        assert time.monotonic() - begun < 10


# --- refusals


def problem(answer, status):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"].startswith("application/problem+json")
    said = answer.json()
    assert said["status"] == status and said["title"]
    assert answer.body.strip().count(b"\n") == 0
    return said


@pytest.mark.parametrize("query", [
    "topic=", "topic=-/a", "topic=a{b", "topic=a*", "topic=" + "x" * 1025])
def test_a_bad_topic_is_400(site, query):
    problem(site.post("/events?" + query, method="GET"), 400)


@pytest.mark.parametrize("where", ["/events/{}/", "/events?topics={}", "/events?topics[]={}"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_may_mean_another_topic_is_400_with_a_hint(site, topic, where, method):
    answer = site.post(where.format(topic), b"x" if method == "POST" else b"",
                       {"Content-Type": "text/plain"}, method)
    assert "?topic=" in problem(answer, 400)["detail"]


@pytest.mark.parametrize("query", ["topic[]={0}&topic[]={0}x", "topic%5B0%5D={0}&other=1"])
def test_lists_as_php_writes_them(site, topic, query):
    with site.stream("/events?" + query.format(topic)).live() as stream:
        answer = site.post(f"/events?topic[]={topic}", b"x", {"Content-Type": "text/plain"})
        assert answer.status == 201 and answer.json()["topic"] == topic
        assert stream.message().data == "x"


def test_an_escaped_slash_in_a_path_is_one_of_the_topic(site, topic):
    with site.stream(f"/events/{topic}%2Fx").live() as stream:
        answer = site.post(f"/events/{topic}%2fx", b"x", {"Content-Type": "text/plain"})
        assert answer.status == 201 and answer.json()["topic"] == topic + "/x"
        assert stream.message().data == "x"


IRIS = ["https://example.com/books/{}/", "//{}//x", "{}/", "urn:x:{}?a=b&c=d#e"]


@pytest.mark.parametrize("name", IRIS)
def test_an_iri_is_a_topic(site, topic, name):
    """Published in a form's field, read by name, by prefix and as one of all."""
    name = name.format(topic)
    patterns = [name, "*"]
    if "/" in name:
        patterns.append(name[:name.index("/")] + "/*")
    streams = [site.stream("/events?" + urlencode({"topic": pattern})).live()
               for pattern in patterns]
    answer = site.post("/events", urlencode({"_topic": name, "data": "x"}).encode(),
                       {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 201 and answer.json()["topic"] == name
    for stream in streams:
        assert stream.message().data == "x"
        stream.close()


@pytest.mark.parametrize("query", ["topic=a%00b", "topic=a%0Ab", "topic=%FF"])
def test_control_characters_in_a_topic_are_400(site, query):
    """lighttpd refuses these itself, with a page of its own."""
    assert site.post("/events?" + query, method="GET").status == 400


def test_another_method_is_405(site):
    answer = site.post("/events/x", method="DELETE")
    problem(answer, 405)
    allowed = {m.strip() for m in answer.headers["allow"].split(",")}
    assert {"GET", "POST"} <= allowed


def test_head_gives_the_head(site, topic):
    with site.stream(f"/events/{topic}", method="HEAD") as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-content-type-options"] == "nosniff"


# --- ends


def test_a_planned_end_says_bye_and_loses_nothing(site, topic):
    with site.stream(f"/events/{topic}").live() as stream:
        last_id = stream.parser.last_id
        site.kill("stream", signal.SIGTERM)
        events, clean = stream.until_end()
        assert clean and events[-1].type == "pgfeed.bye"
        assert events[-1].json()["reason"]
    site.publish(topic, "meanwhile")
    messages, _ = follow(lambda last: site.stream(
        f"/events/{topic}", last_event_id=last or last_id), 1)
    assert messages[0].data == "meanwhile"


def test_an_old_stream_is_ended_and_resumes(make_site, site, topic):
    if site.server != "lighttpd":
        pytest.skip("not a matter of the web server")
    small = make_site("lighttpd", max_age="1s", heartbeat="1s")
    with small.stream(f"/events/{topic}") as stream:
        events, clean = stream.until_end()
        assert clean and events[-1].type == "pgfeed.bye"


def test_a_full_gateway_says_come_back_later(make_site, site, topic):
    """An error would end an EventSource for good."""
    if site.server != "lighttpd":
        pytest.skip("not a matter of the web server")
    small = make_site("lighttpd", max_streams="1")
    with small.stream(f"/events/{topic}").live():
        with small.stream(f"/events/{topic}") as second:
            events, clean = second.until_end()
            assert second.status == 200 and clean
            assert 2000 <= second.parser.retry <= 5000
            assert [e.type for e in events] == ["pgfeed.bye"]


def test_status_is_for_this_machine(site):
    site.wait_ready()
    for page in ("live", "ready"):
        assert site.post(f"/events/-/{page}", method="GET").status == 200
    assert isinstance(json.loads(
        site.post("/events/-/status", method="GET").body), dict)
