#ifndef WORKER_ENGINE_PARQUET_FILE_IMPL_H
#define WORKER_ENGINE_PARQUET_FILE_IMPL_H

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/parquet/chunk.h"
#include "worker/engine/parquet/file.h"

struct pages;

/* What file.c collects, and footer.c writes. */

struct group {
	uint64_t at, bytes, rows;
	size_t first, n;	/* of chunks */
};

/* An empty chunk, written after all row groups. */
struct nulls {
	uint64_t at, bytes, plain_bytes;
};

struct listed {
	struct parquet_chunk c;
	uint64_t at;
};

struct parquet_file {
	const struct parquet_about *about;
	const char *vehicle;
	const struct names *columns, *parameters;
	struct pages *pages;		/* of empty chunks */
	uint64_t rows, group_end_max;
	struct group *groups;
	size_t n, cap;
	struct buf chunks;		/* of all groups */
	bool *texts;			/* for each column: it has a companion */
	struct nulls *nulls;		/* group by group, companion by companion */
	size_t n_nulls, cap_nulls;
	struct names all, all_parameters;	/* of the last file that ended */
	/* While it ends. */
	struct listed *listed;		/* of a row group */
	struct buf out;
	uint64_t at;			/* of out */
	int (*write)(void *arg, const void *data, size_t len);
	void *arg;
};

/*
 * parquet_list_chunks(f, g): All chunks of a row group into f->listed, 1 + f->all.n, as
 * the end has them; a companion's that is not in it has no bytes.
 * parquet_flush(f, all): Hand over f->out, if it is enough; all: in any case. Returns 0,
 * or -1 as write() did.
 */
void parquet_list_chunks(const struct parquet_file *f, const struct group *g);
int parquet_flush(struct parquet_file *f, bool all);

/* parquet_footer(f): Write what readers begin with, and the file's last bytes. 0, -1. */
int parquet_footer(struct parquet_file *f);

#endif
