#ifndef LIB_BASE_PROGRAM_H
#define LIB_BASE_PROGRAM_H

#include <stdbool.h>

/* What the command lines of both programs have in common, and what differs. */
struct program {
	const char *name;
	const char *purpose;	/* of --help, whole lines */
	const char *ending;	/* the same: what SIGTERM does */
	bool pidfile;		/* takes --pidfile */
};

struct program_options {
	const char *conf;	/* the path of the configuration */
	const char *pidfile;	/* NULL: none */
	bool check;
};

/* program_options() does not return an exit code: go on. */
#define PROGRAM_GO_ON (-1)
/* sysexits.h's EX_USAGE. */
#define PROGRAM_USAGE 64

/*
 * program_options(p, argc, argv, o):
 * Read the command line, and do what is done with a line of output: --help,
 * --version, --keys. Returns PROGRAM_GO_ON with *o filled, else the exit code.
 */
int program_options(const struct program *p, int argc, char **argv,
    struct program_options *o);

#endif
