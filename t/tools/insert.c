/*
 * insert URI N: N inserts into bench.inserts, one after the other, each of a
 * document of a job's size, acknowledged by a majority: what t/bench/bench-api
 * compares POST /export with. Prints the time of each, in us, a line each.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mongoc/mongoc.h>

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int
main(int argc, char **argv)
{
	mongoc_collection_t *collection;
	mongoc_client_t *client;
	bson_error_t error;
	int64_t began_us;
	char text[400];
	bson_t *doc;
	long n;

	if (argc != 3 || (n = atol(argv[2])) < 1)
		errx(2, "usage: insert URI N");
	mongoc_init();
	if ((client = mongoc_client_new(argv[1])) == NULL)
		errx(1, "not a URI");
	collection = mongoc_client_get_collection(client, "bench", "inserts");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while (n-- > 0) {
		doc = BCON_NEW("owner", BCON_UTF8("bench"), "text",
		    BCON_UTF8(text));
		began_us = now_us();
		if (!mongoc_collection_insert_one(collection, doc, NULL, NULL,
		    &error))
			errx(1, "insert: %s", error.message);
		printf("%lld\n", (long long)(now_us() - began_us));
		bson_destroy(doc);
	}
	mongoc_collection_destroy(collection);
	mongoc_client_destroy(client);
	mongoc_cleanup();
	return 0;
}
