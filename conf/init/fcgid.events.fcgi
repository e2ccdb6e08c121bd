#!/bin/sh
# pgfeed for subscribers, as a FastCGI program of mod_fcgid. Written
# by "pgfeed init fcgid".
PGFEED_CONF=@dir@/pgfeed.conf
export PGFEED_CONF
exec @sbin@/pgfeed-cgi
