"""A standby takes over: exact continuation, or an honest gap."""
import os

import pytest

from lib.harness import Cluster, Site, eventually, run


class Pair:
    """A primary, and a standby made from it that listens elsewhere."""

    def __init__(self):
        self.primary = Cluster()
        self.dir = os.path.join(self.primary.service_dir, "standby")
        run(["mkdir", "-m", "700", self.dir])
        self.data = self.dir + "/pg"
        self.log = self.dir + "/log"
        run([self.primary.bin + "/pg_basebackup", "-h", self.primary.service_dir,
             "-U", "postgres", "-D", self.data, "-R", "-X", "stream", "-c", "fast"])
        with open(self.data + "/postgresql.auto.conf", "a", encoding="ascii") as file:
            file.write(f"unix_socket_directories = '{self.dir}'\n")
        self.ctl("-l", self.log, "-w", "start")
        # The role that the gateway logs in as has to find both directories.
        os.chmod(self.dir, 0o755)

    def ctl(self, *args):
        run([self.primary.bin + "/pg_ctl", "-D", self.data, *args])

    def conninfo(self, database, user):
        first = self.primary.conninfo(database, user)
        host = f"{self.primary.service_dir},{self.dir}"
        words = [w for w in first.split() if not w.startswith("host=")]
        return " ".join(words + [f"host={host}", "target_session_attrs=read-write"])

    def on_standby(self, sql):
        return run([self.primary.bin + "/psql", "-h", self.dir, "-U", "postgres",
                    "-d", "postgres", "-Atc", sql])

    def wait_until_caught_up(self):
        def caught_up():
            rows = self.primary.sql("SELECT pg_current_wal_lsn() = replay_lsn"
                                    " FROM pg_stat_replication", "postgres")
            return rows and rows[0][0]
        eventually(caught_up, 20, "the standby has everything")

    def promote(self):
        self.ctl("-w", "promote")

    def close(self):
        try:
            self.ctl("-m", "immediate", "stop")
        finally:
            self.primary.close()


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.close()


@pytest.fixture
def failover_site(pair):
    site = Site(pair.primary, "lighttpd")
    for name in ("stream", "post"):
        site.stop(name)
    site.configure(
        stream_database=pair.conninfo(site.database, "stream"),
        post_database=pair.conninfo(site.database, "post"))
    site.start("post")
    site.start("stream")
    site.wait_ready()
    yield site
    site.close()


def publish_until_it_works(site, topic, text):
    """While the new primary is being found, a POST may get a 503."""
    def published():
        answer = site.post(f"/events/{topic}?key={text}", text.encode(),
                           {"Content-Type": "text/plain"})
        return answer.status in (200, 201) and int(answer.json()["id"])
    return eventually(published, 30, "a POST after the failover")


def test_a_standby_that_has_everything_goes_on_exactly(pair, failover_site, topic):
    site = failover_site
    with site.stream(f"/events?topic={topic}") as stream:
        stream.live()
        ids = [site.publish(topic, str(n)) for n in range(40)]
        assert [e.data for e in stream.messages(40)] == [str(n) for n in range(40)]
        pair.wait_until_caught_up()
        pair.primary.stop("fast")
        pair.promote()
        after = [publish_until_it_works(site, topic, f"after-{n}") for n in range(5)]
        assert min(after) > max(ids)
        events = [stream.next(20) for _ in range(5)]
        assert [e.data for e in events] == [f"after-{n}" for n in range(5)], events
    # Who comes back with an id from before goes on as if nothing had been.
    with site.stream(f"/events?topic={topic}", last_event_id=ids[30]) as stream:
        stream.next_of("pgfeed.open")
        want = [str(n) for n in range(31, 40)] + [f"after-{n}" for n in range(5)]
        assert [stream.next_of("message").data for _ in want] == want
        last = stream.parser.last_id
    assert last.startswith("2~"), last
    with site.stream(f"/events?topic={topic}", last_event_id=last) as stream:
        stream.next_of("pgfeed.open")
        stream.next_of("pgfeed.live")


def test_a_standby_that_lost_events_is_a_gap_and_no_id_passes_as_new(
        pair, failover_site, topic):
    site = failover_site
    with site.stream(f"/events?topic={topic}") as stream:
        stream.live()
        kept = [site.publish(topic, f"kept-{n}") for n in range(3)]
        pair.wait_until_caught_up()
        pair.on_standby("ALTER SYSTEM SET primary_conninfo = ''")
        pair.on_standby("SELECT pg_reload_conf()")
        eventually(lambda: not pair.primary.sql(
            "SELECT FROM pg_stat_replication", "postgres"), 20,
            "the standby is cut off")
        lost = [site.publish(topic, f"lost-{n}") for n in range(80)]
        stream.messages(83)
        pair.primary.stop("immediate")
        pair.promote()
        gap = stream.next(20)
        assert gap.type == "pgfeed.gap" and gap.json()["reason"] == "timeline"
        new = publish_until_it_works(site, topic, "new")
        assert new <= max(lost), "this test wants an id that is used again"
        assert stream.message(20).data == "new"
    # An id that means another event now is not taken for that event.
    with site.stream(f"/events?topic={topic}", last_event_id=max(lost)) as stream:
        stream.next_of("pgfeed.open")
        assert stream.next_of("pgfeed.gap").json()["reason"] == "timeline"
    # One from before the loss still says what is missing.
    with site.stream(f"/events?topic={topic}", last_event_id=kept[0]) as stream:
        stream.next_of("pgfeed.open")
        got = [stream.next_of("message").data for _ in range(3)]
        assert got == ["kept-1", "kept-2", "new"]
