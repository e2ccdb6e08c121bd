"""Fixtures: one cluster per run, one site per module and web server."""
import sys

import pytest

sys.dont_write_bytecode = True

import pgfeed_db  # noqa: E402
import pgfeed_env  # noqa: E402
import pgfeed_fixtures  # noqa: E402
from pgfeed_fixtures import cluster, site  # noqa: E402,F401


def pytest_configure(config):
    pgfeed_fixtures.configure()


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
