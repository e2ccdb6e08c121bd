"""Who sent a request: the web server's user, a token, or nobody; what each may
publish, how often, and which forms are the site's own."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import os
import subprocess
import time
import urllib.parse

import pytest

from lib import fastcgi, harness
from lib.fixtures import needs_libjwt
from lib.http import Stream, request

pytestmark = needs_libjwt

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEY, OTHER = b"k" * 32, b"o" * 64
CSRF = "3f9a61c2d4e8b705"

APACHE = """
LoadModule auth_basic_module "${{PGFEED_MODULES}}/mod_auth_basic.so"
LoadModule authn_core_module "${{PGFEED_MODULES}}/mod_authn_core.so"
LoadModule authn_file_module "${{PGFEED_MODULES}}/mod_authn_file.so"
LoadModule authz_user_module "${{PGFEED_MODULES}}/mod_authz_user.so"
<Location "/events/home">
    AuthType Basic
    AuthName home
    AuthUserFile "{users}"
    Require valid-user
</Location>
"""
LIGHTTPD = """
server.modules = ( "mod_auth", "mod_authn_file" )
auth.backend = "plain"
auth.backend.plain.userfile = "{users}"
auth.require = ( "/events/home" =>
    ( "method" => "basic", "realm" => "home", "require" => "valid-user" ) )
"""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(who="ada", key=KEY, alg="HS256", kid="k", **claims):
    head = {"alg": alg, "kid": kid, "typ": "JWT"}
    body = {"sub": who, "exp": int(time.time()) + 600, "aud": "feed", **claims}
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, body))
    return text + "." + b64(hmac.new(key, text.encode(), hashlib.sha256).digest())


def bearer(text):
    return {**JSON, "Authorization": f"Bearer {text}"}


def basic(name):
    return {**JSON, "Authorization": "Basic "
            + base64.b64encode(f"{name}:secret".encode()).decode()}


def write_file(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    if harness.SERVICE_USER:
        harness.shutil.chown(path, harness.SERVICE_USER)


class Files:
    """The keys, and the users of the web server, all with the same password."""

    def __init__(self, cluster, server):
        self.keys = f"{cluster.service_dir}/keys-{server}"
        self.users = f"{cluster.service_dir}/users-{server}"
        self.write_keys(f"k HS256 {b64(KEY)}\n")
        secret = "secret" if server == "lighttpd" else \
            "{SHA}" + base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
        write_file(self.users, f"ada:{secret}\nbob:{secret}\n")
        self.config = (LIGHTTPD if server == "lighttpd" else APACHE).format(
            users=self.users)

    def write_keys(self, text):
        write_file(self.keys, text)


def rules(site):
    """Members write below their own name and to "members", all to "open". What
    is below home/ the web server lets nobody have without a password."""
    site.sql("DELETE FROM pgfeed.access; INSERT INTO pgfeed.access VALUES"
             " ('home/{user}/*', '+', true, true), ('own/{user}/*', '+', true, true),"
             " ('members', '+', true, true), ('open', '*', true, true)")


@pytest.fixture(scope="module", params=["lighttpd", "apache"])
def site(request, cluster):
    files = Files(cluster, request.param)
    site = harness.Site(
        cluster, request.param, server_config=files.config,
        identity="remote_user jwt", jwt_keys=files.keys, jwt_cookie="session",
        jwt_audience="feed", jwt_leeway="5s", form_token="csrf",
        origins="https://app.example", log_level="debug")
    site.files = files
    rules(site)
    yield site
    if request.session.testsfailed:
        site.show_logs()
    site.close()


def stored(site, topic):
    return [row[0] for row in site.sql(
        "SELECT data FROM pgfeed.event WHERE topic = %s ORDER BY id", (topic,))]


def refused(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["status"] == status
    return answer


# --- the web server's user

def test_the_web_servers_user_is_who_it_says(site):
    assert site.post("/events/home/ada/x", b"0", JSON).status == 401
    assert site.post("/events/home/ada/x", b"1", basic("ada")).status == 201
    refused(site.post("/events/home/bob/x", b"2", basic("ada")), 403)
    assert site.post("/events/home/bob/x", b"3", basic("bob")).status == 201
    assert stored(site, "home/ada/x") == ["1"]
    assert stored(site, "home/bob/x") == ["3"]


@pytest.mark.parametrize("server", ["lighttpd", "apache"])
@pytest.mark.parametrize("types, status", [("Negotiate Basic", 201), ("Digest", 403)])
def test_the_web_servers_user_counts_with_a_listed_type(
        make_site, cluster, server, types, status):
    files = Files(cluster, server)
    site = make_site(server, server_config=files.config, auth_types=types)
    rules(site)
    assert site.post("/events/home/ada/x", b"1", basic("ada")).status == status


def test_the_web_servers_user_comes_before_a_token(site):
    headers = {**basic("ada"), "Cookie": f"session={token('bob')}"}
    refused(site.post("/events/home/bob/y", b"1", headers), 403)
    assert site.post("/events/home/ada/y", b"1", headers).status == 201


@pytest.mark.parametrize("name", [
    "Remote-User", "REMOTE_USER", "Remote_User", "X-Remote-User", "X-Forwarded-User",
    "Auth-Type", "X-Auth-Request-User", "X-WebAuth-User", "Proxy-User",
    "X-Forwarded-Access-Token", "X-Access-Token", "Access-Token"])
def test_a_forged_header_is_nobody(site, name):
    for value in ("ada", token()):
        refused(site.post("/events/members", b"666", {**JSON, name: value}), 401)
    assert "666" not in stored(site, "members")


# --- tokens

def test_a_token_comes_in_the_header_the_cookie_or_the_query(site):
    for n, (query, headers) in enumerate([
            ("", bearer(token())),
            ("", {**JSON, "Cookie": f"a=b; session={token()}; c=d"}),
            (f"?access_token={token()}", JSON),
            (f"?kind=k&access_token={token()}", {**JSON, "Cookie": "a=b"})]):
        answer = site.post(f"/events/own/ada/{n}{query}", b"1", headers)
        assert answer.status == 201, (n, answer)
        refused(site.post(f"/events/own/bob/{n}{query}", b"1", headers), 403)
        assert stored(site, f"own/ada/{n}") == ["1"]


@pytest.mark.parametrize("bad, why", [
    (lambda: token()[:-2], "JSON Web Token"),
    (lambda: token(key=OTHER), "signature"),
    (lambda: token().rsplit(".", 1)[0] + "." + token("bob").rsplit(".", 1)[1],
     "signature"),
    (lambda: token(alg="none").rsplit(".", 1)[0] + ".", "JSON Web Token"),
    (lambda: token(alg="none"), "algorithm"),
    (lambda: token(alg="HS512"), "no key"),
    (lambda: token(kid="x"), "no key"),
    (lambda: token(exp=int(time.time()) - 6), "expired"),
    (lambda: token(nbf=int(time.time()) + 60), "not valid yet"),
    (lambda: token(aud="other"), "audience"),
    (lambda: token(who=""), "user"),
    (lambda: "x" * 3000, "JSON Web Token"),
    (lambda: "a.b.c", "JSON Web Token")])
def test_a_bad_token_is_401_whatever_may_be_done_without(site, bad, why):
    text = bad()
    for query, headers in [("", bearer(text)), (f"?access_token={text}", JSON),
                           ("", {**JSON, "Cookie": f"session={text}"})]:
        answer = refused(site.post(f"/events/open{query}", b"13", {
            **headers, "Origin": "https://app.example"}), 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert why in answer.json()["detail"], answer
        assert text.encode() not in answer.body
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "13" not in stored(site, "open")
    assert text not in site.log("post")


def test_who_is_nobody_is_asked_for_a_token(site):
    answer = refused(site.post("/events/members", b"1", {
        **JSON, "Origin": "https://app.example"}), 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "error" not in answer.headers["www-authenticate"]
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "Origin" in answer.headers["vary"]
    assert site.post("/events/open", b"1", JSON).status == 201


def test_what_a_token_claims_is_heard(site):
    refused(site.post("/events/special", b"1", bearer(token())), 403)
    headers = bearer(token(pgfeed={"write": ["special", "extra/*"]}))
    assert site.post("/events/special", b"1", headers).status == 201
    assert site.post("/events/extra/7", b"1", headers).status == 201
    refused(site.post("/events/extra", b"1", headers), 403)


def test_a_revoked_user_needs_a_new_token(site):
    before = int(time.time()) - 5
    headers = bearer(token("carol", iat=before))
    assert site.post("/events/members", b"1", headers).status == 201
    site.sql("SELECT pgfeed.revoke('carol')")
    refused(site.post("/events/members", b"1", headers), 401)
    # Made after it, if only in the same second.
    headers = bearer(token("carol", iat=int(time.time())))
    assert site.post("/events/members", b"1", headers).status == 201


def test_those_who_may_are_not_held_up_by_those_who_may_not(site):
    def post(n):
        who = ("ada", "bob", None, "eve")[n % 4]
        headers = bearer(token(who)) if who else JSON
        return site.post("/events/own/ada/crowd", f"{n}".encode(), headers).status

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(post, range(160)))
    assert statuses == [201, 403, 401, 403] * 40
    assert sorted(map(int, stored(site, "own/ada/crowd"))) == list(range(0, 160, 4))


def test_what_cant_be_judged_is_no_and_only_to_its_sender(site):
    """A may_write that fails for one user."""
    site.sql("ALTER FUNCTION pgfeed.may_write(text, jsonb, text) RENAME TO kept;"
             "CREATE FUNCTION pgfeed.may_write(who text, claims jsonb, topic text)"
             " RETURNS boolean LANGUAGE plpgsql STABLE AS $$BEGIN"
             " IF who = 'eve' THEN RAISE 'broken'; END IF; RETURN true; END$$")
    try:
        def post(n):
            return site.post("/events/fails", b"1",
                             bearer(token(("ada", "eve")[n % 2]))).status
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert list(pool.map(post, range(32))) == [201, 403] * 16
    finally:
        site.sql("DROP FUNCTION pgfeed.may_write(text, jsonb, text);"
                 "ALTER FUNCTION pgfeed.kept(text, jsonb, text) RENAME TO may_write")


def test_a_key_is_replaced_while_all_goes_on(site):
    line = f"k HS256 {b64(KEY)}\n"
    fresh = token(key=OTHER, kid="new")
    refused(site.post("/events/members", b"1", bearer(fresh)), 401)
    try:
        site.files.write_keys(line + f"new HS256 {b64(OTHER)}\n")
        harness.eventually(lambda: site.post(
            "/events/members", b"1", bearer(fresh)).status == 201, what="the new key")
        assert site.post("/events/members", b"1", bearer(token())).status == 201
        site.files.write_keys(f"new HS256 {b64(OTHER)}\n")
        harness.eventually(lambda: site.post(
            "/events/members", b"1", bearer(token())).status == 401, what="the old gone")
    finally:
        site.files.write_keys(line)
        harness.eventually(lambda: site.post(
            "/events/members", b"1", bearer(token())).status == 201, what="as before")


def sign(site, *args, code=0):
    done = subprocess.run(
        [site.cluster.share + "/pgfeed", "-c", site.conf, "sign", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code, done
    return (done.stdout if code == 0 else done.stderr).strip()


def test_pgfeed_sign_makes_what_is_taken(site):
    text = sign(site, "--user", "zoe", "--write", "signed/*", "--write", "one")
    assert site.post("/events/signed/x", b"1", bearer(text)).status == 201
    assert site.post("/events/one", b"1", bearer(text)).status == 201
    assert site.post("/events/own/zoe/x", b"1", bearer(text)).status == 201
    refused(site.post("/events/two", b"1", bearer(text)), 403)
    url = urllib.parse.urlsplit(sign(
        site, "--user", "zoe", "--read", "a b", "--read", "c/*", "--expires", "1h",
        "--url", "https://feed.example/events"))
    query = urllib.parse.parse_qs(url.query)
    assert (url.scheme, url.netloc, url.path) == ("https", "feed.example", "/events")
    assert query["topic"] == ["a b", "c/*"]
    body = query["access_token"][0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert claims["sub"] == "zoe" and claims["aud"] == "feed"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["pgfeed"] == {"read": ["a b", "c/*"], "write": []}


@pytest.mark.parametrize("args, code, text", [
    ([], 2, "for which user"), (["-u", "*"], 2, "name of a user"),
    (["-u", "a", "-r", "a**"], 2, "not a topic"), (["-u", "a", "-e", "x"], 2, "time"),
    (["-u", "a", "-k", "none"], 1, "no secret with the key id"),
    (["-u", "a", "b"], 2, "not an option")])
def test_pgfeed_sign_says_what_is_wrong(site, args, code, text):
    assert text in sign(site, *args, code=code)


# --- forms of old browsers

def form(**fields):
    return urllib.parse.urlencode(fields).encode()


@pytest.mark.parametrize("headers, fields, status", [
    ({"Cookie": "s=1"}, {}, 403),
    ({"Cookie": f"csrf={CSRF}"}, {}, 403),
    ({"Cookie": f"csrf={CSRF}"}, {"csrf": CSRF[:-1] + "x"}, 403),
    ({"Cookie": "csrf=short"}, {"csrf": "short"}, 403),
    ({"Cookie": "s=1"}, {"csrf": CSRF}, 403),
    ({"Cookie": f"s=1; csrf={CSRF}"}, {"csrf": CSRF}, 201),
    ({}, {}, 201),
    ({"Cookie": "s=1", "Sec-Fetch-Site": "same-origin"}, {}, 201),
    ({"Cookie": "s=1", "Origin": "https://app.example"}, {}, 201),
    ({"Cookie": "s=1", "Sec-Fetch-Site": "cross-site"}, {"csrf": CSRF}, 403),
    ({"Cookie": f"csrf={CSRF}", "Origin": "https://evil.example"}, {"csrf": CSRF}, 403)])
def test_a_form_with_a_cookie_has_its_own_sites_token(site, headers, fields, status):
    answer = site.post("/events/open", form(a="b", **fields), {**FORM, **headers})
    assert answer.status == status, answer
    if status == 201:
        assert json.loads(stored(site, "open")[-1]) == {"a": "b"}


def test_a_form_with_a_user_has_its_own_sites_token(site):
    headers = {**basic("ada"), **FORM}
    refused(site.post("/events/home/ada/f", form(data="x"), headers), 403)
    headers["Cookie"] = f"csrf={CSRF}"
    answer = site.post("/events/home/ada/f", form(data="x", csrf=CSRF), headers)
    assert answer.status == 201, answer
    # What no form of another site can send needs none.
    answer = site.post("/events/home/ada/f", b"1", {
        **basic("ada"), "Content-Type": "application/json"})
    assert answer.status == 201, answer


# --- how often

def flood(site, count, headers, topic="members"):
    """Posts one after the other until one is too many; how many went well."""
    for n in range(count):
        answer = site.post(f"/events/{topic}", b"1", headers)
        if answer.status == 429:
            refused(answer, 429)
            assert int(answer.headers["retry-after"]) >= 1
            return n
        assert answer.status == 201, answer
    return count


@pytest.fixture(scope="module")
def limited(cluster):
    """Behind a proxy at 127.0.0.1; ten posts, then one in a thousand seconds
    would be best, and one a second is the least."""
    files = Files(cluster, "lighttpd")
    site = harness.Site(
        cluster, "lighttpd", identity="jwt", jwt_keys=files.keys,
        post_rate_per_user=1, post_rate_per_address=1, post_burst=10,
        trusted_proxies="127.0.0.1 10.0.0.0/8", origins="https://app.example",
        max_streams_per_address=2)
    yield site
    site.close()


def through(address, headers=JSON):
    return {**headers, "X-Forwarded-For": address}


def test_an_address_has_a_burst_and_then_a_rate(limited):
    begun = time.monotonic()
    sent = flood(limited, 1000, through("192.0.2.1"))
    assert 10 <= sent <= 11 + (time.monotonic() - begun)
    answer = limited.post("/events/open", b"1", {
        **through("192.0.2.1"), "Origin": "https://app.example"})
    if answer.status == 429:            # and not a second later
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()
    # Others, and the same a while later, are served.
    assert flood(limited, 5, through("192.0.2.2")) == 5
    harness.eventually(lambda: limited.post(
        "/events/open", b"1", through("192.0.2.1")).status == 201, what="a token flows in")
    assert 'address "192.0.2.1": more than 1 posts a second' in limited.log("post")


def test_a_forged_address_buys_nothing(limited):
    """What the client itself says is left of what the proxy says."""
    begun = time.monotonic()
    sent = 0
    for n in range(1000):
        answer = limited.post("/events/open", b"1", through(
            f"203.0.113.{n % 256}, 198.51.100.9, 10.0.0.{n % 256}"))
        if answer.status == 429:
            break
        sent += 1
    assert 10 <= sent <= 11 + (time.monotonic() - begun)


@pytest.mark.parametrize("order", [1, -1])
def test_a_forged_spelling_of_the_header_buys_nothing(limited, order):
    """X_Forwarded_For and X-Forwarded-For are one parameter; of two values neither counts,
    so the address is the proxy's."""
    begun = time.monotonic()
    sent = 0
    while sent < 1000:
        forged = {"X_Forwarded_For": f"203.0.113.{sent % 256}", "X-Forwarded-For": "192.0.2.7"}
        if limited.post("/events/open", b"1", {
                **JSON, **dict(list(forged.items())[::order])}).status == 429:
            break
        sent += 1
    assert sent <= 11 + (time.monotonic() - begun)
    assert limited.post("/events/open", b"1", through("192.0.2.8")).status == 201


@pytest.mark.parametrize("program, method", [("stream", "GET"), ("post", "POST")])
@pytest.mark.parametrize("name", [
    "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "HTTP_ACCEPT", "HTTP_AUTHORIZATION",
    "HTTP_CONTENT_ENCODING", "HTTP_COOKIE", "HTTP_HOST", "HTTP_IDEMPOTENCY_KEY",
    "HTTP_LAST_EVENT_ID", "HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE", "PATH_INFO",
    "PGFEED_PAD", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_USER", "REQUEST_METHOD",
    "REQUEST_SCHEME", "REQUEST_URI", "SCRIPT_NAME", "SERVER_PROTOCOL"])
def test_several_values_of_what_decides_are_refused(limited, program, method, name):
    params = [pair for pair in fastcgi.params_for(
        method, "/events/open", JSON, length=1).items() if pair[0] != name]
    first = method if name == "REQUEST_METHOD" else "a"
    for values, refused in (((first, first), False), ((first, "b"), True)):
        with fastcgi.Connection(f"{limited.dir}/{program}.sock") as connection:
            connection.begin(params + [(name, value) for value in values])
            connection.body(b"1" if method == "POST" else b"")
            _, head = connection.read()
        assert (b"several values of " + name.encode() in head) == refused, head
        assert head.startswith(b"Status: 400 ") or not refused


def test_one_network_of_ipv6_is_one_address(limited):
    begun = time.monotonic()
    sent = 0
    while limited.post("/events/open", b"1", through(
            f"2001:db8:7::{sent:x}")).status == 201:
        sent += 1
    assert 10 <= sent <= 11 + (time.monotonic() - begun)
    assert limited.post("/events/open", b"1", through("2001:db8:8::1")).status == 201


def test_a_user_has_a_rate_whatever_the_address(limited):
    begun = time.monotonic()
    sent = 0
    while limited.post("/events/open", b"1", through(
            f"10.99.0.1, 172.16.{sent}.1", bearer(token("flo")))).status == 201:
        sent += 1
    assert 10 <= sent <= 11 + (time.monotonic() - begun)
    assert limited.post("/events/open", b"1", through(
        "172.17.0.1", bearer(token("ann")))).status == 201
    assert 'user "flo": more than 1 posts a second' in limited.log("post")


def test_streams_are_counted_by_the_address_behind_the_proxy(limited):
    def opened(address):
        stream = Stream(limited.port, "/events/open",
                        headers={"X-Forwarded-For": address})
        return stream, stream.next().type

    streams = [opened(f"203.0.113.{n}, 192.0.2.44") for n in range(3)]
    streams += [opened("192.0.2.45")]
    for stream, _ in streams:
        stream.close()
    assert [kind for _, kind in streams] == [
        "pgfeed.open", "pgfeed.open", "pgfeed.bye", "pgfeed.open"]


def test_without_trusted_proxies_what_is_forwarded_counts_for_nothing(make_site):
    site = make_site("apache", post_rate_per_address=1, post_burst=10)
    begun = time.monotonic()
    sent = 0
    while site.post("/events/open", b"1", through(f"192.0.2.{sent}")).status == 201:
        sent += 1
    assert 10 <= sent <= 11 + (time.monotonic() - begun)


# --- as a plain CGI program

def cgi(site, body=b"1", **variables):
    """pgfeed-post as a web server starts it: what it answers."""
    env = {"PGFEED_CONF": site.conf, "GATEWAY_INTERFACE": "CGI/1.1",
           "REQUEST_METHOD": "POST", "REQUEST_URI": "/events/members",
           "SCRIPT_NAME": "/events", "PATH_INFO": "/members",
           "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
           "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "192.0.2.1", **variables}
    user = harness.SERVICE_USER
    done = subprocess.run([site.cluster.share + "/pgfeed-post"], env=env, input=body,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, user=user,
                          group=user, extra_groups=[] if user else None, check=False)
    assert done.returncode == 0, done
    return int(done.stdout.split()[1])


def test_a_cgi_program_knows_who_it_is(site):
    assert cgi(site) == 401
    assert cgi(site, REMOTE_USER="ada") == 201
    assert cgi(site, HTTP_REMOTE_USER="ada") == 401
    assert cgi(site, HTTP_AUTHORIZATION=f"Bearer {token()}") == 201
    assert cgi(site, QUERY_STRING=f"access_token={token()}") == 201
    assert cgi(site, HTTP_COOKIE=f"session={token()}",
               HTTP_SEC_FETCH_SITE="same-origin") == 201
    assert cgi(site, HTTP_AUTHORIZATION=f"Bearer {token(key=OTHER)}") == 401
    assert cgi(site, REMOTE_USER="ada", HTTP_X="x" * 65536) == 431


# --- bad keys

@pytest.mark.parametrize("text, mode, told", [
    ("", 0o600, "there is no key in it"),
    (f"k HS256 {b64(KEY)}\n", 0o644, "world-readable"),
    (f"k HS256 {b64(KEY[:8])}\n", 0o600, "too short"),
    ("k none x\n", 0o600, "the algorithm is none of")])
def test_bad_keys_are_told_at_the_start(site, text, mode, told):
    path = f"{site.cluster.service_dir}/bad-keys"
    write_file(path, text)
    os.chmod(path, mode)
    env = {**harness.clean_environment(), "PGFEED_JWT_KEYS": path,
           "PGFEED_POST_SOCKET": f"{site.dir}/never.sock"}
    done = subprocess.run(
        harness.as_service([site.cluster.share + "/pgfeed-post", "-c", site.conf]),
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=30, text=True, check=False)
    assert done.returncode == 1
    assert told in done.stdout and "jwt_keys" in done.stdout
    assert b64(KEY) not in done.stdout
    done = subprocess.run(
        [site.cluster.share + "/pgfeed", "-c", site.conf, "check-config"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and told in done.stderr


def test_without_tokens_who_may_not_is_403(make_site):
    site = make_site("lighttpd")
    rules(site)
    refused(site.post("/events/members", b"1", JSON), 403)
    refused(site.post("/events/members", b"1", bearer(token())), 403)
    assert request(site.port, "POST", "/events/open", b"1", JSON).status == 201
