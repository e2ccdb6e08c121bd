"""Who must not notice what others do to a site."""
import threading

from lib import harness
from lib.harness import descriptors, eventually, rss_bytes

GATEWAYS = ("stream", "post")
MAX_GROWTH = 16 * 1024 * 1024


class Publisher(threading.Thread):
    """Writes numbers, some dozens a second, until it is stopped."""

    def __init__(self, site, topic):
        super().__init__(daemon=True)
        self.site, self.topic, self.count = site, topic, 0
        self.stopped = threading.Event()

    def run(self):
        connection = self.site.connect()
        with connection.cursor() as cursor:
            while not self.stopped.wait(0.02):
                self.count += 1
                cursor.execute("SELECT pgfeed.publish(%s, %s)",
                               (self.topic, str(self.count)))
        connection.close()


class Bystander:
    """A stream that others publish to, and what the gateways held before."""

    def __init__(self, site, topic):
        self.site, self.topic = site, topic
        self.stream = site.stream(f"/events/{topic}")
        self.stream.live()
        site.publish(topic, "first")
        assert self.stream.message().data == "first"
        self.pids = [site.gateway_pid(name) for name in GATEWAYS]
        self.descriptors = [descriptors(pid) for pid in self.pids]
        self.rss = [rss_bytes(pid) for pid in self.pids]
        self.publisher = Publisher(site, topic)
        self.publisher.start()

    def noticed_nothing(self):
        """Every event once and in order; the same processes, no larger."""
        self.publisher.stopped.set()
        self.publisher.join()
        got = [event.data for event in
               self.stream.messages(self.publisher.count, 60)]
        assert got == [str(n + 1) for n in range(self.publisher.count)]
        self.site.publish(self.topic, "last")
        assert self.stream.message(30).data == "last"
        assert self.pids == [self.site.gateway_pid(name) for name in GATEWAYS]
        eventually(self.are_free, 60, "descriptors given back")
        self.stream.close()
        if not harness.sanitized():
            for pid, before in zip(self.pids, self.rss):
                assert rss_bytes(pid) - before < MAX_GROWTH

    def are_free(self):
        return all(descriptors(pid) <= before for pid, before in
                   zip(self.pids, self.descriptors))
