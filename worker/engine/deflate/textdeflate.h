#ifndef WORKER_ENGINE_DEFLATE_TEXTDEFLATE_H
#define WORKER_ENGINE_DEFLATE_TEXTDEFLATE_H

#include <stddef.h>
#include <stdint.h>

/*
 * DEFLATE (RFC 1951) for delimited text such as CSV.
 *
 * It exists, first, because its output depends only on the text: the same bytes
 * on every processor. Fragments of one archive are made on several machines and
 * have to join into the very archive that one machine would have made. (ISA-L's
 * output varies with the processor and with the address of its state.)
 *
 * Second, it is fast: 26 ns a row of five columns on one core (AVX-512), where
 * ISA-L 2.30, level 1, takes 38 and zlib -6 580, for 3 % more bytes than
 * ISA-L's. Matches are searched for in one place only, where a value ends: from
 * there text tends to continue as it did after the last value that ended in the
 * same column before the same gap. The first eighth of a text gives the Huffman
 * code for all of it, so only that part is read twice. Any bytes come out
 * right; those without structure are Huffman coded only.
 */
struct textdeflate;

/* textdeflate_new(): NULL: no memory. textdeflate_free(NULL) is fine. */
struct textdeflate *textdeflate_new(void);
void textdeflate_free(struct textdeflate *z);

/* textdeflate_bound(len): The room that the block of len bytes may need. */
size_t textdeflate_bound(size_t len);

/*
 * textdeflate_block(z, text, len, to):
 * Write one non-final block of len bytes (fewer than 2^31), then an empty
 * stored block, which ends on a byte boundary. Nothing refers to an earlier
 * call. to has room for textdeflate_bound(len). Returns the bytes written; it
 * cannot fail.
 */
size_t textdeflate_block(struct textdeflate *z, const uint8_t *text, size_t len,
    uint8_t *to);

#endif
