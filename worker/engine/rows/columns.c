/*
 * The default order of columns, and their names in the header. Which parameters
 * a vehicle has is the caller's business; a requested order is never changed.
 */
#include "worker/engine/rows/columns.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "lib/base/nameset.h"
#include "worker/engine/archive_types.h"
#include "worker/engine/decode/leaftext.h"

static const char *const first[] = { "speed", "soc", "current", "odo",
	"voltage" };
#define NFIRST (sizeof(first) / sizeof(first[0]))

/* A name's rank; NFIRST for all that are not in the list. */
static size_t
column_rank(const char *name)
{
	size_t i;

	for (i = 0; i < NFIRST && strcmp(name, first[i]) != 0; i++)
		;
	return i;
}

static int
column_compare(const void *a, const void *b)
{
	const size_t x = column_rank(*(char *const *)a);
	const size_t y = column_rank(*(char *const *)b);

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
columns_sort(struct names *list)
{
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), column_compare);
}

static int
known_compare(const void *name, const void *known)
{
	return strcmp(name, ((const struct archive_parameter *)known)->name);
}

/* `speed [km/h]`, or as the parameter where no unit is known. */
static int
name_add(struct buf *to, const char *parameter, const struct columns_units *units)
{
	const struct archive_parameter *known = units->n == 0 ? NULL :
	    bsearch(parameter, units->v, units->n, sizeof(*units->v), known_compare);

	return known == NULL || known->unit == NULL ?
	    buf_add(to, parameter, strlen(parameter)) :
	    buf_addf(to, "%s [%s]", parameter, known->unit);
}

int
columns_add(struct names *columns, struct nameset *taken, struct buf *text)
{
	char *stem, *name;
	size_t size;

	if (buf_add(text, "", 1) != 0)
		return -1;
	size = text->len + 1 + NAMESET_NUMBER_SIZE;
	if ((name = (char *)buf_reserve(text, size)) == NULL)
		return -1;
	stem = (char *)text->data;
	nameset_next(taken, stem, "_", "", name, size);
	return nameset_add(taken, name, NULL) != 0 ||
	    names_add(columns, name, strlen(name)) != 0 ? -1 : 0;
}

int
columns_name(const struct names *parameters, const struct columns_units *units,
    char separator, struct names *columns)
{
	struct nameset taken;
	struct buf text, to;
	size_t i;
	int rc;

	nameset_init(&taken);
	buf_init(&text, SIZE_MAX / 2);
	buf_init(&to, SIZE_MAX / 2);
	rc = nameset_add(&taken, "time", NULL);
	for (i = 0; i < parameters->n && rc == 0; i++) {
		text.len = to.len = 0;
		/* With its apostrophes already: two names may differ only by them. */
		rc = name_add(&text, parameters->v[i], units) != 0 ||
		    leaftext_guard(&to, (const char *)text.data, text.len,
		    separator) != 0 ? -1 : columns_add(columns, &taken, &to);
	}
	buf_release(&text);
	buf_release(&to);
	nameset_release(&taken);
	return rc;
}
