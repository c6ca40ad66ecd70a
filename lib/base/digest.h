#ifndef LIB_BASE_DIGEST_H
#define LIB_BASE_DIGEST_H

#include <stddef.h>

/* SHA-256 (FIPS 180-4) of bytes that come in pieces. */
struct digest;

#define DIGEST_BYTES 32
#define DIGEST_HEX_SIZE 65

/* digest_new(): NULL when memory ends. digest_free(NULL) is fine. */
struct digest *digest_new(void);
void digest_free(struct digest *d);

/* digest_add(d, data, len): Returns 0, -1 when the library fails. */
int digest_add(struct digest *d, const void *data, size_t len);

/* digest_hex(d, hex): Lower-case hex of all so far; d starts again. 0, -1. */
int digest_hex(struct digest *d, char hex[DIGEST_HEX_SIZE]);

/* digest_once(data, len, hex): The same for bytes in one place. */
int digest_once(const void *data, size_t len, char hex[DIGEST_HEX_SIZE]);

/* crc32_base64(data, len, text): CRC-32 (ISO 3309), as S3's x-amz-checksum-crc32 has it. */
#define CRC32_BASE64_SIZE 9
void crc32_base64(const void *data, size_t len, char text[CRC32_BASE64_SIZE]);

/* hex_encode(bytes, n, hex): 2 n lower-case digits and a NUL. */
void hex_encode(const unsigned char *bytes, size_t n, char *hex);

#endif
