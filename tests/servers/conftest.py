"""Fixtures of the tests of hosts; the table comes from matrix.py."""

import pytest

import hosts
from lib import fixtures


def pytest_configure(config):
    fixtures.configure()


@pytest.fixture(scope="session")
def installation():
    installation = hosts.Installation()
    yield installation
    installation.close()


@pytest.fixture
def make_host(installation):
    made = []

    def make(mode, **options):
        if hosts.missing_for(mode):
            pytest.skip(f"{hosts.missing_for(mode)} is not installed")
        made.append(mode(installation, **options))
        return made[-1]

    yield make
    for host in made:
        host.close()
