/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with the fields of a request: all of it at once, as a problem document (RFC
 * 9457) with a member `errors` of {field, detail}.
 */
#ifndef REGISTRYD_PROBLEM_H
#define REGISTRYD_PROBLEM_H

#include "http/serve.h"

/* Findings. An all-zero struct has none. */
struct problem {
	struct {
		struct problem_field {
			char *field, *detail;
		} * items;
		size_t count, cap;
	} fields;
};

/* Adds a finding about a field. */
void problem_add(struct problem *p, const char *field, const char *detail, ...)
	PRINTF_LIKE(3, 4);
/* Makes the answer 422 with the findings, if there are any; true then. Frees them. */
bool problem_answer(struct problem *p, struct http_answer *answer);

#endif
