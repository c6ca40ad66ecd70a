#ifndef LIB_BASE_TZRULE_H
#define LIB_BASE_TZRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_change;

/*
 * The rule by which a zone changes every year: the TZ string of POSIX, with the
 * extensions of RFC 9636, 3.3.1 (hours of -167 to 167). Pure.
 */

/* When in a year: the day, and seconds of local time from its midnight on. */
struct tzrule_date {
	enum { TZRULE_JULIAN, TZRULE_DAY, TZRULE_WEEKDAY } kind;
	int month, week, day;	/* the first two of a weekday */
	int32_t time_s;
};

struct tzrule {
	int32_t standard_s;	/* local time less UTC */
	bool changes;		/* else all below is unused */
	int32_t other_s;	/* in between, mostly in summer */
	struct tzrule_date begin, end;
};

/*
 * tzrule_parse(text, len, rule): Returns 0, or -1, rule undefined, when it is no TZ
 * string, or one that changes and does not say when.
 */
int tzrule_parse(const char *text, size_t len, struct tzrule *rule);

/*
 * tzrule_year(rule, year, changes): The two changes of a year, of a rule that has them;
 * the end comes first, so that of two at one moment the beginning is later. Where a
 * rule says hours beyond a day, they may fall into another year.
 */
void tzrule_year(const struct tzrule *rule, int year,
    struct zone_change *changes);

#endif
