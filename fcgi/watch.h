#ifndef FCGI_WATCH_H
#define FCGI_WATCH_H

#include <stdint.h>

struct watch;

/*
 * A server that /ready and /metrics report of, looked at by a thread, so that one
 * that hangs does not hold up the answer.
 *
 * watch_new(look, arg): look(arg, text) returns what was seen, 0 or more, or -1
 * where the server did not answer; it may set *text, to be freed by us. The thread
 * begins with the first watch_ask(). NULL: memory.
 * watch_free(w): Wait for a look under way; free all. NULL is fine.
 */
struct watch *watch_new(int (*look)(void *arg, char **text), void *arg);
void watch_free(struct watch *w);

/*
 * watch_ask(w, text, age_ms):
 * Have the thread look, and wait for it, 50 ms at most (2 s where nothing of the
 * last minute is known). Returns what it saw, or where it is not back what it saw
 * the time before; -1 when that is not known, or a look has lasted for 3 s.
 * *text (may be NULL): a copy of its text, for the caller to free, or NULL.
 * *age_ms (may be NULL): how long ago that look began, -1 without one.
 */
int watch_ask(struct watch *w, char **text, int64_t *age_ms);

#endif
