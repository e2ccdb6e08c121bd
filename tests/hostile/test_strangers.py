"""Those who say they are somebody else, and those who look for what is hidden."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import os
import random
import time

import pytest

from lib import harness

JSON = {"Content-Type": "application/json"}
KEY = b"k" * 32


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(who):
    parts = ({"alg": "HS256", "kid": "k", "typ": "JWT"},
             {"sub": who, "exp": int(time.time()) + 600})
    text = ".".join(b64(json.dumps(part).encode()) for part in parts)
    return text + "." + b64(hmac.new(KEY, text.encode(), hashlib.sha256).digest())


def bearer(text):
    return {**JSON, "Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module", params=["lighttpd", "apache"])
def site(request, cluster):
    """ada has private/*, the public has public/*."""
    keys = f"{cluster.service_dir}/hostile-keys"
    with open(keys, "w", encoding="ascii") as file:
        file.write(f"k HS256 {b64(KEY)}\n")
    os.chmod(keys, 0o600)
    if harness.SERVICE_USER:
        harness.shutil.chown(keys, harness.SERVICE_USER)
    site = harness.Site(cluster, request.param, identity="remote_user jwt",
                           jwt_keys=keys, post_rate_per_user=0)
    site.sql("DELETE FROM pgfeed.access; INSERT INTO pgfeed.access VALUES"
             " ('public/*', '*', true, true), ('private/*', 'ada', true, true)")
    yield site
    site.close()


@pytest.fixture
def topic(topic):
    return "public/" + topic


def count(site, topic):
    return site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s", (topic,))[0][0]


def test_a_forged_user_is_nobody(site, bystander):
    """Whatever a header is called, it is not REMOTE_USER."""
    names = ("Remote-User", "REMOTE_USER", "X-Remote-User", "X-Forwarded-User", "Auth-User",
             "HTTP_REMOTE_USER", "Proxy-Remote-User", "X-Forwarded-For", "Forwarded",
             "X-Real-IP", "Auth-Type")
    for name in names:
        for value in ("ada", '"ada"', "127.0.0.1", "for=ada;by=127.0.0.1"):
            answer = site.post("/events/private/forged", b"1", {**JSON, name: value})
            assert answer.status in (400, 401), (name, answer)
            answer = site.post("/events/private/forged", headers={name: value}, method="GET")
            assert answer.status in (400, 401), (name, answer)
    assert count(site, "private/forged") == 0


def test_no_changed_token_is_good(site, bystander):
    """One character of ada's token at a time, each bit of it."""
    good, dice = token("ada"), random.Random(3)
    assert site.post("/events/private/tampered", b"1", bearer(good)).status == 201
    for at, old in enumerate(good):
        new = dice.choice([c for c in "Ab9_-.~!" if c != old])
        bad = good[:at] + new + good[at + 1:]
        # The last character has bits to spare, which mean nothing.
        if at == len(good) - 1:
            bad = good[:-2] + new
        assert site.post("/events/private/tampered", b"2", bearer(bad)).status in (400, 401), bad
    assert count(site, "private/tampered") == 1


def test_replayed_keys_make_one_event(site, bystander, topic):
    def replay(n):
        return site.post(f"/events/{topic}", b"1", {**JSON, "Idempotency-Key": f"k{n % 5}"})

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(replay, range(200)))
    assert sorted({a.status for a in answers}) == [200, 201]
    assert len({a.json()["id"] for a in answers}) == count(site, topic) == 5


def told(answer):
    return (answer.status, answer.body,
            {k: v for k, v in answer.headers.items() if k not in ("date", "age")})


def test_a_hidden_topic_looks_like_none(site, bystander):
    """Neither its name nor a key that was used there can be found out."""
    ada = bearer(token("ada"))
    assert site.post("/events/private/orders", b"1",
                     {**ada, "Idempotency-Key": "used"}).status == 201
    for who in (JSON, bearer(token("eve"))):
        for more in ({}, {"Idempotency-Key": "used"}, {"Idempotency-Key": "new"}):
            answers = [told(site.post(f"/events/private/{name}", b"1", {**who, **more}))
                       for name in ("orders", "nothing", "orders/below")]
            assert answers[0][0] in (401, 403)
            assert answers[0] == answers[1] == answers[2]


def test_a_refusal_takes_no_look_at_events(site, bystander):
    """So it takes as long whether or not there are any."""
    with site.connect() as lock, lock.cursor() as cursor:
        lock.autocommit = False
        cursor.execute("LOCK TABLE pgfeed.event IN ACCESS EXCLUSIVE MODE")
        for name in ("orders", "nothing"):
            answer = site.post(f"/events/private/{name}", b"1", bearer(token("eve")))
            assert answer.status == 403
        lock.rollback()


def test_sql_stays_text(site, bystander, topic):
    """Topics, kinds, keys, payloads and names of users are parameters."""
    evil = "x'); DROP TABLE pgfeed.event; --"
    for quoted in (evil, 'x"; SELECT 1; --', "\\'; --", "$1", "%s", "{a,b}", "'||pg_sleep(9)||'"):
        escaped = "".join(f"%{byte:02x}" for byte in quoted.encode())
        answer = site.post(f"/events/{topic}/{escaped}?kind={escaped}&key={escaped}",
                           quoted.encode(), {"Content-Type": "text/plain"})
        assert answer.status == 201, answer
        rows = site.sql("SELECT topic, kind, data FROM pgfeed.event WHERE id = %s",
                        (answer.json()["id"],))
        assert rows == [(f"{topic}/{quoted}", quoted, quoted)]
        with site.stream(f"/events/{topic}/{escaped}?last_event_id=earliest") as stream:
            assert stream.message().data == quoted
        answer = site.post("/events/private/x", b"1", bearer(token(quoted)))
        assert answer.status in (401, 403)
