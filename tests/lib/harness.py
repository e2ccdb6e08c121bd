"""The real things, privately: PostgreSQL, the gateways, lighttpd, Apache.

A Cluster is one PostgreSQL for the whole test run. A Site is one database in
it, one pgfeed-stream, one pgfeed-post and one web server with the files of
conf/ as they are shipped. All live in a temporary folder with short paths, so
that it doesn't matter where the source is, who may read it, or whether it may
be written to.

PostgreSQL refuses to run as root; started by root, everything here runs as
www-data, as it does with ./run.
"""
import contextlib
import glob
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2
import pytest

from lib.http import Stream, request

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.abspath(os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("abs_top_builddir", SOURCE)
SERVICE_USER = "www-data" if os.geteuid() == 0 else None


def eventually(condition, timeout=10.0, what="condition"):
    """Waits for condition() to be true, and returns what it returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def find(name, *folders):
    """The newest program called name in folders (may be patterns), or PATH."""
    for pattern in folders:
        found = sorted(glob.glob(os.path.join(pattern, name)))
        if found:
            return found[-1]
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def missing_tools():
    """What a machine lacks for these tests, as text; empty when all is here."""
    wanted = {
        "PostgreSQL (initdb)": find("initdb", "/usr/lib/postgresql/*/bin"),
        "lighttpd": find("lighttpd"),
        "apache2": find("apache2"),
        "Apache's mod_proxy_fcgi": find(
            "mod_proxy_fcgi.so", "/usr/lib/apache2/modules"),
    }
    return ", ".join(name for name, path in wanted.items() if not path)


def as_service(command):
    if not SERVICE_USER:
        return command
    return ["setpriv", "--reuid", SERVICE_USER, "--regid", SERVICE_USER,
            "--init-groups", *command]


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("PG")}


def run(command, **kwargs):
    """Runs to the end as the service user; what it said goes into the error."""
    done = subprocess.run(as_service(command), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env=clean_environment(), check=False, text=True,
                          **kwargs)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sanitized():
    """Whether the programs were built with --enable-sanitize."""
    with open(os.path.join(BUILD, "pgfeed-stream"), "rb") as file:
        text = file.read()
    return b"__asan_init" in text or b"__tsan_init" in text


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        pytest.skip("only root looks into a gateway")


def children(pid):
    """The processes that pid has started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class Process:
    """A program in the foreground whose words go to a log file."""

    def __init__(self, command, log, **kwargs):
        self.log = log
        with open(log, "ab") as file:
            self.popen = subprocess.Popen(
                as_service(command), stdin=subprocess.DEVNULL, stdout=file,
                stderr=file, env=clean_environment(), cwd="/",
                start_new_session=True, **kwargs)

    @property
    def pid(self):
        return self.popen.pid

    def stop(self, timeout=15):
        if self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
            raise AssertionError(f"did not end within {timeout} s: "
                                 f"{self.popen.args}") from None


class Cluster:
    """One PostgreSQL, and copies of what the sites need."""

    # The disk's promises are PostgreSQL's own business, and no test cuts the
    # power: fsync off changes only the time these take.
    SETTINGS = ("fsync = off\nfull_page_writes = off\nmax_connections = 60\n"
                "max_prepared_transactions = 20\nwal_level = logical")

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="pgfeed-test-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.service_dir = os.path.join(self.dir, "s")
        os.mkdir(self.service_dir, 0o755)
        # Its standard input ends with this process, however that ends.
        self.guard = subprocess.Popen(
            ["sh", os.path.join(HERE, "guard.sh")], stdin=subprocess.PIPE,
            env={**os.environ, "GUARDED": self.dir}, start_new_session=True)
        if SERVICE_USER:
            shutil.chown(self.service_dir, SERVICE_USER)
        self.bin = os.path.dirname(find("initdb", "/usr/lib/postgresql/*/bin"))
        self.data = os.path.join(self.service_dir, "pg")
        self.sites = 0
        try:
            self._copy()
            self._initialize()
            self.start()
            self._template()
        except BaseException:
            self.close()
            raise

    def _initialize(self):
        run([self.bin + "/initdb", "-D", self.data, "-U", "postgres", "-A",
             "trust", "-E", "UTF8", "--locale=C", "-N"])
        with open(self.data + "/postgresql.conf", "a", encoding="ascii") as file:
            file.write(f"listen_addresses = ''\n"
                       f"unix_socket_directories = '{self.service_dir}'\n"
                       f"log_min_messages = warning\n{self.SETTINGS}\n")

    def _copy(self):
        """Programs and shipped files, where the service user may read them."""
        self.share = os.path.join(self.dir, "share")
        os.mkdir(self.share, 0o755)
        for name in ("pgfeed", "pgfeed-cgi", "pgfeed-post", "pgfeed-stream"):
            shutil.copy(os.path.join(BUILD, name), self.share)
        for name in ("conf", "migrations", "www"):
            subprocess.run(["cp", "-RL", "--no-preserve=mode",
                            os.path.join(SOURCE, name), self.share], check=True)

    def _template(self):
        """The migrated database that each site gets a copy of, open to all."""
        self.sql("CREATE DATABASE template", "postgres")
        run(["env", f"PGFEED_DATABASE={self.conninfo('template')}",
             self.share + "/pgfeed", "migrate", "up", "--dir",
             self.share + "/migrations"])
        self.sql("INSERT INTO pgfeed.access VALUES ('*', '*', true, true)",
                 "template")
        self.sql("CREATE ROLE stream LOGIN IN ROLE pgfeed_stream", "postgres")
        self.sql("CREATE ROLE post LOGIN IN ROLE pgfeed_post", "postgres")

    def start(self):
        run([self.bin + "/pg_ctl", "start", "-s", "-w", "-D", self.data, "-l",
             self.service_dir + "/postgresql.log"])

    def stop(self, mode="fast"):
        run([self.bin + "/pg_ctl", "stop", "-s", "-w", "-D", self.data, "-m", mode])

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def conninfo(self, database, user="postgres"):
        return f"host={self.service_dir} dbname={database} user={user}"

    def connect(self, database):
        connection = psycopg2.connect(self.conninfo(database))
        connection.autocommit = True
        return connection

    def sql(self, statement, database, args=None):
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, args)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def close(self):
        with contextlib.suppress(AssertionError):
            self.stop("immediate")
        # A line and not only the end: forked processes hold the pipe as well.
        self.guard.stdin.write(b"\n")
        self.guard.stdin.close()
        self.guard.wait()


class Site:
    """A database, the two gateways and a web server in front of them."""

    def __init__(self, cluster, server, database=None, server_config="",
                 server_end="", **options):
        """database: that of another site, to have two gateways on one.
        server_config, server_end: lines for the web server, before and after
        those of conf/; the latter for Apache."""
        cluster.sites += 1
        self.server_config, self.server_end = server_config, server_end
        self.cluster, self.server = cluster, server
        self.dir = os.path.join(cluster.service_dir, f"site{cluster.sites}")
        self.port = free_port()
        self.processes = {}
        run(["mkdir", self.dir])
        self.database = database or os.path.basename(self.dir)
        if not database:
            cluster.sql(f"CREATE DATABASE {self.database} TEMPLATE template",
                        "postgres")
        self.configure(**options)
        try:
            self.start("post")
            self.start("stream")
            self.start_server()
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def configure(self, **options):
        """Writes pgfeed.conf; takes effect with the next start."""
        values = {
            "stream_database": self.cluster.conninfo(self.database, "stream"),
            "post_database": self.cluster.conninfo(self.database, "post"),
            "listen": "demo_notify",
            "log_level": "debug",
            "stream_socket": self.dir + "/stream.sock",
            "post_socket": self.dir + "/post.sock",
            "peer_users": SERVICE_USER or subprocess.getoutput("id -un"),
        }
        values.update(options)
        self.conf = self.dir + "/pgfeed.conf"
        with open(self.conf, "w", encoding="utf-8") as file:
            file.writelines(f"{k} = {v}\n" for k, v in values.items())

    # --- the gateways, under the shipped supervisor

    def start(self, name):
        self.processes[name] = Process(
            ["/usr/bin/python3", self.cluster.share + "/conf/supervise.py",
             "-m", "0600", f"{self.dir}/{name}.sock",
             f"{self.cluster.share}/pgfeed-{name}", "-c", self.conf],
            f"{self.dir}/{name}.log")
        eventually(lambda: os.path.exists(f"{self.dir}/{name}.sock"),
                   what=f"socket of pgfeed-{name}")

    def stop(self, name):
        self.processes.pop(name).stop()

    def gateway_pid(self, name="stream"):
        """The running gateway; its supervisor stays when it is killed."""
        return eventually(lambda: children(self.processes[name].pid),
                          what=f"pgfeed-{name} running")[0]

    def kill(self, name="stream", signo=signal.SIGKILL):
        pid = self.gateway_pid(name)
        os.kill(pid, signo)
        eventually(lambda: not os.path.exists(f"/proc/{pid}"),
                   what=f"end of pgfeed-{name}")

    def log(self, name="stream"):
        with open(f"{self.dir}/{name}.log", encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    # --- the web server

    def start_server(self):
        file = f"{self.dir}/{self.server}.conf"
        values = {"dir": self.dir, "port": self.port,
                  "conf": f"{self.cluster.share}/conf/{self.server}",
                  "stream": self.dir + "/stream.sock",
                  "post": self.dir + "/post.sock",
                  "www": self.cluster.share + "/www"}
        if self.server == "lighttpd":
            # lighttpd 1.4.83 allows itself a tenth of them as connections.
            values["max_fds"] = min(65536, resource.getrlimit(
                resource.RLIMIT_NOFILE)[1])
            text = "".join(
                f"var.pgfeed_{k} = {v}\n" if isinstance(v, int) else
                f'var.pgfeed_{k} = "{v}"\n' for k, v in values.items())
            text += self.server_config
            text += 'include var.pgfeed_conf + "/private.conf"\n'
            command = [find("lighttpd"), "-D", "-f", file]
        else:
            values["modules"] = os.path.dirname(
                find("mod_proxy_fcgi.so", "/usr/lib/apache2/modules"))
            text = "".join(f"Define PGFEED_{k.upper()} {v}\n"
                           for k, v in values.items())
            text += self.server_config
            text += "Include ${PGFEED_CONF}/private.conf\n" + self.server_end
            command = [find("apache2"), "-f", file, "-DFOREGROUND"]
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
        self.processes[self.server] = Process(command, f"{self.dir}/server.log")

    def wait_ready(self):
        def ready():
            with contextlib.suppress(OSError):
                return request(self.port, "GET", "/events/-/ready",
                               timeout=2).status == 200
        eventually(ready, 20, "gateway ready behind " + self.server)

    # --- what the tests do with it

    def stream(self, path, **kwargs):
        return Stream(self.port, path, **kwargs)

    def post(self, path, body=b"", headers=None, method="POST"):
        return request(self.port, method, path, body, headers)

    def publish(self, topic, data, **query):
        """Publishes a text as it stands; returns its id as a number."""
        parts = "&".join(f"{k}={v}" for k, v in query.items())
        answer = self.post(f"/events/{topic}" + (f"?{parts}" if parts else ""),
                           data.encode() if isinstance(data, str) else data,
                           {"Content-Type": "text/plain; charset=utf-8"})
        assert answer.status == 201, (answer.status, answer.body)
        return int(answer.json()["id"])

    def sql(self, statement, args=None):
        return self.cluster.sql(statement, self.database, args)

    def connect(self):
        return self.cluster.connect(self.database)

    def close(self):
        """The web server first, as ./run does. Fails if something won't end."""
        problems = []
        for name in sorted(self.processes, key=lambda n: n in ("stream", "post")):
            try:
                self.processes[name].stop()
            except AssertionError as error:
                problems.append(str(error))
        self.processes.clear()
        assert not problems, problems

    def show_logs(self):
        for file in sorted(glob.glob(self.dir + "/*.log")):
            with open(file, encoding="utf-8", errors="replace") as log:
                tail = log.read()[-4000:]
            print(f"--- {os.path.basename(file)}\n{tail}", file=sys.stderr)
