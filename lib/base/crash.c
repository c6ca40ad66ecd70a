/*
 * Crash points of test builds: named places where the process dies or hangs
 * when the environment says so. Empty in a release, and the only file of lib/
 * that may end the process.
 */
#include "lib/base/crash.h"

#ifdef CRASH_POINTS

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"

static const char *const names[CRASH_POINTS_N] = {
	[CRASH_API_BEFORE_INSERT] = "api_before_insert",
	[CRASH_API_AFTER_INSERT] = "api_after_insert",
	[CRASH_API_AFTER_PUBLISH] = "api_after_publish",
	[CRASH_API_AFTER_REPLY] = "api_after_reply",
	[CRASH_API_BEFORE_DELETE] = "api_before_delete",
	[CRASH_API_AFTER_DELETE] = "api_after_delete",
	[CRASH_AFTER_MESSAGE] = "after_message",
	[CRASH_AFTER_CLAIM] = "after_claim",
	[CRASH_BEFORE_RENEW] = "before_renew",
	[CRASH_AFTER_RENEW] = "after_renew",
	[CRASH_AFTER_RESOLVE] = "after_resolve",
	[CRASH_AFTER_COUNT] = "after_count",
	[CRASH_AFTER_PLAN] = "after_plan",
	[CRASH_AFTER_UNIT_CLAIM] = "after_unit_claim",
	[CRASH_AFTER_UNIT] = "after_unit",
	[CRASH_BEFORE_PIECE] = "before_piece",
	[CRASH_AFTER_BEGIN_UPLOAD] = "after_begin_upload",
	[CRASH_AFTER_SLICE] = "after_slice",
	[CRASH_BEFORE_PART] = "before_part",
	[CRASH_AFTER_PART] = "after_part",
	[CRASH_BEFORE_MANIFEST] = "before_manifest",
	[CRASH_BEFORE_COMPLETE] = "before_complete",
	[CRASH_AFTER_COMPLETE] = "after_complete",
	[CRASH_BEFORE_ABORT] = "before_abort",
	[CRASH_AFTER_ABORT] = "after_abort",
	[CRASH_AFTER_FINISH] = "after_finish",
	[CRASH_BEFORE_RETRY] = "before_retry",
	[CRASH_AFTER_RETRY] = "after_retry",
	[CRASH_AFTER_CANCELLED] = "after_cancelled",
	[CRASH_BEFORE_ACK] = "before_ack",
	[CRASH_AFTER_ACK] = "after_ack",
};

/* Whether the variable names this point. */
static bool
is_named(const char *variable, enum crash_point point)
{
	const char *name = getenv(variable);

	return name != NULL && strcmp(name, names[point]) == 0;
}

static bool
crash_may(void)
{
	const char *path = getenv("CRASH_FILE");
	int fd;

	if (path == NULL)
		return true;
	if ((fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600)) < 0)
		return false;
	close(fd);
	return true;
}

void
crash_at(enum crash_point point)
{
	if (is_named("CRASH_AT", point) && crash_may()) {
		log_msg(LOG_WARN, "crash", "%s", names[point]);
		abort();
	}
	if (is_named("HANG_AT", point) && crash_may()) {
		log_msg(LOG_WARN, "hang", "%s", names[point]);
		for (;;)
			sleep(3600);
	}
}

void
crash_list(void)
{
	int i;

	for (i = 0; i < CRASH_POINTS_N; i++)
		puts(names[i]);
}

#endif
