/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of canned answers inside the process, for what reads a registry's answers.
 */
#ifndef TESTS_SOURCE_CANNED_H
#define TESTS_SOURCE_CANNED_H

#include "base/str.h"
#include "source/kind.h"

#define CANNED_BASE "http://registry.test"

/* The answer to requests whose target begins so. */
struct canned_answer {
	const char *target;
	unsigned status;     /* 0: 200 */
	const char *headers; /* "Name: value\r\n", as many as there are; NULL: none */
	const char *body;
	size_t body_len; /* 0: up to its NUL */
};

/* All-zero beside the answers, of which the first that fits is given; without one 404. */
struct canned {
	const struct canned_answer *answers; /* ends with an all-zero one */
	struct strlist asked;                /* targets, in their order */
};

/* Makes a server of a source that is answered so; closed by source_server_close. */
void canned_open(struct canned *canned, struct source_server *server);
/* Frees what was asked. */
void canned_release(struct canned *canned);

#endif
