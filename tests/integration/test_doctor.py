"""pgfeed doctor: all is well, or it names the culprit."""
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from lib import fixtures
from lib.harness import (Process, as_service, clean_environment, eventually,
                        find, run)
from test_identity import Files, token


def listening(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Patient:
    """A site and what the doctor says of it."""

    def __init__(self, site):
        self.site = site
        self.url = f"http://127.0.0.1:{site.port}/events"

    def examine(self, *args, **env):
        """Returns the exit status and the findings that are not well."""
        done = subprocess.run(
            as_service([self.site.cluster.share + "/pgfeed", "-c", self.site.conf,
                        "doctor", *args]),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/",
            timeout=60, check=False, env=dict(
                clean_environment(), **env,
                PGFEED_DATABASE=self.site.cluster.conninfo(self.site.database)))
        self.said = done.stdout
        return done.returncode, [line for line in self.said.splitlines()
                                 if line.startswith("ERROR")]

    def has(self, text, *args, **env):
        """There is exactly one error, and it says so."""
        code, errors = self.examine(*args, **env)
        assert code == 3 and len(errors) == 1 and text in errors[0], self.said

    def web_server(self, old, new):
        """Starts the web server anew with a text in conf/ replaced."""
        site, server = self.site, self.site.server
        folder = f"{site.cluster.dir}/conf-{os.path.basename(site.dir)}"
        shutil.copytree(f"{site.cluster.share}/conf/{server}", folder)
        with open(folder + "/pgfeed.conf", encoding="utf-8") as file:
            text = file.read()
        assert old in text
        with open(folder + "/pgfeed.conf", "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        main = f"{site.dir}/{server}.conf"
        with open(main, encoding="utf-8") as file:
            text = file.read()
        shipped = f"{site.cluster.share}/conf/{server}"
        with open(main + ".changed", "w", encoding="utf-8") as file:
            file.write(text.replace(shipped, folder))
        site.processes.pop(server).stop()
        command = {"lighttpd": [find("lighttpd"), "-D", "-f", main + ".changed"],
                   "apache": [find("apache2"), "-f", main + ".changed",
                              "-DFOREGROUND"]}[server]
        site.processes[server] = Process(command, f"{site.dir}/server.log")
        eventually(lambda: listening(site.port), what=server)


@pytest.fixture(scope="module")
def patient(site):
    return Patient(site)


@pytest.fixture
def ill(make_site):
    """make_site for patients that are to be harmed."""
    return lambda server="lighttpd": Patient(make_site(server))


def test_all_is_well(patient):
    code, errors = patient.examine("--url", patient.url)
    assert code == 0 and errors == [], patient.said
    for text in ("NOTIFY arrives", "it answers and follows the database",
                 "the first event came after", "an event arrives within",
                 "who comes back gets what is missing", "the clocks agree"):
        assert text in patient.said, text
    # What it published is out of everybody's way.
    assert patient.site.sql("SELECT DISTINCT topic ~ '^public/doctor/[0-9]+$'"
                            " FROM pgfeed.event") == [(True,)]


def test_a_topic_that_is_closed_is_named_with_what_to_do(patient):
    patient.site.sql("DELETE FROM pgfeed.access; INSERT INTO pgfeed.access"
                     " (pattern, may_write) VALUES ('open/*', true)")
    try:
        patient.has("--topic", patient.url)
        code, errors = patient.examine(patient.url, "--topic", "open/doctor")
        assert code == 0 and errors == [], patient.said
    finally:
        patient.site.sql("INSERT INTO pgfeed.access (pattern, may_write)"
                         " VALUES ('*', true)")


@fixtures.needs_libjwt
@pytest.mark.parametrize("option,good,bad", [
    ("--token", token("ada"), [token("bob"), token("ada")[:-2]]),
    ("--user", "ada:secret", ["ada:wrong", "eve:secret"]),
])
def test_it_goes_as_the_user_that_it_is_told(make_site, cluster, option, good, bad):
    """--token for pgfeed's own tokens, --user for the web server's users."""
    files = Files(cluster, "lighttpd")
    config = "" if option == "--token" else files.config.replace(
        "/events/home", "/events").replace(
        "auth.require", '$HTTP["url"] !~ "^/events/-/" {\nauth.require') + "}\n"
    patient = Patient(make_site(
        "lighttpd", identity="remote_user jwt", jwt_keys=files.keys,
        jwt_audience="feed", server_config=config))
    patient.site.sql("DELETE FROM pgfeed.access; INSERT INTO pgfeed.access"
                     " VALUES ('ada/*', 'ada', true, true)")
    code, errors = patient.examine(patient.url, "--topic", "ada", option, good)
    assert code == 0 and errors == [], patient.said
    for args in [], *([option, value] for value in bad):
        code, errors = patient.examine(patient.url, "--topic", "ada", *args)
        assert code == 3 and len(errors) == 1, patient.said


def test_what_hurts_later_is_named(make_site, cluster):
    """A heartbeat that Apache does not wait for, and keys for nobody's eyes."""
    patient = Patient(make_site("lighttpd", heartbeat="120s"))
    code, errors = patient.examine()
    assert code == 0 and errors == [], patient.said
    assert "heartbeat is 90s or more" in patient.said
    keys = cluster.dir + "/keys-of-root"
    with open(keys, "w", encoding="utf-8") as file:
        file.write("* HS256 " + "k" * 43 + "\n")
    os.chmod(keys, 0o600)
    if os.geteuid() == 0:
        patient.has("may not read", PGFEED_JWT_KEYS=keys)
    patient.has("could not look at", PGFEED_JWT_KEYS="/nix/keys")


@pytest.mark.parametrize("env,text", [
    ({"PGFEED_STREAM_DATABASE": "host=/nix"}, "could not connect"),
    ({"PGFEED_POST_SOCKET": "/dev/null"}, "is not a socket"),
    ({"PGFEED_POST_SOCKET": "/nix/sock"}, "there is no socket"),
    ({"PGFEED_POST_SOCKET": "/" + "x" * 200}, "too long for a socket"),
])
def test_it_names_a_wrong_setting(patient, env, text):
    patient.has(text, **env)


def test_it_names_a_role_without_grants(patient):
    site = patient.site
    patient.has("may not publish: GRANT pgfeed_post TO",
                PGFEED_POST_DATABASE=site.cluster.conninfo(site.database, "stream"))


def test_it_names_a_socket_without_a_server(patient):
    path = f"{patient.site.cluster.dir}/nobody"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.close()
    patient.has("nobody listens", PGFEED_STREAM_SOCKET=path)
    os.unlink(path)


def test_it_names_who_does_not_answer(patient):
    path = f"{patient.site.cluster.dir}/mute"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(5)
        patient.has("it does not answer", PGFEED_POST_SOCKET=path)
    os.unlink(path)


def test_it_names_a_mode_that_keeps_the_web_server_out(patient):
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    code, errors = patient.examine(PGFEED_PEER_USERS="nobody")
    assert code == 3 and len(errors) == 2, patient.said
    assert all('user "nobody" ' in error for error in errors)


@pytest.mark.parametrize("url,text", [
    ("http://127.0.0.1:1/events", "could not reach it"),
    ("nonsense://x", "could not reach it"),
    ("http://127.0.0.1:{port}/nix", "status 404: nothing is there"),
    ("http://127.0.0.1:{port}/", "and no stream"),
])
def test_it_names_a_wrong_address(patient, url, text):
    patient.has(text, "--url", url.format(port=patient.site.port))


@pytest.mark.parametrize("broken,text", [
    ("ALTER SEQUENCE pgfeed.event_id_seq CACHE 32", "CACHE 32"),
    ("DELETE FROM pgfeed.migration WHERE version = (SELECT max(version) FROM pgfeed.migration)", "run \"pgfeed migrate\""),
    ("ALTER TABLE pgfeed.event DISABLE TRIGGER bell", "ENABLE ALWAYS TRIGGER bell"),
])
def test_it_names_a_broken_schema(ill, broken, text):
    patient = ill()
    patient.site.sql(broken)
    code, errors = patient.examine()
    assert code == 3 and errors and all(text in e for e in errors), patient.said


def test_it_names_a_gateway_that_is_gone(ill):
    patient = ill()
    patient.site.stop("stream")
    code, errors = patient.examine("--url", patient.url)
    assert code == 3 and len(errors) == 2, patient.said
    assert "pgfeed-stream: there is no socket" in errors[0] or (
        "nobody listens" in errors[0])
    assert "status 503: the web server cannot talk to pgfeed" in errors[1]


@pytest.mark.parametrize("server,old,new,text", [
    ("lighttpd", "server.stream-response-body = 2", "server.stream-response-body = 0",
     "lighttpd needs server.stream-response-body = 2"),
    ("apache", "flushpackets=on", "", "Apache needs flushpackets=on"),
    ("apache", "SetEnv no-gzip 1", "", "the stream is compressed (gzip)"),
    ("lighttpd", '"socket" => var.pgfeed_post', '"socket" => var.pgfeed_stream',
     "a POST gives status 405"),
    ("apache", "unix:${PGFEED_STREAM}", "unix:${PGFEED_POST}", "status 405"),
], ids=["lighttpd-buffers", "apache-does-not-flush", "apache-compresses",
        "posts-go-astray", "gets-go-astray"])
def test_it_names_what_the_web_server_does_wrong(ill, server, old, new, text):
    patient = ill(server)
    patient.web_server(old, new)
    patient.has(text, "--url", patient.url)


def public_address():
    """One of this machine that is no loopback address, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.99", 9))
        except OSError:
            return None
        address = sock.getsockname()[0]
    return None if address.startswith("127.") else address


def forward(listener, port):
    """A reverse proxy of this machine, in its simplest form: bytes to and fro."""
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for pair in (near, far), (far, near):
                threading.Thread(target=pump, args=pair, daemon=True).start()


def test_it_finds_own_pages_that_a_proxy_makes_public(patient):
    address = public_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=forward, args=(listener, patient.site.port), daemon=True).start()
        patient.examine("--url", f"http://{address}:{listener.getsockname()[1]}/events")
        listener.shutdown(socket.SHUT_RDWR)
    assert "/-/status is served through" in patient.said, patient.said
    patient.examine("--url", patient.url)
    assert "/-/status is served to this machine" in patient.said


@pytest.mark.parametrize("name,setting,streams,enough", [
    ("apache2", "  MaxRequestWorkers 400\n# MaxRequestWorkers 9\n", 400, 300),
    ("nginx", "events { worker_connections 2000; }\n", 1000, 750),
])
def test_it_says_how_many_streams_a_web_server_carries(
        ill, name, setting, streams, enough):
    """Of the process that runs, by the file that it was started with."""
    patient = ill()
    folder = f"{patient.site.cluster.dir}/{name}-{os.path.basename(patient.site.dir)}"
    os.mkdir(folder, 0o755)
    program, conf = f"{folder}/{name}", f"{folder}/conf"
    with open(program, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nread line\n")
    os.chmod(program, 0o755)
    with open(conf, "w", encoding="ascii") as file:
        file.write(setting)
    with subprocess.Popen([program, "-f", conf], stdin=subprocess.PIPE) as server:
        def comm():
            with open(f"/proc/{server.pid}/comm", encoding="ascii") as file:
                return file.read() == name + "\n"

        eventually(comm, what="the web server")
        said = f"carries {streams} requests at a time"
        patient.examine(PGFEED_MAX_STREAMS=str(enough + 1))
        lines = [s for s in patient.said.splitlines() if said in s and conf in s]
        assert len(lines) == 1 and lines[0].startswith("warning"), patient.said
        assert f"set max_streams to {enough} at most" in lines[0]
        patient.examine(PGFEED_MAX_STREAMS=str(enough))
        lines = [s for s in patient.said.splitlines() if said in s and conf in s]
        assert len(lines) == 1 and lines[0].startswith("ok"), patient.said
        server.stdin.close()


H2_OFF = 'server.feature-flags += ( "server.h2proto" => "disable" )\n'


@pytest.mark.parametrize("version,setting,streams", [
    ("1.4.56", "server.max-fds = 3000\n", 1000),
    ("1.4.82", "server.max-fds = 3000\nserver.max-connections = 1500\n", 1500),
    ("1.4.83", "server.max-fds = 3000\n", 300),
    ("1.4.85", "server.max-fds = 3000\nserver.max-connections = 1500\n", 300),
    ("1.4.85", "server.max-fds = 3000\nserver.max-connections = 100\n", 100),
    ("1.4.85", "server.max-fds = 3000\n# " + H2_OFF, 300),
    ("1.4.85", "server.max-fds = 3000\n" + H2_OFF, 1000),
])
def test_it_knows_which_lighttpd_serves_a_tenth(patient, version, setting, streams):
    """The version is in the program, here a shell that reads the configuration."""
    folder = tempfile.mkdtemp(dir=patient.site.cluster.dir)
    os.chmod(folder, 0o755)
    program, conf = f"{folder}/lighttpd", f"{folder}/conf"
    shutil.copyfile(os.path.realpath("/bin/sh"), program)
    with open(program, "ab") as file:
        file.write(b"\0lighttpd/" + version.encode() + b"\0")
    os.chmod(program, 0o755)
    with open(conf, "w", encoding="ascii") as file:
        file.write("read line; exit\n" + setting)
    with subprocess.Popen(as_service([program, "-f", conf]), stdin=subprocess.PIPE) as server:
        patient.examine(PGFEED_MAX_STREAMS=str(streams * 3 // 4 + 1))
        lines = [s for s in patient.said.splitlines() if conf in s]
        assert len(lines) == 1 and lines[0].startswith("warning"), patient.said
        assert f"carries {streams} requests at a time" in lines[0]
        assert ("a tenth" in lines[0]) == (streams == 300)
        server.stdin.close()


def test_plain_cgi_needs_no_sockets(patient):
    code, errors = patient.examine(
        PGFEED_CGI_LOG="/nix/log", PGFEED_STREAM_SOCKET="/nix/s",
        PGFEED_POST_SOCKET="/nix/p")
    assert code == 0 and errors == [], patient.said


def test_it_names_a_pooler_that_forgets_listen(ill):
    """PgBouncer in transaction mode takes LISTEN without a word."""
    pgbouncer = find("pgbouncer")
    if not pgbouncer:
        pytest.skip("pgbouncer is not installed")
    patient = ill()
    site = patient.site
    folder = site.dir + "/pool"
    run(["mkdir", folder])
    with open(folder + ".ini", "w", encoding="utf-8") as file:
        file.write(f"""[databases]
{site.database} = host={site.cluster.service_dir} user=stream
[pgbouncer]
pool_mode = transaction
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
""")
    site.processes["pool"] = Process([pgbouncer, folder + ".ini"], site.dir + "/pool.log")
    conninfo = f"host={folder} port=6432 dbname={site.database} user=stream"
    eventually(lambda: os.path.exists(folder + "/.s.PGSQL.6432"))
    patient.has("a NOTIFY does not arrive: is there a pooler",
                PGFEED_STREAM_DATABASE=conninfo)


class Cutter:
    """A proxy with a time limit: on silence, or on how long an answer takes."""

    def __init__(self, port, silence=None, length=None):
        self.target, self.silence, self.length = port, silence, length
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.target))
                for way in (near, far), (far, near):
                    threading.Thread(target=self.pump, args=(*way, way[0] is far),
                                     daemon=True).start()

    def pump(self, source, sink, limited):
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while True:
                if limited and self.silence:
                    source.settimeout(self.silence)
                elif limited and self.length:
                    source.settimeout(
                        max(0.01, began + self.length - time.monotonic()))
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


@pytest.mark.parametrize("limit,heartbeat,text", [
    ({"silence": 3}, "30s", "a time limit of the web server or a proxy is shorter"
                            " than the heartbeat of 30 s; set heartbeat below it"),
    ({"length": 6}, "1s", "although heartbeats come: the web server or a proxy limits"
                          " how long an answer may take"),
], ids=["silence", "length"])
def test_long_names_a_proxy_that_cuts(make_site, limit, heartbeat, text):
    patient = Patient(make_site("lighttpd", heartbeat=heartbeat))
    with Cutter(patient.site.port, **limit) as proxy:
        patient.has(text, "--url", f"http://127.0.0.1:{proxy.port}/events",
                    "--long=20")


def test_long_takes_a_planned_end_for_what_it_is(make_site):
    patient = Patient(make_site("lighttpd", heartbeat="1s", max_age="3s"))
    code, errors = patient.examine("--url", patient.url, "--long=20")
    assert code == 0 and errors == [], patient.said
    assert "pgfeed itself ended the stream" in patient.said


def test_long_finds_a_good_way_good(patient):
    code, errors = patient.examine("--url", patient.url, "--long=2")
    assert code == 0 and errors == [], patient.said
    assert "a silent stream holds for 2 s" in patient.said


def test_wrong_usage(patient):
    assert patient.examine("--url", patient.url, "--long=x")[0] == 2
    assert patient.examine("--long")[0] == 2
    assert patient.examine(patient.url, "x")[0] == 2
    assert patient.examine("--url", patient.url, "x")[0] == 2
