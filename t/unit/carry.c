/* Documents carried on: which a range gets, what they take, who frees them. */
#include "worker/engine/carry.h"

#include <stdlib.h>

#include "worker/engine/source.h"

#include "t/tap.h"
#include "t/unit/draw.h"

static uint8_t bytes[100];

/* one(id, next_ms, last_ms): A document of id bytes, in column id. */
static struct carried *
one(size_t id, int64_t next_ms, int64_t last_ms)
{
	const struct source_doc doc = { id, bytes, id, 0 };
	struct carried *c = carried_new(&doc, next_ms, last_ms);

	if (c == NULL)
		abort();
	return c;
}

/* The columns of what a range gets, "1 2 3"; the references are dropped. */
static const char *
selected(const struct carry *carry, int64_t from_ms, int64_t to_ms)
{
	static char text[4096];
	struct carried **list = (struct carried **)1;
	size_t i, n = 42, len = 0;

	if (carry_select(carry, from_ms, to_ms, &list, &n) != 0)
		return "no memory";
	if ((n == 0) != (list == NULL))
		return "a list of none";
	text[0] = '\0';
	for (i = 0; i < n; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%zu", i > 0 ? " " : "", list[i]->column);
		carried_let_go(list[i]);
	}
	free(list);
	return text;
}

static void
test_one(void)
{
	uint8_t data[5] = { 1, 2, 3, 4, 5 };
	const struct source_doc doc = { 7, data, 5, 99 };
	struct carried *c = carried_new(&doc, 10, 20);

	memset(data, 0xee, sizeof(data));
	is_mem(c->data, c->len, "\1\2\3\4\5", 5, "a copy");
	ok(c->column == 7 && c->next_ms == 10 && c->last_ms == 20,
	    "with column and times");
	carried_let_go(c);
	c = one(0, 1, 2);
	is_int((int64_t)c->len, 0, "a document of no bytes");
	carried_let_go(c);
}

static void
test_ranges(void)
{
	struct carried *const list[] = { one(1, 10, 20), one(2, 20, 20),
	    one(3, 30, 100), one(4, 5, 9) };
	struct carry carry = { 0 };

	is_str(selected(&carry, INT64_MIN, INT64_MAX), "", "none are carried");
	is_int(carry_add(&carry, NULL, 0), 0, "none to add");
	is_int(carry_add(&carry, list, 2), 0, "two");
	is_int(carry_add(&carry, list + 2, 2), 0, "two more");
	is_int((int64_t)carry.bytes, 10, "their bytes");
	is_str(selected(&carry, INT64_MIN, INT64_MAX), "1 2 3 4",
	    "all, in the order of reading");
	is_str(selected(&carry, 20, 21), "1 2", "at the last and first ms");
	is_str(selected(&carry, 10, 20), "1", "the end is not in the range");
	is_str(selected(&carry, 21, 30), "", "between");
	is_str(selected(&carry, 50, 51), "3", "within");
	is_str(selected(&carry, 9, 10), "4", "before");
	is_str(selected(&carry, 101, INT64_MAX), "", "after");
	carry_pass(&carry, 10);
	is_int((int64_t)carry.bytes, 6, "passed: one less");
	is_str(selected(&carry, INT64_MIN, INT64_MAX), "1 2 3",
	    "the others in order");
	carry_pass(&carry, 20);
	is_str(selected(&carry, INT64_MIN, INT64_MAX), "1 2 3",
	    "a point at the end is still to come");
	carry_pass(&carry, 21);
	is_str(selected(&carry, INT64_MIN, INT64_MAX), "3", "a ms later not");
	carry_pass(&carry, INT64_MAX);
	ok(carry.n == 0 && carry.bytes == 0 && carry.v == NULL,
	    "in the end it is empty, without memory");
}

/* Whoever has a reference keeps the document. */
static void
test_references(void)
{
	struct carried *c = one(50, 10, 20), **list;
	struct carry carry = { 0 };
	size_t n;

	carry_add(&carry, &c, 1);
	carry_select(&carry, 10, 11, &list, &n);
	carry_pass(&carry, INT64_MAX);
	ok(n == 1 && list[0]->len == 50 && memcmp(list[0]->data, bytes, 50) ==
	    0, "it outlives the carry");
	is_int((int64_t)atomic_load(&list[0]->refs), 1, "with one reference");
	carried_let_go(list[0]);
	free(list);
}

/* Against a list that is searched. */
static void
test_random(void)
{
	enum { MANY = 90 };
	struct { int64_t next_ms, last_ms; } model[MANY + 1];
	struct carry carry = { 0 };
	struct carried *add[3];
	char expected[4096];
	unsigned long bad = 0;
	int64_t now, from, to;
	size_t id, i, k, n, len;
	uint64_t most = 0;
	int round;

	draw_from(17);
	for (round = 0; round < 300; round++) {
		for (id = 1, now = 0; id + 3 < MANY; now += (int64_t)draw(20)) {
			carry_pass(&carry, now);
			for (i = 1, n = 0; i < id; i++)
				n += model[i].last_ms >= now ? i : 0;
			if (carry.bytes != n)
				bad_row(&bad, "%d: %zu bytes, not %zu", round,
				    carry.bytes, n);
			most = n > most ? n : most;
			for (k = 0, n = draw(4); k < n; k++, id++) {
				model[id].next_ms = now + (int64_t)draw(50);
				model[id].last_ms = model[id].next_ms +
				    (int64_t)draw(100);
				add[k] = one(id, model[id].next_ms,
				    model[id].last_ms);
			}
			carry_add(&carry, add, n);
			from = now + (int64_t)draw(80);
			to = from + (int64_t)draw(30);
			expected[0] = '\0';
			for (i = 1, len = 0; i < id; i++)
				if (model[i].last_ms >= from &&
				    model[i].next_ms < to)
					len += (size_t)sprintf(expected + len,
					    "%s%zu", len > 0 ? " " : "", i);
			if (strcmp(selected(&carry, from, to), expected) != 0)
				bad_row(&bad, "%d: at %" PRId64, round, now);
		}
		carry_pass(&carry, INT64_MAX);
	}
	is_int((int64_t)bad, 0, "300 random journeys");
	ok(most > 300, "up to %" PRIu64 " bytes", most);
}

int
main(void)
{
	test_one();
	test_ranges();
	test_references();
	test_random();
	return done_testing();
}
