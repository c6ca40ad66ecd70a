#include "lib/servers/queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#define CHANNEL 1
#define HOSTS_MAX 8
#define PORT_PRESET 5672
#define PORT_TLS_PRESET 5671
/* Named, since rabbitmq-c itself trusts nobody, not even the system's CAs. */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"
#define FRAME_MAX 131072
#define CONNECT_MS 3000
#define CONFIRM_MS 2000
#define SILENT_MS 10000		/* unacknowledged bytes: TCP_USER_TIMEOUT */
#define EXCHANGE "exports"
#define ROUTING_KEY "job"
#define QUEUE "exports.jobs"

struct queue {
	const struct conf *conf;
	char *uri;	/* cut up by amqp_parse_url() */
	struct amqp_connection_info at;	/* of the first host */
	char *hosts_text;
	struct { char *host; int port; } hosts[HOSTS_MAX];
	int nhosts, host;	/* host: the one that is used, or tried next */
	int heartbeat_s;
	bool tls;
	char why[320];	/* what TLS has against the host, or "" */

	amqp_connection_state_t conn;	/* NULL: none */
	bool consuming, confirming;
	bool unacked;	/* a message was delivered and not ended yet */
	uint64_t tag;
	char id[25];	/* its body */
	char sent[25];	/* published and not confirmed yet; "": nothing */
	bool sent_fresh;	/* over a connection that was made for it */
	bool blocked;
};

static const char *
reply_text(const amqp_rpc_reply_t *r, char *text, size_t size)
{
	const amqp_connection_close_t *conn;
	const amqp_channel_close_t *channel;

	if (r->reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
		return amqp_error_string2(r->library_error);
	if (r->reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
		return "no reply";
	if (r->reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
		conn = r->reply.decoded;
		snprintf(text, size, "connection closed: %u %.*s",
		    conn->reply_code, (int)conn->reply_text.len,
		    (char *)conn->reply_text.bytes);
	} else if (r->reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
		channel = r->reply.decoded;
		snprintf(text, size, "channel closed: %u %.*s",
		    channel->reply_code, (int)channel->reply_text.len,
		    (char *)channel->reply_text.bytes);
	} else {
		snprintf(text, size, "method 0x%08x", r->reply.id);
	}
	return text;
}

static void
drop(struct queue *q)
{
	if (q->conn != NULL)
		amqp_destroy_connection(q->conn);
	q->conn = NULL;
	q->consuming = q->confirming = q->unacked = q->blocked = false;
}

static int
lost(struct queue *q, const char *op, const char *why)
{
	log_msg(LOG_WARN, op, "RabbitMQ %s:%d: %s", q->hosts[q->host].host,
	    q->hosts[q->host].port, why);
	drop(q);
	/* Another node may be well. */
	q->host = (q->host + 1) % q->nhosts;
	return -1;
}

static int
lost_reply(struct queue *q, const char *op, amqp_rpc_reply_t r)
{
	char text[512];

	return lost(q, op, reply_text(&r, text, sizeof(text)));
}

/* One host[:port] of the list. */
static int
add_host(struct queue *q, char *text)
{
	char *colon = strrchr(text, ':');
	int64_t port = q->tls ? PORT_TLS_PRESET : PORT_PRESET;

	if (q->nhosts == HOSTS_MAX)
		return -1;
	if (colon != NULL) {
		*colon = '\0';
		if (num_parse(colon + 1, 1, 65535, &port) != 0)
			return -1;
	}
	q->hosts[q->nhosts].host = text;
	q->hosts[q->nhosts++].port = (int)port;
	return text[0] == '\0' ? -1 : 0;
}

/* Take the hosts out of amqp://h1:p1,h2:p2/vhost and parse what is left. */
static int
parse_uri(struct queue *q)
{
	const char *scheme;
	char *list, *vhost, *text, *save;

	q->tls = strncmp(q->uri, "amqps:", 6) == 0;
	scheme = q->tls ? "amqps://" : "amqp://";
	if (strncmp(q->uri, scheme, strlen(scheme)) != 0)
		return -1;
	list = q->uri + strlen(scheme);
	if ((vhost = strchr(list, '/')) == NULL || vhost == list)
		return -1;
	if ((q->hosts_text = strndup(list, (size_t)(vhost - list))) == NULL)
		return -1;
	for (text = strtok_r(q->hosts_text, ",", &save); text != NULL;
	    text = strtok_r(NULL, ",", &save))
		if (add_host(q, text) != 0)
			return -1;
	/* The library knows how a vhost is written; its host is not used. */
	memmove(list + 1, vhost, strlen(vhost) + 1);
	list[0] = 'h';
	amqp_default_connection_info(&q->at);
	return q->nhosts > 0 &&
	    amqp_parse_url(q->uri, &q->at) == AMQP_STATUS_OK ? 0 : -1;
}

struct queue *
queue_new(const struct conf *conf, int heartbeat_s)
{
	struct queue *q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return NULL;
	q->conf = conf;
	q->heartbeat_s = heartbeat_s;
	/*
	 * OpenSSL is also libmongoc's and libcurl's: it initialises itself, and
	 * nobody here takes it down.
	 */
	amqp_set_initialize_ssl_library(0);
	if ((q->uri = strdup(conf->amqp_uri)) == NULL)
		goto fail;
	if (parse_uri(q) != 0) {
		log_msg(LOG_ERROR, "amqp_uri", "not amqp://host:port/vhost "
		    "or amqps://host:port/vhost, with up to %d hosts separated "
		    "by commas", HOSTS_MAX);
		goto fail;
	}
	return q;
fail:
	queue_free(q);
	return NULL;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	if (q->conn != NULL)
		amqp_connection_close(q->conn, AMQP_REPLY_SUCCESS);
	drop(q);
	free(q->hosts_text);
	free(q->uri);
	free(q);
}

static void
set_socket_limits(int fd)
{
	unsigned silent = SILENT_MS;
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof(silent));
}

/*
 * Without these two the broker does not say that the queue was deleted or that
 * an alarm holds publishers back, and we would wait for ever.
 */
static amqp_rpc_reply_t
login(struct queue *q)
{
	amqp_table_entry_t caps[2], property;
	amqp_table_t capabilities = { 2, caps }, properties = { 1, &property };

	memset(caps, 0, sizeof(caps));
	memset(&property, 0, sizeof(property));
	caps[0].key = amqp_cstring_bytes("consumer_cancel_notify");
	caps[1].key = amqp_cstring_bytes("connection.blocked");
	caps[0].value.kind = caps[1].value.kind = AMQP_FIELD_KIND_BOOLEAN;
	caps[0].value.value.boolean = caps[1].value.value.boolean = 1;
	property.key = amqp_cstring_bytes("capabilities");
	property.value.kind = AMQP_FIELD_KIND_TABLE;
	property.value.value.table = capabilities;
	return amqp_login_with_properties(q->conn, q->at.vhost, 1, FRAME_MAX,
	    q->heartbeat_s, &properties, AMQP_SASL_METHOD_PLAIN,
	    q->conf->amqp_user, q->conf->amqp_password);
}

/*
 * Called in place of X509_verify_cert(), which it calls, to have the host looked
 * for there, too (rabbitmq-c knows the certificate's DNS names alone, not its IP
 * addresses), and to keep the reason (rabbitmq-c does not tell it). With the
 * error in ctx rabbitmq-c refuses the server.
 */
static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	struct queue *q = arg;
	const char *host = q->hosts[q->host].host;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1 &&
	    X509_VERIFY_PARAM_set1_host(param, host, 0) != 1)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
	else if (X509_verify_cert(ctx) == 1)
		return 1;
	else if (X509_STORE_CTX_get_error(ctx) == X509_V_OK)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
	snprintf(q->why, sizeof(q->why), "TLS: the certificate is refused: %s",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	return 0;
}

/* Returns 0, or -1 with q->why said. */
static int
set_up_tls(struct queue *q, amqp_socket_t *socket)
{
	const char *cas = q->conf->tls_ca_file != NULL ?
	    q->conf->tls_ca_file : SYSTEM_CAS;
	struct in_addr address;

	if (amqp_ssl_socket_set_cacert(socket, cas) != AMQP_STATUS_OK) {
		snprintf(q->why, sizeof(q->why), "TLS: there are no "
		    "certificates that can be read in %s", cas);
		return -1;
	}
	/* By itself it takes TLS 1.0. LATEST is no ceiling: 1.3 is taken too. */
	if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2,
	    AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
		snprintf(q->why, sizeof(q->why), "TLS: no TLS 1.2 here");
		return -1;
	}
	amqp_ssl_socket_set_verify_peer(socket, 1);
	amqp_ssl_socket_set_verify_hostname(socket, 1);
	SSL_CTX_set_cert_verify_callback(amqp_ssl_socket_get_context(socket),
	    on_verify, q);
	/* It would refuse every one of them; on_verify() knows them. */
	if (inet_pton(AF_INET, q->hosts[q->host].host, &address) == 1)
		amqp_ssl_socket_set_verify_hostname(socket, 0);
	return 0;
}

/* Why there is no connection, for a log line. */
static const char *
connect_text(struct queue *q, int rc)
{
	const unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e), *hint = "";

	if (q->why[0] != '\0')
		return q->why;
	if (rc != AMQP_STATUS_SSL_CONNECTION_FAILED || text == NULL)
		return amqp_error_string2(rc);
	switch (ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0) {
	case SSL_R_WRONG_VERSION_NUMBER:
		hint = ": it does not speak TLS";
		break;
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_UNSUPPORTED_PROTOCOL:
		hint = ": it does not speak TLS 1.2 or newer";
		break;
	}
	snprintf(q->why, sizeof(q->why), "TLS: %s%s", text, hint);
	return q->why;
}

static int
lost_login(struct queue *q, amqp_rpc_reply_t r)
{
	/* A port that wants TLS hangs up on whom it does not understand. */
	if (q->tls || r.reply_type != AMQP_RESPONSE_LIBRARY_EXCEPTION ||
	    r.library_error == AMQP_STATUS_TIMEOUT)
		return lost_reply(q, "amqp_login", r);
	snprintf(q->why, sizeof(q->why), "%s; does it want TLS (amqps://)?",
	    amqp_error_string2(r.library_error));
	return lost(q, "amqp_login", q->why);
}

static int
connect_one(struct queue *q)
{
	struct timeval limit = { CONNECT_MS / 1000, 0 };
	amqp_socket_t *socket;
	amqp_rpc_reply_t r;
	int rc;

	q->why[0] = '\0';
	if ((q->conn = amqp_new_connection()) == NULL ||
	    (socket = q->tls ? amqp_ssl_socket_new(q->conn) :
	    amqp_tcp_socket_new(q->conn)) == NULL)
		return lost(q, "amqp_connect", "out of memory");
	if (q->tls && set_up_tls(q, socket) != 0)
		return lost(q, "amqp_connect", q->why);
	amqp_set_handshake_timeout(q->conn, &limit);
	amqp_set_rpc_timeout(q->conn, &limit);
	rc = amqp_socket_open_noblock(socket, q->hosts[q->host].host,
	    q->hosts[q->host].port, &limit);
	if (rc != AMQP_STATUS_OK)
		return lost(q, "amqp_connect", connect_text(q, rc));
	set_socket_limits(amqp_get_sockfd(q->conn));
	if ((r = login(q)).reply_type != AMQP_RESPONSE_NORMAL)
		return lost_login(q, r);
	amqp_channel_open(q->conn, CHANNEL);
	r = amqp_get_rpc_reply(q->conn);
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return lost_reply(q, "amqp_channel", r);
	return 0;
}

int
queue_connect(struct queue *q)
{
	int try;

	for (try = 0; try < q->nhosts && q->conn == NULL; try++)
		connect_one(q);
	return q->conn == NULL ? -1 : 0;
}

static struct timeval
in_ms(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/*
 * Take in what the broker says between calls. Returns 0 when the connection is
 * still good, else -1, the connection dropped.
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
		    "takes no messages");
		q->blocked = true;
		return 0;
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		q->blocked = false;
		return 0;
	case AMQP_BASIC_CANCEL_METHOD:
		return lost(q, "amqp_consume", "the queue was deleted or moved");
	case AMQP_CHANNEL_CLOSE_METHOD:
	case AMQP_CONNECTION_CLOSE_METHOD:
		return lost_reply(q, "amqp", (amqp_rpc_reply_t){
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
	amqp_basic_qos(q->conn, CHANNEL, 0, 1, 0);
	r = amqp_get_rpc_reply(q->conn);
	return r.reply_type == AMQP_RESPONSE_NORMAL ? 0 :
	    lost_reply(q, "amqp_check", r);
}

/* Wait for the broker's word on the one message that is out. */
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
		rc = amqp_simple_wait_frame_noblock(q->conn, &frame, &left);
		if (rc == AMQP_STATUS_TIMEOUT)
			return lost(q, "amqp_publish", "no confirm in time");
		if (rc != AMQP_STATUS_OK)
			return lost(q, "amqp_publish", amqp_error_string2(rc));
		/* A return is followed by the message itself, then the ack. */
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
	amqp_confirm_select(q->conn, CHANNEL);
	r = amqp_get_rpc_reply(q->conn);
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return lost_reply(q, "amqp_confirm", r);
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
	rc = amqp_basic_publish(q->conn, CHANNEL, amqp_cstring_bytes(EXCHANGE),
	    amqp_cstring_bytes(routing_key), 1, 0, &props,
	    amqp_cstring_bytes(body));
	return rc == AMQP_STATUS_OK ? 0 :
	    lost(q, "amqp_publish", amqp_error_string2(rc));
}

void
queue_publish(struct queue *q, const char *id)
{
	q->sent_fresh = q->conn == NULL;
	snprintf(q->sent, sizeof(q->sent), "%s", id);
	send_message(q, ROUTING_KEY, q->sent);
}

int
queue_confirm(struct queue *q)
{
	int rc;

	if (q->sent[0] == '\0')
		return 0;
	rc = q->conn == NULL ? -1 : await_confirm(q);
	/*
	 * A kept connection may have died unseen since its last use; only then
	 * does another try tell more than the first.
	 */
	if (rc != 0 && !q->sent_fresh && q->conn == NULL &&
	    send_message(q, ROUTING_KEY, q->sent) == 0)
		rc = await_confirm(q);
	if (q->conn != NULL)
		amqp_maybe_release_buffers(q->conn);
	q->sent[0] = '\0';
	return rc;
}

static int
consume(struct queue *q)
{
	amqp_rpc_reply_t r;

	if (queue_connect(q) != 0)
		return -1;
	if (q->consuming)
		return 0;
	amqp_basic_qos(q->conn, CHANNEL, 0, 1, 0);
	r = amqp_get_rpc_reply(q->conn);
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return lost_reply(q, "amqp_qos", r);
	amqp_basic_consume(q->conn, CHANNEL, amqp_cstring_bytes(QUEUE),
	    amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
	r = amqp_get_rpc_reply(q->conn);
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return lost_reply(q, "amqp_consume", r);
	q->consuming = true;
	return 0;
}

/* Take in one delivery, or whatever else comes within wait_ms. */
static enum queue_result
receive(struct queue *q, int wait_ms)
{
	struct timeval limit = in_ms(wait_ms);
	amqp_envelope_t envelope;
	amqp_rpc_reply_t r;
	amqp_frame_t frame;
	int rc;

	r = amqp_consume_message(q->conn, &envelope, &limit, 0);
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
		lost_reply(q, "amqp_consume", r);
		return QUEUE_DOWN;
	}
	/* Another method than a delivery: it is still to be read. */
	limit = in_ms(0);
	rc = amqp_simple_wait_frame_noblock(q->conn, &frame, &limit);
	if (rc != AMQP_STATUS_OK && rc != AMQP_STATUS_TIMEOUT)
		lost(q, "amqp_consume", amqp_error_string2(rc));
	else if (rc == AMQP_STATUS_OK)
		take_method(q, &frame);
	return q->conn == NULL ? QUEUE_DOWN : QUEUE_NOTHING;
}

enum queue_result
queue_wait(struct queue *q, int wait_ms, char id[25])
{
	enum queue_result rc = QUEUE_MESSAGE;

	if (consume(q) != 0)
		return QUEUE_DOWN;
	if (!q->unacked) {
		amqp_maybe_release_buffers(q->conn);
		rc = receive(q, wait_ms);
	}
	if (rc == QUEUE_MESSAGE)
		memcpy(id, q->id, sizeof(q->id));
	return rc;
}

void
queue_ack(struct queue *q)
{
	int rc;

	if (q->conn == NULL || !q->unacked)
		return;
	q->unacked = false;
	rc = amqp_basic_ack(q->conn, CHANNEL, q->tag, 0);
	if (rc != AMQP_STATUS_OK)
		lost(q, "amqp_ack", amqp_error_string2(rc));
}

void
queue_nack(struct queue *q)
{
	int rc;

	if (q->conn == NULL || !q->unacked)
		return;
	q->unacked = false;
	/* Never requeue: that would be a loop without a pause. */
	rc = amqp_basic_nack(q->conn, CHANNEL, q->tag, 0, 0);
	if (rc != AMQP_STATUS_OK)
		lost(q, "amqp_nack", amqp_error_string2(rc));
}

void
queue_heartbeat(struct queue *q)
{
	/* A delivery is kept for the next queue_wait(). */
	while (q->conn != NULL && receive(q, 0) == QUEUE_MESSAGE)
		;
}

int
queue_fd(const struct queue *q)
{
	return q->conn == NULL ? -1 : amqp_get_sockfd(q->conn);
}

/* 1: it was done; 0: access refused; -1: anything else, logged. */
static int
allowed(struct queue *q, const char *op, amqp_rpc_reply_t r)
{
	const amqp_channel_close_t *close = r.reply.decoded;

	if (r.reply_type == AMQP_RESPONSE_NORMAL)
		return 1;
	if (r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
	    r.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
	    close->reply_code == AMQP_ACCESS_REFUSED)
		return 0;
	return lost_reply(q, op, r);
}

/* A message that no queue is bound for comes back, and is confirmed then. */
static int
may_publish(struct queue *q)
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
		rc = amqp_simple_wait_frame_noblock(q->conn, &frame, &left);
		if (rc != AMQP_STATUS_OK)
			return lost(q, "amqp_publish", amqp_error_string2(rc));
		if (frame.frame_type != AMQP_FRAME_METHOD)
			continue;
		switch (frame.payload.method.id) {
		case AMQP_CHANNEL_CLOSE_METHOD:
			r.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION;
			r.reply = frame.payload.method;
			return allowed(q, "amqp_publish", r);
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
	switch (right) {
	case QUEUE_PUBLISH:
		may = may_publish(q);
		break;
	case QUEUE_CONSUME:
		amqp_basic_consume(q->conn, CHANNEL, amqp_cstring_bytes(QUEUE),
		    amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
		may = allowed(q, "amqp_consume", amqp_get_rpc_reply(q->conn));
		break;
	case QUEUE_DECLARE:
		amqp_queue_declare(q->conn, CHANNEL,
		    amqp_cstring_bytes("export-check"), 0, 0, 1, 1,
		    amqp_empty_table);
		may = allowed(q, "amqp_declare", amqp_get_rpc_reply(q->conn));
		break;
	}
	drop(q);
	return may;
}
