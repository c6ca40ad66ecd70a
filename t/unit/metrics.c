#include "lib/jobs/metrics.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bson/bson.h>

#include "lib/base/buf.h"
#include "lib/servers/failure.h"

#include "t/tap.h"

static uint64_t slots[METRICS_SLOTS];

/* The text of one metric now, to be compared. */
static const char *
text(enum metric m, const char *labels)
{
	static struct buf b;

	buf_release(&b);
	buf_init(&b, 1 << 20);
	metrics_read(slots);
	if (metrics_text(&b, m, labels, slots) != 0)
		return NULL;
	return buf_cstr(&b);
}

static void
test_text(void)
{
	is_str(text(METRIC_CLAIMS, ""), "export_worker_claims_total 0\n",
	    "a counter, without labels");
	metrics_add(METRIC_CLAIMS, 0, UINT64_C(1) << 53);
	metrics_add(METRIC_CLAIMS, 0, 1);
	is_str(text(METRIC_CLAIMS, "worker=\"a:1\""),
	    "export_worker_claims_total{worker=\"a:1\"} 9007199254740993\n",
	    "with one, exact");
	metrics_add(METRIC_ATTEMPTS, METRICS_LOST, 2);
	ok(strstr(text(METRIC_ATTEMPTS, ""), "{outcome=\"lost\"} 2\n") != NULL,
	    "a label of its own");
	ok(strstr(text(METRIC_ATTEMPTS, "worker=\"b\""),
	    "{worker=\"b\",outcome=\"finished\"} 0\n") != NULL, "and both");
	metrics_add(METRIC_RETRIES, FAILURE_STORAGE_REFUSED, 1);
	ok(strstr(text(METRIC_RETRIES, ""), "{code=\"storage_refused\"} 1\n")
	    != NULL, "a code of failure.c");
	metrics_set(METRIC_BUSY, 1);
	metrics_set(METRIC_BUSY, 1);
	is_str(text(METRIC_BUSY, ""), "export_worker_busy 1\n", "a gauge");
	metrics_add(METRIC_PACE_WAIT_SECONDS, 0, 1500000);
	is_str(text(METRIC_PACE_WAIT_SECONDS, ""),
	    "export_worker_pace_wait_seconds_total 1.500000\n", "seconds");
	metrics_request(202);
	metrics_request(599);
	ok(strstr(text(METRIC_REQUESTS, ""), "{code=\"202\"} 1\n") != NULL,
	    "a status");
}

static void
test_label(void)
{
	char to[32];

	metrics_label("worker", "host:1", to, sizeof(to));
	is_str(to, "worker=\"host:1\"", "a label");
	metrics_label("worker", "", to, sizeof(to));
	is_str(to, "worker=\"\"", "of an empty value");
	metrics_label("worker", "a\"b\\c", to, sizeof(to));
	is_str(to, "worker=\"a\\\"b\\\\c\"", "a quote and a backslash are escaped");
	metrics_label("worker", "a\nb", to, sizeof(to));
	is_str(to, "worker=\"a b\"", "a newline is a space");
	metrics_label("w", "123456789", to, 10);
	is_str(to, "w=\"12345\"", "what does not fit is cut, closed all the same");
	metrics_label("w", "1234\"", to, 11);
	is_str(to, "w=\"1234\\\"\"", "an escape that fits");
	metrics_label("w", "1234\"", to, 10);
	is_str(to, "w=\"1234\"", "one that does not is not halved");
}

static void
test_histogram(void)
{
	const char *t;

	metrics_observe(METRIC_PART_SECONDS, 1000);
	metrics_observe(METRIC_PART_SECONDS, 1001);
	metrics_observe(METRIC_PART_SECONDS, -5);
	metrics_observe(METRIC_PART_SECONDS, 11000000);
	t = text(METRIC_PART_SECONDS, "worker=\"a\"");
	ok(strstr(t, "export_worker_part_seconds_bucket{worker=\"a\","
	    "le=\"0.001\"} 2\n") == t, "a bound is in its bucket");
	ok(strstr(t, "le=\"0.0025\"} 3\n") != NULL, "buckets add up");
	ok(strstr(t, "le=\"10\"} 3\n") != NULL, "to the last bound");
	ok(strstr(t, "le=\"+Inf\"} 4\n") != NULL, "and all");
	ok(strstr(t, "_sum{worker=\"a\"} 11.002001\n") != NULL, "the sum");
	ok(strstr(t, "_count{worker=\"a\"} 4\n") != NULL, "the count");
}

static void
test_bson(void)
{
	uint64_t again[METRICS_SLOTS];
	bson_t doc = BSON_INITIALIZER, cut = BSON_INITIALIZER, array;
	struct buf a, b;
	int m, rc = 0;

	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	metrics_read(slots);
	metrics_bson(slots, &doc);
	metrics_from_bson(&doc, again);
	for (m = METRICS_WORKER; m < METRICS; m++)
		rc |= metrics_text(&a, (enum metric)m, "", slots) |
		    metrics_text(&b, (enum metric)m, "", again);
	is_int(rc, 0, "written");
	is_str(buf_cstr(&b), buf_cstr(&a), "read back from BSON");
	ok(a.len > 2000, "all of them: %zu bytes", a.len);

	/* Of another version: a metric that is shorter, longer, of no numbers. */
	BSON_APPEND_ARRAY_BEGIN(&cut, "export_worker_claims_total", &array);
	BSON_APPEND_INT64(&array, "0", 7);
	BSON_APPEND_INT64(&array, "1", 8);
	bson_append_array_end(&cut, &array);
	BSON_APPEND_UTF8(&cut, "export_worker_rows_total", "x");
	metrics_from_bson(&cut, again);
	buf_release(&b);
	buf_init(&b, 1 << 20);
	metrics_text(&b, METRIC_CLAIMS, "", again);
	metrics_text(&b, METRIC_ATTEMPTS, "", again);
	ok(strstr(buf_cstr(&b), "export_worker_claims_total 7\n"
	    "export_worker_attempts_total{outcome=\"finished\"} 0\n") != NULL,
	    "what is too long does not reach its neighbour");
	bson_destroy(&doc);
	bson_destroy(&cut);
	buf_release(&a);
	buf_release(&b);
}

static void
test_share(void)
{
	char path[] = "/tmp/export-metrics.XXXXXX";
	const int fd = mkstemp(path);
	struct stat st;
	int i, k;

	is_int(metrics_share("/nowhere/x"), -1, "a file that cannot be");
	ok(strstr(text(METRIC_CLAIMS, ""), " 9007199254740993\n") != NULL,
	    "leaves the numbers where they were");
	is_int(write(fd, "another table", 13), 13, "a file of another version");
	is_int(metrics_share(path), 0, "is made again");
	is_str(text(METRIC_CLAIMS, ""), "export_worker_claims_total 0\n",
	    "it begins at 0");
	for (i = 0; i < 4; i++) {
		if (fork() == 0) {
			metrics_share(path);
			for (k = 0; k < 10000; k++)
				metrics_add(METRIC_CLAIMS, 0, 1);
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++)
		wait(NULL);
	is_str(text(METRIC_CLAIMS, ""), "export_worker_claims_total 40000\n",
	    "four processes count in it");
	is_int(metrics_share(path), 0, "opened again");
	is_str(text(METRIC_CLAIMS, ""), "export_worker_claims_total 40000\n",
	    "the count is kept");
	ok(fstat(fd, &st) == 0 && (st.st_mode & 007) == 0,
	    "others do not see it");
	close(fd);
	unlink(path);
}

int
main(void)
{
	test_text();
	test_label();
	test_histogram();
	test_bson();
	test_share();
	return done_testing();
}
