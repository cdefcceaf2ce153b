/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution's input from one YAML text:
 *
 *     all: {VARIABLE: VALUE, ...}           for every host
 *     hosts:
 *       HOST: {groups: [...], VARIABLE: VALUE, ...}
 */
#ifndef TESTS_REGISTRY_SITE_TEXT_H
#define TESTS_REGISTRY_SITE_TEXT_H

#include "registry/resolve.h"

struct site_text {
	struct resolve_host *hosts;
	struct resolve_input input;
	struct resolve_filter filter;
};

/* Makes the input of a text; `models` and `tags` are lists between commas, or NULL. */
void site_text_read(
	struct site_text *s, const char *text, const char *models, const char *tags);
/* Resolves it and gives the findings as text. */
const char *site_text_resolve(struct site_text *s, struct store *store, struct resolution *out);
/* Frees it. */
void site_text_release(struct site_text *s);
/* What a host is to have: "model version, model version*", a star where it is pinned. */
const char *site_text_set(const struct resolution *r, const char *host);

#endif
