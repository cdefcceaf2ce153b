/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions by their functions: every kind of record is put back, states are left in one
 * step, and what a crash leaves behind is understood.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/change.h"
#include "node/transaction_place.h"
#include "node/tree_picture.h"

/* One kind of thing in the tree, and what a transaction may do to it. */
struct kind {
	const char *name;
	void (*make)(const char *path);
};

static void make_nothing(const char *path)
{
	(void)path;
}

static void make_file(const char *path)
{
	struct timespec times[2] = {
		{.tv_sec = 1500000000, .tv_nsec = 5}, {.tv_sec = 1500000001, .tv_nsec = 7}};

	scratch_write(path, "before");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void make_link(const char *path)
{
	assert_int_equal(symlink("somewhere", path), 0);
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0750), 0);
	autofree char *file = path_join(path, "inside");
	autofree char *deep = path_join(path, "deep");
	autofree char *deeper = path_join(deep, "er");
	scratch_write(file, "inside");
	assert_int_equal(mkdir(deep, 0711), 0);
	make_file(deeper);
}

static void make_empty_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0701), 0);
}

static void make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0620), 0);
}

static const struct kind kinds[] = {{"nothing", make_nothing}, {"file", make_file},
	{"link", make_link}, {"directory", make_directory},
	{"empty directory", make_empty_directory}, {"fifo", make_fifo}};

/* Makes what a later kind of thing is, in the place of what is there. */
static void exchange(struct place *p, const char *path, const struct kind *to)
{
	struct err err = {0};

	if (transaction_record_tree(p->t, path, &err) < 0)
		fail_msg("%s", err.text);
	autofree char *inside = path_join(path, "inside");
	autofree char *deep = path_join(path, "deep");
	autofree char *deeper = path_join(deep, "er");
	const char *all[] = {inside, deep, deeper};
	for (size_t i = 0; to->make == make_directory && i < ARRAY_SIZE(all); i++)
		assert_int_equal(transaction_record_path(p->t, all[i], &err), 0);
	assert_int_equal(path_remove_tree(path, NULL), 0);
	to->make(path);
}

static void any_kind_becomes_any_other_and_is_put_back(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "thing");

	for (size_t from = 0; from < ARRAY_SIZE(kinds); from++) {
		for (size_t to = 0; to < ARRAY_SIZE(kinds); to++) {
			autofree char *id = xasprintf("t-%zu-%zu", from, to);
			kinds[from].make(path);
			autofree char *before = tree_picture(p->tree);
			place_begin(p, id);
			exchange(p, path, &kinds[to]);
			place_let_go(p);
			place_undo(id);
			autofree char *after = tree_picture(p->tree);
			assert_string_equal(after, before);
			assert_int_equal(path_remove_tree(path, NULL), 0);
		}
	}
}

static void nothing_is_left_by_a_transaction_without_a_record(void **state)
{
	struct place *p = *state;
	autofree char *states = path_join(p->dir, "state");

	place_begin(p, "empty");
	assert_true(transaction_is_empty(p->t));
	place_let_go(p);
	assert_false(path_exists(states));
}

static void confirmed_stays_new_until_it_is_undone(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "file");

	place_write(p, "file", "old");
	place_begin(p, "one");
	place_record(p, "file");
	place_replace(p, "file", "new");
	place_let_go(p);
	assert_int_equal(transaction_confirm("one", NULL), 0);
	assert_int_equal(transaction_confirm("one", NULL), 0);
	assert_true(scratch_holds(path, "new"));
	place_undo("one");
	assert_true(scratch_holds(path, "old"));
	place_undo("one");
	assert_true(scratch_holds(path, "old"));
}

static void a_late_confirm_is_refused_and_says_why(void **state)
{
	struct place *p = *state;
	struct err err = {0};

	place_write(p, "file", "old");
	place_begin(p, "late");
	place_record(p, "file");
	place_let_go(p);
	place_undo("late");
	assert_int_equal(transaction_confirm("late", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.text, "has taken back transaction late"));
	assert_non_null(strstr(err.text, "on request"));
	assert_int_equal(transaction_confirm("never", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void the_next_transaction_ends_the_way_back_of_the_one_before(void **state)
{
	struct place *p = *state;
	struct err err = {0};

	place_write(p, "file", "old");
	place_begin(p, "one");
	place_record(p, "file");
	place_let_go(p);
	assert_int_equal(transaction_confirm("one", NULL), 0);
	place_begin(p, "two");
	place_let_go(p);
	place_begin(p, "three");
	place_record(p, "file");
	place_let_go(p);
	assert_int_equal(transaction_undo("one", false, NULL, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void an_engine_that_is_back_goes_on(void **state)
{
	struct place *p = *state;
	autofree char *first = place_path(p, "first");
	autofree char *second = place_path(p, "second");

	place_write(p, "first", "old");
	place_write(p, "second", "old");
	place_begin(p, "back");
	place_record(p, "first");
	place_replace(p, "first", "new");
	place_let_go(p);
	place_begin(p, "back");
	place_record(p, "first");
	place_record(p, "second");
	place_replace(p, "first", "newer");
	place_replace(p, "second", "new");
	place_let_go(p);
	place_undo("back");
	assert_true(scratch_holds(first, "old"));
	assert_true(scratch_holds(second, "old"));
}

/* What another process is told that wants to begin; locks are a process's own. */
static enum err_code settle_elsewhere(const char *id)
{
	struct err err = {0};
	int status;
	pid_t child = fork();

	if (child == 0) {
		transaction_settle(id, &err);
		_exit((int)err.code);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum err_code)WEXITSTATUS(status);
}

static void what_an_earlier_run_left_goes_back_before_the_next(void **state)
{
	struct place *p = *state;
	autofree char *file = place_path(p, "file");
	struct err err = {0};

	place_write(p, "file", "old");
	place_begin(p, "left");
	place_record(p, "file");
	place_replace(p, "file", "new");
	/* Its helper lives: nobody may take it away. */
	assert_int_equal(settle_elsewhere("next"), ERR_BUSY);
	place_let_go(p);
	assert_int_equal(transaction_settle("left", NULL), 0);
	assert_true(scratch_holds(file, "new"));
	assert_int_equal(transaction_settle("next", NULL), 0);
	assert_true(scratch_holds(file, "old"));
	assert_int_equal(transaction_confirm("left", &err), -1);
	assert_non_null(strstr(err.text, "a later run"));
}

static void two_names_of_one_node_do_not_disturb_each_other(void **state)
{
	struct place *p = *state;
	autofree char *file = place_path(p, "file");

	place_write(p, "file", "old");
	place_begin(p, "run.0.1");
	place_record(p, "file");
	place_replace(p, "file", "new");
	assert_int_equal(settle_elsewhere("run.0.0"), 0);
	assert_int_equal(settle_elsewhere("run.1.0"), ERR_BUSY);
	assert_int_equal(settle_elsewhere("run.0.1.0"), ERR_BUSY);
	assert_int_equal(settle_elsewhere("run.0"), ERR_BUSY);
	place_let_go(p);
	assert_int_equal(transaction_settle("run.0.0", NULL), 0);
	assert_true(scratch_holds(file, "new"));
	place_undo("run.0.1");
	assert_true(scratch_holds(file, "old"));
}

static void an_id_is_used_once(void **state)
{
	struct place *p = *state;
	struct err err = {0};
	const char *bad[] = {"", ".", "../x", "a/b", ".hidden", "a b"};

	place_begin(p, "once");
	place_record(p, "file");
	place_let_go(p);
	place_undo("once");
	assert_null(transaction_new(
		&(struct wire_transaction_begin){.id = "once", .title = ""}, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(transaction_new(
			&(struct wire_transaction_begin){.id = bad[i], .title = ""}, &err));
	assert_int_equal(err.code, ERR_INPUT);
}

static void what_is_taken_back_is_not_recorded_in_any_longer(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "file");
	autofree char *states = path_join(p->dir, "state/transactions");
	struct err err = {0};

	place_begin(p, "over");
	place_record(p, "other");
	autofree char *from = path_join(states, "over.armed");
	autofree char *to = path_join(states, "over.reverting");
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(transaction_record_path(p->t, path, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
}

static void attributes_alone_leave_content_to_its_writer(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "log");
	struct stat st;

	place_write(p, "log", "line\n");
	assert_int_equal(chmod(path, 0600), 0);
	place_begin(p, "attributes");
	assert_int_equal(transaction_record_attributes(p->t, path, NULL), 0);
	assert_int_equal(chmod(path, 0644), 0);
	place_let_go(p);
	scratch_write(path, "line\nanother\n");
	place_undo("attributes");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(scratch_holds(path, "line\nanother\n"));
}

static void attributes_first_and_content_later(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "file");

	make_file(path);
	autofree char *before = tree_picture(p->tree);
	place_begin(p, "both");
	assert_int_equal(transaction_record_attributes(p->t, path, NULL), 0);
	assert_int_equal(chmod(path, 0777), 0);
	place_record(p, "file");
	place_replace(p, "file", "new");
	place_let_go(p);
	place_undo("both");
	autofree char *after = tree_picture(p->tree);
	assert_string_equal(after, before);
}

static void a_path_through_a_link_is_recorded_where_it_leads(void **state)
{
	struct place *p = *state;
	autofree char *link = place_path(p, "link");
	autofree char *real = place_path(p, "real");
	autofree char *file = place_path(p, "real/file");

	assert_int_equal(mkdir(real, 0755), 0);
	scratch_write(file, "old");
	assert_int_equal(symlink("real", link), 0);
	autofree char *before = tree_picture(p->tree);
	place_begin(p, "through");
	place_record(p, "link/file");
	place_replace(p, "link/file", "new");
	/* The link itself goes astray afterwards. */
	place_record(p, "link");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("/nowhere", link), 0);
	place_let_go(p);
	place_undo("through");
	autofree char *after = tree_picture(p->tree);
	assert_string_equal(after, before);
}

static void hard_links_are_the_same_file_again(void **state)
{
	struct place *p = *state;
	autofree char *one = place_path(p, "one");
	autofree char *two = place_path(p, "two");
	struct stat a, b;

	place_write(p, "one", "shared");
	assert_int_equal(link(one, two), 0);
	place_begin(p, "linked");
	place_record(p, "one");
	place_replace(p, "one", "alone");
	place_let_go(p);
	place_undo("linked");
	assert_int_equal(stat(one, &a), 0);
	assert_int_equal(stat(two, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_nlink, 2);
}

static void odd_names_survive_the_journal(void **state)
{
	static const char *const names[] = {
		"with blank", "new\nline", "%41", "-", "\xff\xfe", "tab\there", "ends with %"};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		place_write(p, names[i], "old");
	autofree char *link = place_path(p, "link");
	assert_int_equal(symlink("to a\nplace %20", link), 0);
	autofree char *before = tree_picture(p->tree);
	place_begin(p, "odd");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		place_record(p, names[i]);
		place_replace(p, names[i], "new");
	}
	place_record(p, "link");
	assert_int_equal(unlink(link), 0);
	place_let_go(p);
	place_undo("odd");
	autofree char *after = tree_picture(p->tree);
	assert_string_equal(after, before);
}

static void a_journal_whose_end_was_cut_is_read_up_to_there(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "file");
	autofree char *journal = path_join(p->dir, "state/transactions/cut.armed/journal");

	place_write(p, "file", "old");
	place_begin(p, "cut");
	place_record(p, "file");
	place_replace(p, "file", "new");
	place_let_go(p);
	int fd = open(journal, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fd_write_all(fd, "0123456789abcdef none /et", 25), 0);
	close(fd);
	/* One who goes on cuts it off; what is recorded then is whole. */
	place_begin(p, "cut");
	place_record(p, "other");
	place_write(p, "other", "made");
	place_let_go(p);
	place_undo("cut");
	assert_true(scratch_holds(path, "old"));
	autofree char *names = scratch_list(p->tree);
	assert_string_equal(names, "file");
}

static void a_damaged_journal_is_told_and_the_rest_is_undone(void **state)
{
	struct place *p = *state;
	autofree char *last = place_path(p, "last");
	autofree char *journal = path_join(p->dir, "state/transactions/bad.armed/journal");
	struct err err = {0};

	place_write(p, "first", "old");
	place_write(p, "last", "old");
	place_begin(p, "bad");
	place_record(p, "first");
	place_record(p, "last");
	place_replace(p, "last", "new");
	place_let_go(p);
	int fd = open(journal, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "ffff", 4, 0), 4);
	close(fd);
	assert_int_equal(transaction_undo("bad", false, NULL, &err), -1);
	assert_non_null(strstr(err.text, "journal is damaged"));
	assert_true(scratch_holds(last, "old"));
}

static void after_a_boot_only_promised_ones_of_other_boots_go(void **state)
{
	struct place *p = *state;
	autofree char *path = place_path(p, "file");
	autofree char *head = path_join(p->dir, "state/transactions/boot.armed/head");
	const char *other_boot = "created 5 x\ntimeout 60\nboot another\ntitle t\n";

	place_write(p, "file", "old");
	place_begin(p, "boot");
	place_record(p, "file");
	place_replace(p, "file", "new");
	place_let_go(p);
	assert_int_equal(transaction_revert_all(NULL), 0);
	assert_true(scratch_holds(path, "new"));
	assert_int_equal(file_replace(head, other_boot, strlen(other_boot), 0600, NULL), 0);
	assert_int_equal(transaction_revert_all(NULL), 0);
	assert_true(scratch_holds(path, "old"));
}

int main(void)
{
#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		PLACE_TEST(any_kind_becomes_any_other_and_is_put_back),
		PLACE_TEST(nothing_is_left_by_a_transaction_without_a_record),
		PLACE_TEST(confirmed_stays_new_until_it_is_undone),
		PLACE_TEST(a_late_confirm_is_refused_and_says_why),
		PLACE_TEST(the_next_transaction_ends_the_way_back_of_the_one_before),
		PLACE_TEST(an_engine_that_is_back_goes_on),
		PLACE_TEST(what_an_earlier_run_left_goes_back_before_the_next),
		PLACE_TEST(two_names_of_one_node_do_not_disturb_each_other),
		PLACE_TEST(an_id_is_used_once),
		PLACE_TEST(what_is_taken_back_is_not_recorded_in_any_longer),
		PLACE_TEST(attributes_alone_leave_content_to_its_writer),
		PLACE_TEST(attributes_first_and_content_later),
		PLACE_TEST(a_path_through_a_link_is_recorded_where_it_leads),
		PLACE_TEST(hard_links_are_the_same_file_again),
		PLACE_TEST(odd_names_survive_the_journal),
		PLACE_TEST(a_journal_whose_end_was_cut_is_read_up_to_there),
		PLACE_TEST(a_damaged_journal_is_told_and_the_rest_is_undone),
		PLACE_TEST(after_a_boot_only_promised_ones_of_other_boots_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
