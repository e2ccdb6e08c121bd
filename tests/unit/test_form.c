/*
 * test_form.c - the fields of a form, in both encodings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/form.h"

#define MULTIPART  "multipart/form-data; boundary=X"
#define PART(name) "--X\r\nContent-Disposition: form-data; name=\"" name "\""

/* The body is copied to the byte, so that a sanitizer sees a read too far. */
static enum form_result
parse(struct query *p, const char *type, const char *body, size_t n,
    const char **why)
{
	enum form_result rc;
	char *exact = malloc(n > 0 ? n : 1);

	assert_non_null(exact);
	memcpy(exact, body, n);
	query_init(p);
	rc = form_parse(p, type, exact, n, why);
	free(exact);
	return rc;
}

static void
test_form_fields(void **state)
{
	static const struct {
		const char *type, *body, *out;
	} table[] = {
		{ "application/x-www-form-urlencoded", "a=1&b=2", "a=1;b=2;" },
		{ "application/x-www-form-urlencoded; charset=UTF-8", "a=1",
		    "a=1;" },
		{ "application/x-www-form-urlencoded", "", "" },
		{ MULTIPART, PART("a") "\r\n\r\n1\r\n--X--\r\n", "a=1;" },
		{ MULTIPART, PART("a") "\r\n\r\n1\r\n--X--", "a=1;" },
		{ MULTIPART, PART("a") "\r\n\r\n\r\n--X--", "a=;" },
		{ MULTIPART,
		    PART("a") "\r\n\r\n1\r\n" PART("a") "\r\n\r\n2\r\n--X--",
		    "a=1;a=2;" },
		{ MULTIPART, "--X--\r\n", "" },
		{ "Multipart/Form-Data; charset=utf-8; boundary=\"a b\"",
		    "--a b\r\ncontent-disposition:form-data;name=a\r\n"
		    "\r\n1\r\n--a b--",
		    "a=1;" },
		/* preamble, padding, epilogue */
		{ MULTIPART,
		    "hello\r\n" PART("a") "\r\n\r\n1\r\n--X \t\r\n"
					  "Content-Disposition: form-data; "
					  "name=b\r\n\r\n2\r\n--X--\r\n"
					  "--X\r\nbye",
		    "a=1;b=2;" },
		/* other headers, a file */
		{ MULTIPART,
		    PART("a") "; filename=\"x.txt\"\r\nContent-Type: "
			      "text/csv\r\n"
			      "Content-Transfer-Encoding: binary\r\nX-Y: "
			      "z\r\n\r\n"
			      "1,2\r\n3\r\n--X--",
		    "a=1,2\r\n3;" },
		/* lines that only look like a delimiter */
		{ MULTIPART, PART("a") "\r\n\r\n--X\r\n--X--", NULL },
		{ MULTIPART, PART("a") "\r\n\r\n--Xy\r\n--X-\r\nz--X\r\n--X--",
		    "a=--Xy\r\n--X-\r\nz--X;" },
		{ MULTIPART, PART("a") "\r\n\r\n1\n--X\r\n2\r\n--X--",
		    "a=1\n--X\r\n2;" },
		/* names as browsers and others quote them */
		{ MULTIPART, PART("a%22%0D%0A%20%0db") "\r\n\r\n1\r\n--X--",
		    "a\"\r\n%20%0db=1;" },
		{ MULTIPART,
		    PART("App\\Model\\User[title]") "\r\n\r\n1\r\n--X--",
		    "App\\Model\\User[title]=1;" },
		{ MULTIPART, PART("a\\") "\r\n\r\n1\r\n--X--", "a\\=1;" },
		{ MULTIPART,
		    "--X\r\nContent-Disposition: form-data; "
		    "filename=\"x\\\"; name=\"f\"\r\n\r\n1\r\n--X--",
		    "f=1;" },
		{ MULTIPART,
		    "--X\r\nContent-Disposition: form-data; filename=\"; "
		    "name=g\" ; NAME = f ; x\r\n\r\n1\r\n--X--",
		    "f=1;" },
		{ MULTIPART, PART("a;b=c") "; filename=\"\"\r\n\r\n1\r\n--X--",
		    "a;b=c=1;" },
		{ MULTIPART, PART("a\"b") "\r\n\r\n1\r\n--X--", NULL },
		{ MULTIPART, PART("a\\\"b") "\r\n\r\n1\r\n--X--", NULL },
		{ MULTIPART, PART("a") "; name=\"b\"\r\n\r\n1\r\n--X--", NULL },
		{ MULTIPART,
		    "--X\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1"
		    "\r\n--X--",
		    NULL },
		{ MULTIPART, PART("") "\r\n\r\n1\r\n--X--", "=1;" },
		/* malformed: NULL */
		{ MULTIPART, "", NULL },
		{ MULTIPART, "--X", NULL },
		{ MULTIPART, "--X-", NULL },
		{ MULTIPART, "--X\r\n", NULL },
		{ MULTIPART, "--X\r\n--X--", NULL },
		{ MULTIPART, "--X\r\n\r\n--X--", NULL },
		{ MULTIPART, "--X\r\n\r\n1\r\n--X--", NULL },
		{ MULTIPART, " --X--", NULL },
		{ MULTIPART, PART("a") "\r\n--X--", NULL },
		{ MULTIPART, PART("a") "\r\n\r\n--X--", NULL },
		{ MULTIPART, PART("a") "\r\n\r\n1", NULL },
		{ MULTIPART, PART("a") "\r\n\r\n1\r\n--X", NULL },
		{ MULTIPART, PART("a") "\r\n\r\n1\r\n--Y--", NULL },
		{ MULTIPART, PART("a") "\r\nnonsense\r\n\r\n1\r\n--X--", NULL },
		{ MULTIPART,
		    "--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--",
		    NULL },
		{ MULTIPART,
		    "--X\r\nContent-Disposition: attachment; "
		    "name=a\r\n\r\n1\r\n"
		    "--X--",
		    NULL },
		{ MULTIPART,
		    PART("a") "\r\nContent-Disposition: form-data; name=b\r\n"
			      "\r\n1\r\n--X--",
		    NULL },
		{ MULTIPART,
		    PART("a") "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
			      "MQ==\r\n--X--",
		    NULL },
		{ "multipart/form-data", "--X--", NULL },
		{ "multipart/form-data; boundary=", "--\r\n", NULL },
		{ "multipart/form-data; boundary="
		  "12345678901234567890123456789012345"
		  "678901234567890123456789012345678901",
		    "--X--", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf out = BUF_INIT;
		const char *why;
		struct query p;
		enum form_result rc = parse(&p, table[i].type, table[i].body,
		    strlen(table[i].body), &why);

		if (rc != (table[i].out != NULL ? FORM_OK : FORM_MALFORMED))
			fail_msg("result %d (%s) for %s", (int)rc,
			    why != NULL ? why : "-", table[i].body);
		assert_int_equal(why != NULL, rc == FORM_MALFORMED);
		buf_addstr(&out, "");
		for (size_t k = 0; k < p.n; k++)
			buf_addf(
			    &out, "%s=%s;", p.item[k].name, p.item[k].value);
		if (table[i].out != NULL)
			assert_string_equal(out.data, table[i].out);
		query_fini(&p);
		buf_fini(&out);
	}
}

static void
test_what_is_no_utf8_form(void **state)
{
	static const struct {
		const char *type, *body;
		enum form_result rc;
	} table[] = {
		{ "", "", FORM_OTHER_TYPE },
		{ "text/plain", "a=1", FORM_OTHER_TYPE },
		{ "application/json", "{}", FORM_OTHER_TYPE },
		{ "multipart/mixed; boundary=X", "--X--", FORM_OTHER_TYPE },
		{ "application/x-www-form-urlencoded; charset=latin1", "a=1",
		    FORM_BAD_CHARSET },
		{ MULTIPART "; charset=utf-16", "--X--", FORM_BAD_CHARSET },
		{ MULTIPART,
		    PART("a") "\r\nContent-Type: text/plain; charset=latin1\r\n"
			      "\r\n1\r\n--X--",
		    FORM_BAD_CHARSET },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *why;
		struct query p;

		assert_int_equal(parse(&p, table[i].type, table[i].body,
				     strlen(table[i].body), &why),
		    table[i].rc);
		query_fini(&p);
	}
}

/* Every byte, CR LF pairs and NULs, arrives as it was sent. */
static void
test_multipart_is_binary_safe(void **state)
{
	static const char head[] = PART("f") "; filename=x\r\n\r\n";
	static const char tail[] = "\r\n--X--\r\n";
	char data[2048];
	struct buf body = BUF_INIT;
	const char *why;
	struct query p;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 / 5);
	memcpy(data + 100, "\r\n\r\n--X\r--\0", 11);
	buf_addstr(&body, head);
	buf_add(&body, data, sizeof(data));
	buf_addstr(&body, tail);
	assert_int_equal(
	    parse(&p, MULTIPART, body.data, body.len, &why), FORM_OK);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.item[0].value_len, sizeof(data));
	assert_memory_equal(p.item[0].value, data, sizeof(data));
	query_fini(&p);

	/* ... but not in the head of a part. */
	body.data[strlen(head) - 5] = '\0';
	assert_int_equal(
	    parse(&p, MULTIPART, body.data, body.len, &why), FORM_MALFORMED);
	query_fini(&p);
	buf_fini(&body);
}

/* However a form is cut short, it is refused; none reads too far. */
static void
test_a_form_cut_short_is_refused(void **state)
{
	static const char body[] = "pre\r\n" PART("a") "\r\n\r\n1\r\n" PART(
	    "b") "; filename=c\r\nContent-Type: x/y\r\n\r\n2\r\n--X--";
	const char *why;
	struct query p;

	for (size_t n = 0; n < sizeof(body) - 1; n++) {
		assert_int_equal(
		    parse(&p, MULTIPART, body, n, &why), FORM_MALFORMED);
		query_fini(&p);
	}
	assert_int_equal(
	    parse(&p, MULTIPART, body, sizeof(body) - 1, &why), FORM_OK);
	assert_int_equal(p.n, 2);
	query_fini(&p);
}

static void
test_parts_have_a_limit(void **state)
{
	struct buf body = BUF_INIT;
	const char *why;
	struct query p;

	for (int i = 0; i < PARAMS_MAX + 1; i++)
		buf_addstr(&body, PART("a") "\r\n\r\n1\r\n");
	buf_addstr(&body, "--X--");
	assert_int_equal(
	    parse(&p, MULTIPART, body.data, body.len, &why), FORM_TOO_MANY);
	query_fini(&p);
	buf_fini(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form_fields),
		cmocka_unit_test(test_what_is_no_utf8_form),
		cmocka_unit_test(test_multipart_is_binary_safe),
		cmocka_unit_test(test_a_form_cut_short_is_refused),
		cmocka_unit_test(test_parts_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
