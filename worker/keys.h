#ifndef WORKER_KEYS_H
#define WORKER_KEYS_H

#include <stdint.h>

struct unit;

/*
 * Keys of objects on S3. S3 cannot fence: the fence in the key makes it that claim's
 * own.
 *
 * key_of_archive(id, fence, key): The archive that this claim of a job makes.
 * key_of_fragment(unit, key): What the unit's present claim makes.
 */
#define KEY_SIZE 160
void key_of_archive(const char *id, int64_t fence, char key[KEY_SIZE]);
void key_of_fragment(const struct unit *unit, char key[KEY_SIZE]);

#endif
