/*
 * form_token.c - CSRF token of forms ("double submit cookie").
 */
#include <string.h>

#include "post/form_token.h"
#include "http/header.h"

/*
 * Returns whether a form can have this content type: one of the three that need
 * no preflight (Fetch Standard).
 */
static bool
is_form(const char *content_type)
{
	return header_is(content_type, "application/x-www-form-urlencoded") ||
	       header_is(content_type, "multipart/form-data") ||
	       header_is(content_type, "text/plain");
}

static bool
same(const char *a, const char *b, size_t n)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

bool
form_token_ok(const struct form_token_source *src, const char *name,
    const struct buf *field)
{
	const char *cookie;
	size_t n;

	if (*name == '\0' || *src->origin != '\0' || *src->fetch_site != '\0' ||
	    !is_form(src->content_type))
		return true;
	/*
	 * Without a cookie or a user the browser adds no authority to the
	 * request.
	 */
	if (*src->cookies == '\0' && *src->remote_user == '\0')
		return true;
	cookie = header_cookie(src->cookies, name, &n);
	return cookie != NULL && n >= FORM_TOKEN_MIN && field->len == n &&
	       same(cookie, field->data, n);
}
