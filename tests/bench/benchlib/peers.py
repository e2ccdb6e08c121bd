"""The field: pgfeed in its three settings, and what people use instead.

Each peer is started alone, on a port of its own, takes its events from the same
PostgreSQL, and is asked for the same streams. Where a peer has no way from
PostgreSQL of its own, it is fed directly, which is in its favour.
"""
import contextlib
import json
import os
import shutil
import socket
import subprocess

from . import servers
from .env import (PORTS, PEERS, Process, Skipped, children, copy_for_service,
                  eventually, install, harness, raise_limits, run)

INSERT_FEED = "INSERT INTO pgfeed.event (topic, data) VALUES ($1, $2)"
INSERT_NOTIFY = "INSERT INTO bench.event (topic, data) VALUES ($1, $2)"


class Peer:
    name = title = ""
    max_streams = 1000000
    live_event = None
    publishes = "INSERT"    # how an event gets in, for the report

    def __init__(self, bench):
        self.bench, self.cluster = bench, bench.cluster
        self.dir = os.path.join(self.cluster.service_dir, self.name)
        self.processes, self.baseline = [], {}
        self.port = next(PORTS)
        run(["mkdir", "-p", self.dir])

    def start(self):
        raise NotImplementedError

    def watched(self):
        """Processes by name whose trees are measured."""
        return {}

    def load_args(self, topic):
        return ["--connect", f"127.0.0.1:{self.port}", "--path",
                self.path(topic)]

    def path(self, topic):
        return f"/events?topic={topic}"

    def publish_args(self, topic):
        return ["--conninfo", self.cluster.conninfo("bench"), "--topic", topic,
                "--sql", INSERT_NOTIFY]

    def spawn(self, command, **kwargs):
        # Changing the user may have put the soft limit back.
        most = raise_limits()
        process = Process(["prlimit", f"--nofile={most}:{most}"] + command,
                          self.dir + "/log", **kwargs)
        self.processes.append(process)
        return process

    def wait_port(self):
        def answers():
            with socket.socket() as sock:
                return sock.connect_ex(("127.0.0.1", self.port)) == 0
        eventually(answers, 20, self.name + " accepting connections")

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def stop(self):
        for process in reversed(self.processes):
            try:
                process.stop(10)
            except AssertionError:
                pass    # it was killed; old streams need not end in peace
        self.processes.clear()

    def log(self):
        with open(self.dir + "/log", encoding="utf-8",
                  errors="replace") as file:
            return file.read()[-3000:]


class Pgfeed(Peer):
    """The gateways; without a web server the load speaks FastCGI to them."""
    name, title = "pgfeed", "pgfeed alone"
    live_event = "pgfeed.live"
    gateways = 1

    def start(self):
        self.streams, self.sockets = [], []
        for i in range(self.gateways):
            self.sockets.append(f"{self.dir}/stream{i}.sock")
            self.start_gateway(i)
        self.post_socket = self.dir + "/post.sock"
        self.post = self.spawn([self.cluster.share + "/pgfeed-post", "-c",
                                self.configure(0)])
        eventually(lambda: os.path.exists(self.post_socket),
                   what="pgfeed-post's socket")
        self.start_server()

    def configure(self, i):
        values = {
            "stream_database": self.cluster.conninfo("bench", "stream"),
            "post_database": self.cluster.conninfo("bench", "post"),
            "stream_socket": self.sockets[i],
            "post_socket": self.dir + "/post.sock",
            "peer_users": "root " + (harness.SERVICE_USER or
                                     subprocess.getoutput("id -un")),
            "max_streams": 100000, "log_level": "warning",
        }
        return self.write(f"pgfeed{i}.conf", "".join(
            f"{k} = {v}\n" for k, v in values.items()))

    def start_gateway(self, i):
        """Under the shipped supervisor, which keeps the socket: a restart of
        the gateway refuses nobody."""
        self.streams.append(self.spawn(
            ["/usr/bin/python3", self.cluster.share + "/conf/supervise.py",
             "-m", "0600", self.sockets[i],
             self.cluster.share + "/pgfeed-stream", "-c", self.configure(i)]))
        eventually(lambda: servers.fastcgi_ready(self.sockets[i]),
                   20, "pgfeed-stream ready")

    def gateway_pid(self, i):
        return eventually(lambda: children(self.streams[i].pid),
                          what="a running pgfeed-stream")[0]

    def start_server(self):
        pass

    def watched(self):
        watched = {"pgfeed-stream": self.gateway_pid(0)}
        for i in range(1, self.gateways):
            watched[f"pgfeed-stream-{i + 1}"] = self.gateway_pid(i)
        return watched

    def load_args(self, topic):
        return ["--unix", self.sockets[0], "--path", self.path(topic)]

    def publish_args(self, topic):
        return ["--conninfo", self.cluster.conninfo("bench"), "--topic", topic,
                "--sql", INSERT_FEED]


class PgfeedLighttpd(Pgfeed):
    name, title = "lighttpd", "pgfeed behind lighttpd"
    workers = 0
    # What the tuning scenario varies.
    varied, extra, fin_propagate, stream_response_body = False, "", True, 2

    def start_server(self):
        config = self.write("lighttpd.conf", servers.lighttpd(self))
        self.server = self.spawn([harness.find("lighttpd"), "-D", "-f",
                                  config])
        self.wait_port()

    def watched(self):
        return {**super().watched(), "lighttpd": self.server.pid}

    def load_args(self, topic):
        return Peer.load_args(self, topic)


class PgfeedApache(PgfeedLighttpd):
    name, title = "apache", "pgfeed behind Apache (event MPM)"
    max_streams = 5000      # a thread each

    def start_server(self):
        config = self.write("apache.conf", servers.apache(self))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.dir + "/apache.pid")     # of one that was killed
        self.server = self.spawn([harness.find("apache2"), "-f", config,
                                  "-DFOREGROUND"])
        self.wait_port()

    def watched(self):
        return {**Pgfeed.watched(self), "apache": self.server.pid}


class Nchan(Peer):
    name, title = "nchan", "nginx + nchan"
    publishes = "HTTP POST to nchan, no database"

    def start(self):
        install("nginx-light", "libnginx-mod-nchan")
        module = "/usr/lib/nginx/modules/ngx_nchan_module.so"
        # Whatever the configuration says, this module wants the packaged
        # folder too, which nginx makes when root starts it the first time.
        body = "/var/lib/nginx/body"
        if not os.path.exists(body) and os.geteuid() == 0:
            os.mkdir(body, 0o700)
            shutil.chown(body, harness.SERVICE_USER)
        config = self.write("nginx.conf", servers.nchan(self, module))
        self.server = self.spawn([harness.find("nginx"), "-c", config])
        self.wait_port()

    def path(self, topic):
        return f"/sub/{topic}"

    def watched(self):
        return {"nginx": self.server.pid}

    def publish_args(self, topic):
        return ["--http", f"127.0.0.1:{self.port}", "--path", f"/pub/{topic}"]


def node():
    if not shutil.which("npm"):
        install("nodejs", "npm")
    return shutil.which("node")


class Node(Peer):
    name, title = "node", "Node, better-sse + pg"
    publishes = "INSERT, trigger with the payload in NOTIFY"

    def start(self):
        program = node()
        target = copy_for_service(self.cluster, "server.mjs")
        if not os.path.isdir(target + "/node_modules/better-sse"):
            with open(os.path.join(PEERS, "package.json"),
                      encoding="utf-8") as file:
                wanted = json.load(file)["dependencies"]
            done = subprocess.run(
                ["npm", "install", "--silent", "--no-audit", "--no-fund",
                 "--prefix", target] + [f"{n}@{v}" for n, v in wanted.items()],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False)
            if done.returncode != 0:
                raise Skipped("npm install failed: " + done.stdout[-300:])
        self.server = self.spawn(
            [program, target + "/server.mjs", str(self.port),
             self.cluster.service_dir, "bench", "postgres"])
        self.wait_port()

    def watched(self):
        return {"node": self.server.pid}


class Php(Peer):
    name, title = "php", "php-fpm, pg_get_notify"
    publishes = "INSERT, trigger with the payload in NOTIFY"
    children = 110          # a process and a database connection each
    max_streams = 100

    def start(self):
        install("php-fpm", "php-pgsql")
        fpm = harness.find("php-fpm*", "/usr/sbin")
        if not fpm:
            raise Skipped("php-fpm was not found")
        self.target = copy_for_service(self.cluster, "stream.php", "post.php")
        self.socket = self.dir + "/php.sock"
        config = self.write("fpm.conf", servers.php_fpm(self))
        self.fpm = self.spawn([fpm, "-F", "-y", config])
        eventually(lambda: os.path.exists(self.socket), what="php-fpm's socket")
        config = self.write("lighttpd.conf", servers.lighttpd_php(self))
        self.server = self.spawn([harness.find("lighttpd"), "-D", "-f",
                                  config])
        self.wait_port()

    def path(self, topic):
        return f"/stream.php?topic={topic}"

    def watched(self):
        return {"php-fpm": self.fpm.pid,
                "lighttpd": self.server.pid}


class Pushpin(Peer):
    name, title = "pushpin", "Pushpin"
    publishes = "HTTP POST to Pushpin, no database"

    def start(self):
        install("pushpin", "condure", "zurl")
        self.origin_port, self.control_port = next(PORTS), next(PORTS)
        target = copy_for_service(self.cluster, "origin.mjs")
        self.spawn([node(), target + "/origin.mjs", str(self.origin_port)])
        config = self.write("pushpin.conf", servers.pushpin(self))
        self.write("routes", f"* 127.0.0.1:{self.origin_port}\n")
        self.server = self.spawn([harness.find("pushpin"),
                                  f"--config={config}"])
        eventually(self.holds_streams, 20, "pushpin holding a stream")

    def holds_streams(self):
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.port), 2) as sock:
                sock.sendall(b"GET /probe HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return b" 200 " in sock.recv(64)

    def path(self, topic):
        return f"/{topic}"

    def watched(self):
        return {"pushpin": self.server.pid}

    def publish_args(self, topic):
        item = {"items": [{"channel": topic.replace("%t", "0"), "formats": {
            "http-stream": {"content": "data: %d\n\n"}}}]}
        return ["--http", f"127.0.0.1:{self.control_port}", "--path",
                "/publish/", "--close", "--body", json.dumps(item)]


ALL = [Pgfeed, PgfeedLighttpd, PgfeedApache, Nchan, Node, Php, Pushpin]
