/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"
#include "history/journal.h"

static const char *journal_dir(void)
{
	return fixture_path("journal");
}

static void begin(struct journal_run *run, const char *name)
{
	struct err err;

	if (journal_begin(run, journal_dir(), name, "deploy-models -i inventory", &err) < 0)
		fail_msg("%s", err.text);
}

static void end(struct journal_run *run, int exit_code)
{
	struct err err;

	if (journal_end(run, journal_dir(), exit_code, &err) < 0)
		fail_msg("%s", err.text);
	journal_run_release(run);
}

static void test_an_entry_comes_back_as_it_was_written(void **state)
{
	AUTO(journal_run_release) struct journal_run run = {0};
	AUTO(journal_run_release) struct journal_run back = {0};
	struct err err;

	(void)state;
	begin(&run, "deploy");
	run.check = false;
	strlist_add(&run.versions, "face_recognition 2026-02-02");
	struct journal_host *host = journal_add_host(
		&run, "den \"x\"\n", JOURNAL_FAILED, "no space left: \xc3\xa4");
	host->bytes = 1234567890123;
	host->seconds = 1.5;
	journal_add_host(&run, "porch", JOURNAL_OK, NULL);
	assert_int_equal(journal_end(&run, journal_dir(), 2, &err), 0);

	assert_int_equal(journal_read(journal_dir(), run.id, &back, &err), 0);

	assert_string_equal(back.id, run.id);
	assert_int_equal(back.start, run.start);
	assert_int_equal(back.end, run.end);
	assert_int_equal(back.exit_code, 2);
	assert_string_equal(back.command, "deploy-models -i inventory");
	assert_string_equal(back.user, run.user);
	assert_string_equal(back.admin, run.admin);
	assert_int_equal(back.versions.count, 1);
	assert_string_equal(back.versions.items[0], "face_recognition 2026-02-02");
	assert_int_equal(back.host_count, 2);
	assert_string_equal(back.hosts[0].name, "den \"x\"\n");
	assert_string_equal(back.hosts[0].error, "no space left: \xc3\xa4");
	assert_int_equal(back.hosts[0].outcome, JOURNAL_FAILED);
	assert_int_equal(back.hosts[0].bytes, 1234567890123);
	assert_true(back.hosts[0].seconds > 1.49 && back.hosts[0].seconds < 1.51);
	assert_null(back.hosts[1].error);
}

static void test_an_entry_is_one_json_mapping(void **state)
{
	struct journal_run run = {0};

	(void)state;
	begin(&run, "deploy");
	journal_add_host(&run, "den", JOURNAL_ROLLED_BACK, "\x01 and \\");
	autofree char *id = xstrdup(run.id);
	end(&run, 3);

	const char *text = fixture_shell(
		"python3 -c 'import json, sys\n"
		"e = json.load(open(sys.argv[1]))\n"
		"print(e[\"format\"], e[\"exit_code\"], e[\"end\"][-1], "
		"e[\"hosts\"][0][\"outcome\"], repr(e[\"hosts\"][0][\"error\"]))' "
		"journal/%s.json",
		id);

	assert_string_equal(text, "1 3 Z rolled_back '\\x01 and \\\\'\n");
}

static void test_every_outcome_has_a_word_of_its_own(void **state)
{
	AUTO(strlist_release) struct strlist words = {0};

	(void)state;
	for (int o = JOURNAL_OK; o <= JOURNAL_SKIPPED; o++) {
		const char *word = journal_outcome_name((enum journal_outcome)o);
		assert_false(strlist_has(&words, word));
		strlist_add(&words, word);
	}
}

static void test_the_files_are_for_their_owner_only(void **state)
{
	struct journal_run run = {0};
	struct stat st;

	(void)state;
	begin(&run, "deploy");
	autofree char *path = xasprintf("%s/%s.json", journal_dir(), run.id);
	end(&run, 0);

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(journal_dir(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_failed_hosts_are_those_to_try_again(void **state)
{
	AUTO(journal_run_release) struct journal_run run = {0};
	AUTO(strlist_release) struct strlist hosts = {0};

	(void)state;
	journal_add_host(&run, "ok", JOURNAL_OK, NULL);
	journal_add_host(&run, "changed", JOURNAL_CHANGED, NULL);
	journal_add_host(&run, "failed", JOURNAL_FAILED, "x");
	journal_add_host(&run, "drifted", JOURNAL_DRIFTED, NULL);
	journal_add_host(&run, "unreachable", JOURNAL_UNREACHABLE, "x");
	journal_add_host(&run, "rolled_back", JOURNAL_ROLLED_BACK, "x");
	journal_add_host(&run, "skipped", JOURNAL_SKIPPED, NULL);

	journal_failed_hosts(&run, &hosts);

	static const char *const expected[] = {
		"failed", "drifted", "unreachable", "rolled_back", "skipped"};
	assert_int_equal(hosts.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < hosts.count; i++)
		assert_string_equal(hosts.items[i], expected[i]);
}

static void test_the_last_run_is_no_check_and_of_the_command(void **state)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(diags_release) struct diags d = {0};
	struct journal_run run = {0};
	struct err err;

	(void)state;
	begin(&run, "deploy");
	autofree char *wanted = xstrdup(run.id);
	end(&run, 2);
	run.check = true;
	begin(&run, "deploy");
	end(&run, 0);
	begin(&run, "rollback");
	end(&run, 0);
	/* Runs of one second are ordered by chance: make the wanted one the oldest. */
	fixture_shell("cd journal && mv %s.json 20200101T000000Z-deploy-000000.json", wanted);

	assert_int_equal(journal_last(journal_dir(), "deploy", &last, &d, &err), 0);

	assert_string_equal(last.id, "20200101T000000Z-deploy-000000");
	assert_int_equal(last.exit_code, 2);
	assert_int_equal(d.count, 0);
}

static void test_a_command_name_is_compared_whole(void **state)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(diags_release) struct diags d = {0};
	struct journal_run run = {0};
	struct err err;

	(void)state;
	begin(&run, "deploy-coral");
	end(&run, 0);

	assert_int_equal(journal_last(journal_dir(), "deploy", &last, &d, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(journal_last(journal_dir(), "deploy-coral", &last, &d, &err), 0);
}

static void test_a_journal_that_is_not_there_has_no_runs(void **state)
{
	AUTO(strlist_release) struct strlist ids = {0};
	AUTO(diags_release) struct diags d = {0};
	struct journal_run last;
	struct err err;

	(void)state;
	assert_int_equal(journal_list(journal_dir(), &ids, &err), 0);
	assert_int_equal(ids.count, 0);
	assert_int_equal(journal_last(journal_dir(), NULL, &last, &d, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void test_a_damaged_entry_is_a_warning(void **state)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(diags_release) struct diags d = {0};
	struct journal_run run = {0};
	struct err err;

	(void)state;
	begin(&run, "deploy");
	autofree char *id = xstrdup(run.id);
	end(&run, 0);
	fixture_write("journal/99990101T000000Z-deploy-000000.json", "{\"id\": \"half an en");
	fixture_write("journal/99990102T000000Z-deploy-000000.json", "[]");
	fixture_write("journal/99990103T000000Z-deploy-000000.json",
		"{\"id\":\"x\",\"start\":\"2026-01-01T00:00:00Z\",\"hosts\":[{\"name\":\"a\","
		"\"outcome\":\"odd\"}]}");

	assert_int_equal(journal_last(journal_dir(), "deploy", &last, &d, &err), 0);

	assert_string_equal(last.id, id);
	assert_int_equal(d.count, 3);
	assert_non_null(strstr(d.items[0].text, "outcome \"odd\""));
}

static void test_names_that_are_no_runs_are_passed_over(void **state)
{
	AUTO(strlist_release) struct strlist ids = {0};
	struct journal_run run = {0};
	struct err err;

	(void)state;
	begin(&run, "deploy");
	end(&run, 0);
	fixture_write("journal/.hidden.json", "{}");
	fixture_write("journal/notes.txt", "");
	fixture_write("journal/a b.json", "{}");

	assert_int_equal(journal_list(journal_dir(), &ids, &err), 0);

	assert_int_equal(ids.count, 1);
	assert_int_equal(journal_read(journal_dir(), "../journal/x", &run, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void test_the_journal_is_bounded_in_runs(void **state)
{
	AUTO(strlist_release) struct strlist ids = {0};
	struct journal_run run = {0};
	struct err err;

	(void)state;
	fixture_shell(
		"mkdir journal; cd journal; i=0; while [ $i -lt %d ]; do "
		"echo '{}' > 20200101T000000Z-deploy-$(printf %%06d $i).json; i=$((i+1)); done",
		JOURNAL_RUNS_MAX + 20);

	begin(&run, "deploy");

	assert_int_equal(journal_list(journal_dir(), &ids, &err), 0);
	assert_int_equal(ids.count, JOURNAL_RUNS_MAX);
	assert_string_equal(ids.items[ids.count - 1], run.id);
	assert_string_equal(ids.items[0], "20200101T000000Z-deploy-000021");
	journal_run_release(&run);
}

static void test_the_journal_is_bounded_in_bytes(void **state)
{
	AUTO(strlist_release) struct strlist ids = {0};
	struct journal_run run = {0};
	struct err err;

	(void)state;
	fixture_shell("mkdir journal; cd journal; for i in 1 2 3; do "
		      "truncate -s %u 2020010${i}T000000Z-deploy-000000.json; done",
		JOURNAL_BYTES_MAX / 2);

	begin(&run, "deploy");

	assert_int_equal(journal_list(journal_dir(), &ids, &err), 0);
	assert_int_equal(ids.count, 2);
	assert_string_equal(ids.items[0], "20200103T000000Z-deploy-000000");
	journal_run_release(&run);
}

static void test_a_clock_that_was_wrong_never_removes_the_new_run(void **state)
{
	struct journal_run run = {0};
	struct err err;
	struct journal_run back;

	(void)state;
	fixture_shell(
		"mkdir journal; cd journal; i=0; while [ $i -lt %d ]; do "
		"echo '{}' > 99990101T000000Z-deploy-$(printf %%06d $i).json; i=$((i+1)); done",
		JOURNAL_RUNS_MAX + 5);

	begin(&run, "deploy");

	assert_int_equal(journal_read(journal_dir(), run.id, &back, &err), 0);
	journal_run_release(&back);
	journal_run_release(&run);
}

/* A child that writes its entry again and again until it is killed. */
static void write_for_ever(int ready)
{
	struct journal_run run = {0};
	struct err err;

	if (journal_begin(&run, journal_dir(), "deploy", "x", &err) < 0)
		_exit(1);
	for (int i = 0; i < 200; i++) {
		autofree char *name = xasprintf("host-%d", i);
		journal_add_host(
			&run, name, JOURNAL_SKIPPED, "text that makes the file longer");
	}
	for (;;) {
		if (journal_write(&run, journal_dir(), &err) < 0)
			_exit(1);
		if (write(ready, "x", 1) < 0)
			_exit(1);
	}
}

static void test_a_killed_run_leaves_an_entry_without_an_end(void **state)
{
	AUTO(journal_run_release) struct journal_run last = {0};
	AUTO(diags_release) struct diags d = {0};
	AUTO(strlist_release) struct strlist failed = {0};
	int ready[2];
	char byte;
	struct err err;

	(void)state;
	for (int round = 0; round < 5; round++) {
		assert_int_equal(pipe(ready), 0);
		pid_t pid = fork();
		if (pid == 0)
			write_for_ever(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		wait_until(deadline_in(0.003 * round), NULL, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(ready[0]);
		close(ready[1]);

		assert_int_equal(journal_last(journal_dir(), "deploy", &last, &d, &err), 0);
		assert_int_equal(last.end, 0);
		journal_failed_hosts(&last, &failed);
		assert_int_equal(failed.count, 200);
		strlist_release(&failed);
		journal_run_release(&last);
	}
	assert_int_equal(d.count, 0);
}

static void test_many_processes_write_at_once(void **state)
{
	AUTO(strlist_release) struct strlist ids = {0};
	struct err err;

	(void)state;
	for (int i = 0; i < 16; i++) {
		if (fork() != 0)
			continue;
		struct journal_run run = {0};
		int result = journal_begin(&run, journal_dir(), "deploy", "x", &err);
		if (result == 0)
			result = journal_end(&run, journal_dir(), 0, &err);
		_exit(result == 0 ? 0 : 1);
	}
	for (int i = 0; i < 16; i++) {
		int status;
		wait(&status);
		assert_int_equal(status, 0);
	}

	assert_int_equal(journal_list(journal_dir(), &ids, &err), 0);

	assert_int_equal(ids.count, 16);
	for (size_t i = 0; i < ids.count; i++) {
		struct journal_run run = {0};
		assert_int_equal(journal_read(journal_dir(), ids.items[i], &run, &err), 0);
		assert_int_not_equal(run.end, 0);
		journal_run_release(&run);
	}
}

static void check_command_line(const char *expected, int argc, ...)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	char *argv[16];
	va_list ap;

	va_start(ap, argc);
	for (int i = 0; i < argc; i++)
		argv[i] = va_arg(ap, char *);
	va_end(ap);

	journal_command_line(argc, argv, &out);

	assert_string_equal(out.data, expected);
}

static void test_a_command_line_keeps_no_secret(void **state)
{
	(void)state;
	check_command_line("deploy-models -i inventory --limit 'a b'", 5, "deploy-models", "-i",
		"inventory", "--limit", "a b");
	check_command_line("d -e 'token=***'", 3, "d", "-e", "token=hunter2");
	check_command_line("d -e 'a=***'", 3, "d", "-e", "a=1 password=hunter2");
	check_command_line("d '-ea=***'", 2, "d", "-ea=hunter2");
	check_command_line("d -ve 'a=***'", 3, "d", "-ve", "a=hunter2");
	check_command_line("d '-vCea=***'", 2, "d", "-vCea=hunter2");
	check_command_line("d -e '***'", 3, "d", "-e", "{\"a\": \"hunter2\"}");
	check_command_line("d -e @vars.yaml", 3, "d", "-e", "@vars.yaml");
	check_command_line(
		"d --extra-vars 'a=***' x", 4, "d", "--extra-vars", "a=hunter2", "x");
	check_command_line("d '--extra-vars=a=***'", 2, "d", "--extra-vars=a=hunter2");
	check_command_line(
		"d --become-password=*** x", 3, "d", "--become-password=hunter2", "x");
	check_command_line(
		"d --become-password *** x", 4, "d", "--become-password", "hunter2", "x");
	check_command_line("d --vault-password-file p", 3, "d", "--vault-password-file", "p");
	check_command_line("d --ask-pass -v", 3, "d", "--ask-pass", "-v");
	check_command_line("d -e", 2, "d", "-e");
}

static void test_sites_have_journals_of_their_own(void **state)
{
	(void)state;
	fixture_write("one/inventory/hosts.yaml", "");
	fixture_write("two/inventory/hosts.yaml", "");
	autofree char *one = journal_site_dir(fixture_path("one/inventory"));
	autofree char *same = journal_site_dir(fixture_path("two/../one/inventory"));
	autofree char *two = journal_site_dir(fixture_path("two/inventory"));

	assert_string_equal(one, same);
	assert_string_not_equal(one, two);
	assert_true(str_starts(one, fixture_path("state/modelfleet/journal/inventory-")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_an_entry_comes_back_as_it_was_written),
		T(test_an_entry_is_one_json_mapping),
		T(test_every_outcome_has_a_word_of_its_own),
		T(test_the_files_are_for_their_owner_only),
		T(test_failed_hosts_are_those_to_try_again),
		T(test_the_last_run_is_no_check_and_of_the_command),
		T(test_a_command_name_is_compared_whole),
		T(test_a_journal_that_is_not_there_has_no_runs),
		T(test_a_damaged_entry_is_a_warning),
		T(test_names_that_are_no_runs_are_passed_over),
		T(test_the_journal_is_bounded_in_runs),
		T(test_the_journal_is_bounded_in_bytes),
		T(test_a_clock_that_was_wrong_never_removes_the_new_run),
		T(test_a_killed_run_leaves_an_entry_without_an_end),
		T(test_many_processes_write_at_once),
		T(test_a_command_line_keeps_no_secret),
		T(test_sites_have_journals_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
