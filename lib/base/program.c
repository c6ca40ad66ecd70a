/*
 * The command line of a program of ours: options, --help, --version, --keys.
 * Knows neither what the program does nor how it exits: main returns the code.
 */
#include "lib/base/program.h"

#include <getopt.h>
#include <stdio.h>

#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/version.h"

#define CONF_DEFAULT "/etc/export/export.conf"

static void
program_usage(const struct program *p, FILE *to)
{
	fprintf(to,
	    "usage: %s [-c FILE]%s [--check] [--keys]\n"
	    "%s"
	    "  -c, --config FILE   configuration (" CONF_DEFAULT ")\n"
	    "%s"
	    "  --check             reach all servers, see whether the rights are as they\n"
	    "                      should be, print what was found; exit 0, or 1\n"
	    "  --keys              list the keys of the configuration, a line each: name,\n"
	    "                      kind, default, minimum, maximum, program, need, choices,\n"
	    "                      separated by tabs\n"
	    "  -h, --help          this text\n"
	    "  --version           %s\n"
	    "%s",
	    p->name, p->pidfile ? " [--pidfile FILE]" : "", p->purpose,
	    p->pidfile ?
	    "  --pidfile FILE      write the process id there\n" : "",
	    EXPORT_VERSION, p->ending);
}

/* One option; returns PROGRAM_GO_ON or the exit code. */
static int
program_option(const struct program *p, int c, struct program_options *o)
{
	switch (c) {
	case 'c':
		o->conf = optarg;
		return PROGRAM_GO_ON;
	case 'p':
		o->pidfile = optarg;
		return PROGRAM_GO_ON;
	case 'k':
		o->check = true;
		return PROGRAM_GO_ON;
	case 'K':
		conf_keys(stdout);
		return 0;
	case 'h':
		program_usage(p, stdout);
		return 0;
	case 'V':
		printf("%s %s\n", p->name, EXPORT_VERSION);
		return 0;
#ifdef CRASH_POINTS
	case 'C':
		crash_list();
		return 0;
#endif
	default:
		program_usage(p, stderr);
		return PROGRAM_USAGE;
	}
}

int
program_options(const struct program *p, int argc, char **argv,
    struct program_options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "keys", no_argument, NULL, 'K' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
#ifdef CRASH_POINTS
		{ "crash-points", no_argument, NULL, 'C' },
#endif
		{ "pidfile", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 }
	};
	int c, rc = PROGRAM_GO_ON;

	/* --pidfile is known to getopt for both, and refused where it is not taken. */
	*o = (struct program_options){ .conf = CONF_DEFAULT };
	while (rc == PROGRAM_GO_ON &&
	    (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		rc = program_option(p, c == 'p' && !p->pidfile ? '?' : c, o);
	if (rc == PROGRAM_GO_ON && optind < argc) {
		program_usage(p, stderr);
		return PROGRAM_USAGE;
	}
	return rc;
}
