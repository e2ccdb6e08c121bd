"""pgfeed init: a working folder for each kind of host, without root."""
import os
import stat
import subprocess

import pytest

from lib.harness import as_service, clean_environment

MODES = ["apache", "htaccess", "cgi", "fcgid", "lighttpd", "nginx", "caddy"]


@pytest.fixture
def prefix(cluster):
    """An installation that has moved: init goes by where its program is."""
    place = f"{cluster.service_dir}/init{len(os.listdir(cluster.service_dir))}"
    os.makedirs(place + "/inst/share")
    os.mkdir(place + "/inst/bin")
    os.mkdir(place + "/inst/sbin")
    subprocess.run(["cp", cluster.share + "/pgfeed", place + "/inst/bin"], check=True)
    os.symlink(cluster.share, place + "/inst/share/pgfeed")
    subprocess.run(["chmod", "-R", "a+rX", place], check=True)
    subprocess.run(["mkdir", "-m", "777", place + "/home"], check=True)
    return place


def init(prefix, *args):
    return subprocess.run(
        as_service([prefix + "/inst/bin/pgfeed", "init", *args]), cwd=prefix + "/home",
        env=dict(clean_environment(), HOME=prefix + "/home"), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("mode", MODES)
def test_it_writes_a_folder_and_says_what_is_next(prefix, mode):
    done = init(prefix, "--database", "dbname=shop", mode)
    assert done.returncode == 0, done.stdout
    place = prefix + "/home/.pgfeed"
    for text in ("Next:", "migrate", f"-c {place}/pgfeed.conf"):
        assert text in done.stdout
    assert mode_of(place + "/pgfeed.conf") == 0o600
    daemons = mode not in ("cgi", "fcgid")
    assert mode_of(place + "/run") == (0o711 if daemons else 0o700)
    assert os.path.exists(place + "/start") == daemons
    for folder, _, files in os.walk(place):
        for name in files:
            with open(os.path.join(folder, name), encoding="utf-8",
                      errors="replace") as file:
                text = file.read()
            if not folder.startswith(place + "/web/") and not name.endswith(
                    (".js", ".ts", ".html", ".css", ".svg", ".json")):
                for word in ("dir", "sbin", "share", "mode", "socket_mode", "user"):
                    assert f"@{word}@" not in text, (name, word)
                assert "unix:/run/" not in text and "unix//run/" not in text
    # What it wrote is a configuration that pgfeed takes.
    done = subprocess.run(
        as_service([prefix + "/inst/bin/pgfeed", "-c", place + "/pgfeed.conf",
                    "check-config"]), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=clean_environment(), check=False)
    assert done.returncode == 0, done.stdout
    assert "database = dbname=shop\n" in done.stdout
    assert f"stream_socket = {place}/run/stream.sock\n" in done.stdout


def test_what_is_there_stays(prefix):
    assert init(prefix, "cgi").returncode == 0
    conf = prefix + "/home/.pgfeed/pgfeed.conf"
    with open(conf, "a", encoding="utf-8") as file:
        file.write("heartbeat = 7s\n")
    done = init(prefix, "cgi")
    assert done.returncode == 0 and f"left as it is: {conf}" in done.stdout
    with open(conf, encoding="utf-8") as file:
        assert "heartbeat = 7s" in file.read()


@pytest.mark.parametrize("args,code,text", [
    ([], 2, "which host do you have"),
    (["iis"], 2, 'there is no mode "iis"'),
    (["cgi", "a b"], 1, "choose a plainer path"),
    (["cgi", "x" * 90], 1, "too long for the path of a Unix socket"),
    (["cgi", "no/such/place"], 1, "could not make the folder"),
])
def test_it_refuses_what_cannot_work(prefix, args, code, text):
    done = init(prefix, *args)
    assert done.returncode == code and text in done.stdout, done.stdout
