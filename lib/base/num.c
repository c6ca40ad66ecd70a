/*
 * Text to whole number, with bounds. By itself, strtoll(3) accepts white space
 * before a number and anything after it.
 */
#include "lib/base/num.h"

#include <errno.h>
#include <stdlib.h>

int
num_parse(const char *text, int64_t min, int64_t max, int64_t *value)
{
	const char *digits = text + (text[0] == '-');
	long long n;
	char *end;

	if (digits[0] < '0' || digits[0] > '9')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < min || n > max)
		return -1;
	*value = n;
	return 0;
}
