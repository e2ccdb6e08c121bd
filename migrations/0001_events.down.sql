-- Takes all events and all that pgfeed remembered with it.
DROP TABLE pgfeed.event, pgfeed.mark, pgfeed.epoch, pgfeed.migration;
DROP FUNCTION pgfeed.bell(), pgfeed.pattern_valid(text), pgfeed.topic_valid(text);
DROP SCHEMA pgfeed;
