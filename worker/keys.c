/*
 * What objects are called on S3. The prefixes are also in the policies, in
 * scripts/provision, and in lib/servers/s3probe.c.
 */
#include "worker/keys.h"

#include <stdio.h>

#include "lib/jobs/unit.h"

void
key_of_archive(const char *id, int64_t fence, char key[KEY_SIZE])
{
	snprintf(key, KEY_SIZE, "exports/%s/%lld/export-%s.zip", id,
	    (long long)fence, id);
}

void
key_of_fragment(const struct unit *unit, char key[KEY_SIZE])
{
	snprintf(key, KEY_SIZE, "units/%s/%lld-%lld-%lld", unit->parent,
	    (long long)unit->plan, (long long)unit->place,
	    (long long)unit->task.fence);
}
