#ifndef LIB_SERVERS_QUEUE_H
#define LIB_SERVERS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct queue;

/*
 * RabbitMQ: the doorbell. A message is a job's id, 24 bytes. The topology is
 * declared by scripts/provision, never here. One connection, one channel; not
 * safe from two threads at once. After any error the connection is dropped and
 * the next call that needs it makes a new one.
 */

/* The result of waiting for a message. */
enum queue_result {
	QUEUE_MESSAGE,
	QUEUE_NOTHING,		/* in the time given */
	QUEUE_DOWN		/* no connection; logged when it was lost */
};

/*
 * queue_new(conf, heartbeat_s): Does not connect. NULL: memory or a bad URI.
 * Each host of an amqps:// URI (port 5671 by default) has to speak TLS 1.2 or
 * newer and to have a certificate from conf's tls_ca_file, or, where that is
 * NULL, from a CA of the system, that names the host as the URI does: among its
 * DNS names or, for an IPv4 address, its IP addresses. Else it is passed over
 * like one that is down, and the reason logged.
 */
struct queue *queue_new(const struct conf *conf, int heartbeat_s);
void queue_free(struct queue *q);

/* queue_connect(q): Have a connection. Returns 0, -1 with the fault logged. */
int queue_connect(struct queue *q);

/*
 * queue_check(q): Whether the broker is there: a connection is made, or the one
 * that is open still answers. Returns 0 or -1.
 */
int queue_check(struct queue *q);

/*
 * queue_publish(q, id):
 * Send to exchange exports with key job: persistent, mandatory. Call
 * queue_confirm() next: it reports whether the broker took the message.
 * queue_confirm(q): Wait for the broker's confirm, 2 s at most, and not at all
 * while it has an alarm; send the message again where the connection had died
 * unseen. Returns 0, also when nothing was sent, or -1 (logged) when the broker
 * refused the message or did not confirm it.
 */
void queue_publish(struct queue *q, const char *id);
int queue_confirm(struct queue *q);

/* The rights that --check tries. */
enum queue_right { QUEUE_PUBLISH, QUEUE_CONSUME, QUEUE_DECLARE };

/*
 * queue_probe(q, right):
 * Whether the broker grants it, by trying it in a way that leaves nothing: a
 * message that no queue is bound for, a consumer that is dropped, a queue that
 * is deleted with the connection. Drops the connection. 1, 0: refused, -1:
 * unknown, logged.
 */
int queue_probe(struct queue *q, enum queue_right right);

/*
 * queue_wait(q, wait_ms, id):
 * Consume exports.jobs, one unacknowledged message at a time. Fills id (cut to
 * 24 bytes) on QUEUE_MESSAGE; returns the same message again until queue_ack()
 * or queue_nack() ends it.
 */
enum queue_result queue_wait(struct queue *q, int wait_ms, char id[25]);

/*
 * queue_ack(q), queue_nack(q): End the message: done, or ring again later
 * (through the delayed queue). A lost connection is no error here: the
 * broker delivers again, and the job's document decides.
 */
void queue_ack(struct queue *q);
void queue_nack(struct queue *q);

/*
 * queue_heartbeat(q):
 * While a job is being worked on: send and receive heartbeats and handle what
 * the broker sends, without waiting; a message is kept for queue_wait(). Call
 * it at least once a second.
 */
void queue_heartbeat(struct queue *q);

/* queue_fd(q): The socket, to poll for input; -1 without a connection. */
int queue_fd(const struct queue *q);

#endif
