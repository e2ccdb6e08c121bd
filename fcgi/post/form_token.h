/*
 * form_token.h - CSRF token of forms ("double submit cookie").
 *
 * A current browser names the page that posts (http/origin.h). For other
 * browsers the site gives each visitor a cookie with a secret, and writes the
 * same secret into its forms. A page of another site can make the browser send
 * the cookie, but cannot read it. The token is required only for content types
 * that a form can send.
 */
#ifndef PGFEED_FORM_TOKEN_H
#define PGFEED_FORM_TOKEN_H

#include "base/buf.h"

/* Minimum length in bytes. A shorter token can be guessed. */
#define FORM_TOKEN_MIN 16

/* Values of the request's headers; "" for one that is missing. */
struct form_token_source {
	const char *origin;       /* HTTP_ORIGIN */
	const char *fetch_site;   /* HTTP_SEC_FETCH_SITE */
	const char *cookies;      /* HTTP_COOKIE */
	const char *remote_user;  /* REMOTE_USER */
	const char *content_type; /* CONTENT_TYPE */
};

/*
 * Returns whether the request may go on. name is the name of the cookie and of
 * the field; "" allows every request. field is the field's value. The
 * comparison takes the same time wherever the two values differ.
 */
bool form_token_ok(const struct form_token_source *, const char *name,
    const struct buf *field);

#endif
