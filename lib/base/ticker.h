#ifndef LIB_BASE_TICKER_H
#define LIB_BASE_TICKER_H

struct ticker;

/*
 * A thread that calls tick(arg) again and again: first after first_ms, then
 * each time after as many ms as tick() returned, or sooner, when there is input
 * on the descriptor that fd(arg) returns (-1: none; fd may be NULL).
 *
 * ticker_start(first_ms, tick, fd, arg): NULL with errno set.
 * ticker_stop(t): Let a call that runs come to its end, call no more, free t.
 * NULL is fine.
 */
struct ticker *ticker_start(int first_ms, int (*tick)(void *),
    int (*fd)(void *), void *arg);
void ticker_stop(struct ticker *t);

#endif
