"""Fixtures of the hostile web: one cluster, a site per module and web server."""
import os
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "integration"))

import pgfeed_fixtures  # noqa: E402
from bystander import Bystander  # noqa: E402
from pgfeed_fixtures import cluster, site  # noqa: E402,F401


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: a part of make check")
    pgfeed_fixtures.configure()


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
