/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays with a transaction: confirmed where all is well, taken back where it is not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "play/run_fixture.h"

#define PLAY  "- hosts: all\n  gather_facts: false\n  transaction: {confirm_timeout: 0}\n"
#define WRITE "    - copy: {content: new, dest: '{{ DIR }}/config'}\n"

static void expect_config(struct run_fixture *f, const char *content)
{
	assert_true(scratch_holds(run_fixture_path(f, "config"), content));
}

/* The transactions that lie on the node. */
static const char *transactions(struct run_fixture *f)
{
	const char *dir = run_fixture_path(f, "node-state/transactions");

	if (!path_is_dir(dir))
		return "";
	autofree char *names = scratch_list(dir);
	return arena_strdup(&f->arena, names);
}

static void what_went_well_is_confirmed(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE);
	expect_config(f, "new");
	assert_non_null(strstr(transactions(f), "test.0.0.confirmed"));
	assert_int_equal(run_fixture_host(f, "h1")->undo, UNDO_NONE);
}

static void nothing_changed_leaves_nothing(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "new");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE);
	assert_string_equal(transactions(f), "");
}

static void a_failed_host_is_taken_back(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f,
		PLAY "  tasks:\n" WRITE "    - copy: {content: x, dest: '{{ DIR }}/second'}\n"
		     "    - fail: {msg: broken}\n");
	expect_config(f, "old");
	assert_int_not_equal(access(run_fixture_path(f, "second"), F_OK), 0);
	run_fixture_expect(f, "h1 task 'fail': failed\nh1 undo: unchecked\n");
	assert_int_equal(run_fixture_host(f, "h1")->undo, UNDO_UNCHECKED);
	assert_string_equal(run_fixture_host(f, "h1")->err.text, "broken");
}

static void what_was_rescued_stays(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE "    - block:\n"
				 "        - fail: {msg: broken}\n"
				 "      rescue:\n"
				 "        - debug: {msg: rescued}\n");
	expect_config(f, "new");
	assert_int_equal(run_fixture_host(f, "h1")->undo, UNDO_NONE);
}

static void without_a_transaction_nothing_is_taken_back(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, "- hosts: all\n  gather_facts: false\n  tasks:\n" WRITE
			    "    - fail: {msg: broken}\n");
	expect_config(f, "new");
	assert_string_equal(transactions(f), "");
}

static void check_mode_has_none(void **state)
{
	struct run_fixture *f = *state;

	f->options.check = true;
	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE "    - fail: {msg: broken}\n");
	expect_config(f, "old");
	assert_int_equal(run_fixture_host(f, "h1")->undo, UNDO_NONE);
	assert_string_equal(transactions(f), "");
}

static void a_lost_node_is_left_to_itself(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE "    - shell: kill -KILL $PPID\n");
	run_fixture_expect(f, "h1 task 'shell': unreachable\nh1 undo: left\n");
	assert_true(run_fixture_host(f, "h1")->unreachable);
	assert_non_null(strstr(transactions(f), "test.0.0.armed"));
}

static void a_helper_that_was_lost_on_the_way_is_confirmed(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE "    - shell: kill -KILL $PPID\n"
				 "      ignore_unreachable: true\n");
	run_fixture_expect(f, "h1 task 'shell': ignored\n");
	expect_config(f, "new");
	assert_non_null(strstr(transactions(f), "test.0.0.confirmed"));
}

static void what_no_undo_takes_back_is_named(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE "    - shell: touch {{ DIR }}/touched\n"
				 "    - fail: {msg: broken}\n");
	expect_config(f, "old");
	run_fixture_expect(f, "h1 warning: not taken back: ran a line of the shell\n");
	run_fixture_expect(f, "h1 undo: unchecked\n");
}

/* Nothing was recorded, so there is nothing to take back; that is no reason to be silent. */
static void what_was_done_by_commands_alone_is_named(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_play(f, PLAY "  tasks:\n    - shell: touch {{ DIR }}/touched\n"
				 "    - command: 'true'\n    - fail: {msg: broken}\n");
	run_fixture_expect(f, "h1 warning: not taken back: ran a line of the shell\n"
			      "h1 warning: not taken back: ran true\n"
			      "h1 undo: unchecked\n");
	assert_string_equal(transactions(f), "");
}

static void an_interrupt_takes_back(void **state)
{
	struct run_fixture *f = *state;

	f->interrupt_at = "slow";
	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE "    - {name: slow, shell: sleep 0.2}\n"
				 "    - debug: {msg: never}\n");
	expect_config(f, "old");
	run_fixture_expect(f, "h1 task 'slow': changed\n"
			      "h1 warning: not taken back: ran a line of the shell\n"
			      "h1 undo: unchecked\n");
	assert_true(run_fixture_host(f, "h1")->stopped);
}

static void an_aborted_run_takes_back_those_before(void **state)
{
	static const char play[] = PLAY "  serial: 1\n"
					"  tasks:\n"
					"    - fail: {msg: broken}\n"
					"      when: inventory_hostname == 'h2'\n" WRITE;
	struct run_fixture *f = *state;

	f->inventory_text = "h1\nh2\n";
	run_fixture_write(f, "config", "old");
	run_fixture_play(f, play);
	expect_config(f, "new");
	f->options.rollback_on_abort = true;
	run_fixture_write(f, "config", "old");
	run_fixture_play(f, play);
	expect_config(f, "old");
	assert_non_null(strstr(f->lines[0].data, "h1 undo: unchecked\n"));
	assert_int_equal(run_fixture_host(f, "h1")->undo, UNDO_UNCHECKED);
	assert_int_equal(run_fixture_host(f, "h2")->undo, UNDO_NONE);
}

static void a_later_play_has_its_own(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, PLAY "  tasks:\n" WRITE PLAY "  tasks:\n"
				 "    - copy: {content: newest, dest: '{{ DIR }}/config'}\n"
				 "    - fail: {msg: broken}\n");
	expect_config(f, "new");
}

static void the_first_batch_is_watched(void **state)
{
	struct run_fixture *f = *state;
	int64_t start = clock_ns();

	run_fixture_write(f, "config", "old");
	run_fixture_play(f, "- hosts: all\n  gather_facts: false\n"
			    "  transaction: {confirm_timeout: 0, soak: 1}\n"
			    "  tasks:\n" WRITE);
	expect_config(f, "new");
	assert_true(clock_ns() - start > 1000000000);
	/* Where nothing changed, there is nothing to watch. */
	start = clock_ns();
	run_fixture_play(f, "- hosts: all\n  gather_facts: false\n"
			    "  transaction: {confirm_timeout: 0, soak: 60}\n"
			    "  tasks:\n" WRITE);
	assert_true(clock_ns() - start < INT64_C(30000000000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_went_well_is_confirmed),
		TEST(nothing_changed_leaves_nothing),
		TEST(a_failed_host_is_taken_back),
		TEST(what_was_rescued_stays),
		TEST(without_a_transaction_nothing_is_taken_back),
		TEST(check_mode_has_none),
		TEST(a_lost_node_is_left_to_itself),
		TEST(a_helper_that_was_lost_on_the_way_is_confirmed),
		TEST(what_no_undo_takes_back_is_named),
		TEST(what_was_done_by_commands_alone_is_named),
		TEST(an_interrupt_takes_back),
		TEST(an_aborted_run_takes_back_those_before),
		TEST(a_later_play_has_its_own),
		TEST(the_first_batch_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
