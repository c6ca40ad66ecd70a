#ifndef LIB_SERVERS_S3PROBE_H
#define LIB_SERVERS_S3PROBE_H

struct s3;

/* The rights that --check tries. */
enum s3_right { S3_GET, S3_UPLOAD, S3_DELETE, S3_LIST, S3_GET_FRAGMENT,
	S3_DELETE_FRAGMENT };

/*
 * s3_probe(s3, right):
 * Whether the bucket grants it, by trying it once with a key that nobody uses;
 * an upload is aborted. 1, 0: refused, -1: unknown, logged. Where a missing
 * object is refused to a user who may not list (Amazon S3), S3_GET is always 0.
 */
int s3_probe(struct s3 *s3, enum s3_right right);

#endif
