# shellcheck shell=bash disable=SC2034,SC2154
# cluster.sh - ./run cluster: the demo on two PostgreSQL servers.
#
# run sources this file. Two nodes, a and b, in $place/pg: one is the primary
# and the other its synchronous standby, so that nothing that was committed is
# lost when the primary is killed. Two gateways behind lighttpd and one behind
# Apache know both nodes and follow the one that takes writes.

declare -A node_ports=([a]=5432 [b]=5433)

node_runs() {
	as_user "$(find_postgres)/pg_ctl" -D "$place/pg/$1" status >/dev/null 2>&1
}

# The node that is the primary, or was when it last ran.
primary() {
	cat "$place/pg/primary" 2>/dev/null || echo a
}

other_node() {
	[[ $1 == a ]] && echo b || echo a
}

psql_node() {
	local node=$1
	shift
	as_user psql -X -q -v ON_ERROR_STOP=1 -h "$place/run" \
		-p "${node_ports[$node]}" -U postgres "$@"
}

start_node() {
	node_runs "$1" || as_user "$(find_postgres)/pg_ctl" start -s -w \
		-D "$place/pg/$1" -l "$place/log/postgresql-$1.log" \
		-o "-k $place/run -p ${node_ports[$1]} -c listen_addresses=''"
}

# An immediate end leaves a server as a crash would: it writes nothing more.
stop_node() {
	! node_runs "$1" || as_user "$(find_postgres)/pg_ctl" stop -s \
		-m "${2:-fast}" -D "$place/pg/$1"
}

make_primary() {
	as_user "$(find_postgres)/initdb" -D "$place/pg/$1" -U postgres -A trust \
		-E UTF8 --locale=C.UTF-8 &&
		echo "$1" >"$place/pg/primary"
}

# make_standby NODE PRIMARY: a copy of the primary that follows it.
make_standby() {
	rm -rf "${place:?}/pg/$1"
	as_user "$(find_postgres)/pg_basebackup" -h "$place/run" -U postgres \
		-p "${node_ports[$2]}" -D "$place/pg/$1" -R -c fast &&
		# It is to wait for nobody when it becomes the primary.
		echo "synchronous_standby_names = ''" |
		as_user tee -a "$place/pg/$1/postgresql.auto.conf"
}

# set_synchronous NODE NAMES: whose receipt a commit waits for.
set_synchronous() {
	psql_node "$1" -d postgres \
		-c "ALTER SYSTEM SET synchronous_standby_names = '$2'" \
		-c "SELECT pg_reload_conf()"
}

is_synchronous() {
	[[ $(psql_node "$1" -d postgres -Atc \
		"SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1 ]]
}

# From now on a commit is done when the standby has it, too.
wait_for_standby() {
	local until=$((SECONDS + 30))
	set_synchronous "$1" '*' || return
	until is_synchronous "$1"; do
		((SECONDS < until)) || return 1
		sleep 0.1
	done
}

start_nodes() {
	local first second
	first=$(primary)
	second=$(other_node "$first")
	[[ -e $place/pg/$first/PG_VERSION ]] ||
		step postgresql "making PostgreSQL node $first in $place/pg" make_primary "$first"
	node_runs "$first" ||
		step postgresql "starting node $first, the primary" start_node "$first"
	if ! node_runs "$second"; then
		# Else commits would wait for a standby that is not there.
		step postgresql "letting node $first work alone" set_synchronous "$first" ''
		[[ -e $place/pg/$second/standby.signal ]] ||
			step postgresql "making node $second, a copy of node $first" \
				make_standby "$second" "$first"
		step postgresql "starting node $second, the standby" start_node "$second"
	fi
	step postgresql "waiting until node $second has everything" wait_for_standby "$first"
}

# psql_demo() and the programs reach whichever node takes writes.
configure_cluster() {
	local db="host=$place/run,$place/run port=${node_ports[a]},${node_ports[b]} dbname=pgfeed target_session_attrs=read-write"
	cat >"$conf" <<END
# Written by ./run cluster; conf/pgfeed.conf explains every option.
database = $db user=postgres
stream_database = $db user=demo_stream
post_database = $db user=demo_post
listen = demo_notify
socket_mode = 0600
peer_users = $user
END
}

# start_kept NAME PROGRAM: keeps a program running behind the socket NAME.sock.
start_kept() {
	! pid_of "$1" >/dev/null || return 0
	echo "starting pgfeed-$1"
	as_user setsid /usr/bin/python3 "$share/conf/supervise.py" -m 0600 \
		-p "$place/run/$1.pid" "$place/run/$1.sock" \
		"$inst/sbin/$2" -c "$conf" \
		>>"$place/log/pgfeed-$1.log" 2>&1 </dev/null 9>&- &
}

# conf/lighttpd with two gateways for subscribers, as docs/scaling.md has it.
share_out_streams() {
	awk '
	/fastcgi.server/ && !n++ {
		print "        fastcgi.server = ( \"/events\" => ("
		inside = 1
		next
	}
	inside && /\)\) \)/ {
		for (i = 1; i <= 2; i++) {
			member = body
			sub("pgfeed_stream", "pgfeed_stream_" i, member)
			print "            (\n" member "            )" (i == 1 ? "," : "")
		}
		print "        ) )"
		inside = 0
		next
	}
	inside { body = body $0 "\n"; next }
	{ print }' "$share/conf/lighttpd/pgfeed.conf"
}

# start_cluster_server SERVER PORT
start_cluster_server() {
	local file sockets
	server=$1
	port=$2
	file=$place/conf/$server.conf
	! pid_of "$server" >/dev/null || return 0
	if [[ $server == lighttpd ]]; then
		mkdir -p "$place/conf/lighttpd"
		cp "$share"/conf/lighttpd/{private,site}.conf "$place/conf/lighttpd"
		share_out_streams >"$place/conf/lighttpd/pgfeed.conf"
		sockets="var.pgfeed_stream_1 = \"$place/run/stream-1.sock\"\nvar.pgfeed_stream_2 = \"$place/run/stream-2.sock\""
		configure_server | sed "
			s|^var.pgfeed_conf .*|var.pgfeed_conf = \"$place/conf/lighttpd\"|
			s|^var.pgfeed_stream .*|$sockets|
			s|/post.sock|/post-1.sock|" >"$file"
		step lighttpd "starting lighttpd" as_user lighttpd -f "$file"
	else
		configure_server | sed "
			s|/stream.sock|/stream-3.sock|
			s|/post.sock|/post-2.sock|" >"$file"
		step apache "starting Apache" as_user apache2 -f "$file" -k start
	fi
}

cluster_env() {
	cat >"$var/env" <<END
PGHOST=$place/run,$place/run
PGPORT=${node_ports[a]},${node_ports[b]}
PGTARGETSESSIONATTRS=read-write
PGUSER=postgres
PGDATABASE=pgfeed
PGFEED_URL=http://127.0.0.1:$(port_of lighttpd)
PGFEED_CONF=$conf
export PGHOST PGPORT PGTARGETSESSIONATTRS PGUSER PGDATABASE PGFEED_URL PGFEED_CONF
END
}

# Waits for the pages of both web servers, and that all gateways are live.
wait_for_pages() {
	port=$(port_of lighttpd)
	wait_ready || return
	port=$(port_of apache)
	wait_ready
}

# The cluster's files are below cluster/; build and programs are those of ./run.
cluster_places() {
	place=$place/cluster
	mkdir -p "$place"/{conf,log,pg,run}
	chmod 700 "$place"/{pg,run}
	((EUID != 0)) || chown "$user": "$place"/{log,pg,run}
	conf=$place/conf/pgfeed.conf
	demo_hosts=$place/run,$place/run
	demo_ports=${node_ports[a]},${node_ports[b]}
}

cluster_up() {
	local n first second
	lock
	trap 'exit 1' INT TERM HUP
	# shellcheck disable=SC2086 # lists of words
	packages $build_packages $demo_packages lighttpd=lighttpd apache2-bin=apache2
	raise_limit
	compile
	step build "putting it in place below $var" \
		make -s -C "$build" install INSTALL="install -C"
	cluster_places
	if pid_of lighttpd >/dev/null; then
		first=$(port_of lighttpd)
		second=$(port_of apache)
	else
		trap cluster_down EXIT
		server=lighttpd
		choose_port
		first=$port
		server=apache
		PGFEED_PORT=$((first + 1))
		choose_port
		second=$port
	fi
	configure_cluster
	start_nodes
	step migrate "migrating the database" prepare_database
	for n in 1 2 3; do
		start_kept "stream-$n" pgfeed-stream
	done
	for n in 1 2; do
		start_kept "post-$n" pgfeed-post
	done
	start_cluster_server lighttpd "$first"
	start_cluster_server apache "$second"
	cluster_env
	step ready "waiting for both pages" wait_for_pages
	trap - EXIT
	cat <<END

pgfeed runs at http://127.0.0.1:$first/ behind lighttpd, with two gateways,
and at http://127.0.0.1:$second/ behind Apache, with one.
Node $(primary) is the primary, node $(other_node "$(primary)") its standby.

Open both pages, or in two terminals:
  curl -N 'http://127.0.0.1:$first/events?topic=demo'
  ./run cluster kill primary
END
}

cluster_kill_primary() {
	local first second
	lock
	cluster_places
	first=$(primary)
	second=$(other_node "$first")
	node_runs "$first" || die "no primary runs: ./run cluster starts one"
	node_runs "$second" || die "no standby runs: ./run cluster makes one"
	step postgresql "killing node $first, the primary" stop_node "$first" immediate
	step postgresql "promoting node $second" as_user "$(find_postgres)/pg_ctl" \
		promote -s -w -D "$place/pg/$second"
	echo "$second" >"$place/pg/primary"
	step ready "waiting for both pages" wait_for_pages
	echo "Node $second is the primary now; ./run cluster makes node $first its standby."
}

cluster_down() {
	local p
	for p in lighttpd apache stream-{1,2,3} post-{1,2}; do
		end "$p"
	done
	for p in "$(primary)" "$(other_node "$(primary)")"; do
		stop_node "$p" || true
	done
}

cluster_status() {
	local p pid role
	for p in lighttpd apache; do
		! pid=$(pid_of "$p") ||
			echo "cluster, $p: process $pid, http://127.0.0.1:$(port_of "$p")/"
	done
	for p in stream-{1,2,3} post-{1,2}; do
		! pid=$(pid_of "$p") ||
			echo "cluster, pgfeed-$p: process $(ps -o pid= --ppid "$pid" | tr -d ' '), kept by $pid"
	done
	for p in a b; do
		[[ $p == "$(primary)" ]] && role=primary || role=standby
		! node_runs "$p" ||
			echo "cluster, node $p, the $role: process $(head -n 1 "$place/pg/$p/postmaster.pid")"
	done
}
