/*
 * A page: header and compressed body. Knows no values.
 */
#include "worker/engine/parquet/page.h"

#include <stdlib.h>

#include <zstd.h>

#include "lib/base/log.h"
#include "worker/engine/parquet/thrift.h"

#define LEVEL_FAST 1
#define LEVEL_SMALL 9
/* Of compressed bytes and headers: none is kept that is larger. */
#define KEEP_BYTES ((size_t)1 << 20)
#define PAGE_MAX ((size_t)INT32_MAX)

enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };

struct pages {
	ZSTD_CCtx *zstd;
	struct buf packed, head;
};

void
pages_free(struct pages *p)
{
	if (p == NULL)
		return;
	ZSTD_freeCCtx(p->zstd);
	buf_release(&p->packed);
	buf_release(&p->head);
	free(p);
}

struct pages *
pages_new(bool small)
{
	struct pages *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	buf_init(&p->packed, PAGE_MAX);
	buf_init(&p->head, PAGE_MAX);
	p->zstd = ZSTD_createCCtx();
	if (p->zstd == NULL || ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd,
	    ZSTD_c_compressionLevel, small ? LEVEL_SMALL : LEVEL_FAST)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1))) {
		pages_free(p);
		return NULL;
	}
	return p;
}

static int
compress(struct pages *p, const struct buf *body)
{
	size_t n;

	p->packed.len = 0;
	if (buf_reserve(&p->packed, ZSTD_compressBound(body->len)) == NULL)
		return -1;
	n = ZSTD_compress2(p->zstd, p->packed.data, p->packed.cap, body->data,
	    body->len);
	if (ZSTD_isError(n)) {
		log_msg(LOG_ERROR, "slice", "zstd: %s", ZSTD_getErrorName(n));
		return -1;
	}
	p->packed.len = n;
	return 0;
}

static void
put_values(struct thrift *t, int type, uint32_t n, enum parquet_encoding encoding)
{
	thrift_open(t, type == PAGE_DATA ? 5 : 7);
	thrift_int32(t, 1, (int32_t)n);
	thrift_int32(t, 2, encoding);
	if (type == PAGE_DATA) {
		thrift_int32(t, 3, PARQUET_RLE);
		thrift_int32(t, 4, PARQUET_RLE);
	}
	thrift_close(t);
}

static int
put_page(struct pages *p, struct buf *to, const struct buf *body, int type,
    uint32_t n, enum parquet_encoding encoding, uint64_t *plain)
{
	struct thrift t;
	int rc;

	if (compress(p, body) != 0)
		return -1;
	p->head.len = 0;
	thrift_init(&t, &p->head);
	thrift_int32(&t, 1, type);
	thrift_int32(&t, 2, (int32_t)body->len);
	thrift_int32(&t, 3, (int32_t)p->packed.len);
	put_values(&t, type, n, encoding);
	thrift_close(&t);
	*plain += p->head.len + body->len;
	rc = t.failed || buf_add(to, p->head.data, p->head.len) != 0 ||
	    buf_add(to, p->packed.data, p->packed.len) != 0 ? -1 : 0;
	if (p->packed.cap > KEEP_BYTES)
		buf_release(&p->packed);
	return rc;
}

int
pages_data(struct pages *p, struct buf *to, const struct buf *body, uint32_t rows,
    enum parquet_encoding encoding, uint64_t *plain)
{
	return put_page(p, to, body, PAGE_DATA, rows, encoding, plain);
}

int
pages_dictionary(struct pages *p, struct buf *to, const struct buf *body,
    uint32_t values, uint64_t *plain)
{
	return put_page(p, to, body, PAGE_DICTIONARY, values, PARQUET_PLAIN, plain);
}
