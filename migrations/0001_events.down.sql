-- Takes all events and all that pgfeed remembered with it.
DROP TABLE pgfeed.event, pgfeed.mark, pgfeed.epoch, pgfeed.gateway,
  pgfeed.migration;
DROP FUNCTION pgfeed.bell(), pgfeed.ring(), pgfeed.set_asleep(boolean),
  pgfeed.pattern_valid(text), pgfeed.topic_valid(text);
DROP SCHEMA pgfeed;
