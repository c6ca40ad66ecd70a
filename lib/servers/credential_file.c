/*
 * Files that hold credentials, or a token that they are had for. Knows neither.
 */
#include "lib/servers/credential_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lib/base/buf.h"

int
credential_fail(char why[CREDENTIAL_WHY_SIZE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CREDENTIAL_WHY_SIZE, fmt, ap);
	va_end(ap);
	return -1;
}

int
credential_read(const char *path, bool own, struct buf *b,
    char why[CREDENTIAL_WHY_SIZE])
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *to;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0) {
		credential_fail(why, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (own && (st.st_mode & 077) != 0) {
		close(fd);
		return credential_fail(why, "%s: others may read this secret: chmod 0400 it",
		    path);
	}
	while ((to = buf_reserve(b, 4096)) != NULL &&
	    (n = read(fd, to, 4096)) > 0)
		b->len += (size_t)n;
	close(fd);
	if (to == NULL)
		return credential_fail(why, "%s: longer than %zu bytes", path, b->max - 4096);
	return n < 0 ? credential_fail(why, "%s: %s", path, strerror(errno)) : 0;
}

void
credential_release(struct buf *b)
{
	if (b->data != NULL)
		OPENSSL_cleanse(b->data, b->cap);
	buf_release(b);
}
