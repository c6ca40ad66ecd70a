/*
 * SHA-256 by OpenSSL, CRC-32 by ISA-L, and how they are written. Knows nothing of what is hashed.
 */
#include "lib/base/digest.h"

#include <stdlib.h>

#include <isa-l/crc.h>
#include <openssl/evp.h>

struct digest {
	EVP_MD_CTX *ctx;
};

struct digest *
digest_new(void)
{
	struct digest *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	if ((d->ctx = EVP_MD_CTX_new()) == NULL ||
	    EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
		digest_free(d);
		return NULL;
	}
	return d;
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

int
digest_add(struct digest *d, const void *data, size_t len)
{
	return EVP_DigestUpdate(d->ctx, data, len) == 1 ? 0 : -1;
}

void
hex_encode(const unsigned char *bytes, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}

void
crc32_base64(const void *data, size_t len, char text[CRC32_BASE64_SIZE])
{
	const uint32_t crc = crc32_gzip_refl(0, data, len);
	const unsigned char bytes[] = { (unsigned char)(crc >> 24),
	    (unsigned char)(crc >> 16), (unsigned char)(crc >> 8), (unsigned char)crc };

	EVP_EncodeBlock((unsigned char *)text, bytes, sizeof(bytes));
}

int
digest_hex(struct digest *d, char hex[DIGEST_HEX_SIZE])
{
	unsigned char bytes[DIGEST_BYTES];

	if (EVP_DigestFinal_ex(d->ctx, bytes, NULL) != 1 ||
	    EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1)
		return -1;
	hex_encode(bytes, sizeof(bytes), hex);
	return 0;
}

int
digest_once(const void *data, size_t len, char hex[DIGEST_HEX_SIZE])
{
	unsigned char bytes[DIGEST_BYTES];

	if (EVP_Digest(data, len, bytes, NULL, EVP_sha256(), NULL) != 1)
		return -1;
	hex_encode(bytes, sizeof(bytes), hex);
	return 0;
}
