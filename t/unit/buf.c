#include "lib/base/buf.h"

#include <stdlib.h>

#include "t/tap.h"

/* Under ASan malloc() returns NULL as elsewhere, where there is no memory. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
test_growth(void)
{
	struct buf b;
	char byte;
	size_t i;
	int rc = 0;

	buf_init(&b, 1 << 20);
	ok(b.len == 0 && b.max == 1 << 20, "buf_init: empty");
	for (i = 0; i < 1 << 20; i++) {
		byte = (char)(i * 31);
		rc |= buf_add(&b, &byte, 1);
	}
	for (i = 0; i < 1 << 20 && b.data[i] == (uint8_t)(i * 31); i++)
		;
	ok(rc == 0 && b.len == 1 << 20 && i == 1 << 20,
	    "a MiB, a byte at a time, up to the ceiling");
	ok(buf_add(&b, "x", 1) == -1 && b.len == 1 << 20, "and none more");
	ok(b.cap <= b.max + 1, "no more memory than the ceiling says");
	ok(buf_add(&b, NULL, 0) == 0, "nothing fits always");
	buf_release(&b);
	ok(b.len == 0 && b.data == NULL && b.max == 1 << 20,
	    "buf_release: empty, ceiling kept");
	ok(buf_adds(&b, "again") == 0, "usable after buf_release");
	is_mem(b.data, b.len, "again", 5, "with its bytes");
	buf_release(&b);
	buf_release(&b);
	ok(b.len == 0, "released twice");
}

static void
test_zeroed(void)
{
	struct buf b = { .max = 10 };

	ok(buf_add(&b, NULL, 0) == 0 && b.len == 0, "a zeroed struct, nothing");
	ok(buf_adds(&b, "0123456789") == 0, "a zeroed struct with max set");
	is_mem(b.data, b.len, "0123456789", 10, "holds its ceiling");
	ok(buf_adds(&b, "") == 0, "no more of nothing");
	ok(buf_adds(&b, "x") == -1, "no byte more");
	is_mem(b.data, b.len, "0123456789", 10, "unchanged");
	buf_release(&b);

	memset(&b, 0, sizeof(b));
	ok(buf_add(&b, "x", 1) == -1 && b.len == 0, "a ceiling of 0");
	ok(buf_add(&b, "", 0) == 0 && b.len == 0, "a ceiling of 0, nothing");
	buf_release(&b);
}

static void
test_reserve(void)
{
	struct buf b;
	uint8_t *p;

	buf_init(&b, 100);
	ok((p = buf_reserve(&b, 40)) != NULL && b.len == 0,
	    "buf_reserve counts nothing yet");
	memset(p, 'a', 40);
	b.len += 40;
	ok((p = buf_reserve(&b, 60)) != NULL && p == b.data + 40,
	    "it returns where the next bytes go");
	memset(p, 'b', 60);
	ok(b.data[39] == 'a', "what was there stays");
	ok(buf_reserve(&b, 61) == NULL && b.len == 40, "above the ceiling");
	ok(buf_reserve(&b, SIZE_MAX) == NULL && b.len == 40, "SIZE_MAX");
	ok(buf_reserve(&b, SIZE_MAX - 39) == NULL && b.len == 40,
	    "a sum that wraps to 0");
	ok(buf_reserve(&b, SIZE_MAX - 30) == NULL && b.len == 40,
	    "a sum that wraps to less than there is");
	ok(buf_add(&b, "c", SIZE_MAX) == -1 && b.len == 40, "buf_add SIZE_MAX");
	b.len += 60;
	ok(buf_reserve(&b, 0) != NULL, "no byte, when full");
	ok(buf_reserve(&b, 1) == NULL, "a byte, when full");
	buf_release(&b);

	buf_init(&b, SIZE_MAX);
	ok(buf_adds(&b, "a") == 0, "no ceiling");
	ok(buf_reserve(&b, SIZE_MAX - 1) == NULL && b.len == 1 &&
	    b.data[0] == 'a', "more than the machine has: unchanged");
	ok(buf_reserve(&b, SIZE_MAX / 2) == NULL && b.len == 1, "half of it");
	ok(buf_reserve(&b, SIZE_MAX) == NULL && b.len == 1,
	    "a sum that wraps, without a ceiling");
	buf_release(&b);
}

static void
test_format(void)
{
	char fill[301];
	struct buf b;

	memset(fill, 'f', 300);
	fill[300] = '\0';
	buf_init(&b, 310);
	ok(buf_addf(&b, "%d-%s", -7, "x") == 0, "buf_addf");
	is_mem(b.data, b.len, "-7-x", 4, "its text, without a NUL");
	ok(buf_addf(&b, "%s", "") == 0 && b.len == 4, "an empty text");
	ok(buf_addf(&b, "%s", fill) == 0 && b.len == 304, "a long text");
	ok(buf_addf(&b, "%s", "1234567") == -1 && b.len == 304,
	    "above the ceiling by one: unchanged");
	ok(buf_addf(&b, "%s", "123456") == 0 && b.len == 310,
	    "exactly up to the ceiling");
	ok(memcmp(b.data + 300, "ffff123456", 10) == 0, "its bytes");
	ok(buf_addf(&b, "%s", "") == 0 && b.len == 310, "nothing, when full");
	ok(buf_addf(&b, "%c", 'x') == -1 && b.len == 310, "a byte, when full");
	buf_release(&b);
}

static void
test_cstr(void)
{
	struct buf b;
	char *s;

	buf_init(&b, 8);
	ok((s = buf_cstr(&b)) != NULL && s[0] == '\0' && b.len == 0,
	    "buf_cstr of nothing");
	buf_adds(&b, "abc");
	is_str(buf_cstr(&b), "abc", "buf_cstr");
	ok(b.len == 3, "its NUL is not counted");
	buf_adds(&b, "de");
	is_str(buf_cstr(&b), "abcde", "what follows overwrites the NUL");
	buf_add(&b, "\0x", 2);
	ok((s = buf_cstr(&b)) != NULL && memcmp(s, "abcde\0x", 8) == 0,
	    "a NUL in it stays");
	buf_add(&b, "y", 1);
	s = buf_cstr(&b);
	ok(s != NULL && b.len == 8 && memcmp(s, "abcde\0xy", 9) == 0,
	    "there is room for the NUL of a full one");
	buf_release(&b);
	buf_init(&b, 0);
	s = buf_cstr(&b);
	ok(s != NULL && s[0] == '\0' && b.len == 0, "and of a ceiling of 0");
	buf_release(&b);
}

int
main(void)
{
	test_growth();
	test_zeroed();
	test_reserve();
	test_format();
	test_cstr();
	return done_testing();
}
