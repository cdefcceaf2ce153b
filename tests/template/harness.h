/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of this room share: a context over variables written as YAML, and templates
 * evaluated to JSON text.
 */
#ifndef TESTS_TEMPLATE_HARNESS_H
#define TESTS_TEMPLATE_HARNESS_H

#include "template/template.h"

/* A context with variables; all-zero before harness_init. */
struct harness {
	struct arena arena;
	struct template_context ctx;
	const struct value *vars; /* a dict, or NULL */
	struct strbuf out;
	struct err err;
};

/* Makes a context whose variables are those of a YAML text (may be NULL). */
void harness_init(struct harness *h, const char *yaml);
/* Frees all. */
void harness_release(struct harness *h);
/* Evaluates a template; its result as JSON, or the error's text. Valid until the next call. */
const char *harness_eval(struct harness *h, const char *template);
/* The same for a bare expression. */
const char *harness_expression(struct harness *h, const char *expression);

#endif
