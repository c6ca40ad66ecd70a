/*
 * The memory of windows: chunks that are used again. Does not know what is in them.
 */
#include "worker/store.h"

#include <stdlib.h>
#include <sys/mman.h>

#define CHUNK_BYTES ((size_t)256 * 1024)

struct store_chunk {
	struct store_chunk *next;
	size_t size, used;
	uint8_t data[];
};

/* Large ones go back to the system at once, whatever thread has them. */
static struct store_chunk *
chunk_map(size_t size)
{
	void *p = mmap(NULL, sizeof(struct store_chunk) + size,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

static struct store_chunk *
chunk_new(struct store *s, size_t len)
{
	const size_t size = len > CHUNK_BYTES ? len : CHUNK_BYTES;
	struct store_chunk *c = s->free;

	if (size > CHUNK_BYTES)
		c = chunk_map(size);
	else if (c != NULL)
		s->free = c->next;
	else
		c = malloc(sizeof(*c) + size);
	if (c == NULL)
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
			munmap(c, sizeof(*c) + c->size);
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
