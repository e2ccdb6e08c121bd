/*
 * check_config.c - "pgfeed check-config": what the configuration comes to.
 */
#include "ctl.h"
#include "token_keys.h"

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	struct token_keys *keys;
	char err[512];

	if (argc > 1)
		return ctl_misuse(self, "it takes no argument");
	/* main() has read it, and has ended with file and line if it is bad. */
	config_print(&ctl->config, stdout);
	if (*ctl->config.jwt_keys == '\0')
		return 0;
	keys = token_keys_load(ctl->config.jwt_keys, err, sizeof(err));
	if (keys == NULL)
		return ctl_fail("jwt_keys: %s", err);
	token_keys_free(keys);
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
		"1 and the file and line when something is wrong with it, or "
		"with jwt_keys.",
	.run = run,
};
