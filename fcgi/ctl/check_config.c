/*
 * check_config.c - "pgfeed check-config": what the configuration comes to.
 */
#include "ctl.h"

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	if (argc > 1)
		return ctl_misuse(self, "it takes no argument");
	/* main() has read it, and has ended with file and line if it is bad. */
	config_print(&ctl->config, stdout);
	return 0;
}

const struct command check_config_command = {
	.name = "check-config",
	.args = "",
	.summary = "read the configuration and print what it comes to",
	.help = "Prints every option with its value: the default, or what the "
		"file says, or\n"
		"what the environment says (PGFEED_HEARTBEAT overrides "
		"heartbeat). Exits with\n"
		"1 and the file and line when something is wrong with it.",
	.run = run,
};
