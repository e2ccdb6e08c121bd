"""What may break, breaks; streams come back and nothing is lost.

The subscriber here does what EventSource does: it comes back with the last id
it saw. It isn't told what happens meanwhile.
"""
import contextlib
import threading

import pytest

from lib.harness import eventually
from lib.http import follow

OPTIONS = {"heartbeat": "1s", "retry_min": "100ms", "retry_max": "200ms"}
COUNT = 200


class Follower(threading.Thread):
    """A browser: follows a topic until it has seen so many messages."""

    def __init__(self, site, topic, count):
        super().__init__(daemon=True)
        self.site, self.topic, self.count = site, topic, count
        self.live = threading.Event()
        self.messages, self.streams, self.error = [], 0, None

    def open(self, last_id):
        stream = self.site.stream(f"/events/{self.topic}", last_event_id=last_id)
        if not self.live.is_set():
            opened = stream.next_of("pgfeed.open")
            stream.events.insert(0, opened)
            self.live.set()
        return stream

    def run(self):
        try:
            self.messages, self.streams = follow(self.open, self.count)
        except BaseException as error:
            self.error = error
            self.live.set()

    def result(self):
        self.join(90)
        assert not self.is_alive(), "still waiting for events"
        if self.error:
            raise self.error
        return [int(e.data) for e in self.messages]


def committed(site, topic):
    return [int(data) for data, in site.sql(
        "SELECT data FROM pgfeed.event WHERE topic = %s ORDER BY id", (topic,))]


def publish_through(site, topic, fault, at):
    """Writes COUNT events with SQL, each until it is known to be committed,
    while fault() happens after event number at."""
    connection = None
    for n in range(COUNT):
        if n == at:
            fault()

        def insert():
            nonlocal connection
            with contextlib.suppress(Exception):
                connection = connection or site.connect()
                with connection.cursor() as cursor:
                    cursor.execute(
                        "INSERT INTO pgfeed.event(topic, data) SELECT %s, %s"
                        " WHERE NOT EXISTS (SELECT FROM pgfeed.event"
                        " WHERE topic = %s AND data = %s)",
                        (topic, str(n), topic, str(n)))
                return True
            connection = None
            return False
        eventually(insert, 20, "the database is back")
    connection.close()


def kill_stream(site):
    site.kill("stream")


def kill_stream_twice(site):
    site.kill("stream")
    site.kill("stream")


def restart_fast(site):
    site.cluster.restart("fast")


def restart_immediate(site):
    site.cluster.restart("immediate")


def terminate_backends(site):
    assert site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = %s AND pid <> pg_backend_pid()"
                    " AND usename = 'stream'", (site.database,))


@pytest.mark.parametrize("fault", [
    kill_stream, kill_stream_twice, restart_fast, restart_immediate,
    terminate_backends], ids=lambda f: f.__name__)
def test_every_committed_event_arrives_once_and_in_order(site, topic, fault):
    follower = Follower(site, topic, COUNT)
    follower.start()
    assert follower.live.wait(10)
    publish_through(site, topic, lambda: fault(site), COUNT // 2)
    assert follower.result() == committed(site, topic) == list(range(COUNT))


def test_a_lost_database_keeps_the_streams(site, topic):
    """A restart of PostgreSQL closes no stream: browsers notice nothing."""
    with site.stream(f"/events/{topic}").live() as stream:
        site.cluster.restart("fast")
        eventually(lambda: site.post(f"/events/{topic}", b"after",
                                     {"Content-Type": "text/plain"}).status == 201,
                   20, "publishing works again")
        assert stream.message(20).data == "after"


def test_posts_fail_loudly_while_the_database_is_away(site, topic):
    """Never 201 for what isn't committed; and all that was, arrives."""
    site.cluster.stop("fast")
    try:
        answer = site.post(f"/events/{topic}", b"lost", {"Content-Type": "text/plain"})
        assert answer.status == 503, answer
        assert int(answer.headers["retry-after"]) > 0
    finally:
        site.cluster.start()
    number = eventually(
        lambda: (a := site.post(f"/events/{topic}", b"kept",
                                {"Content-Type": "text/plain"})).status == 201
        and a.json()["id"], 20, "publishing works again")
    with site.stream(f"/events/{topic}?last_event_id=earliest") as stream:
        event = stream.message()
        assert (event.data, event.id) == ("kept", number)


def test_streams_open_while_the_database_is_away(site, topic):
    """pgfeed.open at once for who is known to be allowed to read, the head of
    the response for others; pgfeed.live for all when it is back."""
    site.stream(f"/events/{topic}").live().close()
    site.cluster.stop("fast")
    try:
        known = site.stream(f"/events/{topic}")
        known.next_of("pgfeed.open", 5)
        other = site.stream(f"/events/{topic}/other")
        assert other.status == 200 and other.events == []
    finally:
        site.cluster.start()
    for stream, name in ((known, topic), (other, topic + "/other")):
        with stream:
            stream.live(20)
            site.publish(name, "back")
            assert stream.message().data == "back"


def test_a_killed_gateway_refuses_nobody(site, topic):
    """Who comes between the end and the start waits in the socket's queue."""
    for _ in range(3):
        site.kill("stream")
        with site.stream(f"/events/{topic}") as stream:
            assert stream.status == 200
            stream.next_of("pgfeed.open")


def test_a_killed_post_gateway_comes_back(site, topic):
    site.kill("post")
    assert site.publish(topic, "after") > 0
