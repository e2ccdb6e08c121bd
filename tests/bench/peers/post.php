<?php
// One durable INSERT per POST over a persistent connection.
$db = pg_pconnect(getenv('BENCH_CONNINFO'));
$r = pg_query_params($db,
	'INSERT INTO bench.plain (topic, data) VALUES ($1, $2) RETURNING id',
	['bench', file_get_contents('php://input')]);
http_response_code(201);
header('Content-Type: application/json');
echo '{"id":"', pg_fetch_result($r, 0, 0), "\",\"topic\":\"bench\"}\n";
