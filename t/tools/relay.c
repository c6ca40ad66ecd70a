/*
 * relay LISTEN TARGET [--delay-ms D] [--bytes-s N] [--mongo]
 *
 * Distance: what a client says to 127.0.0.1:LISTEN goes to 127.0.0.1:TARGET, and
 * back, each way D ms later, each connection and way N bytes a second at most.
 * --help says the rest.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 512
#define CHUNK_BYTES 65536
/* Of one way: a sender that is not read from waits, as on a real line. */
#define AHEAD_BYTES ((size_t)64 << 20)
#define HEADER_BYTES 64
#define REQUESTS_MAX 4096
#define OP_MSG 2013

static const char usage[] =
    "usage: relay LISTEN TARGET [--delay-ms D] [--bytes-s N] [--mongo]\n"
    "\n"
    "Forwards connections from 127.0.0.1:LISTEN to 127.0.0.1:TARGET.\n"
    "\n"
    "  --delay-ms D   each way takes D ms longer (2.5: a round trip of 5 ms more)\n"
    "  --bytes-s N    the most that each way of a connection carries in a second\n"
    "  --mongo        count what MongoDB is asked: a round trip for each request\n"
    "\n"
    "SIGUSR1: print a line of JSON, then count from 0 again:\n"
    "  {\"connections\": 3, \"open\": 2, \"bytes\": 123, \"requests\": [\"find\", ...]}\n"
    "requests: their commands in order, the first 4096. Heartbeats (hello) are among\n"
    "them.\n"
    "SIGTERM ends it.\n";

struct chunk {
	struct chunk *next;
	int64_t due_us;
	size_t len, sent;
	uint8_t data[];
};

/* One way of a connection. */
struct way {
	int from, to;
	struct chunk *first, **end;
	size_t ahead;		/* bytes in chunks */
	int64_t free_us;	/* when the line is free again */
	bool eof, shut;
	/* Where a request is, for --mongo. */
	uint8_t head[HEADER_BYTES];
	size_t at, len;		/* bytes of the message seen; its length */
};

struct pair {
	struct way ways[2];	/* to the server, to the client */
};

static struct pair *pairs[PAIRS_MAX];
static size_t n_pairs;
static int64_t delay_us;
static double bytes_s;
static bool mongo;

static struct {
	uint64_t connections, bytes;
	char v[REQUESTS_MAX][HEADER_BYTES];
	size_t n;
} counts;

static volatile sig_atomic_t want_counts, want_end;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		want_counts = 1;
	else
		want_end = 1;
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
print_counts(void)
{
	size_t i;

	printf("{\"connections\": %llu, \"open\": %zu, \"bytes\": %llu, "
	    "\"requests\": [", (unsigned long long)counts.connections, n_pairs,
	    (unsigned long long)counts.bytes);
	for (i = 0; i < counts.n; i++)
		printf("%s\"%s\"", i > 0 ? ", " : "", counts.v[i]);
	printf("]}\n");
	fflush(stdout);
	memset(&counts, 0, sizeof(counts));
	want_counts = 0;
}

static void
count_name(const char *name)
{
	if (counts.n < REQUESTS_MAX)
		snprintf(counts.v[counts.n++], HEADER_BYTES, "%s", name);
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/*
 * A request has begun: 16 bytes of header, 4 of flags, a 0, a document's length, a
 * type, and the name of the command. Only of letters: it is printed as JSON.
 */
static void
count_request(const struct way *w)
{
	char name[HEADER_BYTES + 1] = "other";
	size_t i;

	if (le32(w->head + 12) == OP_MSG && w->at > 27 && w->head[20] == 0)
		for (i = 26; i < w->at && ((w->head[i] | 32) >= 'a' &&
		    (w->head[i] | 32) <= 'z'); i++) {
			name[i - 26] = (char)w->head[i];
			name[i - 25] = '\0';
		}
	count_name(name);
}

/* Follow MongoDB's messages: each begins with its length. */
static void
follow(struct way *w, const uint8_t *data, size_t len)
{
	size_t i, skip;

	for (i = 0; i < len; ) {
		if (w->at < HEADER_BYTES && (w->at < 4 || w->at < w->len)) {
			w->head[w->at++] = data[i++];
			if (w->at == 4)
				w->len = le32(w->head);
		} else {
			skip = w->len - w->at < len - i ? w->len - w->at : len - i;
			w->at += skip;
			i += skip;
		}
		if (w->at >= 4 && w->at >= w->len) {
			if (w->len <= HEADER_BYTES)
				count_request(w);
			w->at = w->len = 0;
		} else if (w->at == HEADER_BYTES) {
			count_request(w);
			w->at++;	/* once */
			w->len++;
		}
	}
}

static int
listen_on(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port =
	    htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1;

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes,
	    sizeof(yes)) != 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(s, 128) != 0)
		err(1, "port %d", port);
	return s;
}

static int
connect_to(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port =
	    htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
		return s;
	if (s >= 0)
		close(s);
	return -1;
}

static void
pair_new(int client, int target)
{
	const int server = connect_to(target);
	int yes = 1, i;
	struct pair *p;

	if (server < 0 || n_pairs == PAIRS_MAX ||
	    (p = calloc(1, sizeof(*p))) == NULL) {
		close(client);
		if (server >= 0)
			close(server);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	for (i = 0; i < 2; i++) {
		p->ways[i].from = i == 0 ? client : server;
		p->ways[i].to = i == 0 ? server : client;
		p->ways[i].end = &p->ways[i].first;
	}
	pairs[n_pairs++] = p;
	counts.connections++;
}

static void
pair_free(size_t at)
{
	struct pair *p = pairs[at];
	struct chunk *c;
	int i;

	for (i = 0; i < 2; i++)
		while ((c = p->ways[i].first) != NULL) {
			p->ways[i].first = c->next;
			free(c);
		}
	close(p->ways[0].from);
	close(p->ways[0].to);
	free(p);
	pairs[at] = pairs[--n_pairs];
}

/* Returns 0, -1: the connection is broken. */
static int
way_read(struct way *w, bool to_server)
{
	struct chunk *c = malloc(sizeof(*c) + CHUNK_BYTES);
	int64_t now = now_us();
	ssize_t n;

	if (c == NULL)
		return -1;
	n = recv(w->from, c->data, CHUNK_BYTES, MSG_DONTWAIT);
	if (n <= 0) {
		free(c);
		w->eof = n == 0;
		return n == 0 || errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	if (mongo && to_server)
		follow(w, c->data, (size_t)n);
	counts.bytes += (uint64_t)n;
	/* On the line when it is free, and there a delay later. */
	if (w->free_us < now)
		w->free_us = now;
	if (bytes_s > 0)
		w->free_us += (int64_t)((double)n / bytes_s * 1e6);
	*c = (struct chunk){ NULL, w->free_us + delay_us, (size_t)n, 0 };
	w->ahead += (size_t)n;
	*w->end = c;
	w->end = &c->next;
	return 0;
}

static int
way_write(struct way *w)
{
	const int64_t now = now_us();
	struct chunk *c;
	ssize_t n;

	while ((c = w->first) != NULL && c->due_us <= now) {
		n = send(w->to, c->data + c->sent, c->len - c->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		c->sent += (size_t)n;
		w->ahead -= (size_t)n;
		if (c->sent < c->len)
			return 0;
		if ((w->first = c->next) == NULL)
			w->end = &w->first;
		free(c);
	}
	if (w->first == NULL && w->eof && !w->shut) {
		shutdown(w->to, SHUT_WR);
		w->shut = true;
	}
	return 0;
}

/* What to wait for, and for how long. */
static size_t
set_fds(struct pollfd *fds, int listener, int64_t *wait_us)
{
	const int64_t now = now_us();
	size_t i, n = 1;
	int k;

	fds[0] = (struct pollfd){ listener, POLLIN, 0 };
	*wait_us = 1000000;
	for (i = 0; i < n_pairs; i++)
		for (k = 0; k < 2; k++) {
			const struct way *w = &pairs[i]->ways[k];
			const struct way *back = &pairs[i]->ways[!k];
			struct pollfd *fd = &fds[n++];

			*fd = (struct pollfd){ w->from, 0, 0 };
			if (!w->eof && w->ahead < AHEAD_BYTES)
				fd->events |= POLLIN;
			if (back->first != NULL && back->first->due_us <= now)
				fd->events |= POLLOUT;
			else if (back->first != NULL &&
			    back->first->due_us - now < *wait_us)
				*wait_us = back->first->due_us - now;
			if (fd->events == 0)
				fd->fd = -1;
		}
	return n;
}

static void
relay_step(int listener, int target)
{
	static struct pollfd fds[2 * PAIRS_MAX + 1];
	struct timespec wait;
	int64_t wait_us;
	size_t n, i;
	int s;

	n = set_fds(fds, listener, &wait_us);
	wait = (struct timespec){ wait_us / 1000000, wait_us % 1000000 * 1000 };
	if (ppoll(fds, n, &wait, NULL) < 0)
		return;
	for (i = n_pairs; i-- > 0; ) {
		struct pair *p = pairs[i];
		bool broken = false;
		int k;

		for (k = 0; k < 2; k++) {
			if ((fds[1 + 2 * i + (size_t)k].revents &
			    (POLLIN | POLLHUP | POLLERR)) != 0 &&
			    !p->ways[k].eof)
				broken |= way_read(&p->ways[k], k == 0) != 0;
			broken |= way_write(&p->ways[k]) != 0;
		}
		if (broken || (p->ways[0].shut && p->ways[1].shut))
			pair_free(i);
	}
	if (fds[0].revents != 0 &&
	    (s = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		pair_new(s, target);
}

int
main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int listener, i;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	for (i = 3; i < argc; i++)
		if (strcmp(argv[i], "--delay-ms") == 0 && i + 1 < argc)
			delay_us = (int64_t)(strtod(argv[++i], NULL) * 1000);
		else if (strcmp(argv[i], "--bytes-s") == 0 && i + 1 < argc)
			bytes_s = strtod(argv[++i], NULL);
		else if (strcmp(argv[i], "--mongo") == 0)
			mongo = true;
		else
			break;
	if (argc < 3 || i < argc) {
		fputs(usage, stderr);
		return 2;
	}
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	listener = listen_on(atoi(argv[1]));
	while (!want_end) {
		relay_step(listener, atoi(argv[2]));
		if (want_counts)
			print_counts();
	}
	return 0;
}
