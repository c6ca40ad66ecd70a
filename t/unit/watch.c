/* fcgi/watch: who asks waits for a look, but not for one that hangs. */
#include "fcgi/watch.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#include "t/tap.h"

/* Beyond what is promised: for a machine that is busy. */
#define SOON_MS 1500

static sem_t go, entered;
static atomic_int result = 3;
static atomic_bool hangs;

static int
look(void *arg, char **text)
{
	const int seen = result;

	if (hangs) {
		sem_post(&entered);
		sem_wait(&go);
	}
	if (seen >= 0)
		*text = strdup(arg);
	return seen;
}

/* Ask until the answer is this one, or for 20 s; the last answer. */
static int
ask_until(struct watch *w, int wanted)
{
	const int64_t until = clock_monotonic_ms() + 20000;
	int got;

	while ((got = watch_ask(w, NULL, NULL)) != wanted &&
	    clock_monotonic_ms() < until)
		clock_pause_ms(10);
	return got;
}

/* What was seen the time before is the answer, for a while. */
static void
test_hanging(struct watch *w)
{
	int64_t began, age, later;
	char *text;

	hangs = true;
	result = 4;
	began = clock_monotonic_ms();
	is_int(watch_ask(w, &text, &age), 3, "a look that hangs: the last");
	ok(clock_monotonic_ms() - began < SOON_MS, "and soon");
	is_str(text, "seen", "its text");
	free(text);
	sem_wait(&entered);
	is_int(watch_ask(w, NULL, &later), 3, "asked again");
	ok(later > age, "its age is of the one that was seen: %lld, %lld",
	    (long long)age, (long long)later);
	is_int(ask_until(w, -1), -1, "after some seconds nothing is known");
	ok(clock_monotonic_ms() - began >= 2900, "not before");
	began = clock_monotonic_ms();
	is_int(watch_ask(w, &text, NULL), -1, "still");
	ok(clock_monotonic_ms() - began < SOON_MS, "and soon");
	is_str(text, NULL, "without a text");
	hangs = false;
	sem_post(&go);
	is_int(ask_until(w, 4), 4, "when it comes back, what is seen then");
}

int
main(void)
{
	static char seen[] = "seen";
	struct watch *w = watch_new(look, seen);
	int64_t age;
	char *text;

	sem_init(&go, 0, 0);
	sem_init(&entered, 0, 0);
	watch_free(watch_new(look, seen));
	watch_free(NULL);
	is_int(watch_ask(w, &text, &age), 3, "the first look is waited for");
	is_str(text, "seen", "its text");
	free(text);
	ok(age >= 0 && age < SOON_MS, "its age");
	test_hanging(w);
	result = -1;
	is_int(ask_until(w, -1), -1, "no answer");
	is_int(watch_ask(w, &text, &age), -1, "each time");
	is_str(text, NULL, "nor a text");
	watch_free(w);
	return done_testing();
}
