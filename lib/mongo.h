#ifndef LIB_MONGO_H
#define LIB_MONGO_H

#include "lib/conf.h"

struct _mongoc_client_pool_t;
struct _bson_error_t;

/*
 * mongo_pool_new(conf, role):
 * A pool of clients for conf's servers, with every limit written out: a write is
 * w:majority, and no call waits for ever. The API's limits are short, so that
 * what it answers while there is no primary comes within 10 s. Does not connect. To be made behind a
 * fork, never before. Returns NULL with the fault logged; the caller destroys it
 * with mongo_pool_free().
 */
struct _mongoc_client_pool_t *mongo_pool_new(const struct conf *conf,
    enum conf_role role);
void mongo_pool_free(struct _mongoc_client_pool_t *pool);

/* mongo_log(op, error): Log the library's error. */
void mongo_log(const char *op, const struct _bson_error_t *error);

#endif
