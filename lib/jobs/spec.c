/*
 * What an export is to contain. Two requests with the same hash give the same
 * result, so every member that changes a byte of an archive has to be part of it.
 */
#include "lib/jobs/spec.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

#define HASH_TEXT_MAX ((size_t)1 << 24)

const char *const spec_format_names[] = { "csv", "parquet", NULL };
const char *const spec_time_names[] = { "ms", "rfc3339", "local", NULL };
const char *const spec_take_names[] = { "last", "first", "mean", "min", "max", NULL };
const char *const spec_csv_names[] = { "rfc4180", "excel", "excel-semicolon",
	NULL };
const char *const spec_split_names[] = { "none", "day", "month", NULL };
const char *const spec_header_names[] = { "name", "unit", NULL };
const char *const spec_compression_names[] = { "fast", "small", NULL };
const char *const spec_unknown_names[] = { "fail", "skip", NULL };

/* Each name with its length, so that no two lists give the same text. */
static int
hash_names(struct buf *b, const char *name, const struct names *list)
{
	size_t i;

	if (buf_addf(b, "%s%s\n", name, list->n > 0 ? "" : " all") != 0)
		return -1;
	for (i = 0; i < list->n; i++)
		if (buf_addf(b, "%zu:%s\n", strlen(list->v[i]),
		    list->v[i]) != 0)
			return -1;
	return 0;
}

/*
 * A member that came later adds a line only where it is not at its default, so that
 * a request has the hash that it had before.
 */
static int
hash_later(struct buf *b, const struct export_spec *spec)
{
	if (spec->unknown != SPEC_UNKNOWN_FAIL &&
	    buf_addf(b, "unknown %s\n", spec_unknown_names[spec->unknown]) != 0)
		return -1;
	if (spec->format != SPEC_FORMAT_CSV &&
	    buf_addf(b, "format %s\n", spec_format_names[spec->format]) != 0)
		return -1;
	if (spec->split != SPEC_SPLIT_NONE &&
	    buf_addf(b, "split %s\n", spec_split_names[spec->split]) != 0)
		return -1;
	if (spec->header != SPEC_HEADER_NAME &&
	    buf_addf(b, "header %s\n", spec_header_names[spec->header]) != 0)
		return -1;
	if (spec->time_zone != NULL &&
	    buf_addf(b, "timeZone %s\n", spec->time_zone) != 0)
		return -1;
	return spec->every_ms == 0 ? 0 : buf_addf(b, "every %lld %s %lld\n",
	    (long long)spec->every_ms, spec_take_names[spec->take],
	    (long long)spec->hold_ms);
}

int
spec_hash(struct export_spec *spec)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, HASH_TEXT_MAX);
	if (buf_addf(&b, "%lld %lld %s %s %s\n", (long long)spec->start_ms,
	    (long long)spec->end_ms, spec_time_names[spec->time],
	    spec_csv_names[spec->csv],
	    spec_compression_names[spec->compression]) == 0 &&
	    hash_names(&b, "vehicles", &spec->vehicles) == 0 &&
	    hash_names(&b, "parameters", &spec->parameters) == 0 &&
	    hash_later(&b, spec) == 0)
		rc = digest_once(b.data, b.len, spec->hash);
	buf_release(&b);
	return rc;
}

void
spec_release(struct export_spec *spec)
{
	names_release(&spec->vehicles);
	names_release(&spec->parameters);
	free(spec->time_zone);
	zone_release(&spec->zone);
	memset(spec, 0, sizeof(*spec));
}
