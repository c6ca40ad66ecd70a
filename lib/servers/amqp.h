#ifndef LIB_SERVERS_AMQP_H
#define LIB_SERVERS_AMQP_H

struct amqp_connection_state_t_;
struct amqp_link;
struct amqp_rpc_reply_t_;
struct conf;

/* The one channel of a link. */
#define AMQP_LINK_CHANNEL 1

/*
 * One connection to one of the RabbitMQ hosts that conf's amqp_uri names, with
 * TLS where it says amqps://, logged in, with one channel. Hosts are tried in
 * turn: one that fails is passed over at the next attempt. Not safe from two
 * threads at once.
 *
 * amqp_link_new(conf, heartbeat_s): Does not connect. NULL: memory, or a bad
 * URI, which is logged.
 */
struct amqp_link *amqp_link_new(const struct conf *conf, int heartbeat_s);
void amqp_link_free(struct amqp_link *link);

/*
 * amqp_link_open(link): Have a connection; each host is tried once. Returns 0,
 * -1 with the faults logged.
 * amqp_link_conn(link): The library's connection, NULL where there is none.
 */
int amqp_link_open(struct amqp_link *link);
struct amqp_connection_state_t_ *amqp_link_conn(const struct amqp_link *link);

/*
 * amqp_link_drop(link): Give the connection up, without a word to the broker.
 */
void amqp_link_drop(struct amqp_link *link);

/*
 * amqp_link_lost(link, op, why): Log the reason, drop the connection, and turn
 * to the next host. amqp_link_lost_reply(link, op, r): The reason is in a
 * reply. Both return -1.
 */
int amqp_link_lost(struct amqp_link *link, const char *op, const char *why);
int amqp_link_lost_reply(struct amqp_link *link, const char *op,
    struct amqp_rpc_reply_t_ r);

#endif
