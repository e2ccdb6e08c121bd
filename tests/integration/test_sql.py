"""The schema: publishing, keys, the bell, who may do what."""
import os
import random
import re

import psycopg2
import pytest
from psycopg2 import errors

from lib.db import (Database, HISTORY_ROWS as ROWS, Together, query, restore,
                    waits_for_lock)
from lib.harness import SOURCE, eventually, run

INGEST = ("SELECT n, id, duplicate, conflict FROM pgfeed.ingest("
          "%s::text[], %s::text[], %s::text[], %s::text[])")


def events(database):
    return database.sql(
        "SELECT id, topic, kind, data FROM pgfeed.event ORDER BY id")


# --- publishing

def test_publish_inserts_one_event_and_returns_its_id(database):
    first = database.value("SELECT pgfeed.publish('a', 'x')")
    second = database.value("SELECT pgfeed.publish('a/b', 'y', 'kind')")
    third = database.value("SELECT pgfeed.publish('a', 'z', kind => '')")
    assert first < second < third
    assert events(database) == [(first, "a", None, "x"),
                                (second, "a/b", "kind", "y"),
                                (third, "a", None, "z")]


GOOD_TOPICS = ["a", "orders", "a/b/c", "ä/ü €", "x" * 1024, "€" * 341, "-", "-a", "a/-",
               "a/-/b", "a-/b", "/-/a", "\u0085", "a.b:c", "'", '"', "\\", "😀/😀", "/", "a/",
               "/a", "//", "a//b", "https://example.com/books/1", "https://example.com/books/",
               "urn:isbn:0-486-27557-4", "https://example.com/?q=a&b=c#d"]
BAD_TOPICS = ["", "*", "a/*", "a*b", "*/a", "-/", "-/a", "-//", "a\n", "\ta", "\x1f", "a\x7f",
              "x" * 1025, "€" * 342, "a\n/b", "a/\nb", "{", "a{b", "a}b", "a/{id}"]


@pytest.mark.parametrize("topic", GOOD_TOPICS)
def test_topic_is_taken(database, topic):
    database.sql("INSERT INTO pgfeed.event (topic, data) VALUES (%s, '')", (topic,))
    assert database.sql("SELECT topic FROM pgfeed.event") == [(topic,)]


def test_bad_topics_are_refused(database):
    connection = database.connect()
    for topic in BAD_TOPICS:
        with pytest.raises(errors.CheckViolation, match="topic_is_valid"):
            query(connection, "INSERT INTO pgfeed.event (topic, data)"
                              " VALUES (%s, '')", (topic,))
        with pytest.raises(errors.InvalidParameterValue, match="is not a topic"):
            query(connection, "SELECT pgfeed.publish(%s, '')", (topic,))
    with pytest.raises(errors.InvalidParameterValue, match="is not a topic"):
        query(connection, "SELECT pgfeed.publish(NULL, '')")
    assert query(connection, "SELECT id FROM pgfeed.event") == []
    connection.close()


@pytest.mark.parametrize("kind,good", [
    ("k", True), ("x" * 64, True), ("é" * 32, True), (None, True), ("", False),
    ("x" * 65, False), ("a\nb", False), ("a\r", False)])
def test_kind_is_one_line_of_64_bytes(database, kind, good):
    statement = "INSERT INTO pgfeed.event (topic, kind, data) VALUES ('a', %s, '')"
    if good:
        database.sql(statement, (kind,))
    else:
        with pytest.raises(errors.CheckViolation, match="kind_is"):
            database.sql(statement, (kind,))


@pytest.mark.parametrize("data", [
    "", "it's; DROP TABLE pgfeed.event; --", "a\r\nb\rc\n", "\\x00 \\u0000 $1 %s",
    "😀" * 16384, "x" * 65535, "x" * 65536, "x" * (1 << 20), "é" * (1 << 19)],
    ids=["empty", "sql", "lines", "escapes", "emoji", "64k-1", "64k", "1M",
         "1M-utf8"])
def test_data_comes_back_as_it_was(database, data):
    plain = database.value("SELECT pgfeed.publish('a', %s)", (data,))
    row = database.sql(INGEST, (["a"], [None], [data], ["key"]))[0]
    for number in (plain, row[1]):
        assert database.value("SELECT data FROM pgfeed.event WHERE id = %s",
                              (number,)) == data


@pytest.mark.parametrize("data", ["x" * ((1 << 20) + 1), "é" * (1 << 19) + "x"],
                         ids=["ascii", "utf8"])
def test_data_over_1_mib_is_refused(database, data):
    with pytest.raises(errors.CheckViolation, match="data_is_at_most_1_mib"):
        database.sql("SELECT pgfeed.publish('a', %s)", (data,))


def test_an_id_cannot_be_chosen(database):
    with pytest.raises(errors.GeneratedAlways):
        database.sql("INSERT INTO pgfeed.event (id, topic, data) VALUES (9, 'a', '')")


# --- batches and keys

def test_ingest_keeps_the_order_of_the_batch(database):
    n = 1000
    rows = database.sql(INGEST, (["a"] * n, [None] * n,
                                 [str(i) for i in range(n)], [None] * n))
    assert [r[0] for r in rows] == list(range(1, n + 1))
    assert [r[1] for r in rows] == list(range(rows[0][1], rows[0][1] + n))
    assert not any(r[2] or r[3] for r in rows)
    assert [e[3] for e in events(database)] == [str(i) for i in range(n)]


def test_ingest_mixes_new_and_repeated_keys(database):
    assert database.sql(INGEST, (["a"], ["k"], ["1"], ["x"])) == [(1, 1, False, False)]
    rows = database.sql(INGEST, (
        ["a", "a", "b", "a", "a", "b", "b"],
        ["k", None, None, "k", "other", None, ""],
        ["1", "2", "3", "1", "1", "3", "3"],
        ["x", None, "new", "x", "x", "new", "new"]))
    assert rows == [(1, 1, True, False),    # as before
                    (2, 2, False, False),   # no key
                    (3, 3, False, False),   # a new key
                    (4, 1, True, False),
                    (5, 1, True, True),     # another kind than then
                    (6, 3, True, False),    # twice in this batch
                    (7, 3, True, False)]    # an empty kind is none
    assert [e[0] for e in events(database)] == [1, 2, 3]
    assert database.sql("SELECT key, event_id FROM pgfeed.key ORDER BY key") == [
        ("new", 3), ("x", 1)]


def test_fields_cannot_be_shifted_into_each_other(database):
    """Kind and data are told apart in the digest."""
    first = (["a"], ["b"], ["c"], ["k"])
    assert database.sql(INGEST, first)[0][3] is False
    for kind, data in ((None, "bc"), ("bc", ""), (None, "1:bc"), (None, "-c")):
        row = database.sql(INGEST, (["a"], [kind], [data], ["k"]))[0]
        assert row[2:] == (True, True), (kind, data)


def test_ingest_of_nothing_and_of_nonsense(database):
    assert database.sql(INGEST, ([], [], [], [])) == []
    with pytest.raises(errors.ArraySubscriptError):
        database.sql(INGEST, (["a"], [None], ["x", "y"], [None]))
    with pytest.raises(errors.CheckViolation, match="key_is"):
        database.sql(INGEST, (["a"], [None], ["x"], ["k" * 256]))
    # A bad row takes its whole batch with it, keys too.
    with pytest.raises(errors.CheckViolation):
        database.sql(INGEST, (["a", "*"], [None] * 2, ["x", "y"], ["k1", "k2"]))
    assert events(database) == []
    assert database.sql("SELECT key FROM pgfeed.key") == []


def test_publish_with_a_key_makes_one_event(database):
    call = "SELECT pgfeed.publish('a', %s, key => 'k')"
    first = database.value(call, ("x",))
    assert database.value(call, ("x",)) == first
    with pytest.raises(errors.UniqueViolation, match="already stands for another"):
        database.sql(call, ("y",))
    assert len(events(database)) == 1


@pytest.mark.parametrize("outcome", ["commit", "rollback"])
def test_a_second_session_waits_for_the_first_with_its_key(database, outcome):
    first, second = database.connect(autocommit=False), database.connect()
    query(first, INGEST, (["a"], [None], ["x"], ["k"]))
    got = []
    both = Together()
    both.start(lambda: got.extend(query(second, INGEST,
                                        (["a"], [None], ["x"], ["k"]))))
    eventually(lambda: waits_for_lock(first, second.info.backend_pid))
    getattr(first, outcome)()
    both.finish()
    if outcome == "commit":
        assert got == [(1, 1, True, False)]
    else:
        assert got[0][2:] == (False, False)
    assert len(events(database)) == 1
    first.close()
    second.close()


def test_keys_are_exact_over_many_sessions(database):
    """Batches with the same keys in any order: no deadlock, one event each."""
    sessions, batches, size = 8, 40, 20
    keys = [f"key{i}" for i in range(150)]
    ids = {}

    def work(seed):
        draw = random.Random(seed)
        connection = database.connect()
        for _ in range(batches):
            batch = [draw.choice(keys) for _ in range(size)]
            rows = query(connection, INGEST, (
                ["t"] * size, [None] * size, batch, batch))
            for key, row in zip(batch, rows):
                assert not row[3]
                assert ids.setdefault(key, row[1]) == row[1]
        connection.close()

    together = Together()
    for seed in range(sessions):
        together.start(work, seed)
    together.finish()
    assert len(ids) == len(keys)
    assert sorted((e[0], e[3]) for e in events(database)) == sorted(
        (number, key) for key, number in ids.items())
    assert dict(database.sql("SELECT key, event_id FROM pgfeed.key")) == ids


def test_a_key_counts_for_its_topic_alone(database):
    """A stranger's post with the same key failed an application's transaction."""
    mine = database.value("SELECT pgfeed.publish('orders/1', 'x', key => 'payment 1')")
    other = database.sql(INGEST, (["public/x"], [None], ["y"], ["payment 1"]))
    assert other == [(1, mine + 1, False, False)]
    assert database.value("SELECT pgfeed.publish('orders/1', 'x', key => 'payment 1')") == mine
    both = database.sql(INGEST, (["a", "b", "a"], [None] * 3, ["1", "2", "1"], ["k"] * 3))
    assert [row[2:] for row in both] == [(False, False), (False, False), (True, False)]
    assert both[0][1] == both[2][1] != both[1][1]


@pytest.mark.parametrize("kind", ["pgfeed.open", "pgfeed.", "pgfeed.x"])
def test_kinds_of_the_stream_itself_are_refused_by_the_table(database, kind):
    for statement in ("SELECT pgfeed.publish('a', 'x', kind => %s)",
                      "INSERT INTO pgfeed.event (topic, data, kind) VALUES ('a', 'x', %s)"):
        with pytest.raises(errors.CheckViolation):
            database.sql(statement, (kind,))
    database.sql("SELECT pgfeed.publish('a', 'x', kind => 'pgfeedx')")


# --- the bell

def notifications(connection):
    connection.poll()
    found = [(n.channel, n.payload) for n in connection.notifies]
    connection.notifies.clear()
    return found


def test_one_empty_ring_per_transaction_while_a_gateway_sleeps(database):
    query(gateway := database.connect(), "SELECT pgfeed.set_asleep(true)")
    listener, writer = database.connect(), database.connect(autocommit=False)
    query(listener, "LISTEN pgfeed")
    for _ in range(3):
        query(writer, "INSERT INTO pgfeed.event (topic, data)"
                      " SELECT 'a', i::text FROM generate_series(1, 5) i")
    query(listener, "SELECT 1")
    assert notifications(listener) == []
    writer.commit()
    eventually(lambda: query(listener, "SELECT 1") and listener.notifies)
    assert notifications(listener) == [("pgfeed", "")]
    # Silenced, but only there; the second ring proves the first never came.
    query(writer, "SET LOCAL pgfeed.bell = off")
    query(writer, "SELECT pgfeed.publish('a', 'x')")
    writer.commit()
    query(writer, "SELECT pgfeed.publish('a', 'x')")
    writer.commit()
    eventually(lambda: query(listener, "SELECT 1") and listener.notifies)
    assert notifications(listener) == [("pgfeed", "")]
    # Nobody sleeps: only the session with an old snapshot rings.
    query(gateway, "SELECT pgfeed.set_asleep(false)")
    query(writer, "SELECT pgfeed.publish('a', 'x')")
    writer.commit()
    query(listener, "SELECT 1")
    assert notifications(listener) == []
    query(writer, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    query(writer, "SELECT pgfeed.publish('a', 'x')")
    writer.commit()
    eventually(lambda: query(listener, "SELECT 1") and listener.notifies)
    assert notifications(listener) == [("pgfeed", "")]
    gateway.close()
    listener.close()
    writer.close()


@pytest.mark.parametrize("before,inside", [
    ("off", "on"), ("local", "local"), ("on", "on"), ("remote_apply", "remote_apply")])
def test_events_are_durable_before_they_are_seen(database, before, inside):
    connection = database.connect(autocommit=False)
    query(connection, f"SET synchronous_commit = {before}")
    connection.commit()
    query(connection, "INSERT INTO pgfeed.event (topic, data) VALUES ('a', '')")
    assert query(connection, "SHOW synchronous_commit") == [(inside,)]
    connection.commit()
    assert query(connection, "SHOW synchronous_commit") == [(before,)]
    connection.close()


# --- who may do what

NOBODY_MAY = [
    "SELECT FROM pgfeed.access",
    "SELECT FROM pgfeed.revocation",
    "UPDATE pgfeed.access SET who = '*'",
    "SELECT pgfeed.may_read('x', '{}', 'a')",
    "SELECT pgfeed.may_write('x', '{}', 'a')",
    "SELECT pgfeed.claimed('{}', 'read', 'a')",
    "SELECT pgfeed.revoke('x')",
    "SELECT pgfeed.revoke('x', 'y')",
    "SELECT key FROM pgfeed.alias_key",
    "UPDATE pgfeed.duty SET least = '1 us'",
    "SELECT pgfeed.take_duty('prune')",
]
STREAM_MAY = [
    "SELECT id, at, topic, kind, data FROM pgfeed.event",
    "SELECT last_value, is_called FROM pgfeed.event_id_seq",
    "SELECT low, oldest FROM pgfeed.mark",
    "UPDATE pgfeed.mark SET low = 1 WHERE low < 1",
    "INSERT INTO pgfeed.epoch (tli, first_id) VALUES (1, 1)",
    "SELECT tli, first_id, at FROM pgfeed.epoch",
    "SELECT version FROM pgfeed.migration",
    "SELECT virtualtransaction FROM pgfeed.holder",
    "SELECT * FROM pgfeed.partition",
    "SELECT pgfeed.rotate()",
    "SELECT pgfeed.prune_mark('1 day')",
    "SELECT * FROM pgfeed.prune_sweep()",
    "SELECT pgfeed.expire_keys('1 day')",
    "SELECT name, least, done FROM pgfeed.duty",
    "SELECT * FROM pgfeed.check('stream')",
    "SELECT * FROM pgfeed.allowed('{x}', '{NULL}', '{a}', false)",
    "LISTEN pgfeed",
]
STREAM_MAY_NOT = [
    "INSERT INTO pgfeed.event (topic, data) VALUES ('a', '')",
    "INSERT INTO pgfeed.event_1 (topic, data) VALUES ('a', '')",
    "SELECT FROM pgfeed.event_1",
    "UPDATE pgfeed.event SET data = ''",
    "DELETE FROM pgfeed.event",
    "TRUNCATE pgfeed.event",
    "SELECT nextval('pgfeed.event_id_seq')",
    "SELECT setval('pgfeed.event_id_seq', 1)",
    "UPDATE pgfeed.mark SET oldest = 9",
    "DELETE FROM pgfeed.mark",
    "DELETE FROM pgfeed.epoch",
    "UPDATE pgfeed.epoch SET first_id = 0",
    "SELECT FROM pgfeed.key",
    "SELECT pgfeed.publish('a', 'x')",
    "SELECT * FROM pgfeed.ingest('{a}', '{NULL}', '{x}', '{NULL}')",
    "SELECT * FROM pgfeed.ingest('{a}', '{NULL}', '{x}', '{NULL}', '{x}', '{NULL}')",
    *NOBODY_MAY,
    "SELECT pgfeed.attach('pg_class')",
    "SELECT pgfeed.take_event()",
    "SELECT pgfeed.grant_roles()",
    "CREATE TABLE pgfeed.mine ()",
]
POST_MAY = [
    "SELECT pgfeed.publish('a', 'x')",
    "SELECT * FROM pgfeed.ingest('{a}', '{NULL}', '{x}', '{k}')",
    "SELECT * FROM pgfeed.ingest('{a}', '{NULL}', '{x}', '{k}', '{x}', '{NULL}')",
    "SELECT pg_notify('pgfeed', '')",
    "SELECT * FROM pgfeed.check('post')",
]
POST_MAY_NOT = [
    *NOBODY_MAY,
    "SELECT * FROM pgfeed.allowed('{x}', '{NULL}', '{a}', true)",
    *(f"SELECT FROM pgfeed.{t}" for t in (
        "event", "event_1", "key", "mark", "epoch", "migration", "event_id_seq")),
    "INSERT INTO pgfeed.event (topic, data) VALUES ('a', '')",
    "SELECT nextval('pgfeed.event_id_seq')",
    "SELECT pgfeed.rotate()",
    "SELECT pgfeed.prune_mark('1 day', true)",
    "SELECT * FROM pgfeed.prune_sweep()",
    "SELECT pgfeed.expire_keys('1 day')",
    "SELECT pgfeed.attach('pg_class')",
    "SELECT pgfeed.detach('pg_class')",
    "SELECT FROM shop",
    "CREATE TABLE pgfeed.mine ()",
]


@pytest.mark.parametrize("user,statements", [
    ("stream", STREAM_MAY), ("post", POST_MAY)])
def test_role_may(database, user, statements):
    for statement in statements:
        database.sql(statement, user=user)


@pytest.mark.parametrize("user,statements", [
    ("stream", STREAM_MAY_NOT), ("post", POST_MAY_NOT),
    ("outsider", STREAM_MAY[:-1] + POST_MAY[:2])])
def test_role_may_not(database, user, statements):
    database.sql("CREATE TABLE public.shop ()")
    if user == "outsider":
        database.sql("CREATE ROLE outsider LOGIN")
    try:
        for statement in statements:
            with pytest.raises(errors.InsufficientPrivilege):
                database.sql(statement, user=user)
    finally:
        if user == "outsider":
            database.sql("DROP ROLE outsider")


def test_functions_run_with_a_fixed_search_path(database):
    """A caller's schema cannot slip its own objects under the definer's rights.
    A body of standard SQL is bound to its objects once, so it needs no path."""
    assert database.sql("""
        SELECT p.oid::regprocedure::text FROM pg_proc p
         WHERE pronamespace = 'pgfeed'::regnamespace AND (prosecdef OR prosqlbody IS NULL)
           AND NOT coalesce(proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}'
        """) == []
    connection = database.connect("post")
    query(connection, """
        CREATE TEMP TABLE event (topic text, kind text, data text);
        CREATE FUNCTION pg_temp.nullif(text, text) RETURNS text LANGUAGE sql
          AS 'SELECT ''hijacked''';
        SET search_path = pg_temp, public, pgfeed""")
    assert query(connection, "SELECT id FROM pgfeed.ingest('{a}','{k}','{x}','{NULL}')")
    assert query(connection, "SELECT count(*) FROM pg_temp.event") == [(0,)]
    connection.close()
    assert events(database)[0][1:] == ("a", "k", "x")


# --- pgfeed.check

def failures(database, program="owner", user="postgres"):
    return [name for name, ok, must in database.sql(
        "SELECT name, ok, must FROM pgfeed.check(%s)", (program,), user)
        if must and not ok]


def test_check_finds_all_well(database):
    for program, user in (("owner", "postgres"), ("stream", "stream"), ("post", "post")):
        assert failures(database, program, user) == []
    assert failures(database, "stream", "post") == ["grants"]
    assert failures(database, "post", "stream") == ["grants"]


@pytest.mark.parametrize("broken,name", [
    ("ALTER SEQUENCE pgfeed.event_id_seq CACHE 32", "cache"),
    ("ALTER SEQUENCE pgfeed.event_id_seq INCREMENT 2", "increment"),
    ("ALTER SEQUENCE pgfeed.event_id_seq CYCLE", "increment"),
    ("ALTER TABLE pgfeed.event ALTER id SET GENERATED BY DEFAULT", "identity"),
    ("ALTER TABLE pgfeed.event ALTER id DROP IDENTITY", "identity"),
    ("SELECT setval('pgfeed.event_id_seq', 2)", "sequence"),
    ("ALTER TABLE pgfeed.event ALTER id RESTART", "sequence"),
    ("GRANT USAGE ON SEQUENCE pgfeed.event_id_seq TO PUBLIC", "sequence grants"),
    ("GRANT UPDATE ON SEQUENCE pgfeed.event_id_seq TO post", "sequence grants"),
    ("ALTER TABLE pgfeed.event DISABLE TRIGGER bell", "bell"),
    ("ALTER TABLE pgfeed.event ENABLE TRIGGER further", "bell"),
    ("ALTER TABLE pgfeed.mark ENABLE ROW LEVEL SECURITY", "row security"),
    ("ALTER TABLE pgfeed.event DETACH PARTITION pgfeed.event_100001",
     "last partition"),
])
def test_check_finds_what_would_lose_events(database, broken, name):
    database.sql("SELECT pgfeed.publish('a', i::text) FROM generate_series(1, 5) i")
    database.sql(broken)
    assert failures(database) == [name]
    assert name in failures(database, "stream", "stream")


def test_check_names_a_trigger_that_only_delays(database):
    database.sql("ALTER TABLE pgfeed.event DISABLE TRIGGER emptied")
    assert failures(database, "stream", "stream") == []
    assert ("emptied", False) in database.sql("SELECT name, ok FROM pgfeed.check('owner')")


# --- plans: a long history costs nothing

FETCH = """
(SELECT id, topic, kind, data FROM pgfeed.event WHERE id = ANY ($2))
UNION ALL
(SELECT id, topic, kind, data FROM pgfeed.event WHERE id > $1 ORDER BY id LIMIT $3)
ORDER BY id"""
REPLAY = """
(SELECT id, topic, kind, data FROM pgfeed.event
  WHERE id = ANY ($2) AND id <= $3 AND id <> ALL ($4) AND topic = ANY ($5))
UNION ALL
(SELECT e.* FROM unnest($5) t (topic) CROSS JOIN LATERAL
   (SELECT id, topic, kind, data FROM pgfeed.event
     WHERE topic = t.topic AND id > $1 AND id <= $3 AND id <> ALL ($4)
     ORDER BY id LIMIT $6) e
  ORDER BY id LIMIT $6)
ORDER BY id"""


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


FETCH_TYPES = "bigint, bigint[], integer"
REPLAY_TYPES = "bigint, bigint[], bigint, bigint[], text[], integer"


def session_settings():
    """What every connection of the programs begins with."""
    with open(os.path.join(SOURCE, "fcgi/common/pg/db.c"), encoding="utf-8") as file:
        found = re.findall(r'\{ 0, "(SET [^"]+)"', file.read())
    assert "SET jit = off" in found
    return found


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("types,statement,args", [
    (FETCH_TYPES, FETCH, f"{ROWS - 50}, '{{5,{ROWS - 60}}}', 500"),
    (FETCH_TYPES, FETCH, f"{ROWS}, '{{}}', 500"),
    (FETCH_TYPES, FETCH, "0, '{}', 500"),
    (REPLAY_TYPES, REPLAY, f"{ROWS - 900000}, '{{3,77}}', {ROWS}, '{{99}}',"
                           " '{topic/7,topic/8}', 100"),
    (REPLAY_TYPES, REPLAY, f"0, '{{}}', {ROWS}, '{{}}', '{{silent}}', 100"),
], ids=["live", "nothing-new", "from-the-start", "resume", "silent-topic"])
def test_two_million_events_cost_no_scan(history, mode, types, statement, args):
    connection = history.connect()
    for setting in session_settings():
        query(connection, setting)
    query(connection, f"SET plan_cache_mode = {mode}")
    query(connection, f"PREPARE q ({types}) AS {statement}")
    for _ in range(2):  # the second finds what it needs in memory
        plan = query(connection, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
                                 f" EXECUTE q ({args})")[0][0][0]
    connection.close()
    scans = [n for n in nodes(plan["Plan"]) if n["Node Type"] == "Seq Scan"]
    assert not scans, scans
    touched = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    assert touched < 1000, f"{touched} blocks, {plan['Execution Time']} ms"


def test_errors_are_of_the_caller_not_of_the_server(database):
    """NUL and broken UTF-8 never reach the table."""
    connection = database.connect()
    for statement in ("SELECT pgfeed.publish('a', E'\\000')",
                      "SELECT pgfeed.publish('a', E'\\xff')"):
        with pytest.raises(psycopg2.DataError):
            query(connection, statement)
    assert events(database) == []
    connection.close()


# --- what the documentation says

def test_the_examples_of_the_documentation_work(database):
    """docs/database.md from top to bottom, as it stands."""
    with open(os.path.join(SOURCE, "docs/database.md"), encoding="utf-8") as file:
        text = file.read()
    blocks = re.findall(r"^ *```sql\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    database.sql("CREATE ROLE shop_app; CREATE SCHEMA shop;"
                 "CREATE TABLE shop.orders (id integer, state text, secret text);"
                 "INSERT INTO shop.orders VALUES (7, 'new', 'x')")
    try:
        connection = database.connect()
        for statement in re.sub(r"--.*", "", "".join(blocks)).split(";"):
            if statement.strip():
                query(connection, statement)
        connection.close()
        shown = [row[3] for row in events(database)]
        assert shown == ['{"total": 12}'] * 5 + [
            re.search(r'^-- (\{"table".*)$', text, re.MULTILINE).group(1)]
        assert database.value("SELECT pgfeed.publish('a', 'b')", user="feed_post") > 1000000
        assert failures(database, "stream", "feed_stream") == []
        assert database.value("SELECT least = '7 days' FROM pgfeed.duty WHERE name = 'prune'")
    finally:
        for role in ("feed_stream", "feed_post", "shop_app"):
            database.sql(f"DROP ROLE IF EXISTS {role}")


def test_a_restored_dump_goes_on_above_what_was_seen(database, cluster):
    database.sql("SELECT pgfeed.publish('a', i::text) FROM generate_series(1, 5) i;"
                 "INSERT INTO pgfeed.epoch VALUES (7, 3)")
    dump = run([cluster.bin + "/pg_dump", "-h", cluster.service_dir, "-U", "postgres",
                database.name])
    copy = Database(cluster, migrated=False)
    try:
        restore(cluster, copy, dump)
        assert events(copy) == events(database)
        assert failures(copy) == [] and failures(copy, "stream", "stream") == []
        copy.sql("SELECT setval('pgfeed.event_id_seq', (SELECT last_value + 1000000"
                 " FROM pgfeed.event_id_seq)); DELETE FROM pgfeed.epoch")
        assert copy.value("SELECT pgfeed.publish('a', 'b')") == 1000006
        assert failures(copy) == []
    finally:
        copy.drop()
