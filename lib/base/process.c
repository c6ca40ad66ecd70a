/*
 * What both programs do to themselves before they read a secret. Knows nothing
 * of signals that end them: each main has its own.
 */
#include "lib/base/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
