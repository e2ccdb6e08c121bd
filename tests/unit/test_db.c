/*
 * test_db.c - connection strings, and what may be shown of them.
 */
#include "unit.h"

#include "pg/db.h"
#include "base/util.h"

#define NOT_SHOWN "(malformed, not shown)"

static void
passwords_are_not_shown(void **state)
{
	static const struct {
		const char *conninfo, *shown;
	} cases[] = {
		{ "", "" },
		{ "shop", "shop" },
		{ "service=shop", "service=shop" },
		{ "host=/run/pg  dbname='my shop'",
		    "host=/run/pg  dbname='my shop'" },
		{ "postgresql://ann@db.example/shop?sslmode=require",
		    "postgresql://ann@db.example/shop?sslmode=require" },
		{ "user=ann password=pw", "user=ann password=***" },
		{ "user = ann password = 'p w'", "user=ann password=***" },
		{ "password='' user=ann", "user=ann password=***" },
		{ "sslkey=k sslpassword=pw", "sslkey=k sslpassword=***" },
		{ "postgres://ann:pw@/shop",
		    "user=ann password=*** dbname=shop" },
		{ "postgresql:///shop?password=pw",
		    "password=*** dbname=shop" },
		{ "postgresql:///shop?sslpassword=pw",
		    "dbname=shop sslpassword=***" },
		{ "password=pw dbname='it\\'s \\\\'",
		    "password=*** dbname='it\\'s \\\\'" },
		{ "password=pw host=@abstract,@other",
		    "password=*** host=@abstract,@other" },
		/* What libpq does not understand may be a password. */
		{ "password=p w", NOT_SHOWN },
		{ "password='pw", NOT_SHOWN },
		{ "secret=x", NOT_SHOWN },
		{ "postgre://ann:pw@host/shop", NOT_SHOWN },
		{ "postgres://ann:p@w@host/shop", NOT_SHOWN },
		{ "postgres://ann:p/w@host/shop", NOT_SHOWN },
		{ "postgres://ann:pw@[host/shop", NOT_SHOWN },
		{ "ann:pw@host", NOT_SHOWN },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT, err = BUF_INIT;

		db_add_conninfo(&b, cases[i].conninfo);
		assert_string_equal(b.data, cases[i].shown);
		buf_fini(&b);
		if (strcmp(cases[i].shown, NOT_SHOWN) != 0)
			continue;
		assert_null(db_connect(cases[i].conninfo, "test", &err));
		assert_non_null(strstr(err.data, "malformed"));
		buf_fini(&err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
