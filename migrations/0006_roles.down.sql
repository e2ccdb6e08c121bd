-- the rights of pgfeed_stream and pgfeed_post in this database, and the groups
-- themselves when they have no member and no rights elsewhere

-- A role stays when it has members or rights in another database: both would
-- be lost for good.
DO $$
DECLARE
  r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['pgfeed_stream', 'pgfeed_post'] LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r);
    EXECUTE format('REVOKE ALL ON SCHEMA pgfeed FROM %I', r);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA pgfeed FROM %I', r);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA pgfeed FROM %I', r);
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgfeed FROM %I', r);
    BEGIN
      IF EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                  WHERE g.rolname = r) THEN
        RAISE NOTICE 'role % stays: it has members', r;
      ELSE
        EXECUTE format('DROP ROLE %I', r);
      END IF;
    EXCEPTION WHEN insufficient_privilege OR dependent_objects_still_exist THEN
      RAISE NOTICE 'role % stays: %', r, sqlerrm;
    END;
  END LOOP;
END $$;
DROP FUNCTION pgfeed.check(text);
DROP FUNCTION pgfeed.check_attached();
DROP FUNCTION pgfeed.grant_differences();
DROP FUNCTION pgfeed.grant_roles(boolean);
DROP FUNCTION pgfeed.present_grants();
DROP FUNCTION pgfeed.wanted_grants();
