/*
 * Fragments between the engine and S3: written by the worker that holds the unit,
 * read by the one that holds the job. Does not know what they contain.
 */
#include "worker/fragment.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/jobs/unit.h"
#include "worker/keys.h"
#include "worker/readahead.h"
#include "worker/transfer.h"
#include "worker/upload.h"

/* More would not fit MongoDB's document with the other fields of a unit. */
#define FACTS_MAX_BYTES ((size_t)8 * 1024 * 1024)

static enum outcome
take_facts(struct attempt *a, struct archive *archive)
{
	const char *facts = archive_facts(archive);

	if (facts == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	if (strlen(facts) > FACTS_MAX_BYTES) {
		log_msg(LOG_ERROR, "split", "the facts of a unit's files take "
		    "%zu bytes: raise csv_split_bytes, or set "
		    "split_documents = 0", strlen(facts));
		return attempt_failed(a, FAILURE_INTERNAL);
	}
	a->unit->facts = strdup(facts);
	return a->unit->facts != NULL ? COMPLETE :
	    attempt_failed(a, FAILURE_INTERNAL);
}

/* Write the unit's vehicles and close the fragment. */
static enum outcome
write_vehicles(struct attempt *a, struct archive *archive)
{
	const struct names *vehicles = &a->spec->vehicles;
	uint64_t *documents;
	enum outcome outcome;
	size_t i;

	if (archive == NULL || (documents = calloc(vehicles->n + 1,
	    sizeof(*documents))) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	/* The plan has their sum. */
	for (i = 0; i < vehicles->n; i++)
		documents[i] = (uint64_t)a->unit->documents / vehicles->n;
	outcome = transfer_vehicles(a, archive, vehicles, documents);
	free(documents);
	if (outcome != COMPLETE)
		return outcome;
	attempt_report(a, "finishing");
	outcome = attempt_archived(a, archive_close(archive),
	    FAILURE_INTERNAL);
	if (outcome == COMPLETE)
		outcome = take_facts(a, archive);
	return outcome == COMPLETE ? attempt_uploaded(a, archive) : outcome;
}

enum outcome
fragment_write(struct attempt *a)
{
	const struct unit *unit = a->unit;
	struct archive_spec spec;
	struct archive *archive;
	enum outcome outcome;
	char key[KEY_SIZE];

	crash_at(CRASH_AFTER_UNIT_CLAIM);
	a->progress.documents_total = (uint64_t)unit->documents;
	key_of_fragment(unit, key);
	outcome = attempt_upload(a, key, NULL, 0);
	if (outcome != COMPLETE)
		return outcome;
	spec = transfer_archive_spec(a);
	archive = archive_open_fragment(upload_sink(a->upload), &spec);
	outcome = write_vehicles(a, archive);
	archive_free(archive);
	return outcome;
}

/* Where a fragment's bytes come from. */
struct object {
	struct readahead *from;
	const char *key;
	uint64_t size;
	bool refused_is_gone;
};

static int
read_object(void *arg, uint64_t at, size_t len, struct buf *to)
{
	const struct object *o = arg;

	switch (readahead_get(o->from, o->key, at, len, o->size, to)) {
	case READAHEAD_OK:
		return 0;
	case READAHEAD_GONE:
		return 1;
	case READAHEAD_REFUSED:
		return o->refused_is_gone ? 1 : -1;
	case READAHEAD_FAILED:
		break;
	}
	return -1;
}

enum archive_result
fragment_read(struct archive *archive, struct readahead *from,
    const struct unit *unit, const char *facts, size_t step,
    bool refused_is_gone)
{
	struct object object = { from, unit->task.object.key,
	    (uint64_t)unit->task.object.size, refused_is_gone };
	const struct archive_fragment f = {
		.name = unit->task.object.key,
		.facts = facts,
		.size = (uint64_t)unit->task.object.size,
		.step = step,
		.read = read_object,
		.arg = &object,
	};

	return archive_fragment(archive, &f);
}
