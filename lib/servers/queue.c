/*
 * The doorbell: publishing a job's id with a confirm, consuming one message at
 * a time, and the trial of both rights. How a host is reached is amqp.c's
 * business, what a message means the caller's.
 */
#include "lib/servers/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<rabbitmq-c/amqp.h>)	/* 0.12 and newer */
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/servers/amqp.h"

#define CONFIRM_MS 2000
#define EXCHANGE "exports"
#define ROUTING_KEY "job"
#define QUEUE "exports.jobs"

struct queue {
	struct amqp_link *link;

	bool consuming, confirming;	/* on this connection */
	bool unacked;	/* a message was delivered and not ended yet */
	uint64_t tag;
	char id[25];	/* its body */
	char sent[25];	/* published and not confirmed yet; "": nothing */
	bool sent_fresh;	/* over a connection that was made for it */
	bool late;	/* no confirm in time, or an alarm: no reason to try again */
};

struct queue *
queue_new(const struct conf *conf, int heartbeat_s)
{
	struct queue *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return NULL;
	if ((q->link = amqp_link_new(conf, heartbeat_s)) == NULL) {
		free(q);
		return NULL;
	}
	return q;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	amqp_link_free(q->link);
	free(q);
}

static amqp_connection_state_t
queue_conn(const struct queue *q)
{
	return amqp_link_conn(q->link);
}

int
queue_connect(struct queue *q)
{
	if (queue_conn(q) != NULL)
		return 0;
	q->consuming = q->confirming = q->unacked = false;
	return amqp_link_open(q->link);
}

static struct timeval
in_ms(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/*
 * Handle a method that no call of ours waits for. Returns 0 while the
 * connection is good, else -1, the connection dropped.
 */
static int
take_method(struct queue *q, const amqp_frame_t *frame)
{
	const amqp_method_t *m = &frame->payload.method;

	if (frame->frame_type != AMQP_FRAME_METHOD)
		return 0;
	switch (m->id) {
	case AMQP_CONNECTION_BLOCKED_METHOD:
		log_msg(LOG_WARN, "amqp_blocked", "RabbitMQ has an alarm and "
		    "accepts no messages");
		return 0;
	case AMQP_BASIC_CANCEL_METHOD:
		return amqp_link_lost(q->link, "amqp_consume",
		    "RabbitMQ ended the consumer: the queue was deleted or moved, "
		    "or (from 4.3 on) a job took longer than consumer_timeout");
	case AMQP_CHANNEL_CLOSE_METHOD:
	case AMQP_CONNECTION_CLOSE_METHOD:
		return amqp_link_lost_reply(q->link, "amqp", (amqp_rpc_reply_t){
		    .reply_type = AMQP_RESPONSE_SERVER_EXCEPTION,
		    .reply = *m });
	default:
		return 0;
	}
}

int
queue_check(struct queue *q)
{
	amqp_rpc_reply_t r;

	if (queue_connect(q) != 0)
		return -1;
	/* Setting the same prefetch again changes nothing and has an answer. */
	amqp_basic_qos(queue_conn(q), AMQP_LINK_CHANNEL, 0, 1, 0);
	r = amqp_get_rpc_reply(queue_conn(q));
	return r.reply_type == AMQP_RESPONSE_NORMAL ? 0 :
	    amqp_link_lost_reply(q->link, "amqp_check", r);
}

/* Wait for the broker's answer to the one message that was sent. */
static int
await_confirm(struct queue *q)
{
	const int64_t until = clock_monotonic_ms() + CONFIRM_MS;
	bool returned = false;
	amqp_frame_t frame;
	struct timeval left;
	int rc;

	for (;;) {
		left = in_ms(until - clock_monotonic_ms());
		rc = amqp_simple_wait_frame_noblock(queue_conn(q), &frame,
		    &left);
		if (rc == AMQP_STATUS_TIMEOUT) {
			q->late = true;
			return amqp_link_lost(q->link, "amqp_publish",
			    "no confirm in time");
		}
		if (rc != AMQP_STATUS_OK)
			return amqp_link_lost(q->link, "amqp_publish",
			    amqp_error_string2(rc));
		/*
		 * After a return come the frames of the message, then the ack.
		 */
		if (frame.frame_type != AMQP_FRAME_METHOD)
			continue;
		switch (frame.payload.method.id) {
		case AMQP_BASIC_RETURN_METHOD:
			returned = true;
			break;
		case AMQP_BASIC_ACK_METHOD:
			if (!returned)
				return 0;
			log_msg(LOG_ERROR, "amqp_publish", "the message was "
			    "returned: is " QUEUE " bound? scripts/provision "
			    "declares it");
			return -1;
		case AMQP_CONNECTION_BLOCKED_METHOD:
			/* It may take the message, but not in our time. */
			q->late = true;
			return amqp_link_lost(q->link, "amqp_blocked",
			    "it has an alarm and accepts no messages");
		case AMQP_BASIC_NACK_METHOD:
			log_msg(LOG_WARN, "amqp_publish", "the broker refused "
			    "the message: queue full or without quorum");
			return -1;
		default:
			if (take_method(q, &frame) != 0)
				return -1;
		}
	}
}

static int
select_confirms(struct queue *q)
{
	amqp_rpc_reply_t r;

	if (q->confirming)
		return 0;
	amqp_confirm_select(queue_conn(q), AMQP_LINK_CHANNEL);
	r = amqp_get_rpc_reply(queue_conn(q));
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return amqp_link_lost_reply(q->link, "amqp_confirm", r);
	q->confirming = true;
	return 0;
}

static int
send_message(struct queue *q, const char *routing_key, const char *body)
{
	amqp_basic_properties_t props;
	int rc;

	if (queue_connect(q) != 0 || select_confirms(q) != 0)
		return -1;
	memset(&props, 0, sizeof(props));
	props._flags = AMQP_BASIC_DELIVERY_MODE_FLAG |
	    AMQP_BASIC_CONTENT_TYPE_FLAG;
	props.delivery_mode = AMQP_DELIVERY_PERSISTENT;
	props.content_type = amqp_cstring_bytes("text/plain");
	rc = amqp_basic_publish(queue_conn(q), AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(EXCHANGE), amqp_cstring_bytes(routing_key), 1, 0,
	    &props, amqp_cstring_bytes(body));
	return rc == AMQP_STATUS_OK ? 0 :
	    amqp_link_lost(q->link, "amqp_publish", amqp_error_string2(rc));
}

void
queue_publish(struct queue *q, const char *id)
{
	q->sent_fresh = queue_conn(q) == NULL;
	q->late = false;
	snprintf(q->sent, sizeof(q->sent), "%s", id);
	send_message(q, ROUTING_KEY, q->sent);
}

int
queue_confirm(struct queue *q)
{
	int rc;

	if (q->sent[0] == '\0')
		return 0;
	rc = queue_conn(q) == NULL ? -1 : await_confirm(q);
	/*
	 * A kept connection may have died unseen since its last use; only then
	 * is there reason to try again.
	 */
	if (rc != 0 && !q->sent_fresh && !q->late && queue_conn(q) == NULL &&
	    send_message(q, ROUTING_KEY, q->sent) == 0)
		rc = await_confirm(q);
	if (queue_conn(q) != NULL)
		amqp_maybe_release_buffers(queue_conn(q));
	q->sent[0] = '\0';
	return rc;
}

static int
queue_consume(struct queue *q)
{
	amqp_rpc_reply_t r;

	if (queue_connect(q) != 0)
		return -1;
	if (q->consuming)
		return 0;
	/* One message at a time, acknowledged by hand. */
	amqp_basic_qos(queue_conn(q), AMQP_LINK_CHANNEL, 0, 1, 0);
	r = amqp_get_rpc_reply(queue_conn(q));
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return amqp_link_lost_reply(q->link, "amqp_qos", r);
	amqp_basic_consume(queue_conn(q), AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(QUEUE),
	    amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
	r = amqp_get_rpc_reply(queue_conn(q));
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return amqp_link_lost_reply(q->link, "amqp_consume", r);
	q->consuming = true;
	return 0;
}

/* Receive one delivery, or whatever else arrives within wait_ms. */
static enum queue_result
queue_receive(struct queue *q, int wait_ms)
{
	struct timeval limit = in_ms(wait_ms);
	amqp_envelope_t envelope;
	amqp_rpc_reply_t r;
	amqp_frame_t frame;
	int rc;

	/* The library answers heartbeats while it waits. */
	r = amqp_consume_message(queue_conn(q), &envelope, &limit, 0);
	if (r.reply_type == AMQP_RESPONSE_NORMAL) {
		snprintf(q->id, sizeof(q->id), "%.*s",
		    (int)(envelope.message.body.len < sizeof(q->id) ?
		    envelope.message.body.len : sizeof(q->id) - 1),
		    (char *)envelope.message.body.bytes);
		q->tag = envelope.delivery_tag;
		q->unacked = true;
		amqp_destroy_envelope(&envelope);
		return QUEUE_MESSAGE;
	}
	if (r.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
	    r.library_error == AMQP_STATUS_TIMEOUT)
		return QUEUE_NOTHING;
	if (r.reply_type != AMQP_RESPONSE_LIBRARY_EXCEPTION ||
	    r.library_error != AMQP_STATUS_UNEXPECTED_STATE) {
		amqp_link_lost_reply(q->link, "amqp_consume", r);
		return QUEUE_DOWN;
	}
	/* A method other than a delivery: it is still unread. */
	limit = in_ms(0);
	rc = amqp_simple_wait_frame_noblock(queue_conn(q), &frame, &limit);
	if (rc != AMQP_STATUS_OK && rc != AMQP_STATUS_TIMEOUT)
		amqp_link_lost(q->link, "amqp_consume", amqp_error_string2(rc));
	else if (rc == AMQP_STATUS_OK)
		take_method(q, &frame);
	return queue_conn(q) == NULL ? QUEUE_DOWN : QUEUE_NOTHING;
}

enum queue_result
queue_wait(struct queue *q, int wait_ms, char id[25])
{
	enum queue_result rc = QUEUE_MESSAGE;

	if (queue_consume(q) != 0)
		return QUEUE_DOWN;
	if (!q->unacked) {
		amqp_maybe_release_buffers(queue_conn(q));
		rc = queue_receive(q, wait_ms);
	}
	if (rc == QUEUE_MESSAGE)
		memcpy(id, q->id, sizeof(q->id));
	return rc;
}

void
queue_ack(struct queue *q)
{
	int rc;

	if (queue_conn(q) == NULL || !q->unacked)
		return;
	q->unacked = false;
	rc = amqp_basic_ack(queue_conn(q), AMQP_LINK_CHANNEL, q->tag, 0);
	if (rc != AMQP_STATUS_OK)
		amqp_link_lost(q->link, "amqp_ack", amqp_error_string2(rc));
}

void
queue_nack(struct queue *q)
{
	int rc;

	if (queue_conn(q) == NULL || !q->unacked)
		return;
	q->unacked = false;
	/* Not to be requeued: broker and worker would loop without a pause. */
	rc = amqp_basic_nack(queue_conn(q), AMQP_LINK_CHANNEL, q->tag, 0, 0);
	if (rc != AMQP_STATUS_OK)
		amqp_link_lost(q->link, "amqp_nack", amqp_error_string2(rc));
}

void
queue_heartbeat(struct queue *q)
{
	/* A delivery is kept for the next queue_wait(). */
	while (queue_conn(q) != NULL && queue_receive(q, 0) == QUEUE_MESSAGE)
		;
}

int
queue_fd(const struct queue *q)
{
	return queue_conn(q) == NULL ? -1 : amqp_get_sockfd(queue_conn(q));
}

/* 1: it was done; 0: access refused; -1: anything else, logged. */
static int
queue_allowed(struct queue *q, const char *op, amqp_rpc_reply_t r)
{
	const amqp_channel_close_t *close = r.reply.decoded;

	if (r.reply_type == AMQP_RESPONSE_NORMAL)
		return 1;
	if (r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
	    r.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
	    close->reply_code == AMQP_ACCESS_REFUSED)
		return 0;
	return amqp_link_lost_reply(q->link, op, r);
}

/* A message that no queue is bound for is returned, then confirmed. */
static int
queue_may_publish(struct queue *q)
{
	const int64_t until = clock_monotonic_ms() + CONFIRM_MS;
	amqp_rpc_reply_t r = { .reply_type = AMQP_RESPONSE_NORMAL };
	amqp_frame_t frame;
	struct timeval left;
	int rc;

	if (send_message(q, "check", "check") != 0)
		return -1;
	for (;;) {
		left = in_ms(until - clock_monotonic_ms());
		rc = amqp_simple_wait_frame_noblock(queue_conn(q), &frame,
		    &left);
		if (rc != AMQP_STATUS_OK)
			return amqp_link_lost(q->link, "amqp_publish",
			    amqp_error_string2(rc));
		if (frame.frame_type != AMQP_FRAME_METHOD)
			continue;
		switch (frame.payload.method.id) {
		case AMQP_CHANNEL_CLOSE_METHOD:
			r.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION;
			r.reply = frame.payload.method;
			return queue_allowed(q, "amqp_publish", r);
		case AMQP_BASIC_ACK_METHOD:
			return 1;
		default:
			break;
		}
	}
}

int
queue_probe(struct queue *q, enum queue_right right)
{
	int may = -1;

	if (queue_connect(q) != 0)
		return -1;
	/* A refusal closes the channel: each trial has its own connection. */
	switch (right) {
	case QUEUE_PUBLISH:
		may = queue_may_publish(q);
		break;
	case QUEUE_CONSUME:
		amqp_basic_consume(queue_conn(q), AMQP_LINK_CHANNEL,
		    amqp_cstring_bytes(QUEUE),
		    amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
		may = queue_allowed(q, "amqp_consume",
		    amqp_get_rpc_reply(queue_conn(q)));
		break;
	case QUEUE_DECLARE:
		amqp_queue_declare(queue_conn(q), AMQP_LINK_CHANNEL,
		    amqp_cstring_bytes("export-check"), 0, 0, 1, 1,
		    amqp_empty_table);
		may = queue_allowed(q, "amqp_declare",
		    amqp_get_rpc_reply(queue_conn(q)));
		break;
	}
	amqp_link_drop(q->link);
	return may;
}
