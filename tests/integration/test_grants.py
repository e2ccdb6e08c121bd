"""The rights in the database: exactly those that pgfeed gives, and named if not."""
import pytest
from psycopg2 import errors

from lib.db import Database, restore
from lib.harness import run


def failures(database, program, user):
    return [row[0] for row in database.sql(
        "SELECT name FROM pgfeed.check(%s) WHERE must AND NOT ok", (program,), user)]


GRANTS = "SELECT * FROM pgfeed.present_grants() ORDER BY 1, 2, 3, 4, 5"


@pytest.mark.parametrize("defaults", [
    "REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    "GRANT ALL ON TABLES TO PUBLIC; GRANT ALL ON SEQUENCES TO PUBLIC; GRANT ALL ON"
    " FUNCTIONS TO clerk; GRANT ALL ON TABLES TO clerk; GRANT ALL ON SCHEMAS TO clerk"])
def test_the_grants_are_the_same_whatever_the_default_privileges(
        database, empty_database, defaults):
    empty_database.sql("CREATE ROLE clerk LOGIN")
    try:
        for default in defaults.split("; "):
            empty_database.sql(f"ALTER DEFAULT PRIVILEGES {default}")
        empty_database.pgfeed("migrate")
        empty_database.sql("SELECT pgfeed.rotate(10, true)")
        assert empty_database.sql(GRANTS) == database.sql(GRANTS)
        assert empty_database.value("SELECT count(*) FROM pgfeed.present_grants()"
                                    " WHERE grantee = 'clerk'") == 0
        assert failures(empty_database, "stream", "stream") == []
        assert failures(empty_database, "post", "post") == []
        with pytest.raises(errors.InsufficientPrivilege):
            empty_database.sql("DELETE FROM pgfeed.access", user="clerk")
    finally:
        empty_database.sql("DROP OWNED BY clerk; DROP ROLE clerk")


def test_grants_lost_by_a_dump_come_back(database, cluster):
    """pg_restore --no-acl, then "pgfeed migrate"."""
    dump = run([cluster.bin + "/pg_dump", "--no-acl", "-h", cluster.service_dir,
                "-U", "postgres", database.name])
    copy = Database(cluster, migrated=False)
    try:
        restore(cluster, copy, dump)
        assert copy.sql(GRANTS) != database.sql(GRANTS)
        (detail,) = copy.sql("SELECT detail FROM pgfeed.check() WHERE name = 'grants'"
                             " AND NOT ok")
        assert "missing: pgfeed_post EXECUTE on" in detail[0]
        assert "pgfeed_post EXECUTE on pgfeed.ingest(" in detail[0]
        assert "too many: PUBLIC EXECUTE on" in detail[0]
        assert "nothing to do" in copy.pgfeed("migrate")
        assert copy.sql(GRANTS) == database.sql(GRANTS)
        assert copy.sql("SELECT 1 FROM pgfeed.check() WHERE name = 'grants' AND NOT ok") == []
    finally:
        copy.drop()


@pytest.mark.parametrize("change,named", [
    ("GRANT UPDATE ON pgfeed.access TO PUBLIC", "too many: PUBLIC UPDATE on pgfeed.access"),
    ("GRANT SELECT ON pgfeed.key TO stream", "too many: stream SELECT on pgfeed.key"),
    ("GRANT UPDATE (oldest) ON pgfeed.mark TO pgfeed_stream",
     "too many: pgfeed_stream UPDATE(oldest) on pgfeed.mark"),
    ("REVOKE UPDATE (low) ON pgfeed.mark FROM pgfeed_stream",
     "missing: pgfeed_stream UPDATE(low) on pgfeed.mark"),
    ("GRANT INSERT ON pgfeed.event TO stream; GRANT EXECUTE ON FUNCTION"
     " pgfeed.publish(text, text, text, text, text) TO stream", None)])
def test_check_names_differences_of_the_grants(database, change, named):
    database.sql(change)
    found = [row[0] for row in database.sql(
        "SELECT detail FROM pgfeed.check() WHERE name = 'grants' AND NOT ok")]
    assert found == [] if named is None else named in found[0]
    database.sql("SELECT pgfeed.grant_roles(exact => true)")
    assert database.sql("SELECT 1 FROM pgfeed.check() WHERE name = 'grants' AND NOT ok") == []
