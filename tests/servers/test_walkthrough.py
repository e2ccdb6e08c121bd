"""docs/hosting.md, "You have CGI and nothing else", followed to the letter.

By a user without any rights, on a machine that runs an Apache (as its
administrator set it up: UserDir, CGI programs as their users by suexec) and a
PostgreSQL. Only the database's name is the reader's own. Needs root, to be
that administrator.
"""
import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import subprocess

import pytest

import hosts
from lib import harness as env
from lib.http import Stream, request

NAME = "pgfeed-reader"
SUEXEC_LOG = "/var/log/apache2"     # compiled in; the package apache2 makes it


def commands(name):
    """The block ```sh NAME of the page."""
    with open(env.SOURCE + "/docs/hosting.md", encoding="utf-8") as file:
        return re.search(rf"^```sh {name}\n(.*?)^```$", file.read(), re.M | re.S)[1]


@pytest.fixture
def reader(installation):
    """A Unix user with a home folder, and a database role of the same name."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a user and let suexec run")
    if not os.path.exists("/usr/lib/apache2/suexec"):
        pytest.skip("apache2-suexec-pristine is not installed")
    home = installation.dir + "/home"
    log_is_ours = not os.path.exists(SUEXEC_LOG)
    if log_is_ours:
        os.mkdir(SUEXEC_LOG)
    subprocess.run(["useradd", "--create-home", "--home-dir", home, "--shell",
                    "/bin/sh", NAME], check=True)
    try:
        installation.sql(f'CREATE ROLE "{NAME}" LOGIN', "postgres")
        installation.sql(f'CREATE DATABASE "{NAME}" OWNER "{NAME}"', "postgres")
        yield home
    finally:
        for pid in processes_of(NAME):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        env.eventually(lambda: not processes_of(NAME), what="their end")
        subprocess.run(["userdel", NAME], check=True)
        if log_is_ours:
            shutil.rmtree(SUEXEC_LOG)


def processes_of(name, program=None):
    uid, found = pwd.getpwnam(name).pw_uid, []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat("/proc/" + pid).st_uid != uid:
                continue
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if program in (None, file.read().strip()):
                    found.append(int(pid))
    return found


def as_reader(home, script):
    done = subprocess.run(
        ["runuser", "-u", NAME, "--", "env", "-i", "HOME=" + home,
         "PATH=/usr/local/bin:/usr/bin:/bin", "sh", "-ec", script],
        cwd=home + "/pgfeed-src", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}"
    return done.stdout


@contextlib.contextmanager
def apache(installation, home):
    """As the administrator of a shared host has it; started by root."""
    folder, port = installation.dir + "/apache", hosts.free_port()
    os.mkdir(folder, 0o755)
    names = ["authz_core", "authz_host", "cgid", "deflate", "dir", "env", "filter",
             "mime", "suexec", "userdir"]
    with open(folder + "/apache.conf", "w", encoding="utf-8") as file:
        file.write(f"""ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
DefaultRuntimeDir {folder}
Mutex pthread default
LoadModule mpm_event_module {hosts.MODULES}/mod_mpm_event.so
""" + "".join(f"LoadModule {n}_module {hosts.MODULES}/mod_{n}.so\n" for n in names)
            + f"""User www-data
Group www-data
TypesConfig /etc/mime.types
UserDir public_html
SetOutputFilter DEFLATE
<Directory "/">
    Require all denied
    AllowOverride None
</Directory>
<Directory "{home}/public_html">
    Require all granted
    AllowOverride FileInfo Options=ExecCGI AuthConfig
</Directory>
""")
    with open(folder + "/said", "wb") as said:
        process = subprocess.Popen(
            [env.find("apache2"), "-f", folder + "/apache.conf", "-DFOREGROUND"],
            stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd="/",
            start_new_session=True)
    try:
        yield port
    except BaseException:
        for name in ("said", "apache.log"):
            with contextlib.suppress(OSError), \
                    open(f"{folder}/{name}", encoding="utf-8") as file:
                print(file.read()[-3000:])
        raise
    finally:
        process.terminate()
        process.wait(20)


def test_cgi_to_the_letter(installation, reader):
    source = reader + "/pgfeed-src"
    shutil.copytree(env.SOURCE, source, symlinks=True, ignore=shutil.ignore_patterns(
        ".git", "var", "*.o", "*.a", "node_modules"))
    if os.path.exists(source + "/Makefile"):    # the tree was built in
        subprocess.run(["make", "-s", "distclean"], cwd=source, check=True)
    uid, gid = pwd.getpwnam(NAME).pw_uid, grp.getgrnam(NAME).gr_gid
    subprocess.run(["chown", "-R", f"{uid}:{gid}", source], check=True)

    as_reader(reader, commands("install"))
    script = commands("cgi")
    assert script.count("dbname=mydatabase") == 1
    as_reader(reader, script.replace(
        "dbname=mydatabase",
        f"host={installation.service_dir} dbname={NAME} user={NAME}"))
    assert processes_of(NAME) == []

    with apache(installation, reader) as port:
        page = f"/~{NAME}/pgfeed/"
        env.eventually(lambda: _status(port, page) == 200, 20, "the page")
        html = request(port, "GET", page).body.decode()
        for file in re.findall(r'(?:src|href)="([^":#?]+\.(?:js|css|svg))"', html):
            answer = request(port, "GET", page + file)
            assert answer.status == 200, file
            if file.endswith(".js"):
                assert answer.headers["content-type"].startswith("text/javascript")
        assert processes_of(NAME, "pgfeed-stream") == []

        # What the page does: it watches, and its form posts.
        action = re.search(r'<form id="send" action="([^"]+)"', html)[1]
        with Stream(port, page + "events?topic=events&topic=demo") as stream:
            stream.live()
            assert "content-encoding" not in stream.headers
            assert len(processes_of(NAME, "pgfeed-stream")) == 1
            answer = request(port, "POST", page + action, b"data=from+the+page", {
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "text/html", "Referer": f"http://127.0.0.1:{port}{page}"})
            assert answer.status == 303, answer.body
            assert answer.headers["location"].endswith(page)
            assert stream.message().data == "from the page"
            assert len(processes_of(NAME, "pgfeed-cgi")) == 1


def _status(port, path):
    with contextlib.suppress(OSError):
        return request(port, "GET", path, timeout=5).status
