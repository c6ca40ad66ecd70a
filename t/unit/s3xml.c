#include "lib/servers/s3xml.h"

#include <stdlib.h>

#include "t/tap.h"

#define NONE NULL

static const struct {
	const char *body;
	const char *tag;
	const char *expected;
} rows[] = {
	{ "<Code>NoSuchKey</Code>", "Code", "NoSuchKey" },
	{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown"
	    "</Code><Message>Reduce</Message></Error>", "Message", "Reduce" },
	{ "<Error><Code>A</Code><Code>B</Code></Error>", "Code", "A" },
	{ "<Code></Code>", "Code", "" },
	{ "<Code> a b\n</Code>", "Code", " a b\n" },
	{ "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc"
	    "/2006-03-01/\"><Bucket>b</Bucket><Key>k</Key><UploadId>a/b+c=="
	    "</UploadId></InitiateMultipartUploadResult>", "UploadId",
	    "a/b+c==" },
	/* names that begin or end alike */
	{ "<E><CodeX>no</CodeX><Code>yes</Code></E>", "Code", "yes" },
	{ "<E><XCode>no</XCode><Code>yes</Code></E>", "Code", "yes" },
	{ "<E><Cod>no</Cod><Code>yes</Code></E>", "Code", "yes" },
	{ "<E><code>no</code><Code>yes</Code></E>", "Code", "yes" },
	{ "<E>Code<Code>yes</Code></E>", "Code", "yes" },
	{ "<KeyCount>2</KeyCount>", "Key", NONE },
	/* white space that XML allows in tags, and servers before all of it */
	{ "<Code >x</Code>", "Code", "x" },
	{ "<Code>x</Code >", "Code", "x" },
	{ "<Code\n>x</Code\n>", "Code", "x" },
	{ " \r\n\t <?xml version=\"1.0\"?> <Code>x</Code> \n", "Code", "x" },
	/* namespaces, attributes */
	{ "<Code xmlns=\"urn:x\">x</Code>", "Code", "x" },
	{ "<s3:E xmlns:s3=\"urn:x\"><s3:Code>x</s3:Code></s3:E>", "Code", "x" },
	{ "<E a='1'><Code b=\"2\">x</Code></E>", "Code", "x" },
	{ "<s3:Code>x</s3:Code>", "Code", NONE },
	/* all ways to write a character */
	{ "<ETag>&quot;ab&quot;</ETag>", "ETag", "\"ab\"" },
	{ "<ETag>&#34;ab&#x22;</ETag>", "ETag", "\"ab\"" },
	{ "<ETag>&#x00022;ab&#0034;</ETag>", "ETag", "\"ab\"" },
	{ "<ETag><![CDATA[\"ab\"]]></ETag>", "ETag", "\"ab\"" },
	{ "<ETag>\"<![CDATA[a]]><!-- no -->b<?no pi?>\"</ETag>", "ETag",
	    "\"ab\"" },
	{ "<M>&lt;&gt;&amp;&apos;&quot;</M>", "M", "<>&'\"" },
	{ "<M>&amp;lt;</M>", "M", "&lt;" },
	{ "<M>&amp;amp;amp;</M>", "M", "&amp;amp;" },
	{ "<M>a&amp;</M>", "M", "a&" },
	{ "<M>\xc3\xa9&#233;&#xe9;</M>", "M", "\xc3\xa9\xc3\xa9\xc3\xa9" },
	{ "<?xml version='1.0' encoding='ISO-8859-1'?><M>\xe9</M>", "M",
	    "\xc3\xa9" },
	{ "\xef\xbb\xbf<?xml version='1.0'?><M>x</M>", "M", "x" },
	{ "<!-- no --><M>x</M><!-- no -->", "M", "x" },
	/* not there, or no text */
	{ "<Error><Message>x</Message></Error>", "Code", NONE },
	{ "<html><body>502</body></html>", "Code", NONE },
	{ "<Code><A>x</A></Code>", "Code", NONE },
	{ "<Code>x<A/></Code>", "Code", NONE },
	{ "<Code/>", "Code", "" },
	{ "<E><!-- <Code>no</Code> --></E>", "Code", NONE },
	{ "<E><![CDATA[<Code>no</Code>]]></E>", "Code", NONE },
	{ "<E a='<Code>no</Code>'/>", "Code", NONE },
	/* not XML: cut, or wrong */
	{ "", "Code", NONE },
	{ "   ", "Code", NONE },
	{ "<", "Code", NONE },
	{ "<Code", "Code", NONE },
	{ "<Code>", "Code", NONE },
	{ "<Code>abc", "Code", NONE },
	{ "<Code>abc<", "Code", NONE },
	{ "<E><Code>abc</Code>", "Code", NONE },
	{ "<Code>abc</Code><Code>def</Code>", "Code", NONE },
	{ "<Code>abc</Code>x", "Code", NONE },
	{ "<Code>abc</Cod>", "Code", NONE },
	{ "<Code>a&b</Code>", "Code", NONE },
	{ "<Code>a&x;b</Code>", "Code", NONE },
	{ "<Code>&#0;</Code>", "Code", NONE },
	{ "<Code>\x01</Code>", "Code", NONE },
	{ "<Code>\xff</Code>", "Code", NONE },
	{ "Internal Server Error", "Code", NONE },
	/* a DTD, whatever is in it */
	{ "<!DOCTYPE Code><Code>x</Code>", "Code", NONE },
	{ "<!DOCTYPE Code [<!ENTITY x \"y\">]><Code>&x;</Code>", "Code", NONE },
	{ "<!DOCTYPE Code SYSTEM \"file:///etc/passwd\"><Code>x</Code>", "Code",
	    NONE },
};

static const struct {
	const char *body;
	const char *tag;
	int expected;
} has[] = {
	{ "<Error><Code>x</Code></Error>", "Error", 1 },
	{ "<?xml version=\"1.0\"?>\n\n<Error><Code>x</Code></Error>", "Error",
	    1 },
	{ "<Error xmlns=\"urn:x\"/>", "Error", 1 },
	{ "<x:Error xmlns:x=\"urn:x\"/>", "Error", 1 },
	{ "<Error/>", "Error", 1 },
	{ "<Error />", "Error", 1 },
	{ "<Error\n></Error>", "Error", 1 },
	{ "   \n   <Error></Error>", "Error", 1 },
	{ "<A><Error><B/></Error></A>", "Error", 1 },
	{ "<Error>", "Error", 0 },
	{ "<Errors/>", "Error", 0 },
	{ "<MyError/>", "Error", 0 },
	{ "</Error>", "Error", 0 },
	{ "Error", "Error", 0 },
	{ "", "Error", 0 },
	{ "<A><!-- <Error/> --></A>", "Error", 0 },
	{ "<!DOCTYPE Error><Error/>", "Error", 0 },
	{ "<CompleteMultipartUploadResult><ETag>x</ETag>"
	    "</CompleteMultipartUploadResult>", "Error", 0 },
	{ "<CompleteMultipartUploadResult><ETag>x</ETag>"
	    "</CompleteMultipartUploadResult>", "CompleteMultipartUploadResult",
	    1 },
};

static int
text_of(const char *body, size_t len, const char *tag, char *out, size_t size)
{
	char *copy, *room;
	int rc;

	/* Both without a byte to spare: ASan sees one too many. */
	if ((copy = malloc(len > 0 ? len : 1)) == NULL ||
	    (room = malloc(size > 0 ? size : 1)) == NULL)
		abort();
	memcpy(copy, body, len);
	rc = s3xml_text(copy, len, tag, room, size);
	if (rc == 0)
		memcpy(out, room, strlen(room) + 1);
	free(copy);
	free(room);
	return rc;
}

static void
test_sizes(void)
{
	static const char body[] = "<A>&lt;xyz&gt;</A>";
	char out[64], name[64];
	size_t size;
	int rc;

	for (size = 0; size < 10; size++) {
		rc = text_of(body, strlen(body), "A", out, size);
		snprintf(name, sizeof(name), "5 bytes and a NUL into %zu",
		    size);
		if (size < 6)
			is_int(rc, -1, "%s", name);
		else
			is_str(rc == 0 ? out : NULL, "<xyz>", "%s", name);
	}
	ok(text_of("<A></A>", 7, "A", out, 1) == 0 && out[0] == '\0',
	    "an empty text into one byte");
	is_int(text_of("<A></A>", 7, "A", out, 0), -1, "and into none");
	is_int(text_of("<A>x</A>", 4, "A", out, 64), -1,
	    "len ends within the element");
	for (size = 0; size < strlen(body); size++)
		if (text_of(body, size, "A", out, 64) == 0)
			break;
	ok(size == strlen(body), "no prefix holds the element");
	is_int(text_of("<A>a\0b</A>", 10, "A", out, 64), -1, "a NUL in it");
}

int
main(void)
{
	char out[256];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rc = text_of(rows[i].body, strlen(rows[i].body), rows[i].tag,
		    out, sizeof(out));
		is_str(rc == 0 ? out : NULL, rows[i].expected, "%s of %s",
		    rows[i].tag, rows[i].body);
	}
	for (i = 0; i < sizeof(has) / sizeof(has[0]); i++)
		is_int(s3xml_has(has[i].body, strlen(has[i].body),
		    has[i].tag) != 0, has[i].expected, "has %s: %s",
		    has[i].tag, has[i].body);
	ok(s3xml_has("<Error>", 3, "Error") == 0, "len ends within the name");
	test_sizes();
	return done_testing();
}
