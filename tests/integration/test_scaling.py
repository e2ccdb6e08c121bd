"""Several gateways behind one web server, as docs/scaling.md has it."""
import os
import re
import shutil

import pytest

from lib.harness import SOURCE, Site


def documented(language, which=0):
    with open(os.path.join(SOURCE, "docs/scaling.md"), encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.S)[which]


def replaced(pattern, replacement, text):
    result, n = re.subn(pattern, lambda _: replacement, text, flags=re.S)
    assert n == 1, pattern
    return result


class TwoGateways(Site):
    """The web server of a site, with the gateways of two others."""

    def __init__(self, cluster, server, first, second):
        self.sockets = [first.dir + "/stream.sock", second.dir + "/stream.sock"]
        self.share = os.path.join(cluster.service_dir, f"two-{server}")
        super().__init__(cluster, server, database=first.database)

    def start_server(self):
        shipped = os.path.join(self.cluster.share, "conf", self.server)
        shutil.copytree(shipped, self.share)
        name = os.path.join(self.share, "pgfeed.conf")
        with open(name, encoding="utf-8") as file:
            text = file.read()
        if self.server == "lighttpd":
            text = replaced(r'    \$HTTP\["request-method"\] =~ .*?\) \)\n    }(?= else)',
                            documented("lighttpd").rstrip(), text)
            text = "".join(f'var.pgfeed_stream_{n} = "{path}"\n'
                           for n, path in enumerate(self.sockets, 1)) + text
        else:
            text = replaced(r'<Proxy "fcgi://pgfeed-stream[^\n]*\n</Proxy>\n',
                            documented("apache", 0), text)
            text = replaced(r'        SetHandler "proxy:unix:\$\{PGFEED_STREAM\}[^\n]*\n',
                            documented("apache", 1), text)
            modules = ("proxy_balancer", "lbmethod_bybusyness", "slotmem_shm")
            text = "".join(f"Define PGFEED_STREAM_{n} {path}\n"
                           for n, path in enumerate(self.sockets, 1)) + "".join(
                f'LoadModule {m}_module "${{PGFEED_MODULES}}/mod_{m}.so"\n'
                for m in modules) + text
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        share, self.cluster.share = self.cluster.share, self.share + ".share"
        try:
            os.makedirs(self.cluster.share + "/conf")
            os.symlink(self.share, f"{self.cluster.share}/conf/{self.server}")
            os.symlink(share + "/www", self.cluster.share + "/www")
            super().start_server()
        finally:
            self.cluster.share = share


@pytest.mark.parametrize("server", ["lighttpd", "apache"])
def test_two_gateways_share_the_streams_and_everybody_gets_everything(
        make_site, cluster, server, topic):
    first = make_site(server)
    second = make_site(server, database=first.database)
    both = TwoGateways(cluster, server, first, second)
    try:
        streams = [both.stream(f"/events?topic={topic}") for _ in range(20)]
        for stream in streams:
            stream.live()
        counts = [s.log("stream").count(f'opened for "{topic}"')
                  for s in (first, second)]
        assert sum(counts) == 20 and min(counts) >= 5, counts
        first.publish(topic, "one")
        second.publish(topic, "two")
        for stream in streams:
            assert sorted(e.data for e in stream.messages(2)) == ["one", "two"]
        # One dies: its streams come back, to either, and miss nothing.
        last = streams[0].parser.last_id
        for stream in streams:
            stream.close()
        first.kill("stream")
        second.publish(topic, "three")
        for _ in range(6):
            with both.stream(f"/events?topic={topic}", last_event_id=last) as stream:
                assert stream.message().data == "three"
    finally:
        both.close()
