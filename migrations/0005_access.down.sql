-- the rows of pgfeed.access: who may read and write what
-- pgfeed.may_read and pgfeed.may_write, also when you have replaced them
-- revocations: a token that was revoked is good again
-- rights that you have granted on these functions and tables

DROP FUNCTION pgfeed.ingest(text[], text[], text[], text[], text[], text[]);
DROP FUNCTION pgfeed.revoke(text, text);
DROP FUNCTION pgfeed.allowed(text[], text[], text[], boolean);
DROP FUNCTION pgfeed.may_write(text, jsonb, text);
DROP FUNCTION pgfeed.may_read(text, jsonb, text);
DROP FUNCTION pgfeed.claimed(jsonb, text, text);
DROP FUNCTION pgfeed.rule_for(text, text);
DROP FUNCTION pgfeed.covers(text, text);
DROP FUNCTION pgfeed.alias(bytea, text);
DROP TABLE pgfeed.access, pgfeed.revocation, pgfeed.alias_key;
DROP FUNCTION pgfeed.access_changed();
