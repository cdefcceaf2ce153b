/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of events: whatever comes is taken or refused, and what is told of the fleet
 * afterwards is JSON that can be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "daemons/registryd/fleet.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fleet *fleet;
static char directory[] = "/tmp/modelfleet-fuzz.XXXXXX";

static void leave(void)
{
	static const char *const names[] = {"fleet.db", "fleet.db-wal", "fleet.db-shm"};

	fleet_close(fleet);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *path = xasprintf("%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

static void open_once(void)
{
	if (fleet)
		return;
	if (!mkdtemp(directory))
		abort();
	autofree char *store = xasprintf("json:%s/registry.json", directory);
	fleet = fleet_open(store, NULL);
	if (!fleet)
		abort();
	atexit(leave);
}

static void expect_json(int result, struct strbuf *text)
{
	AUTO(arena_release) struct arena arena = {0};

	if (result < 0 || !json_read(&arena, text->data, text->len, NULL, NULL, NULL, NULL))
		abort();
	strbuf_clear(text);
}

static void read_all(const char *rollout)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct entry_list *none = entry_list_new();

	entry_list_seal(none);
	expect_json(fleet_hosts_json(fleet, none, &text, NULL), &text);
	expect_json(fleet_rollouts_json(fleet, &text, NULL), &text);
	if (rollout)
		expect_json(fleet_rollout_json(fleet, rollout, &text, NULL), &text);
	entry_list_unref(none);
}

/* What the service makes sure of before (fleet_serve.c). */
static bool are_events(const struct value *events)
{
	if (!events || events->kind != VALUE_LIST || events->count > FLEET_BATCH)
		return false;
	for (size_t i = 0; i < events->count; i++)
		if (!value_text(value_dict_get(events->items[i], "event")))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_options options = {
		.strict_numbers = true, .max_bytes = 64u << 10, .max_depth = 20};
	AUTO(arena_release) struct arena arena = {0};
	const struct value *body =
		json_read(&arena, (const char *)data, size, NULL, &options, NULL, NULL);
	const char *rollout = value_text(value_dict_get(body, "rollout"));
	struct fleet_batch batch = {
		.rollout = rollout, .events = value_dict_get(body, "events")};
	struct err why = {0};

	if (!are_events(batch.events) || (rollout && !*rollout))
		return 0;
	open_once();
	if (fleet_take(fleet, &batch, &why) >= 0)
		read_all(rollout);
	else if (why.code != ERR_INPUT)
		abort();
	return 0;
}
