"""Fixtures of the hostile web: one cluster, a site per module and web server."""

import pytest

from bystander import Bystander
from lib import fixtures
from lib.fixtures import cluster, site  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: a part of make check")
    fixtures.configure()


@pytest.fixture
def topic(request):
    """A topic that no other test uses."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[:100]


@pytest.fixture
def bystander(site, topic):
    """Somebody else, who must not notice; looked at when the test is over."""
    bystander = Bystander(site, topic + "-bystander")
    yield bystander
    bystander.noticed_nothing()
