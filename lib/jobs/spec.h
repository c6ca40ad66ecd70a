#ifndef LIB_JOBS_SPEC_H
#define LIB_JOBS_SPEC_H

#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/base/names.h"
#include "lib/base/zone.h"

enum spec_format { SPEC_FORMAT_CSV, SPEC_FORMAT_PARQUET };
enum spec_time { SPEC_TIME_MS, SPEC_TIME_RFC3339, SPEC_TIME_LOCAL };
enum spec_csv { SPEC_CSV_RFC4180, SPEC_CSV_EXCEL, SPEC_CSV_EXCEL_SEMICOLON };
enum spec_split { SPEC_SPLIT_NONE, SPEC_SPLIT_DAY, SPEC_SPLIT_MONTH };
enum spec_header { SPEC_HEADER_NAME, SPEC_HEADER_UNIT };
enum spec_compression { SPEC_FAST, SPEC_SMALL };
/* What a step takes of its points: worker/engine/FORMAT.md, "Fixed steps". */
enum spec_take {
	SPEC_TAKE_LAST,
	SPEC_TAKE_FIRST,
	SPEC_TAKE_MEAN,
	SPEC_TAKE_MIN,
	SPEC_TAKE_MAX
};
/* What becomes of a job that names vehicles which do not exist. */
enum spec_unknown { SPEC_UNKNOWN_FAIL, SPEC_UNKNOWN_SKIP };

/*
 * What an export is to contain, and in which form: the part of a job's request that
 * decides the result. fcgi/spec.h reads it from the body of a POST. Strings belong to
 * the struct; zeroed, it is empty.
 */
struct export_spec {
	int64_t start_ms, end_ms;	/* start_ms <= t < end_ms, Unix */
	struct names vehicles, parameters;	/* as requested; empty: all */
	enum spec_format format;	/* of files; Parquet knows no time and no csv */
	enum spec_time time;
	enum spec_split split;		/* a file for each of the zone's */
	char *time_zone;		/* its name; NULL: none needed, none given */
	int64_t every_ms;		/* a row for each step of this; 0: for each ms */
	enum spec_take take;		/* with every_ms, as is */
	int64_t hold_ms;		/* how long a step takes an older cell; 0: not */
	enum spec_csv csv;
	enum spec_header header;	/* what a column is called by */
	enum spec_compression compression;
	char hash[DIGEST_HEX_SIZE];	/* requestHash, of all else */
	enum spec_unknown unknown;
	/*
	 * The zone's offsets when the job was created: every attempt and unit uses
	 * these. Not part of the request.
	 */
	struct zone zone;
};

/* The words of the options; NULL after the last. */
extern const char *const spec_format_names[];
extern const char *const spec_time_names[];
extern const char *const spec_take_names[];
extern const char *const spec_csv_names[];
extern const char *const spec_split_names[];
extern const char *const spec_header_names[];
extern const char *const spec_compression_names[];
extern const char *const spec_unknown_names[];

/*
 * spec_hash(spec): Fill spec->hash, a SHA-256. Returns 0, -1: no memory.
 * spec_release(spec): Free what it owns; it is empty again.
 */
int spec_hash(struct export_spec *spec);
void spec_release(struct export_spec *spec);

#endif
