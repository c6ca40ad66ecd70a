/*
 * What both programs do to themselves before they read a secret. Knows nothing
 * of signals that end them: each main has its own.
 */
#include "lib/base/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* glibc raises its threshold by itself unless it is set. */
#define MMAP_FROM (256 * 1024)

void
process_harden(void)
{
	const struct rlimit none = { 0, 0 };
	struct sigaction sa = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &sa, NULL);
	umask(027);
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__	/* the leak check has to look */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void
process_give_back_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
}
