/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a page of the Hub's list, and as its headers: models have names that can stand
 * in a path, and no page leads to another server.
 */
#include <stdlib.h>

#include "source/hub.h"
#include "source/hub_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	if (text && (!*text || strlen(text) > HUB_TEXT_MAX))
		abort();
}

static int take(void *data, const struct hub_model *m, struct err *err)
{
	(void)data;
	(void)err;
	if (!*m->id || *m->id == '/' || strstr(m->id, "..") || strchr(m->id, '?'))
		abort();
	if (m->downloads < 0 || m->likes < 0 || m->tag_count > HUB_TAGS_MAX)
		abort();
	for (size_t i = 0; i < m->tag_count; i++)
		check_text(m->tags[i]);
	check_text(m->sha);
	check_text(m->task);
	check_text(m->gated);
	return 0;
}

static void fuzz_page(const uint8_t *data, size_t size)
{
	const struct hub_listing listing = {.take = take};
	autofree char *text = xstrndup((const char *)data, size);

	hub_list_page(text, size, &listing, NULL);
}

static void fuzz_headers(const uint8_t *data, size_t size)
{
	static char base[] = "https://hub.example";
	const struct source_server server = {.base = base};
	autofree char *value = xstrndup((const char *)data, size);
	autofree char *next = NULL;
	char name[] = "Link";
	struct http_header header = {.name = name, .value = value};
	const struct http_response r = {.headers = {.items = &header, .count = 1, .cap = 1}};

	if (hub_next_page(&server, &r, &next, NULL) < 0 && next)
		abort();
	if (next && !str_starts(next, "https://hub.example/") &&
		!str_starts(next, "https://hub.example?") && strcmp(next, base) != 0)
		abort();
	hub_rate_limit(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_page(data, size);
	fuzz_headers(data, size);
	return 0;
}
