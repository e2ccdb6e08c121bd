/*
 * form_token.h - does a form come from one of the site's own pages?
 *
 * A browser of today says so itself (origin.h). For others the site gives each
 * of its visitors a cookie with something secret, and writes the same into its
 * forms: another site's page can make the browser send the cookie, but can't
 * read it ("double submit"). Only what a form can send is asked for it.
 */
#ifndef PGFEED_FORM_TOKEN_H
#define PGFEED_FORM_TOKEN_H

#include "base/buf.h"

/* Shorter ones can be guessed. */
#define FORM_TOKEN_MIN 16

/* What matters of a request; "" what is not there. */
struct form_token_source {
	const char *origin;       /* HTTP_ORIGIN */
	const char *fetch_site;   /* HTTP_SEC_FETCH_SITE */
	const char *cookies;      /* HTTP_COOKIE */
	const char *remote_user;  /* REMOTE_USER */
	const char *content_type; /* CONTENT_TYPE */
};

/*
 * Whether the request may go on: name is the cookie's and the field's ("":
 * everything may), field what the form has in it. Takes the same time wherever
 * the two differ.
 */
bool form_token_ok(const struct form_token_source *, const char *name,
    const struct buf *field);

#endif
