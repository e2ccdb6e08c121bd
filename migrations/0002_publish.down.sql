DROP FUNCTION pgfeed.publish(text, text, text, text);
DROP FUNCTION pgfeed.ingest(text[], text[], text[], text[]);
DROP FUNCTION pgfeed.digest(text, text, text);
DROP TABLE pgfeed.key;
