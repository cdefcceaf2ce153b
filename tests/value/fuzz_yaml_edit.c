/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first line is a path with dots, the rest a YAML text that is edited in all three ways.
 * The editor checks its own work; here it is checked that what it hands out is read, and that
 * a removal, and a change to what is there already, only take or keep bytes.
 */
#include "value/yaml.h"
#include "value/yaml_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void edit(
	const char *const *path, enum yaml_change_kind kind, const char *text, size_t len)
{
	static const struct value date = {.kind = VALUE_DATE, .text = "2026-02-25", .len = 10};
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct yaml_change change = {.path = path, .kind = kind, .value = &date};
	const struct yaml_options lenient = {.lenient_dates = true};
	struct err err = {0};

	if (yaml_edit(text, len, "fuzz", &change, 1, &out, &err) < 0) {
		if (err.code == ERR_NONE || out.len)
			abort();
		return;
	}
	if (!yaml_read(&a, out.data, out.len, NULL, &lenient, NULL, &err) && len)
		abort();
	if (kind == YAML_REMOVE && out.len > len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *newline = memchr(text, '\n', size < 200 ? size : 200);
	AUTO(strlist_release) struct strlist keys = {0};
	const char *path[YAML_EDIT_MAX_PATH + 1] = {NULL};

	if (!newline)
		return 0;
	autofree char *first = xstrndup(text, (size_t)(newline - text));
	strlist_split(&keys, first, ".");
	if (keys.count > YAML_EDIT_MAX_PATH)
		return 0;
	for (size_t i = 0; i < keys.count; i++)
		path[i] = keys.items[i];
	size_t rest = size - (size_t)(newline + 1 - text);
	for (int kind = YAML_SET; kind <= YAML_REMOVE; kind++)
		edit(path, (enum yaml_change_kind)kind, newline + 1, rest);
	return 0;
}
