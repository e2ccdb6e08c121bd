CREATE OR REPLACE FUNCTION pgfeed.topic_valid(topic text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN octet_length(topic) BETWEEN 1 AND 255
  AND topic ~ '^[^\u0001-\u001f\u007f*/]+(/[^\u0001-\u001f\u007f*/]+)*$'
  AND topic !~ '^-(/|$)';

ALTER TABLE pgfeed.event
  DROP CONSTRAINT topic_is_valid,
  ADD CONSTRAINT topic_is_valid CHECK (pgfeed.topic_valid(topic));
