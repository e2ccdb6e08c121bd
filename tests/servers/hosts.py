"""Every way to put pgfeed behind a web server, with the files as shipped.

A Host is a Site whose web server and gateways are arranged as one of MODES
says. pgfeed is installed for real (make install below a temporary prefix), and
where "pgfeed init" has a mode for it, that writes the files.
"""
import contextlib
import glob
import json
import os
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
from lib import harness as env

MODULES = "/usr/lib/apache2/modules"
PORTS = iter(range(int(os.environ.get("PGFEED_TEST_PORT", "9800")), 65536))


def free_port():
    """One below the ephemeral range, so that no client is given it meanwhile."""
    for port in PORTS:
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Installation(env.Cluster):
    """A cluster, and pgfeed installed below a prefix of its own."""

    def _copy(self):
        self.prefix = os.path.join(self.dir, "inst")
        done = subprocess.run(
            ["make", "-s", "-C", env.BUILD, "install", f"prefix={self.prefix}"],
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.share = self.prefix + "/share/pgfeed"
        for program in ("bin/pgfeed", "sbin/pgfeed-stream", "sbin/pgfeed-post"):
            os.symlink(f"{self.prefix}/{program}",
                       f"{self.share}/{os.path.basename(program)}")
        self.cert = self.service_dir + "/cert.pem"
        env.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                 "-keyout", self.cert, "-out", self.cert + ".crt", "-days", "2",
                 "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        with open(self.cert + ".crt", encoding="ascii") as crt, \
                open(self.cert, "a", encoding="ascii") as both:
            both.write(crt.read())


class Host(env.Site):
    """One mode. heartbeat is short, so that a lost browser is noticed soon."""
    SERVER = "apache"
    NAME = LABEL = ""
    PROTOCOLS = ("http",)
    DAEMONS = True      # pgfeed-stream and pgfeed-post run by themselves
    INIT = None         # the mode of pgfeed init that writes the files
    BRIEF = False       # a stream ends with its first events
    TAKES = "2 descriptors"     # of the web server, for a stream
    WARM, MANY = 10, 60         # streams opened to measure what one costs

    def __init__(self, cluster, **options):
        self.web_port, self.tls_port = free_port(), free_port()
        self.options = {"heartbeat": "1s", "retry_min": "100ms",
                        "retry_max": "200ms",
                        "max_streams_per_address": "0", **options}
        super().__init__(cluster, self.SERVER)

    # --- the gateways

    def configure(self, **options):
        self.port = self.web_port
        if self.INIT:
            self.tree = self.dir + "/tree"
            env.run([self.cluster.prefix + "/bin/pgfeed", "init", "--database",
                     self.cluster.conninfo(self.database), self.INIT, self.tree])
            self.conf = self.tree + "/pgfeed.conf"
            self.run_dir = self.tree + "/run"
            with open(self.conf, "a", encoding="utf-8") as file:
                file.writelines(f"{k} = {v}\n" for k, v in self.options.items())
        else:
            self.run_dir = self.dir
            super().configure(**self.options)

    def start(self, name):
        if not self.DAEMONS:
            return
        if not self.INIT:
            super().start(name)
        elif name == "post":    # the script starts both
            env.run([self.tree + "/start"])
            for p in ("stream", "post"):
                env.eventually(lambda p=p: os.path.exists(
                    f"{self.run_dir}/{p}.sock"), what=f"pgfeed-{p}")

    def gateway_pids(self, name="stream"):
        """Those that run with this host's configuration."""
        found = []
        for path in glob.glob("/proc/[0-9]*/exe"):
            pid = int(path.split("/")[2])
            with contextlib.suppress(OSError):
                if os.readlink(path) != f"{self.cluster.prefix}/sbin/pgfeed-{name}":
                    continue
                with open(f"/proc/{pid}/environ", "rb") as file:
                    said = file.read()
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    said += file.read()
                if self.conf.encode() in said or (
                        os.readlink(f"/proc/{pid}/cwd") == os.path.dirname(self.conf)):
                    found.append(pid)
        return found

    def memory(self):
        """Bytes of the web server, what it started, and the gateway; what
        processes share counts once."""
        pids, todo = set(), [self.server_pid(), *self.gateway_pids(),
                             *self.gateway_pids("cgi")]
        while todo:
            pid = todo.pop()
            if pid not in pids:
                pids.add(pid)
                todo += env.children(pid)
        total = 0
        for pid in pids:
            with contextlib.suppress(OSError), \
                    open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += next(int(line.split()[1]) * 1024 for line in file
                              if line.startswith("Pss:"))
        return total

    def kill_gateway(self):
        pids = env.eventually(self.gateway_pids, what="a pgfeed-stream")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        env.eventually(lambda: not set(pids) & set(self.gateway_pids()),
                       what="the end of pgfeed-stream")

    def close(self):
        with contextlib.suppress(AttributeError):   # it never came so far
            self._stop_server()
        if self.DAEMONS and self.INIT and os.path.exists(self.tree + "/start"):
            env.run([self.tree + "/start", "stop"])
        super().close()
        for name in ("stream", "cgi", "post"):
            for pid in self.gateway_pids(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        env.eventually(lambda: not self.gateway_pids(), 15, "end of the gateways")

    # --- the web server

    def _stop_server(self):
        process = self.processes.pop(self.SERVER, None)
        if process:
            process.stop()

    def write(self, name, text):
        path = f"{self.dir}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def serve(self, command):
        self.processes[self.SERVER] = env.Process(command, self.dir + "/server.log")

    def reload(self):
        """Gracefully, in the way of this server."""
        os.kill(self.server_pid(), signal.SIGUSR1)

    def server_pid(self):
        process = self.processes[self.SERVER]
        assert process.popen.poll() is None, \
            f"{self.SERVER} has ended with status {process.popen.returncode}"
        return process.pid

    def url(self, protocol, path=""):
        if protocol == "http":
            return f"http://127.0.0.1:{self.web_port}{self.BASE}{path}"
        return f"https://localhost:{self.tls_port}{self.BASE}{path}"

    BASE = "/events"

    def wait_ready(self):
        def ready():
            with contextlib.suppress(OSError):
                self.last = env.request(self.web_port, "GET",
                                        self.BASE + "/-/ready", timeout=5)
                return self.last.status == 200
        try:
            env.eventually(ready, 20, f"{self.NAME} ready")
        except AssertionError:
            print(getattr(self, "last", "no answer"), file=sys.stderr)
            self.show_logs()
            raise

    def status(self):
        answer = env.request(self.web_port, "GET", self.BASE + "/-/status")
        assert answer.status == 200, (answer.status, answer.body)
        return json.loads(answer.body)


class Apache(Host):
    MPM = "event"
    TAKES = "1 thread"
    PROTOCOLS = ("http", "tls", "h2")
    EXTRA = ()
    WORKERS = ""
    SITE = ""

    def modules(self):
        names = ["alias", "authz_core", "authz_host", "deflate", "dir", "env",
                 "filter", "headers", "mime", "proxy", "proxy_fcgi", "rewrite",
                 "setenvif", "socache_shmcb", "ssl", "unixd"]
        if self.MPM == "event":
            names += ["http2"]
        names += self.EXTRA
        return f"LoadModule mpm_{self.MPM}_module {MODULES}/mod_mpm_{self.MPM}.so\n" + \
            "".join(f"LoadModule {n}_module {MODULES}/mod_{n}.so\n" for n in names
                    if os.path.exists(f"{MODULES}/mod_{n}.so"))

    def site(self):
        return self.SITE

    def start_server(self):
        share = self.cluster.share
        text = f"""ServerRoot {self.dir}
ServerName localhost
Listen 127.0.0.1:{self.web_port}
Listen 127.0.0.1:{self.tls_port}
PidFile {self.dir}/apache.pid
ErrorLog {self.dir}/apache.log
DefaultRuntimeDir {self.dir}
Mutex pthread default
{self.modules()}
TypesConfig /dev/null
{self.WORKERS}
KeepAliveTimeout 5
GracefulShutdownTimeout 2
<Directory "/">
    Require all denied
    AllowOverride None
</Directory>
# As on many hosts: everything is compressed, and has to be let off.
SetOutputFilter DEFLATE
{self.site()}
SSLSessionCache none
<VirtualHost 127.0.0.1:{self.web_port}>
</VirtualHost>
<VirtualHost 127.0.0.1:{self.tls_port}>
    SSLEngine on
    SSLCertificateFile {self.cluster.cert}
    {"Protocols h2 http/1.1" if self.MPM == "event" else ""}
</VirtualHost>
""".replace("@share@", share).replace("@dir@", self.dir).replace(
            "@tree@", getattr(self, "tree", ""))
        self.serve([env.find("apache2"), "-f", self.write("apache.conf", text),
                    "-DFOREGROUND"])


class ApacheVhost(Apache):
    NAME, LABEL = "a-event", "Apache vhost, mpm_event"
    INIT = "apache"
    SITE = """Define PGFEED_WWW @share@/www
Include @tree@/apache.conf
Include @share@/conf/apache/site.conf
"""


class ApacheVhostPrefork(ApacheVhost):
    NAME, LABEL = "a-prefork", "Apache vhost, mpm_prefork"
    TAKES = "1 process"
    MPM, PROTOCOLS = "prefork", ("http", "tls")


class ApacheHtaccess(Apache):
    """The folder that pgfeed init wrote, as a user's folder of pages."""
    NAME, LABEL = "b-event", "Apache .htaccess, mpm_event"
    INIT = "htaccess"
    MANY = 25           # its max_streams is 40
    BASE = "/pgfeed/events"
    SITE = """Alias /pgfeed @tree@/web
<Directory "@tree@/web">
    Require all granted
    AllowOverride FileInfo Options=ExecCGI AuthConfig
</Directory>
"""


class ApacheHtaccessPrefork(ApacheHtaccess):
    NAME, LABEL = "b-prefork", "Apache .htaccess, mpm_prefork"
    TAKES = "1 process"
    MPM, PROTOCOLS = "prefork", ("http", "tls")


class ApacheCgi(ApacheHtaccess):
    NAME, LABEL = "c-event", "Apache CGI, mpm_event"
    INIT, DAEMONS = "cgi", False
    TAKES, WARM, MANY = "1 thread, 1 process", 3, 7     # cgi_streams is 10
    EXTRA = ("cgid",)


class ApacheCgiPrefork(ApacheCgi):
    NAME, LABEL = "c-prefork", "Apache CGI, mpm_prefork"
    TAKES = "2 processes"
    MPM, PROTOCOLS = "prefork", ("http", "tls")
    EXTRA = ("cgi",)


class ApacheFcgid(ApacheHtaccess):
    NAME, LABEL = "d-event", "Apache mod_fcgid, mpm_event"
    INIT, DAEMONS, BRIEF = "fcgid", False, True
    EXTRA = ("fcgid",)

    SITE = """Suexec Off
FcgidIPCDir @dir@
FcgidProcessTableFile @dir@/fcgid.shm
""" + ApacheHtaccess.SITE


class ApacheFcgidPrefork(ApacheFcgid):
    NAME, LABEL = "d-prefork", "Apache mod_fcgid, mpm_prefork"
    MPM, PROTOCOLS = "prefork", ("http", "tls")


class Lighttpd(Host):
    SERVER = "lighttpd"
    NAME, LABEL = "e-socket", "lighttpd, socket"
    INIT = "lighttpd"
    PROTOCOLS = ("http", "tls", "h2")

    def pgfeed(self):
        return f'include "{self.tree}/lighttpd.conf"'

    def start_server(self):
        text = f"""
server.modules = ( "mod_openssl" )
server.bind = "127.0.0.1"
server.port = {self.web_port}
server.document-root = "{self.cluster.share}/www"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".js" => "text/javascript",
                    ".css" => "text/css", ".svg" => "image/svg+xml" )
server.errorlog = "{self.dir}/lighttpd.log"
server.upload-dirs = ( "{self.dir}" )
server.max-fds = 4096
server.feature-flags = ( "server.graceful-shutdown-timeout" => 2 )
{self.pgfeed()}
$SERVER["socket"] == "127.0.0.1:{self.tls_port}" {{
    ssl.engine = "enable"
    ssl.pemfile = "{self.cluster.cert}"
}}
"""
        self.serve([env.find("lighttpd"), "-D", "-f",
                    self.write("lighttpd.conf", text)])


class LighttpdBinPath(Lighttpd):
    NAME, LABEL = "e-bin-path", "lighttpd, bin-path"
    INIT, DAEMONS = None, False

    def pgfeed(self):
        return f"""
var.pgfeed_programs = "{self.cluster.prefix}/sbin"
var.pgfeed_config = "{self.conf}"
var.pgfeed_run = "{self.dir}"
include "{self.cluster.share}/conf/lighttpd/bin-path.conf"
"""


class Nginx(Host):
    SERVER = "nginx"
    NAME, LABEL = "f", "nginx"
    INIT = "nginx"
    PROTOCOLS = ("http", "tls", "h2")

    def start_server(self):
        text = f"""daemon off;
pid {self.dir}/nginx.pid;
error_log {self.dir}/nginx.log;
worker_processes 1;
events {{ worker_connections 2000; }}
http {{
    types {{
        text/html html; text/javascript js; text/css css; image/svg+xml svg;
    }}
    access_log off;
    gzip on;
    gzip_types *;
    client_body_temp_path {self.dir}/body;
    fastcgi_temp_path {self.dir}/fastcgi;
    proxy_temp_path {self.dir}/proxy;
    scgi_temp_path {self.dir}/scgi;
    uwsgi_temp_path {self.dir}/uwsgi;
    server {{
        listen 127.0.0.1:{self.web_port};
        listen 127.0.0.1:{self.tls_port} ssl http2;
        ssl_certificate {self.cluster.cert};
        ssl_certificate_key {self.cluster.cert};
        root {self.cluster.share}/www;
        include {self.tree}/nginx.conf;
    }}
}}
"""
        self.serve([env.find("nginx"), "-e", self.dir + "/nginx.log", "-c",
                    self.write("nginx.conf", text)])

    def reload(self):
        os.kill(self.server_pid(), signal.SIGHUP)


class Caddy(Host):
    SERVER = "caddy"
    NAME, LABEL = "g", "caddy"
    INIT = "caddy"
    PROTOCOLS = ("http", "tls", "h2")

    def start_server(self):
        self.caddyfile = self.write("Caddyfile", f"""{{
    admin unix/{self.dir}/admin.sock
    auto_https off
    storage file_system {self.dir}/caddy
}}
http://127.0.0.1:{self.web_port} {{
    encode gzip
    root * {self.cluster.share}/www
    import {self.tree}/pgfeed.caddy
    file_server
}}
https://localhost:{self.tls_port} {{
    bind 127.0.0.1
    tls {self.cluster.cert}.crt {self.cluster.cert}
    encode gzip
    root * {self.cluster.share}/www
    import {self.tree}/pgfeed.caddy
    file_server
}}
""")
        self.serve(["env", "HOME=" + self.dir, env.find("caddy"), "run",
                    "--adapter", "caddyfile", "--config", self.caddyfile])

    def reload(self):
        env.run(["env", "HOME=" + self.dir, env.find("caddy"), "reload",
                 "--adapter", "caddyfile", "--force", "--address",
                 f"unix/{self.dir}/admin.sock", "--config", self.caddyfile])


MODES = [ApacheVhost, ApacheVhostPrefork, ApacheHtaccess, ApacheHtaccessPrefork,
         ApacheCgi, ApacheCgiPrefork, ApacheFcgid, ApacheFcgidPrefork,
         Lighttpd, LighttpdBinPath, Nginx, Caddy]


def missing_for(mode):
    """What this machine lacks for a mode, or nothing."""
    if not env.find({"apache": "apache2"}.get(mode.SERVER, mode.SERVER)):
        return mode.SERVER
    if "fcgid" in getattr(mode, "EXTRA", ()) and not os.path.exists(
            MODULES + "/mod_fcgid.so"):
        return "libapache2-mod-fcgid"
    if mode.SERVER == "lighttpd" and not env.find(
            "mod_openssl.so", "/usr/lib/lighttpd"):
        return "lighttpd-mod-openssl"
    return None
