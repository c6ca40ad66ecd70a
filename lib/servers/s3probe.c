/*
 * Which of S3's rights we have, found out by trying each once with a key that
 * nobody uses. For --check only; an export never comes here.
 */
#include "lib/servers/s3probe.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/servers/s3.h"
#include "lib/servers/s3_impl.h"
#include "lib/servers/s3xml.h"

#define CHECK_KEY "exports/check"
#define CHECK_FRAGMENT "units/check"
#define ABORT_MS 20000

static const struct {
	const char *method, *key;
	struct sigv4_pair query[2];
	size_t nquery;
} probes[] = {
	[S3_GET] = { "GET", CHECK_KEY, { { NULL, NULL } }, 0 },
	[S3_UPLOAD] = { "POST", CHECK_KEY, { { "uploads", "" } }, 1 },
	[S3_DELETE] = { "DELETE", CHECK_KEY, { { NULL, NULL } }, 0 },
	[S3_LIST] = { "GET", "", { { "list-type", "2" }, { "max-keys", "1" } },
	    2 },
	[S3_GET_FRAGMENT] = { "GET", CHECK_FRAGMENT, { { NULL, NULL } }, 0 },
	[S3_DELETE_FRAGMENT] = { "DELETE", CHECK_FRAGMENT, { { NULL, NULL } }, 0 },
};

/* Abort the upload that the probe started. */
static void
abort_probe(struct s3 *s3, const struct s3_exchange *x)
{
	char key[] = CHECK_KEY;
	struct s3_upload u = { .s3 = s3, .key = key };

	if (s3xml_text((char *)x->reply.data, x->reply.len, "UploadId", u.id,
	    sizeof(u.id)) == 0)
		s3_abort(&u, ABORT_MS);
}

/* Send it once: 1, 0 or -1, as s3_probe() returns. */
static int
probe_allowed(struct s3 *s3, struct s3_exchange *x)
{
	const bool answered = s3_exchange_send(s3, x) == 0;

	if (answered)
		s3_exchange_code(x);
	if (answered && ((x->status >= 200 && x->status < 300) ||
	    (x->status == 404 && strcmp(x->code, "NoSuchBucket") != 0)))
		return 1;
	if (answered && strcmp(x->code, "AccessDenied") == 0)
		return 0;
	s3_exchange_judge(s3, x);
	return -1;
}

int
s3_probe(struct s3 *s3, enum s3_right right)
{
	struct s3_exchange x = { .op = "s3_check",
	    .method = probes[right].method, .key = probes[right].key,
	    .nquery = probes[right].nquery };
	int may;

	memcpy(x.query, probes[right].query, sizeof(x.query));
	if (s3_exchange_open(s3, &x) != 0)
		return -1;
	may = probe_allowed(s3, &x);
	if (may == 1 && right == S3_UPLOAD)
		abort_probe(s3, &x);
	s3_exchange_close(&x);
	buf_release(&x.reply);
	return may;
}
