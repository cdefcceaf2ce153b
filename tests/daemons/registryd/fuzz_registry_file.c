/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as registry.json. What is refused has a reason; what is accepted is written, read
 * again as the same entries, and written the same.
 */
#include "daemons/registryd/store_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* An entry has no status twice in production, and no version twice. */
static void check_list(const struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct entry *e = list->items[i];

		check(entry_list_find(list, e->model_name, e->version) == e);
		check(e->status != ENTRY_PRODUCTION ||
			entry_list_production(list, e->model_name) == e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(registry_frame_release) struct registry_frame frame = {0};
	AUTO(strbuf_release) struct strbuf first = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf second = STRBUF_INIT;
	struct err err = {0};
	AUTO(entry_list_unrefp)
	struct entry_list *list =
		registry_file_read((const char *)data, size, "registry.json", &frame, &err);

	if (!list) {
		check(err.code == ERR_INPUT || err.code == ERR_LIMIT);
		check(*err.text);
		return 0;
	}
	check_list(list);
	check(registry_file_write(list, &frame, &first, &err) == 0);
	AUTO(entry_list_unrefp)
	struct entry_list *again =
		registry_file_read(first.data, first.len, "again", &frame, &err);
	check(again && again->count == list->count);
	for (size_t i = 0; i < list->count; i++)
		check(!strcmp(list->items[i]->json, again->items[i]->json));
	check(registry_file_write(again, &frame, &second, &err) == 0);
	check(!strcmp(first.data, second.data));
	return 0;
}
