"""The gateways as processes: whose they are, what they can do, what they tell."""
import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess

import pytest

from lib import fastcgi
from lib import harness
from lib.harness import SERVICE_USER, eventually

TEXT = {"Content-Type": "text/plain"}
SECRET = "sw0rdfish"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def site(cluster):
    site = harness.Site(cluster, "lighttpd")
    yield site
    site.close()


@pytest.fixture
def gateway(site):
    """gateway(name, as_root, option=...): another one, started without help."""
    running = []

    def start(name, as_root=False, env=None, **options):
        folder = f"{site.dir}/own{len(os.listdir(site.dir))}"
        harness.run(["mkdir", folder])
        own = {"stream_socket": folder + "/stream", "post_socket": folder + "/post"}
        own.update(options)
        shipped = site.conf
        site.configure(**own)
        os.rename(site.conf, folder + "/conf")
        site.conf = shipped
        site.configure()
        command = [f"{site.cluster.share}/pgfeed-{name}", "-c", folder + "/conf"]
        with open(folder + "/log", "wb") as log:
            process = subprocess.Popen(
                command if as_root else harness.as_service(command), stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                env={**harness.clean_environment(), **(env or {})})
        running.append(process)
        return process, f"{folder}/{name}", folder + "/log"

    yield start
    for process in running:
        process.terminate()
        process.wait(15)


def ask(name, path, timeout=30):
    """An answer, once it listens."""
    def answer():
        with contextlib.suppress(OSError):
            if name == "post":
                return fastcgi.request(path, headers=TEXT, body=b"x", timeout=timeout)
            return fastcgi.request(path, "GET", "/events/-/live", timeout=timeout)
        return None
    return eventually(answer, what="an answer of pgfeed-" + name)


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def threads(pid):
    """What the kernel says of each: {"Uid": [...], "Seccomp": ["2"], ...}."""
    for task in os.listdir(f"/proc/{pid}/task"):
        lines = text_of(f"/proc/{pid}/task/{task}/status").splitlines()
        yield {name: rest.split() for name, _, rest in
               (line.partition(":") for line in lines)}


@needs_root
@pytest.mark.parametrize("name", ["stream", "post"])
def test_root_is_given_up(gateway, name):
    user = pwd.getpwnam(SERVICE_USER)
    process, path, log = gateway(name, as_root=True, user=SERVICE_USER,
                                 socket_group=SERVICE_USER)
    status, _, _ = ask(name, path)
    assert status in (200, 201)
    for thread in threads(process.pid):
        assert thread["Uid"] == [str(user.pw_uid)] * 4
        assert thread["Gid"] == [str(user.pw_gid)] * 4
        assert thread["Groups"] == [str(user.pw_gid)]
        assert thread["CapEff"] == thread["CapPrm"] == ["0000000000000000"]
    assert os.stat(path).st_uid == user.pw_uid
    assert "root" not in text_of(log)
    assert ask(name, path)[0] in (200, 201)


@needs_root
@pytest.mark.parametrize("owner", [SERVICE_USER, "root"])
def test_the_socket_is_its_users_in_anybodys_folder(gateway, site, owner):
    folder = f"{site.dir}/of-{owner}"
    os.mkdir(folder, 0o755)
    shutil.chown(folder, owner)
    path = folder + "/stream"
    gateway("stream", as_root=True, user=SERVICE_USER, socket_group="daemon",
            socket_mode="0620", stream_socket=path)
    assert ask("stream", path)[0] == 200
    made = os.lstat(path)
    assert (made.st_uid, made.st_gid, made.st_mode & 0o7777) == (
        pwd.getpwnam(SERVICE_USER).pw_uid, grp.getgrnam("daemon").gr_gid, 0o620)


@needs_root
def test_a_link_in_the_users_folder_changes_no_file_of_root(gateway, site, tmp_path):
    """Root gave the socket to its user by its name, and the user, whose folder it is in, can
    let the name lead elsewhere at any moment."""
    folder = f"{site.dir}/racing"
    os.mkdir(folder, 0o755)
    shutil.chown(folder, SERVICE_USER)
    victim = tmp_path / "victim"
    victim.write_text("root's")
    os.chmod(tmp_path, 0o755)
    before = os.stat(victim)
    race = ("import os, sys\nfolder, victim = sys.argv[1:]\nwhile True:\n"
            " for name in os.listdir(folder):\n"
            "  if os.path.islink(folder + '/' + name): continue\n"
            "  os.symlink(victim, folder + '/x'); os.rename(folder + '/x', folder + '/' + name)\n")
    racer = subprocess.Popen(harness.as_service(
        ["/usr/bin/python3", "-c", race, folder, str(victim)]))
    try:
        for n in range(20):
            process, _, log = gateway("stream", as_root=True, user=SERVICE_USER,
                                      stream_socket=f"{folder}/{n}")
            eventually(lambda: "listening on" in text_of(log) or process.poll() is not None,
                       what="a start")
            process.kill()
    finally:
        racer.kill()
        racer.wait()
    after = os.stat(victim)
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)


@needs_root
@pytest.mark.parametrize("name", ["stream", "post"])
def test_keeping_root_is_told(gateway, name):
    _, path, log = gateway(name, as_root=True)
    ask(name, path)
    assert text_of(log).count("running as root: the option user names") == 1


@needs_root
def test_a_user_who_is_not_there_is_told(gateway):
    process, _, log = gateway("stream", as_root=True, user="no-such-user")
    assert process.wait(10) == 1
    assert 'there is no user "no-such-user"' in text_of(log)


def is_sandboxed(pid, name):
    filtered = "seccomp_load" in subprocess.run(
        ["nm", "-D", f"{harness.BUILD}/pgfeed-{name}"], stdout=subprocess.PIPE,
        check=True, text=True).stdout
    return all(thread["NoNewPrivs"] == ["1"] and
               thread["Seccomp"] == (["2"] if filtered else ["0"])
               for thread in threads(pid))


@pytest.mark.skipif(harness.sanitized(), reason="sanitizers need what it forbids")
@pytest.mark.parametrize("name", ["stream", "post"])
def test_every_thread_is_in_the_sandbox(site, name):
    """tests/unit/test_sandbox.c shows what that forbids."""
    pid = site.gateway_pid(name)
    assert len(list(threads(pid))) > 3
    assert is_sandboxed(pid, name)
    # Nobody else of the same user looks into it.
    done = subprocess.run(harness.as_service(["cat", f"/proc/{pid}/environ"]),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and done.stdout == b""


def test_a_cgi_program_is_in_the_sandbox_and_waits_no_longer_than_others(site):
    """It had neither, and waited for its body for as long as the web server."""
    env = {**fastcgi.params_for("POST", "/events/t", TEXT, 2), "PATH": os.environ["PATH"],
           "PGFEED_CONF": site.conf, "PGFEED_REQUEST_TIMEOUT": "2s"}
    process = subprocess.Popen(
        harness.as_service([site.cluster.share + "/pgfeed-post"]), env=env,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b"x")
    process.stdin.flush()
    if not harness.sanitized():
        harness.eventually(lambda: is_sandboxed(process.pid, "post"), 2)
    head, _, body = process.stdout.read().partition(b"\r\n\r\n")
    assert head.startswith(b"Status: 408 ") and b"took too long" in body
    assert process.wait(10) == 0
    process.stdin.close()


@pytest.mark.parametrize("name", ["stream", "post"])
def test_systemd_starts_it_with_the_first_request(site, name):
    """Requests that come while it starts wait in the socket that it is given."""
    tool = harness.find("systemd-socket-activate", "/usr/bin")
    if not tool:
        pytest.skip("systemd-socket-activate is not installed")
    path = f"{site.dir}/activated-{name}.sock"
    process = harness.Process(
        [tool, "-l", path, f"--fdname={name}",
         f"{site.cluster.share}/pgfeed-{name}", "-c", site.conf],
        site.dir + f"/activated-{name}.log")
    try:
        assert ask(name, path)[0] in (200, 201)
        assert text_of(f"/proc/{process.pid}/comm").strip() == f"pgfeed-{name}"
        assert "inherited socket" in text_of(process.log)
    finally:
        process.stop()
    assert os.path.exists(path)  # it is systemd's


@pytest.mark.parametrize("name", ["stream", "post"])
def test_a_signal_is_not_lost_while_it_starts(gateway, name):
    """libfcgi had a handler of its own at first, which did nothing."""
    for n in range(30):
        process, _, log = gateway(name)
        if n % 2:
            eventually(lambda: "listening on" in text_of(log), what="its first word")
        process.terminate()
        assert process.wait(10) in (0, -signal.SIGTERM)


def test_nobody_is_served_over_tcp(site):
    """Even if systemd is told to listen there: it has no peer's uid to check."""
    tool = harness.find("systemd-socket-activate", "/usr/bin")
    if not tool:
        pytest.skip("systemd-socket-activate is not installed")
    port = harness.free_port()
    process = harness.Process(
        [tool, "-l", f"127.0.0.1:{port}", "--fdname=post",
         f"{site.cluster.share}/pgfeed-post", "-c", site.conf], site.dir + "/tcp.log")
    try:
        with contextlib.suppress(ConnectionError):
            peer = eventually(lambda: connected(port), what="its socket")
            peer.sendall(fastcgi.record(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0"))
            assert peer.recv(100) == b""
        eventually(lambda: "connection refused" in text_of(process.log), what="the refusal")
    finally:
        process.stop()


def connected(port):
    with contextlib.suppress(ConnectionRefusedError):
        return socket.create_connection(("127.0.0.1", port), timeout=20)
    return None


# --- secrets

@pytest.fixture(scope="module")
def secretive(site):
    """A role that has to give its password."""
    cluster = site.cluster
    cluster.sql(f"CREATE ROLE secretive LOGIN PASSWORD '{SECRET}' "
                "IN ROLE pgfeed_stream, pgfeed_post", "postgres")
    path = cluster.data + "/pg_hba.conf"
    text = text_of(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write("local all secretive scram-sha-256\n" + text)
    cluster.sql("SELECT pg_reload_conf()", "postgres")
    eventually(lambda: "secretive" in str(cluster.sql(
        "SELECT user_name FROM pg_hba_file_rules", "postgres")), what="pg_hba.conf")
    return f"host={cluster.service_dir} dbname={site.database} user=secretive"


def tells_nothing(process, log, *answers):
    """Neither who reads the log, nor who lists processes, nor who asks."""
    told = [text_of(log), text_of(f"/proc/{process.pid}/cmdline"), *map(str, answers)]
    for text in told:
        assert SECRET not in text and SECRET[:6] not in text


OWN_PAGES = ("/events/-/status", "/events/-/metrics", "/events/-/ready")


@pytest.mark.parametrize("name", ["stream", "post"])
@pytest.mark.parametrize("password", [SECRET, SECRET + "-wrong"])
def test_a_password_is_told_to_nobody(gateway, secretive, name, password):
    option = {f"{name}_database": f"{secretive} password={password}",
              "log_level": "debug"}
    process, path, log = gateway(name, **option)
    if name == "post":
        answer = ask(name, path)
        assert answer[0] == (201 if password == SECRET else 503)
        answers = [answer]
    else:
        ask(name, path)
        eventually(lambda: "authentication failed" in text_of(log) or fastcgi.request(
            path, "GET", "/events/-/ready")[0] == 200, what="the database's word")
        assert ("authentication failed" in text_of(log)) == (password != SECRET)
        answers = [fastcgi.request(path, "GET", uri) for uri in OWN_PAGES]
    tells_nothing(process, log, *answers)
    for _, _, body in answers:
        assert b"secretive" not in body


@pytest.mark.parametrize("name", ["stream", "post"])
@pytest.mark.parametrize("malformed", [
    f"host=/tmp user=u password={SECRET} {SECRET}", f"password='{SECRET}",
    f"{SECRET}=x", f"postgresql://u:{SECRET}@[host/db",
    f"postgresql://u:{SECRET}@host/db?no={SECRET}",
    f"postgresql://u:pass@{SECRET}@host/db", f"u:{SECRET}@host",
])
def test_a_malformed_connection_string_is_not_shown(gateway, name, malformed):
    process, _, log = gateway(name, **{f"{name}_database": malformed})
    assert process.wait(10) == 1
    assert "connection string is malformed" in text_of(log)
    assert SECRET not in text_of(log)


def test_a_password_in_the_environment_stays_there(gateway, secretive):
    process, path, log = gateway("post", post_database=secretive,
                                 env={"PGPASSWORD": SECRET})
    answer = ask("post", path)
    assert answer[0] == 201
    tells_nothing(process, log, answer)
