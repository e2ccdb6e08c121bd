"""The command line: migrations, events by hand, and what is wrong."""
import json
import os
import random
import signal
import time

import pytest

from lib.db import Together, query
from lib.harness import eventually

MIGRATIONS = ["0001_events", "0002_publish", "0003_attach", "0004_retention",
              "0005_access", "0006_roles"]
LAST, NEXT = MIGRATIONS[-1], f"{len(MIGRATIONS) + 1:04}"


# --- migrate

def objects(database):
    """Everything in the catalogs that a migration could leave behind."""
    return database.sql("""
        SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_temp|^pg_toast'
        UNION ALL SELECT 'relation', oid::regclass::text FROM pg_class
                   WHERE relnamespace <> 'pg_toast'::regnamespace
        UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc
        UNION ALL SELECT 'type', oid::regtype::text FROM pg_type
                   WHERE typnamespace <> 'pg_toast'::regnamespace
        UNION ALL SELECT 'trigger', tgname FROM pg_trigger
        UNION ALL SELECT 'default', defaclrole::text FROM pg_default_acl
        ORDER BY 1, 2""")


def test_up_down_up_leaves_nothing_behind(empty_database):
    before = objects(empty_database)
    out = empty_database.pgfeed("migrate")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["up", m] for m in MIGRATIONS]
    after = objects(empty_database)
    empty_database.sql("CREATE TABLE public.t (id integer);"
                       "SELECT pgfeed.attach('public.t');"
                       "INSERT INTO public.t VALUES (1)")
    out = empty_database.pgfeed("migrate", "down", "--yes", "all")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["down", m] for m in reversed(MIGRATIONS)]
    empty_database.sql("INSERT INTO public.t VALUES (2); DROP TABLE public.t")
    assert objects(empty_database) == before
    assert "nothing to do" in empty_database.pgfeed("migrate", "down")
    empty_database.pgfeed("migrate", "up")
    assert objects(empty_database) == after


def test_migrate_goes_step_by_step_and_tells(empty_database):
    assert empty_database.pgfeed("migrate", "status", code=3).split() == [
        word for m in MIGRATIONS for word in ("pending", m)]
    for n in range(len(MIGRATIONS)):
        assert empty_database.pgfeed("migrate", "up", "1").split()[1] == MIGRATIONS[n]
    assert "nothing to do" in empty_database.pgfeed("migrate")
    assert [line.split()[0] for line in empty_database.pgfeed(
        "migrate", "status").splitlines()] == ["applied"] * len(MIGRATIONS)
    assert empty_database.pgfeed("migrate", "down", "-y").split()[1] == MIGRATIONS[-1]
    assert "pending  " + MIGRATIONS[-1] in empty_database.pgfeed(
        "migrate", "status", code=3)
    assert f"at version {len(MIGRATIONS) - 1}" in empty_database.pgfeed("status", code=1)
    assert empty_database.pgfeed("migrate").split()[1] == MIGRATIONS[-1]


def test_going_back_says_what_is_lost_and_takes_yes(database):
    database.sql("SELECT pgfeed.revoke('ann')")
    said = database.pgfeed("migrate", "down", "2", code=1)
    assert "0006_roles:" in said and "0004_retention:" not in said
    for loss in ("the rows of pgfeed.access", "when you have replaced them",
                 "a token that was revoked is good again", "rights that you have granted",
                 "say --yes"):
        assert loss in said
    assert database.value("SELECT max(version) FROM pgfeed.migration") == len(MIGRATIONS)
    assert database.value("SELECT count(*) FROM pgfeed.revocation") == 1


def test_an_upgrade_keeps_what_is_yours(database, files):
    """A migration to come: rules, replaced functions, grants, revocations stay."""
    database.sql("CREATE ROLE clerk")
    try:
        database.sql("""
            GRANT USAGE ON SCHEMA pgfeed TO clerk;
            GRANT EXECUTE ON FUNCTION pgfeed.revoke(text, text) TO clerk;
            CREATE OR REPLACE FUNCTION pgfeed.may_read(who text, claims jsonb, topic text)
            RETURNS boolean LANGUAGE sql STABLE RETURN topic = 'mine';
            INSERT INTO pgfeed.access VALUES ('mine', 'ann', true, true);
            SELECT pgfeed.revoke('ann')""")
        write(files, f"{NEXT}_more.up.sql", "CREATE TABLE pgfeed.more ();")
        assert f"{NEXT}_more" in database.pgfeed("migrate", "--dir", files)
        assert database.value("SELECT has_function_privilege('clerk',"
                              " 'pgfeed.revoke(text, text)', 'EXECUTE')")
        assert database.sql("SELECT allowed FROM pgfeed.allowed('{bob,bob}', '{NULL,NULL}',"
                            " '{mine,demo}', false)") == [(True,), (False,)]
        assert database.value("SELECT count(*) FROM pgfeed.access WHERE who = 'ann'") == 1
        assert database.value("SELECT count(*) FROM pgfeed.revocation") == 1
    finally:
        database.sql("DROP OWNED BY clerk; DROP ROLE clerk")


def test_two_migrates_at_once(empty_database):
    both = [empty_database.start("migrate") for _ in range(3)]
    outs = [p.communicate(timeout=60) for p in both]
    assert [p.returncode for p in both] == [0] * 3, outs
    done = [line.split()[1] for out, _ in outs for line in out.decode().splitlines()
            if line.startswith("up ")]
    assert sorted(done) == MIGRATIONS


def test_a_stranger_with_the_advisory_lock_keeps_nobody_from_migrating(empty_database):
    """migrate ended with an error after a minute."""
    stranger = empty_database.connect("post")
    query(stranger, "SELECT pg_advisory_lock(1885824613, 0)")
    process = empty_database.start("migrate")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"going on without the advisory lock" in err, (out, err)
    assert empty_database.value("SELECT max(version) FROM pgfeed.migration") == len(MIGRATIONS)
    empty_database.pgfeed("migrate", "down", "all", "--yes")
    assert not empty_database.value("SELECT to_regnamespace('pgfeed') IS NOT NULL")
    stranger.close()


def test_an_ordinary_role_can_own_the_schema(empty_database):
    empty_database.sql(f"CREATE ROLE plain LOGIN;"
                       f"ALTER DATABASE {empty_database.name} OWNER TO plain")
    env = dict(empty_database.environment(), PGUSER="plain")
    empty_database.pgfeed("migrate", env=env)
    assert empty_database.sql("SELECT name FROM pgfeed.check('stream')"
                              " WHERE NOT ok", user="stream") == []
    assert empty_database.value("SELECT pgfeed.publish('a', 'x')", user="post") == 1
    assert empty_database.value("SELECT ok FROM pgfeed.check() WHERE name = 'owner'")
    empty_database.pgfeed("migrate", "down", "all", "-y", env=env)
    empty_database.sql(f"ALTER DATABASE {empty_database.name} OWNER TO postgres;"
                       "DROP ROLE plain")


@pytest.fixture
def files(tmp_path_factory, cluster):
    """A copy of the migrations that may be changed."""
    folder = os.path.join(cluster.dir, f"m{time.monotonic_ns()}")
    os.mkdir(folder, 0o755)
    for name in os.listdir(cluster.share + "/migrations"):
        with open(f"{cluster.share}/migrations/{name}", encoding="utf-8") as file:
            write(folder, name, file.read())
    return folder


def write(folder, name, text, mode="w"):
    with open(f"{folder}/{name}", mode, encoding="utf-8") as file:
        file.write(text)


def test_a_failing_migration_is_named_by_line_and_leaves_nothing(database, files):
    write(files, f"{NEXT}_bad.up.sql",
          "-- größer\nCREATE TABLE pgfeed.half ();\n\nSELECT nix;\n")
    out = database.pgfeed("migrate", "--dir", files, code=1)
    assert f"{NEXT}_bad.up.sql:4: column \"nix\" does not exist" in out
    assert database.value("SELECT to_regclass('pgfeed.half')") is None
    assert database.value("SELECT max(version) FROM pgfeed.migration") == len(MIGRATIONS)


def test_a_changed_migration_is_refused(database, files):
    write(files, "0003_attach.up.sql", "\n-- changed", "a")
    assert "0003_attach was changed after" in database.pgfeed(
        "migrate", "--dir", files, code=1)
    assert "changed  0003_attach" in database.pgfeed(
        "migrate", "-d", files, "status", code=3)


def test_a_missing_or_late_migration_is_noticed(database, files):
    late, moved = LAST[:4] + "_late", NEXT + LAST[4:]
    os.rename(f"{files}/{LAST}.up.sql", files + "/kept")
    assert f"unknown  {LAST}" in database.pgfeed(
        "migrate", "-d", files, "status", code=3)
    os.rename(files + "/kept", f"{files}/{moved}.up.sql")
    write(files, late + ".up.sql", "SELECT 1")
    database.sql("UPDATE pgfeed.migration SET version = %s, name = %s WHERE name = %s",
                 (len(MIGRATIONS) + 1, moved, LAST))
    assert f"{moved} is applied, but {late} before it is not" in (
        database.pgfeed("migrate", "-d", files, code=1))


@pytest.mark.parametrize("name,text", [
    ("6_short.up.sql", "not named NNNN_name.up.sql"),
    ("0005_twice.up.sql", "have the same number")])
def test_migration_files_are_named_and_numbered(database, files, name, text):
    write(files, name, "SELECT 1")
    assert text in database.pgfeed("migrate", "-d", files, code=1)


def test_a_migration_may_not_end_its_transaction(database, files):
    write(files, f"{NEXT}_commit.up.sql", "SELECT 1; COMMIT;")
    assert "ended its transaction" in database.pgfeed("migrate", "-d", files, code=1)
    assert database.value("SELECT max(version) FROM pgfeed.migration") == len(MIGRATIONS)


def test_a_lock_timeout_is_not_taken_for_a_missing_schema(database):
    busy = database.connect(autocommit=False)
    query(busy, "LOCK TABLE pgfeed.migration IN ACCESS EXCLUSIVE MODE")
    said = database.pgfeed("status", code=1)
    busy.close()
    assert "lock timeout" in said and "holds a lock" in said and "been run" not in said


# --- publish

def test_publish_prints_the_id(database):
    assert database.pgfeed("publish", "a", "hello") == "1\n"
    assert database.pgfeed("publish", "a", stdin=b"two\nlines\n") == "2\n"
    assert database.pgfeed("publish", "--kind", "k", "a", "-", stdin="é".encode()) == "3\n"
    assert database.pgfeed("publish", "b", "", "--key", "x") == "4\n"
    assert database.pgfeed("publish", "b", "", "-k", "x") == "4\n"
    assert database.pgfeed("publish", "--lines", "c", stdin=b"1\n\n3") == "5\n6\n7\n"
    assert database.pgfeed("publish", "--", "d", "--json") == "8\n"
    assert database.sql("SELECT topic, kind, data FROM pgfeed.event ORDER BY id") == [
        ("a", None, "hello"), ("a", None, "two\nlines\n"), ("a", "k", "é"),
        ("b", None, ""), ("c", None, "1"), ("c", None, ""), ("c", None, "3"),
        ("d", None, "--json")]


@pytest.mark.parametrize("args,stdin,code,text", [
    (["a"], b"x\0y", 1, "NUL"), (["a"], b"\xff", 1, "not UTF-8"),
    (["a"], b"x" * ((1 << 20) + 1), 1, "1 MiB"), (["a*b", "x"], b"", 1, "not a topic"),
    ([], b"", 2, "to which topic"), (["a", "b", "c"], b"", 2, "too many"),
    (["--nix", "a"], b"", 2, "--help"), (["--lines", "a", "x"], b"", 2, "--lines"),
    (["--kind", "a\nb", "a", "x"], b"", 1, "kind_is")],
    ids=["nul", "utf8", "large", "topic", "nothing", "many", "option", "lines",
         "kind"])
def test_publish_refuses(database, args, stdin, code, text):
    assert text in database.pgfeed("publish", *args, stdin=stdin, code=code)
    assert database.value("SELECT count(*) FROM pgfeed.event") == 0


def test_publish_refuses_a_key_of_another_event(database):
    database.pgfeed("publish", "-k", "k", "a", "x")
    assert "already stands for another event, id 1" in database.pgfeed(
        "publish", "-k", "k", "a", "y", code=1)


# --- tail

def events(out):
    return [json.loads(line) for line in out.splitlines()]


def test_tail_prints_history_and_goes_on(database):
    for i in range(5):
        database.pgfeed("publish", "a/b" if i % 2 else "c", str(i))
    everything = events(database.pgfeed("tail", "-j", "-s", "earliest", "-n", "5"))
    assert [e["id"] for e in everything] == ["1", "2", "3", "4", "5"]
    assert everything[1] == {"topic": "a/b", "id": "2", "at": everything[1]["at"],
                             "kind": None, "by": None, "data": "1"}
    assert everything[1]["at"].endswith("Z")
    tail = database.start("tail", "--json", "--since", "-1", "-n", "3", "a/*")
    assert json.loads(tail.stdout.readline())["data"] == "3"
    database.pgfeed("publish", "--lines", "a/b", stdin=b"x\ny\n")
    out, err = tail.communicate(timeout=20)
    assert [e["data"] for e in events(out)] == ["x", "y"], err
    assert [e["data"] for e in events(database.pgfeed(
        "tail", "-j", "-s", "3", "-n", "4"))] == ["3", "4", "x", "y"]


def test_tail_keeps_a_terminal_safe(database):
    database.pgfeed("publish", "a", "\x1b[31m\r\n\t\x07é\u009b")
    assert database.pgfeed("tail", "-s", "earliest", "-n", "1") == (
        "1  a  -  \\x1b[31m\\r\\n\\t\\x07é\\u009b\n")


@pytest.mark.parametrize("args,text", [
    (["-s", "-x"], "not -N"), (["-s", "nix"], "not earliest"), (["a*"], "not a topic"),
    (["-n", "0"], "not a number")])
def test_tail_refuses(database, args, text):
    assert text in database.pgfeed("tail", *args, code=2)


def test_tail_says_when_history_is_gone_or_another(database):
    database.pgfeed("publish", "--lines", "a", stdin=b"1\n2\n3\n")
    database.sql("UPDATE pgfeed.mark SET oldest = 3; DELETE FROM pgfeed.event"
                 " WHERE id < 3")
    tail = database.start("tail", "-s", "1", "-n", "1")
    out, err = tail.communicate(timeout=20)
    assert out == b"3  a  -  3\n" and b"before id 3 are gone" in err
    assert "timeline" in database.pgfeed("tail", "-s", "7~2", code=1)


def test_tail_refuses_a_cursor_ahead_of_the_feed(database):
    database.pgfeed("publish", "a", "x")
    assert "highest id so far is 1" in database.pgfeed("tail", "-s", "2", code=1)


def test_tail_ends_when_events_begin_anew(database):
    tail = database.start("tail", "-j", "-s", "earliest")
    database.pgfeed("publish", "a", "x")
    assert json.loads(tail.stdout.readline())["data"] == "x"
    database.sql("TRUNCATE pgfeed.event RESTART IDENTITY")
    database.pgfeed("publish", "a", "another with the same id")
    out, err = tail.communicate(timeout=20)
    assert (out, tail.returncode) == (b"", 1) and b"another history" in err


def test_tail_prints_events_by_any_of_their_topics(database):
    database.sql("SELECT pgfeed.publish(ARRAY['a', 'b/1', 'c'], 'x')")
    for pattern in ("a", "b/*", "c", "*"):
        for since in ("-1", "earliest"):
            assert database.pgfeed("tail", "-s", since, "-n", "1", pattern) == "1  a  -  x\n"
    database.pgfeed("publish", "b", "y")
    assert database.pgfeed("tail", "-s", "earliest", "-n", "1", "b") == "2  b  -  y\n"


def test_writers_ring_for_tail_when_no_gateway_runs(database):
    listener = database.connect()
    query(listener, "LISTEN pgfeed")

    def heard():
        query(listener, "SELECT 1")
        return len(listener.notifies)

    database.pgfeed("publish", "a", "nobody sleeps")
    assert heard() == 0
    tail = database.start("tail", "-n", "1")
    eventually(lambda: database.sql("SELECT 1 FROM pgfeed.gateway WHERE asleep"))
    database.pgfeed("publish", "a", "x")
    out, err = tail.communicate(timeout=20)
    assert out == b"2  a  -  x\n", err
    assert heard() == 1
    listener.close()


def test_tail_sees_every_event_once_whatever_happens(database):
    """Slow and rolled back writers; its own connection is cut again and again."""
    tail = database.start("tail", "--json")
    got = []
    reader = Together()
    reader.start(lambda: got.extend(tail.stdout))

    def listening():
        return database.sql("""
            SELECT pid FROM pg_stat_activity WHERE datname = current_database()
               AND application_name IN ('pgfeed/ctl', 'pgfeed/tail')
               AND query <> ''""")
    eventually(listening)
    database.pgfeed("publish", "a", "begin")
    eventually(lambda: got)

    def write(seed):
        draw = random.Random(seed)
        connection = database.connect(autocommit=False)
        for i in range(60):
            for k in range(draw.randint(1, 3)):
                query(connection, "SELECT pgfeed.publish('a', %s)", (f"{seed}.{i}.{k}",))
                time.sleep(draw.random() * 0.01)
            if draw.random() < 0.2:
                connection.rollback()
            else:
                connection.commit()
        connection.close()

    writers = Together()
    for seed in range(4):
        writers.start(write, seed)
    cuts = 0
    while any(t.is_alive() for t in writers.threads):
        for (pid,) in listening():
            cuts += database.value("SELECT pg_terminate_backend(%s)", (pid,))
        time.sleep(0.3)
    writers.finish()
    assert cuts > 1
    expected = sorted(str(i) for (i,) in database.sql("SELECT id FROM pgfeed.event"))
    try:
        eventually(lambda: len(got) >= len(expected))
    finally:
        tail.send_signal(signal.SIGTERM)
        reader.finish()
        _, err = tail.communicate(timeout=10)
    assert sorted(json.loads(line)["id"] for line in got) == expected, err


def test_tail_ends_with_its_reader(database):
    tail = database.start("tail")
    eventually(lambda: database.sql(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pgfeed/ctl'"
        " AND datname = current_database() AND wait_event = 'ClientRead'"))
    tail.stdout.close()
    eventually(lambda: database.pgfeed("publish", "a", "x") and
               tail.poll() is not None)
    assert tail.returncode == 0
    tail.stderr.close()


# --- prune, status, check-config

def test_prune_removes_to_the_letter(database):
    database.pgfeed("publish", "--lines", "a", stdin=b"1\n2\n3\n")
    database.pgfeed("publish", "-k", "k", "a", "4")
    database.sql("UPDATE pgfeed.event SET at = at - '2 h'::interval WHERE id < 3;"
                 "UPDATE pgfeed.key SET at = at - '2 days'::interval")
    assert database.pgfeed("prune").splitlines() == [
        "oldest:  1", "removed: 0 partitions, 0 single events", "keys:    1 forgotten"]
    assert database.pgfeed("prune", "--age", "90min").splitlines()[:2] == [
        "oldest:  3", "removed: 0 partitions, 2 single events"]
    env = database.environment(PGFEED_RETENTION="0")
    assert "for ever" in database.pgfeed("prune", env=env)
    for age in ("x", "-1", "0", "nan"):
        assert "not an age" in database.pgfeed("prune", "-a", age, code=2)


def test_status_tells_how_the_feed_stands(database):
    database.pgfeed("publish", "--lines", "a", stdin=b"1\n2\n3\n")
    writer = database.connect(autocommit=False)
    query(writer, "SET application_name = 'slow writer'")
    query(writer, "SELECT pgfeed.publish('a', 'x')")
    out = database.pgfeed("status")
    writer.close()
    assert "4 drawn, kept from 1 on" in out
    assert "1 in a transaction" in out and "slow writer" in out
    assert MIGRATIONS[-1] in out


def test_check_config_warns_of_what_is_open_to_everybody(database):
    def warnings():
        process = database.start("check-config")
        err = process.communicate(timeout=60)[1].decode()
        assert process.returncode == 0
        return err
    assert warnings().startswith("pgfeed: warning: open to everybody: * (read, write), ")
    database.sql("DELETE FROM pgfeed.access WHERE pattern <> 'public/*'")
    assert warnings() == ""
    database.sql("ALTER TABLE pgfeed.migration RENAME TO m")
    assert warnings() == ""


def test_check_config_prints_what_counts_or_the_line(database, cluster):
    conf = f"{cluster.dir}/check.conf"
    with open(conf, "w", encoding="utf-8") as file:
        file.write("heartbeat = 20s\n# a comment\nlisten = a b\n")
    out = database.pgfeed("-c", conf, "check-config")
    assert "heartbeat = 20s\n" in out and "listen = a b\n" in out
    out = database.pgfeed("-c", conf, "check-config",
                          env=database.environment(PGFEED_HEARTBEAT="5s"))
    assert "heartbeat = 5s\n" in out
    with open(conf, "a", encoding="utf-8") as file:
        file.write("hartbeat = 20s\n")
    assert f"{conf}:4: there is no option \"hartbeat\"" in database.pgfeed(
        "-c", conf, "check-config", code=1)


@pytest.mark.parametrize("conninfo,shown", [
    ("host=/nix user=u password=sw0rdfish", "user=u password=*** host=/nix"),
    ("postgresql://u:sw0rdfish@/db?host=/nix", "user=u password=*** dbname=db host=/nix"),
    ("host=/nix sslpassword='sw0rdfish x'", "host=/nix sslpassword=***"),
    ("host=/nix password=sw0rdfish sw0rdfish", "(malformed, not shown)"),
    ("u:sw0rdfish@host", "(malformed, not shown)"),
    ("host=/nix dbname='a b'", "host=/nix dbname='a b'"), ("shop", "shop")])
def test_no_command_shows_a_password(database, conninfo, shown):
    options = ("database", "stream_database", "post_database")
    env = database.environment(**{f"PGFEED_{o.upper()}": conninfo for o in options})
    for command, code in ("check-config", 0), ("status", 1), ("prune", 1), ("doctor", 3):
        process = database.start(command, env=env)
        out, err = (text.decode() for text in process.communicate(timeout=60))
        assert process.returncode == code and "sw0rdfish" not in out + err
        if command == "check-config":
            for option in options:
                assert f"\n{option} = {shown}\n" in "\n" + out


@pytest.mark.parametrize("args,code,text", [
    ([], 2, "which command"), (["nix"], 2, "no command \"nix\""),
    (["--nix"], 2, "try: pgfeed --help"), (["-c", "/nix", "status"], 1, "could not read"),
    (["migrate", "sideways"], 2, "not up, down or status"),
    (["migrate", "down", "x"], 2, "not a number"), (["status", "x"], 2, "no argument")])
def test_wrong_usage_says_what_to_do(database, args, code, text):
    assert text in database.pgfeed(*args, code=code)


def test_every_command_has_help(database):
    out = database.pgfeed("--help")
    commands = [line.split()[0] for line in
                out.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert len(commands) == 10
    for command in commands:
        text = database.pgfeed(command, "--help")
        assert text.startswith(f"usage: pgfeed [-c FILE] {command}")
        assert len(text.splitlines()) > 2
    assert database.pgfeed("--version").startswith("pgfeed ")


def test_a_missing_server_is_one_line(database):
    out = database.pgfeed("status", code=1,
                          env=dict(database.environment(), PGHOST="/nix"))
    assert out.startswith("pgfeed: could not connect") and out.count("\n") == 1


def test_check_config_warns_of_what_does_not_fit_the_machine(database, cluster):
    conf = f"{cluster.dir}/fit.conf"
    with open(conf, "w", encoding="utf-8") as file:
        file.write("heartbeat = 120s\npeer_users = root nobody-of-that-name\n")
    process = database.start("-c", conf, "check-config", "--quiet")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"")
    assert b"heartbeat is 90s or more" in err
    assert b'there is no user "nobody-of-that-name"' in err


def test_check_config_refuses_a_section(database, cluster):
    conf = f"{cluster.dir}/section.conf"
    with open(conf, "w", encoding="utf-8") as file:
        file.write("heartbeat = 20s\n[pgfeed]\nlisten = a\n")
    out = database.pgfeed("-c", conf, "check-config", code=1)
    assert f"{conf}:" in out and "sections such as [pgfeed] are not used" in out
