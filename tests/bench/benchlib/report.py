"""bench.json as tables and plots for people."""
import json
import os

from . import plot
from .measure import GRACE_S
from .scenarios import BURST_GRACE_S

INTRO = """# Benchmark

{title}. One run on {at}, on one machine:
{cpus} CPUs ({cpu}), {memory_mb} MB, Linux {kernel}, fdatasync {fdatasync_us}
us; {postgresql}; {lighttpd}; {apache}; {nginx}; Node {node}.
Load generator, publisher, PostgreSQL, web server and gateway share these CPUs;
{pinned}. Other work on the machine is in the figures (load average before
the run: {load}). So read columns against each other, not against other machines.

    {command}

Latency runs from the moment an event was due at a constant rate (so a slow
server can't hide behind a slow publisher) to the moment the load generator had
read the whole event. Percentiles come from one histogram of all deliveries.
Every delivery is checked by number: twice, out of order, or missing, which is
what had not come {grace} s after the last publication ({burst} s after a burst).
All figures are in `bench.json`, seed {seed}.

How events get in: {publishes}.
"""


def ms(us):
    return f"{us / 1000:.1f}"


def count(n):
    return f"{n:,}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join(" --- " if i == 0 else " ---: "
                            for i in range(len(head))) + "|"]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def title(result, row):
    if row["peer"] == "floor":
        return "bare loop of send(), without a rest"
    if row["peer"] == "floor_paced":
        return "bare loop of send(), at the gateway's rate"
    if row["peer"] == "libpq":
        return "bare libpq, LISTEN"
    if row["peer"] == "idle_fcgi":
        return "lighttpd, a responder that does nothing"
    return result["peers"][row["peer"]]["title"]


def lost(row):
    """0, or what went wrong in words."""
    words = [f"{count(row[k])} {w}" for k, w in (
        ("missing", "missing"), ("duplicates", "twice"),
        ("out_of_order", "out of order")) if row.get(k)]
    return ", ".join(words) or "none"


def figure(n):
    return f"{n:,.0f}" if n >= 100 else f"{n:.3g}"


def processes(row, key):
    return ", ".join(f"{name} {figure(used.get(key, 0))}"
                     for name, used in row["watch"].items())


# --- one function a scenario: text, and plots by file name

def latency(result, rows):
    body = table(
        ["", "streams", "p50 ms", "p90", "p99", "p99.9", "max",
         "CPU us per delivery", "lost", "p50 of each round"],
        [[title(result, r), count(r["streams"])] +
         [ms(r["latency_us"][k]) for k in ("p50", "p90", "p99", "p999",
                                           "max")] +
         [processes(r, "cpu_us_per_delivery"), lost(r),
          ", ".join(ms(us) for us in r["p50_of_rounds"])] for r in rows])
    body += ("\nThe rounds go through all peers in turn; the one with the "
             "lowest p50 is shown, unless one lost something: then that "
             "one.\n")
    plots = {}
    for part in ("p50", "p99"):
        series = {}
        for row in rows:
            if not row["latency_us"]["count"]:
                continue
            _, _, line = series.setdefault(
                row["peer"], (title(result, row), row["peer"] == "pgfeed", []))
            line.append((row["streams"],
                         max(row["latency_us"][part], 1) / 1000))
        if series:
            plots[f"latency-{part}.svg"] = plot.lines(
                f"Latency {part}, 5 events a second", series, "streams",
                "milliseconds, from publication to client")
    memory = [(r["peer"], title(result, r),
               sum(w["bytes_per_stream"] for w in r["watch"].values()), "")
              for r in rows if r["streams"] == max(
                  o["streams"] for o in rows if o["peer"] == r["peer"])]
    plots["memory.svg"] = plot.bars(
        "Memory per stream, gateway and web server together", memory, " B",
        log=True)
    body += "\nMemory per stream (proportional set size of the processes, the " \
        "kernel's socket buffers not counted):\n\n" + table(
            ["", "streams", "bytes per stream"],
            [[title(result, r), count(r["streams"]),
              processes(r, "bytes_per_stream")] for r in rows])
    return body, plots


def tuning(result, rows):
    return table(
        ["lighttpd", "streams", "p50 ms", "p99", "CPU us per delivery", "lost"],
        [[r["variant"], count(r["streams"]), ms(r["latency_us"]["p50"]),
          ms(r["latency_us"]["p99"]), processes(r, "cpu_us_per_delivery"),
          lost(r)] for r in rows]), {}


def burst(result, rows):
    body = table(
        ["", "streams", "deliveries/s", "all there after ms", "reads",
         "lost", "memory at the end kB"],
        [[title(result, r), count(r["streams"]), count(r["deliveries_per_s"]),
          ms(r["span_s"] * 1e6), count(r["reads"]), lost(r),
          processes(r, "pss_kb_end")] for r in rows])
    return body, {"burst.svg": plot.bars(
        "Burst of 2,000 events", [
            (r["peer"], title(result, r), r["deliveries_per_s"], "")
            for r in rows], "/s")}


def turns(result, rows):
    floor = {r["peer"]: r["per_cpu_s"] for r in rows}
    return table(
        ["", "streams", "per CPU second", "CPU us each",
         "of the loop without a rest", "of the loop at this rate",
         "deliveries per read"],
        [[title(result, r), count(r["streams"]), count(r["per_cpu_s"]),
          f"{1e6 / r['per_cpu_s']:.2f}"] +
         [f"{r['per_cpu_s'] / floor[name]:.2f}"
          for name in ("floor", "floor_paced")] + [r.get("per_read", 1)]
         for r in rows]), {}


def single(result, rows):
    return table(
        ["", "p50 ms", "p90", "p99", "max", "p50 of bare libpq's"],
        [[title(result, r)] + [ms(r["latency_us"][k]) for k in (
            "p50", "p90", "p99", "max")] + [r.get("of_libpq", 1)]
         for r in rows]), {}


def syscalls(result, rows):
    return table(
        ["", "process", "calls per delivery"],
        [[title(result, r), name, ", ".join(
            f"{call} {n:.2f}" for call, n in sorted(
                calls.items(), key=lambda item: -item[1]))]
         for r in rows for name, calls in r["calls"].items()]), {}


def idle(result, rows):
    return table(
        ["", "streams", "live at the end", "connected in s",
         "bytes per stream", "CPU %"],
        [[title(result, r), count(r["streams"]), count(r["live_at_end"]),
          f"{r['connect_s']:.1f}", processes(r, "bytes_per_stream"),
          processes(r, "cpu_percent")] for r in rows]), {}


def topics(result, rows):
    return table(
        ["", "streams", "deliveries", "CPU us per event",
         "CPU us per delivery", "p99 ms", "lost"],
        [[title(result, r), f"{count(r['streams'])} + 100",
          count(r["delivered"] + r["prefix"]["delivered"]),
          r["cpu_us_per_event"], r["cpu_us_per_delivery"],
          ms(r["latency_us"]["p99"]),
          lost(r) if lost(r) != "none" else lost(r["prefix"])]
         for r in rows]), {}


def slow(result, rows):
    return table(
        ["", "slow of 1,000", "p50 of the others ms", "p99", "max",
         "unread at the end"],
        [[title(result, r), r["slow"]] + [ms(r["latency_us"][k]) for k in (
            "p50", "p99", "max")] + [lost(r)] for r in rows]) + (
                "\nThe slow read 10 kB of 40 kB a second, so they are not at "
                "the end when the run is.\n"), {}


def ingest(result, rows):
    return table(
        ["", "connections", "POSTs/s", "p50 ms", "p99", "not 201"],
        [[title(result, r), r["connections"], count(r["per_s"]),
          ms(r["latency_us"]["p50"]), ms(r["latency_us"]["p99"]), r["bad"]]
         for r in rows]), {}


def jitter(result, rows):
    return table(
        ["", "delivered", "expected", "lost", "drops", "ended by the server",
         "replay p50 ms", "replay p99"],
        [[title(result, r), count(r["delivered"]), count(r["expected"]),
          lost(r), count(r["drops"]), count(r["ended"] + r["cut"]),
          ms(r["replay_us"]["p50"]), ms(r["replay_us"]["p99"])]
         for r in rows]), {}


HEADINGS = {
    "single": "One stream: from the INSERT call to the client",
    "latency": "Latency and memory, 5 events a second of 120 bytes",
    "tuning": "The effect of lighttpd's settings, 5 events a second",
    "burst": "Burst: 2,000 events to 1,000 streams (php-fpm: 100)",
    "turns": "One event per turn, beside the kernel's floor",
    "syscalls": "System calls per delivery",
    "idle": "Idle streams",
    "topics": "1,000 topics and 100 prefix subscribers",
    "slow": "Slow readers among others (20 events a second of 2 kB)",
    "ingest": "Durable POSTs",
    "jitter": "2,000 clients that drop, and everything restarted once"}


def write(result, docs):
    machine = result["machine"]
    text = INTRO.format(
        **{k: v for k, v in machine.items() if k != "load_average"},
        load=f"{machine['load_average'][0]:.1f}",
        pinned=("what is measured runs on CPU {measured}, load and publisher on "
                "CPU {tools}".format(**result["pinned"])
                if result["pinned"] else "nothing is pinned"),
        grace=GRACE_S, burst=BURST_GRACE_S,
        title="pgfeed beside what people would use instead",
        **{k: result[k] for k in ("at", "command", "seed")},
        publishes="; ".join(f"{p['title']}: {p['publishes']}"
                            for p in result["peers"].values()))
    if result["scale"] != 1 or result["time"] != 1:
        text += (f"\n**A trial run** (scale {result['scale']}, time "
                 f"{result['time']}): no figures to quote.\n")
    for name, rows in result["scenarios"].items():
        if not rows:
            continue
        body, plots = globals()[name](result, rows)
        text += f"\n## {HEADINGS[name]}\n\n"
        for file, svg in plots.items():
            with open(os.path.join(docs, file), "w", encoding="utf-8") as out:
                out.write(svg)
            text += f"![{HEADINGS[name]}]({file})\n"
        text += ("\n" if plots else "") + body
    if result["skipped"]:
        text += "\n## Not measured\n\n" + "".join(
            f"- {result['peers'][n]['title']}: {why}\n"
            for n, why in result["skipped"].items())
    for name, content in (("bench.json", json.dumps(result, indent=1) + "\n"),
                          ("bench.md", text)):
        with open(os.path.join(docs, name), "w", encoding="utf-8") as out:
            out.write(content)
