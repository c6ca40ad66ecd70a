/*
 * The memory of windows: chunks that are used again. Does not know what is in them.
 */
#include "worker/store.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)256 * 1024)

struct store_chunk {
	struct store_chunk *next;
	size_t size, used;
	uint8_t data[];
};

static struct store_chunk *
chunk_new(struct store *s, size_t len)
{
	const size_t size = len > CHUNK_BYTES ? len : CHUNK_BYTES;
	struct store_chunk *c = s->free;

	if (size == CHUNK_BYTES && c != NULL)
		s->free = c->next;
	else if ((c = malloc(sizeof(*c) + size)) == NULL)
		return NULL;
	c->size = size;
	c->used = 0;
	return c;
}

uint8_t *
store_take(struct store *s, struct store_part *part, size_t len)
{
	struct store_chunk *c = part->chunks;

	if (c == NULL || c->size - c->used < len) {
		if ((c = chunk_new(s, len)) == NULL)
			return NULL;
		c->next = part->chunks;
		part->chunks = c;
		part->bytes += sizeof(*c) + c->size;
	}
	c->used += len;
	return c->data + c->used - len;
}

void
store_give(struct store *s, struct store_part *part)
{
	struct store_chunk *c;

	part->bytes = 0;
	while ((c = part->chunks) != NULL) {
		part->chunks = c->next;
		if (c->size > CHUNK_BYTES) {
			free(c);
			continue;
		}
		c->next = s->free;
		s->free = c;
	}
}

void
store_release(struct store *s)
{
	struct store_chunk *c;

	while ((c = s->free) != NULL) {
		s->free = c->next;
		free(c);
	}
}
