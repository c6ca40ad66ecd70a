#ifndef T_UNIT_RANDOM_H
#define T_UNIT_RANDOM_H

#include "t/unit/doc.h"
#include "t/unit/draw.h"

/*
 * doc_random(d, depth): Elements of a level in any order, some of them to be
 * skipped, some hours ahead; depth 0: of an hour document's values.
 */
static inline void
doc_random(struct doc *d, int depth)
{
	/* around the key and a number; the first seven are points */
	static const struct {
		const char *before, *between, *after;
	} leaves[] = {
		{ "", "=i", "" }, { "", "=l-", "" }, { "", "=d0.", "" },
		{ "", "=s", "" }, { "", "=b1 0=i", "" }, { "", "=D", "" },
		{ "0", "=i", "" }, { "x", "=i", "" }, { "", "=t", "" },
		{ "", "{ a=i", " }" }, { "", "=dnan n=i", "" },
		{ "", "=s\xff", "" },
	}, *leaf;
	char spec[64];
	uint64_t n, far;
	int key;

	for (n = draw(12); n > 0; n--) {
		/* mostly in the hour, sometimes hours ahead */
		far = (draw(8) == 0 ? 8 : 1) * UINT64_C(3600000);
		key = draw(3) == 0 ? (int)draw(30) : (int)draw(far);
		if (depth < 2 && draw(6) == 0) {
			snprintf(spec, sizeof(spec), "%d", key / 2);
			doc_level(d, spec);
			doc_random(d, depth + 1);
			doc_level_end(d);
			continue;
		}
		leaf = &leaves[draw(draw(3) ? 7 : 12)];
		snprintf(spec, sizeof(spec), "%s%d%s%d%s", leaf->before, key,
		    leaf->between, (int)draw(1000), leaf->after);
		doc_put(d, spec);
	}
}

#endif
