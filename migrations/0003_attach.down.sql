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
END $$;
DROP FUNCTION pgfeed.attach(regclass, text, text[]);
DROP FUNCTION pgfeed.detach(regclass);
DROP FUNCTION pgfeed.changed();
