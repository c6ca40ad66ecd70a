/*
 * Base URLs of the configuration, by libcurl's parser. Knows no key.
 */
#include "lib/base/baseurl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define NO_MEMORY "out of memory"
#define NO_URL "it is no http:// or https:// URL"

struct parts {
	char *scheme, *host, *port, *path;
};

static void
parts_release(struct parts *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
	curl_free(p->path);
}

/* Whether the URL has this part. */
static bool
has(CURLU *u, CURLUPart what)
{
	char *text = NULL;
	const bool there = curl_url_get(u, what, &text, 0) == CURLUE_OK;

	curl_free(text);
	return there;
}

static const char *
read_parts(CURLU *u, bool path, struct parts *p)
{
	const char *c;

	if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
		return "it has a user or a password";
	if (has(u, CURLUPART_QUERY))
		return "it has a query (?)";
	if (has(u, CURLUPART_FRAGMENT))
		return "it has a fragment (#)";
	if (has(u, CURLUPART_ZONEID))
		return "its address has a zone (%)";
	if (curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0) != CURLUE_OK)
		return NO_MEMORY;
	if (strcmp(p->scheme, "http") != 0 && strcmp(p->scheme, "https") != 0)
		return NO_URL;
	if (curl_url_get(u, CURLUPART_HOST, &p->host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PATH, &p->path, 0) != CURLUE_OK)
		return NO_MEMORY;
	/* CURLUE_NO_PORT: the scheme's own. */
	curl_url_get(u, CURLUPART_PORT, &p->port, CURLU_NO_DEFAULT_PORT);
	if (p->port != NULL && strcmp(p->port, "0") == 0)
		return "there is no port 0";
	for (c = p->host; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return "its host is not ASCII: write xn--...";
	if (!path && p->path[strspn(p->path, "/")] != '\0')
		return "it has a path";
	return NULL;
}

static const char *
join_parts(const struct parts *p, char **out)
{
	size_t size = strlen(p->scheme) + strlen(p->host) + strlen(p->path) + 16;
	size_t len = strlen(p->path);
	char *c;

	while (len > 0 && p->path[len - 1] == '/')
		len--;
	if ((*out = malloc(size)) == NULL)
		return NO_MEMORY;
	snprintf(*out, size, "%s://%s%s%s", p->scheme, p->host,
	    p->port != NULL ? ":" : "", p->port != NULL ? p->port : "");
	for (c = *out; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	snprintf(c, size - (size_t)(c - *out), "%.*s", (int)len, p->path);
	return NULL;
}

const char *
baseurl_normalise(const char *text, bool path, char **out)
{
	struct parts p = { 0 };
	const char *fault;
	CURLU *u;

	if ((u = curl_url()) == NULL)
		return NO_MEMORY;
	switch (curl_url_set(u, CURLUPART_URL, text, 0)) {
	case CURLUE_OK:
		/* curl takes a third slash for a slip; to others it is no host. */
		fault = strstr(text, ":///") != NULL ? NO_URL :
		    read_parts(u, path, &p);
		break;
	case CURLUE_OUT_OF_MEMORY:
		fault = NO_MEMORY;
		break;
	default:
		fault = NO_URL;
		break;
	}
	if (fault == NULL)
		fault = join_parts(&p, out);
	parts_release(&p);
	curl_url_cleanup(u);
	return fault;
}
