"""As shipped, no web server hands on a user whom it has not checked, or shows
what is for its own machine to others."""
import base64
import http.client
import time

import pytest

import hosts
from lib.harness import request

BODY, TYPE = b'"forged"', {"Content-Type": "application/json"}
FORGED = {
    "a password that nobody checks":
        {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode()},
    "a password of a digest":
        {"Authorization": 'Digest username="ada", realm="x", nonce="x", uri="/",'
                          ' response="0123456789abcdef0123456789abcdef"'},
    "a token without keys": {"Authorization": "Bearer x.y.z"},
    "the names of variables":
        {"REMOTE_USER": "ada", "AUTH_TYPE": "Basic", "Remote-User": "ada",
         "X-Remote-User": "ada", "Redirect-Remote-User": "ada",
         "Redirect_Remote_User": "ada", "HTTP_REMOTE_USER": "ada"},
}


@pytest.mark.parametrize("mode", hosts.MODES, ids=lambda mode: mode.__name__)
def test_what_a_client_says_of_itself_is_nobody(make_host, mode):
    host = make_host(mode)
    host.sql("DELETE FROM pgfeed.access; INSERT INTO pgfeed.access VALUES"
             " ('members', '+', true, true), ('open', '*', true, true)")
    assert host.post(host.BASE + "/open", BODY, TYPE).status == 201
    for what, headers in FORGED.items():
        answer = host.post(host.BASE + "/members", BODY, {**TYPE, **headers})
        assert answer.status == 403, (what, answer)
    assert host.sql("SELECT id FROM pgfeed.event WHERE topic = 'members'") == []


AFAR = """RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
"""
PAGES = ["events/-/%s", "events/%%2d/%s", "events/%%2D/%s", "%%65vents/-/%s",
         "events/-%%2f%s", "events//-/%s", "events/./-/%s", "events/x/../-/%s",
         "events/-//%s", "events/-/%s/", "events/-/./%s", "events/-/%s?x",
         "events.fcgi/-/%s", "events.fcgi/%%2d/%s", "events-post.fcgi/-/%s"]


def spellings(host):
    for spelling in PAGES:
        for name in ("status", "metrics", "live"):
            yield host.BASE.removesuffix("events") + spelling % name


@pytest.mark.parametrize("mode", [m for m in hosts.MODES if issubclass(m, hosts.Apache)],
                         ids=lambda mode: mode.__name__)
def test_the_gateways_own_pages_are_for_this_machine(make_host, mode):
    """mod_fcgid's showed them to all who asked for /events/%2d/status, or for
    the program below its own name."""
    afar = type(mode.__name__, (mode,), {
        "EXTRA": (*mode.EXTRA, "remoteip"), "SITE": AFAR + mode.SITE})
    host = make_host(afar)
    assert "pid" in host.status()
    for uri in spellings(host):
        answer = request(host.web_port, "GET", uri, headers={"X-Forwarded-For": "192.0.2.1"})
        assert answer.status in (400, 403, 404), (uri, answer)


def forwarded(host, lines):
    """The status of a POST with these lines, in this order and as they are spelled."""
    connection = http.client.HTTPConnection("127.0.0.1", host.web_port, timeout=20)
    connection.putrequest("POST", host.BASE + "/t")
    for name, value in [*TYPE.items(), ("Content-Length", str(len(BODY))), *lines]:
        connection.putheader(name, value)
    connection.endheaders(BODY)
    status = connection.getresponse().status
    connection.close()
    return status


# A CGI or mod_fcgid process counts nothing for the next one.
@pytest.mark.parametrize("mode", [m for m in hosts.MODES if m.DAEMONS or
                                  not issubclass(m, hosts.Apache)],
                         ids=lambda mode: mode.__name__)
def test_a_forged_address_gets_past_no_limit(make_host, mode):
    """What a client adds in front of its proxy's X-Forwarded-For: another spelling
    of the name, which is the same parameter, or a line of its own."""
    host = make_host(mode, trusted_proxies="127.0.0.1", post_rate_per_address="1",
                     post_burst="1")
    proxy = ("X-Forwarded-For", "192.0.2.7")
    for spelling, first in (("X_Forwarded_For", True), ("X_Forwarded_For", False),
                            ("X-Forwarded_For", True), ("X-Forwarded-For", True)):
        begun, answers = time.monotonic(), []
        for n in range(12):
            lines = [(spelling, f"203.0.113.{n}"), proxy]
            answers.append(forwarded(host, lines if first else lines[::-1]))
        assert set(answers) <= {201, 400, 429}, answers
        assert answers.count(201) <= 2 + (time.monotonic() - begun), (spelling, first, answers)
    # What the proxy says counts: one client is limited, and others are not. Caddy
    # says itself who its peer is, unless it has trusted_proxies.
    assert 429 in [forwarded(host, [("X-Forwarded-For", "192.0.2.8")]) for _ in range(20)]
    if mode is not hosts.Caddy:
        assert forwarded(host, [("X-Forwarded-For", "192.0.2.9")]) == 201
