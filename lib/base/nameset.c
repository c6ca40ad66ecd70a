/*
 * A set of names by open addressing, ignoring ASCII case. The names are in one
 * buffer, so that 100,000 of them cost little more than their text. Knows not
 * what they name.
 */
#include "lib/base/nameset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

/* A record: this, then the name and a NUL. Not aligned: copied out and in. */
struct record {
	/*
	 * The name is taken with the first stem_len bytes of it as the stem, and
	 * so are the numbers from 2 to before `next`: names are never given
	 * back, so the search goes on there. 0: nobody has searched yet.
	 */
	uint32_t next;
	uint16_t stem_len;
	uint16_t len;
};

void
nameset_init(struct nameset *s)
{
	memset(s, 0, sizeof(*s));
	/* Offsets are of 32 bits, and one more than they are in a slot. */
	buf_init(&s->text, UINT32_MAX - 1);
}

void
nameset_release(struct nameset *s)
{
	buf_release(&s->text);
	free(s->slots);
	nameset_init(s);
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool
names_equal(const char *a, const char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* FNV-1a, then mixed: a slot is chosen by the lowest bits. */
static uint32_t
name_hash(const char *name, size_t len)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ lower(name[i])) * 16777619u;
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

static struct record
record_at(const struct nameset *s, uint32_t at)
{
	struct record r;

	memcpy(&r, s->text.data + at, sizeof(r));
	return r;
}

const char *
nameset_get(const struct nameset *s, uint32_t at)
{
	return (const char *)s->text.data + at + sizeof(struct record);
}

/* The slot of the name, or the free one where it belongs. Needs a free slot. */
static size_t
find_slot(const struct nameset *s, const char *name, size_t len)
{
	size_t i = name_hash(name, len) & (s->n_slots - 1);

	while (s->slots[i] != 0 && (record_at(s, s->slots[i] - 1).len != len ||
	    !names_equal(nameset_get(s, s->slots[i] - 1), name, len)))
		i = (i + 1) & (s->n_slots - 1);
	return i;
}

/* Twice the slots, and all names into them. */
static int
grow(struct nameset *s)
{
	const size_t n = s->n_slots ? 2 * s->n_slots : SLOTS_FIRST;
	uint32_t at, *slots;
	struct record r;

	if ((slots = calloc(n, sizeof(*slots))) == NULL)
		return -1;
	free(s->slots);
	s->slots = slots;
	s->n_slots = n;
	for (at = 0; at < s->text.len; at += sizeof(r) + r.len + 1u) {
		r = record_at(s, at);
		s->slots[find_slot(s, nameset_get(s, at), r.len)] = at + 1;
	}
	return 0;
}

/* Where the record of the name begins, + 1; 0: it is free. */
static uint32_t
find(const struct nameset *s, const char *name, size_t len)
{
	return s->n_slots == 0 ? 0 : s->slots[find_slot(s, name, len)];
}

bool
nameset_has(const struct nameset *s, const char *name)
{
	return find(s, name, strlen(name)) != 0;
}

int
nameset_add(struct nameset *s, const char *name, uint32_t *at)
{
	const size_t len = strlen(name);
	const struct record r = { .len = (uint16_t)len };
	const uint32_t begin = (uint32_t)s->text.len;

	/* A quarter of the slots stays free. */
	if (len > NAMESET_NAME_MAX ||
	    (s->n + 1 > s->n_slots / 4 * 3 && grow(s) != 0) ||
	    buf_reserve(&s->text, sizeof(r) + len + 1) == NULL)
		return -1;
	buf_add(&s->text, &r, sizeof(r));
	buf_add(&s->text, name, len + 1);
	s->slots[find_slot(s, name, len)] = begin + 1;
	s->n++;
	if (at != NULL)
		*at = begin;
	return 0;
}

void
nameset_next(struct nameset *s, const char *stem, const char *mark,
    const char *ext, char *to, size_t size)
{
	const size_t stem_len = strlen(stem);
	struct record r;
	uint32_t at;

	snprintf(to, size, "%s%s", stem, ext);
	if ((at = find(s, to, strlen(to))) == 0)
		return;
	r = record_at(s, at - 1);
	if (r.next == 0 || r.stem_len != stem_len) {
		r.stem_len = (uint16_t)stem_len;
		r.next = 2;
	}
	for (;; r.next++) {
		snprintf(to, size, "%s%s%u%s", stem, mark, r.next, ext);
		if (!nameset_has(s, to))
			break;
	}
	memcpy(s->text.data + at - 1, &r, sizeof(r));
}
