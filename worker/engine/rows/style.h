#ifndef WORKER_ENGINE_ROWS_STYLE_H
#define WORKER_ENGINE_ROWS_STYLE_H

#include <stdbool.h>

struct periods;
struct zone;

/* How rows are written: FORMAT.md, 3. Zeroed: Unix ms, commas, LF. */
struct csv_style {
	bool rfc3339;		/* times as RFC 3339; else Unix ms */
	bool excel;		/* lines end in CRLF, and a BOM precedes the header */
	bool semicolon;		/* semicolons between cells, and decimal commas */
	const struct zone *zone;	/* not NULL: times in it, local */
	const struct periods *periods;	/* not NULL: a block has rows of one of them */
};

/* csv_separator(style): What is between cells. */
static inline char
csv_separator(const struct csv_style *style)
{
	return style->semicolon ? ';' : ',';
}

#endif
