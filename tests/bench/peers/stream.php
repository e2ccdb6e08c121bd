<?php
// The habit of shared hosts: a process and a connection for every browser.
set_time_limit(0);
ignore_user_abort(false);
header('Content-Type: text/event-stream');
header('Cache-Control: no-store');
while (ob_get_level()) {
	ob_end_flush();
}
$db = pg_connect(getenv('BENCH_CONNINFO'));
pg_query($db, 'LISTEN bench');
$socket = pg_socket($db);
echo ": open\n\n";
flush();
while (!connection_aborted()) {
	$read = [$socket];
	$write = $except = [];
	if (!stream_select($read, $write, $except, 15)) {
		echo ":\n\n";
		flush();
		continue;
	}
	while ($n = pg_get_notify($db, PGSQL_ASSOC)) {
		$event = json_decode($n['payload'], true);
		if ($event['topic'] === $_GET['topic']) {
			echo "data: {$event['data']}\n\n";
		}
	}
	flush();
}
