/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the batches that deploys and looks report, in SQLite. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/scratch.h"
#include "daemons/registryd/fleet.h"
#include "value/json.h"

#define LOOK(host, model, state)                                                               \
	"{\"event\": \"host\", \"host\": \"" host "\", \"state\": \"as_wanted\", \"models\": " \
	"[{\"model\": \"" model "\", \"wanted\": \"2026-02-01\", \"state\": \"" state "\"}]}"
#define START                                                                                  \
	"{\"event\": \"run_start\", \"time\": \"2026-02-01T10:00:00Z\", \"hosts\": [\"h1\", "  \
	"\"h2\"]}"
#define END "{\"event\": \"run_end\", \"time\": \"2026-02-01T10:05:00Z\"}"

static struct fleet *fleet;
static struct arena arena;
static struct err err;

static void open_in(const char *directory)
{
	autofree char *store = xasprintf("json:%s/registry.json", directory);

	fleet = fleet_open(store, &err);
	if (!fleet)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	if (scratch_make(state) < 0)
		return -1;
	arena = (struct arena){0};
	err_clear(&err);
	open_in(*state);
	return 0;
}

static int teardown(void **state)
{
	fleet_close(fleet);
	arena_release(&arena);
	return scratch_remove(state);
}

static const struct value *json(const char *text)
{
	const struct value *v =
		json_read(&arena, text, strlen(text), "a test", NULL, NULL, &err);

	if (!v)
		fail_msg("%s", err.text);
	return v;
}

/* Takes a batch; rollout may be NULL. How many of its events were of use, or -1 with err. */
static int64_t take(const char *rollout, int64_t first, const char *events)
{
	err_clear(&err);
	return fleet_take(fleet,
		&(struct fleet_batch){.rollout = rollout,
			.name = rollout ? "deploy" : NULL,
			.by = rollout ? "ada@admin" : NULL,
			.first = first,
			.events = json(events)},
		&err);
}

static void must_take(int64_t expected, const char *rollout, int64_t first, const char *events)
{
	int64_t taken = take(rollout, first, events);

	if (taken != expected)
		fail_msg("%lld were taken, not %lld: %s", (long long)taken, (long long)expected,
			err.text);
}

static void refuse(const char *rollout, const char *events, const char *says)
{
	assert_int_equal(take(rollout, 0, events), -1);
	assert_int_equal(err.code, ERR_INPUT);
	if (!strstr(err.text, says))
		fail_msg("expected \"%s\" in: %s", says, err.text);
}

/* ---- what is read ---- */

/* The list "hosts" or "models" of the fleet. */
static const struct value *of_fleet(const char *list)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(entry_list_unrefp) struct entry_list *none = entry_list_new();

	entry_list_seal(none);
	if (fleet_hosts_json(fleet, none, &text, &err) < 0)
		fail_msg("%s", err.text);
	return value_dict_get(json(arena_strdup(&arena, text.data)), list);
}

static const struct value *rollouts(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (fleet_rollouts_json(fleet, &text, &err) < 0)
		fail_msg("%s", err.text);
	return value_dict_get(json(arena_strdup(&arena, text.data)), "rollouts");
}

static const struct value *rollout(const char *id)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (fleet_rollout_json(fleet, id, &text, &err) < 0)
		fail_msg("%s", err.text);
	return json(arena_strdup(&arena, text.data));
}

static const char *text_of(const struct value *v, const char *name)
{
	return value_text(value_dict_get(v, name));
}

static void note_event(void *data, const struct fleet_event *event)
{
	strbuf_addf(data, "%lld %s\n", (long long)event->number, event->name);
}

/* Writes a line for each event behind a number, up to another; gives the last there is. */
static int64_t told(int64_t after, int64_t until, struct strbuf *names)
{
	struct sql *sql = fleet_connect(fleet, &err);

	assert_non_null(sql);
	strbuf_clear(names);
	int64_t last = fleet_events(sql, after, until, note_event, names, &err);
	sql_close(sql);
	return last;
}

/* ---- looks ---- */

static void the_newest_look_counts(void **state)
{
	(void)state;
	must_take(2, NULL, 0,
		"[" LOOK("h1", "face", "ok") ", " LOOK("h2", "face", "drifted") "]");
	must_take(1, NULL, 0, "[" LOOK("h1", "face", "differs") "]");
	assert_int_equal(of_fleet("hosts")->count, 2);
	const struct value *models = of_fleet("models");
	assert_int_equal(models->count, 2);
	assert_string_equal(text_of(models->items[0], "host"), "h1");
	assert_string_equal(text_of(models->items[0], "state"), "differs");
	assert_string_equal(text_of(models->items[1], "state"), "drifted");
}

static void a_host_is_forgotten_with_its_models(void **state)
{
	(void)state;
	must_take(1, NULL, 0, "[" LOOK("h1", "face", "ok") "]");
	assert_int_equal(fleet_forget(fleet, "h1", &err), 0);
	assert_int_equal(of_fleet("hosts")->count, 0);
	assert_int_equal(of_fleet("models")->count, 0);
	assert_int_equal(fleet_forget(fleet, "h1", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "h1"));
}

/* ---- batches ---- */

static void a_batch_is_taken_whole_or_not_at_all(void **state)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	(void)state;
	refuse(NULL, "[" LOOK("h1", "face", "ok") ", {\"event\": \"host\", \"host\": \"\"}]",
		"events[1]: host: host: expected a name");
	assert_int_equal(of_fleet("hosts")->count, 0);
	assert_int_equal(told(0, INT64_MAX, &names), 0);
	assert_string_equal(names.data, "");
}

static void a_name_has_a_limit(void **state)
{
	(void)state;
	for (size_t n = FLEET_NAME_MAX; n <= FLEET_NAME_MAX + 1; n++) {
		autofree char *events = xasprintf(
			"[{\"event\": \"host\", \"host\": \"%0*d\", \"state\": \"away\"}]",
			(int)n, 0);
		assert_int_equal(take(NULL, 0, events), n > FLEET_NAME_MAX ? -1 : 1);
	}
	assert_int_equal(of_fleet("hosts")->count, 1);
}

static void what_is_not_known_is_passed_over(void **state)
{
	(void)state;
	must_take(
		1, NULL, 0, "[{\"event\": \"song\"}, " START ", " LOOK("h1", "face", "ok") "]");
	assert_int_equal(rollouts()->count, 0);
	must_take(1, "r", 0, "[" START ", " LOOK("h2", "face", "ok") "]");
	assert_int_equal(of_fleet("hosts")->count, 1);
}

static void a_batch_that_comes_again_does_nothing(void **state)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	(void)state;
	must_take(1, "r", 0, "[" START "]");
	must_take(0, "r", 0, "[" START "]");
	/* Which has one that is known, and one that is new. */
	must_take(1, "r", 0, "[" START ", " END "]");
	assert_int_equal(told(0, INT64_MAX, &names), 2);
	assert_string_equal(names.data, "1 rollout\n2 rollout\n");
}

/* ---- rollouts ---- */

static void a_rollout_goes_its_way(void **state)
{
	(void)state;
	must_take(2, "r", 0, "[" START ", {\"event\": \"host_start\", \"host\": \"h1\"}]");
	const struct value *said = rollout("r");
	const struct value *r = value_dict_get(said, "rollout");
	assert_string_equal(text_of(r, "state"), "running");
	assert_string_equal(text_of(r, "by"), "ada@admin");
	const struct value *its = value_dict_get(said, "hosts");
	assert_int_equal(its->count, 2);
	assert_string_equal(text_of(its->items[0], "state"), "running");
	assert_string_equal(text_of(its->items[1], "state"), "waiting");
	must_take(2, "r", 2,
		"[{\"event\": \"host_end\", \"host\": \"h1\", \"state\": \"failed\", "
		"\"error\": "
		"{\"text\": \"no room\"}}, " END "]");
	said = rollout("r");
	r = value_dict_get(said, "rollout");
	its = value_dict_get(said, "hosts");
	assert_string_equal(text_of(its->items[0], "state"), "failed");
	assert_string_equal(text_of(its->items[0], "error"), "no room");
	assert_string_not_equal(text_of(r, "state"), "running");
}

static void a_rollout_that_is_not_there(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	assert_int_equal(fleet_rollout_json(fleet, "nothing", &text, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void the_oldest_rollouts_go(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i <= FLEET_ROLLOUTS; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		must_take(1, name, 0, "[" START "]");
	}
	const struct value *all = rollouts();
	assert_int_equal(all->count, FLEET_ROLLOUTS);
	assert_string_equal(text_of(all->items[0], "id"), name);
	assert_string_equal(text_of(all->items[FLEET_ROLLOUTS - 1], "id"), "r1");
}

/* ---- events ---- */

static void events_are_told_from_a_number_on(void **state)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	(void)state;
	must_take(2, "r", 0, "[" START ", " END "]");
	must_take(1, NULL, 0, "[" LOOK("h1", "face", "ok") "]");
	assert_int_equal(told(1, INT64_MAX, &names), 3);
	assert_string_equal(names.data, "2 rollout\n3 fleet\n");
	assert_int_equal(told(0, 1, &names), 3);
	assert_string_equal(names.data, "1 rollout\n");
	assert_int_equal(told(3, INT64_MAX, &names), 3);
	assert_string_equal(names.data, "");
}

static void all_of_it_is_there_after_a_restart(void **state)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	must_take(1, NULL, 0, "[" LOOK("h1", "face", "ok") "]");
	must_take(1, "r", 0, "[" START "]");
	fleet_close(fleet);
	open_in(*state);
	assert_int_equal(of_fleet("hosts")->count, 1);
	assert_string_equal(
		text_of(value_dict_get(rollout("r"), "rollout"), "state"), "running");
	must_take(1, "r", 1, "[" END "]");
	assert_int_equal(told(2, INT64_MAX, &names), 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_newest_look_counts),
		T(a_host_is_forgotten_with_its_models),
		T(a_batch_is_taken_whole_or_not_at_all),
		T(a_name_has_a_limit),
		T(what_is_not_known_is_passed_over),
		T(a_batch_that_comes_again_does_nothing),
		T(a_rollout_goes_its_way),
		T(a_rollout_that_is_not_there),
		T(the_oldest_rollouts_go),
		T(events_are_told_from_a_number_on),
		T(all_of_it_is_there_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
