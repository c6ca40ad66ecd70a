#ifndef WORKER_SPANS_H
#define WORKER_SPANS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/catalogue_upkeep.h"

/*
 * spans_find(whole, count, arg, v, n):
 * Hours in which a column has documents, such that those of each span are spread about
 * evenly: in order, at most CATALOGUE_SPANS. whole: its first to its last hour, and about
 * how many there are; where that is about one an hour, nothing is asked. Otherwise
 * count(arg, from, to, documents) is, about twice for each span. Returns 0, -1: count()
 * failed.
 */
int spans_find(const struct catalogue_span *whole,
    int (*count)(void *arg, int64_t from, int64_t to, int64_t *documents),
    void *arg, struct catalogue_span *v, size_t *n);

#endif
