"""The real thing for the browser tests: a site as in tests/integration.

Says {"url": ...} and then does what it is told, one JSON line each on standard
input: {"do": "kill", "name": "stream"}; answers with a line each. Ends, and
ends everything it started, when its input does.

    site.py lighttpd|apache [OPTION=VALUE...]

The option secret=KEY, which pgfeed does not have, makes a file for jwt_keys.
"""
import json
import os
import shutil
import signal
import sys

from lib import harness


def demo_table(site):
    """What conf/demo.sql makes."""
    with open(site.cluster.share + "/conf/demo.sql", encoding="utf-8") as file:
        site.sql(file.read())


def write_keys(cluster, secret):
    """A file with this key, HS256 in base64url; returns its path."""
    path = cluster.service_dir + "/keys"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"* HS256 {secret}\n")
    os.chmod(path, 0o600)
    if harness.SERVICE_USER:
        shutil.chown(path, harness.SERVICE_USER)
    return path


def act(site, order):
    do, name = order["do"], order.get("name", "stream")
    if do == "kill":  # its supervisor starts it again
        site.kill(name)
    elif do == "stop":
        site.stop(name)
    elif do == "start":
        site.start(name)
    elif do == "restart_database":
        site.cluster.restart(order.get("mode", "immediate"))
    elif do == "sql":
        return site.sql(order["sql"], order.get("args"))
    elif do == "log":
        return site.log(name)
    else:
        raise ValueError(do)
    return None


def main():
    missing = harness.missing_tools()
    if missing:
        print(json.dumps({"missing": missing}), flush=True)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its starter's business
    server, *options = sys.argv[1:]
    cluster = harness.Cluster()
    options = dict(o.split("=", 1) for o in options)
    try:
        if "secret" in options:
            options["jwt_keys"] = write_keys(cluster, options.pop("secret"))
        site = harness.Site(cluster, server, **options)
        try:
            demo_table(site)
            print(json.dumps({"url": f"http://127.0.0.1:{site.port}"}),
                  flush=True)
            for line in sys.stdin:
                try:
                    answer = {"value": act(site, json.loads(line))}
                except Exception as error:  # the test decides what it means
                    answer = {"error": repr(error)}
                print(json.dumps(answer, default=str), flush=True)
        finally:
            site.close()
    finally:
        cluster.close()


main()
