#ifndef FCGI_JOBJSON_H
#define FCGI_JOBJSON_H

#include <stdint.h>

struct job;
struct json_object;

/*
 * A job as clients see it.
 * jobjson_new(j): What lists and all answers have of it; where j has only the number
 * of its vehicles or parameters, that number. The caller puts it. NULL: out of memory.
 * jobjson_owner(j, o): Add whose it is, for an operator.
 * jobjson_waiting(j, ahead, o): Add to that what an unfinished job has besides:
 * its place in the queue after `ahead` others (-1: not known), and its ETA.
 * jobjson_link(uri, ends_ms, o): Add the link of a FINISHED one, and when it ends.
 */
struct json_object *jobjson_new(const struct job *j);
void jobjson_owner(const struct job *j, struct json_object *o);
void jobjson_waiting(const struct job *j, int64_t ahead,
    struct json_object *o);
void jobjson_link(const char *uri, int64_t ends_ms, struct json_object *o);

#endif
