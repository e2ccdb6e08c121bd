"""What the conftest.py of every folder of tests with real servers begins with."""
import os
import resource

import pytest

from lib import harness


def _built_with(name):
    makefile = harness.BUILD + "/Makefile"
    if not os.path.exists(makefile):
        return True
    with open(makefile, encoding="utf-8") as file:
        return f"-D{name}=1" in file.read()


needs_libjwt = pytest.mark.skipif(not _built_with("HAVE_LIBJWT"),
                                  reason="built without libjwt")


def configure():
    """For pytest_configure: ends the run where a tool is missing."""
    # psycopg2 would follow the caller's PGPORT to another cluster.
    for name in [n for n in os.environ if n.startswith("PG")
                 and not n.startswith("PGFEED_")]:
        del os.environ[name]
    missing = harness.missing_tools()
    if missing:
        pytest.exit(f"not here, so nothing can be tested: {missing}", 77)
    # A thousand streams are a thousand descriptors, here and in the servers.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


@pytest.fixture(scope="session")
def cluster():
    cluster = harness.Cluster()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module", params=["lighttpd", "apache"])
def site(request, cluster):
    """A module may set OPTIONS, a dict of pgfeed.conf."""
    options = getattr(request.module, "OPTIONS", {})
    site = harness.Site(cluster, request.param, **options)
    yield site
    if request.session.testsfailed:
        site.show_logs()
    site.close()
