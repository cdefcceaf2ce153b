/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry and model_registry.yaml say the same: after an activation, after an edit of the
 * file by whomsoever, when a commit cannot be made, and when the process dies in between.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemons/registryd/truth.h"
#include "history/fixture.h"
#include "history/lock.h"

#define REGISTRY "site/group_vars/all/model_registry.yaml"
#define V1       "2026-02-01"
#define V2       "2026-02-02"

static struct entry_store *store;
static struct truth *truth;
static struct err err;

static void must(int result)
{
	if (result < 0)
		fail_msg("%s", err.text);
}

static void refuse(int result, enum err_code code, const char *says)
{
	assert_int_equal(result, -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("expected \"%s\" in: %s", says, err.text);
	err_clear(&err);
}

static void open_all(void)
{
	autofree char *uri = xasprintf("json:%s", fixture_path("registry.json"));

	store = entry_store_open(uri, &err);
	if (!store)
		fail_msg("%s", err.text);
	truth = truth_open(
		&(struct truth_options){.inventory = fixture_path("site"), .store = store},
		&err);
	if (!truth)
		fail_msg("%s", err.text);
}

static void close_all(void)
{
	truth_close(truth);
	entry_store_free(store);
	truth = NULL;
	store = NULL;
}

/* A site with a repository, and a store with two versions of a model; V1 is current. */
static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	fixture_write("site/hosts.yaml", "all: {hosts: {h0: {ansible_connection: local}}}\n");
	autofree char *registry = xasprintf("sentinelcam_model_registry: %s\n"
					    "sentinelcam_models:\n"
					    "  face: # ours\n"
					    "    current_version: \"" V1 "\"\n"
					    "    previous_version: null\n",
		fixture_path("models"));
	fixture_write(REGISTRY, registry);
	fixture_write("models/face/" V1 "/m.onnx", "one");
	fixture_write("models/face/" V2 "/m.onnx", "two");
	fixture_shell(
		"git config --global user.name Ada; git config --global user.email a@x.org; "
		"git config --global init.defaultBranch main; cd site; git init -q; "
		"git add .; git commit -qm first");
	err_clear(&err);
	open_all();
	return 0;
}

static int teardown(void **state)
{
	close_all();
	return fixture_teardown(state);
}

/* Registers a version of face; date may be NULL. */
static void add(int64_t version, const char *date)
{
	struct entry_change c = {.kind = ENTRY_REGISTER,
		.model_name = "face",
		.version = version,
		.path = "models/face",
		.date = date};

	must(entry_store_apply(store, &c, 1, &err));
	assert_int_equal(c.err.code, ERR_NONE);
	entry_change_release(&c);
}

static int activate_if(int64_t version, const char *if_match, enum err_code *refused)
{
	struct entry_change c = {.kind = ENTRY_ACTIVATE,
		.model_name = "face",
		.version = version,
		.if_match = if_match};
	int result = truth_activate(truth, &c, "anna", &err);

	*refused = c.err.code;
	entry_change_release(&c);
	return result;
}

static int activate(int64_t version)
{
	enum err_code refused;
	int result = activate_if(version, NULL, &refused);

	if (result == 0)
		assert_int_equal(refused, ERR_NONE);
	return result;
}

/* The version that the registry has in production; 0: none. */
static int64_t production(void)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(store, &err);

	assert_non_null(list);
	const struct entry *e = entry_list_production(list, "face");
	return e ? e->version : 0;
}

static size_t count_entries(void)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(store, &err);

	assert_non_null(list);
	return list->count;
}

/* What the file names as current, and how many commits there are. */
static void expect_file(const char *current, const char *commits)
{
	assert_string_equal(fixture_shell("awk '/current_version/ {print $2}' " REGISTRY
					  " | tr -d '\\n\"'"),
		current);
	assert_string_equal(
		fixture_shell("git -C site rev-list --count HEAD | tr -d '\\n'"), commits);
}

static const char *edit(const char *current)
{
	return fixture_shell(
		"sed -i 's/current_version: .*/current_version: \"%s\"/' " REGISTRY, current);
}

/* ---- from the file to the registry ---- */

static void test_what_the_file_names_is_registered(void **state)
{
	(void)state;
	assert_int_equal(truth_look(truth, &err), 2);
	assert_int_equal(production(), 1);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(store, &err);
	const struct entry *e = entry_list_find(list, "face", 1);
	assert_string_equal(e->date, V1);
	assert_string_equal(e->path, fixture_path("models/face/" V1));
	expect_file(V1, "1");
}

static void test_a_look_that_finds_nothing_new_does_nothing(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	must(truth_look(truth, &err));
	assert_int_equal(truth_look(truth, &err), 0);
	assert_int_equal(count_entries(), 1);
}

static void test_an_edit_by_hand_counts(void **state)
{
	(void)state;
	add(7, V2);
	must(truth_look(truth, &err));
	assert_int_equal(production(), 8); /* V1, which was not registered */
	edit(V2);
	must(truth_look(truth, &err));
	assert_int_equal(production(), 7);
	edit(V1);
	must(truth_look(truth, &err));
	assert_int_equal(production(), 8);
	assert_int_equal(count_entries(), 2);
}

static void test_a_previous_version_is_registered_too(void **state)
{
	(void)state;
	fixture_shell(
		"sed -i 's/previous_version: .*/previous_version: \"" V2 "\"/' " REGISTRY);
	assert_int_equal(truth_look(truth, &err), 3);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(store, &err);
	const struct entry *e = entry_list_find(list, "face", 1);
	assert_string_equal(e->date, V2);
	assert_int_equal(e->status, ENTRY_STAGING);
	assert_int_equal(production(), 2);
}

static void test_a_version_that_the_store_lacks_is_not_registered(void **state)
{
	(void)state;
	edit("2020-01-01");
	assert_int_equal(truth_look(truth, &err), 0);
	assert_int_equal(count_entries(), 0);
}

static void test_an_entry_without_a_date_stays_until_the_file_changes(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	add(5, NULL);
	must(activate(5));
	must(truth_look(truth, &err));
	assert_int_equal(production(), 5);
	expect_file(V1, "1");
	/* Also over a restart. */
	close_all();
	open_all();
	must(truth_look(truth, &err));
	assert_int_equal(production(), 5);
	edit(V2);
	must(truth_look(truth, &err));
	assert_int_equal(production(), 6);
}

static void test_a_file_that_is_broken_changes_nothing(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	edit(V2);
	fixture_shell("echo '  broken: [' >> " REGISTRY);
	refuse(truth_look(truth, &err), ERR_INPUT, "model_registry.yaml");
	refuse(truth_look(truth, &err), ERR_INPUT, "model_registry.yaml");
	assert_int_equal(production(), 1);
	refuse(activate(7), ERR_INPUT, "model_registry.yaml");
	fixture_shell("sed -i '/broken/d' " REGISTRY);
	must(truth_look(truth, &err));
	assert_int_equal(production(), 7);
}

/* ---- the way back ---- */

/* Writes the file's word, whatever it was. */
static void edit_previous(const char *previous)
{
	fixture_shell(
		"sed -i 's/previous_version: .*/previous_version: %s/' " REGISTRY, previous);
}

static void expect_previous(const char *current, const char *expected)
{
	char previous[TRUTH_DATE_SIZE];

	must(truth_previous(truth, "face", current, previous, &err));
	assert_string_equal(previous, expected);
}

static void test_the_way_back_is_what_the_file_names(void **state)
{
	(void)state;
	expect_previous(V1, ""); /* null */
	edit_previous("\"" V2 "\"");
	expect_previous(V1, V2);
	expect_previous(V2, ""); /* which is not what is current */
	must(activate(1));
	expect_previous(V1, V2);
}

static void test_the_way_back_of_what_the_file_does_not_have(void **state)
{
	char previous[TRUTH_DATE_SIZE];

	(void)state;
	must(truth_previous(truth, "other", V1, previous, &err));
	assert_string_equal(previous, "");
	fixture_shell("echo '  broken: [' >> " REGISTRY);
	refuse(truth_previous(truth, "face", V1, previous, &err), ERR_INPUT,
		"model_registry.yaml");
}

/* Who asks for the way back does not keep the registry from following an edit. */
static void test_asking_for_the_way_back_is_a_look(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	edit(V2);
	edit_previous("\"" V1 "\"");
	expect_previous(V2, V1);
	assert_int_equal(production(), 7);
}

/* ---- from the registry to the file ---- */

static void test_an_activation_is_a_commit(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	must(activate(7));
	assert_int_equal(production(), 7);
	expect_file(V2, "2");
	const char *message = fixture_shell("git -C site log -1 --format=%%B");
	assert_non_null(strstr(message, "Activate face to " V2));
	assert_non_null(strstr(message, "Version 7 of the registry, activated by anna."));
	assert_non_null(strstr(message, "From-Version: " V1));
	assert_non_null(strstr(fixture_read(REGISTRY), "face: # ours"));
	assert_non_null(strstr(fixture_read(REGISTRY), "previous_version: \"" V1 "\""));
	/* And back, and what is there already is no commit. */
	must(activate(1));
	expect_file(V1, "3");
	must(activate(1));
	expect_file(V1, "3");
	must(truth_look(truth, &err));
	assert_int_equal(production(), 1);
}

static void test_what_else_is_dirty_stays_so(void **state)
{
	(void)state;
	fixture_write("site/other", "x\n");
	fixture_shell("git -C site add other");
	add(7, V2);
	must(activate(7));
	assert_string_equal(fixture_shell("git -C site status --porcelain"), "A  other\n");
}

static void test_a_commit_that_cannot_be_made_changes_nothing(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	fixture_write("site/.git/hooks/pre-commit", "#!/bin/sh\necho not today >&2\nexit 1\n");
	fixture_shell("chmod +x site/.git/hooks/pre-commit");
	refuse(activate(7), ERR_INPUT, "not today");
	assert_int_equal(production(), 1);
	expect_file(V1, "1");
	fixture_shell("rm site/.git/hooks/pre-commit; echo '# mine' >> " REGISTRY);
	refuse(activate(7), ERR_INPUT, "changes that are not committed");
	assert_int_equal(production(), 1);
	expect_file(V1, "1");
}

static void test_a_version_or_model_that_is_not_there(void **state)
{
	enum err_code refused;

	(void)state;
	must(truth_look(truth, &err));
	add(7, "2020-01-01");
	refuse(activate(7), ERR_NOTFOUND, "2020-01-01");
	must(activate_if(99, NULL, &refused));
	assert_int_equal(refused, ERR_NOTFOUND);
	fixture_shell("sed -i 's/face:/other:/' " REGISTRY "; git -C site commit -qam other");
	add(8, V2);
	refuse(activate(8), ERR_NOTFOUND, "has no model face");
	assert_int_equal(production(), 1);
}

static void test_another_entry_by_now_is_no_commit(void **state)
{
	enum err_code refused;

	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	must(activate_if(7, "0123456789abcdef", &refused));
	assert_int_equal(refused, ERR_BUSY);
	assert_int_equal(production(), 1);
	expect_file(V1, "1");
}

static void test_a_store_that_fails_takes_the_commit_back(void **state)
{
	enum err_code refused;

	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	/* A directory where the new file would be made cannot be replaced by it. */
	fixture_write("site/.git/hooks/post-commit",
		"#!/bin/sh\ncd ../ && rm registry.json && mkdir -p registry.json/x\n"
		"rm site/.git/hooks/post-commit\n");
	fixture_shell("cp registry.json kept; chmod +x site/.git/hooks/post-commit");
	must(activate_if(7, NULL, &refused));
	assert_int_not_equal(refused, ERR_NONE);
	expect_file(V1, "3");
	fixture_shell("rm -r registry.json; mv kept registry.json");
	assert_int_equal(production(), 1);
}

/* ---- death ---- */

/* The commit's hook kills the process that commits. */
static void test_killed_behind_the_commit(void **state)
{
	int status;

	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	close_all();
	fixture_write("site/.git/hooks/post-commit", "#!/bin/sh\nkill -9 $(cat ../pid)\n");
	fixture_shell("chmod +x site/.git/hooks/post-commit");
	pid_t child = fork();
	if (child == 0) {
		autofree char *pid = xasprintf("%d", (int)getpid());
		fixture_write("pid", pid);
		open_all();
		activate(7);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	open_all();
	expect_file(V2, "2");
	assert_int_equal(production(), 1);
	must(truth_look(truth, &err));
	assert_int_equal(production(), 7);
	expect_file(V2, "2");
}

/* The same where an entry without a date was in production, which the file does not name. */
static void test_killed_behind_the_commit_of_another_kind(void **state)
{
	(void)state;
	must(truth_look(truth, &err));
	add(5, NULL);
	must(activate(5));
	add(7, V2);
	close_all();
	edit(V2); /* what is there after the commit and before the registry's change */
	open_all();
	must(truth_look(truth, &err));
	assert_int_equal(production(), 7);
}

static void test_a_lock_that_is_held_is_waited_for(void **state)
{
	int status;

	(void)state;
	must(truth_look(truth, &err));
	add(7, V2);
	int ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		struct lock lock = LOCK_INIT;
		if (lock_acquire_site(&lock, fixture_path("models"), "a deploy", 0, NULL, NULL))
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		/* Had the activation not waited, the file would say so by now. */
		deadline until = deadline_in(0.5);
		while (!deadline_passed(until))
			if (strstr(fixture_read(REGISTRY), "current_version: \"" V2 "\""))
				_exit(2);
		_exit(0);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	must(activate(7));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect_file(V2, "2");
	close(ready[0]);
	close(ready[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_the_file_names_is_registered),
		TEST(test_a_look_that_finds_nothing_new_does_nothing),
		TEST(test_an_edit_by_hand_counts),
		TEST(test_a_previous_version_is_registered_too),
		TEST(test_a_version_that_the_store_lacks_is_not_registered),
		TEST(test_an_entry_without_a_date_stays_until_the_file_changes),
		TEST(test_a_file_that_is_broken_changes_nothing),
		TEST(test_the_way_back_is_what_the_file_names),
		TEST(test_the_way_back_of_what_the_file_does_not_have),
		TEST(test_asking_for_the_way_back_is_a_look),
		TEST(test_an_activation_is_a_commit),
		TEST(test_what_else_is_dirty_stays_so),
		TEST(test_a_commit_that_cannot_be_made_changes_nothing),
		TEST(test_a_version_or_model_that_is_not_there),
		TEST(test_another_entry_by_now_is_no_commit),
		TEST(test_a_store_that_fails_takes_the_commit_back),
		TEST(test_killed_behind_the_commit),
		TEST(test_killed_behind_the_commit_of_another_kind),
		TEST(test_a_lock_that_is_held_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
