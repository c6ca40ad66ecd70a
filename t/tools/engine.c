/*
 * engine FLEETDIR OUT.zip:
 * The engine without servers, for the comparison with the oracle: documents come
 * from framed files (t/fleet.py), so also those that no mongod would store; the
 * archive goes to a file. CSV_SPLIT_BYTES and THREADS in the environment are the
 * settings of those names; CARRY_BYTES: of documents that reach beyond their hour;
 * WINDOW_HOURS: of a window (24); PARTS: each hour is read in this many; DAYS: by
 * way of fragments, each of VISITS (1) times so many days of a vehicle (exit status
 * 3: one cannot be cut); EXACT=1: all of it takes the exact path. It prints how many
 * slices there were, and how many took that path.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "lib/base/duration.h"
#include "lib/base/names.h"
#include "lib/base/process.h"
#include "lib/base/zone.h"
#include "lib/base/zonefile.h"
#include "worker/engine/archive.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/sink.h"
#include "worker/engine/source.h"

#define FILE_MAX ((size_t)1 << 31)
#define FRAME_BYTES 12
/* The order_ms of a document whose _id has no place in time. */
#define TIMELESS INT64_MIN
#define HOUR_MS 3600000

struct frame {
	int64_t order_ms;
	int timeless;
	const uint8_t *data;
	size_t len;
};

struct column {
	struct buf file;
	struct frame *frames;
	size_t n, at;
};

/* One vehicle, and how many windows of it are not released. */
struct vehicle {
	struct source_vehicle v;
	struct names found;
	struct column *columns;
	int windows;
	int done;	/* its last window was taken */
};

struct window {
	struct source_window w;
	struct vehicle *vehicle;
	struct buf cut;		/* the documents of a part */
};

struct files {
	struct source source;
	const char *dir;
	const struct archive_spec *spec;
	const struct source_vehicle *visits;	/* vehicles, or days of them */
	size_t n, next;
	struct vehicle *open;
	int64_t window_ms;
	int64_t parts, part;		/* of an hour; the next one of this hour */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct file_sink {
	struct sink sink;
	FILE *f;
};

static int
file_write(struct sink *s, const void *data, size_t len)
{
	return fwrite(data, 1, len, ((struct file_sink *)s)->f) == len ? 0 : -1;
}

static int
file_close(struct sink *s)
{
	return fclose(((struct file_sink *)s)->f) == 0 ? 0 : -1;
}

static int
read_file(const char *path, struct buf *b)
{
	FILE *f;
	uint8_t *to;
	size_t n;

	buf_init(b, FILE_MAX);
	if ((f = fopen(path, "rb")) == NULL)
		return -1;
	do {
		if ((to = buf_reserve(b, 65536)) == NULL)
			errx(2, "%s: too large", path);
		n = fread(to, 1, 65536, f);
		b->len += n;
	} while (n > 0);
	fclose(f);
	return 0;
}

static int
frame_compare(const void *a, const void *b)
{
	const struct frame *x = a, *y = b;

	if (x->order_ms != y->order_ms)
		return x->order_ms < y->order_ms ? -1 : 1;
	if (x->timeless != y->timeless)
		return x->timeless ? -1 : 1;
	return x->data < y->data ? -1 : x->data > y->data;
}

/* When the hour of t_ms begins, also before 1970. */
static int64_t
hour_of(int64_t t_ms)
{
	const int64_t rest = t_ms % HOUR_MS;

	return t_ms - rest - (rest < 0 ? HOUR_MS : 0);
}

static void
cut_frames(struct column *c, const struct archive_spec *spec,
    const struct source_vehicle *v)
{
	const int64_t from_ms = (v->continues ? v->from_ms : spec->from_ms) -
	    spec->hold_ms;
	const int64_t to_ms = v->goes_on ? v->to_ms : spec->to_ms;
	size_t at = 0;

	c->frames = calloc(c->file.len / FRAME_BYTES + 1, sizeof(*c->frames));
	if (c->frames == NULL)
		err(2, "frames");
	while (at + FRAME_BYTES <= c->file.len) {
		struct frame f = {
			(int64_t)le64(c->file.data + at), 0,
			c->file.data + at + FRAME_BYTES,
			le32(c->file.data + at + 8)
		};

		at += FRAME_BYTES + f.len;
		if (f.order_ms == TIMELESS && !v->continues) {
			f.timeless = 1;
			f.order_ms = hour_of(spec->from_ms);
		}
		if (f.order_ms > from_ms - HOUR_MS && f.order_ms < to_ms)
			c->frames[c->n++] = f;
	}
	qsort(c->frames, c->n, sizeof(*c->frames), frame_compare);
}

/* Percent-decoded, in place. */
static void
decode(char *s)
{
	char *to = s;
	unsigned c;

	for (; *s != '\0'; s++) {
		if (*s == '%' && sscanf(s + 1, "%2x", &c) == 1) {
			*to++ = (char)c;
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static void
encode(const char *name, char *to, size_t size)
{
	size_t n = 0;

	for (; *name != '\0' && n + 4 < size; name++) {
		unsigned char c = (unsigned char)*name;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("_.-~", c) != NULL)
			to[n++] = (char)c;
		else
			n += (size_t)snprintf(to + n, 4, "%%%02X", c);
	}
	to[n] = '\0';
}

/* Names in a folder, decoded, without the ending. */
static void
list_names(const char *path, const char *ending, struct names *list)
{
	struct dirent *e;
	DIR *dir;

	if ((dir = opendir(path)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		size_t len = strlen(e->d_name), cut = strlen(ending);

		if (e->d_name[0] == '.' || len < cut ||
		    strcmp(e->d_name + len - cut, ending) != 0)
			continue;
		if (names_add(list, e->d_name, len - cut) != 0)
			err(2, "names");
		decode(list->v[list->n - 1]);
	}
	closedir(dir);
}

static void
take_list(struct json_object *o, const char *name, struct names *list)
{
	struct json_object *a = json_object_object_get(o, name);
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < json_object_array_length(a); i++) {
		const char *text = json_object_get_string(
		    json_object_array_get_idx(a, i));

		if (names_add(list, text, strlen(text)) != 0)
			err(2, "names");
	}
}

static int
is_word(struct json_object *o, const char *name, const char *word)
{
	const char *text = json_object_get_string(
	    json_object_object_get(o, name));

	return text != NULL && strcmp(text, word) == 0;
}

static void
read_zone(struct json_object *o, struct archive_spec *spec, struct zone *zone)
{
	static char name[ZONE_NAME_MAX + 1] = "UTC";
	struct json_object *asked = json_object_object_get(o, "timeZone");

	if (asked != NULL)
		snprintf(name, sizeof(name), "%s", json_object_get_string(asked));
	/* See archive_spec: and the first step may begin before. */
	if (zonefile_read(name, spec->from_ms - 3 * 24 * HOUR_MS, spec->to_ms,
	    zone) != ZONEFILE_OK)
		errx(2, "no zone %s", name);
	spec->zone = zone;
	spec->zone_name = name;
}

static int64_t
duration_of(struct json_object *o, const char *name)
{
	const char *text = json_object_get_string(
	    json_object_object_get(o, name));
	int64_t ms = 0;

	if (text != NULL && duration_parse(text, strlen(text), &ms) != 0)
		errx(2, "%s: no duration", name);
	return ms;
}

static void
read_steps(struct json_object *o, struct archive_spec *spec)
{
	static const char *const takes[] = { "last", "first", "mean", "min",
	    "max", NULL };
	int i;

	spec->every_ms = duration_of(o, "every");
	spec->hold_ms = duration_of(o, "hold");
	for (i = 0; takes[i] != NULL; i++)
		if (is_word(o, "take", takes[i]))
			spec->take = (enum archive_take)i;
}

static int
known_compare(const void *a, const void *b)
{
	return strcmp(((const struct archive_parameter *)a)->name,
	    ((const struct archive_parameter *)b)->name);
}

static const char *
text_or_null(struct json_object *list, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(list, i));
}

/*
 * Of known, {NAME: [unit, label, decimals]}, any of which may be null, those that are
 * requested.
 */
static void
read_known(struct json_object *o, struct archive_spec *spec)
{
	static struct archive_parameter *known;
	static struct json_object *all;	/* keeps its texts */
	struct json_object *decimals;
	size_t i;

	spec->header_unit = is_word(o, "header", "unit");
	spec->parquet = is_word(o, "format", "parquet");
	if ((all = json_object_get(json_object_object_get(o, "known"))) == NULL)
		return;
	known = calloc((size_t)json_object_object_length(all) + 1, sizeof(*known));
	if (known == NULL)
		err(2, "parameters");
	spec->known = known;
	json_object_object_foreach(all, name, value) {
		for (i = 0; i < spec->parameters->n; i++)
			if (strcmp(spec->parameters->v[i], name) == 0)
				break;
		if (spec->parameters->n > 0 && i == spec->parameters->n)
			continue;
		decimals = json_object_array_get_idx(value, 2);
		known[spec->nknown++] = (struct archive_parameter){ name,
		    text_or_null(value, 0), text_or_null(value, 1),
		    decimals != NULL ? json_object_get_int(decimals) : -1 };
	}
	qsort(known, spec->nknown, sizeof(*known), known_compare);
}

static void
read_request(const char *dir, struct archive_spec *spec, struct zone *zone,
    struct names *vehicles, struct names *parameters)
{
	struct json_object *o;
	char path[4096];

	snprintf(path, sizeof(path), "%s/request.json", dir);
	if ((o = json_object_from_file(path)) == NULL)
		errx(2, "%s: no request", path);
	spec->from_ms = json_object_get_int64(
	    json_object_object_get(o, "startDate"));
	spec->to_ms = json_object_get_int64(
	    json_object_object_get(o, "endDate"));
	take_list(o, "vehicles", vehicles);
	take_list(o, "parameters", parameters);
	spec->vehicles = vehicles;
	spec->parameters = parameters;
	spec->rfc3339 = is_word(o, "time", "rfc3339");
	read_steps(o, spec);
	spec->local = is_word(o, "time", "local");
	spec->split = is_word(o, "split", "day") ? ARCHIVE_SPLIT_DAY :
	    is_word(o, "split", "month") ? ARCHIVE_SPLIT_MONTH :
	    ARCHIVE_SPLIT_NONE;
	/* Of Parquet files the manifest has it in any case. */
	if (spec->local || spec->split != ARCHIVE_SPLIT_NONE ||
	    (is_word(o, "format", "parquet") &&
	    json_object_object_get(o, "timeZone") != NULL))
		read_zone(o, spec, zone);
	spec->semicolon = is_word(o, "csv", "excel-semicolon");
	spec->excel = spec->semicolon || is_word(o, "csv", "excel");
	spec->small = is_word(o, "compression", "small");
	spec->skip_unknown = is_word(o, "unknownVehicles", "skip");
	read_known(o, spec);
	json_object_put(o);
}

static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static int
count_slices(void *arg, const struct archive_progress *p)
{
	*(struct archive_progress *)arg = *p;
	return 0;
}

/* Of the requested vehicles: those that have a folder, and those that have none. */
static void
part_vehicles(const char *dir, const struct names *asked, struct names *found,
    struct names *skipped)
{
	char name[1024], path[4096];
	size_t i;

	for (i = 0; i < asked->n; i++) {
		encode(asked->v[i], name, sizeof(name));
		snprintf(path, sizeof(path), "%s/data/%s", dir, name);
		if (names_add(access(path, F_OK) == 0 ? found : skipped,
		    asked->v[i], strlen(asked->v[i])) != 0)
			err(2, "names");
	}
}

static struct vehicle *
open_vehicle(const struct files *f, const struct source_vehicle *visit)
{
	struct vehicle *v = calloc(1, sizeof(*v));
	char folder[2048], name[1024], path[4096];
	size_t i;

	if (v == NULL)
		err(2, "vehicle");
	encode(visit->name, name, sizeof(name));
	snprintf(folder, sizeof(folder), "%s/data/%s", f->dir, name);
	v->v = *visit;
	v->v.columns = f->spec->parameters;
	if (v->v.columns->n == 0) {
		list_names(folder, ".docs", &v->found);
		archive_columns_sort(&v->found);
		v->v.columns = &v->found;
	}
	v->columns = calloc(v->v.columns->n + 1, sizeof(*v->columns));
	if (v->columns == NULL)
		err(2, "vehicle");
	for (i = 0; i < v->v.columns->n; i++) {
		encode(v->v.columns->v[i], name, sizeof(name));
		snprintf(path, sizeof(path), "%s/%s.docs", folder, name);
		if (read_file(path, &v->columns[i].file) == 0)
			cut_frames(&v->columns[i], f->spec, visit);
	}
	return v;
}

/* The lock is held. */
static void
close_vehicle(struct vehicle *v)
{
	size_t i;

	if (v->windows > 0 || !v->done)
		return;
	for (i = 0; i < v->v.columns->n; i++) {
		buf_release(&v->columns[i].file);
		free(v->columns[i].frames);
	}
	free(v->columns);
	names_release(&v->found);
	free(v);
}

static void
window_release(struct source_window *w)
{
	struct window *window = (struct window *)w;

	pthread_mutex_lock(&lock);
	window->vehicle->windows--;
	close_vehicle(window->vehicle);
	pthread_mutex_unlock(&lock);
	buf_release(&window->cut);
	free((void *)(uintptr_t)w->docs);
	free(window);
}

/* The hour of the earliest document that is left; INT64_MAX: none is. */
static int64_t
first_hour(const struct vehicle *v)
{
	int64_t first = INT64_MAX;
	size_t i;

	for (i = 0; i < v->v.columns->n; i++) {
		const struct column *c = &v->columns[i];

		if (c->at < c->n && c->frames[c->at].order_ms < first)
			first = c->frames[c->at].order_ms;
	}
	return first == INT64_MAX ? first :
	    first - (first % 3600000 + 3600000) % 3600000;
}

static struct window *
next_window(struct files *f, struct vehicle *v)
{
	const int64_t first = first_hour(v);
	const int64_t end = first == INT64_MAX ? first : first + f->window_ms;
	struct window *w = calloc(1, sizeof(*w));
	struct source_doc *docs = NULL;
	size_t i;

	if (w == NULL)
		err(2, "window");
	w->vehicle = v;
	w->w.vehicle = &v->v;
	w->w.release = window_release;
	for (i = 0; i < v->v.columns->n; i++) {
		struct column *c = &v->columns[i];

		for (; c->at < c->n && c->frames[c->at].order_ms < end; c->at++) {
			docs = realloc(docs, (w->w.n + 1) * sizeof(*docs));
			if (docs == NULL)
				err(2, "window");
			docs[w->w.n++] = (struct source_doc){ i,
			    c->frames[c->at].data, c->frames[c->at].len,
			    c->frames[c->at].order_ms };
			w->w.bytes += c->frames[c->at].len;
		}
	}
	w->w.docs = docs;
	w->w.last = first_hour(v) == INT64_MAX;
	return w;
}

/*
 * Part i of the parts of an hour, from `first` on: the window's documents, cut.
 * The cursors stay where they are but after the last part.
 */
static void
cut_window(const struct files *f, struct window *w, int64_t first)
{
	const int64_t from = f->part == 0 ? INT64_MIN :
	    first + 3600000 * f->part / f->parts;
	const bool last = f->part + 1 == f->parts;
	struct source_doc *docs = (void *)(uintptr_t)w->w.docs;
	size_t i, n = 0, *at = calloc(w->w.n + 1, sizeof(*at));
	bool empty;

	w->w.part = true;
	w->w.end_ms = first + 3600000 * (f->part + 1) / f->parts;
	buf_init(&w->cut, FILE_MAX);
	for (i = 0; i < w->w.n; i++) {
		at[n] = w->cut.len;
		if (archive_cut(docs[i].data, docs[i].len, from, last ?
		    INT64_MAX : w->w.end_ms, f->part == 0, &w->cut) != 0)
			errx(2, "cut");
		/* A frame without bytes is an unsound document, too. */
		empty = docs[i].len == 0 && f->part == 0;
		docs[n] = docs[i];
		docs[n].len = w->cut.len - at[n];
		n += empty || docs[n].len > 0;
	}
	for (i = 0; i < n; i++)
		docs[i].data = w->cut.data + at[i];
	w->w.n = n;
	w->w.bytes = w->cut.len;
	free(at);
}

/* The next part of the next hour: of cursors that are moved by the last one. */
static struct window *
next_part(struct files *f, struct vehicle *v)
{
	const int64_t first = first_hour(v);
	struct window *w;
	size_t i, *at = calloc(v->v.columns->n + 1, sizeof(*at));

	for (i = 0; i < v->v.columns->n; i++)
		at[i] = v->columns[i].at;
	f->window_ms = 3600000;
	w = next_window(f, v);
	if (first != INT64_MAX) {
		cut_window(f, w, first);
		f->part = (f->part + 1) % f->parts;
	}
	if (f->part != 0) {
		w->w.last = false;
		for (i = 0; i < v->v.columns->n; i++)
			v->columns[i].at = at[i];
	}
	free(at);
	return w;
}

static int
files_next(struct source *s, struct source_window **w)
{
	struct files *f = (struct files *)s;
	struct window *window;

	if (f->open == NULL) {
		if (f->next == f->n)
			return 1;
		f->open = open_vehicle(f, &f->visits[f->next++]);
	}
	window = f->parts > 0 ? next_part(f, f->open) :
	    next_window(f, f->open);
	*w = &window->w;
	pthread_mutex_lock(&lock);
	f->open->windows++;
	f->open->done = window->w.last;
	pthread_mutex_unlock(&lock);
	if (window->w.last)
		f->open = NULL;
	return 0;
}

/* It never waits. */
static void
files_stop(struct source *s)
{
	(void)s;
}

static enum archive_result
take_visits(struct archive *archive, const struct archive_spec *spec,
    const char *dir, const struct source_vehicle *visits, size_t n,
    struct archive_progress *progress)
{
	const struct archive_watch watch = { count_slices, progress };
	struct files files = { .source = { files_next, files_stop },
	    .dir = dir, .spec = spec, .visits = visits, .n = n,
	    .window_ms = (int64_t)setting("WINDOW_HOURS", 24) * 3600000,
	    .parts = (int64_t)setting("PARTS", 0) };

	return archive_take(archive, &files.source, &watch);
}

/*
 * What to take: all vehicles; with DAYS, so many days of each at a time, one
 * after the other. The caller frees it.
 */
static struct source_vehicle *
list_visits(const struct archive_spec *spec, const struct names *vehicles,
    int64_t days, size_t *n)
{
	const int64_t step = days * 24 * HOUR_MS;
	const size_t each = days == 0 ? 1 :
	    (size_t)((spec->to_ms - spec->from_ms) / step) + 2;
	struct source_vehicle *v = calloc(vehicles->n * each + 1, sizeof(*v));
	int64_t cut;
	size_t i;

	if (v == NULL)
		err(2, "visits");
	*n = 0;
	for (i = 0; i < vehicles->n; i++) {
		v[*n].name = vehicles->v[i];
		cut = days == 0 ? 0 : spec->from_ms - spec->from_ms % step +
		    step;
		for (; days > 0 && cut < spec->to_ms; cut += step) {
			v[*n].goes_on = true;
			v[(*n)++].to_ms = cut;
			v[*n].name = vehicles->v[i];
			v[*n].continues = true;
			v[*n].from_ms = cut;
		}
		(*n)++;
	}
	return v;
}

struct memory_sink {
	struct sink sink;
	struct buf data;
};

static int
memory_write(struct sink *s, const void *data, size_t len)
{
	return buf_add(&((struct memory_sink *)s)->data, data, len);
}

static int
memory_close(struct sink *s)
{
	(void)s;
	return 0;
}

static int
memory_read(void *arg, uint64_t at, size_t len, struct buf *to)
{
	to->len = 0;
	return buf_add(to, ((struct memory_sink *)arg)->data.data + at, len);
}

/*
 * Visits of a fragment: what is consecutive in one vehicle is one visit.
 */
static size_t
join_visits(const struct source_vehicle *visits, size_t n,
    struct source_vehicle *to)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		if (i > 0 && visits[i].continues) {
			to[k - 1].goes_on = visits[i].goes_on;
			to[k - 1].to_ms = visits[i].to_ms;
		} else {
			to[k++] = visits[i];
		}
	}
	return k;
}

/* Some visits by way of a fragment. */
static void
export_fragment(struct archive *archive, const struct archive_spec *spec,
    const char *dir, const struct source_vehicle *visits, size_t n,
    struct archive_progress *progress)
{
	struct memory_sink sink = { .sink = { .write = memory_write,
	    .close = memory_close } };
	struct archive *a = archive_open_fragment(&sink.sink, spec);
	struct source_vehicle *joined = calloc(n, sizeof(*joined));
	struct archive_fragment f = { .name = "fragment", .step = 1 << 20,
	    .read = memory_read, .arg = &sink };
	enum archive_result result;

	buf_init(&sink.data, FILE_MAX);
	result = take_visits(a, spec, dir, joined, join_visits(visits, n,
	    joined), progress);
	if (result == ARCHIVE_REACHES)
		errx(3, "a vehicle cannot be cut there");
	if (result != ARCHIVE_OK || archive_close(a) != ARCHIVE_OK)
		errx(1, "export failed");
	f.size = sink.data.len;
	if ((f.facts = archive_facts(a)) == NULL ||
	    archive_fragment(archive, &f) != ARCHIVE_OK)
		errx(1, "fragment failed");
	archive_free(a);
	buf_release(&sink.data);
	free(joined);
}

static void
export_all(struct archive *archive, const struct archive_spec *spec,
    const char *dir, const struct names *vehicles)
{
	const int64_t days = (int64_t)setting("DAYS", 0);
	const size_t each = (size_t)setting("VISITS", 1);
	struct archive_progress progress = { 0 };
	struct source_vehicle *visits;
	size_t i, n;

	visits = list_visits(spec, vehicles, days, &n);
	if (days == 0 && take_visits(archive, spec, dir, visits, n,
	    &progress) != ARCHIVE_OK)
		errx(1, "export failed");
	for (i = 0; days > 0 && i < n; i += each)
		export_fragment(archive, spec, dir, &visits[i],
		    n - i < each ? n - i : each, &progress);
	free(visits);
	printf("%llu slices, %llu by the exact path\n",
	    (unsigned long long)progress.slices,
	    (unsigned long long)progress.exact);
}

/* With PREVIEW=FILE; nothing where no vehicle has rows. */
static void
write_preview(const struct archive *archive)
{
	const char *path = getenv("PREVIEW");
	char *text;
	FILE *f;

	if (path == NULL)
		return;
	if ((f = fopen(path, "wb")) == NULL)
		err(2, "%s", path);
	text = archive_preview(archive);
	if (text != NULL && fputs(text, f) < 0)
		err(1, "%s", path);
	free(text);
	if (fclose(f) != 0)
		err(1, "%s", path);
}

int
main(int argc, char **argv)
{
	struct file_sink out = { .sink = { .write = file_write,
	    .close = file_close } };
	struct names vehicles = { 0 }, parameters = { 0 }, found = { 0 };
	struct names skipped = { 0 };
	struct zone zone = { 0 };
	struct archive_spec spec = {
		.csv_split_bytes = setting("CSV_SPLIT_BYTES", 4278190080),
		.memory_max = setting("CARRY_BYTES", (size_t)64 << 20),
		.threads = (int)setting("THREADS", 2),
		.exact = getenv("EXACT") != NULL,
	};
	const struct names *exported = &vehicles;
	struct archive *archive;
	char path[4096];

	process_give_back_memory();
	if (argc != 3)
		errx(2, "usage: engine FLEETDIR OUT.zip");
	read_request(argv[1], &spec, &zone, &vehicles, &parameters);
	if ((out.f = fopen(argv[2], "wb")) == NULL)
		err(2, "%s", argv[2]);
	if (vehicles.n == 0) {
		snprintf(path, sizeof(path), "%s/data", argv[1]);
		list_names(path, "", &found);
		names_sort(&found);
		exported = &found;
	} else if (spec.skip_unknown) {
		part_vehicles(argv[1], &vehicles, &found, &skipped);
		spec.skipped = &skipped;
		exported = &found;
	}
	if ((archive = archive_open(&out.sink, &spec)) == NULL)
		errx(2, "out of memory");
	export_all(archive, &spec, argv[1], exported);
	if (archive_close(archive) != ARCHIVE_OK)
		err(1, "%s", argv[2]);
	write_preview(archive);
	archive_free(archive);
	names_release(&found);
	names_release(&skipped);
	zone_release(&zone);
	names_release(&vehicles);
	names_release(&parameters);
	return 0;
}
