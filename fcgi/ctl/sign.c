/*
 * sign.c - "pgfeed sign": makes tokens, and URLs with a token.
 *
 * A page cannot add a header to EventSource. So the program that makes the page
 * puts a URL into it that is valid for a few minutes and for the topics of that
 * page.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "auth/jwt_keys.h"
#include "auth/jwt_signature.h"
#include "feed/topic.h"

#define EXPIRES_DEFAULT 300
#define PATTERNS_MAX    64

struct patterns {
	const char *item[PATTERNS_MAX];
	size_t n;
};

struct wanted {
	const char *user, *kid, *url;
	double expires; /* seconds from now */
	struct patterns read, write;
};

/* Returns the key with that kid, or the first, among the keys with a secret. */
static const struct jwt_key *
choose_key(const struct jwt_keys *keys, const char *kid)
{
	size_t secret_min;

	for (size_t i = 0; i < keys->n; i++) {
		const struct jwt_key *k = &keys->key[i];
		const char *name = k->kid != NULL ? k->kid : "*";

		if (jwt_alg(k->alg, &secret_min) && secret_min > 0 &&
		    (kid == NULL || strcmp(kid, name) == 0))
			return k;
	}
	return NULL;
}

static void
add_member(struct buf *b, const char *name, const char *value)
{
	buf_addjson(b, name, strlen(name));
	buf_addc(b, ':');
	buf_addjson(b, value, strlen(value));
	buf_addc(b, ',');
}

static void
add_patterns(struct buf *b, const char *name, const struct patterns *p)
{
	buf_addf(b, "\"%s\":[", name);
	for (size_t i = 0; i < p->n; i++) {
		if (i > 0)
			buf_addc(b, ',');
		buf_addjson(b, p->item[i], strlen(p->item[i]));
	}
	buf_addc(b, ']');
}

static void
add_claims(struct buf *b, const struct config *c, const struct wanted *w)
{
	int64_t now = wall_us() / 1000000;

	buf_addc(b, '{');
	add_member(b, c->jwt_user, w->user);
	if (*c->jwt_issuer != '\0')
		add_member(b, "iss", c->jwt_issuer);
	if (*c->jwt_audience != '\0')
		add_member(b, "aud", c->jwt_audience);
	buf_addf(b, "\"iat\":%lld,\"exp\":%lld,\"pgfeed\":{", (long long)now,
	    (long long)(now + (int64_t)w->expires));
	add_patterns(b, "read", &w->read);
	buf_addc(b, ',');
	add_patterns(b, "write", &w->write);
	buf_addstr(b, "}}");
}

/*
 * Checks the new token as a gateway does, so that an unusable one is not
 * printed.
 */
static const char *
check_token(
    const char *token, const struct config *c, const struct jwt_keys *keys)
{
	const struct jwt_rules rules = { c->jwt_issuer, c->jwt_audience,
		c->jwt_user, c->jwt_leeway / 1000 };
	struct jwt_content content;
	const char *why;

	switch (jwt_judge(token, strlen(token), keys->key, keys->n, &rules,
	    wall_us() / 1000000, &content, &why)) {
	case TOKEN_OK:
		free(content.who);
		free(content.claims);
		return NULL;
	case TOKEN_REFUSED:
		return why;
	case TOKEN_NO_MEMORY:
		break;
	}
	return "out of memory";
}

static void
add_escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (strchr("/-._~*", *s) != NULL || (*s >= '0' && *s <= '9') ||
		    ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z'))
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

static void
print_url(const struct wanted *w, const char *token)
{
	char separator = strchr(w->url, '?') != NULL ? '&' : '?';
	struct buf b = BUF_INIT;

	buf_addstr(&b, w->url);
	for (size_t i = 0; i < w->read.n; i++) {
		buf_addf(&b, "%ctopic=", separator);
		add_escaped(&b, w->read.item[i]);
		separator = '&';
	}
	buf_addf(&b, "%caccess_token=%s", separator, token);
	if (!buf_failed(&b))
		puts(b.data);
	buf_fini(&b);
}

static int
sign(
    const struct config *c, const struct jwt_keys *keys, const struct wanted *w)
{
	const struct jwt_key *k = choose_key(keys, w->kid);
	struct buf claims = BUF_INIT;
	const char *why;
	char *token;

	if (k == NULL && w->kid != NULL)
		return ctl_fail(
		    "jwt_keys has no secret with the key id \"%s\"", w->kid);
	if (k == NULL)
		return ctl_fail("jwt_keys has no secret, only public keys");
	add_claims(&claims, c, w);
	token = buf_failed(&claims) ? NULL : jwt_sign(k, claims.data);
	buf_fini(&claims);
	if (token == NULL)
		return ctl_fail("could not sign");
	why = check_token(token, c, keys);
	if (why == NULL && w->url != NULL)
		print_url(w, token);
	else if (why == NULL)
		puts(token);
	free(token);
	return why != NULL ? ctl_fail("it would be refused: %s", why) : 0;
}

/* Adds one more pattern. Returns NULL, or a sentence about the fault. */
static const char *
add_pattern(struct patterns *p, const char *s)
{
	if (!topic_pattern_valid(s, strlen(s)))
		return "is not a topic, nor all below one (orders/*), nor all there are (*)";
	if (p->n == PATTERNS_MAX)
		return "is one pattern too many";
	p->item[p->n++] = s;
	return NULL;
}

static bool
takes_tokens(const struct config *c)
{
	for (size_t i = 0; i < c->identity.n; i++) {
		if (strcmp(c->identity.item[i], "jwt") == 0)
			return true;
	}
	return false;
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "read", required_argument, NULL, 'r' },
		{ "write", required_argument, NULL, 'w' },
		{ "expires", required_argument, NULL, 'e' },
		{ "kid", required_argument, NULL, 'k' },
		{ "url", required_argument, NULL, 'U' },
		{ NULL, 0, NULL, 0 },
	};
	struct wanted w = { .expires = EXPIRES_DEFAULT };
	struct jwt_keys *keys;
	const char *wrong = NULL;
	char err[512];
	int opt, rc;

	while (wrong == NULL && (opt = getopt_long(argc, argv,
				     "u:r:w:e:k:", options, NULL)) != -1) {
		switch (opt) {
		case 'u':
			w.user = optarg;
			if (!jwt_user_valid(w.user, strlen(w.user)))
				wrong = "can't be the name of a user";
			break;
		case 'r':
			wrong = add_pattern(&w.read, optarg);
			break;
		case 'w':
			wrong = add_pattern(&w.write, optarg);
			break;
		case 'e':
			if (ctl_parse_age(optarg, &w.expires) == -1 ||
			    w.expires < 1)
				wrong = "is not a time such as 5min or 12h";
			break;
		case 'k':
			w.kid = optarg;
			break;
		case 'U':
			w.url = optarg;
			break;
		default:
			return ctl_misuse(self, "wrong option");
		}
		if (wrong != NULL)
			return ctl_misuse(self, "\"%s\" %s", optarg, wrong);
	}
	if (optind < argc)
		return ctl_misuse(
		    self, "\"%s\" is not an option", argv[optind]);
	if (w.user == NULL)
		return ctl_misuse(self, "for which user? --user NAME");
	if (*ctl->config.jwt_keys == '\0')
		return ctl_fail("the option jwt_keys names no file with keys");
	if (!takes_tokens(&ctl->config))
		fputs("pgfeed: the option identity does not have jwt: the "
		      "gateways will not look at tokens\n",
		    stderr);
	keys = jwt_keys_load(ctl->config.jwt_keys, err, sizeof(err));
	if (keys == NULL)
		return ctl_fail("jwt_keys: %s", err);
	rc = sign(&ctl->config, keys, &w);
	jwt_keys_free(keys);
	return rc;
}

const struct command sign_command = {
	.name = "sign",
	.args = "--user NAME [--read PATTERN]... [--write PATTERN]... "
		"[--expires TIME] [--kid KID] [--url URL]",
	.summary = "make a token, or a URL with one, for a user",
	.help =
	    "A JSON Web Token, signed with a secret of jwt_keys, with "
	    "which the user may\n"
	    "do what they may do anyway, and read and write what the "
	    "patterns take.\n"
	    "\n"
	    "  -u, --user NAME      whom it names\n"
	    "  -r, --read PATTERN   a topic, orders/* for all below orders, "
	    "or *\n"
	    "  -w, --write PATTERN  the same, to publish\n"
	    "  -e, --expires TIME   until when (default: 5min from now)\n"
	    "  -k, --kid KID        with which key (default: the first "
	    "secret)\n"
	    "      --url URL        print this URL with the topics to read "
	    "and the token",
	.run = run,
};
