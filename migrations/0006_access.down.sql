-- Everybody may read and write everything again.
DROP FUNCTION pgfeed.check(text);
ALTER FUNCTION pgfeed.check_feed(text) RENAME TO "check";
CREATE OR REPLACE FUNCTION pgfeed.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_stream') THEN
    GRANT USAGE ON SCHEMA pgfeed TO pgfeed_stream;
    GRANT SELECT ON pgfeed.event, pgfeed.event_id_seq, pgfeed.mark, pgfeed.epoch,
      pgfeed.migration, pgfeed.partition, pgfeed.holder TO pgfeed_stream;
    GRANT UPDATE (low, finished) ON pgfeed.mark TO pgfeed_stream;
    GRANT INSERT ON pgfeed.epoch TO pgfeed_stream;
    GRANT EXECUTE ON FUNCTION pgfeed.holders(), pgfeed.rotate(bigint, boolean),
      pgfeed.prune_mark(interval, boolean), pgfeed.prune_sweep(integer),
      pgfeed.expire_keys(interval, integer) TO pgfeed_stream;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgfeed_post') THEN
    GRANT USAGE ON SCHEMA pgfeed TO pgfeed_post;
    GRANT EXECUTE ON FUNCTION pgfeed.ingest(text[], text[], text[], text[]),
      pgfeed.publish(text, text, text, text) TO pgfeed_post;
  END IF;
END $$;
DROP FUNCTION pgfeed.ingest(text[], text[], text[], text[], text[], text[]);
DROP FUNCTION pgfeed.revoke(text);
DROP FUNCTION pgfeed.allowed(text[], text[], text[], boolean);
DROP FUNCTION pgfeed.may_write(text, jsonb, text);
DROP FUNCTION pgfeed.may_read(text, jsonb, text);
DROP FUNCTION pgfeed.claimed(jsonb, text, text);
DROP FUNCTION pgfeed.rule_for(text, text);
DROP FUNCTION pgfeed.covers(text, text);
DROP TABLE pgfeed.access, pgfeed.revocation;
DROP FUNCTION pgfeed.access_changed();
