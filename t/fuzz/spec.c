/* A request is refused with a fault that can be shown, or all of it is right. */
#include "fcgi/spec.h"

#include <string.h>

#include "lib/base/jsonstrict.h"
#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"
#include "lib/jobs/job.h"

#include "t/fuzz/fuzz.h"

static void
check_names(const struct names *list, size_t most, size_t longest)
{
	size_t i, k;

	CHECK(list->n <= most);
	for (i = 0; i < list->n; i++) {
		size_t n = strlen(list->v[i]);

		CHECK(n > 0 && n <= longest);
		CHECK(utf8_valid(list->v[i], n));
		CHECK(strchr(list->v[i], '$') == NULL);
		for (k = 0; k < i; k++)
			CHECK(strcmp(list->v[i], list->v[k]) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct spec_limits limits = { 3660, 20, 10 };
	const char *text = (const char *)data;
	struct spec_fault fault;
	struct job job;
	size_t members;
	int rc;

	job_init(&job);
	memset(&fault, 0x5a, sizeof(fault));
	rc = spec_parse(text, len, &limits, &job, &fault);
	if (rc == -1) {
		CHECK(fault.status == 400 || fault.status == 422);
		CHECK(memchr(fault.pointer, 0, sizeof(fault.pointer)) != NULL);
		CHECK(memchr(fault.detail, 0, sizeof(fault.detail)) != NULL);
		CHECK(fault.pointer[0] == '\0' || fault.pointer[0] == '/');
		CHECK(fault.detail[0] != '\0');
		CHECK(utf8_valid(fault.pointer, strlen(fault.pointer)));
		CHECK(utf8_valid(fault.detail, strlen(fault.detail)));
	} else if (rc == 0) {
		CHECK(jsonstrict_check(text, len, &members) == NULL);
		CHECK(members >= 2 && members <= 16);
		/* Where none is needed, there may be one for Parquet. */
		CHECK(job.spec.time != SPEC_TIME_LOCAL && job.spec.split == SPEC_SPLIT_NONE ?
		    job.spec.time_zone == NULL || job.spec.format == SPEC_FORMAT_PARQUET :
		    job.spec.time_zone != NULL);
		CHECK(job.spec.format == SPEC_FORMAT_CSV ||
		    (job.spec.time == SPEC_TIME_MS && job.spec.csv == SPEC_CSV_RFC4180));
		CHECK(job.spec.time_zone == NULL ||
		    zone_is_name(job.spec.time_zone));
		CHECK(job.spec.every_ms == 0 ? job.spec.take == SPEC_TAKE_LAST &&
		    job.spec.hold_ms == 0 : job.spec.every_ms >= 100 &&
		    DAY_MS % job.spec.every_ms == 0);
		CHECK(job.spec.hold_ms >= 0 && job.spec.hold_ms <= HOUR_MS);
		CHECK(job.spec.start_ms >= 0 && job.spec.start_ms < job.spec.end_ms);
		CHECK(job.spec.end_ms <= TIMESTAMP_MAX_MS);
		CHECK(job.spec.end_ms - job.spec.start_ms <=
		    limits.range_max_days * INT64_C(86400000));
		check_names(&job.spec.vehicles, 20, SPEC_VEHICLE_MAX);
		check_names(&job.spec.parameters, 10, SPEC_PARAMETER_MAX);
		if (job.name != NULL)
			CHECK(job.name[0] != '\0' &&
			    strlen(job.name) <= SPEC_NAME_MAX);
		CHECK(job.task.owner == NULL && job.task.id[0] == '\0');
		CHECK(spec_hash(&job.spec) == 0 &&
		    strlen(job.spec.hash) == 64);
	} else {
		CHECK(rc == -2);
	}
	job_release(&job);
	return 0;
}
