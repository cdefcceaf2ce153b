/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others did to the paths of a transaction before it is taken back: package managers,
 * services, people. What is theirs stays and is noted, what is ours is put back, and later runs
 * are not kept out by it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/transaction_place.h"
#include "node/tree_picture.h"

#define FILLED "%s stays: it holds what this transaction did not put there"
#define GONE   "owner and mode of %s, which was gone: it is made again for its owner alone"

static void make_directory(const struct place *p, const char *name)
{
	autofree char *path = place_path(p, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

/* What a package manager does that was told to purge. */
static void purge(const struct place *p, const char *name)
{
	autofree char *path = place_path(p, name);

	assert_int_equal(path_remove_tree(path, NULL), 0);
}

static void assert_noted(
	const struct place *p, const char *id, const char *format, const char *name)
{
	autofree char *path = place_path(p, name);
	const char *at = strstr(format, "%s");
	autofree char *note =
		xasprintf("%.*s%s%s", (int)(at - format), format, path, at + strlen("%s"));

	place_assert_note(p, id, note);
}

static void assert_tree(const struct place *p, const char *before)
{
	autofree char *after = tree_picture(p->tree);

	assert_string_equal(after, before);
}

static void a_new_directory_that_others_filled_stays(void **state)
{
	struct place *p = *state;
	struct err err = {0};

	place_begin(p, "filled");
	place_record(p, "new");
	make_directory(p, "new");
	place_record(p, "new/deep");
	make_directory(p, "new/deep");
	place_record(p, "new/ours");
	place_write(p, "new/ours", "ours");
	place_let_go(p);
	place_write(p, "new/deep/theirs", "data");
	place_undo("filled");
	autofree char *ours = place_path(p, "new/ours");
	autofree char *theirs = place_path(p, "new/deep/theirs");
	assert_false(path_exists(ours));
	assert_true(scratch_holds(theirs, "data"));
	assert_noted(p, "filled", FILLED, "new/deep");
	/* The next run may begin. */
	assert_int_equal(transaction_settle("next", &err), 0);
}

static void only_the_innermost_of_filled_directories_is_named(void **state)
{
	struct place *p = *state;

	place_begin(p, "deep");
	place_record(p, "new");
	make_directory(p, "new");
	place_record(p, "new/deep");
	make_directory(p, "new/deep");
	place_let_go(p);
	place_write(p, "new/deep/theirs", "data");
	place_undo("deep");
	autofree char *path = xasprintf("%s/state/transactions/deep.reverted/outcome", p->dir);
	AUTO(strbuf_release) struct strbuf outcome = STRBUF_INIT;
	assert_int_equal(file_read(path, 1 << 16, &outcome, NULL), 0);
	const char *first = strstr(outcome.data, "note ");
	assert_non_null(first);
	assert_null(strstr(first + 1, "note "));
}

static void a_file_whose_place_others_filled_cannot_be_put_back(void **state)
{
	struct place *p = *state;
	struct err err = {0};
	autofree char *theirs = place_path(p, "thing/theirs");

	place_write(p, "thing", "old");
	autofree char *before = tree_picture(p->tree);
	place_begin(p, "kept");
	place_record(p, "thing");
	purge(p, "thing");
	make_directory(p, "thing");
	place_let_go(p);
	place_write(p, "thing/theirs", "data");
	assert_int_equal(transaction_undo("kept", false, NULL, &err), -1);
	assert_non_null(strstr(err.text, "holds what this transaction did not put there"));
	assert_true(scratch_holds(theirs, "data"));
	assert_int_equal(transaction_settle("next", &err), -1);
	/* Once the cause is gone, the same command finishes it. */
	assert_int_equal(unlink(theirs), 0);
	place_undo("kept");
	assert_tree(p, before);
}

static void what_was_in_a_directory_that_others_removed_is_put_back(void **state)
{
	struct place *p = *state;
	struct stat st;
	autofree char *made = place_path(p, "lens/conf.d");
	autofree char *file = place_path(p, "lens/conf.d/a");
	autofree char *link = place_path(p, "lens/conf.d/b");
	char target[16] = "";

	make_directory(p, "lens");
	make_directory(p, "lens/conf.d");
	place_write(p, "lens/conf.d/a", "old");
	assert_int_equal(symlink("a", link), 0);
	place_begin(p, "purged");
	place_record(p, "lens/conf.d/a");
	place_replace(p, "lens/conf.d/a", "new");
	place_record(p, "lens/conf.d/b");
	place_let_go(p);
	purge(p, "lens");
	place_undo("purged");
	assert_true(scratch_holds(file, "old"));
	assert_int_equal(readlink(link, target, sizeof(target)), 1);
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_noted(p, "purged", GONE, "lens/conf.d");
}

static void a_recorded_directory_that_others_removed_has_its_mode_again(void **state)
{
	struct place *p = *state;

	make_directory(p, "lens");
	place_write(p, "lens/a", "old");
	autofree char *before = tree_picture(p->tree);
	place_begin(p, "both");
	place_record(p, "lens");
	place_record(p, "lens/a");
	place_let_go(p);
	purge(p, "lens");
	place_undo("both");
	assert_tree(p, before);
}

static void what_was_new_below_a_directory_that_others_removed_needs_nothing(void **state)
{
	struct place *p = *state;

	make_directory(p, "lens");
	place_begin(p, "new");
	place_record(p, "lens/new");
	place_write(p, "lens/new", "new");
	place_let_go(p);
	purge(p, "lens");
	autofree char *before = tree_picture(p->tree);
	place_undo("new");
	assert_tree(p, before);
}

static void the_mode_of_what_others_removed_is_noted(void **state)
{
	struct place *p = *state;
	struct err err = {0};
	autofree char *path = place_path(p, "file");

	place_write(p, "file", "old");
	place_begin(p, "mode");
	assert_int_equal(transaction_record_attributes(p->t, path, &err), 0);
	assert_int_equal(chmod(path, 0600), 0);
	place_let_go(p);
	assert_int_equal(unlink(path), 0);
	place_undo("mode");
	assert_noted(p, "mode", "owner and mode of %s, which is gone", "file");
	assert_int_equal(transaction_settle("next", &err), 0);
}

static void a_file_in_the_place_of_a_directory_is_not_touched(void **state)
{
	struct place *p = *state;
	struct err err = {0};
	autofree char *lens = place_path(p, "lens");

	make_directory(p, "lens");
	place_write(p, "lens/a", "old");
	place_begin(p, "file");
	place_record(p, "lens/a");
	place_let_go(p);
	purge(p, "lens");
	place_write(p, "lens", "theirs");
	assert_int_equal(transaction_undo("file", false, NULL, &err), -1);
	assert_non_null(strstr(err.text, "open the directory of"));
	assert_true(scratch_holds(lens, "theirs"));
}

int main(void)
{
#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_new_directory_that_others_filled_stays),
		PLACE_TEST(only_the_innermost_of_filled_directories_is_named),
		PLACE_TEST(a_file_whose_place_others_filled_cannot_be_put_back),
		PLACE_TEST(what_was_in_a_directory_that_others_removed_is_put_back),
		PLACE_TEST(a_recorded_directory_that_others_removed_has_its_mode_again),
		PLACE_TEST(what_was_new_below_a_directory_that_others_removed_needs_nothing),
		PLACE_TEST(the_mode_of_what_others_removed_is_noted),
		PLACE_TEST(a_file_in_the_place_of_a_directory_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
