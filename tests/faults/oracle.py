#!/usr/bin/python3
"""oracle.py - does every client get every event exactly once, in order?

    oracle.py [--seconds N] [--gateways N] [--clients N] [--seed TEXT] [--naive]
              [--hasty]

Writers, gateways, web servers and clients are set to work on one database, and
everything that may break is broken, drawn from the seed. Then the writers end,
the clients read on until each has had the last marks, and what each was given
is compared with the table: missing, duplicate, out of order. Late is an event
that a gateway, not down, delivered 150 ms or more after its commit.

    writers --> PostgreSQL <-- wires --> gateways <-- web servers --> clients
                     ^           ^          ^              ^             |
                     +-----------+--faults--+--------------+             v
                     +-------------- table -----------------------> verdict.py

--naive shows that it can fail: the clients come back with the last id alone,
which is the rule "id > last", and the oracle has to report what that loses.
--hasty runs gateways that fall asleep without waiting for writers that did not
ring, and the oracle has to report late events.

The seed fixes all draws, not the timing; the same seed gives a similar run.
"""
import argparse
import collections
import json
import multiprocessing
import os
import resource
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
import clients
from lib import harness
import pages
import verdict
import witness
import world
import writers

CLIENTS_PER_PROCESS = 150
FIRST_REST_S = 8
DRAIN_SECONDS = 120
SHOWN = 5               # cases of each kind of fault
FORK = multiprocessing.get_context("fork")
UNKNOWN = ["", "0", ""]     # words of an event that does not name its transaction


def words_of(data, kind):
    """What an event's data says of who wrote it (writers.py). A row that is gone
    says who wrote it first, and a table that is empty nothing."""
    if kind in ("delete", "truncate"):
        return UNKNOWN
    return (json.loads(data)["new"]["token"] if kind in ("insert", "update")
            else data).split()


class Helper:
    """A process and the pipe to it."""

    def __init__(self, main, *args):
        self.pipe, far = FORK.Pipe()
        self.process = FORK.Process(target=main, args=(far, *args), daemon=True)
        self.process.start()
        far.close()

    def tell(self, *order):
        self.pipe.send(order)

    def ask(self, order, timeout=30):
        self.pipe.send(order)
        return self.answer(timeout)

    def answer(self, timeout=30):
        if not self.pipe.poll(timeout):
            raise TimeoutError("a process of the oracle does not answer")
        return self.pipe.recv()

    def end(self):
        self.pipe.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


class Oracle:
    def __init__(self, args):
        self.args = args
        self.begun = time.monotonic()
        self.world = world.World(args.gateways, args.logs, args.hasty)
        self.crowds, self.writers, self.witness = [], None, None
        self.max_holes = self.rests = 0
        self.naps = {True: 0, False: 0}     # looks at a gateway asleep, awake
        self.troubles = []
        self.pages = 0          # that were rendered

    def say(self, text):
        print(f"{time.monotonic() - self.begun:7.1f}  {text}", flush=True)

    def start(self):
        args = self.args
        ports = [front.port for front in self.world.fronts]
        options = {"naive": args.naive, "prefix": args.prefix,
                   "stay": args.stay,
                   "conninfo": self.world.cluster.conninfo("oracle")}
        for first in range(0, args.clients, CLIENTS_PER_PROCESS):
            numbers = range(first, min(args.clients,
                                       first + CLIENTS_PER_PROCESS))
            self.crowds.append(Helper(clients.main, args.seed, numbers, ports,
                                      options))
        self.writers = Helper(
            writers.main, args.seed, self.world.cluster.conninfo("oracle"),
            ports, {"writers": args.writers, "pause": args.pause,
                    "straddlers": 12 if args.hasty else 2})
        self.witness = Helper(witness.main,
                              self.world.cluster.conninfo("oracle"))

    # --- running

    def report(self):
        """What all clients say together."""
        total = {"delivered": 0, "troubles": 0, "n_waiting": 0, "waiting": [],
                 "count": collections.Counter()}
        for crowd in self.crowds:
            part = crowd.ask(("report",))
            for name in ("delivered", "troubles", "n_waiting", "waiting"):
                total[name] += part[name]
            total["count"].update(part["count"])
        return total

    def look(self):
        """Returns whether all gateways are live and asleep."""
        asleep = []
        for gateway in self.world.gateways:
            status = self.world.status(gateway) or {}
            self.max_holes = max(self.max_holes, int(status.get("holes", 0)))
            self.world.note_status(gateway, status.get("live"))
            if status.get("live"):
                self.naps[status["asleep"]] += 1
            asleep.append(bool(status.get("live") and status["asleep"]))
        return all(asleep)

    def stall(self, *args):
        for crowd in self.crowds:
            crowd.tell("stall", *args)

    def run(self):
        faults = world.Faults(self.world, self.args.seed, self.stall)
        end = time.monotonic() + self.args.seconds
        next_report = 0
        next_rest = end if self.args.naive else time.monotonic() + FIRST_REST_S
        while time.monotonic() < end:
            if time.monotonic() > next_rest:
                next_rest = time.monotonic() + self.rest(faults.rng)
            if not self.args.calm:
                done = faults.next()
                self.say("fault: " + done)
            pause = time.monotonic() + faults.rng.uniform(0.5, 4)
            while time.monotonic() < min(pause, end):
                self.look()
                time.sleep(0.3)
            if time.monotonic() > next_report:
                next_report = time.monotonic() + 10
                self.progress()
            self.writers.pipe.send("go")
        return faults.count

    def rest(self, rng):
        """The writers rest, with long transactions still open: every other time
        until all gateways sleep, else until some of them may be falling asleep.
        The next fault finds them so. Returns the seconds until the next rest."""
        self.writers.pipe.send("rest")
        self.rests += 1
        if self.rests % 2 == 0:
            time.sleep(rng.uniform(0.5, 4))
            return rng.uniform(5, 15)
        try:
            harness.eventually(self.look, 60, "all gateways asleep")
        except AssertionError as error:
            self.troubles.append(str(error))
        if self.args.hasty:
            time.sleep(3)   # the straddlers commit now, and nobody rings
        return rng.uniform(5, 15)

    def progress(self):
        committed, _ = self.writers.ask("report")
        total = self.report()
        self.say(f"{committed} transactions, {total['delivered']} deliveries, "
                 f"{total['count']['reconnects']} reconnects, holes up to "
                 f"{self.max_holes}, {total['troubles']} troubles")

    def wait_for_clients(self, what, seconds=DRAIN_SECONDS):
        deadline = time.monotonic() + seconds
        while (total := self.report())["n_waiting"]:
            if time.monotonic() > deadline:
                self.troubles.append(
                    f"{total['n_waiting']} clients still wait for {what}: "
                    f"{total['waiting']}")
                return
            time.sleep(0.2)

    def drain(self):
        """The writers end, and all clients come to the end of the feed."""
        self.writers.pipe.send("stop")
        for crowd in self.crowds:
            crowd.tell("drain")
        # First no transaction stays prepared: one that does may hold up what
        # is above it, and with it the gateways.
        self.world.mend_wires()
        self.writers.pipe.send("end")
        visible, posted, kinds, troubles = self.writers.answer(120)
        self.troubles += troubles
        self.world.wait_until_live()
        self.wait_for_clients("their first position")
        marks = self.world.sql(
            "INSERT INTO pgfeed.event (topic, data) SELECT t, 'mark-0 ' || %s"
            " || ' m' FROM unnest(%s) t, generate_series(1, 2)"
            " RETURNING id, topic", (time.monotonic_ns(), [*clients.TOPICS, *pages.TOPICS]))
        for crowd in self.crowds:
            crowd.tell("marks", marks)
        begun = time.monotonic()
        self.wait_for_clients("the marks")
        self.say(f"all clients at the end after {time.monotonic() - begun:.1f} s")
        self.wait_for_fetches()     # a second delivery would come now
        self.check_holes()
        self.check_naps()
        self.troubles += self.world.unexpected()
        return visible, posted, kinds

    def wait_for_fetches(self):
        """Each gateway fetches twice more, as it does each second unasked."""
        def fetches():
            return [int((self.world.status(g) or {}).get("fetches", -1))
                    for g in self.world.gateways]
        enough = [n + 2 for n in fetches()]
        harness.eventually(lambda: all(map(int.__ge__, fetches(), enough)), 20,
                           "two more fetches of each gateway")

    def check_naps(self):
        """A run that is long enough has tried the doorbell in both states."""
        self.say(f"gateways seen asleep {self.naps[True]} times,"
                 f" awake {self.naps[False]} times")
        if self.args.seconds >= 25 and not all(self.naps.values()):
            self.troubles.append(f"the gateways never changed state: {self.naps}")

    def check_holes(self):
        """Without writers no hole stays open."""
        def holes():
            return [int((self.world.status(g) or {}).get("holes", -1))
                    for g in self.world.gateways]
        try:
            harness.eventually(lambda: not any(holes()), 10, "no holes")
        except AssertionError:
            self.troubles.append(f"holes that do not close: {holes()}")

    # --- judging

    def results(self):
        """Lists of deliveries; by client, its connections; by id and topic, what was
        shown of an event; (list, page, what it shows); by gateway and event, when
        the first client had it; and when the machine stood still."""
        lists, journals, content, shown, first_at = [], {}, {}, [], {}
        stalls = self.witness.ask("end")
        for crowd in self.crowds:
            crowd.tell("results")
        for crowd in self.crowds:
            while isinstance((answer := crowd.answer(60))[0], int):
                number, topics, journal, sections, page = answer
                journals[number] = journal
                for i, (start, end, ids, final, rendered) in enumerate(sections):
                    if start is None:
                        continue
                    lists.append(verdict.Delivered(number, topics, start,
                                                   None if final else end, ids, i))
                    if rendered:
                        shown.append((lists[-1], page, rendered))
            for event, what in answer[0].items():
                if content.setdefault(event, what) != what:
                    self.troubles.append(f"event {event}: {what} and "
                                         f"{content[event]}")
            self.troubles += answer[1]
            for (front, number), at in answer[2].items():
                key = (self.world.fronts[front].gateway.name, number)
                first_at[key] = min(at, first_at.get(key, at))
            stalls += answer[3]
        return lists, journals, content, shown, first_at, stalls

    def check_table(self, rows, words, visible, posted, content):
        """What was promised to writers, and what was shown to clients."""
        of = collections.defaultdict(list)
        for number, *_ in rows:
            of[words[number][0]].append(number)
        for transaction in visible:
            if transaction not in of:
                self.troubles.append(f"{transaction} is committed, but not in "
                                     "the table")
        for transaction, (number, keyed) in posted.items():
            if number is not None and number not in of[transaction]:
                self.troubles.append(f"POST {transaction}: {number} is not in "
                                     "the table")
            if keyed and len(of[transaction]) > 1:
                self.troubles.append(f"POST {transaction} with a key: "
                                     f"{of[transaction]}")
        there = {number: (topics, what) for number, topics, *what in rows}
        for (number, topic), what in content.items():
            topics, truth = there.get(number, ((), None))
            if topic not in topics or list(what) != truth:
                self.troubles.append(f"event {number} was shown as {topic}, {what},"
                                     f" the table has {topics}, {truth}")

    def check_pages(self, rows, shown):
        """What pages began with, and what those show that are still open."""
        present = {page: {int(n): token for n, token in self.world.sql(
            page.rows_query)[0][0].items()} for page in pages.PAGES}
        ids = {page: sorted(row[0] for row in rows if any(
            verdict.takes(page.topics, topic) for topic in row[1])) for page in pages.PAGES}
        self.pages = len(shown)
        for one, page, rendered in shown:
            where = f"client {one.client}, list {one.number}, {page}"
            if not verdict.saw_what_it_has(ids[page], one.start, rendered.seen):
                self.troubles.append(f"{where}: position {clients.brief(one.start)} is not"
                                     f" of what was seen, {rendered.seen}")
            if one.end is None and rendered.rows != present[page]:
                wrong = rendered.rows.items() ^ present[page].items()
                self.troubles.append(f"{where} from {clients.brief(one.start)} ends with"
                                     f" other rows than the table: {sorted(wrong)[:SHOWN]}")

    def judge(self, visible, posted):
        rows = self.world.sql(
            "SELECT id, array_prepend(topic, also), data, to_char(at AT TIME ZONE 'UTC',"
            " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), kind FROM pgfeed.event")
        lists, journals, content, shown, first_at, stalls = self.results()
        words = {row[0]: words_of(row[2], row[4]) for row in rows}
        self.check_table(rows, words, visible, posted, content)
        self.check_pages(rows, shown)
        begun = {i: int(w[1]) for i, w in words.items() if w[0]}
        seen = {i: visible[w[0]] for i, w in words.items() if w[0] in visible}
        found = verdict.judge(lists, [row[:2] for row in rows], begun, seen)
        found.late, found.timed, found.unsure = verdict.find_late(
            first_at, {i: at / 1e9 for i, at in seen.items()
                       if not words[i][2].startswith(writers.UNRUNG)},
            self.world.down_windows(), stalls)
        self.explain(found, journals, words, seen)
        return rows, found

    def explain(self, found, journals, words, seen):
        for what, cases in (("missing", found.missing),
                            ("duplicate", found.duplicates),
                            ("out of order", found.disorder),
                            ("not in the table", found.phantoms)):
            for one, event, *other in cases[:SHOWN]:
                word = words.get(event, UNKNOWN)
                at = int(word[1]) / 1e9
                known = seen.get(event, 0) / 1e9
                print(f"{what}: client {one.client}, list {one.number} from "
                      f"{clients.brief(one.start)}, topics {one.topics}: event {event} "
                      f"({word[0]}, begun {at:.3f}, visible {known:.3f})"
                      + (f" before {other[0]}" if other else ""))
                where = [n for n, i in enumerate(one.ids) if i == event]
                print(f"  at {where} of {len(one.ids)}; connections then:")
                for entry in journals[one.client]:
                    if entry[4] == one.number and (
                            at - 2 < entry[0] < max(known, at) + 4):
                        print(f"    {entry[0]:.3f} front {entry[1]} "
                              f"{entry[2]}, sent {clients.brief(entry[3])}, "
                              f"had {entry[5]}")
        for gateway, event, delay in found.late[:SHOWN]:
            print(f"late: event {event} ({words[event][0]}, visible "
                  f"{seen[event] / 1e9:.3f}) came {1000 * delay:.0f} ms later "
                  f"from gateway {gateway}")

    def close(self):
        for helper in [*self.crowds, self.writers, self.witness]:
            if helper:
                helper.end()
        self.troubles += self.world.close()


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Compare what clients are given with what the table holds, "
                    "while everything breaks.")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--clients", type=int, default=120)
    parser.add_argument("--writers", type=int, default=10,
                        help="besides those with long transactions")
    parser.add_argument("--pause", type=float, default=0.25, metavar="SECONDS",
                        help="of a writer between two transactions, on average")
    parser.add_argument("--prefix", type=float, default=150, metavar="EVENTS",
                        help="that a client reads before it drops, on average")
    parser.add_argument("--stay", type=float, default=8, metavar="SECONDS",
                        help="that a client stays at most, on average")
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--naive", action="store_true",
                        help='come back with "id > last": has to lose events')
    parser.add_argument("--hasty", action="store_true",
                        help="gateways that do not wait before they sleep: "
                        "events have to be late")
    parser.add_argument("--logs", default="oracle-logs",
                        help="where the logs go when it fails")
    return parser.parse_args()


def summarize(oracle, args, kinds, faults, rows, found):
    count = oracle.final["count"]
    print(f"writers: {kinds}")
    print(f"faults: {faults}")
    print(f"clients: {dict(count)}")
    for trouble in oracle.troubles[:20]:
        print("trouble: " + trouble)
    if len(oracle.troubles) > 20:
        print(f"... and {len(oracle.troubles) - 20} more troubles")
    good = (found.missing if args.naive else
            found.late or found.unsure if args.hasty else
            not found.faults() and not found.late and not oracle.troubles)
    print(f"1 {'passed' if good else 'failed'}, "
          f"{'naive rule, ' if args.naive else ''}"
          f"{'hasty doorbell, ' if args.hasty else ''}"
          f"{len(rows)} events, {found.deliveries} deliveries, "
          f"{count['reconnects']} reconnects, {oracle.pages} pages, "
          f"{sum(faults.values())} faults, "
          f"{len(found.missing)} missing, {len(found.duplicates)} duplicates, "
          f"{len(found.disorder)} out of order, {len(found.late)} late of "
          f"{found.timed} and {found.unsure} on a machine that stood still, "
          f"{len(oracle.troubles)} troubles, holes up to {oracle.max_holes}, seed {args.seed}")
    return good


def main():
    args = parse_arguments()
    missing = harness.missing_tools()
    if missing:
        print(f"SKIP: not here: {missing}")
        return 77
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    print(f"oracle: seed {args.seed}, {args.seconds:g} s, {args.gateways} "
          f"gateways, {args.clients} clients"
          + (', the naive rule "id > last"' if args.naive else ""), flush=True)
    oracle = Oracle(args)
    good = False
    try:
        oracle.start()
        faults = oracle.run()
        visible, posted, kinds = oracle.drain()
        oracle.final = oracle.report()
        rows, found = oracle.judge(visible, posted)
        good = summarize(oracle, args, kinds, faults, rows, found)
    finally:
        if not good:
            oracle.world.keep_logs(args.logs)
            print(f"logs are in {os.path.abspath(args.logs)}")
        oracle.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
