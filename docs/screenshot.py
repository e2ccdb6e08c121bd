#!/usr/bin/python3
"""screenshot.py - the pictures of the README, from the demo as it runs.

    ./run up && docs/screenshot.py && ./run stop

Makes some events, opens the page in Chromium, waits until it is live and shows
them, and writes demo.png and demo-dark.png beside this file.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ENV = os.path.join(os.environ.get("PGFEED_VAR", os.path.join(HERE, "..", "var")), "env")
SQL = """
    INSERT INTO events(event) VALUES ('a row, from psql');
    UPDATE events SET event = 'the same row, changed'
     WHERE id = (SELECT max(id) FROM events);
    NOTIFY demo_notify, 'a plain NOTIFY: live only';
"""


class Chromium:
    """Chromium, spoken to by its DevTools protocol through two pipes."""

    def __init__(self):
        self.profile = tempfile.mkdtemp()
        theirs_in, self.out = os.pipe()
        self.inn, theirs_out = os.pipe()
        command = ["chromium", "--headless=new", "--disable-gpu", "--hide-scrollbars",
                   "--remote-debugging-pipe", f"--user-data-dir={self.profile}",
                   "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        # The protocol wants descriptors 3 and 4.
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "chromium", *command],
            pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.rest, self.session = 0, b"", None
        page = next(t for t in self.call("Target.getTargets")["targetInfos"]
                    if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"],
                                 flatten=True)["sessionId"]

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                data = os.read(self.inn, 1 << 20)
                if not data:
                    sys.exit("chromium ended")
                self.rest += data
            answer, _, self.rest = self.rest.partition(b"\0")
            answer = json.loads(answer)
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def wait_for(self, expression):
        deadline = time.monotonic() + 20
        while not self.value(expression):
            if time.monotonic() > deadline:
                sys.exit(f"not within 20 s: {expression}")
            time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def main():
    environment = dict(
        line.strip().split("=", 1) for line in open(ENV, encoding="utf-8")
        if "=" in line)
    url = environment["PGFEED_URL"]
    browser = Chromium()
    try:
        browser.call("Emulation.setDeviceMetricsOverride", width=1000, height=720,
                     deviceScaleFactor=1, mobile=False)
        browser.call("Page.navigate", url=url + "/")
        browser.wait_for("document.querySelector('#state')?.dataset.state === 'live'")
        urllib.request.urlopen(url + "/events/demo", b"data=hello+from+curl").close()
        subprocess.run(["psql", "-Xq", "-c", SQL], check=True,
                       env={**os.environ, **environment})
        browser.wait_for("document.body.innerText.includes('live only')")
        for scheme, name in (("light", "demo.png"), ("dark", "demo-dark.png")):
            browser.call("Emulation.setEmulatedMedia", features=[
                {"name": "prefers-color-scheme", "value": scheme}])
            # Let what is new stop to glow.
            browser.wait_for("document.getAnimations().every(a => a.playState !== 'running')")
            shot = browser.call("Page.captureScreenshot", format="png")
            with open(os.path.join(HERE, name), "wb") as file:
                file.write(base64.b64decode(shot["data"]))
            print(name)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
