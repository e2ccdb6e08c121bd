/*
 * init.c - "pgfeed init": makes a working folder for a given kind of host.
 *
 * The command needs no root and no service manager, and touches nothing outside
 * the folder. It writes the configuration, folders for sockets and logs, and
 * files for the web server, and prints the next steps. Existing files stay as
 * they are.
 *
 * The files come from conf of the installation, with words replaced; the
 * configuration is generated here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/ctl.h"

enum file_kind { PLAIN, SCRIPT };

struct init_file {
	const char *from; /* path below conf */
	const char *to;   /* path below the folder */
	enum file_kind kind;
};

struct mode {
	const char *name;
	const char *summary;
	const char *settings; /* lines of pgfeed.conf, besides the usual ones */
	const char *web_user; /* NULL: the usual one */
	/* pgfeed-stream and pgfeed-post run as processes of their own */
	bool daemon;
	bool pages;  /* copy pgfeed's own pages to web/ */
	struct init_file file[4];
	const char *next; /* the next steps, with @words@ */
};

struct init {
	const struct command *self;
	const struct mode *mode;
	const char *database;
	char dir[PATH_MAX], sbin[PATH_MAX], share[PATH_MAX];
	const char *web_user, *socket_mode;
};

/* Streams that each mode carries; docs/servers.md has the measurements. */
#define APACHE_LIMITS                                                         \
	"# Each stream keeps one worker of Apache busy, and Debian's Apache " \
	"has 150.\n"                                                          \
	"max_streams = 100\n"                                                 \
	"max_streams_per_address = 20\n"

static const struct mode modes[] = {
	{ .name = "apache",
	    .summary = "Apache that you may configure (a virtual host)",
	    .settings = APACHE_LIMITS,
	    .daemon = true,
	    .file = { { "init/apache.conf", "apache.conf", PLAIN } },
	    .next = "  Tell Apache (as its administrator), in the server or a "
		    "<VirtualHost>:\n"
		    "      Include @dir@/apache.conf\n"
		    "  and reload it: apachectl graceful\n" },
	{ .name = "htaccess",
	    .summary = "Apache with .htaccess, and a program may run",
	    .settings =
		"# Each stream keeps one worker of the host's Apache busy.\n"
		"max_streams = 40\n"
		"max_streams_per_address = 10\n",
	    .daemon = true,
	    .pages = true,
	    .file = { { "init/htaccess.htaccess", "web/.htaccess", PLAIN } },
	    .next = "  Put web/ where your pages are:\n"
		    "      cp -R @dir@/web ~/public_html/pgfeed\n"
		    "  and look at it: http://your.host/~@user@/pgfeed/\n" },
	{ .name = "cgi",
	    .summary = "Apache with CGI and nothing else",
	    .settings =
		"# Each stream is a process and a worker of the host's Apache: "
		"cgi_streams of\n"
		"# them are held, other browsers come back every few "
		"seconds.\n"
		"cgi_streams = 10\n"
		"max_streams_per_address = 6\n"
		"log_level = warning\n",
	    .pages = true,
	    .file = { { "init/cgi.htaccess", "web/.htaccess", PLAIN },
		{ "init/cgi.events", "web/events", SCRIPT } },
	    .next = "  Put web/ where your pages are:\n"
		    "      cp -R @dir@/web ~/public_html/pgfeed\n"
		    "  and look at it: http://your.host/~@user@/pgfeed/\n"
		    "  pgfeed-stream is started by the first request.\n" },
	{ .name = "fcgid",
	    .summary = "Apache with mod_fcgid",
	    .settings = "# Each waiting browser is a process and a worker of "
			"the host's Apache.\n"
			"max_streams_per_address = 6\n"
			"log_level = warning\n",
	    .pages = true,
	    .file = { { "init/fcgid.htaccess", "web/.htaccess", PLAIN },
		{ "init/fcgid.events.fcgi", "web/events.fcgi", SCRIPT },
		{ "init/fcgid.events-post.fcgi", "web/events-post.fcgi",
		    SCRIPT } },
	    .next = "  Put web/ where your pages are:\n"
		    "      cp -R @dir@/web ~/public_html/pgfeed\n"
		    "  and look at it: http://your.host/~@user@/pgfeed/\n"
		    "  pgfeed-stream is started by the first request.\n" },
	{ .name = "lighttpd",
	    .summary = "lighttpd that you may configure",
	    .settings =
		"# lighttpd's own default is 341 connections, see its file.\n"
		"max_streams = 300\n",
	    .daemon = true,
	    .file = { { "init/lighttpd.conf", "lighttpd.conf", PLAIN } },
	    .next = "  Tell lighttpd (as its administrator):\n"
		    "      include \"@dir@/lighttpd.conf\"\n"
		    "  and restart it.\n" },
	{ .name = "nginx",
	    .summary = "nginx that you may configure",
	    .settings =
		"# A stream is two of the 768 worker_connections of Debian's "
		"nginx.\n"
		"max_streams = 288\n",
	    .daemon = true,
	    .file = { { "nginx/pgfeed.conf", "nginx.conf", PLAIN } },
	    .next = "  Tell nginx (as its administrator), in a server block:\n"
		    "      include @dir@/nginx.conf;\n"
		    "  and reload it.\n" },
	{ .name = "caddy",
	    .summary = "caddy that you may configure",
	    .settings = "max_streams = 5000\n",
	    .web_user = "caddy",
	    .daemon = true,
	    .file = { { "caddy/pgfeed.caddy", "pgfeed.caddy", PLAIN } },
	    .next = "  Tell caddy (as its administrator), in a site's block:\n"
		    "      import @dir@/pgfeed.caddy\n"
		    "  and reload it.\n" },
};

static const struct mode *
find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	}
	return NULL;
}

/* --- where things are */

/*
 * Finds the installation that this program belongs to, wherever it was moved
 * to; else uses the one that it was built for.
 */
static void
find_installation(struct init *in)
{
	char exe[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	snprintf(in->sbin, sizeof(in->sbin), "%s", SBINDIR);
	snprintf(in->share, sizeof(in->share), "%s", PKGDATADIR);
	if (n == -1)
		return;
	exe[n] = '\0';
	for (int up = 0; up < 2; up++) { /* remove "bin/pgfeed" */
		slash = strrchr(exe, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
	snprintf(path, sizeof(path), "%s/share/pgfeed/conf/init", exe);
	if (access(path, R_OK) == -1)
		return;
	snprintf(path, sizeof(path), "%s/sbin", exe);
	snprintf(in->sbin, sizeof(in->sbin), "%.*s", PATH_MAX - 1, path);
	snprintf(path, sizeof(path), "%s/share/pgfeed", exe);
	snprintf(in->share, sizeof(in->share), "%.*s", PATH_MAX - 1, path);
}

static const char *
find_web_user(void)
{
	static const char *const names[] = { "www-data", "apache", "www",
		"http", "nobody" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (getpwnam(names[i]) != NULL)
			return names[i];
	}
	return "www-data";
}

static const char *
own_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "you";
}

/* --- writing */

/*
 * Adds text to b with each @word@ replaced, and with the place of the sockets
 * replaced in files that are shipped without words.
 */
static void
fill_in(struct buf *b, const struct init *in, const char *text)
{
	char run_dir[PATH_MAX + 8];
	const struct {
		const char *word, *value;
	} words[] = {
		{ "/run/pgfeed", run_dir },
		{ "@dir@", in->dir },
		{ "@mode@", in->mode->name },
		{ "@sbin@", in->sbin },
		{ "@share@", in->share },
		{ "@socket_mode@", in->socket_mode },
		{ "@user@", own_name() },
	};

	snprintf(run_dir, sizeof(run_dir), "%s/run", in->dir);
	while (*text != '\0') {
		size_t n = strcspn(text, "@/"), i;

		buf_add(b, text, n);
		text += n;
		for (i = 0; i < ARRAY_LEN(words); i++) {
			if (strncmp(text, words[i].word,
				strlen(words[i].word)) == 0)
				break;
		}
		if (i < ARRAY_LEN(words)) {
			buf_addstr(b, words[i].value);
			text += strlen(words[i].word);
		} else if (*text != '\0')
			buf_addc(b, *text++);
	}
}

static int
make_folder(const struct init *in, const char *name, mode_t mode)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s%s%s", in->dir, *name ? "/" : "", name);
	if (mkdir(path, mode) == -1 && errno != EEXIST)
		return ctl_fail("could not make the folder \"%s\": %s", path,
		    strerror(errno));
	if (*name != '\0' && chmod(path, mode) == -1)
		return ctl_fail("could not set the mode of \"%s\": %s", path,
		    strerror(errno));
	return 0;
}

static int
write_file(const struct init *in, const char *name, const struct buf *b,
    mode_t mode, bool say)
{
	char path[PATH_MAX + 64];
	ssize_t done;
	int fd;

	if (buf_failed(b))
		return ctl_fail("out of memory");
	snprintf(path, sizeof(path), "%s/%s", in->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1 && errno == EEXIST) {
		printf("  left as it is: %s\n", path);
		return 0;
	}
	if (fd == -1)
		return ctl_fail(
		    "could not make \"%s\": %s", path, strerror(errno));
	done = write(fd, b->data, b->len);
	fchmod(fd, mode); /* independent of the umask */
	if (close(fd) == -1 || done != (ssize_t)b->len)
		return ctl_fail(
		    "could not write \"%s\": %s", path, strerror(errno));
	if (say)
		printf("  %s\n", path);
	return 0;
}

static int
read_file(struct buf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (f == NULL)
		return ctl_fail(
		    "could not read \"%s\": %s", path, strerror(errno));
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(b, part, n);
	fclose(f);
	return 0;
}

static int
write_template(const struct init *in, const struct init_file *file)
{
	struct buf text = BUF_INIT, filled = BUF_INIT;
	char path[PATH_MAX + 64];
	int rc;

	snprintf(path, sizeof(path), "%s/conf/%s", in->share, file->from);
	rc = read_file(&text, path);
	if (rc == 0) {
		buf_addstr(&text, "");
		fill_in(&filled, in, text.data);
		rc = write_file(in, file->to, &filled,
		    file->kind == SCRIPT ? 0755 : 0644, true);
	}
	buf_fini(&text);
	buf_fini(&filled);
	return rc;
}

/* Copies www of the installation to web/. */
static int
copy_pages(const struct init *in, const char *below)
{
	char from[PATH_MAX + 64], name[PATH_MAX + 64];
	struct dirent *e;
	int rc = 0;
	DIR *d;

	snprintf(from, sizeof(from), "%s/www%s", in->share, below);
	d = opendir(from);
	if (d == NULL)
		return ctl_fail(
		    "could not read \"%s\": %s", from, strerror(errno));
	while (rc == 0 && (e = readdir(d)) != NULL) {
		char path[2 * PATH_MAX];
		struct buf b = BUF_INIT;
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", from, e->d_name);
		snprintf(name, sizeof(name), "web%s/%s", below, e->d_name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			rc = make_folder(in, name, 0755);
			if (rc == 0)
				rc = copy_pages(in, name + strlen("web"));
			continue;
		}
		rc = read_file(&b, path);
		if (rc == 0)
			rc = write_file(in, name, &b, 0644, false);
		buf_fini(&b);
	}
	closedir(d);
	return rc;
}

static int
write_config(const struct init *in)
{
	struct buf b = BUF_INIT;
	int rc;

	buf_addf(&b,
	    "# Written by \"pgfeed init %s\". Every option is explained in\n"
	    "# %s/conf/pgfeed.conf\n\n"
	    "database = %s\n\n"
	    "stream_socket = %s/run/stream.sock\n"
	    "post_socket = %s/run/post.sock\n"
	    "socket_mode = %s\n",
	    in->mode->name, in->share, in->database, in->dir, in->dir,
	    in->socket_mode);
	buf_addf(&b,
	    "# Whoever may reach the sockets, only these are served, and "
	    "you.\n"
	    "peer_users = %s\n",
	    in->web_user);
	if (!in->mode->daemon)
		buf_addf(&b, "cgi_log = %s/log/pgfeed-stream.log\n", in->dir);
	buf_addf(&b, "\n%s", in->mode->settings);
	rc = write_file(in, "pgfeed.conf", &b, 0600, true);
	buf_fini(&b);
	return rc;
}

static int
write_all(const struct init *in)
{
	static const struct init_file start = { "init/start", "start", SCRIPT };
	const struct mode *m = in->mode;
	/* The web server may pass through to the sockets, and no further. */
	int rc = make_folder(in, "", 0711);

	if (rc == 0)
		rc = make_folder(in, "run", m->daemon ? 0711 : 0700);
	if (rc == 0)
		rc = make_folder(in, "log", 0700);
	if (rc == 0 && m->pages)
		rc = make_folder(in, "web", 0755);
	if (rc == 0)
		rc = write_config(in);
	if (rc == 0 && m->daemon)
		rc = write_template(in, &start);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(m->file); i++) {
		if (m->file[i].from != NULL)
			rc = write_template(in, &m->file[i]);
	}
	if (rc == 0 && m->pages)
		rc = copy_pages(in, "");
	if (rc == 0 && m->pages)
		printf("  %s/web: pgfeed's own pages\n", in->dir);
	return rc;
}

static void
say_next(const struct init *in)
{
	struct buf b = BUF_INIT;

	fill_in(&b, in,
	    "\nNext:\n"
	    "  Check how to reach the database: the first option in\n"
	    "      @dir@/pgfeed.conf\n"
	    "  Make the tables there (as their owner to be), once:\n"
	    "      pgfeed -c @dir@/pgfeed.conf migrate\n");
	if (in->mode->daemon)
		fill_in(&b, in,
		    "  Start pgfeed, and put it into your crontab:\n"
		    "      @dir@/start\n"
		    "      (crontab -l; echo \"@reboot @dir@/start\") | "
		    "crontab -\n");
	fill_in(&b, in, in->mode->next);
	fill_in(&b, in,
	    "  If something does not work:\n"
	    "      pgfeed -c @dir@/pgfeed.conf doctor --url URL\n");
	fputs(b.data != NULL ? b.data : "", stdout);
	buf_fini(&b);
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "database", required_argument, NULL, 'd' },
		{ "web-user", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	struct init in = { .self = self, .database = ctl->config.database };
	char home[PATH_MAX];
	const char *dir;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			in.database = optarg;
		else if (opt == 'w')
			in.web_user = optarg;
		else
			return ctl_misuse(self, "see its --help");
	}
	if (argc - optind < 1 || argc - optind > 2)
		return ctl_misuse(self, "which host do you have?");
	in.mode = find_mode(argv[optind]);
	if (in.mode == NULL)
		return ctl_misuse(
		    self, "there is no mode \"%s\"", argv[optind]);
	if (in.web_user == NULL)
		in.web_user = in.mode->web_user != NULL ? in.mode->web_user
							: find_web_user();
	snprintf(home, sizeof(home), "%s/.pgfeed",
	    getenv("HOME") != NULL ? getenv("HOME") : ".");
	dir = argc - optind == 2 ? argv[optind + 1] : home;
	if (mkdir(dir, 0711) == -1 && errno != EEXIST)
		return ctl_fail("could not make the folder \"%s\": %s", dir,
		    strerror(errno));
	if (realpath(dir, in.dir) == NULL)
		return ctl_fail(
		    "could not find \"%s\": %s", dir, strerror(errno));
	if (strpbrk(in.dir, " \t\"'\\|@$") != NULL)
		return ctl_fail("\"%s\" has characters that web servers take for their own: choose a plainer path",
		    in.dir);
	if (strlen(in.dir) > 80)
		return ctl_fail("\"%s\" is too long for the path of a Unix socket (80 bytes at most)",
		    in.dir);
	/*
	 * Apache's user is in none of the user's groups, so all users may
	 * connect. peer_users decides which of them are served.
	 */
	in.socket_mode = in.mode->daemon ? "0666" : "0600";
	find_installation(&in);
	if (write_all(&in) != 0)
		return 1;
	say_next(&in);
	return 0;
}

const struct command init_command = {
	.name = "init",
	.args = "[--database CONNINFO] [--web-user USER] MODE [FOLDER]",
	.summary = "write all that pgfeed needs on your host, without root",
	.help = "MODE is what you have:\n"
		"  apache    Apache that you may configure (a virtual host)\n"
		"  htaccess  Apache with .htaccess, and a program may run\n"
		"  cgi       Apache with CGI and nothing else\n"
		"  fcgid     Apache with mod_fcgid\n"
		"  lighttpd  lighttpd that you may configure\n"
		"  nginx     nginx that you may configure\n"
		"  caddy     caddy that you may configure\n"
		"\n"
		"Everything goes into FOLDER (default: ~/.pgfeed); what is "
		"there already stays.\n"
		"--database is written into the configuration, --web-user is "
		"the web server's\n"
		"user. It says what to do next.",
	.run = run,
};
