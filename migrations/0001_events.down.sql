-- all events, with the positions of every client
-- what is applied, so that the schema begins anew

DROP TABLE pgfeed.event, pgfeed.mark, pgfeed.epoch, pgfeed.gateway,
  pgfeed.migration;
DROP FUNCTION pgfeed.bell(), pgfeed.ring(), pgfeed.set_asleep(boolean),
  pgfeed.pattern_valid(text), pgfeed.topic_valid(text);
DROP SCHEMA pgfeed;
