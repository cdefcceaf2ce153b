/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three lines from outside: metadata, a patch of them, a cursor. Merged metadata can be read
 * again, and merging the same again changes nothing (RFC 7396); a page begins where its cursor
 * says, or the cursor is refused.
 */
#include "base/str.h"
#include "daemons/registryd/store_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static const struct value *read_or_say_why(struct arena *a, const char *json)
{
	struct err err = {0};
	const struct value *v = entry_metadata_read(a, json, &err);

	check(v != NULL || err.code == ERR_INPUT || err.code == ERR_LIMIT);
	return v;
}

static void merge(const char *metadata, const char *change)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf once = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf twice = STRBUF_INIT;
	const struct value *target = read_or_say_why(&a, metadata);
	const struct value *patch = read_or_say_why(&a, change);

	if (!target || !patch)
		return;
	const struct value *merged = entry_metadata_merge(&a, target, patch);
	check(merged->kind == VALUE_DICT);
	if (entry_metadata_write(merged, &once, NULL) < 0)
		return; /* beyond the limit together */
	const struct value *again = entry_metadata_read(&a, once.data, NULL);
	check(again != NULL);
	again = entry_metadata_merge(&a, again, patch);
	check(entry_metadata_write(again, &twice, NULL) == 0 && !strcmp(once.data, twice.data));
}

static void find_page(const char *cursor)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_list_new();
	AUTO(entry_page_release) struct entry_page page = {0};
	AUTO(entry_page_release) struct entry_page next = {0};
	struct err err = {0};

	for (int64_t v = 1; v <= 9; v++)
		entry_list_add(list, entry_new(&(struct entry){.model_name = "a",
						       .version = v,
						       .path = "p",
						       .creation_timestamp = "t",
						       .metadata = "{}"},
					     (uint64_t)v, false, NULL));
	if (entry_list_page(list, NULL, cursor, 2, &page, &err) < 0) {
		check(err.code == ERR_INPUT);
		return;
	}
	check(page.count <= 2);
	if (!*page.next)
		return;
	check(entry_list_page(list, NULL, page.next, 2, &next, &err) == 0 && next.count);
	check(next.items[0]->position == page.items[1]->position + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	char *lines[3] = {text, "", ""};

	for (int i = 1; i < 3; i++) {
		char *end = strchr(lines[i - 1], '\n');
		if (!end)
			break;
		*end = '\0';
		lines[i] = end + 1;
	}
	merge(lines[0], lines[1]);
	find_page(lines[2]);
	(void)entry_name_is_valid(lines[2]);
	(void)entry_path_is_valid(lines[2]);
	check(!entry_time_is_valid(lines[2]) || strlen(lines[2]) >= strlen("2025-06-25T12:00"));
	return 0;
}
