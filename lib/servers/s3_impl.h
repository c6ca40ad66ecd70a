#ifndef LIB_SERVERS_S3_IMPL_H
#define LIB_SERVERS_S3_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/servers/s3.h"
#include "lib/servers/sigv4.h"

/* What s3.c, s3_exchange.c and s3probe.c share, and nobody else. */

/* The longest reply but for an object's bytes. */
#define S3_REPLY_MAX (1024 * 1024)

struct s3 {
	const struct conf *conf;
	const struct patience *patience;
	void *curl;
	enum failure failure;
	int64_t skew_ms;	/* server's clock minus ours; 0 until it mattered */
	int64_t failures;	/* of the current request, in a row */
	bool gone, refused;	/* the last answer was NoSuchKey; 403 */
	/* curl's message; it may be written to as long as the handle lives. */
	char why[256];
};

struct s3_upload {
	struct s3 *s3;
	char *key;
	char id[1024];
	char (*etags)[S3_ETAG_SIZE];	/* S3_PARTS_MAX of them */
	char (*crcs)[CRC32_BASE64_SIZE];	/* of the parts, too */
};

/* Host and path of an object, as the signature and the URL need them. */
struct s3_address {
	const char *scheme;
	char host[256];
	char *path;
};

/* What an exchange came to, and whether to try again. */
enum s3_verdict { S3_GOOD, S3_AGAIN, S3_GIVE_UP };

/* One request and what came of it. */
struct s3_exchange {
	const char *op, *method;
	const char *key;
	struct sigv4_pair query[2];
	size_t nquery;
	struct sigv4_pair headers[6];
	size_t nheaders;
	const void *body;
	size_t body_len;
	/* Of the whole request; 0: none, but it must not stall (see SLOW_S). */
	int64_t limit_ms;
	/* In place of s3_exchange_judge(), with this argument; NULL: that. */
	enum s3_verdict (*judge)(struct s3 *s3, struct s3_exchange *x);
	void *arg;

	struct s3_address at;
	size_t sent;
	struct buf reply;	/* max 0: s3_exchange_open() makes it */
	int curl;		/* curl's result; 0: there is an answer */
	bool no_memory, too_long;	/* what is wrong with the reply */
	int64_t length;		/* the answer's Content-Length, or -1 */
	char etag[S3_ETAG_SIZE];
	long status;
	int64_t date_ms;
	char code[64];		/* S3's name of the error, or "" */
};

/*
 * s3_address_of(conf, endpoint, key, a): endpoint is one of conf's. Path style:
 * host/bucket/key, else bucket.host/key. FAILURE_NONE, or the failure, logged; the
 * caller frees a->path.
 */
enum failure s3_address_of(const struct conf *conf, const char *endpoint,
    const char *key, struct s3_address *a);

/*
 * s3_exchange_run(s3, x): Send x, again where that may help, while the client's
 * patience lasts. Returns 0 with a good reply, else -1, logged.
 *
 * s3_exchange_open(s3, x): Find the address. Returns 0, -1 logged, with the
 * client's failure set, as all of these do.
 * s3_exchange_send(s3, x): Sign and send it once. Returns 0 with an answer, of
 * whatever status, -1 unlogged; s3_exchange_code(x) then finds x->code.
 * s3_exchange_judge(s3, x): Log what is wrong, if anything, and set the
 * client's failure.
 * s3_exchange_close(x): Free the address. The reply is the caller's.
 */
int s3_exchange_run(struct s3 *s3, struct s3_exchange *x);
int s3_exchange_open(struct s3 *s3, struct s3_exchange *x);
int s3_exchange_send(struct s3 *s3, struct s3_exchange *x);
void s3_exchange_code(struct s3_exchange *x);
enum s3_verdict s3_exchange_judge(struct s3 *s3, struct s3_exchange *x);
void s3_exchange_close(struct s3_exchange *x);

#endif
