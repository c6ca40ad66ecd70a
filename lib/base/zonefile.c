/*
 * Zones by their names, from the system's files. What is in a file is tzif.c's.
 */
#include "lib/base/zonefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/tzif.h"
#include "lib/base/zone.h"

/* All of an open file into data, *len bytes; -1: no regular one, or it cannot be read. */
static int
read_all(int fd, uint8_t *data, size_t *len)
{
	struct stat st;
	ssize_t n;

	/* Europe is a folder. */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	for (*len = 0; *len <= TZIF_BYTES_MAX; *len += (size_t)n) {
		n = read(fd, data + *len, TZIF_BYTES_MAX + 1 - *len);
		if (n <= 0)
			return n == 0 ? 0 : -1;
	}
	return -1;
}

static enum zonefile_result
zonefile_failed(const char *name, const char *why)
{
	log_msg(LOG_ERROR, "zone", "%s: %s", name, why);
	return ZONEFILE_FAILED;
}

enum zonefile_result
zonefile_read(const char *name, int64_t from_ms, int64_t to_ms,
    struct zone *zone)
{
	char path[sizeof(ZONEFILE_FOLDER) + 1 + ZONE_NAME_MAX];
	enum zonefile_result result = ZONEFILE_OK;
	uint8_t *data;
	size_t len;
	int fd;

	if (!zone_is_name(name))
		return ZONEFILE_UNKNOWN;
	snprintf(path, sizeof(path), "%s/%s", ZONEFILE_FOLDER, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return errno == ENOENT || errno == ENOTDIR ? ZONEFILE_UNKNOWN :
		    zonefile_failed(path, strerror(errno));
	if ((data = malloc(TZIF_BYTES_MAX + 1)) == NULL)
		result = zonefile_failed(path, "out of memory");
	/* The folder has other files, too, and folders: they are no zones. */
	else if (read_all(fd, data, &len) != 0 ||
	    tzif_zone(data, len, from_ms, to_ms, zone) != 0)
		result = ZONEFILE_UNKNOWN;
	free(data);
	close(fd);
	return result;
}
