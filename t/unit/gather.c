/* worker/gather: the documents of a window in one list, each column's by time. */
#include "worker/gather.h"

#include <stdlib.h>
#include <string.h>

#include "t/tap.h"

/* Each letter is a document: its name and its time are in the table. */
static struct source_doc docs[64];
static size_t n_docs;

/* "a1 b3": documents a and b, at 1 and 3 ms. */
static struct gather_column
column(size_t of, const char *text)
{
	struct gather_column c = { .v = docs + n_docs };

	for (; *text != '\0'; text += 2 + (text[2] == ' ')) {
		docs[n_docs++] = (struct source_doc){ of,
		    (const uint8_t *)text, 1, text[1] - '0' };
		c.n++;
	}
	return c;
}

static void
check(const char *first, const char *second, const char *odd_of_second,
    const char *expected)
{
	const struct gather_column columns[3] = { column(0, first),
	    column(1, second), column(1, odd_of_second) };
	struct source_doc *all;
	char got[64] = "";
	size_t i, n;

	all = gather(columns, 2, &n);
	for (i = 0; i < n; i++)
		got[i] = (char)all[i].data[0];
	is_str(got, expected, "%s | %s | %s", first, second, odd_of_second);
	free(all);
	n_docs = 0;
}

int
main(void)
{
	check("", "", "", "");
	check("a1 b2 c3", "", "", "abc");
	check("a1 b2", "c1 d2", "", "abcd");
	/* Numbers, then Dates: by time, and the Date is the later one. */
	check("a1 b3 c5 D1 E4 F5", "", "", "aDbEcF");
	check("a5 B1", "", "", "Ba");
	check("a1 b1 C1", "", "", "abC");
	/* What has no time comes at its place, before those of that time. */
	check("a1", "b1 c3", "x2 y2", "abxyc");
	check("", "", "x2", "x");
	check("a1", "b3", "x1", "axb");
	check("a1", "b2 c2 d3", "x2 y2", "axybcd");
	return done_testing();
}
