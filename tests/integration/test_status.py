"""What the gateway tells of itself: /-/status and /-/metrics."""

import pytest

from lib.harness import eventually

# The web server takes 127.0.0.1 for a proxy, and believes it.
AFAR = {
    "lighttpd": """server.modules += ( "mod_extforward" )
extforward.forwarder = ( "127.0.0.1" => "trust" )
extforward.headers = ( "X-Forwarded-For" )
""",
    "apache": """LoadModule remoteip_module "${PGFEED_MODULES}/mod_remoteip.so"
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
""",
}


def status(site):
    return site.post("/events/-/status", method="GET").json()


def metrics(site):
    """The samples of OpenMetrics, after a look at their order."""
    answer = site.post("/events/-/metrics", method="GET")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    text = answer.body.decode()
    assert text.endswith("\n# EOF\n")
    samples, family = {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("# "):
            family = line.split()[2]
            continue
        name, _, value = line.rpartition(" ")
        assert family and name.startswith(family), line
        assert name not in samples, name
        samples[name] = float(value)
    return samples


def test_status_and_metrics_tell_the_same(site, topic):
    with site.stream(f"/events/{topic}").live() as stream:
        for i in range(5):
            site.publish(topic, str(i))
            assert stream.message().data == str(i)
        said, samples = status(site), metrics(site)
    assert samples["pgfeed_streams"] == said["streams"] >= 1
    assert samples["pgfeed_events_total"] == said["events"] >= 5
    assert samples["pgfeed_deliveries_total"] == said["deliveries"] >= 5
    assert samples["pgfeed_holes"] == said["holes"]
    count = samples["pgfeed_latency_seconds_count"]
    assert count == sum(said["latency_us"]) >= 5
    buckets = [v for k, v in samples.items() if "_bucket" in k]
    assert buckets == sorted(buckets) and buckets[-1] == count
    assert said["lag_ms"] == 0 and samples["pgfeed_lag_seconds"] == 0


def test_lag_is_that_of_the_stream_most_behind(make_site):
    site = make_site("lighttpd", lag_limit="60s", ring_size="32MB")
    with site.stream("/events/t").live() as slow:
        # More than all buffers on the way hold, and less than the ring.
        for i in range(200):
            site.publish("t", f"{i} " + "x" * 60000)
        eventually(lambda: status(site)["lag_ms"] > 0, what="a lag")
        assert metrics(site)["pgfeed_lag_seconds"] > 0
        # It is the age of an event: it grows while nobody reads.
        first = status(site)["lag_ms"]
        eventually(lambda: status(site)["lag_ms"] > first, what="a longer lag")
        for i in range(200):
            assert slow.message(30).data.startswith(f"{i} ")
        eventually(lambda: status(site)["lag_ms"] == 0, what="no lag")


def test_lag_grows_while_the_database_is_away(make_site):
    site = make_site("lighttpd")
    site.cluster.sql(f"ALTER DATABASE {site.database} ALLOW_CONNECTIONS false",
                     "postgres")
    site.cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     f" WHERE datname = '{site.database}'", "postgres")
    eventually(lambda: not status(site)["live"], what="the loss")
    first = status(site)["lag_ms"]
    eventually(lambda: status(site)["lag_ms"] > first, what="a longer lag")
    site.cluster.sql(f"ALTER DATABASE {site.database} ALLOW_CONNECTIONS true",
                     "postgres")
    eventually(lambda: status(site)["live"], 30, "its return")
    assert status(site)["lag_ms"] == 0


def test_a_stream_leaves_no_line_in_the_log_by_default(make_site):
    """Each left 160 bytes; test_status_pages has the summary of a minute."""
    site = make_site("lighttpd", log_level="info", heartbeat="1s")
    before = site.log()
    for _ in range(5):
        site.stream("/events/t").live().close()
    eventually(lambda: status(site)["streams"] == 0, 30, "their end")
    assert [line for line in site.log()[len(before):].splitlines()
            if "streams are open; in the last minute" not in line] == []


@pytest.mark.parametrize("server", ["lighttpd", "apache", "apache NoDecode", "apache Off"])
def test_these_pages_are_for_this_machine_however_they_are_spelled(make_site, server):
    server, *encoded = server.split()
    site = make_site(server, server_config=AFAR[server], server_end="".join(
        f"AllowEncodedSlashes {value}\n" for value in encoded))
    for page in ("status", "metrics", "ready", "live"):
        for spelling in ("/events/-/", "/events/%2d/", "/%65vents/-/", "/events/-%2f",
                         "/events/./-/", "/events/x/../-/", "/events//-/", "//events/-/"):
            answer = site.post(spelling + page, headers={"X-Forwarded-For": "192.0.2.1"},
                               method="GET")
            assert answer.status in (400, 403, 404), (spelling, page, answer)
        assert site.post("/events/-/" + page, method="GET").status == 200
