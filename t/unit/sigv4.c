/*
 * Vectors: t/data/sigv4.json, derived by t/data/sigv4.py, which asserts the
 * signatures that Amazon publishes for the first five.
 */
#include "lib/servers/sigv4.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "t/tap.h"
#include "lib/base/buf.h"

#define VECTORS "t/data/sigv4.json"

static const char *
text_of(struct json_object *v, const char *name)
{
	return json_object_get_string(json_object_object_get(v, name));
}

static int64_t
int_of(struct json_object *v, const char *name)
{
	return json_object_get_int64(json_object_object_get(v, name));
}

static size_t
pairs_of(struct json_object *list, struct sigv4_pair *pairs)
{
	size_t i, n = list != NULL ? json_object_array_length(list) : 0;
	struct json_object *pair;

	for (i = 0; i < n; i++) {
		pair = json_object_array_get_idx(list, i);
		pairs[i].name = json_object_get_string(
		    json_object_array_get_idx(pair, 0));
		pairs[i].value = json_object_get_string(
		    json_object_array_get_idx(pair, 1));
	}
	return n;
}

/* get(text, name, value): The value of name=... up to a comma or the end. */
static const char *
get(const char *text, const char *name, char value[256])
{
	const char *p = strstr(text, name);
	size_t n;

	if (p == NULL)
		return NULL;
	p += strlen(name);
	if ((n = strcspn(p, ",")) > 255)
		n = 255;
	memcpy(value, p, n);
	value[n] = '\0';
	return value;
}

static void
check_authorization(struct json_object *v, const struct sigv4_key *key,
    const struct sigv4_request *req)
{
	const char *name = text_of(v, "name");
	char value[256];
	struct buf out;
	char *text;

	buf_init(&out, 4096);
	if (sigv4_authorization(key, req, text_of(v, "payload"),
	    int_of(v, "t_ms"), &out) != 0 || (text = buf_cstr(&out)) == NULL) {
		ok(0, "%s: signed", name);
		buf_release(&out);
		return;
	}
	ok(strncmp(text, "AWS4-HMAC-SHA256 ", 17) == 0, "%s: algorithm", name);
	is_str(get(text, "Credential=", value), text_of(v, "credential"),
	    "%s: credential", name);
	is_str(get(text, "SignedHeaders=", value), text_of(v, "signed"),
	    "%s: signed headers", name);
	is_str(get(text, "Signature=", value), text_of(v, "signature"),
	    "%s: signature", name);
	ok(strstr(text, key->secret) == NULL, "%s: no secret in it", name);
	buf_release(&out);

	buf_init(&out, 4096);
	if (sigv4_target(req->path, req->query, req->nquery, &out) != 0)
		out.len = 0;
	is_str(buf_cstr(&out), text_of(v, "target"), "%s: target", name);
	buf_release(&out);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of a link's parameters is free: they are compared as a set. */
static void
check_presigned(struct json_object *v, const struct sigv4_key *key,
    const struct sigv4_request *req)
{
	struct json_object *list = json_object_object_get(v, "parameters");
	const char *name = text_of(v, "name"), *base = text_of(v, "base");
	size_t n = 0, i, expected = json_object_array_length(list);
	char *parts[64], *text, *p, *save = NULL;
	struct buf out;

	buf_init(&out, 4096);
	if (sigv4_presign(key, text_of(v, "scheme"), req, int_of(v, "t_ms"),
	    int_of(v, "expires"), &out) != 0 ||
	    (text = buf_cstr(&out)) == NULL) {
		ok(0, "%s: signed", name);
		buf_release(&out);
		return;
	}
	ok(strncmp(text, base, strlen(base)) == 0 &&
	    text[strlen(base)] == '?', "%s: begins with %s", name, base);
	ok(strchr(text, '#') == NULL && strchr(text, ' ') == NULL,
	    "%s: a URL", name);
	ok(strstr(text, key->secret) == NULL, "%s: no secret in it", name);
	p = strchr(text, '?');
	for (p = strtok_r(p + 1, "&", &save); p != NULL && n < 64;
	    p = strtok_r(NULL, "&", &save))
		parts[n++] = p;
	qsort(parts, n, sizeof(parts[0]), by_text);
	is_int((int64_t)n, (int64_t)expected, "%s: parameters", name);
	for (i = 0; i < n && i < expected; i++)
		is_str(parts[i], json_object_get_string(
		    json_object_array_get_idx(list, i)), "%s: parameter %zu",
		    name, i);
	buf_release(&out);
}

static void
check_vector(struct json_object *v)
{
	struct sigv4_pair query[SIGV4_PAIRS_MAX], headers[SIGV4_PAIRS_MAX];
	struct sigv4_key key = {
		text_of(v, "access"), text_of(v, "secret"),
		text_of(v, "region"), "s3", text_of(v, "token")
	};
	struct sigv4_request req = {
		.method = text_of(v, "method"), .host = text_of(v, "host"),
		.path = text_of(v, "path"), .query = query, .headers = headers
	};

	req.nquery = pairs_of(json_object_object_get(v, "query"), query);
	req.nheaders = pairs_of(json_object_object_get(v, "headers"), headers);
	if (strcmp(text_of(v, "kind"), "presigned") == 0)
		check_presigned(v, &key, &req);
	else
		check_authorization(v, &key, &req);
}

static void
test_date(void)
{
	static const struct {
		int64_t t_ms;
		const char *date;
	} rows[] = {
		{ 0, "19700101T000000Z" },
		{ 1369353600000, "20130524T000000Z" },
		{ 1369353600999, "20130524T000000Z" },
		{ 1543622399999, "20181130T235959Z" },
		{ 951782400000, "20000229T000000Z" },
		{ 4102444800000, "21000101T000000Z" },
	};
	char date[SIGV4_DATE_SIZE];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sigv4_date(rows[i].t_ms, date);
		is_str(date, rows[i].date, "date %" PRId64, rows[i].t_ms);
	}
}

#define EMPTY \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void
test_limits(void)
{
	static const struct sigv4_key key = { "A", "S", "us-east-1", "s3", "T" };
	struct sigv4_pair pairs[SIGV4_PAIRS_MAX + 1];
	char names[SIGV4_PAIRS_MAX + 1][16], long_path[2002];
	struct sigv4_request req = { "GET", "h", "/", NULL, 0, NULL, 0 };
	struct buf out;
	size_t i, full, n = SIGV4_PAIRS_MAX;

	for (i = 0; i <= n; i++) {
		snprintf(names[i], sizeof(names[i]), "x-%02zu", i);
		pairs[i].name = names[i];
		pairs[i].value = "v";
	}
	buf_init(&out, 65536);
	req.query = pairs;
	req.nquery = n + 1;
	ok(sigv4_authorization(&key, &req, EMPTY, 0, &out) == -1,
	    "17 pairs in a query: authorization");
	ok(sigv4_presign(&key, "http", &req, 0, 1, &out) == -1,
	    "17 pairs in a query: link");
	ok(sigv4_target("/", pairs, n + 1, &out) == -1,
	    "17 pairs in a query: target");
	req.nquery = n;
	ok(sigv4_authorization(&key, &req, EMPTY, 0, &out) == 0,
	    "16 pairs in a query: authorization");
	ok(sigv4_target("/", pairs, n, &out) == 0,
	    "16 pairs in a query: target");
	ok(sigv4_presign(&key, "http", &req, 0, 1, &out) == 0,
	    "16 pairs in a query: link");
	req.nquery = 0;
	req.headers = pairs;
	req.nheaders = n + 1;
	ok(sigv4_authorization(&key, &req, EMPTY, 0, &out) == -1,
	    "17 headers");
	req.nheaders = n;
	ok(sigv4_authorization(&key, &req, EMPTY, 0, &out) == 0,
	    "16 headers");
	req.nheaders = 0;

	memset(long_path, 'p', sizeof(long_path));
	long_path[0] = '/';
	long_path[2001] = '\0';
	req.path = long_path;
	buf_release(&out);
	buf_init(&out, 65536);
	ok(sigv4_authorization(&key, &req, EMPTY, 0, &out) == 0,
	    "a path of 2,001 bytes");
	full = out.len;
	buf_release(&out);
	buf_init(&out, 65536);
	ok(buf_adds(&out, "before ") == 0 &&
	    sigv4_authorization(&key, &req, EMPTY, 0, &out) == 0 &&
	    out.len == full + 7 && memcmp(out.data, "before AWS4", 11) == 0,
	    "it appends");
	buf_release(&out);
	for (i = 0; i < full; i++) {
		buf_init(&out, i);
		if (sigv4_authorization(&key, &req, EMPTY, 0, &out) != -1)
			break;
		buf_release(&out);
	}
	ok(i == full, "-1 where out has no room, at each size");
}

int
main(void)
{
	struct json_object *vectors = json_object_from_file(VECTORS);
	size_t i;

	ok(vectors != NULL && json_object_array_length(vectors) > 20, VECTORS);
	for (i = 0; vectors != NULL && i < json_object_array_length(vectors);
	    i++)
		check_vector(json_object_array_get_idx(vectors, i));
	json_object_put(vectors);
	test_date();
	test_limits();
	return done_testing();
}
