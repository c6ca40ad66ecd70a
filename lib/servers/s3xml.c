/*
 * The few elements of S3's replies that we read, by libexpat: whatever way of XML a
 * server writes them in. A reply that is not well-formed, or has a DTD, has none.
 */
#include "lib/servers/s3xml.h"

#include <limits.h>
#include <string.h>

#include <expat.h>

/* Between a namespace and a name, in neither of which it may be. */
#define SEPARATOR '\n'

struct reader {
	XML_Parser parser;
	const char *tag;
	char *out;		/* NULL: nobody wants its text */
	size_t size, n;
	bool found;		/* the first element of this name has begun */
	bool inside;		/* and has not ended */
};

static void XMLCALL
on_start(void *arg, const char *name, const char **attributes)
{
	struct reader *r = arg;
	const char *local = strrchr(name, SEPARATOR);

	(void)attributes;
	local = local != NULL ? local + 1 : name;
	if (r->inside && r->out != NULL) {
		/* Text is wanted, and it has elements. */
		XML_StopParser(r->parser, XML_FALSE);
	} else if (!r->found && strcmp(local, r->tag) == 0) {
		r->found = r->inside = true;
	}
}

static void XMLCALL
on_end(void *arg, const char *name)
{
	struct reader *r = arg;

	(void)name;
	/* Of the element itself: one whose text is wanted has no others. */
	r->inside = false;
}

static void XMLCALL
on_text(void *arg, const char *text, int len)
{
	struct reader *r = arg;

	if (!r->inside || r->out == NULL)
		return;
	if (r->n + (size_t)len >= r->size) {
		XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	memcpy(r->out + r->n, text, (size_t)len);
	r->n += (size_t)len;
}

static void XMLCALL
on_doctype(void *arg, const char *name, const char *system, const char *public,
    int internal)
{
	struct reader *r = arg;

	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	XML_StopParser(r->parser, XML_FALSE);
}

/* Whether all of body is XML, and has the element, whose text fits. */
static bool
reader_run(struct reader *r, const char *body, size_t len)
{
	bool good = false;

	/* While it works Amazon sends white space, which XML allows only later. */
	while (len > 0 && strchr(" \t\r\n", *body) != NULL && *body != '\0') {
		body++;
		len--;
	}
	if (len > INT_MAX ||
	    (r->parser = XML_ParserCreateNS(NULL, SEPARATOR)) == NULL)
		return false;
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, body, (int)len, XML_TRUE) == XML_STATUS_OK)
		good = r->found;
	XML_ParserFree(r->parser);
	return good;
}

int
s3xml_text(const char *body, size_t len, const char *tag, char *out,
    size_t size)
{
	struct reader r = { .tag = tag, .out = out, .size = size };

	if (size == 0 || !reader_run(&r, body, len))
		return -1;
	out[r.n] = '\0';
	return 0;
}

bool
s3xml_has(const char *body, size_t len, const char *tag)
{
	struct reader r = { .tag = tag };

	return reader_run(&r, body, len);
}
