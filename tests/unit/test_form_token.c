/*
 * test_form_token.c - which forms need the site's token.
 */
#include "unit.h"

#include "post/form_token.h"

#define FORM  "application/x-www-form-urlencoded"
#define TOKEN "0123456789abcdef"

static void
what_a_foreign_form_could_send_needs_a_token(void **state)
{
	static const struct {
		const char *origin, *site, *cookies, *user, *type, *field;
		bool ok;
	} table[] = {
		/* with it */
		{ "", "", "t=" TOKEN, "", FORM, TOKEN, true },
		{ "", "", "a=b; t=" TOKEN, "", FORM, TOKEN, true },
		{ "", "", "t=" TOKEN TOKEN, "bob", FORM, TOKEN TOKEN, true },
		{ "", "", "t=" TOKEN, "", "multipart/form-data; boundary=x",
		    TOKEN, true },
		/* without */
		{ "", "", "s=1", "", FORM, "", false },
		{ "", "", "", "bob", FORM, "", false },
		{ "", "", "", "bob", FORM, TOKEN, false },
		{ "", "", "s=1", "", "Multipart/Form-Data; boundary=x", "",
		    false },
		{ "", "", "s=1", "", "text/plain", "", false },
		{ "", "", "s=1", "", " text/plain ; charset=utf-8", "", false },
		{ "", "", "t=" TOKEN, "", FORM, "", false },
		/* not the same */
		{ "", "", "t=" TOKEN, "", FORM, TOKEN "x", false },
		{ "", "", "t=" TOKEN "x", "", FORM, TOKEN, false },
		{ "", "", "t=" TOKEN, "", FORM, "0123456789abcdeF", false },
		{ "", "", "t=" TOKEN, "", FORM, "X123456789abcdef", false },
		{ "", "", "T=" TOKEN, "", FORM, TOKEN, false },
		/* easily guessed */
		{ "", "", "t=", "", FORM, "", false },
		{ "", "", "t=0123456789abcde", "", FORM, "0123456789abcde",
		    false },
		/* no need: nothing comes by itself, or origin.c has judged */
		{ "", "", "", "", FORM, "", true },
		{ "http://a", "", "s=1", "", FORM, "", true },
		{ "", "same-origin", "s=1", "bob", FORM, "", true },
		{ "", "", "s=1", "bob", "application/json", "", true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct form_token_source src = { table[i].origin,
			table[i].site, table[i].cookies, table[i].user,
			table[i].type };
		struct buf field = BUF_INIT;

		if (*table[i].field != '\0')
			buf_addstr(&field, table[i].field);
		if (form_token_ok(&src, "t", &field) != table[i].ok)
			fail_msg("case %zu", i);
		assert_true(form_token_ok(&src, "", &field));
		buf_fini(&field);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_foreign_form_could_send_needs_a_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
