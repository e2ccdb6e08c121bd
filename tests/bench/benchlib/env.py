"""The machine, the private PostgreSQL and the tools of one bench run."""
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys

from lib import harness
from lib.harness import Cluster, Process, children, eventually, run

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "..", "peers")
PORTS = iter(range(9200, 9300))

# Like ./run, the bench installs packages but starts none of their services.
NO_SERVICES = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}


class Skipped(Exception):
    """A peer that can't be measured here, and why."""


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def raise_limits():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pin():
    """What is measured, and this program, leave the last CPU to the tools."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit("--pin needs two CPUs")
    os.sched_setaffinity(0, cpus[:-1])
    return {"measured": cpus[:-1], "tools": cpus[-1:]}


def install(*packages):
    """Installs Debian packages that are missing; Skipped when it can't."""
    missing = [p for p in packages if subprocess.run(
        ["dpkg", "-s", p], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=False).returncode != 0]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Skipped(f"not installed: {' '.join(missing)}")
    say("installing", *missing)
    done = subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends"] + missing,
        env={**os.environ, **NO_SERVICES}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Skipped("apt-get install failed: " + done.stdout[-300:])


class BenchCluster(Cluster):
    """As the tests have it, but on a disk whose promises are kept."""

    SETTINGS = ("max_connections = 300\nshared_buffers = 256MB\n"
                "max_wal_size = 4GB")


class Tools:
    """The programs of tests/bench; each writes one line of JSON at its end."""

    def __init__(self, build, cpus=None):
        self.prefix = (["taskset", "-c", ",".join(map(str, cpus["tools"]))]
                       if cpus else [])
        self.dir = os.path.join(os.path.abspath(build), "tests", "bench")
        self.running = []

    def start(self, name, *args):
        popen = subprocess.Popen(
            self.prefix + [os.path.join(self.dir, name)] +
            [str(a) for a in args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.running.append(popen)
        return popen

    def start_other(self, *command):
        """A program of the system's, stopped by interrupting it."""
        popen = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(popen)
        return popen

    def stop_other(self, popen):
        popen.send_signal(signal.SIGINT)
        popen.wait()
        self.running.remove(popen)

    @staticmethod
    def wait_ready(popen):
        line = popen.stdout.readline()
        assert line == "ready\n", f"{popen.args}: {line!r}"

    def finish(self, popen):
        out = popen.stdout.read()
        code = popen.wait()
        self.running.remove(popen)
        assert code == 0, f"{popen.args} ended with {code}"
        return json.loads(out)

    def run(self, name, *args):
        return self.finish(self.start(name, *args))

    def close(self):
        for popen in self.running:
            popen.terminate()
            popen.wait()
        self.running.clear()


def first_line(command):
    path = harness.find(command[0])
    if not path:
        return None
    done = subprocess.run([path] + command[1:], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    return lines[0] if lines else None


def machine(cluster):
    """What the figures depend on."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        cpu = [l.split(":", 1)[1].strip() for l in file if "model name" in l]
    with open("/proc/meminfo", encoding="ascii") as file:
        memory_kb = int(file.readline().split()[1])
    pgtest = harness.find("pg_test_fsync", "/usr/lib/postgresql/*/bin")
    fsync = None
    if pgtest:
        out = subprocess.run([pgtest, "-s", "1", "-f", cluster.dir + "/fsync"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, check=False).stdout
        fsync = next((float(l.split()[-2]) for l in out.splitlines()
                      if l.strip().startswith("fdatasync")), None)
    return {
        "cpus": os.cpu_count(), "cpu": cpu[0] if cpu else None,
        "memory_mb": memory_kb // 1024, "kernel": platform.release(),
        "fdatasync_us": fsync, "descriptors": raise_limits(),
        "postgresql": first_line([cluster.bin + "/postgres", "--version"]),
        "lighttpd": first_line(["lighttpd", "-v"]),
        "apache": first_line(["apache2", "-v"]),
        "nginx": first_line(["nginx", "-v"]),
        "node": first_line(["node", "--version"]),
        "load_average": os.getloadavg(),
    }


def copy_for_service(cluster, *names):
    """Files of peers/ to where the service user may read them."""
    target = os.path.join(cluster.service_dir, "peers")
    os.makedirs(target, exist_ok=True)
    os.chmod(target, 0o755)
    for name in names:
        shutil.copy(os.path.join(PEERS, name), target)
        os.chmod(os.path.join(target, name), 0o644)
    return target


__all__ = ["BenchCluster", "PORTS", "Process", "Skipped", "Tools",
           "children", "copy_for_service", "eventually", "install", "machine",
           "harness", "raise_limits", "run", "say"]
