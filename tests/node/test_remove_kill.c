/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A removal is killed before its n-th call that changes the disk, for every n: by the engine in
 * a store of its own, and by the helper. The version is whole or gone, and the next run goes
 * on. No file goes before the disk knows that the version has left its name.
 *
 * The calls are those that the linker wraps (see CMakeLists.txt): each counts itself.
 */
#include "node/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/killed.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/node.h"
#include "registry/store.h"

#define TOO_EARLY 98
#define GOES      "m/2025-01-01"
#define STAYS     "m/2025-01-02"

static bool renamed; /* the version has left its name */
static int synced;   /* directories since then */

static void note_removal(void)
{
	if (renamed && synced < 2)
		_exit(TOO_EARLY);
}

static void note_rename(const char *from)
{
	renamed |= str_ends(from, "2025-01-01");
}

WRAP(int, mkdirat, (int d, const char *a, mode_t m), (d, a, m), (void)0)
WRAP(int, unlinkat, (int d, const char *a, int f), (d, a, f), note_removal())
WRAP(int, fchmod, (int d, mode_t m), (d, m), (void)0)
WRAP(int, fsync, (int d), (d), synced += renamed)
WRAP(ssize_t, write, (int d, const void *p, size_t n), (d, p, n), (void)0)
WRAP(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b), note_rename(a))
WRAP(int, renameat2, (int d, const char *a, int e, const char *b, unsigned f), (d, a, e, b, f),
	note_rename(a))

/* ---- the two that remove ---- */

static int remove_from_store(const char *root)
{
	uint64_t freed = 0;
	struct err err = {0};
	struct store *s = store_open_local(root, &err);

	if (!s || store_empty_trash(s, &freed, &err) < 0)
		return -1;
	int result = store_remove_version(s, "m", "2025-01-01", &freed, &err);
	store_free(s);
	return result < 0 && err.code != ERR_NOTFOUND ? -1 : 0;
}

static int dispatch(struct node *n, uint8_t kind, const struct msg_writer *w)
{
	static uint32_t id;
	struct frame f = {.id = ++id, .kind = kind, .data = w->data, .len = w->len};

	return node_dispatch(n, &f, NULL);
}

static int remove_on_node(const char *root)
{
	uint8_t buffer[8192];
	struct msg_writer w;
	struct node n;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	node_init(&n, null, null);
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_root_open(
		&w, &(struct wire_root_open){
			    .flags = WIRE_ROOT_LEASE, .path = root, .holder = "test"});
	int result = dispatch(&n, WIRE_ROOT_OPEN, &w);
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_ref(&w, &(struct wire_version_ref){.version = GOES, .path = ""});
	if (result == 0)
		result = dispatch(&n, WIRE_VERSION_REMOVE, &w);
	bool leased = n.roots[0] && n.roots[0]->lock_fd >= 0;
	node_release(&n);
	close(null);
	return leased ? result : -1;
}

/* ---- dying ---- */

/* Removes in a process that dies at its n-th step; false when it came to its end before. */
static bool dies(int (*removal)(const char *root), const char *root, int n)
{
	pid_t pid = killed_fork(n);

	if (pid == 0) {
		synced = 0;
		renamed = false;
		_exit(removal(root) == 0 ? 0 : 1);
	}
	return killed_died(pid);
}

/* Makes both versions, as published: the directory below may not be written to. */
static void fill(struct world *w)
{
	autofree char *locked = path_join(w->root, GOES "/sub");

	world_text(w->root, GOES "/model.bin", "weights");
	world_text(w->root, GOES "/sub/labels.txt", "person");
	world_text(w->root, STAYS "/model.bin", "others");
	assert_int_equal(chmod(locked, 0555), 0);
}

static bool is_whole(struct world *w)
{
	autofree char *model = path_join(w->root, GOES "/model.bin");
	autofree char *labels = path_join(w->root, GOES "/sub/labels.txt");

	return path_exists(model) && path_exists(labels);
}

static void expect_one_left(struct world *w)
{
	autofree char *models = path_join(w->root, "m");
	autofree char *other = path_join(w->root, STAYS "/model.bin");
	autofree char *trash = path_join(w->root, ".fleet/trash");
	autofree char *names = scratch_list(models);

	assert_string_equal(names, "2025-01-02");
	assert_true(path_exists(other));
	assert_false(path_exists(trash));
}

static void kill_at_every_step(struct world *w, int (*removal)(const char *root))
{
	autofree char *version = path_join(w->root, GOES);
	unsigned whole = 0, gone = 0;
	bool died = true;

	for (int n = 1; died && n < KILLED_STEPS_MAX; n++) {
		fill(w);
		died = dies(removal, w->root, n);
		bool there = path_exists(version);
		assert_true(!there || is_whole(w));
		whole += there;
		gone += !there;
		assert_false(dies(removal, w->root, -1));
		expect_one_left(w);
	}
	assert_false(died);
	/* The deaths lay on both sides of the step that decides. */
	assert_true(whole > 2 && gone > 4);
}

/* The world's own helper has the lease. */
static void give_lease_back(struct world *w)
{
	uint8_t root = 0;
	struct msg_writer writer = {.data = &root, .len = 1, .cap = 1};
	struct answer a;

	assert_int_equal(client_call(&w->client, WIRE_ROOT_CLOSE, 0, &writer, &a), ERR_NONE);
	answer_release(&a);
}

static void a_store_that_dies_while_it_removes(void **state)
{
	give_lease_back(*state);
	kill_at_every_step(*state, remove_from_store);
}

static void a_helper_that_dies_while_it_removes(void **state)
{
	give_lease_back(*state);
	kill_at_every_step(*state, remove_on_node);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_store_that_dies_while_it_removes),
		WORLD_TEST(a_helper_that_dies_while_it_removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
