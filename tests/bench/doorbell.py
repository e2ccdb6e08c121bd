"""What the doorbell costs writers: commits a second, and how late events are.

Runs pgbench side by side in one cluster: one row of 200 bytes per transaction,
by 1, 8 and 32 writers, and UPDATEs of an attached table, while gateways stream.

    no NOTIFY   the doorbell's trigger is off
    doorbell    as shipped
    always      some gateway sleeps for ever, so every transaction rings
    payload     what others do: a row trigger that puts the row into NOTIFY

doorbell.py [--seconds S] [--gateways 1 3] [--json FILE] [--docs FOLDER] [--fast]
--docs writes doorbell.md and doorbell.svg there.
--fast leaves out the run with a disk that takes a millisecond more to flush.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time

from benchlib import plot
from benchlib.env import BenchCluster, harness, machine, raise_limits, say

WRITERS = (1, 8, 32)
INSERT = "INSERT INTO pgfeed.event (topic, data) VALUES ('crowd', repeat('x', 200));\n"
PAYLOAD = "INSERT INTO payload (data) VALUES (repeat('x', 200));\n"
UPDATE = ("\\set id random(1, 10000)\n"
          "UPDATE stock SET n = n + 1 WHERE id = :id;\n")
TABLES = """
CREATE TABLE payload (id bigint GENERATED ALWAYS AS IDENTITY, data text);
CREATE FUNCTION payload() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN PERFORM pg_notify('payload', new.data); RETURN NULL; END$$;
CREATE TRIGGER payload AFTER INSERT ON payload FOR EACH ROW EXECUTE FUNCTION payload();
CREATE TABLE stock (id integer PRIMARY KEY, n integer NOT NULL);
INSERT INTO stock SELECT i, 0 FROM generate_series(1, 10000) i;
SELECT pgfeed.attach('stock', 'stock');
"""
MODES = {   # name: (script, set up, tear down)
    "no NOTIFY": (INSERT, "ALTER TABLE pgfeed.event DISABLE TRIGGER bell",
                  "ALTER TABLE pgfeed.event ENABLE ALWAYS TRIGGER bell"),
    "doorbell": (INSERT, None, None),
    "always": (INSERT, "sleeper", None),
    "payload": (PAYLOAD, "listener", None),
    "update, no NOTIFY": (UPDATE, "ALTER TABLE pgfeed.event DISABLE TRIGGER bell",
                          "ALTER TABLE pgfeed.event ENABLE ALWAYS TRIGGER bell"),
    "update, doorbell": (UPDATE, None, None),
    "update, always": (UPDATE, "sleeper", None),
}


class Cluster(BenchCluster):
    """With a library that slows the flush, or without."""

    def __init__(self, preload):
        self.preload = preload
        super().__init__()

    def start(self):
        preload = ["env", "LD_PRELOAD=" + self.preload] if self.preload else []
        harness.run(preload + [
            self.bin + "/pg_ctl", "start", "-s", "-w", "-D", self.data, "-l",
            self.service_dir + "/postgresql.log"])


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Probe:
    """Commits 20 events a second and takes the time from commit to stream."""

    def __init__(self, site):
        self.site, self.sent, self.delays = site, {}, []
        self.done = threading.Event()
        self.stream = site.stream("/events/probe").live()
        self.threads = [threading.Thread(target=f) for f in (self.write, self.read)]
        for thread in self.threads:
            thread.start()

    def write(self):
        connection = self.site.connect()
        cursor = connection.cursor()
        n = 0
        while not self.done.wait(0.05):
            n += 1
            cursor.execute("INSERT INTO pgfeed.event (topic, data) VALUES ('probe', %s)",
                           (str(n),))
            self.sent[str(n)] = time.monotonic()
        connection.close()
        self.stream.close()

    def read(self):
        with contextlib.suppress(Exception):
            while True:
                event = self.stream.message(10)
                now = time.monotonic()
                for _ in range(100):    # it may come before execute() returns
                    if event.data in self.sent:
                        break
                    time.sleep(0.0002)
                self.delays.append(now - self.sent.get(event.data, now))

    def finish(self):
        self.done.set()
        for thread in self.threads:
            thread.join()
        delays = sorted(self.delays)
        at = lambda part: round(1000 * delays[int(part * (len(delays) - 1))], 1)
        return {"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)} if delays else {}


def measure(cluster, sites, mode, writers, seconds):
    script, before, after = MODES[mode]
    site = sites[0]
    path = os.path.join(cluster.service_dir, "script.sql")
    with open(path, "w", encoding="ascii") as file:
        file.write(script)
    os.chmod(path, 0o644)
    extra = None
    if before in ("sleeper", "listener"):
        extra = site.connect()
        extra.cursor().execute("SELECT pgfeed.set_asleep(true)" if before == "sleeper"
                               else "LISTEN payload")
    elif before:
        site.sql(before)
    probe = Probe(site) if mode in ("doorbell", "update, doorbell") else None
    pid = site.gateway_pid()
    command = ["pgbench", "-n", "-h", cluster.service_dir, "-U", "postgres", "-f", path,
               "-c", str(writers), "-j", "1", "-M", "prepared", site.database]
    command[0] = os.path.join(cluster.bin, "pgbench")
    harness.run(command + ["-T", "2"])      # a gateway has noticed by then
    cpu, begun = cpu_seconds(pid), time.monotonic()
    out = harness.run(command + ["-T", str(seconds)])
    cpu = (cpu_seconds(pid) - cpu) / (time.monotonic() - begun)
    result = {"commits_per_s": round(float(out.split("tps = ")[1].split()[0])),
              "gateway_cpu_percent": round(100 * cpu, 1)}
    if probe:
        result.update(probe.finish())
    if extra:
        extra.close()
    if after:
        site.sql(after)
    harness.eventually(lambda: site.post("/events/-/status", method="GET").json()["asleep"],
                       60, "the gateway sleeps")
    return result


def idle_cpu(site):
    pid = site.gateway_pid()
    before = cpu_seconds(pid)
    time.sleep(10)
    return round(10 * (cpu_seconds(pid) - before), 2)


def run_cluster(name, preload, gateways, seconds, results, info):
    cluster = Cluster(preload)
    info.update(info or machine(cluster))   # before the first run
    try:
        sites = []
        for i in range(max(gateways)):
            sites.append(harness.Site(cluster, "lighttpd", log_level="warning",
                                      database=sites[0].database if i else None))
            if i == 0:
                sites[0].sql(TABLES)
            if i + 1 not in gateways:
                continue
            if i == 0:
                harness.eventually(lambda: sites[0].post(
                    "/events/-/status", method="GET").json()["asleep"], 30, "sleep")
                results[f"{name}, idle gateway"] = {"cpu_percent": idle_cpu(sites[0])}
            for writers in WRITERS:
                for mode in MODES:
                    key = f"{name}, {i + 1} gateways, {writers} writers, {mode}"
                    results[key] = measure(cluster, sites, mode, writers, seconds)
                    print(f"{key}: {results[key]}", flush=True)
        for site in sites:
            site.close()
    finally:
        cluster.close()


def table(results, disk, gateways):
    """Commits a second as a table in Markdown."""
    lines = [f"{disk}, {gateways} gateway(s), commits/s:", "",
             "| writers | " + " | ".join(MODES) + " | delay p50 / p99 | gateway's CPU |",
             "|---|" + "---|" * (len(MODES) + 2)]
    for writers in WRITERS:
        key = f"{disk}, {gateways} gateways, {writers} writers, "
        row = [results.get(key + mode, {}) for mode in MODES]
        bell = results.get(key + "doorbell", {})
        lines.append(
            f"| {writers} | " + " | ".join(f"{r.get('commits_per_s', 0):,}" for r in row)
            + f" | {bell.get('p50_ms')} / {bell.get('p99_ms')} ms"
            f" | {bell.get('gateway_cpu_percent')} % |")
    return "\n".join(lines)


INTRO = """# What the doorbell costs writers

Written by `make bench` or `make bench-doorbell`, on {cpus} CPUs ({cpu}), Linux {kernel},
fdatasync {fdatasync_us} us, {postgresql}. All of it shares these CPUs, with other work of the machine: the load
average before the run was {load}. So read columns against each other. One row of 200 bytes per transaction, written by pgbench, and
UPDATEs of an attached table:

- *no NOTIFY*: the doorbell's trigger is off, so gateways find events with the fetch of each second;
- *doorbell*: as shipped; *delay* is from the end of the commit to the stream, with another 20 events a second;
- *always*: a gateway sleeps for ever, so every transaction rings, as it did before the doorbell;
- *payload*: what others do, a row trigger that puts the row into NOTIFY.

![Commits per second](doorbell.svg)
"""


def write(folder, info, results, disks, gateways):
    load = ", ".join(f"{n:.1f}" for n in info["load_average"])
    text = INTRO.format(load=load, **info)
    for name in disks:
        for n in gateways:
            text += "\n" + table(results, name, n) + "\n"
        idle = results.get(f"{name}, idle gateway", {})
        text += f"\n{name}: an idle gateway takes {idle.get('cpu_percent')} % of a CPU.\n"
    with open(os.path.join(folder, "doorbell.md"), "w", encoding="utf-8") as file:
        file.write(text)
    series = {colour: (mode, mode == "always", [
        (w, results[f"{list(disks)[-1]}, {gateways[0]} gateways, {w} writers, {mode}"]
         ["commits_per_s"]) for w in WRITERS])
        for colour, mode in (("pgfeed", "doorbell"), ("floor", "no NOTIFY"),
                             ("apache", "always"), ("node", "payload"))}
    with open(os.path.join(folder, "doorbell.svg"), "w", encoding="ascii") as file:
        file.write(plot.lines(f"Commits per second, {list(disks)[-1]}", series, "writers",
                              "one row per transaction", ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--gateways", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--json")
    parser.add_argument("--docs", metavar="FOLDER")
    parser.add_argument("--fast", action="store_true")
    args = parser.parse_args()
    raise_limits()
    results, info = {}, {}
    disks = {"this disk": None}
    if not args.fast:
        library = os.path.join(harness.BUILD, "slow_flush.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, os.path.join(
            harness.SOURCE, "tests", "bench", "slow_flush.c")], check=True)
        disks["1 ms flush"] = library
    for name, preload in disks.items():
        say(f"{name}; load {os.getloadavg()[0]:.1f}")
        run_cluster(name, preload, args.gateways, args.seconds, results, info)
    for name in disks:
        for gateways in args.gateways:
            print("\n" + table(results, name, gateways))
    if args.json:
        with open(args.json, "w", encoding="ascii") as file:
            json.dump(results, file, indent=1)
    if args.docs:
        write(args.docs, info, results, disks, args.gateways)
    return 0


sys.exit(main())
