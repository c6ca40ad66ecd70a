#ifndef LIB_BASE_CONF_H
#define LIB_BASE_CONF_H

#include <stdint.h>
#include <stdio.h>

/* Which program reads: it decides whose account and secrets are loaded. */
enum conf_role { CONF_API, CONF_WORKER };

/*
 * export.conf, read once; scripts/export.conf lists every key with its default
 * and meaning. All strings belong to the struct. Sizes are bytes, times ms
 * where the name says so.
 */
struct conf {
	char *mongodb_uri;
	char *amqp_uri;
	char *s3_endpoint;
	char *s3_public_endpoint;
	char *s3_region;
	char *s3_bucket;
	int64_t s3_path_style;
	char *s3_sse, *s3_kms_key, *s3_storage_class;	/* NULL: the bucket's */
	int64_t s3_delete;		/* workers remove objects: worker/removal.h */
	char *public_url;		/* NULL: from the request */
	char *vehicle_prefix;
	char *tls_ca_file;		/* NULL: the system's */

	/* Of the role that reads. */
	char *mongodb_user;
	char *mongodb_password;
	char *amqp_user;
	char *amqp_password;
	char *s3_credentials;		/* "keys", ...: lib/servers/credential_source.h */
	char *s3_access_key, *s3_secret;	/* NULL, but for "keys" */
	char *s3_credentials_file;	/* NULL, but for "file" */
	char *s3_profile;
	char *log;
	char *counters;			/* NULL: each process counts for itself */

	int64_t range_max_days;
	int64_t vehicles_max;
	int64_t parameters_max;
	int64_t documents_max;
	char *owners;			/* "open"; "listed": lib/jobs/owners.h */
	int64_t owner_jobs_max, owner_jobs_per_hour, owner_records_max;
	int64_t owner_bytes_kept;
	int64_t queue_max;
	int64_t link_ttl_s;
	int64_t retention_days, records_days;
	int64_t lease_ms;
	int64_t renew_ms;
	int64_t idle_ms;
	int64_t stall_ms;
	int64_t grace_ms;
	int64_t patience_ms;
	int64_t backoff_ms;
	int64_t backoff_max_ms;
	int64_t max_attempts;
	int64_t catalogue_s, metrics_s;
	char *read_preference, *read_concern;
	int64_t pace;
	int64_t read_bytes_s, read_documents_s;
	int64_t total_read_bytes_s, total_read_documents_s;
	int64_t threads;
	int64_t batch_documents;
	int64_t memory_max_bytes;
	int64_t readers;
	int64_t csv_split_bytes;
	int64_t part_bytes, senders;
	int64_t split_documents;
};

/* sysexits.h's EX_CONFIG: the exit code for a configuration that is wrong. */
#define CONF_EXIT 78

/*
 * conf_load(path, role, conf):
 * Read the file at path and the secret files it names for role. Every fault
 * (unknown, doubled, missing or out-of-range key, secret that cannot be read or
 * that others may read) is logged with its line. Returns the number of faults;
 * call conf_release() in any case.
 */
int conf_load(const char *path, enum conf_role role, struct conf *conf);

/*
 * conf_keys(to):
 * Print every key, a line each, as fields separated by tabs: name, kind (text,
 * secret, yesno, number, choice), default, minimum, maximum, program (both,
 * api, worker), need (required, optional, default), choices (separated by
 * commas). A field that does not apply is empty.
 */
void conf_keys(FILE *to);

/* conf_release(conf): Wipe the secrets and free all strings. */
void conf_release(struct conf *conf);

#endif
