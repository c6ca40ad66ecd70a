#ifndef WORKER_CATALOGUE_REFRESH_H
#define WORKER_CATALOGUE_REFRESH_H

#include <stdint.h>

struct _mongoc_client_t;
struct conf;
struct catalogue_refresh;

/*
 * Keeps exports.vehicles (lib/jobs/catalogue.h): ten times in catalogue_s the databases
 * are listed, and what is new or was not looked at for catalogue_s is looked at,
 * one vehicle a step. A step reads names, counts and the two ends of each index; it
 * is followed by nine times as long without one, so that the catalogue of a
 * large fleet comes slowly and never at once. Several workers share the vehicles.
 *
 * catalogue_refresh_new(client, conf): Both outlive it. NULL when memory ends.
 */
struct catalogue_refresh *catalogue_refresh_new(struct _mongoc_client_t *client,
    const struct conf *conf);
void catalogue_refresh_free(struct catalogue_refresh *s);

/* catalogue_refresh_wait_ms(s): How long until a step is due; 0: now. */
int64_t catalogue_refresh_wait_ms(const struct catalogue_refresh *s);

/* catalogue_refresh_step(s): Take the step that is due, if one is. Errors are logged. */
void catalogue_refresh_step(struct catalogue_refresh *s);

#endif
