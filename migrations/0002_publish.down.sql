-- idempotency keys: a publisher that repeats itself publishes twice

DROP FUNCTION pgfeed.publish(text[], text, text, text, text);
DROP FUNCTION pgfeed.publish(text, text, text, text, text);
DROP FUNCTION pgfeed.ingest(text[], text[], text[], text[]);
DROP FUNCTION pgfeed.ingest(text[], text[], text[], text[], text[]);
DROP FUNCTION pgfeed.digest(text, text);
DROP TABLE pgfeed.key;
