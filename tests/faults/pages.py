"""Pages that a server renders from an attached table, and that go on as streams.

A page reads a table's rows and pgfeed.position() from one snapshot, in one of
several ways, subscribes from that position, and applies each change that
arrives. In the end it must show exactly what is in the table.
"""
import contextlib
from dataclasses import dataclass

import psycopg2

ROOMS = (1, 2, 3, 4)
# stock writes its events with each statement, the others when they commit.
TABLES = ("chat", "shelf", "stock")
TOPICS = ("shelf", "stock", *(f"room/{n}" for n in ROOMS))
SET_UP = """
    CREATE TABLE chat (id integer PRIMARY KEY, room integer, token text, secret text);
    CREATE TABLE shelf (LIKE chat INCLUDING ALL);
    CREATE TABLE stock (LIKE chat INCLUDING ALL);
    SELECT pgfeed.attach('chat', topic => 'room/{room}', columns => '{id,room,token}'),
           pgfeed.attach('shelf', columns => '{id,room,token}'),
           pgfeed.attach('stock', columns => '{id,room,token}', deferred => false)"""
POSITION = "SELECT pgfeed.position()"
# Which events the snapshot sees, as their number and the sum of their ids.
SEEN = ("SELECT json_build_array(count(*), coalesce(sum(id), 0)) FROM pgfeed.event e"
        " WHERE EXISTS (SELECT FROM unnest(array_prepend(e.topic, e.also)) t"
        " WHERE t LIKE ANY (%(patterns)s))")


@dataclass(frozen=True)
class Page:
    table: str
    room: int = None        # None: every row

    @property
    def topics(self):
        if self.table != "chat":
            return (self.table,)
        return (f"room/{self.room or '*'}",)

    @property
    def rows_query(self):
        where = f"room = {self.room}" if self.room else "true"
        return (f"SELECT coalesce(json_object_agg(id, token), '{{}}')"
                f" FROM {self.table} WHERE {where}")

    def apply(self, rows, kind, change):
        """Applies an event of the table to the rows of the page."""
        if kind == "truncate":
            rows.clear()
        if change["old"]:
            rows.pop(change["old"]["id"], None)
        if change["new"] and self.room in (None, change["new"]["room"]):
            rows[change["new"]["id"]] = change["new"]["token"]


PAGES = (Page("shelf"), Page("stock"), Page("chat"), *(Page("chat", n) for n in ROOMS))


@dataclass
class Rendered:
    position: str
    rows: dict      # id: token
    seen: tuple     # how many events of the topics the snapshot sees, and their sum


def render(conninfo, page, rng, sleep):
    """Renders a page from one snapshot; raises psycopg2.Error."""
    queries = [POSITION, page.rows_query, SEEN]
    patterns = [t.replace("*", "%") for t in page.topics]
    with contextlib.closing(psycopg2.connect(conninfo)) as connection:
        with connection.cursor() as cursor:
            def answers(statement):
                cursor.execute(statement, {"patterns": patterns})
                return cursor.fetchone()
            if rng.random() < 0.5:
                found = answers(f"SELECT {', '.join(f'({q})' for q in queries)}")
            else:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL " + rng.choice(
                    ("REPEATABLE READ", "SERIALIZABLE, READ ONLY")))
                found = {}
                for q in rng.sample(queries, len(queries)):
                    found[q] = answers(q)[0]
                    sleep(rng.choice((0, 0.01, 0.3)))
                found = [found[q] for q in queries]
        connection.commit()
    position, rows, seen = found
    return Rendered(position, {int(n): token for n, token in rows.items()}, tuple(seen))
