/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions over frames: the four operations, changes by modules, and the watchdog of a
 * node without systemd.
 */
#include "node/module_call.h"
#include "node/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

/* A world with a place for the state of transactions, and a file that they change. */
struct scene {
	struct world *world;
	struct client *client;
	char *states, *file;
};

static int set_up(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	void *world = NULL;

	unsetenv("MODELFLEET_STATE_DIR");
	if (world_make(&world) < 0)
		return -1;
	s->world = world;
	s->client = &s->world->client;
	s->states = path_join(s->world->dir, "state");
	s->file = path_join(s->world->dir, "file");
	scratch_write(s->file, "old");
	setenv("MODELFLEET_STATE_DIR", s->states, 1);
	world_restart(s->world); /* it inherits the variable */
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	void *world = s->world;

	free(s->states);
	free(s->file);
	free(s);
	return world_remove(&world);
}

static enum err_code begin(struct scene *s, const char *id, uint32_t timeout, struct answer *a)
{
	uint8_t buffer[2048];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_transaction_begin(
		&w, &(struct wire_transaction_begin){
			    .id = id, .title = "a test", .confirm_timeout = timeout});
	return client_call(s->client, WIRE_TRANSACTION_BEGIN, 0, &w, a);
}

static void begin_well(struct scene *s, const char *id, uint32_t timeout)
{
	struct answer a;

	if (begin(s, id, timeout, &a) != ERR_NONE)
		fail_msg("%s", a.text);
	answer_release(&a);
}

/* CONFIRM or UNDO; the answer is the caller's. */
static enum err_code by_id(struct scene *s, uint8_t kind, const char *id, struct answer *a)
{
	uint8_t buffer[256];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_string(&w, id);
	return client_call(s->client, kind, 0, &w, a);
}

static enum err_code code_of(struct scene *s, uint8_t kind, const char *id)
{
	struct answer a;
	enum err_code code = by_id(s, kind, id, &a);

	answer_release(&a);
	return code;
}

/* Writes through the module copy. */
static void write_new(struct scene *s, const char *path)
{
	struct module_result r;

	if (module_call(s->client, &r, "copy", 0,
		    "{\"path\": \"%s\", \"content\": {\"$bytes\": \"new\"}}", path) != ERR_NONE)
		fail_msg("%s", r.text);
	module_result_release(&r);
}

/* How many texts a list of an answer holds; the first one must contain `part`. */
static uint32_t list_of(const struct answer *a, const char *key, const char *part)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct item *top = item_parse(&arena, a->data.data, a->data.len, NULL);
	const struct item *list = item_get(top, key);

	assert_non_null(list);
	assert_int_equal(list->type, ITEM_LIST);
	if (part) {
		assert_true(list->count > 0);
		autofree char *first = xstrndup(list->items[0].text, list->items[0].len);
		assert_non_null(strstr(first, part));
	}
	return list->count;
}

static void undone_on_request_and_told(void **state)
{
	struct scene *s = *state;
	struct answer a;

	begin_well(s, "t", 0);
	write_new(s, s->file);
	assert_true(scratch_holds(s->file, "new"));
	assert_int_equal(by_id(s, WIRE_TRANSACTION_UNDO, "t", &a), ERR_NONE);
	assert_int_equal(list_of(&a, "undone", s->file), 1);
	assert_int_equal(list_of(&a, "failed", NULL), 0);
	answer_release(&a);
	assert_true(scratch_holds(s->file, "old"));
	assert_int_equal(code_of(s, WIRE_TRANSACTION_CONFIRM, "t"), ERR_NOTFOUND);
	/* Doing it again says so and does nothing. */
	assert_int_equal(by_id(s, WIRE_TRANSACTION_UNDO, "t", &a), ERR_NONE);
	assert_int_equal(list_of(&a, "notes", "taken back before"), 1);
	answer_release(&a);
}

static void set_state(struct scene *s, const char *path, const char *state)
{
	struct module_result r;

	if (module_call(s->client, &r, "file", 0, "{\"path\": \"%s\", \"state\": \"%s\"}", path,
		    state) != ERR_NONE)
		fail_msg("%s", r.text);
	module_result_release(&r);
}

static void what_others_filled_is_in_the_answer(void **state)
{
	struct scene *s = *state;
	struct answer a;
	autofree char *dir = path_join(s->world->dir, "dir");
	autofree char *theirs = path_join(dir, "theirs");

	begin_well(s, "t", 0);
	write_new(s, s->file);
	set_state(s, dir, "directory");
	scratch_write(theirs, "data");
	assert_int_equal(by_id(s, WIRE_TRANSACTION_UNDO, "t", &a), ERR_NONE);
	assert_int_equal(list_of(&a, "undone", s->file), 1);
	assert_int_equal(list_of(&a, "failed", NULL), 0);
	assert_int_equal(list_of(&a, "notes", "did not put there"), 1);
	answer_release(&a);
	assert_true(scratch_holds(s->file, "old"));
}

static void what_cannot_be_undone_is_in_the_answer(void **state)
{
	struct scene *s = *state;
	struct answer a;
	autofree char *other = path_join(s->world->dir, "other");
	autofree char *theirs = path_join(s->file, "theirs");

	begin_well(s, "t", 0);
	write_new(s, other);
	set_state(s, s->file, "absent");
	set_state(s, s->file, "directory");
	scratch_write(theirs, "data");
	assert_int_equal(by_id(s, WIRE_TRANSACTION_UNDO, "t", &a), ERR_NONE);
	assert_int_equal(list_of(&a, "undone", other), 1);
	assert_int_equal(list_of(&a, "failed", "did not put there"), 1);
	answer_release(&a);
	assert_true(scratch_holds(theirs, "data"));
	assert_false(path_exists(other));
}

static void confirmed_and_listed(void **state)
{
	struct scene *s = *state;
	AUTO(arena_release) struct arena arena = {0};
	struct answer a;
	struct msg_writer none = {0};

	begin_well(s, "kept", 0);
	write_new(s, s->file);
	assert_int_equal(code_of(s, WIRE_TRANSACTION_CONFIRM, "kept"), ERR_NONE);
	assert_int_equal(client_call(s->client, WIRE_TRANSACTION_LIST, 0, &none, &a), ERR_NONE);
	const struct item *top = item_parse(&arena, a.data.data, a.data.len, NULL);
	const struct item *list = item_get(top, "transactions");
	assert_int_equal(list->count, 1);
	assert_string_equal(item_text(&arena, &list->items[0], "id"), "kept");
	assert_string_equal(item_text(&arena, &list->items[0], "state"), "confirmed");
	assert_string_equal(item_text(&arena, &list->items[0], "title"), "a test");
	assert_int_equal(item_int(&list->items[0], "paths", -1), 1);
	answer_release(&a);
	assert_int_equal(code_of(s, WIRE_TRANSACTION_UNDO, "kept"), ERR_NONE);
	assert_true(scratch_holds(s->file, "old"));
}

static void one_that_changed_nothing_leaves_nothing(void **state)
{
	struct scene *s = *state;

	begin_well(s, "empty", 0);
	assert_int_equal(code_of(s, WIRE_TRANSACTION_CONFIRM, "empty"), ERR_NONE);
	begin_well(s, "empty", 0);
	assert_int_equal(code_of(s, WIRE_TRANSACTION_UNDO, "empty"), ERR_NONE);
	assert_false(path_exists(s->states));
	assert_int_equal(code_of(s, WIRE_TRANSACTION_CONFIRM, "empty"), ERR_NOTFOUND);
	assert_int_equal(code_of(s, WIRE_TRANSACTION_UNDO, "empty"), ERR_NOTFOUND);
}

static void one_at_a_time_and_only_with_a_proper_id(void **state)
{
	struct scene *s = *state;
	struct answer a;
	static const char *const ids[] = {"", "..", "a/b", "a\nb"};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(begin(s, ids[i], 0, &a), ERR_INPUT);
		answer_release(&a);
		assert_int_equal(code_of(s, WIRE_TRANSACTION_UNDO, ids[i]), ERR_INPUT);
		assert_int_equal(code_of(s, WIRE_TRANSACTION_CONFIRM, ids[i]), ERR_INPUT);
	}
	begin_well(s, "one", 0);
	assert_int_equal(begin(s, "two", 0, &a), ERR_EXISTS);
	assert_non_null(strstr(a.text, "transaction one is open already"));
	answer_release(&a);
}

static void run_command(struct scene *s)
{
	struct module_result r;

	assert_int_equal(
		module_call(s->client, &r, "command", 0, "{\"argv\": [\"true\"]}"), ERR_NONE);
	module_result_release(&r);
}

static void a_command_is_noted_once_and_only_beside_changes(void **state)
{
	struct scene *s = *state;
	struct answer a;

	begin_well(s, "t", 0);
	run_command(s);
	assert_false(path_exists(s->states));
	write_new(s, s->file);
	run_command(s);
	assert_int_equal(by_id(s, WIRE_TRANSACTION_UNDO, "t", &a), ERR_NONE);
	assert_int_equal(list_of(&a, "notes", "true"), 1);
	answer_release(&a);
}

static void what_cannot_be_recorded_is_not_changed(void **state)
{
	struct scene *s = *state;
	struct module_result r;
	struct answer a;

	/* The state cannot be written: a file stands where its directory should be. */
	scratch_write(s->states, "no directory");
	begin_well(s, "t", 0);
	assert_int_not_equal(
		module_call(s->client, &r, "copy", 0,
			"{\"path\": \"%s\", \"content\": {\"$bytes\": \"new\"}}", s->file),
		ERR_NONE);
	module_result_release(&r);
	assert_true(scratch_holds(s->file, "old"));
	assert_int_equal(unlink(s->states), 0);
	assert_int_equal(by_id(s, WIRE_TRANSACTION_CONFIRM, "t", &a), ERR_NONE);
	answer_release(&a);
}

/* On a node with systemd these would use its manager; tests/system has those. */
static void needs_no_systemd(void)
{
	if (path_exists("/run/systemd/system")) {
		print_message("skipped: this machine runs systemd, tests/system tests that\n");
		skip();
	}
}

/* True once the watchdog has taken a transaction back and let it go. */
static bool is_over(const struct scene *s, const char *id)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	autofree char *path = xasprintf("%s/transactions/%s.reverted/lock", s->states, id);
	autofd int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

static void wait_for_old(const struct scene *s)
{
	deadline until = deadline_in(30);

	while (!is_over(s, "dog")) {
		assert_false(deadline_passed(until));
		wait_until(deadline_in(0.05), NULL, NULL);
	}
	assert_true(scratch_holds(s->file, "old"));
}

static void a_node_without_systemd_says_what_is_missing(void **state)
{
	struct scene *s = *state;
	struct answer a;

	needs_no_systemd();
	assert_int_equal(begin(s, "gap", 60, &a), ERR_NONE);
	assert_non_null(strstr(a.data.data + 2, "this node has no systemd"));
	answer_release(&a);
}

static void the_watchdog_comes_when_the_helper_is_killed(void **state)
{
	struct scene *s = *state;

	needs_no_systemd();
	begin_well(s, "dog", 1);
	write_new(s, s->file);
	client_kill(s->client);
	s->world->running = false;
	wait_for_old(s);
}

static void the_watchdog_ends_a_helper_that_waits_in_silence(void **state)
{
	struct scene *s = *state;
	struct frame f;

	needs_no_systemd();
	begin_well(s, "dog", 1);
	write_new(s, s->file);
	wait_for_old(s);
	assert_false(client_next(s->client, &f));
	client_kill(s->client);
	s->world->running = false;
}

static void the_watchdog_waits_while_the_engine_is_heard(void **state)
{
	struct scene *s = *state;
	struct msg_writer none = {0};
	struct answer a;

	needs_no_systemd();
	begin_well(s, "dog", 2);
	write_new(s, s->file);
	for (int i = 0; i < 8; i++) {
		wait_until(deadline_in(0.5), NULL, NULL);
		assert_int_equal(client_call(s->client, WIRE_PING, 0, &none, &a), ERR_NONE);
		answer_release(&a);
	}
	assert_true(scratch_holds(s->file, "new"));
	assert_int_equal(code_of(s, WIRE_TRANSACTION_CONFIRM, "dog"), ERR_NONE);
	wait_until(deadline_in(3), NULL, NULL);
	assert_true(scratch_holds(s->file, "new"));
}

int main(void)
{
#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SCENE_TEST(undone_on_request_and_told),
		SCENE_TEST(what_others_filled_is_in_the_answer),
		SCENE_TEST(what_cannot_be_undone_is_in_the_answer),
		SCENE_TEST(confirmed_and_listed),
		SCENE_TEST(one_that_changed_nothing_leaves_nothing),
		SCENE_TEST(one_at_a_time_and_only_with_a_proper_id),
		SCENE_TEST(a_command_is_noted_once_and_only_beside_changes),
		SCENE_TEST(what_cannot_be_recorded_is_not_changed),
		SCENE_TEST(a_node_without_systemd_says_what_is_missing),
		SCENE_TEST(the_watchdog_comes_when_the_helper_is_killed),
		SCENE_TEST(the_watchdog_ends_a_helper_that_waits_in_silence),
		SCENE_TEST(the_watchdog_waits_while_the_engine_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
