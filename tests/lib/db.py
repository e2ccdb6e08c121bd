"""A migrated database of its own for tests of the SQL and of the command line."""
import subprocess
import threading

import psycopg2

from lib.harness import as_service, clean_environment


HISTORY_ROWS = 2_000_000


class Database:
    """A copy of the cluster's migrated template, or an empty one."""

    count = 0

    def __init__(self, cluster, migrated=True):
        Database.count += 1
        self.cluster, self.name = cluster, f"sql{Database.count}"
        cluster.sql(f"CREATE DATABASE {self.name} TEMPLATE "
                    + ("template" if migrated else "template0"), "postgres")

    def drop(self):
        self.cluster.sql(f"DROP DATABASE {self.name} WITH (FORCE)", "postgres")

    def connect(self, user="postgres", autocommit=True):
        connection = psycopg2.connect(self.cluster.conninfo(self.name, user))
        connection.autocommit = autocommit
        return connection

    def sql(self, statement, args=None, user="postgres"):
        connection = self.connect(user)
        try:
            return query(connection, statement, args)
        finally:
            connection.close()

    def value(self, statement, args=None, user="postgres"):
        return self.sql(statement, args, user)[0][0]

    def fill(self):
        """A long history: 1000 topics take turns over several partitions."""
        connection = self.connect()
        # Only the way in is made faster; the table is the one that is shipped.
        query(connection, "ALTER TABLE pgfeed.event DROP CONSTRAINT topic_is_valid")
        query(connection, "SELECT pgfeed.rotate(500000, true)"
                          " FROM generate_series(1, 4)")
        query(connection, "INSERT INTO pgfeed.event (topic, data) SELECT"
                          " 'topic/' || i %% 1000, i::text"
                          " FROM generate_series(1, %s) i", (HISTORY_ROWS,))
        query(connection, "VACUUM ANALYZE pgfeed.event")
        connection.close()

    def environment(self, **more):
        env = clean_environment()
        env.update(PGHOST=self.cluster.service_dir, PGDATABASE=self.name,
                   PGUSER="postgres", PGFEED_MIGRATIONS=self.cluster.share
                   + "/migrations", PGFEED_CONF="/dev/null", **more)
        return env

    def start(self, *args, env=None, **kwargs):
        """The command line in the background."""
        command = [self.cluster.share + "/pgfeed", *args]
        return subprocess.Popen(
            as_service(command), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env or self.environment(), cwd="/",
            **kwargs)

    def pgfeed(self, *args, code=0, stdin=b"", env=None):
        """Runs the command line; returns stdout, or both when it fails."""
        process = self.start(*args, env=env, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin, 60)
        assert process.returncode == code, (args, out, err)
        return (out if code == 0 else out + err).decode()


def query(connection, statement, args=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        return cursor.fetchall() if cursor.description else None


class Together:
    """Runs functions at the same time; what one raises, finish() raises."""

    def __init__(self):
        self.threads, self.errors = [], []

    def start(self, function, *args):
        def call():
            try:
                function(*args)
            except BaseException as error:  # pylint: disable=broad-except
                self.errors.append(error)
        self.threads.append(threading.Thread(target=call, daemon=True))
        self.threads[-1].start()

    def finish(self, timeout=60):
        for thread in self.threads:
            thread.join(timeout)
            assert not thread.is_alive(), "still running"
        if self.errors:
            raise self.errors[0]


def waits_for_lock(connection, pid):
    """Whether the session pid waits for another."""
    return query(connection, "SELECT cardinality(pg_blocking_pids(%s)) > 0",
                 (pid,))[0][0]


def restore(cluster, copy, dump):
    """Fills the database copy from the text of pg_dump, by psql: COPY has data."""
    done = subprocess.run(
        as_service([cluster.bin + "/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
                    "-h", cluster.service_dir, "-U", "postgres", copy.name]),
        input=dump, text=True, capture_output=True, check=False,
        env=clean_environment(), cwd="/")
    assert done.returncode == 0, done.stderr
