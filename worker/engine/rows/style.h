#ifndef WORKER_ENGINE_ROWS_STYLE_H
#define WORKER_ENGINE_ROWS_STYLE_H

#include <stdbool.h>

struct periods;
struct zone;

/* How rows are written: FORMAT.md, 3. Zeroed: Unix ms, commas, LF. */
struct csv_style {
	bool parquet;		/* no CSV at all: of what follows, only periods counts */
	bool rfc3339;		/* times as RFC 3339; else Unix ms */
	bool excel;		/* lines end in CRLF, and a BOM precedes the header */
	bool semicolon;		/* semicolons between cells, and decimal commas */
	const struct zone *zone;	/* not NULL: times in it, local */
	const struct periods *periods;	/* not NULL: a block has rows of one of them */
};

/* What is between cells that are not CSV: texts are as they are. */
#define CSV_NO_SEPARATOR '\0'

/* csv_separator(style): What is between cells. */
static inline char
csv_separator(const struct csv_style *style)
{
	if (style->parquet)
		return CSV_NO_SEPARATOR;
	return style->semicolon ? ';' : ',';
}

#endif
