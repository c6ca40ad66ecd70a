/*
 * replay-NAME [FOLDER | FILE]...: One fuzz target on every file, t/corpus/NAME
 * where none is given. TAP: a line a file; a crash ends it before the plan.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "t/fuzz/fuzz.h"

#define FILE_MAX ((size_t)1 << 26)

static int n, failed;

/* Exactly these bytes, so that ASan sees one byte read too many. */
static void
replay_file(const char *path)
{
	uint8_t *data = NULL, *exact;
	size_t len = 0;
	FILE *f;

	if ((f = fopen(path, "rbe")) == NULL ||
	    (data = malloc(FILE_MAX)) == NULL) {
		printf("not ok %d - %s: %s\n", ++n, path, strerror(errno));
		failed++;
		goto out;
	}
	len = fread(data, 1, FILE_MAX, f);
	if ((exact = malloc(len > 0 ? len : 1)) == NULL)
		abort();
	memcpy(exact, data, len);
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	printf("ok %d - %s\n", ++n, path);
	fflush(stdout);
out:
	free(data);
	if (f != NULL)
		fclose(f);
}

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **list;
	char name[4096];
	struct stat st;
	int count, i;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	if ((count = scandir(path, &list, visible, alphasort)) < 1) {
		printf("not ok %d - %s: no files\n", ++n, path);
		failed++;
		return;
	}
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		replay_file(name);
		free(list[i]);
	}
	free(list);
}

int
main(int argc, char **argv)
{
	const char *self = strrchr(argv[0], '/');
	char corpus[256];
	int i;

	self = self != NULL ? self + 1 : argv[0];
	if (strncmp(self, "replay-", 7) == 0)
		self += 7;
	snprintf(corpus, sizeof(corpus), "t/corpus/%s", self);
	for (i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc < 2)
		replay(corpus);
	printf("1..%d\n", n);
	return failed > 0;
}
