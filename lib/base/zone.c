/*
 * Offsets of a time zone: a table of changes, which is searched, and its text. Knows no
 * file and no rule: lib/base/tzif.c fills it.
 */
#include "lib/base/zone.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

/* Two numbers and their spaces; of all changes, and the first offset. */
#define CHANGE_TEXT 32
#define TEXT_MAX ((size_t)(ZONE_CHANGES_MAX + 1) * CHANGE_TEXT)
/* As many seconds as ms fit, with room for an offset: 292 million years. */
#define AT_MAX_S (INT64_MAX / 1000 - ZONE_OFFSET_MAX_S)

int
zone_add(struct zone *z, int64_t at_s, int32_t offset_s)
{
	const size_t cap = z->cap ? z->cap * 2 : 16;
	struct zone_change *v;

	if (z->n == ZONE_CHANGES_MAX)
		return -1;
	if (z->n == z->cap) {
		if ((v = realloc(z->v, cap * sizeof(*v))) == NULL)
			return -1;
		z->v = v;
		z->cap = cap;
	}
	z->v[z->n++] = (struct zone_change){ at_s, offset_s };
	return 0;
}

void
zone_release(struct zone *z)
{
	free(z->v);
	memset(z, 0, sizeof(*z));
}

struct zone_span
zone_span(const struct zone *z, int64_t t_ms)
{
	struct zone_span span = { INT64_MIN, INT64_MAX, z->first_s };
	size_t low = 0, high = z->n, mid;

	/* low: how many changes are at t_ms or before it. */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (z->v[mid].at_s * 1000 <= t_ms)
			low = mid + 1;
		else
			high = mid;
	}
	if (low > 0) {
		span.from_ms = z->v[low - 1].at_s * 1000;
		span.offset_ms = z->v[low - 1].offset_s;
	}
	if (low < z->n)
		span.to_ms = z->v[low].at_s * 1000;
	span.offset_ms *= 1000;
	return span;
}

char *
zone_text(const struct zone *z)
{
	char *text = NULL;
	struct buf b;
	size_t i;
	int rc;

	buf_init(&b, TEXT_MAX);
	rc = buf_addf(&b, "%d", (int)z->first_s);
	for (i = 0; i < z->n && rc == 0; i++)
		rc = buf_addf(&b, " %lld %d", (long long)z->v[i].at_s,
		    (int)z->v[i].offset_s);
	if (rc == 0)
		text = strndup((char *)b.data, b.len);
	buf_release(&b);
	return text;
}

/* A decimal number at *at, of these bounds, as zone_text() writes it. */
static int
take_number(const char **at, int64_t min, int64_t max, int64_t *to)
{
	const char *p = *at;
	const bool negative = *p == '-';
	int64_t n = 0;

	p += negative;
	if (*p < '0' || *p > '9' || (*p == '0' && (negative || (p[1] >= '0' && p[1] <= '9'))))
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (n > (INT64_MAX - 9) / 10)
			return -1;
		n = n * 10 + (*p - '0');
	}
	*to = negative ? -n : n;
	*at = p;
	return *to < min || *to > max ? -1 : 0;
}

int
zone_parse(const char *text, struct zone *z)
{
	int64_t at_s, offset_s, last_s = -AT_MAX_S - 1;

	if (take_number(&text, ZONE_OFFSET_MIN_S, ZONE_OFFSET_MAX_S, &offset_s) != 0)
		return -1;
	z->first_s = (int32_t)offset_s;
	for (; *text == ' '; last_s = at_s) {
		text++;
		if (take_number(&text, last_s + 1, AT_MAX_S, &at_s) != 0 ||
		    *text++ != ' ' || take_number(&text, ZONE_OFFSET_MIN_S,
		    ZONE_OFFSET_MAX_S, &offset_s) != 0 ||
		    zone_add(z, at_s, (int32_t)offset_s) != 0)
			return -1;
	}
	return *text == '\0' ? 0 : -1;
}

static bool
begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/*
 * Letters, digits and a few signs, no dot: so neither .. nor a hidden file. No slash at
 * either end, or next to another. Not the same zones a second time, those with leap
 * seconds, or the host's own.
 */
bool
zone_is_name(const char *name)
{
	const char first = (char)(name[0] | 0x20);
	const size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_+-/");

	return len >= 1 && len <= ZONE_NAME_MAX && name[len] == '\0' &&
	    first >= 'a' && first <= 'z' && name[len - 1] != '/' &&
	    strstr(name, "//") == NULL && !begins(name, "posix") &&
	    !begins(name, "right/") && strcmp(name, "localtime") != 0;
}
