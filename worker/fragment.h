#ifndef WORKER_FRAGMENT_H
#define WORKER_FRAGMENT_H

#include <stddef.h>

struct job;
struct manifest;
struct s3;
struct zip;

/*
 * The piece of an archive that a unit makes (lib/jobs/units.h): the runs of blocks of
 * its files (zip_new_bare()), one behind the other, an object of S3. What is to be
 * said of the files and how long the run of each is are its facts, JSON that is
 * stored with the unit (manifest_facts()):
 *	{"files": [a file as in manifest.json, and "part", "runBytes", "runCrc32"],
 *	 "skippedDocuments": [as there], "skippedDocumentsTotal": number}
 * Names in there are the piece's own: the archive may call a file otherwise.
 */

/* More do not fit MongoDB's document. */
#define PIECE_FACTS_MAX ((size_t)8 * 1024 * 1024)

enum piece_result {
	PIECE_TAKEN,
	PIECE_BAD,		/* not what its facts say, or gone: to be made anew; logged */
	PIECE_FAILED		/* S3, sink or memory; logged */
};

/*
 * piece_take(s3, unit, facts, step, zip, manifest):
 * Put the files of a FINISHED unit's piece into the archive, as if they had been
 * made there: the same bytes. It is fetched step bytes at a time. After a result
 * that is not PIECE_TAKEN the archive is of no use.
 */
enum piece_result piece_take(struct s3 *s3, const struct job *unit,
    const char *facts, size_t step, struct zip *zip,
    struct manifest *manifest);

#endif
