/* Entries of exports.parameters: what of them is used, lib/jobs/parameters.h. */
#include "lib/jobs/parameters.h"

#include <stdlib.h>

#include <bson/bson.h>

#include "t/tap.h"

#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* An entry, what of it is known, and which member cannot be used. */
static const struct {
	const char *json, *known, *wrong;
} rows[] = {
	{ "{\"_id\":\"speed\"}", "speed - - -1", NULL },
	{ "{\"_id\":\"speed\",\"unit\":\"km/h\",\"label\":\"How fast\",\"decimals\":1}",
	    "speed km/h How fast 1", NULL },
	{ "{\"decimals\":0,\"label\":\"\xc3\xa4\",\"_id\":\"a\"}", "a - \xc3\xa4 0", NULL },
	{ "{\"_id\":\"a\",\"decimals\":{\"$numberLong\":\"20\"}}", "a - - 20", NULL },
	{ "{\"_id\":\"a\",\"decimals\":2.0}", "a - - 2", NULL },
	{ "{\"_id\":\"a\",\"decimals\":2.5}", "a - - -1", "decimals" },
	{ "{\"_id\":\"a\",\"decimals\":21}", "a - - -1", "decimals" },
	{ "{\"_id\":\"a\",\"decimals\":-1}", "a - - -1", "decimals" },
	{ "{\"_id\":\"a\",\"decimals\":1e300}", "a - - -1", "decimals" },
	{ "{\"_id\":\"a\",\"decimals\":{\"$numberDouble\":\"NaN\"}}", "a - - -1", "decimals" },
	{ "{\"_id\":\"a\",\"decimals\":\"1\"}", "a - - -1", "decimals" },
	{ "{\"_id\":\"a\",\"unit\":\"\",\"label\":\"b\"}", "a - b -1", "unit" },
	{ "{\"_id\":\"a\",\"unit\":7,\"label\":null}", "a - - -1", "unit" },
	{ "{\"_id\":\"a\",\"unit\":\"m\\n\",\"decimals\":1}", "a - - 1", "unit" },
	{ "{\"_id\":\"a\",\"unit\":\"m\\u0000s\"}", "a - - -1", "unit" },
	{ "{\"_id\":\"a\",\"unit\":\"" HUNDRED HUNDRED "\"}", "a " HUNDRED HUNDRED " - -1",
	    NULL },
	{ "{\"_id\":\"a\",\"label\":\"" HUNDRED HUNDRED "a\"}", "a - - -1", "label" },
	{ "{\"_id\":\"a\",\"color\":7}", "a - - -1", NULL },
	{ "{\"_id\":7,\"unit\":\"m\"}", NULL, "_id" },
	{ "{\"_id\":\"\"}", NULL, "_id" },
	{ "{\"_id\":\"a\\u0000\"}", NULL, "_id" },
	{ "{\"_id\":\"a\\tb\"}", NULL, "_id" },
	{ "{\"_id\":\"" HUNDRED HUNDRED HUNDRED "\"}", NULL, "_id" },
	{ "{\"unit\":\"m\"}", NULL, NULL },
};

static void
add(struct parameters *p, const char *json, const char **wrong)
{
	bson_error_t error;
	bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);

	if (doc == NULL || parameters_add(p, doc, wrong) != 0)
		abort();
	bson_destroy(doc);
}

static void
test_entries(void)
{
	struct parameters p = { 0 };
	const char *wrong;
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add(&p, rows[i].json, &wrong);
		if (p.n == 1)
			snprintf(text, sizeof(text), "%s %s %s %d", p.v[0].name,
			    p.v[0].unit != NULL ? p.v[0].unit : "-",
			    p.v[0].label != NULL ? p.v[0].label : "-", p.v[0].decimals);
		is_str(p.n == 1 ? text : NULL, rows[i].known, "%.60s", rows[i].json);
		is_str(wrong, rows[i].wrong, "what of it cannot be used");
		parameters_release(&p);
	}
}

static void
test_get(void)
{
	struct parameters p = { 0 };
	const char *wrong;
	char json[64];
	int i, found = 0;

	is_int(parameters_get(&p, "a") == NULL, 1, "of none, nothing");
	for (i = 100; i < 400; i++) {
		snprintf(json, sizeof(json), "{\"_id\":\"p%d\",\"unit\":\"u%d\"}", i, i);
		add(&p, json, &wrong);
	}
	for (i = 100; i < 400; i++) {
		const struct parameter *one;

		snprintf(json, sizeof(json), "p%d", i);
		one = parameters_get(&p, json);
		found += one != NULL && strcmp(one->unit + 1, json + 1) == 0;
	}
	is_int(found, 300, "each of 300");
	is_int(parameters_get(&p, "p") == NULL && parameters_get(&p, "p4000") == NULL, 1,
	    "and no other");
	parameters_release(&p);
	is_int((int64_t)p.n, 0, "released");
}

int
main(void)
{
	test_entries();
	test_get();
	return done_testing();
}
