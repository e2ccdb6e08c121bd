"""Fixtures: one cluster per run, one site per module and web server."""

import pytest

from lib import db
from lib import harness
from lib import fixtures
from lib.fixtures import cluster, site  # noqa: F401


def pytest_configure(config):
    fixtures.configure()


@pytest.fixture
def make_site(cluster):
    """For a test that needs a site of its own: make_site(server, option=...)."""
    sites = []

    def make(server, **options):
        sites.append(harness.Site(cluster, server, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def database(cluster):
    """A migrated database of its own, without gateways."""
    database = db.Database(cluster)
    yield database
    database.drop()


@pytest.fixture
def empty_database(cluster):
    database = db.Database(cluster, migrated=False)
    yield database
    database.drop()


@pytest.fixture(scope="session")
def history(cluster):
    """A database with two million events, not to be changed."""
    database = db.Database(cluster)
    database.fill()
    yield database
    database.drop()


@pytest.fixture
def topic(request):
    """A topic that no other test uses."""
    name = request.node.name
    return "".join(c if c.isalnum() else "-" for c in name)
