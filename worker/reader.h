#ifndef WORKER_READER_H
#define WORKER_READER_H

struct reader;
struct source;
struct telemetry_spec;

/*
 * reader_open(spec): The hour documents of one vehicle, a cursor per column and
 * type of _id. A cursor that is lost (a server dies, an election, a restart) is
 * opened again after the last document that was taken, a few times, so that the
 * caller sees each document once. No server is contacted yet. NULL when memory
 * ends, logged.
 */
struct reader *reader_open(const struct telemetry_spec *spec);
void reader_free(struct reader *r);

/* reader_source(r): Belongs to r. */
struct source *reader_source(struct reader *r);

#endif
