/*
 * The first byte chooses the text, INI, JSON or XML; the rest is it. What is taken may
 * go into a header; what is refused leaves nothing.
 */
#include "lib/servers/credential.h"

#include <string.h>

#include "t/fuzz/fuzz.h"

static void
check_text(const char *text, size_t max, size_t min)
{
	const size_t len = strnlen(text, max + 1);
	size_t i;

	CHECK(len >= min && len <= max);
	for (i = 0; i < len; i++)
		CHECK(text[i] > ' ' && text[i] <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct credential empty;
	struct credential c;
	const char *text, *wrong;

	if (len < 1)
		return 0;
	text = (const char *)data + 1;
	len--;
	wrong = data[0] % 3 == 0 ? credential_ini(text, len, "default", &c) :
	    data[0] % 3 == 1 ? credential_json(text, len, &c) :
	    credential_sts(text, len, &c);
	if (wrong != NULL) {
		CHECK(wrong[0] != '\0' && memcmp(&c, &empty, sizeof(c)) == 0);
		return 0;
	}
	check_text(c.access, CREDENTIAL_ACCESS_MAX, 1);
	check_text(c.secret, CREDENTIAL_SECRET_MAX, 1);
	check_text(c.token, CREDENTIAL_TOKEN_MAX, 0);
	CHECK(c.expires_ms >= 0);
	return 0;
}
