/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads into files that go on where they were cut, and are checked before they get their
 * name.
 *
 * While it is under way a download lies in PATH.part, and PATH.part.info says what it is part
 * of: the URL and what the server calls this content (a strong ETag, else Last-Modified). The
 * next try asks for the rest (Range) of that very content (If-Range); a server that has other
 * content by now, or knows no ranges, sends it whole, and it starts anew. Size and digest are
 * those of the whole file. The file is synced and renamed to PATH last.
 *
 * Meant for files that are large: nothing grows with their size.
 */
#ifndef HTTP_DOWNLOAD_H
#define HTTP_DOWNLOAD_H

#include <sys/types.h>

#include "crypto/digest.h"
#include "http/client.h"

struct http_download {
	/* What to ask for; its body, sink, begin and body_max are not used. */
	struct http_request request;
	const char *path;  /* where it goes; its directory exists */
	mode_t mode;       /* of the file; 0: 0644 */
	uint64_t size_max; /* 0: any */
	uint64_t room; /* bytes that the disk has for it; ERR_NOSPACE beyond; 0: not known */
	/*
	 * What the content is called by who knows better than the server, whose ETag changes
	 * with every answer: a part of this name goes on where the server's size is the same.
	 * NULL: as the server says.
	 */
	const char *content;
	const char *digest_name; /* "sha256"; NULL: content is not checked */
	const char *digest_hex;  /* the digest it must have; upper or lower case */
	unsigned attempts;       /* in all, where transfers are cut; 0: 5 */
	/*
	 * Seconds. An attempt that brought more than all before it counts for nothing then: a
	 * line that cuts often, and moves, brings a large file nevertheless. When they are over
	 * no further attempt is made. 0: every attempt counts.
	 */
	double patience;
	/* Told of progress (bytes there, bytes in all or 0); may be NULL. */
	void (*progress)(void *data, uint64_t done, uint64_t total);
	void *progress_data;

	/* Filled in. */
	uint64_t size;
	uint64_t resumed_from; /* bytes that lay there from an earlier call */
	unsigned tries;
	struct http_response response; /* the last one, without a body */
};

/*
 * Downloads. ERR_INTEGRITY when digest or size differ (what was received is removed),
 * ERR_NOTFOUND for 404 and 410, ERR_DENIED for 401 and 403, ERR_PROTOCOL for other statuses;
 * else as http_perform. What was received before an error stays for the next call.
 */
int http_download(struct http_client *client, struct http_download *download, struct err *err);
/* Frees the response. */
void http_download_release(struct http_download *download);

#endif
