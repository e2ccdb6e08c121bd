"""Configurations of the web servers, sized for thousands of streams."""
import socket

from .env import harness


def fastcgi_ready(path):
    """Whether the gateway at a Unix socket says that it is ready."""
    def pair(name, value):
        return bytes([len(name), len(value)]) + name + value

    def record(kind, content):
        return bytes([1, kind, 0, 1, len(content) >> 8, len(content) & 255, 0,
                      0]) + content

    uri = b"/events/-/ready"
    params = (pair(b"REQUEST_METHOD", b"GET") + pair(b"REQUEST_URI", uri) +
              pair(b"SCRIPT_NAME", uri) + pair(b"QUERY_STRING", b"") +
              pair(b"SERVER_PROTOCOL", b"HTTP/1.1"))
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(2)
            sock.connect(path)
            sock.sendall(record(1, bytes([0, 1, 0, 0, 0, 0, 0, 0])) +
                         record(4, params) + record(4, b"") + record(5, b""))
            while True:
                part = sock.recv(4096)
                if not part:
                    break
                answer += part
    except OSError:
        return False
    return answer[8:].startswith(b"Status: 200")


def lighttpd_head(peer, workers=0, root=None):
    text = f"""
server.bind = "127.0.0.1"
server.port = {peer.port}
server.errorlog = "{peer.dir}/lighttpd.log"
server.upload-dirs = ( "{peer.dir}" )
server.document-root = "{root or peer.dir}"
server.max-fds = {min(harness.resource.getrlimit(
    harness.resource.RLIMIT_NOFILE)[0], 65535)}
server.max-connections = 9900
server.listen-backlog = 4096
server.feature-flags = ( "server.graceful-shutdown-timeout" => 2,
                         "server.graceful-restart-bg" => "enable" )
"""
    return text + (f"server.max-worker = {workers}\n" if workers else "")


def lighttpd(peer):
    """The shipped pgfeed.conf; its directives by hand where it is varied."""
    text = lighttpd_head(peer, peer.workers) + peer.extra
    if len(peer.sockets) == 1 and not peer.varied:
        return text + f"""
var.pgfeed_stream = "{peer.sockets[0]}"
var.pgfeed_post = "{peer.post_socket}"
include "{peer.cluster.share}/conf/lighttpd/pgfeed.conf"
"""
    fin = '"tcp-fin-propagate" => "enable", ' if peer.fin_propagate else ""
    hosts = ", ".join(f'( "socket" => "{s}", "check-local" => "disable", {fin}'
                      '"disable-time" => 0 )' for s in peer.sockets)
    return text + f"""
server.modules += ( "mod_fastcgi" )
server.stream-response-body = {peer.stream_response_body}
fastcgi.balance = "round-robin"
fastcgi.server = ( "/events" => ( {hosts} ) )
"""


def apache(peer):
    share = f"{peer.cluster.share}/conf/apache"
    modules = harness.os.path.dirname(harness.find(
        "mod_proxy_fcgi.so", "/usr/lib/apache2/modules"))
    load = "".join(f"LoadModule {m}_module {modules}/mod_{m}.so\n" for m in (
        "mpm_event", "authz_core", "authz_host", "env", "proxy",
        "proxy_fcgi"))
    return f"""
ServerRoot {peer.dir}
ServerName 127.0.0.1
Listen 127.0.0.1:{peer.port}
ListenBacklog 4096
PidFile {peer.dir}/apache.pid
ErrorLog {peer.dir}/apache.log
DefaultRuntimeDir {peer.dir}
Mutex pthread default
{load}
ServerLimit 8
ThreadLimit 800
ThreadsPerChild 800
MaxRequestWorkers 6400
StartServers 8
MinSpareThreads 6400
MaxSpareThreads 6400
ThreadStackSize 131072
GracefulShutdownTimeout 2
Define PGFEED_STREAM {peer.sockets[0]}
Define PGFEED_POST {peer.post_socket}
Include {share}/pgfeed.conf
"""


def nchan(peer, module):
    return f"""
load_module {module};
daemon off;
worker_processes 1;
pid {peer.dir}/nginx.pid;
error_log {peer.dir}/nginx.log;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    client_body_temp_path {peer.dir}/body;
    proxy_temp_path {peer.dir}/proxy;
    fastcgi_temp_path {peer.dir}/fastcgi;
    uwsgi_temp_path {peer.dir}/uwsgi;
    scgi_temp_path {peer.dir}/scgi;
    keepalive_requests 1000000;
    nchan_max_reserved_memory 512M;
    server {{
        listen 127.0.0.1:{peer.port} backlog=4096;
        location ~ ^/sub/(.+)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message oldest;
        }}
        location ~ ^/pub/(.+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 10000;
            nchan_message_timeout 1h;
        }}
    }}
}}
"""


def php_fpm(peer):
    user = harness.SERVICE_USER or ""
    return f"""
[global]
error_log = {peer.dir}/fpm.log
daemonize = no
[bench]
listen = {peer.socket}
listen.backlog = 1024
listen.mode = 0666
pm = static
pm.max_children = {peer.children}
env[BENCH_CONNINFO] = "{peer.cluster.conninfo("bench")}"
php_admin_value[output_buffering] = 0
; {user}
"""


def lighttpd_php(peer):
    return lighttpd_head(peer, root=peer.target) + f"""
server.modules += ( "mod_fastcgi" )
server.stream-response-body = 2
fastcgi.server = ( ".php" => (( "socket" => "{peer.socket}",
                                "disable-time" => 0 )) )
"""


def lighttpd_idle(peer, path):
    """In front of idle_fcgi, which does nothing."""
    return lighttpd_head(peer) + f"""
server.modules += ( "mod_fastcgi" )
fastcgi.server = ( "/" => (( "socket" => "{path}", "check-local" => "disable",
                             "disable-time" => 0 )) )
"""


def pushpin(peer):
    return f"""
[global]
include={{libdir}}/internal.conf
rundir={peer.dir}
ipc_prefix=bench-
port_offset=0
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{peer.port}
client_maxconn=19000
logdir={peer.dir}
log_level=1
[proxy]
routesfile={peer.dir}/routes
zurl_out_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in
zurl_out_stream_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in-stream
zurl_in_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-out
[handler]
push_in_http_addr=127.0.0.1
push_in_http_port={peer.control_port}
push_in_spec=ipc://{peer.dir}/push-in
push_in_sub_specs=ipc://{peer.dir}/push-in-sub
command_spec=ipc://{peer.dir}/command
message_rate=1000000
message_hwm=1000000
"""
