"""Who may do what, as far as SQL decides it."""
import json
import os
import re
import time

import psycopg2
import pytest
from psycopg2 import errors

from lib.db import query
from lib.harness import SOURCE

OPEN = ("public/x", "public/a/b", "public/*", "public/a/*", "demo", "events")
CLOSED = ("orders", "publi", "public", "publicx/a", "demo/x", "demo/*", "x/*",
          "user/ann", "user/*")


@pytest.fixture
def closed(database):
    """A database as "pgfeed migrate" leaves it, and with one user's rules."""
    database.sql("DELETE FROM pgfeed.access WHERE pattern = '*'")
    return database


def may(database, who, topic, what="read", claims=None):
    """What the programs are told."""
    (answer,) = database.sql(
        "SELECT allowed FROM pgfeed.allowed(ARRAY[%s]::text[], ARRAY[%s]::text[],"
        " ARRAY[%s]::text[], %s)",
        (who, json.dumps(claims) if isinstance(claims, dict) else claims, topic,
         what == "write"))
    return answer[0]


def rule(database, pattern, who="*", read=True, write=False):
    database.sql("INSERT INTO pgfeed.access VALUES (%s, %s, %s, %s)",
                 (pattern, who, read, write))


def test_a_fresh_install_is_closed_but_for_public_and_the_demo(empty_database):
    empty_database.pgfeed("migrate")
    for who in (None, "ann", "*", "+"):
        for what in ("read", "write"):
            assert [t for t in OPEN if not may(empty_database, who, t, what)] == []
            assert [t for t in CLOSED if may(empty_database, who, t, what)] == []


@pytest.mark.parametrize("pattern,topic,covers", [
    ("a", "a", True), ("a", "a/b", False), ("a", "a/*", False),
    ("a/*", "a/b", True), ("a/*", "a/b/c", True), ("a/*", "a/*", True),
    ("a/*", "a/b/*", True), ("a/*", "a", False), ("a/*", "ab/c", False),
    ("a/b/*", "a/*", False), ("*", "a", True), ("*", "a/*", True),
    ("a%", "ab", False), ("a_c", "abc", False), ("ä/*", "ä/ö", True)])
def test_a_pattern_covers_what_is_below_it(closed, pattern, topic, covers):
    """A subscription to a subtree needs the right to all of it."""
    rule(closed, pattern)
    assert may(closed, None, topic) is covers


@pytest.mark.parametrize("pattern", ["", "*/a", "a*", "a/**", "a/*/b", "a{b}", "{users}",
                                     "-/a", "**", "-/*", "x" * 1025])
def test_a_pattern_that_takes_nothing_is_refused(closed, pattern):
    with pytest.raises(errors.CheckViolation):
        rule(closed, pattern)


def test_the_rule_for_all_topics_covers_none_of_pgfeeds_own(closed):
    rule(closed, "*")
    assert may(closed, None, "*") and may(closed, None, "https://example.com/*")
    assert not may(closed, None, "-/status") and not may(closed, None, "-/*")


def test_who_is_everybody_the_signed_in_or_a_name(closed):
    rule(closed, "all")
    rule(closed, "members", "+")
    rule(closed, "anns", "ann")
    seen = {who: [t for t in ("all", "members", "anns") if may(closed, who, t)]
            for who in (None, "ann", "bob", "Ann")}
    assert seen == {None: ["all"], "ann": ["all", "members", "anns"],
                    "bob": ["all", "members"], "Ann": ["all", "members"]}


def test_user_in_a_pattern_is_the_name(closed):
    rule(closed, "user/{user}/*", "+", write=True)
    assert may(closed, "ann", "user/ann/inbox")
    assert may(closed, "ann", "user/ann/*", "write")
    assert not may(closed, "ann", "user/bob/inbox")
    assert not may(closed, "ann", "user/*")
    assert not may(closed, None, "user//inbox")
    assert may(closed, "{user}", "user/{user}/inbox")
    assert may(closed, "a.b@c\\1", "user/a.b@c\\1/x")


@pytest.mark.parametrize("name", ["*", "a/b", "bob/*", "", "../bob", "/"])
def test_a_name_cannot_reach_beyond_its_place(closed, name):
    rule(closed, "user/{user}/*", "+")
    rule(closed, "{user}/*", "+")
    for topic in ("user/bob/x", "user/a/b/x", "user/*", "a/b/x", "bob/x", "user/bob/*",
                  f"user/{name}/x", f"user/{name}", name + "/*"):
        assert not may(closed, name, topic), topic


def test_reading_and_writing_are_apart(closed):
    rule(closed, "news")
    rule(closed, "inbox", read=False, write=True)
    assert may(closed, None, "news") and not may(closed, None, "news", "write")
    assert may(closed, None, "inbox", "write") and not may(closed, None, "inbox")


def test_a_token_may_carry_its_own_patterns(closed):
    claims = {"pgfeed": {"read": ["orders/*", "shop"], "write": ["orders/7"]}}
    assert may(closed, None, "orders/7", claims=claims)
    assert may(closed, None, "orders/*", claims=claims)
    assert may(closed, "ann", "shop", claims=claims)
    assert may(closed, None, "orders/7", "write", claims)
    assert not may(closed, None, "orders/8", "write", claims)
    assert not may(closed, None, "other", claims=claims)


@pytest.mark.parametrize("claims", [
    None, "{}", "[]", "3", '"x"', "null", '{"pgfeed": 1}', '{"pgfeed": {"read": "*"}}',
    '{"pgfeed": {"read": {"*": 1}}}', '{"pgfeed": ["*"]}', '{"pgfeed": {"read": [null]}}',
    '{"pgfeed": {"read": [["*"]]}}', '{"pgfeed": {"write": ["*"]}}',
    '{"read": ["*"]}', '{"pgfeed": {"read": []}}', "", "{", '{"a": "\\u0000"}',
    '{"a": 1e999999}'])
def test_odd_claims_grant_nothing_and_harm_nobody(closed, claims):
    rows = closed.sql(
        "SELECT n, allowed FROM pgfeed.allowed(ARRAY[NULL, %s, NULL],"
        " ARRAY[NULL, %s, NULL], '{demo,secret,demo}', false)", ("ann", claims))
    assert rows == [(1, True), (2, False), (3, True)]


def test_may_read_and_may_write_can_be_replaced(closed):
    closed.sql("CREATE SCHEMA shop; CREATE TABLE shop.member (login text, shop text);"
               "INSERT INTO shop.member VALUES ('ann', '7')")
    for what in ("read", "write"):
        closed.sql(f"""
            CREATE OR REPLACE FUNCTION pgfeed.may_{what}(who text, claims jsonb, topic text)
            RETURNS boolean LANGUAGE sql STABLE
            RETURN EXISTS (SELECT FROM shop.member m
                            WHERE m.login = who AND topic = 'shop/' || m.shop || '/*')""")
    assert may(closed, "ann", "shop/7/*") and may(closed, "ann", "shop/7/*", "write")
    assert not may(closed, "ann", "demo")
    # Whoever replaces them gives nobody more than before.
    for user in ("stream", "post"):
        with pytest.raises(errors.InsufficientPrivilege):
            closed.sql("SELECT pgfeed.may_read('ann', '{}', 'a')", user=user)
    assert closed.value("SELECT allowed FROM pgfeed.allowed('{ann}', '{NULL}',"
                        " '{shop/7/*}', false)", user="stream")


@pytest.mark.parametrize("body", ["SELECT 1 / (length(topic) - 3) > 0",
                                  "SELECT NULL::boolean"])
def test_an_error_or_null_counts_as_no_for_that_one_alone(closed, body):
    closed.sql(f"CREATE OR REPLACE FUNCTION pgfeed.may_read(who text, claims jsonb,"
               f" topic text) RETURNS boolean LANGUAGE sql STABLE AS $$"
               f"SELECT CASE topic WHEN 'bad' THEN ({body}) ELSE true END$$")
    connection = closed.connect("stream")
    rows = query(connection, "SELECT allowed FROM pgfeed.allowed('{a,b,c}',"
                             " '{NULL,NULL,NULL}', '{x,bad,yy}', false)")
    assert rows == [(True,), (False,), (True,)]
    if "/" in body:
        assert "pgfeed.may_read failed 1 times, which counts as no: division" in (
            connection.notices[-1])
    connection.close()


def test_a_fault_of_the_server_is_no_answer(closed):
    """The statement fails, so that the gateway can say "later"; a 403 is for good."""
    allowed = "SELECT pgfeed.allowed('{{a}}', '{{NULL}}', '{{x}}', {})"
    ingest_one = ("SELECT pgfeed.ingest('{x}', '{NULL}', '{1}', '{NULL}', '{a}', '{NULL}')")
    for state in ("53200", "40P01", "57P01", "55P03", "58030", "XX000", "08006"):
        for what, call in (("read", allowed.format(False)), ("write", allowed.format(True)),
                           ("write", ingest_one)):
            closed.sql(f"CREATE OR REPLACE FUNCTION pgfeed.may_{what}(who text, claims jsonb,"
                       f" topic text) RETURNS boolean LANGUAGE plpgsql STABLE AS"
                       f" $$BEGIN RAISE SQLSTATE '{state}'; END$$")
            with pytest.raises(psycopg2.Error) as raised:
                closed.sql(call)
            assert raised.value.pgcode == state
    assert closed.value("SELECT count(*) FROM pgfeed.event") == 0


def test_arrays_of_different_lengths_are_an_error(closed):
    for statement in (
            "SELECT * FROM pgfeed.allowed('{a,b}', '{NULL}', '{a,b}', false)",
            "SELECT * FROM pgfeed.allowed('{a}', '{NULL}', '{a,b}', false)",
            "SELECT * FROM pgfeed.ingest('{a}', '{NULL}', '{x}', '{NULL}', '{}', '{NULL}')"):
        with pytest.raises(errors.ArraySubscriptError):
            closed.sql(statement)


# --- revoking

def notes(connection):
    query(connection, "SELECT 1")
    got = [n.payload for n in connection.notifies]
    connection.notifies.clear()
    return got


def test_revoking_ends_the_tokens_made_so_far(closed):
    rule(closed, "orders", "+")
    now = int(time.time())
    assert may(closed, "ann", "orders", claims={"sub": "ann", "iat": now - 60})
    closed.sql("SELECT pgfeed.revoke('ann')")
    assert not may(closed, "ann", "orders", claims={"sub": "ann", "iat": now - 60})
    assert not may(closed, "ann", "orders", claims={"sub": "ann", "iat": now - 0.5})
    assert not may(closed, "ann", "orders", "write", {"sub": "ann", "iat": now - 60})
    # Not even by their own patterns, nor where everybody may.
    assert not may(closed, "ann", "x", claims={"iat": now - 9, "pgfeed": {"read": ["x"]}})
    assert not may(closed, "ann", "demo", claims={"sub": "ann", "iat": now - 60})
    # A token without a time is old, and so is one with nonsense for it.
    assert not may(closed, "ann", "orders", claims={"sub": "ann"})
    assert not may(closed, "ann", "orders", claims={"sub": "ann", "iat": "soon"})
    # New ones count, as do other users, and whom the web server signs in.
    assert may(closed, "ann", "orders", claims={"sub": "ann", "iat": now + 60})
    assert may(closed, "bob", "orders", claims={"sub": "bob", "iat": now - 60})
    assert may(closed, "ann", "orders")


def test_revoking_tells_the_gateways_who_and_that_it_was(closed):
    listener = closed.connect("stream")
    query(listener, "LISTEN pgfeed_revoke")
    stamps = []
    for _ in range(2):
        stamps += closed.sql("SELECT revoked FROM pgfeed.allowed('{ann}', '{NULL}',"
                             " '{demo}', false)")
        closed.sql("SELECT pgfeed.revoke('ann')")
    stamps += closed.sql("SELECT revoked FROM pgfeed.allowed('{ann,bob,NULL}',"
                         " '{NULL,NULL,NULL}', '{demo,demo,demo}', false)")
    ann, again = notes(listener)
    listener.close()
    # Any role may listen: it gets a number, and none that it can work out.
    assert ann == again and re.fullmatch("[0-9a-f]{16}", ann)
    assert closed.value("SELECT alias FROM pgfeed.allowed('{ann}', '{NULL}', '{demo}',"
                        " false)", user="stream") == ann
    assert stamps[0] == (0,) and stamps[0] < stamps[1] < stamps[2]
    assert stamps[3:] == [(0,), (0,)]


def test_a_token_made_after_the_revocation_counts(closed):
    """Signed in again within the same second, with an iat of whole seconds."""
    rule(closed, "orders", "+")
    closed.sql("SELECT pgfeed.revoke('ann')")
    at = closed.value("SELECT extract(epoch FROM at) FROM pgfeed.revocation")
    for iat, good in ((int(at), True), (int(at) - 1, False), (int(at) + 1, True),
                      (float(at) + 0.001, True), (float(at) - 0.001, False)):
        assert may(closed, "ann", "orders", claims={"iat": iat}) is good, (iat, at)


def test_one_token_can_be_revoked(closed):
    rule(closed, "orders", "+")
    now = int(time.time())
    one, other = ({"iat": now - 60, "jti": jti} for jti in ("one", "other"))
    listener = closed.connect("stream")
    query(listener, "LISTEN pgfeed_revoke")
    closed.sql("SELECT pgfeed.revoke('ann', 'one')")
    (note,) = notes(listener)
    listener.close()
    assert re.fullmatch("[0-9a-f]{16} ask", note)
    assert not may(closed, "ann", "orders", claims=one)
    # Nor later: it is this token, whatever it says about its time.
    assert not may(closed, "ann", "orders", claims=dict(one, iat=now + 60))
    assert may(closed, "ann", "orders", claims=other)
    assert may(closed, "ann", "orders", claims={"iat": now - 60})
    assert may(closed, "bob", "orders", claims=one)
    assert may(closed, "ann", "orders")
    closed.sql("SELECT pgfeed.revoke('ann')")
    assert not may(closed, "ann", "orders", claims=other)
    with pytest.raises(psycopg2.DataError, match="not empty"):
        closed.sql("SELECT pgfeed.revoke('ann', '')")


def test_a_refusal_says_why(closed):
    closed.sql("SELECT pgfeed.revoke('ann', 'one')")
    closed.sql("CREATE TABLE public.mine (); CREATE ROLE owner;"
               "GRANT USAGE ON SCHEMA pgfeed TO owner;"
               "ALTER FUNCTION pgfeed.allowed(text[], text[], text[], boolean) OWNER TO owner;"
               "GRANT SELECT ON ALL TABLES IN SCHEMA pgfeed TO owner;"
               "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgfeed TO owner")
    try:
        closed.sql("CREATE OR REPLACE FUNCTION pgfeed.may_read(who text, claims jsonb,"
                   " topic text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$"
                   "BEGIN IF topic = 'mine' THEN RETURN EXISTS (SELECT FROM public.mine);"
                   " END IF; RETURN topic = 'public/x'; END $$")
        rows = closed.sql("SELECT reason FROM pgfeed.allowed('{NULL,NULL,ann,NULL}',"
                          """ '{NULL,NULL,"{\\"jti\\": \\"one\\"}",NULL}',"""
                          " '{public/x,x,public/x,mine}', false) ORDER BY n", user="stream")
        assert rows == [(None,), ("forbidden",), ("revoked",),
                        ("failed: permission denied for table mine",)]
    finally:
        closed.sql("ALTER FUNCTION pgfeed.allowed(text[], text[], text[], boolean)"
                   " OWNER TO postgres; DROP OWNED BY owner; DROP ROLE owner")


def test_check_makes_a_trial_call(closed):
    def findings(user="postgres", program="owner"):
        return dict(closed.sql("SELECT name, ok FROM pgfeed.check(%s) WHERE name LIKE 'may%%'",
                               (program,), user))
    assert findings() == {"may_read": True, "may_write": True}
    closed.sql("CREATE OR REPLACE FUNCTION pgfeed.may_write(who text, claims jsonb,"
               " topic text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT 1 / 0 = 0'")
    assert findings() == {"may_read": True, "may_write": False}
    assert findings("stream", "stream") == {"may_read": True, "may_write": False}
    assert "everybody is refused: division by zero" in closed.value(
        "SELECT detail FROM pgfeed.check() WHERE name = 'may_write'")


def test_changed_rules_tell_the_gateways_to_ask_again(closed):
    listener = closed.connect("stream")
    query(listener, "LISTEN pgfeed_revoke")
    rule(closed, "a")
    closed.sql("UPDATE pgfeed.access SET may_read = false WHERE pattern = 'a'")
    closed.sql("DELETE FROM pgfeed.access WHERE pattern = 'a'")
    assert notes(listener) == ["", "", ""]
    listener.close()


@pytest.mark.parametrize("who", [None, "", "x" * 1025])
def test_nobody_cannot_be_revoked(closed, who):
    with pytest.raises(errors.IntegrityError):
        closed.sql("SELECT pgfeed.revoke(%s)", (who,))


def test_revoke_can_be_granted_to_an_application(closed):
    closed.sql("CREATE ROLE clerk LOGIN")
    try:
        with pytest.raises(errors.InsufficientPrivilege):
            closed.sql("SELECT pgfeed.revoke('ann')", user="clerk")
        closed.sql("GRANT USAGE ON SCHEMA pgfeed TO clerk;"
                   "GRANT EXECUTE ON FUNCTION pgfeed.revoke(text, text) TO clerk")
        closed.sql("SELECT pgfeed.revoke('ann')", user="clerk")
        with pytest.raises(errors.InsufficientPrivilege):
            closed.sql("SELECT FROM pgfeed.revocation", user="clerk")
    finally:
        closed.sql("DROP OWNED BY clerk; DROP ROLE clerk")


# --- publishing

INGEST = ("SELECT n, id, duplicate, conflict, forbidden FROM pgfeed.ingest("
          "%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])")


def ingest(database, *rows):
    """rows: (topic, kind, data, key, who, claims)."""
    return database.sql(INGEST, [list(column) for column in zip(*rows)], user="post")


def stored(database):
    return database.sql("SELECT id, topic, kind, data FROM pgfeed.event ORDER BY id")


@pytest.mark.parametrize("key", [None, "k"])
def test_what_is_forbidden_is_told_and_the_rest_stored_in_order(closed, key):
    rule(closed, "ann/*", "ann", write=True)
    secret = '{"pgfeed": {"write": ["secret"]}}'
    rows = ingest(closed,
                  ("demo", "k", "1", None, None, "{}"),
                  ("secret", "k", "2", "k2", None, "{}"),
                  ("ann/x", None, "3", None, "ann", None),
                  ("ann/x", None, "4", None, "bob", None),
                  ("ann/x", None, "5", None, None, None),
                  ("demo", None, "6", key, "bob", "{}"),
                  ("secret", None, "7", None, "bob", secret),
                  ("demo", None, "6", key, "bob", "{}"))
    ids = [row[0] for row in stored(closed)]
    assert [row[3] for row in stored(closed)] == ["1", "3", "6", "7"] + (
        ["6"] if key is None else [])
    last = (8, ids[-1], False, False, False) if key is None else (
        8, ids[2], True, False, False)
    assert rows == [(1, ids[0], False, False, False), (2, None, False, False, True),
                    (3, ids[1], False, False, False), (4, None, False, False, True),
                    (5, None, False, False, True), (6, ids[2], False, False, False),
                    (7, ids[3], False, False, False), last]
    assert closed.value("SELECT count(*) FROM pgfeed.key WHERE key = 'k2'") == 0


def test_a_batch_with_nothing_forbidden_or_all_of_it(closed):
    rows = ingest(closed, *[("demo", None, str(n), None, None, "{}") for n in range(5)])
    assert [row[2:] for row in rows] == [(False, False, False)] * 5
    assert [row[1] for row in rows] == [row[0] for row in stored(closed)]
    rows = ingest(closed, *[("secret", None, "x", "key", None, "{}")] * 3)
    assert rows == [(n, None, False, False, True) for n in (1, 2, 3)]
    assert len(stored(closed)) == 5


def test_a_batch_asks_once_per_user_and_topic(closed):
    closed.sql("""
        CREATE SEQUENCE public.asked;
        CREATE OR REPLACE FUNCTION pgfeed.may_write(who text, claims jsonb, topic text)
        RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
          RETURN nextval('public.asked') > 0 AND coalesce(who, '') <> 'bob';
        END $$""")
    rows = ingest(closed, *[("demo", None, "x", None, who, "{}")
                            for who in ("ann", "bob", None, "") for _ in range(50)])
    assert [row[4] for row in rows] == [row in range(50, 100) for row in range(200)]
    assert closed.value("SELECT last_value FROM public.asked") == 4


def test_an_event_says_who_wrote_it(closed):
    rule(closed, "all", "*", write=True)
    ingest(closed, ("all", None, "1", None, "ann", None))
    ingest(closed, ("all", None, "2", "k", "ann", None), ("all", None, "3", None, None, None),
           ("secret", None, "4", None, "bob", None), ("all", None, "5", None, "bob", "{}"))
    closed.sql("SELECT pgfeed.publish('all', '6', by => 'clerk'),"
               " pgfeed.publish('all', '7', key => 'k7')")
    assert closed.sql("SELECT data, by FROM pgfeed.event ORDER BY id") == [
        ("1", "ann"), ("2", "ann"), ("3", None), ("5", "bob"), ("6", "clerk"), ("7", None)]


def test_a_thousand_users_in_one_batch(closed):
    rule(closed, "user/{user}/*", "+", write=True)
    rows = ingest(closed, *[(f"user/{n // 2 * 2}/x", None, str(n), None, str(n), "{}")
                            for n in range(1000)])
    assert [row[4] for row in rows] == [n % 2 == 1 for n in range(1000)]
    assert [row[3] for row in stored(closed)] == [str(n) for n in range(0, 1000, 2)]


def test_going_back_removes_the_rules(closed):
    rule(closed, "mine", "ann")
    closed.pgfeed("migrate", "down", "2", "-y")
    with pytest.raises(errors.UndefinedTable):
        closed.sql("SELECT FROM pgfeed.access")
    closed.pgfeed("migrate")
    assert not may(closed, "ann", "mine") and may(closed, "ann", "demo")


def test_check_names_what_is_open(closed):
    def finding():
        return closed.sql("SELECT ok, must, detail FROM pgfeed.check()"
                          " WHERE name = 'access'")[0]
    assert finding()[0] is False and "demo (read, write)" in finding()[2]
    closed.sql("DELETE FROM pgfeed.access WHERE pattern <> 'public/*'")
    rule(closed, "members", "+")
    rule(closed, "public/news/*")
    assert finding() == (True, False, "nothing but public/* is open to everybody")
    rule(closed, "*")
    assert finding() == (False, False, "open to everybody: * (read)")


@pytest.mark.parametrize("program,function", [
    ("stream", "pgfeed.allowed(text[], text[], text[], boolean)"),
    ("post", "pgfeed.ingest(text[], text[], text[], text[], text[], text[])")])
def test_check_names_a_grant_that_is_missing(closed, program, function):
    closed.sql(f"REVOKE EXECUTE ON FUNCTION {function} FROM pgfeed_{program}")
    failed = closed.sql("SELECT name, detail FROM pgfeed.check(%s) WHERE must AND NOT ok",
                        (program,), user=program)
    assert failed == [("grants", f"the group pgfeed_{program} lacks rights (EXECUTE on"
                       f" {function.replace(', ', ',')}): SELECT pgfeed.grant_roles()")]
    closed.sql("SELECT pgfeed.grant_roles()")
    assert closed.sql("SELECT name FROM pgfeed.check(%s) WHERE must AND NOT ok",
                      (program,), user=program) == []


def test_the_examples_of_the_documentation_work(closed):
    """docs/access.md from top to bottom, as it stands."""
    with open(os.path.join(SOURCE, "docs/access.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```sql\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    closed.sql("CREATE ROLE shop_app; CREATE SCHEMA shop;"
               "CREATE TABLE shop.member (login text, shop text);"
               "INSERT INTO shop.member VALUES ('ada', '7')")
    try:
        closed.sql(blocks[0])
        assert [may(closed, who, topic, what) for who, topic, what in (
            (None, "news/a/*", "read"), (None, "news/a", "write"), (None, "chat/a", "read"),
            ("bob", "chat/a", "write"), ("bob", "user/bob/x", "write"),
            ("bob", "user/ada/x", "read"), ("ada", "orders/*", "read"),
            ("bob", "orders/1", "read"))] == [
                True, False, False, True, True, False, True, False]
        closed.sql(blocks[1])
        assert not may(closed, "ada", "demo") and may(closed, "ada", "public/x")
        closed.sql(blocks[2])
        assert [may(closed, who, topic, claims=claims) for who, topic, claims in (
            ("ada", "shop/7/orders", None), ("bob", "shop/7/orders", None),
            ("bob", "x", {"groups": ["staff"]}), (None, "public/*", None))] == [
                True, False, True, True]
        closed.sql(blocks[3])
        closed.sql(blocks[4])
        assert closed.value("SELECT who FROM pgfeed.revocation") == "ada"
        closed.sql("SET ROLE shop_app; SELECT pgfeed.revoke('bob')")
    finally:
        closed.sql("DROP OWNED BY shop_app; DROP ROLE shop_app")
