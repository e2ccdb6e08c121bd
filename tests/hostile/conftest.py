"""Fixtures of the hostile web: one cluster, a site per module and web server."""
import os
import resource
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "integration"))

import pgfeed_env  # noqa: E402
from bystander import Bystander  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: a part of make check")
    for name in [n for n in os.environ if n.startswith("PG")
                 and not n.startswith("PGFEED_")]:
        del os.environ[name]
    missing = pgfeed_env.missing_tools()
    if missing:
        pytest.exit(f"not here, so nothing can be tested: {missing}", 77)
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
    if request.session.testsfailed:
        site.show_logs()
    site.close()


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
