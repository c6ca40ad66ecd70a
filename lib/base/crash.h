#ifndef LIB_BASE_CRASH_H
#define LIB_BASE_CRASH_H

/*
 * Named places where a test build (make CRASH=1) can be made to die, as a power
 * cut would, or to hang:
 *   CRASH_AT=name   abort at that point; HANG_AT=name: sleep there for ever
 *   CRASH_FILE=path only if that file can be created at that moment: so once,
 *                   and not again after a restart
 * In any other build there is no code for it.
 */
enum crash_point {
	/* export-api */
	CRASH_API_BEFORE_INSERT,
	CRASH_API_AFTER_INSERT,
	CRASH_API_AFTER_PUBLISH,
	CRASH_API_AFTER_REPLY,
	CRASH_API_BEFORE_DELETE,
	CRASH_API_AFTER_DELETE,
	/* export-worker */
	CRASH_AFTER_MESSAGE,
	CRASH_AFTER_CLAIM,
	CRASH_BEFORE_RENEW,
	CRASH_AFTER_RENEW,
	CRASH_AFTER_RESOLVE,
	CRASH_AFTER_COUNT,
	CRASH_AFTER_PLAN,
	CRASH_AFTER_UNIT_CLAIM,
	CRASH_AFTER_UNIT,
	CRASH_BEFORE_PIECE,
	CRASH_AFTER_BEGIN_UPLOAD,
	CRASH_AFTER_SLICE,
	CRASH_BEFORE_PART,
	CRASH_AFTER_PART,
	CRASH_BEFORE_MANIFEST,
	CRASH_BEFORE_COMPLETE,
	CRASH_AFTER_COMPLETE,
	CRASH_BEFORE_ABORT,
	CRASH_AFTER_ABORT,
	CRASH_AFTER_FINISH,
	CRASH_BEFORE_RETRY,
	CRASH_AFTER_RETRY,
	CRASH_AFTER_CANCELLED,
	CRASH_BEFORE_ACK,
	CRASH_AFTER_ACK,
	CRASH_POINTS_N
};

#ifdef CRASH_POINTS
void crash_at(enum crash_point point);

/* crash_list(): Print the names, one a line. */
void crash_list(void);
#else
#define crash_at(point) ((void)0)
#endif

#endif
