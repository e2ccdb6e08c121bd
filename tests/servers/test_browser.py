"""The demo page in a real browser, in every mode: one and the same page."""
import json
import os
import subprocess

import pytest

import hosts
from lib import harness as env

RUN = os.path.join(env.SOURCE, "tests", "browser", "run.sh")


class Page:
    """tests/browser/demo.mjs, which is told what to do."""

    def __init__(self, url):
        self.popen = subprocess.Popen(
            ["sh", RUN, "--demo", url], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, srcdir=env.SOURCE, abs_top_builddir=env.BUILD))

    def __call__(self, do, text=None):
        self.popen.stdin.write(json.dumps({"do": do, "text": text}) + "\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        if line.startswith("SKIP"):
            pytest.skip(line.strip())
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        self.popen.wait(30)
        self.popen.stdout.close()


@pytest.mark.parametrize("mode", hosts.MODES, ids=lambda mode: mode.NAME)
def test_the_demo_page(make_host, mode):
    if mode.NAME.endswith("-prefork"):
        pytest.skip("to the browser it is what mpm_event is")
    host = make_host(mode)
    base = host.url("http").removesuffix("/events")
    with Page(base + "/") as page:
        state = page("live")
        host.sql("SELECT pgfeed.publish('events', 'from SQL')")
        page("see", "from SQL")
        page("send", "from the page")
        page("see", "from the page")
        page("plain", "without scripts")
        page("see", "without scripts")

        host.kill_gateway()
        host.sql("SELECT pgfeed.publish('events', 'after the kill')")
        page("see", "after the kill")
        assert page("list") == ["after the kill", "without scripts",
                                "from the page", "from SQL"]
        print(f"{mode.LABEL}: {state}")
