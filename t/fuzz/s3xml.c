/* The first byte chooses the tag, the second the room, the rest is the reply. */
#include "lib/servers/s3xml.h"

#include <string.h>

#include "t/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const tags[] = { "Code", "ETag", "UploadId", "Error",
	    "A", "Message", "CompleteMultipartUploadResult", "Key" };
	const char *tag, *body;
	size_t size, n;
	char *out;
	int rc;

	if (len < 2)
		return 0;
	tag = tags[data[0] % 8];
	size = data[1];
	body = (const char *)data + 2;
	len -= 2;
	if ((out = malloc(size + 1)) == NULL)
		return 0;
	rc = s3xml_text(body, len, tag, out, size);
	CHECK(rc == 0 || rc == -1);
	if (rc == 0) {
		n = strnlen(out, size);
		/* From an encoding of one byte a character may become two. */
		CHECK(n < size && n <= 2 * len);
		CHECK(s3xml_has(body, len, tag) != 0);
	} else if (size > 0) {
		/* More room never makes it fail. */
		CHECK(s3xml_text(body, len, tag, out, size - 1) == -1);
	}
	free(out);
	return 0;
}
