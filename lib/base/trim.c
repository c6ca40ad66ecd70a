/*
 * White space around what stands in a line of a file.
 */
#include "lib/base/trim.h"

#include <ctype.h>
#include <string.h>

char *
trim(char *s)
{
	char *end = s + strlen(s);

	while (isspace((unsigned char)*s))
		s++;
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}
