/*
 * A connection to one RabbitMQ host of several, up to the open channel: TCP,
 * TLS with the host's name checked, login, limits of waiting. Knows no
 * exchange, queue or message: queue.c does.
 */
#include "lib/servers/amqp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#if __has_include(<rabbitmq-c/amqp.h>)	/* 0.12 and newer */
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#define HOSTS_MAX 8
#define PORT_DEFAULT 5672
#define PORT_TLS_DEFAULT 5671
/* rabbitmq-c trusts no CA by default, not even the system's. */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"
#define FRAME_MAX 131072
#define CONNECT_MS 3000
#define SILENT_MS 10000		/* unacknowledged bytes: TCP_USER_TIMEOUT */

struct amqp_link {
	const struct conf *conf;
	char *uri;	/* cut up by amqp_parse_url() */
	struct amqp_connection_info at;	/* of the first host */
	char *hosts_text;
	struct { char *host; int port; } hosts[HOSTS_MAX];
	int nhosts, host;	/* host: the one in use, or the next to try */
	int heartbeat_s;
	bool tls;
	char why[320];	/* why TLS refused the host, or "" */

	amqp_connection_state_t conn;	/* NULL: none */
};

/* What a reply that is not normal says, for a log line. */
static const char *
loss_text(const amqp_rpc_reply_t *r, char *text, size_t size)
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

void
amqp_link_drop(struct amqp_link *link)
{
	if (link->conn != NULL)
		amqp_destroy_connection(link->conn);
	link->conn = NULL;
}

int
amqp_link_lost(struct amqp_link *link, const char *op, const char *why)
{
	log_msg(LOG_WARN, op, "RabbitMQ %s:%d: %s",
	    link->hosts[link->host].host, link->hosts[link->host].port, why);
	amqp_link_drop(link);
	/* Another node may be up. */
	link->host = (link->host + 1) % link->nhosts;
	return -1;
}

int
amqp_link_lost_reply(struct amqp_link *link, const char *op,
    struct amqp_rpc_reply_t_ r)
{
	char text[512];

	return amqp_link_lost(link, op, loss_text(&r, text, sizeof(text)));
}

/* One host[:port] of the list. */
static int
hosts_add(struct amqp_link *link, char *text)
{
	char *colon = strrchr(text, ':');
	int64_t port = link->tls ? PORT_TLS_DEFAULT : PORT_DEFAULT;

	if (link->nhosts == HOSTS_MAX)
		return -1;
	if (colon != NULL) {
		*colon = '\0';
		if (num_parse(colon + 1, 1, 65535, &port) != 0)
			return -1;
	}
	link->hosts[link->nhosts].host = text;
	link->hosts[link->nhosts++].port = (int)port;
	return text[0] == '\0' ? -1 : 0;
}

/* Take the hosts out of amqp://h1:p1,h2:p2/vhost and parse the rest. */
static int
parse_uri(struct amqp_link *link)
{
	const char *scheme;
	char *list, *vhost, *text, *save;

	link->tls = strncmp(link->uri, "amqps:", 6) == 0;
	scheme = link->tls ? "amqps://" : "amqp://";
	if (strncmp(link->uri, scheme, strlen(scheme)) != 0)
		return -1;
	list = link->uri + strlen(scheme);
	if ((vhost = strchr(list, '/')) == NULL || vhost == list)
		return -1;
	if ((link->hosts_text = strndup(list, (size_t)(vhost - list))) == NULL)
		return -1;
	for (text = strtok_r(link->hosts_text, ",", &save); text != NULL;
	    text = strtok_r(NULL, ",", &save))
		if (hosts_add(link, text) != 0)
			return -1;
	/* The library decodes the vhost; the host that it finds is not used. */
	memmove(list + 1, vhost, strlen(vhost) + 1);
	list[0] = 'h';
	amqp_default_connection_info(&link->at);
	return link->nhosts > 0 &&
	    amqp_parse_url(link->uri, &link->at) == AMQP_STATUS_OK ? 0 : -1;
}

struct amqp_link *
amqp_link_new(const struct conf *conf, int heartbeat_s)
{
	struct amqp_link *link;

	if ((link = calloc(1, sizeof(*link))) == NULL)
		return NULL;
	link->conf = conf;
	link->heartbeat_s = heartbeat_s;
	/*
	 * libmongoc and libcurl use OpenSSL, too: it initialises itself, and
	 * nothing here may clean it up. From 0.13 on rabbitmq-c does neither.
	 */
#if AMQP_VERSION < AMQP_VERSION_CODE(0, 13, 0, 0)
	amqp_set_initialize_ssl_library(0);
#endif
	if ((link->uri = strdup(conf->amqp_uri)) == NULL)
		goto fail;
	if (parse_uri(link) != 0) {
		log_msg(LOG_ERROR, "amqp_uri", "not amqp://host:port/vhost "
		    "or amqps://host:port/vhost, with up to %d hosts separated "
		    "by commas", HOSTS_MAX);
		goto fail;
	}
	return link;
fail:
	amqp_link_free(link);
	return NULL;
}

void
amqp_link_free(struct amqp_link *link)
{
	if (link == NULL)
		return;
	if (link->conn != NULL)
		amqp_connection_close(link->conn, AMQP_REPLY_SUCCESS);
	amqp_link_drop(link);
	free(link->hosts_text);
	free(link->uri);
	free(link);
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
 * Announce two capabilities: without them the broker does not report that the
 * queue was deleted or that an alarm blocks publishers, and we would wait for
 * ever.
 */
static amqp_rpc_reply_t
link_login(struct amqp_link *link)
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
	return amqp_login_with_properties(link->conn, link->at.vhost, 1,
	    FRAME_MAX, link->heartbeat_s, &properties, AMQP_SASL_METHOD_PLAIN,
	    link->conf->amqp_user, link->conf->amqp_password);
}

/*
 * Called in place of X509_verify_cert(), which it calls, to match the host
 * against the certificate's IP addresses as well (rabbitmq-c matches DNS names
 * only) and to keep the reason of a refusal (rabbitmq-c does not report it).
 * With an error in ctx, rabbitmq-c refuses the server.
 */
static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	struct amqp_link *link = arg;
	const char *host = link->hosts[link->host].host;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1 &&
	    X509_VERIFY_PARAM_set1_host(param, host, 0) != 1)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
	else if (X509_verify_cert(ctx) == 1)
		return 1;
	else if (X509_STORE_CTX_get_error(ctx) == X509_V_OK)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
	snprintf(link->why, sizeof(link->why),
	    "TLS: the certificate is refused: %s",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	return 0;
}

/* Returns 0, or -1 with the reason in link->why. */
static int
set_up_tls(struct amqp_link *link, amqp_socket_t *socket)
{
	const char *cas = link->conf->tls_ca_file != NULL ?
	    link->conf->tls_ca_file : SYSTEM_CAS;
	struct in_addr address;

	if (amqp_ssl_socket_set_cacert(socket, cas) != AMQP_STATUS_OK) {
		snprintf(link->why, sizeof(link->why), "TLS: no "
		    "certificates can be read from %s", cas);
		return -1;
	}
	/* The default floor is TLS 1.0. LATEST is no ceiling: 1.3 passes. */
	if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2,
	    AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
		snprintf(link->why, sizeof(link->why),
		    "TLS: TLS 1.2 is not available");
		return -1;
	}
	amqp_ssl_socket_set_verify_peer(socket, 1);
	amqp_ssl_socket_set_verify_hostname(socket, 1);
	SSL_CTX_set_cert_verify_callback(amqp_ssl_socket_get_context(socket),
	    on_verify, link);
	/*
	 * rabbitmq-c matches DNS names only and would reject any IP address;
	 * on_verify() checks addresses.
	 */
	if (inet_pton(AF_INET, link->hosts[link->host].host, &address) == 1)
		amqp_ssl_socket_set_verify_hostname(socket, 0);
	return 0;
}

/* The reason why there is no connection, for a log line. */
static const char *
connect_text(struct amqp_link *link, int rc)
{
	const unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e), *hint = "";

	if (link->why[0] != '\0')
		return link->why;
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
	snprintf(link->why, sizeof(link->why), "TLS: %s%s", text, hint);
	return link->why;
}

/* The end of a connection during the login. Returns -1. */
static int
login_lost(struct amqp_link *link, amqp_rpc_reply_t r)
{
	/* A TLS port closes the connection when it receives plain AMQP. */
	if (link->tls || r.reply_type != AMQP_RESPONSE_LIBRARY_EXCEPTION ||
	    r.library_error == AMQP_STATUS_TIMEOUT)
		return amqp_link_lost_reply(link, "amqp_login", r);
	snprintf(link->why, sizeof(link->why),
	    "%s; does it want TLS (amqps://)?",
	    amqp_error_string2(r.library_error));
	return amqp_link_lost(link, "amqp_login", link->why);
}

/* Connect to the host whose turn it is. Returns 0, -1: logged, next is another. */
static int
connect_one(struct amqp_link *link)
{
	struct timeval limit = { CONNECT_MS / 1000, 0 };
	amqp_socket_t *socket;
	amqp_rpc_reply_t r;
	int rc;

	/* A socket of the kind that the URI asks for. */
	link->why[0] = '\0';
	if ((link->conn = amqp_new_connection()) == NULL ||
	    (socket = link->tls ? amqp_ssl_socket_new(link->conn) :
	    amqp_tcp_socket_new(link->conn)) == NULL)
		return amqp_link_lost(link, "amqp_connect", "out of memory");
	if (link->tls && set_up_tls(link, socket) != 0)
		return amqp_link_lost(link, "amqp_connect", link->why);
	/* Every step from here on has a limit of time. */
	amqp_set_handshake_timeout(link->conn, &limit);
	amqp_set_rpc_timeout(link->conn, &limit);
	rc = amqp_socket_open_noblock(socket, link->hosts[link->host].host,
	    link->hosts[link->host].port, &limit);
	if (rc != AMQP_STATUS_OK)
		return amqp_link_lost(link, "amqp_connect",
		    connect_text(link, rc));
	/* Connected, with TLS done: AMQP's own handshake and login. */
	set_socket_limits(amqp_get_sockfd(link->conn));
	if ((r = link_login(link)).reply_type != AMQP_RESPONSE_NORMAL)
		return login_lost(link, r);
	/* And the channel that all else goes through. */
	amqp_channel_open(link->conn, AMQP_LINK_CHANNEL);
	r = amqp_get_rpc_reply(link->conn);
	if (r.reply_type != AMQP_RESPONSE_NORMAL)
		return amqp_link_lost_reply(link, "amqp_channel", r);
	return 0;
}

int
amqp_link_open(struct amqp_link *link)
{
	int try;

	for (try = 0; try < link->nhosts && link->conn == NULL; try++)
		connect_one(link);
	return link->conn == NULL ? -1 : 0;
}

struct amqp_connection_state_t_ *
amqp_link_conn(const struct amqp_link *link)
{
	return link->conn;
}
