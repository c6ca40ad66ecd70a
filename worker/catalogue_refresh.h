#ifndef WORKER_CATALOGUE_REFRESH_H
#define WORKER_CATALOGUE_REFRESH_H

#include <stdint.h>

struct _mongoc_client_t;
struct conf;
struct catalogue_refresh;

/*
 * Keeps exports.vehicles up to date (lib/jobs/catalogue.h): the databases are
 * listed ten times in catalogue_s, and vehicles that are new or were not
 * checked for catalogue_s are checked, one a step. A step reads names, counts
 * and both ends of each index; nine times its duration passes before the next,
 * so that a large fleet is checked slowly, never at once. Several workers share
 * the vehicles.
 *
 * catalogue_refresh_new(client, conf): Both outlive it. NULL when memory ends.
 */
struct catalogue_refresh *catalogue_refresh_new(struct _mongoc_client_t *client,
    const struct conf *conf);
void catalogue_refresh_free(struct catalogue_refresh *s);

/* catalogue_refresh_wait_ms(s): Time until a step is due; 0: now. */
int64_t catalogue_refresh_wait_ms(const struct catalogue_refresh *s);

/* catalogue_refresh_step(s): Take a step if one is due. Errors are logged. */
void catalogue_refresh_step(struct catalogue_refresh *s);

#endif
