#ifndef FCGI_DOORBELL_H
#define FCGI_DOORBELL_H

struct conf;
struct doorbell;

/*
 * Says to the workers, through RabbitMQ, that a job was stored: by a thread and a
 * connection of its own, so that no request waits for the broker. Nothing depends
 * on it: a job that is not published is found by an idle worker.
 *
 * doorbell_new(conf): Start it; it connects with the first message. NULL: memory,
 * a bad URI (logged) or no thread.
 * doorbell_free(d): Publish what is left, 2 s for a broker that does not confirm;
 * end the thread. NULL is fine.
 */
struct doorbell *doorbell_new(const struct conf *conf);
void doorbell_free(struct doorbell *d);

/*
 * doorbell_ring(d, id): Have the job's id, 24 characters, published soon. Never
 * waits. What the broker does not take is logged and counted (METRIC_UNPUBLISHED);
 * after it has not answered, nothing is published for 10 s.
 */
void doorbell_ring(struct doorbell *d, const char *id);

#endif
