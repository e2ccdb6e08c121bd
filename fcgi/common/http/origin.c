/*
 * origin.c - CSRF protection: the origins that may post, and safe redirects.
 */
#include <string.h>
#include <strings.h>

#include "http/cors.h"
#include "http/origin.h"

/* scheme "://" host [":" port], as written in a URL. */
struct origin {
	bool https;
	/* with the port, unless the port is the scheme's default */
	const char *host;
	size_t host_len;
};

/*
 * Returns the length of host without ":80" or ":443" if that is the default
 * port.
 */
static size_t
without_port(const char *host, size_t n, bool https)
{
	const char *port = https ? ":443" : ":80";
	size_t k = strlen(port);

	return n > k && memcmp(host + n - k, port, k) == 0 ? n - k : n;
}

/*
 * Parses the origin of a URL and sets *rest to the text behind it. Returns
 * false for a URL that is not http or https, or has a user name.
 */
static bool
parse_origin(struct origin *o, const char *url, size_t n, const char **rest)
{
	const char *end = url + n, *p;

	if (n > 7 && strncasecmp(url, "http://", 7) == 0)
		o->https = false;
	else if (n > 8 && strncasecmp(url, "https://", 8) == 0)
		o->https = true;
	else
		return false;
	o->host = url + (o->https ? 8 : 7);
	for (p = o->host; p < end && *p != '/' && *p != '?' && *p != '#'; p++) {
		if (*p == '@' || *p == '\\' || (unsigned char)*p <= 0x20)
			return false;
	}
	if (p == o->host)
		return false;
	o->host_len = without_port(o->host, (size_t)(p - o->host), o->https);
	*rest = p;
	return true;
}

static bool
same_host(const struct origin *o, const char *host, size_t n)
{
	return n == o->host_len && strncasecmp(o->host, host, n) == 0;
}

/*
 * Returns whether o is the origin that this request was sent to. Over plain
 * HTTP the scheme is unknown, since TLS may have ended at a proxy.
 */
static bool
is_ours(const struct origin *o, const struct origin_source *src)
{
	if (*src->host == '\0' || (src->https && !o->https))
		return false;
	return same_host(
	    o, src->host, without_port(src->host, strlen(src->host), o->https));
}

enum origin_result
origin_check(const struct config *c, const struct origin_source *src)
{
	struct origin o;
	const char *rest;

	if (cors_listed(c, src->origin) != NULL)
		return ORIGIN_ALLOWED;
	/*
	 * Fetch Metadata has the values same-origin, same-site, cross-site, and
	 * none for a request that the user started without a page. It takes
	 * precedence over Origin, which is "null" for pages of pgfeed that hide
	 * their referrer.
	 */
	if (*src->fetch_site != '\0')
		return strcmp(src->fetch_site, "same-origin") == 0 ||
			       strcmp(src->fetch_site, "none") == 0
			   ? ORIGIN_SAME
			   : ORIGIN_FOREIGN;
	if (*src->origin != '\0')
		return parse_origin(
			   &o, src->origin, strlen(src->origin), &rest) &&
			       *rest == '\0' && is_ours(&o, src)
			   ? ORIGIN_SAME
			   : ORIGIN_FOREIGN;
	if (*src->referer != '\0')
		return parse_origin(
			   &o, src->referer, strlen(src->referer), &rest) &&
			       is_ours(&o, src)
			   ? ORIGIN_SAME
			   : ORIGIN_FOREIGN;
	return ORIGIN_SAME;
}

/*
 * Returns whether a browser takes the n bytes at s for a path on this host. A
 * browser reads "\" as "/", drops tabs and newlines, and takes "//" for the
 * start of a host (URL Standard section 4.4).
 */
static bool
is_path(const char *s, size_t n)
{
	if (n == 0 || s[0] != '/' || (n > 1 && s[1] == '/'))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f || c == '\\')
			return false;
	}
	return true;
}

bool
origin_redirect(
    struct buf *b, const struct origin_source *src, const char *next, size_t n)
{
	const char *path = next, *end;
	struct origin o;

	if (n == 0)
		return false;
	end = next + n;
	if (*next != '/') {
		if (!parse_origin(&o, next, n, &path) || !is_ours(&o, src))
			return false;
		if (path == end) {
			buf_addc(b, '/');
			return true;
		}
	}
	if (!is_path(path, (size_t)(end - path)))
		return false;
	/* Escape the bytes that RFC 3986 appendix A does not allow in a URI. */
	for (; path < end; path++) {
		unsigned char c = (unsigned char)*path;

		if (c > 0x20 && c < 0x7f && strchr("\"<>^`{|}", c) == NULL)
			buf_addc(b, (char)c);
		else
			buf_addf(b, "%%%02X", c);
	}
	return true;
}
