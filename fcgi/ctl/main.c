/*
 * pgfeed - command line: schema, events, set-up and diagnosis.
 */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

/* clang-format off: one per line, in the order of the help */
static const struct command *const commands[] = {
	&setup_command,
	&init_command,
	&migrate_command,
	&publish_command,
	&tail_command,
	&sign_command,
	&prune_command,
	&status_command,
	&check_config_command,
	&doctor_command,
};
/* clang-format on */

static void
print_help(void)
{
	puts("usage: pgfeed [-c FILE] COMMAND [ARGUMENT...]\n"
	     "\n"
	     "commands:");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("  %-13s %s\n", commands[i]->name, commands[i]->summary);
	puts(
	    "\n"
	    "options:\n"
	    "  -c, --config FILE  the configuration (default: $PGFEED_CONF, "
	    "else\n"
	    "                     " SYSCONFDIR "/pgfeed/pgfeed.conf)\n"
	    "  -h, --help         this text; pgfeed COMMAND --help tells more\n"
	    "  -V, --version      the version\n"
	    "\n"
	    "The database is the option \"database\" of the configuration, a "
	    "libpq\n"
	    "connection string; when it is empty, PGHOST, PGDATABASE and so "
	    "on.");
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl ctl = { .config_path = NULL };
	const struct command *command = NULL;
	char err[512];
	int opt, rc;

	setlocale(LC_CTYPE, "");
	while ((opt = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			ctl.config_path = optarg;
			break;
		case 'h':
			print_help();
			return 0;
		case 'V':
			puts("pgfeed " PACKAGE_VERSION);
			return 0;
		default:
			fputs("try: pgfeed --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 0) {
		fputs("pgfeed: which command? try: pgfeed --help\n", stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i]->name, argv[0]) == 0)
			command = commands[i];
	}
	if (command == NULL) {
		fprintf(stderr,
		    "pgfeed: there is no command \"%s\", try: pgfeed --help\n",
		    argv[0]);
		return EXIT_USAGE;
	}
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			ctl_help(command);
			return 0;
		}
	}

	if (!command->reads_config &&
	    config_load(&ctl.config, ctl.config_path, err, sizeof(err)) == -1)
		return ctl_fail("%s", err);
	signal(SIGPIPE, SIG_IGN);
	optind = 0; /* makes glibc start over */
	rc = command->run(command, &ctl, argc, argv);
	config_free(&ctl.config);
	if (fflush(stdout) == EOF && rc == 0)
		rc = 1;
	return rc;
}
