"""The real things, and all that may happen to them.

Gateways a, b, c ... follow one database, each through a wire of its own
(proxy.py). In front stand lighttpd and Apache with the shipped files: of two
gateways each has one of them, a third has both. Two pgfeed-post share the
POSTs.
"""
import multiprocessing
import os
import random
import re
import shutil
import signal
import time

from lib import harness
import pages
import proxy
from lib.http import request
from verdict import NEVER

# Every gateway remembers another length of history: who comes back is served
# from the ring here and from the table there.
RINGS = ("32MB", "1MB", "2MB")
CATCH_UP_S = 1
# They end when they are killed (9) or asked to (0), and say nothing of these.
UNEXPECTED = re.compile(r"ended with (?!signal 9,|status 0,)|Sanitizer|"
                        r"runtime error|[Aa]ssert|out of memory|starting over")


class Gateway(harness.Site):
    """One pgfeed-stream and one pgfeed-post."""

    def __init__(self, cluster, name, wire, options):
        self.cluster, self.name, self.processes = cluster, name, {}
        self.database = "oracle"
        self.dir = f"{cluster.service_dir}/{name}"
        harness.run(["mkdir", self.dir])
        self.configure(
            stream_database=f"host={wire} dbname=oracle user=stream",
            **options)
        self.start("post")
        self.start("stream")


class Front(harness.Site):
    """A web server in front of a gateway."""

    def __init__(self, cluster, server, gateway):
        self.cluster, self.server, self.processes = cluster, server, {}
        self.gateway, self.port = gateway, harness.free_port()
        self.server_config = self.server_end = ""
        self.dir = f"{gateway.dir}-{server}"
        harness.run(["mkdir", self.dir])
        for name in ("stream.sock", "post.sock"):
            harness.run(["ln", "-s", f"{gateway.dir}/{name}", self.dir])

    def reload(self):
        """Gracefully: both servers take SIGUSR1 for that."""
        os.kill(self.processes[self.server].pid, signal.SIGUSR1)


class World:
    def __init__(self, gateways, logs, hasty=False):
        self.cluster = harness.Cluster()
        if hasty:
            shutil.copy(f"{harness.BUILD}/tests/faults/hasty-stream",
                        f"{self.cluster.share}/pgfeed-stream")
        self.gateways, self.fronts = [], []
        self.down = {}          # by gateway: (begin, end) of when it was down
        self.down_since = {}    # gateway: (begin, when the fault ends)
        self.proxy = self.pipe = None
        try:
            self.start_database()
            self.start_proxy(gateways)
            self.start_gateways(gateways)
        except BaseException:
            self.keep_logs(logs)
            self.close()
            raise

    def start_database(self):
        with open(self.cluster.data + "/postgresql.conf", "a",
                  encoding="ascii") as file:
            file.write("max_prepared_transactions = 20\n"
                       "max_connections = 100\n")
        self.cluster.restart()
        self.cluster.sql("CREATE DATABASE oracle TEMPLATE template", "postgres")
        self.sql("CREATE TABLE other (n integer);" + pages.SET_UP)

    def wire_dir(self, name):
        return f"{self.cluster.service_dir}/wire-{name}"

    def start_proxy(self, gateways):
        names = "abcdefgh"[:gateways]
        for name in names:
            os.mkdir(self.wire_dir(name))
        context = multiprocessing.get_context("fork")
        self.pipe, far = context.Pipe()
        self.proxy = context.Process(
            target=proxy.main, daemon=True,
            args=(far, self.cluster.service_dir + "/.s.PGSQL.5432",
                  {n: self.wire_dir(n) + "/.s.PGSQL.5432" for n in names}))
        self.proxy.start()
        far.close()
        assert self.pipe.recv() == "ready"

    def start_gateways(self, gateways):
        for i, name in enumerate("abcdefgh"[:gateways]):
            gateway = Gateway(self.cluster, name, self.wire_dir(name), {
                "heartbeat": "1s", "retry_min": "100ms", "retry_max": "300ms",
                "max_age": "20s", "lag_limit": "4s",
                "ring_size": RINGS[i % len(RINGS)]})
            self.gateways.append(gateway)
            servers = (("lighttpd",), ("apache",), ("lighttpd", "apache"))
            for server in servers[i % 3]:
                front = Front(self.cluster, server, gateway)
                self.fronts.append(front)
                front.start_server()
                front.wait_ready()

    def sql(self, statement, args=None):
        return self.cluster.sql(statement, "oracle", args)

    def status(self, gateway):
        """The gateway's own words, or None."""
        front = next(f for f in self.fronts if f.gateway is gateway)
        try:
            return request(front.port, "GET", "/events/-/status",
                           timeout=2).json()
        except (OSError, ValueError, ArithmeticError):
            return None
        except Exception as error:  # http.client's, for a cut answer
            if type(error).__module__ != "http.client":
                raise
            return None

    def mend_wires(self):
        for gateway in self.gateways:
            self.pipe.send(("cut", gateway.name, 0))

    def wait_until_live(self):
        harness.eventually(
            lambda: all((s := self.status(g)) and s.get("live")
                        for g in self.gateways), 60, "all gateways live again")

    def note_down(self, gateways, begun, seconds=0):
        """A fault has hit them, which goes on for so many seconds."""
        for gateway in gateways:
            since, end = self.down_since.get(gateway.name, (begun, 0))
            self.down_since[gateway.name] = (since, max(
                end, time.monotonic() + seconds))

    def note_status(self, gateway, live):
        """Live again after a fault, a gateway still has to catch up."""
        now = time.monotonic()
        begun, end = self.down_since.get(gateway.name, (now, NEVER))
        if live and now > end:
            del self.down_since[gateway.name]
            self.down.setdefault(gateway.name, []).append(
                (begun, now + CATCH_UP_S))

    def down_windows(self):
        windows = {name: list(part) for name, part in self.down.items()}
        for name, (begun, _) in self.down_since.items():
            windows.setdefault(name, []).append((begun, NEVER))
        return windows

    def unexpected(self):
        """Lines of the gateways' logs that nothing done to them explains."""
        found = []
        for gateway in self.gateways:
            for name in ("stream", "post"):
                found += [f"{gateway.name}-{name}: {line}"
                          for line in gateway.log(name).splitlines()
                          if UNEXPECTED.search(line)]
        return found

    def keep_logs(self, folder):
        os.makedirs(folder, exist_ok=True)
        for part in [*self.gateways, *self.fronts]:
            for name in os.listdir(part.dir):
                if name.endswith(".log"):
                    shutil.copy(f"{part.dir}/{name}",
                                f"{folder}/{os.path.basename(part.dir)}-{name}")
        shutil.copy(self.cluster.service_dir + "/postgresql.log", folder)

    def close(self):
        problems = []
        for part in [*self.fronts, *self.gateways]:
            try:
                part.close()
            except AssertionError as error:
                problems.append(str(error))
        if self.pipe:
            self.pipe.close()
            self.proxy.join(5)
        self.cluster.close()
        return problems


class Faults:
    """Draws them all, in ever new order."""

    KINDS = ("kill", "kill", "terminate_gateway", "restart_fast",
             "restart_immediate", "terminate_backends", "stall", "reload",
             "cut", "delay", "hold", "freeze", "kill_post")
    OF_ALL = ("restart_fast", "restart_immediate", "terminate_backends")
    OF_NONE = ("stall", "reload", "kill_post")  # no gateway is late for these

    def __init__(self, world, seed, stall):
        self.world, self.stall_clients = world, stall
        self.rng = random.Random(f"{seed}/faults")
        self.deck, self.count = [], {}

    def next(self):
        """Does one; returns what it was, for the log."""
        if not self.deck:
            self.deck = list(self.KINDS)
            self.rng.shuffle(self.deck)
        kind = self.deck.pop()
        self.count[kind] = self.count.get(kind, 0) + 1
        gateway = self.rng.choice(self.world.gateways)
        if kind not in self.OF_NONE:
            self.world.note_down(self.world.gateways if kind in self.OF_ALL
                                 else [gateway], time.monotonic())
        return f"{kind} {getattr(self, kind)(gateway) or gateway.name}"

    def kill(self, gateway):
        gateway.kill("stream")

    def kill_post(self, gateway):
        gateway.kill("post")

    def terminate_gateway(self, gateway):
        gateway.kill("stream", signal.SIGTERM)

    def freeze(self, gateway):
        pid = gateway.gateway_pid()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 3))
        os.kill(pid, signal.SIGCONT)

    def restart_fast(self, _):
        self.world.cluster.restart("fast")
        return "postgresql"

    def restart_immediate(self, _):
        self.world.cluster.restart("immediate")
        return "postgresql"

    def terminate_backends(self, _):
        return str(len(self.world.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'oracle' AND pid <> pg_backend_pid()"
            " AND random() < %s", (self.rng.choice((0.2, 0.6, 1)),))))

    def stall(self, _):
        self.stall_clients(self.rng.uniform(0.05, 0.4),
                           self.rng.uniform(1, 8), self.rng.random())
        return "clients"

    def reload(self, _):
        front = self.rng.choice(self.world.fronts)
        front.reload()
        return f"{front.server} of {front.gateway.name}"

    def wire(self, kind, gateway, seconds, *args):
        self.world.pipe.send((kind, gateway.name, seconds, *args))
        self.world.note_down([gateway], time.monotonic(), seconds)

    def cut(self, gateway):
        self.wire("cut", gateway, self.rng.uniform(0, 2))

    def delay(self, gateway):
        self.wire("delay", gateway, self.rng.uniform(1, 5),
                  self.rng.uniform(0.005, 0.3))

    def hold(self, gateway):
        self.wire("hold", gateway, self.rng.choice((0.5, 2, 5, 18)))
