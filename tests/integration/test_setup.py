"""pgfeed setup: a database and the configuration are made ready by one command,
which prints what it does and can be run again."""
import os
import shutil
import stat
from pathlib import Path

import pytest

from lib.harness import SERVICE_USER

ROLES = ("pgfeed-stream", "pgfeed-post", "pgfeed")


@pytest.fixture
def roles(cluster):
    """Roles are of the whole cluster: they go when the database has gone."""
    yield
    for role in ROLES:
        cluster.sql(f'DROP ROLE IF EXISTS "{role}"', "postgres")


@pytest.fixture
def conf(cluster):
    folder = os.path.join(cluster.service_dir, "setup")
    os.makedirs(folder, exist_ok=True)
    path = Path(folder, "pgfeed.conf")
    path.write_text("# the database\n#database =\n#heartbeat = 15s\n",
                    encoding="utf-8")
    path.chmod(0o640)
    for owned in (folder, path):
        if SERVICE_USER:
            shutil.chown(owned, SERVICE_USER, SERVICE_USER)
    yield path
    path.unlink()


@pytest.fixture
def setup(roles, empty_database, conf):
    def run(*args, user="postgres", code=0):
        conninfo = empty_database.cluster.conninfo(empty_database.name, user)
        return empty_database.pgfeed("-c", str(conf), "setup", "--database",
                                     conninfo, *args, code=code)
    run.database, run.cluster = empty_database, empty_database.cluster
    return run


def checks(setup, program, user):
    return setup.database.sql(
        "SELECT name, ok FROM pgfeed.check(%s) WHERE NOT ok", (program,), user=user)


def test_the_schema_has_an_ordinary_owner_and_each_program_a_role(setup):
    setup()
    assert setup.database.value(
        "SELECT rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = nspowner"
        " WHERE nspname = 'pgfeed' AND NOT rolsuper AND NOT rolcreaterole") == "pgfeed"
    assert checks(setup, "owner", "pgfeed") == []
    assert checks(setup, "stream", "pgfeed-stream") == []
    assert checks(setup, "post", "pgfeed-post") == []


def test_a_second_run_changes_nothing(setup, conf):
    first = setup()
    assert "CREATE ROLE" in first and "GRANT" in first
    before = conf.read_text()
    assert before.splitlines()[1] == "database = " + setup.cluster.conninfo(
        setup.database.name)
    second = setup()
    assert "CREATE" not in second and "GRANT" not in second
    assert "has this database already" in second
    assert conf.read_text() == before


def test_a_dry_run_prints_and_changes_nothing(setup, conf):
    before = conf.read_text()
    said = setup("--dry-run")
    assert 'CREATE ROLE "pgfeed-stream" LOGIN;' in said
    assert "pgfeed migrate up" in said
    assert "database = " in said
    assert conf.read_text() == before
    assert setup.database.value("SELECT to_regnamespace('pgfeed')") is None
    assert not setup.database.sql(
        "SELECT FROM pg_roles WHERE rolname = ANY(%s)", (list(ROLES),))


def test_without_the_right_to_create_roles_it_says_what_to_run(setup, conf):
    setup.cluster.sql("CREATE ROLE managed LOGIN", "postgres")
    try:
        said = setup(user="managed", code=1)
        statements = [line for line in said.splitlines() if line.endswith(";")]
        assert 'CREATE ROLE pgfeed LOGIN;' in statements
        assert "GRANT pgfeed TO managed;" in statements
        for statement in statements:
            setup.database.sql(statement)
        setup(user="managed")
        assert checks(setup, "owner", "pgfeed") == []
        assert checks(setup, "stream", "pgfeed-stream") == []
    finally:
        setup.cluster.sql("DROP ROLE managed", "postgres")


def test_another_database_in_the_configuration_stays(setup, conf):
    conf.write_text("database = dbname=other\n")
    setup(code=1)
    assert conf.read_text() == "database = dbname=other\n"


def test_the_configuration_keeps_its_mode(setup, conf):
    conf.chmod(0o604)
    setup()
    assert stat.S_IMODE(os.stat(conf).st_mode) == 0o604
