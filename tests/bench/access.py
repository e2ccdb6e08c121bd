"""What asking for rights costs: 20,000 streams of as many users.

Opens them at two gateways, once with everybody anonymous, so that one answer is
enough for all, and once with each user to be asked about; prints what that adds
and the longest turn of the gateways' loops. Another time with COUNT streams
per gateway: access.py [COUNT].
"""
import json
import os
import subprocess
import sys

from benchlib.env import BenchCluster, harness, raise_limits

RULES = """
DELETE FROM pgfeed.access WHERE pattern = '*';
INSERT INTO pgfeed.access (pattern, who)
SELECT 'shop/' || i || '/*', 'user' || i FROM generate_series(1, 1000) i;
INSERT INTO pgfeed.access (pattern, who) VALUES ('bench/*', %s)
"""


def measure(cluster, name, count, at_once, **options):
    """Two gateways on one database; what each tool said."""
    site = harness.Site(cluster, "lighttpd", max_streams=count + 100,
                           max_age=0, heartbeat="10min", log_level="warning",
                           **options)
    sites = [site]
    site.sql(RULES, ("+" if options["identity"] else "*",))
    sites.append(harness.Site(cluster, "lighttpd", database=site.database,
                                 max_streams=count + 100, max_age=0,
                                 heartbeat="10min", log_level="warning", **options))
    tool = os.path.join(harness.BUILD, "tests", "bench", "join")
    try:
        tools = [subprocess.Popen(
            [tool, each.dir + "/stream.sock", str(count), f"u{i}-", str(at_once)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for i, each in enumerate(sites)]
        said = [json.loads(each.stdout.readline()) for each in tools]
        rss = [harness.rss_bytes(each.gateway_pid()) for each in sites]
        for each in tools:
            each.communicate()
        for i, each in enumerate(said):
            print(f"{name:12} gateway {i + 1}: {each['streams']} streams in"
                  f" {each['seconds']} s, wait p50 {each['wait']['p50']} us,"
                  f" p99 {each['wait']['p99']} us, max {each['wait']['max']} us;"
                  f" loop p50 {each['live']['p50']} us, longest"
                  f" {each['live']['max']} us; {rss[i] // 1024} kB", flush=True)
        return said
    finally:
        for each in sites:
            each.close()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    raise_limits()
    cluster = BenchCluster()
    try:
        for at_once in (1, 16):
            print(f"{at_once} at once, at each gateway; load"
                  f" {os.getloadavg()[0]:.1f}")
            one, many = (measure(cluster, name, count, at_once, identity=identity)
                         for name, identity in (("anonymous", ""),
                                                ("each a user", "remote_user")))
            added = (sum(each["wait"]["p50"] for each in many)
                     - sum(each["wait"]["p50"] for each in one)) / 2
            print(f"added at the median: {added:.0f} us", flush=True)
    finally:
        cluster.close()


main()
