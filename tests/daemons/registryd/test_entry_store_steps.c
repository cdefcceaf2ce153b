/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer of registry.json that dies before each call that changes the disk: the file holds
 * what was or what is to be, and the next writer puts the rest away.
 */
#include "base/killed.h"
#include "daemons/registryd/store_fixture.h"

#include <string.h>

#include "base/path.h"
#include "base/scratch.h"

WRAP(int, fsync, (int fd), (fd), )
WRAP(int, rename, (const char *from, const char *to), (from, to), )
WRAP(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), )
WRAP(int, mkostemp, (char *template, int flags), (template, flags), )
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), )

static int activate_second(struct fixture *f)
{
	struct entry_store *store = entry_store_open(f->uri, NULL);

	return store && store_activate(store, "a", 2) == ERR_NONE ? 0 : 1;
}

/* A writer that died at a step; the next one sees a whole file and leaves no other. */
static bool die_at(struct fixture *f, int step)
{
	autofree char *dir = path_dirname(f->path);
	pid_t pid = killed_fork(step);

	if (pid == 0)
		_exit(activate_second(f));
	bool died = killed_died(pid);
	autofree char *shown = store_shown(f->store);
	if (!died || strcmp(shown, "a-1 production, a-2 staging") != 0)
		assert_string_equal(shown, "a-1 staging, a-2 production");
	struct entry_store *next = store_again(f);
	assert_int_equal(store_activate(next, "a", 2), ERR_NONE);
	assert_int_equal(store_activate(next, "a", 1), ERR_NONE);
	entry_store_free(next);
	autofree char *names = scratch_list(dir);
	assert_string_equal(names, "registry.json registry.json.lock");
	return died;
}

static void a_killed_writer_leaves_old_or_new(void **state)
{
	struct fixture *f = *state;
	int step = 1;

	store_register(f->store, "a", 1, "{}");
	store_register(f->store, "a", 2, "{}");
	store_activate(f->store, "a", 1);
	while (die_at(f, step))
		assert_true(++step < KILLED_STEPS_MAX);
	assert_true(step > 5); /* each of the calls was one of them */
}

static int open_new(const char *uri)
{
	struct entry_store *store = entry_store_open(uri, NULL);

	return store ? 0 : 1;
}

static void a_killed_maker_leaves_an_empty_registry_or_none(void **state)
{
	struct fixture *f = *state;
	bool died = true;

	for (int step = 1; died; step++) {
		autofree char *path =
			xasprintf("%s/new%d/registry.json", (char *)f->scratch, step);
		autofree char *uri = xasprintf("json:%s", path);
		pid_t pid = killed_fork(step);

		if (pid == 0)
			_exit(open_new(uri));
		died = killed_died(pid);
		assert_true(!path_exists(path) || scratch_holds(path, "{\"models\": []}\n"));
		struct entry_store *next = entry_store_open(uri, NULL);
		assert_non_null(next);
		assert_int_equal(store_register(next, "a", 1, "{}"), ERR_NONE);
		entry_store_free(next);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STORE_TEST(a_killed_writer_leaves_old_or_new),
		STORE_TEST(a_killed_maker_leaves_an_empty_registry_or_none),
	};

	store_kind = KIND_JSON;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
