/*
 * A request to an endpoint that hands out credentials. Knows which hosts may do so, and
 * nothing of what they answer.
 */
#include "lib/servers/credential_http.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "lib/base/buf.h"

#define CONNECT_MS 2000
#define HEADER_MAX 20480

/* In plain HTTP: this host, and what is not routed beyond it. */
static bool
is_near(const char *host)
{
	static const char *const known[] = { "localhost", "169.254.170.2",
	    "169.254.170.23", "169.254.169.254", "[fd00:ec2::23]",
	    "[fd00:ec2::254]", "[::1]" };
	struct in_addr v4;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(host, known[i]) == 0)
			return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

const char *
credential_http_wrong(const char *url)
{
	const char *wrong = "it is no http:// or https:// URL";
	char *scheme = NULL, *host = NULL, *user = NULL;
	CURLU *u = curl_url();

	if (u != NULL && strlen(url) <= CREDENTIAL_URL_MAX &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
			wrong = "it has a user";
		else if (strcmp(scheme, "https") == 0 ||
		    (strcmp(scheme, "http") == 0 && is_near(host)))
			wrong = NULL;
		else if (strcmp(scheme, "http") == 0)
			wrong = "over http:// only this host and AWS's link-local "
			    "addresses are trusted: use https://";
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(u);
	return wrong;
}

int
credential_http_escape(struct buf *b, const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	int rc = escaped == NULL ? -1 : buf_adds(b, escaped);

	if (escaped != NULL)
		OPENSSL_cleanse(escaped, strlen(escaped));
	curl_free(escaped);
	return rc;
}

static size_t
on_write(char *data, size_t size, size_t n, void *arg)
{
	return buf_add(arg, data, size * n) == 0 ? size * n : 0;
}

static void
set_options(CURL *c, const struct credential_call *call, struct buf *reply,
    struct curl_slist *list)
{
	curl_easy_setopt(c, CURLOPT_URL, call->url);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (call->ca_file != NULL) {
		curl_easy_setopt(c, CURLOPT_CAINFO, call->ca_file);
		/* Else the system's CAs would be trusted as well. */
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)call->limit_ms);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, reply);
	if (call->form != NULL)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, call->form);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call->method);
}

/* The caller's header, if any; and a form is not announced first. Returns 0, -1: no memory. */
static int
make_headers(const struct credential_call *call, struct curl_slist **list)
{
	struct buf b;

	*list = NULL;
	if (call->form != NULL)
		return (*list = curl_slist_append(NULL, "Expect:")) == NULL ? -1 : 0;
	if (call->header == NULL)
		return 0;
	buf_init(&b, HEADER_MAX);
	if (buf_addf(&b, "%s: %s", call->header, call->value) == 0 &&
	    buf_cstr(&b) != NULL)
		*list = curl_slist_append(NULL, (char *)b.data);
	if (b.data != NULL)
		OPENSSL_cleanse(b.data, b.len);
	buf_release(&b);
	return *list == NULL ? -1 : 0;
}

long
credential_http(const struct credential_call *call, struct buf *reply, char *why,
    size_t size)
{
	char text[CURL_ERROR_SIZE] = "";
	struct curl_slist *list;
	CURL *c = NULL;
	long status = 0;
	CURLcode rc;

	reply->len = 0;
	reply->max = CREDENTIAL_REPLY_MAX;
	/* Counted by libcurl, so once more than s3_new() does no harm. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    make_headers(call, &list) != 0 || (c = curl_easy_init()) == NULL) {
		snprintf(why, size, "out of memory");
		return 0;
	}
	set_options(c, call, reply, list);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
	if ((rc = curl_easy_perform(c)) == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	else
		snprintf(why, size, "%s", text[0] != '\0' ? text :
		    curl_easy_strerror(rc));
	curl_easy_cleanup(c);
	curl_slist_free_all(list);
	return status;
}
