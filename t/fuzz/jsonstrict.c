/* What jsonstrict_check() takes, json-c takes too, with the same number of members. */
#include "lib/base/jsonstrict.h"

#include <string.h>

#include <json-c/json.h>

#include "lib/base/utf8.h"

#include "t/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error error;
	const char *wrong;
	size_t members = 12345, again, joined;
	char *text;

	wrong = jsonstrict_check((const char *)data, len, &members);
	if (wrong != NULL) {
		CHECK(wrong[0] != '\0');
		return 0;
	}
	CHECK(members != 12345 || len > 12345);
	CHECK(utf8_valid((const char *)data, len));
	CHECK(memchr(data, 0, len) == NULL);

	/* json-c ends a number at the NUL only. */
	if ((text = malloc(len + 1)) == NULL ||
	    (tok = json_tokener_new_ex(JSONSTRICT_DEPTH_MAX + 1)) == NULL)
		abort();
	joined = jsonstrict_join((const char *)data, len, text);
	CHECK(joined <= len);
	CHECK(jsonstrict_check(text, joined, &again) == NULL);
	CHECK(again == members);
	len = joined;
	text[len] = '\0';
	/* As fcgi/spec.c: strict, json-c 0.17 refuses long numbers and letters beyond ASCII. */
	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len + 1);
	error = json_tokener_get_error(tok);
	CHECK(error == json_tokener_success);
	if (json_object_is_type(o, json_type_object))
		CHECK((size_t)json_object_object_length(o) <= members);
	else
		CHECK(members == 0);
	json_object_put(o);
	json_tokener_free(tok);
	free(text);
	return 0;
}
