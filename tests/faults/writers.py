"""Everybody who writes events, each in the way that is hardest to follow.

The data of an event is "TRANSACTION BEGUN NUMBER ...": which transaction wrote it,
when its INSERT began (time.monotonic_ns, one clock for all processes), and
which of its rows it is. When a transaction has been seen to be committed, that
time is noted; what comes out of it unknown stays so.
"""
import contextlib
import http.client
import random
import threading
import time

import psycopg2

from clients import TOPICS
import pages

INSERT = "INSERT INTO pgfeed.event (topic, data) VALUES (%s, %s)"
MANY = ("INSERT INTO pgfeed.event (topic, data) SELECT %s, %s || n || %s"
        " FROM generate_series(1, %s) n")
# With VALUES the id is drawn, then it takes a while, and only then, with the
# row, there is a transaction id.
SLOW = ("INSERT INTO pgfeed.event (topic, data) VALUES (%s, %s || CASE WHEN"
        " pg_sleep(%s) IS NULL THEN '' ELSE %s END)")
SLOW_MANY = ("INSERT INTO pgfeed.event (topic, data) SELECT %s, %s || n || CASE"
             " WHEN pg_sleep(%s) IS NULL THEN '' ELSE %s END"
             " FROM generate_series(1, %s) n")

UNRUNG = "q"    # of an event whose transaction has switched the bell off


class Writers:
    """State that the threads share."""

    def __init__(self, seed, conninfo, fronts, options):
        self.seed, self.conninfo, self.fronts = seed, conninfo, fronts
        self.pause = options["pause"]
        self.stopping = threading.Event()
        self.ending = threading.Event()     # the long ones too
        self.going = threading.Event()      # nobody begins a turn without it
        self.going.set()
        self.lock = threading.Lock()
        self.visible = {}       # transaction: when it was known to be
        self.prepared = {}      # gid: (transaction, commit it or not)
        self.posted = {}        # transaction: (id or None, had a key)
        self.troubles, self.count = [], {}

    def note(self, kind):
        with self.lock:
            self.count[kind] = self.count.get(kind, 0) + 1

    def committed(self, transaction):
        with self.lock:
            self.visible[transaction] = time.monotonic_ns()


class Writer(threading.Thread):
    def __init__(self, shared, name):
        super().__init__(name=name, daemon=True)
        self.shared = shared
        self.rng = random.Random(f"{shared.seed}/{name}")
        self.connection = None
        self.transactions = 0
        self.stopping = shared.stopping

    # --- the database, which may go away at any time

    def run(self):
        while not self.stopping.is_set():
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect(self.shared.conninfo)
                    self.connection.autocommit = True
                self.rest()
                self.turn()
            except psycopg2.Error as error:
                self.lost(error)
            except OSError:
                self.shared.note("post failed")
                self.stopping.wait(0.1)
        with contextlib.suppress(psycopg2.Error):
            if self.connection is not None:
                self.connection.close()

    def rest(self):
        """Waits while all writers rest, so that gateways fall asleep."""
        while not (self.shared.going.wait(0.1) or self.stopping.is_set()):
            pass

    def lost(self, error):
        gone = self.connection is None or self.connection.closed
        if not gone and isinstance(error, psycopg2.ProgrammingError):
            self.shared.troubles.append(f"{self.name}: {error}")
        self.shared.note("connection lost")
        with contextlib.suppress(psycopg2.Error):
            if self.connection is not None:
                self.connection.close()
        self.connection = None
        self.stopping.wait(0.1)

    def sql(self, statement, *args):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, args)
            return cursor.fetchall() if cursor.description else None

    # --- events

    def begin(self):
        self.transactions += 1
        return f"{self.name}-{self.transactions}"

    def token(self, transaction):
        """What an event's data begins with, and the column of an attached table."""
        return f"{transaction} {time.monotonic_ns()} "

    def padding(self):
        """Some events are big, so that little history fits in memory."""
        return " " + "." * self.rng.choice((0, 0, 10, 300, 4000))

    def topic(self):
        return self.rng.choice(TOPICS[:-1])

    def insert(self, transaction, number=0):
        self.sql(INSERT, self.topic(),
                 self.token(transaction) + f"s{number}" + self.padding())

    def insert_many(self, transaction, rows):
        self.sql(MANY, self.topic(), self.token(transaction) + "m",
                 self.padding(), rows)

    def insert_slowly(self, transaction, rows, seconds):
        if rows == 1:
            self.sql(SLOW, self.topic(), self.token(transaction) + "x",
                     seconds, self.padding())
        else:
            self.sql(SLOW_MANY, self.topic(), self.token(transaction) + "x",
                     seconds / rows, self.padding(), rows)

    def end(self, transaction, commit=True):
        if commit:
            self.sql("COMMIT")
            self.shared.committed(transaction)
        else:
            self.sql("ROLLBACK")


class Mixed(Writer):
    """Short transactions of every kind."""

    KINDS = (("one", 40), ("many", 14), ("rolled_back", 13), ("slow", 11),
             ("paused", 7), ("savepoint", 6), ("many_singles", 3),
             ("function", 4), ("several", 8), ("quiet", 2), ("snapshot", 4))

    def turn(self):
        names, weights = zip(*self.KINDS)
        kind = self.rng.choices(names, weights)[0]
        self.shared.note(kind)
        getattr(self, kind)(self.begin())
        self.stopping.wait(self.rng.expovariate(1 / self.shared.pause))

    def one(self, transaction):
        self.insert(transaction)
        self.shared.committed(transaction)

    def many(self, transaction):
        self.insert_many(transaction, self.rng.randint(2, 20))
        self.shared.committed(transaction)

    def rolled_back(self, transaction):
        self.sql("BEGIN")
        self.insert_many(transaction, self.rng.randint(1, 5))
        if self.rng.random() < 0.5:
            self.stopping.wait(self.rng.uniform(0, 0.2))
        self.end(transaction, False)

    def slow(self, transaction):
        self.insert_slowly(transaction, self.rng.choice((1, 1, 1, 2, 4)),
                           self.rng.uniform(0.02, 0.4))
        self.shared.committed(transaction)

    def paused(self, transaction):
        self.sql("BEGIN")
        self.insert(transaction)
        self.stopping.wait(self.rng.uniform(0, 0.5))
        self.insert(transaction, 1)
        self.end(transaction)

    def savepoint(self, transaction):
        self.sql("BEGIN")
        self.insert(transaction)
        self.sql("SAVEPOINT a")
        self.insert_many(transaction, 3)
        self.sql("ROLLBACK TO a")
        if self.rng.random() < 0.5:
            self.insert(transaction, 2)
        self.stopping.wait(self.rng.uniform(0, 0.2))
        self.end(transaction, self.rng.random() < 0.8)

    def many_singles(self, transaction):
        self.sql("BEGIN")
        for number in range(self.rng.randint(5, 30)):
            self.insert(transaction, number)
            self.stopping.wait(self.rng.uniform(0, 0.02))
        self.end(transaction, self.rng.random() < 0.7)

    def function(self, transaction):
        self.sql("SELECT pgfeed.publish(%s, %s, 'call')", self.topic(),
                 self.token(transaction) + "f")
        self.shared.committed(transaction)

    def several(self, transaction):
        """An event of several topics."""
        topics = self.rng.sample(TOPICS[:-1], self.rng.choice((2, 2, 3, 5)))
        data = self.token(transaction) + "t" + self.padding()
        if self.rng.random() < 0.5:
            self.sql("SELECT pgfeed.publish(%s, %s)", topics, data)
        else:
            self.sql("INSERT INTO pgfeed.event (topic, also, data) VALUES (%s, %s, %s)",
                     topics[0], topics[1:], data)
        self.shared.committed(transaction)

    def quiet(self, transaction):
        """Rings no bell: found by the fetch of every second."""
        self.sql("BEGIN")
        self.sql("SET LOCAL pgfeed.bell = off")
        self.sql(INSERT, self.topic(), self.token(transaction) + UNRUNG)
        self.end(transaction)

    def snapshot(self, transaction):
        """Reads which gateways sleep from a snapshot that may be old."""
        self.sql("BEGIN ISOLATION LEVEL "
                 + self.rng.choice(("REPEATABLE READ", "SERIALIZABLE")))
        self.sql("SELECT count(*) FROM other")
        self.stopping.wait(self.rng.uniform(0, 0.5))
        self.insert(transaction)
        self.end(transaction)


class Waves(Writer):
    """Many commits for a while, which wake the gateways, then none, until they
    sleep."""

    def turn(self):
        until = time.monotonic() + self.rng.uniform(0.5, 2)
        while (time.monotonic() < until and self.shared.going.is_set()
               and not self.stopping.is_set()):
            transaction = self.begin()
            self.insert(transaction)
            self.shared.committed(transaction)
            self.stopping.wait(0.002)
        self.shared.note("wave")
        self.stopping.wait(self.rng.uniform(1, 6))


class Straddler(Writer):
    """Inserts while the gateways are awake, so without a ring, and commits at a
    rest, when they would sleep if they did not wait for it."""

    def turn(self):
        transaction = self.begin()
        self.shared.note("straddler")
        self.sql("BEGIN")
        self.insert(transaction)
        until = time.monotonic() + 1.5
        while time.monotonic() < until and self.shared.going.is_set():
            self.stopping.wait(0.1)
        if not self.shared.going.is_set():
            self.stopping.wait(self.rng.uniform(1.5, 3))
        self.end(transaction)


class LongEvents(Writer):
    """A transaction that writes events and stays open, one after the other; into
    a rest it goes on for a moment."""

    def turn(self):
        transaction = self.begin()
        self.shared.note("long")
        self.sql("BEGIN")
        until = time.monotonic() + self.rng.uniform(2, 9)
        self.insert(transaction)
        number = 1
        while (time.monotonic() < until and self.shared.going.is_set()
               and not self.stopping.is_set()):
            self.insert(transaction, number)
            number += 1
            self.stopping.wait(self.rng.expovariate(1 / 0.7))
        self.end(transaction, self.rng.random() < 0.66)


UPSERT = ("INSERT INTO {} (id, room, token, secret) VALUES (%s, %s, %s, %s) ON CONFLICT (id)"
          " DO UPDATE SET room = excluded.room, token = excluded.token RETURNING id")
CHANGE = "UPDATE {} SET token = %s, room = room %% 4 + 1 WHERE id BETWEEN %s AND %s RETURNING id"
MOVE = ("UPDATE {0} SET token = %s, id = -id WHERE id = %s"
        " AND NOT EXISTS (SELECT FROM {0} WHERE id = -%s) RETURNING id")


class Tables(Writer):
    """Changes rows of attached tables. Rows are changed in one order, so that
    hardly any two transactions wait for each other."""

    KINDS = (("upsert", 50), ("change", 12), ("move", 8), ("delete", 26),
             ("touch", 3), ("truncate", 1))
    ROWS = 30

    def turn(self):
        rng, transaction = self.rng, self.begin()
        self.sql("BEGIN ISOLATION LEVEL " + rng.choices(
            ("READ COMMITTED", "REPEATABLE READ"), (9, 1))[0])
        written = 0
        for table, row in sorted({(rng.choice(pages.TABLES), rng.randint(1, self.ROWS))
                                  for _ in range(rng.choice((1, 1, 2, 6)))}):
            undone = rng.random() < 0.15
            if undone:
                self.sql("SAVEPOINT a")
            told = self.change_row(transaction, table, row)
            if undone:
                self.sql("ROLLBACK TO a")
            else:
                written += told
            if rng.random() < 0.3:
                self.stopping.wait(rng.uniform(0, 0.3))
        if rng.random() < 0.1:
            self.sql("ROLLBACK")
        else:
            self.sql("COMMIT")
            if written:
                self.shared.committed(transaction)
        self.stopping.wait(rng.expovariate(1 / self.shared.pause))

    def change_row(self, transaction, table, row):
        """Returns how many rows have the transaction's token now."""
        kinds, weights = zip(*self.KINDS)
        kind = self.rng.choices(kinds, weights)[0]
        self.shared.note("table " + kind)
        token = self.token(transaction) + kind
        if kind == "upsert":
            return len(self.sql(UPSERT.format(table), row, self.rng.choice(pages.ROOMS),
                                token, self.padding()))
        if kind == "change":
            return len(self.sql(CHANGE.format(table), token, row, row + 3))
        if kind == "move":
            return len(self.sql(MOVE.format(table), token, row, row))
        if kind == "delete":
            self.sql(f"DELETE FROM {table} WHERE abs(id) = %s", row)
        elif kind == "touch":   # no event: nothing that is published changes
            self.sql(f"UPDATE {table} SET secret = 's' WHERE id = %s", row)
        elif table == "stock":
            self.sql("TRUNCATE stock")
        return 0


class LongOther(Writer):
    """A write transaction that has nothing to do with events."""

    def turn(self):
        self.shared.note("unrelated")
        self.sql("BEGIN")
        self.sql("INSERT INTO other VALUES (1)")
        self.stopping.wait(self.rng.uniform(10, 30))
        self.sql("COMMIT")


class Bulk(Writer):
    """Now and then very many rows at once."""

    def turn(self):
        self.stopping.wait(self.rng.uniform(5, 30))
        transaction = self.begin()
        self.shared.note("bulk")
        self.sql("INSERT INTO pgfeed.event (topic, data)"
                 " SELECT 'bulk/in', %s || n FROM generate_series(1, %s) n",
                 self.token(transaction) + "b", self.rng.randint(200, 4000))
        self.shared.committed(transaction)


class Prepared(Writer):
    """Two-phase commits, which survive a restart of the server in between.
    A transaction that rang cannot be prepared."""

    def turn(self):
        transaction = self.begin()
        gid = f"oracle-{transaction}"
        self.shared.note("prepared")
        self.sql("BEGIN")
        self.sql("SET LOCAL pgfeed.bell = off")
        self.sql(MANY, self.topic(), self.token(transaction) + UNRUNG, "",
                 self.rng.randint(1, 4))
        if self.rng.random() < 0.5:     # a row that nobody else waits for
            self.sql(UPSERT.format(self.rng.choice(("chat", "shelf"))),
                     int(self.name[1:]) + 1000 * self.transactions,
                     self.rng.choice(pages.ROOMS), self.token(transaction) + UNRUNG, "")
        with self.shared.lock:
            self.shared.prepared[gid] = (transaction, self.rng.random() < 0.6)
        self.sql(f"PREPARE TRANSACTION '{gid}'")
        self.stopping.wait(self.rng.uniform(0.2, 6))
        self.settle()

    def rest(self):
        """A transaction that a lost connection has left would keep the gateways
        awake."""
        self.settle()
        super().rest()

    def settle(self):
        """Ends all that this writer has prepared."""
        there = {gid for gid, in self.sql("SELECT gid FROM pg_prepared_xacts"
                                          " WHERE gid LIKE %s",
                                          f"oracle-{self.name}-%")}
        for gid in there:
            transaction, commit = self.shared.prepared[gid]
            self.sql(("COMMIT" if commit else "ROLLBACK")
                     + f" PREPARED '{gid}'")
            if commit:
                self.shared.committed(transaction)


class Poster(Writer):
    """Publishes with POST; what isn't answered with 2xx is sent again with the
    same key, and so is some of what was."""

    def turn(self):
        transaction = self.begin()
        keyed = self.rng.random() < 0.8
        self.shared.posted[transaction] = (None, keyed)
        body, topic = self.token(transaction) + "p", self.topic()
        headers = {"Content-Type": "text/plain"}
        if keyed:
            headers["Idempotency-Key"] = transaction
        self.stopping.wait(self.rng.expovariate(1 / 0.1))
        number = None
        while number is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                number = self.post(topic, body, headers)
            if number is None and (not keyed or self.shared.ending.is_set()):
                return
        self.shared.note("posted")
        self.shared.posted[transaction] = (number, keyed)
        self.shared.committed(transaction)
        while keyed and self.rng.random() < 0.3:
            with contextlib.suppress(OSError, http.client.HTTPException):
                again = self.post(topic, body, headers)
                if again not in (None, number):
                    self.shared.troubles.append(
                        f"key {transaction} gave {number}, then {again}")
                self.shared.note("post repeated")

    def post(self, topic, body, headers):
        """The event's id, or None when that isn't known."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.rng.choice(self.shared.fronts), timeout=10)
        try:
            connection.request("POST", f"/events/{topic}", body, headers)
            if self.rng.random() < 0.1:
                self.stopping.wait(self.rng.choice((0, 0.001, 0.01)))
                return None     # the answer is lost
            answer = connection.getresponse()
            data = answer.read()
            if answer.status not in (200, 201):
                self.shared.note(f"post status {answer.status}")
                self.shared.ending.wait(0.1)
                return None
            import json
            return int(json.loads(data)["id"])
        finally:
            connection.close()


def settle_all(shared):
    """Ends the prepared transactions that are left over."""
    connection = psycopg2.connect(shared.conninfo)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT gid FROM pg_prepared_xacts")
        for gid, in cursor.fetchall():
            transaction, commit = shared.prepared[gid]
            cursor.execute(("COMMIT" if commit else "ROLLBACK")
                           + f" PREPARED '{gid}'")
            if commit:
                shared.committed(transaction)
    connection.close()


def main(pipe, seed, conninfo, fronts, options):
    shared = Writers(seed, conninfo, fronts, options)
    threads = [Mixed(shared, f"w{n}") for n in range(options["writers"])]
    threads += [LongEvents(shared, "l0"), LongEvents(shared, "l1"),
                LongOther(shared, "o0"), Bulk(shared, "b0"), Waves(shared, "v0"),
                *(Straddler(shared, f"s{n}")
                  for n in range(options["straddlers"])),
                Prepared(shared, "p0"), Prepared(shared, "p1"),
                Poster(shared, "h0"), Poster(shared, "h1"),
                *(Tables(shared, f"t{n}") for n in range(3))]
    for thread in threads:
        thread.start()
    while (order := pipe.recv()) != "stop":
        if order == "report":
            with shared.lock:
                pipe.send((len(shared.visible), dict(shared.count)))
        elif order == "rest":
            shared.going.clear()
        elif order == "go":
            shared.going.set()
    shared.stopping.set()
    pipe.recv()         # "end": the faults are over
    shared.ending.set()
    for thread in threads:
        thread.join(60)
        if thread.is_alive():
            shared.troubles.append(f"writer {thread.name} does not end")
    settle_all(shared)
    pipe.send((shared.visible, shared.posted, shared.count, shared.troubles))
