"""Fixtures: one cluster per run, one site per module and web server."""
import os
import resource
import sys

import pytest

sys.dont_write_bytecode = True

import pgfeed_db  # noqa: E402
import pgfeed_env  # noqa: E402


def pytest_configure(config):
    # psycopg2 would follow the caller's PGPORT to another cluster.
    for name in [n for n in os.environ if n.startswith("PG")
                 and not n.startswith("PGFEED_")]:
        del os.environ[name]
    missing = pgfeed_env.missing_tools()
    if missing:
        pytest.exit(f"not here, so nothing can be tested: {missing}", 77)
    # A thousand streams are a thousand descriptors, here and in the servers.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


@pytest.fixture(scope="session")
def cluster():
    cluster = pgfeed_env.Cluster()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module", params=["lighttpd", "apache"])
def site(request, cluster):
    """A module may set OPTIONS, a dict of pgfeed.conf."""
    options = getattr(request.module, "OPTIONS", {})
    site = pgfeed_env.Site(cluster, request.param, **options)
    yield site
    failed = request.session.testsfailed
    if failed:
        site.show_logs()
    site.close()


@pytest.fixture
def make_site(cluster):
    """For a test that needs a site of its own: make_site(server, option=...)."""
    sites = []

    def make(server, **options):
        sites.append(pgfeed_env.Site(cluster, server, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def database(cluster):
    """A migrated database of its own, without gateways."""
    database = pgfeed_db.Database(cluster)
    yield database
    database.drop()


@pytest.fixture
def empty_database(cluster):
    database = pgfeed_db.Database(cluster, migrated=False)
    yield database
    database.drop()


@pytest.fixture(scope="session")
def history(cluster):
    """A database with two million events, not to be changed."""
    database = pgfeed_db.Database(cluster)
    database.fill()
    yield database
    database.drop()


@pytest.fixture
def topic(request):
    """A topic that no other test uses."""
    name = request.node.name
    return "".join(c if c.isalnum() else "-" for c in name)
