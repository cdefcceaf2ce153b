/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules of the helper for tests: arguments and results as JSON. A dict with the only key
 * "$bytes" stands for bytes, in both directions.
 */
#ifndef TESTS_NODE_MODULE_CALL_H
#define TESTS_NODE_MODULE_CALL_H

#include "node/client.h"
#include "value/value.h"
#include "wire/item.h"

struct module_result {
	enum err_code code;
	char text[ERR_TEXT_MAX]; /* of the error */
	unsigned events;
	struct arena arena;
	const struct value *value; /* the result; NULL after an error */
};

/* Runs a module with arguments from a format that gives JSON; the code is returned too. */
enum err_code module_call(struct client *c, struct module_result *r, const char *module,
	uint8_t flags, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same with a time limit in seconds. */
enum err_code module_call_for(struct client *c, struct module_result *r, double timeout,
	const char *module, const char *json);
/* Sends a module's request with raw bytes as its arguments, and gives the request's id. */
uint32_t module_send(struct client *c, const char *module, uint8_t flags, double timeout,
	const void *args, size_t n);
/* Makes an answer a result, and frees the answer. */
void module_result_take(struct module_result *r, struct answer *a);
/* Frees a result. */
void module_result_release(struct module_result *r);

/* A text, number or boolean of the result by its key; the test fails when it is not there. */
const char *module_text(const struct module_result *r, const char *key);
/* A number. */
int64_t module_int(const struct module_result *r, const char *key);
/* A boolean. */
bool module_bool(const struct module_result *r, const char *key);

/* BLOB_PUT of content, with its true hash, raw. */
enum err_code module_blob(struct client *c, uint16_t number, const void *data, size_t n);

#endif
