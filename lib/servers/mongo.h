#ifndef LIB_SERVERS_MONGO_H
#define LIB_SERVERS_MONGO_H

#include "lib/base/conf.h"

/* The limit of a read that a client of the API waits for. */
#define MONGO_READ_MAX_MS 2500

/* Codes of the server's errors. */
#define MONGO_MAX_TIME_EXPIRED 50
#define MONGO_DUPLICATE_KEY 11000

struct _mongoc_client_pool_t;
struct _mongoc_client_t;
struct _bson_error_t;

/*
 * mongo_pool_new(conf, role):
 * A pool of clients for conf's servers, with every limit set: a write is
 * w:majority, and no call waits for ever. The API's limits are short, so that
 * it answers within 10 s while there is no primary. Does not connect. Make it
 * after a fork, never before. Returns NULL with the fault logged;
 * mongo_pool_free() frees it. One pool at a time: a server that stops answering
 * is logged once, with the reason.
 * With tls=true in the URI a server's certificate has to name it, by host or IP
 * address, and to come from the URI's tlsCAFile, else from conf's tls_ca_file,
 * else from a CA of the system; a file that cannot be read is a fault. The
 * library sets no floor of TLS versions; OpenSSL 3 refuses those before 1.2
 * unless its own configuration sets security level 0.
 * A maxPoolSize in the URI that is too small for a worker is a fault.
 */
struct _mongoc_client_pool_t *mongo_pool_new(const struct conf *conf,
    enum conf_role role);
void mongo_pool_free(struct _mongoc_client_pool_t *pool);

/*
 * mongo_take(pool): A client for one thread; waits while all are taken.
 * mongo_give(pool, client): Give it back; NULL is fine.
 */
struct _mongoc_client_t *mongo_take(struct _mongoc_client_pool_t *pool);
void mongo_give(struct _mongoc_client_pool_t *pool,
    struct _mongoc_client_t *client);

/* mongo_log(op, error): Log the library's error. */
void mongo_log(const char *op, const struct _bson_error_t *error);

#endif
