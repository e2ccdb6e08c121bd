-- what pgfeed.duty says about the least retention

DROP FUNCTION pgfeed.expire_keys(interval, integer);
DROP FUNCTION pgfeed.prune_sweep(integer);
DROP FUNCTION pgfeed.prune_mark(interval, boolean);
DROP FUNCTION pgfeed.rotate(bigint, boolean);
DROP FUNCTION pgfeed.take_event();
DROP FUNCTION pgfeed.holders();
DROP FUNCTION pgfeed.bare(regclass);
DROP FUNCTION pgfeed.is_owner();
DROP FUNCTION pgfeed.take_duty(text);
DROP VIEW pgfeed.holder, pgfeed.partition;
DROP TABLE pgfeed.duty;
