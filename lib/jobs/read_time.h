#ifndef LIB_JOBS_READ_TIME_H
#define LIB_JOBS_READ_TIME_H

#include <stdint.h>

/*
 * A point in the history of the database, as its operationTime gives it, a BSON
 * timestamp: whoever reads after it sees what a majority had confirmed before.
 * 0, 0: none.
 */
struct read_time {
	uint32_t s, i;
};

#endif
