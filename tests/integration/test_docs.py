"""The code of docs/php.md, languages.md, postgrest.md and recipes.md, as it
stands there: it publishes inside a transaction, renders or prints a signed
address, and a browser's stream goes on from there without a gap."""
import hmac
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from lib import harness
from lib.fixtures import needs_libjwt
from lib.db import query
from lib.http import Stream, request
from test_eventsource import modules  # noqa: F401
from test_identity import b64, write_file

pytestmark = needs_libjwt

KEY = b"the secret of shop's application"
ITEMS = ["tea & \"biscuits\"", "Brötchen, 3 Stück </script>"]
JSON = {"Accept": "application/json"}


def block(page, name):
    """The block ```LANGUAGE NAME of a page."""
    with open(f"{harness.SOURCE}/docs/{page}", encoding="utf-8") as file:
        found = re.findall(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", file.read(),
                           re.M | re.S)
    assert len(found) == 1, f"{len(found)} blocks {name} in {page}"
    return found[0]


def make_shop(cluster, database, keys):
    cluster.sql(f"CREATE DATABASE {database} TEMPLATE template", "postgres")
    cluster.sql("DELETE FROM pgfeed.access", database)
    path = f"{cluster.service_dir}/keys-{database}"
    write_file(path, keys)
    return harness.Site(cluster, "lighttpd", database=database, jwt_keys=path,
                        identity="remote_user jwt")


@pytest.fixture(scope="module")
def shop(cluster):
    cluster.sql("CREATE ROLE shop_app LOGIN", "postgres")
    site = make_shop(cluster, "shop", f"shop HS256 {b64(KEY)}\n")
    site.sql(block("php.md", "setup"))
    yield site
    site.close()


class Application:
    """A folder with the scripts of a page, run as the role shop_app."""

    def __init__(self, site, folder, page, *names):
        self.folder = str(folder)
        self.env = dict(harness.clean_environment(), FEED_KEY=b64(KEY),
                        PGHOST=site.cluster.service_dir, PGUSER="shop_app",
                        LC_ALL="C.UTF-8")
        for name in names:
            with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
                file.write(block(page, name))

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, env=self.env, timeout=30,
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.decode()


def follow(site, url, order):
    """The address is good, begins after what was there, and gets the next."""
    assert request(site.port, "GET", url.split("&access_token=")[0],
                   headers=JSON).status == 401
    with Stream(site.port, url) as stream:
        order(ITEMS[1])     # the first that comes
        event = stream.message()
        assert event.type == "new" and event.json()["item"] == ITEMS[1]


def test_php(shop, tmp_path):
    if not shutil.which("php") or subprocess.run(
            ["php", "-r", "exit((int) !extension_loaded('pdo_pgsql'));"],
            check=False).returncode != 0:
        pytest.skip("php-cli or php-pgsql is not installed")
    app = Application(shop, tmp_path, "php.md", "db.php", "order.php",
                      "feed_url.php", "orders.php")

    def order(item):
        assert app.run("php", "order.php", item) == ""

    order(ITEMS[0])
    page = app.run("php", "orders.php")
    assert page.count("<li>") == 1
    assert "<li>tea &amp; &quot;biscuits&quot;</li>" in page
    follow(shop, json.loads(re.search(r"EventSource\((\".*?\")\)", page)[1]), order)
    page = app.run("php", "orders.php")
    assert page.count("<li>") == 2 and page.count("</script>") == 1


@pytest.mark.parametrize("command,needs", [
    (["perl", "order.pl"], ["perl", "-MDBD::Pg", "-e1"]),
    (["/usr/bin/python3", "order.py"], ["/usr/bin/python3", "-c", "import psycopg2"]),
    (["node", "order.cjs"], ["node", "-e", "require('pg')"]),
    (["ruby", "order.rb"], ["ruby", "-e", "require 'pg'"]),
], ids=lambda c: os.path.basename(c[0]))
def test_language(shop, tmp_path, command, needs, request):
    app = Application(shop, tmp_path, "languages.md", command[-1])
    app.env["NODE_PATH"] = "/usr/share/nodejs"
    if command[0] == "node":
        app.env["NODE_PATH"] += ":" + request.getfixturevalue("modules") \
            + "/node_modules"
    if not shutil.which(command[0]) or subprocess.run(
            needs, env=app.env, stderr=subprocess.DEVNULL,
            check=False).returncode != 0:
        pytest.skip("fails: " + " ".join(needs))

    def order(item):
        return app.run(*command, item).strip()

    follow(shop, order(ITEMS[0]), order)


def test_postgrest(cluster):
    done = subprocess.run(["sh", "-ec", block("postgrest.md", "key")],
                          capture_output=True, text=True, check=True)
    site = make_shop(cluster, "rest", done.stdout)
    secret = re.search("secret='(.*)'", block("postgrest.md", "key"))[1].encode()

    def poll(topic, **claims):
        claims = {"exp": int(time.time()) + 600, **claims}
        text = ".".join(b64(json.dumps(part).encode())
                        for part in ({"alg": "HS256"}, claims))
        signature = b64(hmac.new(secret, text.encode(), "sha256").digest())
        return request(site.port, "GET",
                       f"/events/{topic}?wait=0&last_event_id=earliest", headers={
                           **JSON, "Authorization": f"Bearer {text}.{signature}"})

    try:
        site.sql(block("postgrest.md", "rules"))
        with site.connect() as db:
            query(db, "SET ROLE web_user")
            query(db, "INSERT INTO api.orders (owner, item) VALUES ('ada', 'tea')")
        answer = poll("orders/ada", sub="ada", role="web_user")
        assert answer.status == 200, answer.body
        (event,) = answer.json()["events"]
        assert json.loads(event["data"])["new"] == {"id": 1, "item": "tea"}
        for topic, claims in [("orders/bob", {"sub": "ada", "role": "web_user"}),
                              ("orders/ada", {"sub": "ada", "role": "web_anon"}),
                              ("orders/ada", {"sub": "ada", "role": "no_such"}),
                              ("orders/ada", {"sub": "ada"})]:
            assert poll(topic, **claims).status == 403, (topic, claims)
        assert request(site.port, "GET", "/events/orders/ada",
                       headers=JSON).status == 401
    finally:
        site.close()


def test_the_long_polls_answer_has_the_form_that_recipes_shows(make_site):
    site = make_site("lighttpd")
    site.sql("SELECT pgfeed.publish('orders', 'first')")
    site.sql("SELECT pgfeed.publish('orders', '{\"total\":12}', kind => 'paid',"
             " by => 'ada')")
    command = block("recipes.md", "long-poll").replace(
        "http://127.0.0.1/", f"http://127.0.0.1:{site.port}/")
    shown = json.loads(re.search(r"```json\n(.*?)```", open(
        f"{harness.SOURCE}/docs/recipes.md", encoding="utf-8").read(), re.S)[1])
    answer = json.loads(subprocess.run(["sh", "-ec", command], check=True,
                                       capture_output=True).stdout)
    for events in (shown["events"], answer["events"]):
        for event in events:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
                                event.pop("at"))
    assert answer.keys() == shown.keys() and answer["events"] == shown["events"]


def test_recipes(database, empty_database, cluster):
    cluster.sql("CREATE ROLE recipes_app", "postgres")
    database.sql(block("recipes.md", "sign-out").replace("shop_app", "recipes_app"))
    assert database.value("SELECT count(*) FROM pgfeed.revocation") == 2
    database.sql(block("recipes.md", "own-rules"))
    database.sql("DELETE FROM pgfeed.access; INSERT INTO pgfeed.access (pattern, who)"
                 " VALUES ('own/{user}/*', 'ada')")
    for claims, topic, may in [
            ({"group": "staff"}, "staff", True), ({}, "staff", None),
            ({"pgfeed": {"read": ["x/*"]}}, "x/1", True), ({}, "x/1", False),
            ({}, "own/ada/1", True), ({}, "own/bob/1", False)]:
        assert database.value("SELECT pgfeed.may_read('ada', %s, %s)",
                              [json.dumps(claims), topic]) is may, (claims, topic)

    bin_folder = f"{cluster.bin}:{cluster.share}"
    subprocess.run(
        ["sh", "-ec", block("recipes.md", "owner").replace("shop", empty_database.name)],
        check=True, stdout=subprocess.DEVNULL, env=empty_database.environment(
            PATH=f"{bin_folder}:{os.environ['PATH']}"))
    assert empty_database.value(
        "SELECT nspowner::regrole::text FROM pg_namespace"
        " WHERE nspname = 'pgfeed'") == "feed_owner"
