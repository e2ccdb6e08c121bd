-- Tables that are still attached go back to what they were.
DO $$
DECLARE
  t regclass;
BEGIN
  FOR t IN SELECT DISTINCT tgrelid FROM pg_trigger
            WHERE tgname IN ('pgfeed_row', 'pgfeed_truncate') AND tgparentid = 0
  LOOP
    PERFORM pgfeed.detach(t);
  END LOOP;
  PERFORM pgfeed.drop_unattached();
END $$;
DROP FUNCTION pgfeed.detach(regclass),
  pgfeed.attach(regclass, text, text[], boolean, boolean),
  pgfeed.attach_function(regclass, text, text[], integer, text), pgfeed.drop_unattached(),
  pgfeed.row_code(oid, text, text[], integer, text), pgfeed.row_slowly(oid, text[], record),
  pgfeed.pinned_settings(oid, text, text[], integer), pgfeed.trigger_arguments(bytea),
  pgfeed.attached_columns(oid, text[], smallint[], oid),
  pgfeed.topic_expression(text, text[], text[], text),
  pgfeed.row_expressions(oid, text[], text), pgfeed.value_expression(text, oid, integer),
  pgfeed.base_type(oid), pgfeed.json_array(text[], text), pgfeed.topic_segment(text);
