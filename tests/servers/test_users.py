"""As shipped, no web server hands on a user whom it has not checked."""
import base64

import pytest

import hosts

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
