"""Fixtures of the tests of hosts; the table comes from matrix.py."""
import resource
import sys

import pytest

sys.dont_write_bytecode = True

import hosts  # noqa: E402
import pgfeed_env  # noqa: E402


def pytest_configure(config):
    missing = pgfeed_env.missing_tools()
    if missing:
        pytest.exit(f"not here, so nothing can be tested: {missing}", 77)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


@pytest.fixture(scope="session")
def installation():
    installation = hosts.Installation()
    yield installation
    installation.close()


@pytest.fixture
def make_host(installation):
    made = []

    def make(mode, **options):
        made.append(mode(installation, **options))
        return made[-1]

    yield make
    for host in made:
        host.close()
