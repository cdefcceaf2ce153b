/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the S3 client share. */
#ifndef HTTP_S3_PRIVATE_H
#define HTTP_S3_PRIVATE_H

#include <pthread.h>

#include "http/s3.h"

#define S3_CLIENTS 8 /* that are kept */

struct s3 {
	char *base; /* "https://HOST" or "https://HOST/BUCKET" */
	char *host; /* as the header has it */
	char *path; /* in front of "/KEY": "" or "/BUCKET" */
	char *region, *prefix;
	char *bucket; /* for messages */
	char *access_key, *secret_key, *session_token, *ca_path, *ca_setting;
	const struct cancel *cancel;
	pthread_mutex_t lock; /* of what follows */
	struct http_client *idle[S3_CLIENTS];
	size_t idle_count;
};

/* Appends a text percent-encoded as signatures want it; characters of `also` stay. */
void s3_encode(struct strbuf *out, const char *text, const char *also);

#endif
