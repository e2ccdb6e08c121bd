DROP FUNCTION pgfeed.expire_keys(interval, integer);
DROP FUNCTION pgfeed.prune_sweep(integer);
DROP FUNCTION pgfeed.prune_mark(interval, boolean);
DROP FUNCTION pgfeed.rotate(bigint, boolean);
DROP FUNCTION pgfeed.take_event();
DROP FUNCTION pgfeed.holders();
DROP VIEW pgfeed.holder, pgfeed.partition;
