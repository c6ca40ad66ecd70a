/*
 * Cuts an hour document in time, BSON to BSON, so that the documents of an hour
 * fit into memory part by part. Follows unwind.c in what is a point; whatever is
 * none goes with the first part.
 */
#include "worker/engine/decode/cut.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/utf8.h"
#include "worker/engine/decode/document.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"

struct cutter {
	int64_t from_ms, to_ms;
	bool first;
	struct buf *out;
};

static void
set_le32(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

/* A document begins: room for its length. Returns where, or -1. */
static int
open_document(struct buf *b, size_t *at)
{
	*at = b->len;
	return buf_add(b, "\0\0\0\0", 4);
}

static int
close_document(struct buf *b, size_t at)
{
	if (buf_add(b, "", 1) != 0)
		return -1;
	set_le32(b->data + at, b->len - at);
	return 0;
}

/* The values document of a level: the last element of that name. */
static const uint8_t *
values_of(const uint8_t *level)
{
	const uint8_t *at = document_first(level), *values = NULL;
	struct element e;

	while (document_next(&at, &e) == 0)
		if (strcmp(e.key, "values") == 0)
			values = e.type == ELEMENT_DOCUMENT ? e.value : NULL;
	return values;
}

static bool
is_point(const struct element *e)
{
	switch (e->type) {
	case LEAF_INT32:
	case LEAF_INT64:
	case LEAF_DOUBLE:
	case LEAF_BOOL:
	case LEAF_DECIMAL128:
		return true;
	case LEAF_STRING:
		/* Without the int32 length and the NUL. */
		return utf8_valid((const char *)e->value + 4,
		    e->value_len - 5);
	default:
		return false;
	}
}

static int cut_values(const struct cutter *c, const uint8_t *values,
    int64_t t_ms);

/*
 * An element of a values document, whose bytes begin at `from`; t_ms: the path
 * down to it. A lower level of which nothing is left is left out.
 */
static int
cut_element(const struct cutter *c, const uint8_t *from,
    const struct element *e, int64_t t_ms)
{
	const size_t whole = (size_t)(e->value + e->value_len - from);
	const size_t before = c->out->len;
	const uint8_t *values = NULL;
	size_t level, empty;

	if (e->type == ELEMENT_DOCUMENT &&
	    (values = values_of(e->value)) != NULL) {
		if (buf_add(c->out, from, whole - e->value_len) != 0 ||
		    open_document(c->out, &level) != 0)
			return -1;
		empty = c->out->len;
		if (cut_values(c, values, t_ms) != 0)
			return -1;
		if (c->out->len > empty)
			return close_document(c->out, level);
		c->out->len = before;
		return 0;
	}
	if (is_point(e) ? t_ms < c->from_ms || t_ms >= c->to_ms : !c->first)
		return 0;
	return buf_add(c->out, from, whole);
}

/* Append "values" with what is left of it; nothing if nothing is. */
static int
cut_values(const struct cutter *c, const uint8_t *values, int64_t t_ms)
{
	const size_t before = c->out->len;
	const uint8_t *at = document_first(values), *from = at;
	int64_t key;
	struct element e;
	size_t begin, empty;

	if (buf_add(c->out, "\x03values", 8) != 0 ||
	    open_document(c->out, &begin) != 0)
		return -1;
	empty = c->out->len;
	for (; document_next(&at, &e) == 0; from = at) {
		if ((key = unwind_key(&e)) < 0) {
			if (c->first && buf_add(c->out, from,
			    (size_t)(at - from)) != 0)
				return -1;
		} else if (cut_element(c, from, &e, t_ms + key) != 0) {
			return -1;
		}
	}
	if (c->out->len > empty)
		return close_document(c->out, begin);
	c->out->len = before;
	return 0;
}

/* Append the first _id as it is. */
static int
copy_id(const uint8_t *doc, struct buf *out)
{
	const uint8_t *at = document_first(doc), *from = at;
	struct element e;

	for (; document_next(&at, &e) == 0; from = at)
		if (strcmp(e.key, "_id") == 0)
			return buf_add(out, from, (size_t)(at - from));
	return 0;
}

int
cut_document(const uint8_t *doc, size_t len, int64_t from_ms, int64_t to_ms,
    bool first, struct buf *cut)
{
	const struct cutter c = { from_ms, to_ms, first, cut };
	const size_t before = cut->len;
	const uint8_t *values = NULL;
	int64_t base_ms;
	size_t begin, empty;

	/* Skipped whole, or a level without values. */
	if (unwind_id(doc, len, &base_ms) != 0 ||
	    (values = values_of(doc)) == NULL)
		return first ? buf_add(cut, doc, len) : 0;
	if (open_document(cut, &begin) != 0 || copy_id(doc, cut) != 0)
		return -1;
	empty = cut->len;
	if (cut_values(&c, values, base_ms) != 0)
		return -1;
	if (cut->len > empty)
		return close_document(cut, begin);
	cut->len = before;
	return 0;
}
