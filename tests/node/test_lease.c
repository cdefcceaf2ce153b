/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of a store and the lease of a root are one lock: a store that a helper works on for
 * another machine is not cleaned by this one meanwhile, and the other way round.
 */
#include "node/world.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "history/lock.h"

static enum err_code open_leased(struct world *w, uint8_t number, struct answer *a)
{
	uint8_t buffer[8192];
	struct msg_writer writer;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_root_open(&writer, &(struct wire_root_open){.root = number,
					    .flags = WIRE_ROOT_LEASE,
					    .path = w->root,
					    .holder = "anna@admin1 pid 7, deploy-models"});
	return client_call(&w->client, WIRE_ROOT_OPEN, 0, &writer, a);
}

static void the_lease_keeps_the_lock_away(void **state)
{
	struct world *w = *state;
	struct lock l;
	struct err err = {0};

	/* The world's helper has the lease since it began. */
	assert_int_equal(lock_acquire_site(&l, w->root, "cleanup-models", 0, NULL, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "another run is under way: "));
	world_restart(w);
}

static void the_lock_keeps_the_lease_away(void **state)
{
	struct world *w = *state;
	uint8_t root = 0;
	struct msg_writer writer = {.data = &root, .len = 1, .cap = 1};
	struct lock l;
	struct err err = {0};
	struct answer a;

	assert_int_equal(client_call(&w->client, WIRE_ROOT_CLOSE, 0, &writer, &a), ERR_NONE);
	answer_release(&a);
	assert_int_equal(lock_acquire_site(&l, w->root, "cleanup-models", 0, NULL, &err), 0);
	assert_int_equal(open_leased(w, 0, &a), ERR_BUSY);
	assert_non_null(strstr(a.text, "cleanup-models"));
	assert_null(strstr(a.text, "{"));
	answer_release(&a);
	lock_release(&l);
	assert_int_equal(open_leased(w, 0, &a), ERR_NONE);
	answer_release(&a);
	assert_int_equal(lock_acquire_site(&l, w->root, "cleanup-models", 0, NULL, &err), -1);
	assert_non_null(strstr(err.text, "anna@admin1 pid 7, deploy-models"));
}

/* The exit status of a process of another user that takes the lock of a store. */
static int lock_as_other_user(struct world *w)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct lock l;
		struct err err = {0};
		if (setenv("HOME", w->store, 1) < 0 || unsetenv("XDG_STATE_HOME") < 0 ||
			setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		int result = lock_acquire_site(&l, w->root, "deploy-models", 0, NULL, &err);
		_exit(result == 0 ? 0 : err.code == ERR_BUSY ? 1 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void who_may_not_write_is_kept_away_as_well(void **state)
{
	struct world *w = *state;
	uint8_t root = 0;
	struct msg_writer writer = {.data = &root, .len = 1, .cap = 1};
	struct answer a;

	if (getuid() != 0)
		skip();
	assert_int_equal(chmod(w->dir, 0755), 0);
	assert_int_equal(chmod(w->store, 0777), 0);
	assert_int_equal(lock_as_other_user(w), 1);
	assert_int_equal(client_call(&w->client, WIRE_ROOT_CLOSE, 0, &writer, &a), ERR_NONE);
	answer_release(&a);
	assert_int_equal(lock_as_other_user(w), 0);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_lease_keeps_the_lock_away),
		WORLD_TEST(the_lock_keeps_the_lease_away),
		WORLD_TEST(who_may_not_write_is_kept_away_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
