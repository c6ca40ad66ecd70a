#ifndef WORKER_ENGINE_PARQUET_FILE_H
#define WORKER_ENGINE_PARQUET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;
struct parquet_file;

/*
 * A file of Parquet (parquet-format, README.md and parquet.thrift) but for its row
 * groups, which go past it: what a reader is told of them, at the end. Its memory grows
 * with the number of column chunks, which has a ceiling.
 */
#define PARQUET_MAGIC "PAR1"
#define PARQUET_CHUNKS_MAX 131072

/* What all files of an archive say of themselves: JSON. The caller's. */
struct parquet_about {
	const char *request, *parameters;
	bool small;		/* as pages_new() */
};

/*
 * parquet_file_new(about, vehicle, columns, parameters): Of the files of one vehicle;
 * columns are its names of doubles, parameters those that they are of. All of it outlives
 * the file. NULL: no memory.
 * parquet_file_begin(f): The next file: no row groups.
 */
struct parquet_file *parquet_file_new(const struct parquet_about *about,
    const char *vehicle, const struct names *columns, const struct names *parameters);
void parquet_file_free(struct parquet_file *f);
void parquet_file_begin(struct parquet_file *f);

/*
 * parquet_file_takes(f): Whether it may have one more row group.
 * parquet_file_end_max(f): What parquet_file_end() writes at most, with one more.
 * parquet_file_group(f, at, bytes, rows, chunks, len): A row group is at this offset of
 * the file; chunks: what chunk.h made of it. Returns 0, 1: that cannot be, -1: no memory.
 */
bool parquet_file_takes(const struct parquet_file *f);
uint64_t parquet_file_end_max(const struct parquet_file *f);
int parquet_file_group(struct parquet_file *f, uint64_t at, uint64_t bytes,
    uint64_t rows, const uint8_t *chunks, size_t len);

/*
 * parquet_file_end(f, at, write, arg): All that follows the row groups, from this offset
 * on, by write(arg, data, len), which returns 0 or -1. Returns 0, -1: no memory, or
 * write() did.
 * parquet_file_columns(f), parquet_file_parameters(f): Then: with companions; valid until
 * the next file.
 */
int parquet_file_end(struct parquet_file *f, uint64_t at,
    int (*write)(void *arg, const void *data, size_t len), void *arg);
const struct names *parquet_file_columns(const struct parquet_file *f);
const struct names *parquet_file_parameters(const struct parquet_file *f);

#endif
