-- all events, with the positions of every client
-- what is applied, so that the schema begins anew

DROP FUNCTION pgfeed.position(), pgfeed.new_history(text), pgfeed.home(),
  pgfeed.random_tag(), pgfeed.to_base36(bigint), pgfeed.from_base36(text);
DROP TABLE pgfeed.event, pgfeed.further, pgfeed.mark, pgfeed.epoch, pgfeed.gateway,
  pgfeed.migration;
DROP FUNCTION pgfeed.bell(), pgfeed.ring(), pgfeed.set_asleep(boolean),
  pgfeed.note_further(), pgfeed.emptied(),
  pgfeed.pattern_valid(text), pgfeed.topic_valid(text);
DROP SCHEMA pgfeed;
