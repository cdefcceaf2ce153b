/* SPDX-License-Identifier: Apache-2.0 */
/* Writers of many processes at once, and writers that are killed: over all stores. */
#include "daemons/registryd/store_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define WRITERS 16
#define WRITES  6
#define KILLS   8

/*
 * A writer of its own process: versions of its own model, and of one that all of them share,
 * of which the first gets there and the others are told so.
 */
static bool write_some(const char *uri, int which)
{
	struct entry_store *store = entry_store_open(uri, NULL);
	autofree char *own = xasprintf("own%d", which);
	bool good = store != NULL;

	for (int64_t v = 1; good && v <= WRITES; v++) {
		enum err_code shared = store_register(store, "shared", v, "{}");

		good = store_register(store, own, v, "{}") == ERR_NONE &&
		       (shared == ERR_NONE || shared == ERR_EXISTS) &&
		       store_activate(store, "shared", v) == ERR_NONE &&
		       store_activate(store, own, v) == ERR_NONE;
	}
	entry_store_free(store);
	return good;
}

static void sixteen_writers_lose_nothing(void **state)
{
	struct fixture *f = *state;
	pid_t pids[WRITERS];
	int status, in_production = 0;

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(write_some(f->uri, i) ? 0 : 1);
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_fresh(f->store, NULL);
	assert_int_equal(list->count, (WRITERS + 1) * WRITES);
	for (size_t i = 0; i < list->count; i++)
		in_production += list->items[i]->status == ENTRY_PRODUCTION;
	assert_int_equal(in_production, WRITERS + 1);
	for (int i = 0; i < WRITERS; i++) {
		autofree char *own = xasprintf("own%d", i);
		assert_int_equal(entry_list_production(list, own)->version, WRITES);
	}
}

/* Registers and activates one version after another, and tells of each when it is done. */
static void write_until_killed(const char *uri, const char *name, int tell)
{
	struct entry_store *store = entry_store_open(uri, NULL);

	for (int64_t version = 1;; version++) {
		if (!store || store_register(store, name, version, "{}") != ERR_NONE ||
			store_activate(store, name, version) != ERR_NONE ||
			write(tell, &version, sizeof(version)) != sizeof(version))
			_exit(1);
	}
}

/* Kills a writer when it has told of some versions; the last one that it told of. */
static int64_t kill_one(const char *uri, const char *name, int after)
{
	int pipe_fds[2], status;
	int64_t told = 0;

	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_until_killed(uri, name, pipe_fds[1]);
	close(pipe_fds[1]);
	for (int i = 0; i < after; i++)
		assert_int_equal(read(pipe_fds[0], &told, sizeof(told)), sizeof(told));
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(pipe_fds[0], &told, sizeof(told)) == sizeof(told))
		continue;
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status)); /* it did not end by itself */
	return told;
}

/* All that it told of is there, and at most one more; and one of them is in production. */
static void check_model(const struct entry_list *list, const char *name, int64_t told)
{
	const struct entry *production = entry_list_production(list, name);
	int64_t count = 0;

	for (int64_t v = 1; v <= told; v++)
		assert_non_null(entry_list_find(list, name, v));
	assert_non_null(production);
	assert_true(production->version == told || production->version == told + 1);
	for (size_t i = 0; i < list->count; i++) {
		const struct entry *e = list->items[i];

		if (strcmp(e->model_name, name) != 0)
			continue;
		count++;
		assert_int_equal(e->status == ENTRY_PRODUCTION, e == production);
	}
	assert_true(count == told || count == told + 1);
}

static void what_was_told_survives_a_kill(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < KILLS; i++) {
		autofree char *name = xasprintf("m%d", i);
		int64_t told = kill_one(f->uri, name, i % 3 + 1);
		struct entry_store *store = store_again(f);
		AUTO(entry_list_unrefp)
		struct entry_list *list = entry_store_fresh(store, NULL);

		check_model(list, name, told);
		entry_store_free(store);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STORE_TEST(sixteen_writers_lose_nothing),
		STORE_TEST(what_was_told_survives_a_kill),
	};

	return store_run_kinds(tests, ARRAY_SIZE(tests));
}
