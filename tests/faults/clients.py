"""Hundreds of browsers in one process: they read, drop, and come back.

Each follows its topics over real HTTP, as an event stream or now and then with
long-polls, and remembers the position behind the last event it processed. It
drops after a random prefix, even in the middle of what has arrived, and comes
back with that position to a random web server. Now and then one forgets it all
and starts a new list. Some show a page of an attached table (pages.py), and a new
list of theirs begins with a page that is rendered anew.
"""
import array
import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import random
import time
from dataclasses import dataclass, field

import psycopg2

import pages
from verdict import takes
from witness import STALL_S

SILENCE = 12.0      # with a heartbeat every second, this connection is dead
TOPICS = ("alpha", "beta", "gamma", "delta", "shop/orders", "shop/stock",
          "shop/eu/orders", "user/1", "user/2", "user/3", "user/4", "bulk/in")
PAGE_SHARE = 0.2    # of the clients


def brief(cursor):
    """Positions can be long."""
    text = str(cursor)
    return text if len(text) < 60 else f"{text[:56]}... ({text.count('.')})"


def draw_topics(rng):
    kind = rng.random()
    if kind < 0.05:
        return (rng.choice(pages.TOPICS), rng.choice(TOPICS[:-1]))
    if kind < 0.45:
        return tuple(rng.sample(TOPICS[:-1], rng.choice((1, 1, 2))))
    if kind < 0.65:
        return ("shop/*",)
    if kind < 0.80:
        return ("user/*", "alpha")
    if kind < 0.90:
        return ("shop/eu/*", rng.choice(TOPICS[:4]))
    if kind < 0.95:
        return ("bulk/*", "user/1")
    return (*TOPICS, "room/*")


@dataclass
class Section:
    """A list of deliveries without a break in its positions."""
    start: str = None       # a position, or None until it is known
    cursor: str = None
    first: str = "now"      # what to ask for without a position
    ids: array.array = field(default_factory=lambda: array.array("q"))
    final: bool = True      # it went on to the end
    page: pages.Rendered = None     # its rows, with what came since


class Link(asyncio.Protocol):
    """One connection of a client. One that was given up for its slowness may
    still come about: it is not the client's any more."""

    def __init__(self, client):
        self.client = client
        client.link = self

    def connection_made(self, transport):
        if self.client.link is self:
            self.client.connection_made(transport)
        else:
            transport.abort()

    def data_received(self, data):
        if self.client.link is self:
            self.client.data_received(data)

    def connection_lost(self, _):
        if self.client.link is self:
            self.client.connection_lost()


class Client:
    def __init__(self, crowd, number):
        self.crowd, self.number = crowd, number
        self.rng = random.Random(f"{crowd.seed}/{number}")
        self.page = None
        if self.rng.random() < PAGE_SHARE:
            self.page = self.rng.choice(pages.PAGES)
        self.topics = self.page.topics if self.page else draw_topics(self.rng)
        self.query = "&".join("topic=" + t.replace("/", "%2F")
                              for t in self.topics)
        self.sections = [Section() if self.page else Section(start="0", cursor="0")]
        self.journal = []   # (time, front, mode, position sent, list, length)
        self.missing_marks = None
        self.transport = self.link = None
        self.reading = False
        self.punctual = False   # live, and never stalled on this connection
        self.generation = 0     # of the connection
        self.begin()

    # --- connecting

    def begin(self):
        self.raw, self.body = b"", b""
        self.head_done = self.chunked = False
        self.poll = self.punctual = False
        self.budget = 0

    def later(self, seconds):
        self.crowd.loop.call_later(seconds, self.connect)

    def connect(self):
        if not self.crowd.stopping:
            self.crowd.keep(self.open())

    async def open(self):
        rng, section = self.rng, self.sections[-1]
        self.begin()
        if (not self.crowd.draining and section.cursor is not None
                and rng.random() < (0.3 if self.page else 0.02)):
            section.final = False
            section = Section(first=rng.choice(("now", "now", "-5", "-300")))
            self.sections.append(section)
        if self.page and section.cursor is None:
            self.journal.append((time.monotonic(), "-", "page", None,
                                 len(self.sections) - 1, 0))
            try:
                section.page = await self.crowd.render(self.page, rng)
            except psycopg2.Error:
                self.crowd.count["not rendered"] += 1
                self.later(rng.uniform(0.1, 0.4))
                return
            self.crowd.count["rendered"] += 1
            section.start = section.cursor = section.page.position
        number = rng.randrange(len(self.crowd.fronts))
        self.poll = section.cursor is not None and rng.random() < 0.12
        self.budget = (1 << 60 if self.crowd.draining
                       else int(rng.expovariate(1 / self.crowd.prefix)) + 1)
        sent = section.cursor
        if sent is not None and self.crowd.naive:
            sent = sent.partition(".")[0]
        self.journal.append((time.monotonic(), number, "poll" if self.poll
                             else "stream", sent, len(self.sections) - 1,
                             len(section.ids)))
        self.request = self.compose(sent, section.first)
        self.generation += 1
        try:
            await asyncio.wait_for(self.crowd.loop.create_connection(
                lambda: Link(self), "127.0.0.1", self.crowd.fronts[number]), 10)
        except (OSError, asyncio.TimeoutError):
            if self.transport is not None:
                return      # it came about all the same
            self.link = None
            self.crowd.count["refused"] += 1
            self.later(self.rng.uniform(0.1, 0.4))

    def compose(self, sent, first):
        path = f"/events?{self.query}&format=json"
        lines = []
        if self.poll:
            path += f"&wait={self.rng.choice((0, 1, 3))}"
            lines.append("Accept: application/json")
        else:
            lines.append("Accept: text/event-stream")
            if self.rng.random() < 0.3:
                path += "&hb=event"
        if sent is None:
            path += f"&last_event_id={first}"
        elif self.rng.random() < 0.5:
            lines.append(f"Last-Event-ID: {sent}")
        else:
            path += f"&last_event_id={sent}"
        return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost",
                            *lines, "", ""]).encode()

    def connection_made(self, transport):
        self.transport = transport
        self.reading = True
        self.heard = time.monotonic()
        transport.write(self.request)
        if not self.crowd.draining:
            self.crowd.loop.call_later(
                self.rng.expovariate(1 / self.crowd.stay),
                self.leave, self.generation)

    def leave(self, generation):
        if generation == self.generation and not self.crowd.draining:
            self.drop("left")

    def drop(self, why):
        """This side ends the connection."""
        if self.transport is not None:
            self.crowd.count[why] += 1
            self.transport.abort()

    def connection_lost(self):
        if self.transport is None:
            return
        self.transport, self.reading = None, False
        self.generation += 1
        if not self.crowd.stopping:
            self.crowd.count["reconnects"] += 1
            # Most come back soon, a few after long.
            self.later(self.rng.choice((0.0, 0.01, 0.05, 0.1, 0.3, 2.0)))

    def stall(self, seconds):
        if self.transport is None or not self.reading:
            return
        self.transport.pause_reading()
        self.reading = self.punctual = False
        generation = self.generation

        def go_on():
            if generation == self.generation and self.transport is not None:
                self.heard = time.monotonic()
                self.reading = True
                self.transport.resume_reading()
        self.crowd.loop.call_later(seconds, go_on)

    # --- reading

    def data_received(self, data):
        self.heard = time.monotonic()
        if not self.reading or self.transport.is_closing():
            return
        self.raw += data
        if not self.head_done and not self.take_head():
            return
        ended = self.take_body()
        if self.poll:
            if ended:
                self.take_answer()
                self.drop("polled")
            return
        *blocks, self.body = self.body.split(b"\n\n")
        for block in blocks:
            self.take_block(block)
            if self.transport is None or self.transport.is_closing():
                return      # what else had arrived is not processed
        if ended:
            self.drop("ended")

    def take_head(self):
        head, found, rest = self.raw.partition(b"\r\n\r\n")
        if not found:
            return False
        self.head_done, self.raw = True, rest
        status = head[9:12]
        fields = dict(line.split(b": ", 1)
                      for line in head.lower().split(b"\r\n")[1:])
        self.chunked = fields.get(b"transfer-encoding") == b"chunked"
        self.length = int(fields.get(b"content-length", -1))
        if status != b"200":
            self.drop("status " + status.decode())
            return False
        if not self.chunked and self.length < 0:
            self.crowd.trouble(self, f"no telling where it ends: {head!r}")
        return True

    def take_body(self):
        """Moves whole chunks to the body; true at its end."""
        if not self.chunked:
            self.body, self.raw = self.body + self.raw, b""
            return len(self.body) == self.length
        while True:
            size, found, rest = self.raw.partition(b"\r\n")
            if not found:
                return False
            length = int(size, 16)
            if len(rest) < length + 2:
                return False
            self.raw = rest[length + 2:]
            if length == 0:
                return True
            self.body += rest[:length]

    def take_block(self, block):
        """One event, as an EventSource takes it: its id counts even without
        data."""
        kind, cursor, data = b"message", None, None
        for line in block.split(b"\n"):
            if line.startswith(b"data: "):
                data = line[6:]
            elif line.startswith(b"id: "):
                cursor = line[4:].decode()
            elif line.startswith(b"event: "):
                kind = line[7:]
        section = self.sections[-1]
        if kind == b"message" and data is not None:
            self.deliver(section, json.loads(data))
        elif kind == b"pgfeed.live":
            self.punctual = True
        elif kind == b"pgfeed.gap":
            self.crowd.trouble(self, f"gap {data.decode()}, id {cursor}")
        if cursor is not None:
            if section.start is None:
                section.start = cursor
            section.cursor = cursor
        if kind == b"message" and data is not None:
            self.budget -= 1
            if self.budget <= 0:
                self.drop("prefix")

    def take_answer(self):
        """A long-poll's answer is processed as a whole."""
        answer = json.loads(self.body)
        if "gap" in answer:
            self.crowd.trouble(self, f"gap {answer['gap']}")
        section = self.sections[-1]
        for event in answer["events"]:
            self.deliver(section, event)
        section.cursor = answer["cursor"]

    def deliver(self, section, event):
        number = int(event["id"])
        section.ids.append(number)
        self.crowd.delivered += 1
        content = (event["data"], event["at"], event["kind"])
        first = self.crowd.content.setdefault((number, event["topic"]), content)
        if first != content:
            self.crowd.trouble(self, f"event {number} was {first} and is now "
                                     f"{content}")
        if not takes(self.topics, event["topic"]):
            self.crowd.trouble(self, f"event {number} has topic {event['topic']}")
        if section.page and event["kind"]:
            self.page.apply(section.page.rows, event["kind"], json.loads(event["data"]))
        if self.punctual:
            self.crowd.first_at.setdefault((self.journal[-1][1], number),
                                           time.monotonic())
        if self.missing_marks:
            self.missing_marks.discard(number)


class Crowd:
    """All clients of a process, and what they were told."""

    def __init__(self, pipe, seed, numbers, fronts, options):
        self.pipe, self.seed, self.fronts = pipe, seed, fronts
        self.naive, self.prefix = options["naive"], options["prefix"]
        self.stay, self.conninfo = options["stay"], options["conninfo"]
        self.renderers = concurrent.futures.ThreadPoolExecutor(4)
        self.loop = asyncio.get_running_loop()
        self.tasks = set()
        self.draining = self.stopping = False
        self.delivered = 0
        self.count = Counts()
        self.content, self.troubles = {}, []
        self.first_at = {}      # (front, event): when a client had it live
        self.stalls = []        # (begin, end) while this process was behind
        self.clients = [Client(self, number) for number in numbers]
        for number, client in enumerate(self.clients):
            client.later(number * 0.005)
        pipe_fd = pipe.fileno()
        self.loop.add_reader(pipe_fd, self.obey)
        self.done = asyncio.Event()

    def render(self, page, rng):
        """Renders a page in a thread, since that waits for the database."""
        return self.loop.run_in_executor(self.renderers, pages.render, self.conninfo,
                                         page, random.Random(rng.random()), time.sleep)

    def keep(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.ended)

    def ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.troubles.append(f"client program: {task.exception()!r}")

    def trouble(self, client, text):
        entry = client.journal[-1]
        self.troubles.append(
            f"client {client.number} at {time.monotonic():.3f}, on front "
            f"{entry[1]} since {entry[0]:.3f} ({entry[2]}, sent "
            f"{brief(entry[3])}): {text}")

    def obey(self):
        try:
            order, *rest = self.pipe.recv()
        except EOFError:
            self.stopping = True
            self.done.set()
            return
        getattr(self, "do_" + order)(*rest)

    def do_stall(self, share, seconds, seed):
        rng = random.Random(seed)
        for client in self.clients:
            if rng.random() < share:
                client.stall(rng.uniform(0.2, seconds))

    def do_drain(self):
        """From now on all read to the end, and nobody starts anew."""
        self.draining = True
        for client in self.clients:
            client.budget = 1 << 60

    def do_marks(self, marks):
        """marks: (id, topic); who has its marks is done."""
        for client in self.clients:
            had = set(itertools.chain.from_iterable(
                s.ids for s in client.sections))
            client.missing_marks = {i for i, topic in marks
                                    if takes(client.topics, topic)} - had

    def do_report(self):
        waiting = [c for c in self.clients if c.missing_marks
                   or c.sections[-1].cursor is None]
        self.pipe.send({
            "delivered": self.delivered, "count": dict(self.count),
            "troubles": len(self.troubles), "n_waiting": len(waiting),
            "waiting": [f"{c.number} at {brief(c.sections[-1].cursor)}, "
                        f"last on front {c.journal[-1][1]}, since "
                        f"{c.journal[-1][0]:.3f}" for c in waiting[:5]]})

    def do_results(self):
        self.stopping = True
        for client in self.clients:
            self.pipe.send((client.number, client.topics, client.journal,
                            [(s.start, s.cursor, s.ids, s.final, s.page)
                             for s in client.sections], client.page))
        self.pipe.send((self.content, self.troubles, self.first_at,
                        self.stalls))

    async def watch(self):
        """Silent connections are dead ones."""
        while not self.done.is_set():
            now = time.monotonic()
            for client in self.clients:
                if (client.transport is not None and client.reading
                        and now - client.heard > SILENCE):
                    client.drop("silent")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.done.wait(), 1)

    async def note_stalls(self):
        """When this process itself is behind, its clients are no measure."""
        begun = time.monotonic()
        while not self.done.is_set():
            await asyncio.sleep(0.01)
            ended = time.monotonic()
            if ended - begun > STALL_S:
                self.stalls.append((begun, ended))
            begun = ended


class Counts(dict):
    def __missing__(self, _):
        return 0


async def live(*args):
    crowd = Crowd(*args)
    await asyncio.gather(crowd.watch(), crowd.note_stalls())


def main(pipe, seed, numbers, fronts, options):
    """fronts: the ports of the web servers."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(live(pipe, seed, numbers, fronts, options))
