/* What is taken formats, and the text reads back to the same ms. */
#include "lib/base/timestamp.h"

#include <string.h>

#include "t/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int64_t t_ms = -77, again = -77;
	char text[TIMESTAMP_SIZE];

	if (timestamp_parse((const char *)data, len, &t_ms) == 0) {
		CHECK(t_ms >= 0 && t_ms <= TIMESTAMP_MAX_MS);
		CHECK(len >= 10 && len <= 35);
		CHECK(timestamp_format(t_ms, text) == 24);
		CHECK(timestamp_parse(text, 24, &again) == 0);
		CHECK(again == t_ms);
		/* In UTC and of whole ms it is the text itself. */
		if (len == 24 && (data[23] == 'Z' || data[23] == 'z'))
			CHECK(memcmp(text, data, 10) == 0 &&
			    memcmp(text + 11, data + 11, 12) == 0);
		else if (len == 10)
			CHECK(memcmp(text, data, 10) == 0);
	} else {
		CHECK(t_ms == -77);
	}
	if (len >= sizeof(t_ms)) {
		memcpy(&t_ms, data, sizeof(t_ms));
		CHECK(timestamp_format(t_ms, text) == 24);
		CHECK(strlen(text) == 24 && text[23] == 'Z');
		if (timestamp_parse(text, 24, &again) == 0 && t_ms >= 0)
			CHECK(again == t_ms);
	}
	return 0;
}
