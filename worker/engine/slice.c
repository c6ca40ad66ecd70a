/*
 * Slices: which documents belong together, and how a slice is cut into pieces.
 * Knows no rows and no threads, but for the windows that slices share.
 */
#include "worker/engine/slice.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"
#include "worker/engine/carry.h"

/* The least that a point takes in a document, and its row besides the commas. */
#define POINT_BYTES 12
#define ROW_BYTES 24

struct window_hold *
window_hold(struct source_window *w)
{
	struct window_hold *hold;

	if ((hold = calloc(1, sizeof(*hold))) == NULL)
		return NULL;
	hold->window = w;
	atomic_init(&hold->refs, 1);
	return hold;
}

void
window_let_go(struct window_hold *hold)
{
	if (hold == NULL || atomic_fetch_sub(&hold->refs, 1) > 1)
		return;
	hold->window->release(hold->window);
	free(hold);
}

struct slice *
slice_new(struct slice_plan *plan, const struct source_vehicle *vehicle)
{
	struct slice *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->plan = plan;
	s->vehicle = vehicle;
	return s;
}

void
slice_free(struct slice *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->ncarry; i++)
		carried_let_go(s->carry[i]);
	for (i = 0; i < s->nholds; i++)
		window_let_go(s->holds[i]);
	free(s->carry);
	free(s->skips);
	free(s->holds);
	free(s->docs);
	free(s);
}

int
slice_refer(struct slice *s, struct window_hold *hold)
{
	struct window_hold **holds;

	/* The windows come one after the other: it can only be the last. */
	if (s->nholds > 0 && s->holds[s->nholds - 1] == hold)
		return 0;
	holds = realloc(s->holds, (s->nholds + 1) * sizeof(*holds));
	if (holds == NULL)
		return -1;
	s->holds = holds;
	s->holds[s->nholds++] = hold;
	atomic_fetch_add(&hold->refs, 1);
	return 0;
}

int
slice_add(struct slice *s, const struct source_doc *doc,
    struct window_hold *hold)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct source_doc *docs;

	if (slice_refer(s, hold) != 0)
		return -1;
	if (s->n == s->cap) {
		docs = realloc(s->docs, cap * sizeof(*docs));
		if (docs == NULL)
			return -1;
		s->docs = docs;
		s->cap = cap;
	}
	s->docs[s->n++] = *doc;
	s->bytes += doc->len;
	return 0;
}

int64_t
slice_day(int64_t t_ms)
{
	return timestamp_floor(t_ms, DAY_MS);
}

void
slice_range(const struct slice *s, int64_t *from_ms, int64_t *to_ms)
{
	const struct source_vehicle *v = s->vehicle;

	*from_ms = v->continues && v->from_ms > s->plan->from_ms ?
	    v->from_ms : s->plan->from_ms;
	*to_ms = v->goes_on && v->to_ms < s->plan->to_ms ? v->to_ms :
	    s->plan->to_ms;
}

int64_t
slice_reads_from(const struct slice *s)
{
	int64_t from_ms, to_ms;

	slice_range(s, &from_ms, &to_ms);
	return from_ms - s->plan->grid.hold_ms;
}

bool
slice_is_before(const struct slice *s)
{
	return s->vehicle->continues && s->base_ms < s->vehicle->from_ms;
}

/* Of documents, that a slice has at least. */
static size_t
slice_min(const struct slice *s)
{
	const size_t chunks = s->vehicle->columns->n * SLICE_CHUNK_BYTES;

	if (!s->plan->style.parquet)
		return SLICE_MIN_BYTES;
	if (chunks > SLICE_GROUP_MAX)
		return SLICE_GROUP_MAX;
	return chunks > SLICE_GROUP_BYTES ? chunks : SLICE_GROUP_BYTES;
}

bool
slice_is_full(const struct slice *s, int64_t t_ms)
{
	return s->n > 0 && (s->bytes >= slice_min(s) ||
	    slice_day(t_ms) != slice_day(s->base_ms));
}

/* A row for each point; of Parquet it takes little more than the values. */
size_t
slice_text(const struct slice *s)
{
	const size_t commas = s->plan->style.parquet ? 0 : s->vehicle->columns->n;

	return s->bytes / POINT_BYTES * (commas + ROW_BYTES);
}

size_t
slice_cut(const struct slice *s)
{
	const size_t least = slice_min(s);
	const size_t a = s->bytes / (least > SLICE_PIECE_BYTES ? least :
	    SLICE_PIECE_BYTES) + 1;
	const size_t b = slice_text(s) / SLICE_PIECE_TEXT + 1;

	return a > b ? a : b;
}

/* The rows of a later part of an hour begin after the hour. */
int64_t
slice_piece_ends(const struct slice *s, size_t i)
{
	const int64_t from_ms = s->begin_ms > s->base_ms ? s->begin_ms :
	    s->base_ms;

	return i + 1 == s->pieces ? s->end_ms : from_ms +
	    (s->end_ms - from_ms) * (int64_t)(i + 1) / (int64_t)s->pieces;
}
