/* The order of columns and their names: FORMAT.md, 1 and 3. */
#include "worker/engine/rows/columns.h"

#include <stdlib.h>
#include <strings.h>

#include "lib/base/names.h"
#include "worker/engine/archive_types.h"

#include "t/tap.h"

static const struct columns_units none = { NULL, 0 };

/* A list of space-separated names. */
static void
split(const char *text, struct names *list)
{
	size_t len;

	for (; *text != '\0'; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		if (names_add(list, text, len) != 0)
			abort();
	}
}

static void
join(const struct names *list, char *text, size_t size)
{
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < list->n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		    i == 0 ? "" : " ", list->v[i]);
}

static void
test_sort(void)
{
	struct names list = { 0 };
	char text[256];

	split("z voltage Z odo b speed", &list);
	columns_sort(&list);
	join(&list, text, sizeof(text));
	is_str(text, "speed odo voltage Z b z", "the order");
	names_release(&list);
	columns_sort(&list);
	is_int((int64_t)list.n, 0, "of none");
}

static void
test_names(void)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "speed soc", "speed soc" },
		{ "speed Speed SPEED", "speed Speed_2 SPEED_3" },
		{ "time", "time_2" },
		{ "TIME time time_2", "TIME_2 time_3 time_2_2" },
		{ "speed Speed speed_2 time", "speed Speed_2 speed_2_2 time_2" },
		{ "a_2 a A", "a_2 a A_3" },
		{ "a a_2 A", "a a_2 A_3" },
		/* as in the header, before it is quoted */
		{ "=a '=a +x 'x", "'=a '=a_2 '+x 'x" },
		{ "-A @b \t=c \rd a,b q\"x", "'-A '@b \t'=c \rd a,b q\"x" },
		{ "a;=b a;'=b \"-c", "a;'=b a;'=b_2 \"'-c" },
		{ "\xc3\xa4 \xc3\x84", "\xc3\xa4 \xc3\x84" },
	};
	struct names from = { 0 }, to = { 0 };
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		split(rows[i][0], &from);
		is_int(columns_name(&from, &none, ',', &to), 0, "row %zu", i);
		join(&to, text, sizeof(text));
		is_str(text, rows[i][1], "row %zu: names", i);
		join(&from, text, sizeof(text));
		is_str(text, rows[i][0], "row %zu: parameters stay", i);
		names_release(&from);
		names_release(&to);
	}
}

static void
test_units(void)
{
	/* By name: capitals first. */
	static const struct archive_parameter known[] = {
		{ "A", "=1", NULL, -1 },
		{ "Speed", "km/h", NULL, -1 },
		{ "b", "%", "a share", 1 },
		{ "odo", NULL, "what it has run", 0 },
		{ "soc", "", NULL, -1 },
		{ "speed", "km/h", NULL, -1 },
		{ "t", "\xc2\xb0" "C", NULL, -1 },
		{ "u", "a;=1", NULL, -1 },
	};
	static const struct columns_units units = { known,
	    sizeof(known) / sizeof(known[0]) };
	static const char *const rows[][3] = {
		{ "", "", "" },
		{ "speed", "speed [km/h]", NULL },
		{ "t odo nosuch b", "t [\xc2\xb0" "C] odo nosuch b [%]", NULL },
		{ "speed Speed", "speed [km/h] Speed [km/h]_2", NULL },
		{ "A =A", "A [=1] '=A", NULL },
		{ "soc", "soc []", NULL },
		{ "u", "u [a;'=1]", "u [a;=1]" },
	};
	struct names from = { 0 }, to = { 0 };
	char text[256];
	size_t i;
	int k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		split(rows[i][0], &from);
		for (k = 0; k < 2; k++) {
			is_int(columns_name(&from, &units, k == 0 ? ',' : ';', &to), 0,
			    "units, row %zu", i);
			join(&to, text, sizeof(text));
			is_str(text, k == 1 && rows[i][2] != NULL ? rows[i][2] :
			    rows[i][1], "units, row %zu: names by %c", i,
			    k == 0 ? ',' : ';');
			names_release(&to);
		}
		names_release(&from);
	}
	/* A parameter that is called as another one is with its unit. */
	if (names_add(&from, "speed [KM/H]", 12) != 0)
		abort();
	split("speed", &from);
	is_int(columns_name(&from, &units, ',', &to), 0, "a name like one with a unit");
	join(&to, text, sizeof(text));
	is_str(text, "speed [KM/H] speed [km/h]_2", "stays, the other one is numbered");
	names_release(&from);
	names_release(&to);
}

/* 2,000 of one name in 2^11 cases: no two are equal. */
static void
test_many(void)
{
	enum { N = 2000 };
	struct names from = { 0 }, to = { 0 };
	char name[] = "temperature";
	size_t i, k, same = 0;

	for (i = 0; i < N; i++) {
		for (k = 0; k < strlen(name); k++)
			name[k] = (char)((name[k] & ~0x20) |
			    (i >> k & 1 ? 0 : 0x20));
		if (names_add(&from, name, strlen(name)) != 0)
			abort();
	}
	is_int(columns_name(&from, &none, ',', &to), 0, "%d names that differ by case", N);
	is_str(to.v[N - 1] + strlen(name), "_2000", "the last one");
	for (i = 0; i < N; i++)
		for (k = 0; k < i; k++)
			same += strcasecmp(to.v[i], to.v[k]) == 0;
	is_int((int64_t)same, 0, "none twice");
	names_release(&from);
	names_release(&to);
}

int
main(void)
{
	test_sort();
	test_names();
	test_units();
	test_many();
	return done_testing();
}
