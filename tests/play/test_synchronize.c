/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synchronize: what is asked for and what is refused. That files end up as rsync leaves them is
 * compared with rsync itself (synchronize.py).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "play/modules/synchronize.h"
#include "play/run_fixture.h"
#include "value/json.h"

#define TASK "- hosts: all\n  gather_facts: false\n  tasks:\n    - synchronize: "

/* A playbook with one task: what is seen of its run. */
static void expect_seen(struct run_fixture *f, const char *arguments, const char *expected)
{
	const char *seen = run_fixture_play(f, arena_printf(&f->arena, TASK "%s\n", arguments));

	if (!strstr(seen, expected))
		fail_msg("expected: %s\nfound: %s", expected, seen);
}

/* Whether filters leave a path out. */
static void expect_excluded(const char *pattern, bool include_first, const char *path,
	bool directory, bool expected)
{
	struct synchronize_filter filters[] = {
		{.include = true, .pattern = "kept.log"}, {.pattern = pattern}};
	struct synchronize_rules r = {0};

	r.filters.items = filters + !include_first;
	r.filters.count = include_first ? 2 : 1;
	if (synchronize_excludes(&r, path, directory) != expected)
		fail_msg("%s: %s", pattern, path);
}

static void patterns_leave_out_what_rsync_leaves_out(void **state)
{
	(void)state;
	expect_excluded("*.log", false, "a.log", false, true);
	expect_excluded("*.log", false, "a/b.log", false, true);
	expect_excluded("*.log", false, "a.txt", false, false);
	expect_excluded("/a", false, "a", false, true);
	expect_excluded("/a", false, "b/a", false, false);
	expect_excluded("**/b/c", false, "a/b/c", false, true);
	expect_excluded("cache/", false, "cache", true, true);
	expect_excluded("cache/", false, "cache", false, false);
	expect_excluded("cache/", false, "cache/deep/file", false, true);
	expect_excluded("*.log", true, "kept.log", false, false);
	expect_excluded("*.log", true, "other.log", false, true);
}

static void options_that_are_not_ours_are_refused(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "files/a", "a\n");
	f->show = "msg";
	expect_seen(f, "{src: a, dest: /nonexistent/x, rsync_opts: [\"--fuzzy\"]}",
		"rsync_opts: \\\"--fuzzy\\\" is not supported");
	expect_seen(f, "{src: a, dest: /nonexistent/x, rsync_opts: [\"--exclude\"]}",
		"--exclude without a pattern");
	expect_seen(f, "{src: nowhere, dest: /x}", "could not find nowhere");
	expect_seen(
		f, "{src: a, dest: /nonexistent/x/y}", "there is no directory /nonexistent/x");
}

static void a_tree_is_brought_and_then_is_there(void **state)
{
	struct run_fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *to = run_fixture_path(f, "to");
	const char *call = arena_printf(&f->arena,
		"{src: tree/, dest: %s, delete: true, owner: false, group: false}", to);

	run_fixture_write(f, "files/tree/a", "one\n");
	run_fixture_write(f, "files/tree/sub/b", "two\n");
	f->show = "stdout_lines";
	expect_seen(f, call, "changed [\"created directory ");
	run_fixture_expect(f, "\"cd+++++++++ ./\", \">f+++++++++ a\", \"cd+++++++++ sub/\", "
			      "\">f+++++++++ sub/b\"]");
	expect_seen(f, call, "ok []");
	run_fixture_write(f, "to/extra/c", "three\n");
	run_fixture_write(f, "to/sub/b", "longer than before\n");
	expect_seen(f, call, "\"*deleting   extra/c\", \"*deleting   extra/\"]");
	assert_int_equal(file_read(run_fixture_path(f, "to/sub/b"), 100, &text, NULL), 0);
	assert_string_equal(text.data, "two\n");
	assert_false(path_exists(run_fixture_path(f, "to/extra")));
	expect_seen(f, call, "ok []");
}

/* Two megabytes of text that no compression makes small. */
static char *large_text(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	uint64_t n = 88172645463325252u;

	while (text.len < 2000000) {
		n ^= n << 13;
		n ^= n >> 7;
		n ^= n << 17;
		strbuf_addf(&text, "%016llx", (unsigned long long)n);
	}
	return strbuf_detach(&text, NULL);
}

static void a_changed_byte_costs_little(void **state)
{
	struct run_fixture *f = *state;
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	autofree char *text = large_text();
	const char *to = run_fixture_path(f, "to");
	const char *call =
		arena_printf(&f->arena, "{src: tree/, dest: %s, checksum: true}", to);

	f->show = "msg";
	run_fixture_write(f, "files/tree/large", text);
	expect_seen(f, call, ">f+++++++++ large");
	assert_true(run_fixture_host(f, "h1")->link.bytes_out > 1000000);
	text[1234567] = '!';
	run_fixture_write(f, "files/tree/large", text);
	expect_seen(f, call, ">fc.");
	assert_true(run_fixture_host(f, "h1")->link.bytes_out < 100000);
	assert_int_equal(file_read(run_fixture_path(f, "to/large"), 3000000, &found, NULL), 0);
	assert_string_equal(found.data, text);
}

static void holes_stay_holes(void **state)
{
	struct run_fixture *f = *state;
	struct stat st;

	run_fixture_write(f, "files/tree/sparse", "begin");
	assert_int_equal(truncate(run_fixture_path(f, "files/tree/sparse"), 8 << 20), 0);
	f->show = "msg";
	expect_seen(f,
		arena_printf(&f->arena, "{src: tree/, dest: %s}", run_fixture_path(f, "to")),
		">f+++++++++ sparse");
	assert_int_equal(stat(run_fixture_path(f, "to/sparse"), &st), 0);
	assert_int_equal(st.st_size, 8 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
}

static void what_is_as_before_gets_a_second_name(void **state)
{
	struct run_fixture *f = *state;
	const char *old = run_fixture_path(f, "old"), *new = run_fixture_path(f, "new");
	struct stat before, after;

	run_fixture_write(f, "files/tree/same", "same\n");
	run_fixture_write(f, "files/tree/sub/other", "one\n");
	f->show = "msg";
	expect_seen(
		f, arena_printf(&f->arena, "{src: tree/, dest: %s}", old), ">f+++++++++ same");
	run_fixture_write(f, "files/tree/sub/other", "another\n");
	expect_seen(f,
		arena_printf(&f->arena, "{src: tree/, dest: %s, link_dest: [%s]}", new, old),
		"hf          same\\ncd+++++++++ sub/\\n>f+++++++++ sub/other");
	assert_int_equal(stat(run_fixture_path(f, "old/same"), &before), 0);
	assert_int_equal(stat(run_fixture_path(f, "new/same"), &after), 0);
	assert_true(before.st_ino == after.st_ino);
	expect_seen(f,
		arena_printf(&f->arena, "{src: tree/, dest: %s, link_dest: [%s]}", new, old),
		"ok \"\"");
	expect_seen(f, "{src: tree/, dest: /nonexistent, link_dest: [old]}",
		"old is no absolute path");
}

static void what_is_left_out_stays(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "files/tree/a", "one\n");
	run_fixture_write(f, "to/logs/x.log", "log\n");
	run_fixture_write(f, "to/gone/y", "y\n");
	f->show = "msg";
	expect_seen(f,
		arena_printf(&f->arena,
			"{src: tree/, dest: %s, delete: true, rsync_opts: "
			"[\"--exclude=*.log\"]}",
			run_fixture_path(f, "to")),
		"*deleting   gone/");
	assert_true(path_exists(run_fixture_path(f, "to/logs/x.log")));
	assert_false(path_exists(run_fixture_path(f, "to/gone")));
	assert_true(path_exists(run_fixture_path(f, "to/a")));
}

/* What options of rsync make of the rules; the error's text where one is expected. */
static void expect_options(
	const char *json, const struct synchronize_rules *expected, const char *error)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(synchronize_rules_release) struct synchronize_rules r = {0};
	struct value *args = value_new_dict(&arena);
	struct module_call c = {.arena = &arena, .args = args};
	struct err err = {0};

	value_dict_set(&arena, args, "rsync_opts",
		json_read(&arena, json, strlen(json), NULL, NULL, NULL, &err));
	int result = synchronize_options_read(&c, &r, &err);
	if (error) {
		assert_int_equal(result, -1);
		if (!strstr(err.text, error))
			fail_msg("%s: %s", json, err.text);
		return;
	}
	if (result < 0)
		fail_msg("%s: %s", json, err.text);
	assert_int_equal(r.recursive, expected->recursive);
	assert_int_equal(r.links, expected->links);
	assert_int_equal(r.checksum, expected->checksum);
	assert_int_equal(r.prune_empty, expected->prune_empty);
	assert_int_equal(r.max_size, expected->max_size);
	assert_int_equal(r.min_size, expected->min_size);
}

static void options_have_long_names_and_letters(void **state)
{
	(void)state;
	expect_options("[\"-avz\", \"--no-links\"]",
		&(struct synchronize_rules){.recursive = true}, NULL);
	expect_options("[\"--archive\", \"-cm\"]",
		&(struct synchronize_rules){.recursive = true,
			.links = true,
			.checksum = true,
			.prune_empty = true},
		NULL);
	expect_options("[\"--max-size=1.5k\", \"--min-size\", \"2KB\"]",
		&(struct synchronize_rules){.max_size = 1536, .min_size = 2000}, NULL);
	expect_options("[\"--bwlimit=10\", \"--timeout=3\", \"-vP\"]",
		&(struct synchronize_rules){0}, NULL);
}

static void options_that_are_wrong_are_named(void **state)
{
	(void)state;
	expect_options("[\"-avx\"]", NULL, "\"-avx\" is not supported");
	expect_options("[\"-\"]", NULL, "\"-\" is not supported");
	expect_options("[\"\"]", NULL, "\"\" is not supported");
	expect_options("[\"--backup\"]", NULL, "\"--backup\" is not supported");
	expect_options("[\"-aH\"]", NULL,
		"\"-aH\" is not supported: each name would be a file; make them by \"file: "
		"state=hard\"");
	expect_options("[\"--backup-dir=/x\"]", NULL, "a play with \"transaction: true\"");
	expect_options("[\"-F\"]", NULL, "name a file by --exclude-from");
	expect_options("[\"--link-dest=/x\"]", NULL, "it is the argument link_dest");
	expect_options("[\"--exlude=x\"]", NULL, "did you mean \"--exclude\"?");
	expect_options("[\"--recursve\"]", NULL, "did you mean \"--recursive\"?");
	expect_options("[\"--nothing-like-it\"]", NULL, "the transfer is not done by rsync");
	expect_options("[\"--max-size=big\"]", NULL, "--max-size: \"big\" is no size");
	expect_options("[\"--max-size=1kbx\"]", NULL, "is no size");
	expect_options("[\"--max-size\"]", NULL, "--max-size without a value");
	expect_options("[\"--chmod=u=z\"]", NULL, "is no mode");
	expect_options("[\"--chmod=F99\"]", NULL, "is no mode");
	expect_options("[\"--chown=:\"]", NULL, "names no owner");
	expect_options("[\"--filter=merge x\"]", NULL, "only rules that begin with");
	expect_options("[\"--exclude=a\\\\*\"]", NULL, "escapes");
}

static void expect_mode(const char *text, mode_t from, mode_t expected)
{
	mode_t mode = from;
	struct err err = {0};

	if (synchronize_chmod(text, &mode, &err) < 0 || mode != expected)
		fail_msg("%s: %o -> %o; %s", text, from, mode, err.text);
}

static void modes_are_changed_as_rsync_changes_them(void **state)
{
	(void)state;
	expect_mode("D755,F644", S_IFREG | 0600, S_IFREG | 0644);
	expect_mode("D755,F644", S_IFDIR | 0600, S_IFDIR | 0755);
	expect_mode("u=rwX,go=rX", S_IFREG | 0640, S_IFREG | 0644);
	expect_mode("u=rwX,go=rX", S_IFREG | 0700, S_IFREG | 0755);
	expect_mode("u=rwX,go=rX", S_IFDIR | 0700, S_IFDIR | 0755);
	expect_mode("Fgo-w", S_IFREG | 0666, S_IFREG | 0644);
	expect_mode("ug+s,+t", S_IFDIR | 0755, S_IFDIR | 07755);
	expect_mode("a-x", S_IFREG | 0755, S_IFREG | 0644);
}

/* A node's answer as JSON: whether a list is made of it, and how many are in it. */
static void expect_answer(const char *json, bool follow, int expected)
{
	AUTO(arena_release) struct arena arena = {0};
	struct module_call c = {.arena = &arena};
	struct synchronize_rules r = {.recursive = true, .links = true, .copy_links = follow};
	struct synchronize_list l = {0};
	struct err err = {0};
	const struct value *answer =
		json_read(&arena, json, strlen(json), NULL, NULL, NULL, &err);

	assert_non_null(answer);
	int result = synchronize_list_answer(&c, &r, answer, "/s", "", &l, &err);
	if ((result < 0 ? -1 : (int)l.count) != expected)
		fail_msg("%s: %d, %zu: %s", json, result, l.count, err.text);
	synchronize_list_release(&l);
}

#define ANSWER(entries) "{\"kind\": \"directory\", \"entries\": [" entries "]}"
#define ENTRY(kind, path)                                                                      \
	"{\"kind\": \"" kind "\", \"path\": \"" path "\", \"target\": \"/etc\"}"

static void a_list_that_leads_elsewhere_is_refused(void **state)
{
	(void)state;
	expect_answer(ANSWER(ENTRY("file", "a")), false, 2);
	expect_answer(ANSWER(ENTRY("directory", "a") "," ENTRY("file", "a/b")), false, 3);
	expect_answer(ANSWER(ENTRY("link", "a") "," ENTRY("file", "a/b")), false, -1);
	expect_answer(ANSWER(ENTRY("file", "a/b")), false, -1);
	expect_answer(ANSWER(ENTRY("file", "../a")), false, -1);
	expect_answer(ANSWER(ENTRY("file", "/a")), false, -1);
	expect_answer(ANSWER(ENTRY("link", "a") "," ENTRY("directory", "a")), false, -1);
	expect_answer(ANSWER("{\"kind\": \"file\"}"), false, -1);
	expect_answer(ANSWER("{\"kind\": \"link\", \"path\": \"a\"}"), false, -1);
	expect_answer(ANSWER(ENTRY("link", "a")), true, -1);
	expect_answer(ANSWER(ENTRY("whatever", "a")), false, 1);
}

static void check_mode_changes_nothing(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "files/tree/a", "one\n");
	f->options.check = true;
	f->show = "changed";
	expect_seen(f,
		arena_printf(&f->arena, "{src: tree, dest: %s}", run_fixture_path(f, "to")),
		"changed true");
	f->options.check = false;
	assert_false(path_exists(run_fixture_path(f, "to")));
}

static void a_directory_gives_way_only_where_that_is_asked_for(void **state)
{
	struct run_fixture *f = *state;
	const char *to = run_fixture_path(f, "to");

	run_fixture_write(f, "files/tree/a", "one\n");
	run_fixture_write(f, "to/a/inner", "x\n");
	f->show = "msg";
	expect_seen(f, arena_printf(&f->arena, "{src: tree/, dest: %s}", to),
		"a is a directory on the host");
	assert_true(path_exists(run_fixture_path(f, "to/a/inner")));
	f->show = "changed";
	expect_seen(f, arena_printf(&f->arena, "{src: tree/, dest: %s, delete: true}", to),
		"changed true");
	assert_false(path_is_dir(run_fixture_path(f, "to/a")));
}

int main(void)
{
#define RUN(test) cmocka_unit_test_setup_teardown(test, run_fixture_make, run_fixture_drop)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_leave_out_what_rsync_leaves_out),
		cmocka_unit_test(options_have_long_names_and_letters),
		cmocka_unit_test(options_that_are_wrong_are_named),
		cmocka_unit_test(modes_are_changed_as_rsync_changes_them),
		cmocka_unit_test(a_list_that_leads_elsewhere_is_refused),
		RUN(options_that_are_not_ours_are_refused),
		RUN(a_tree_is_brought_and_then_is_there),
		RUN(a_changed_byte_costs_little),
		RUN(holes_stay_holes),
		RUN(what_is_as_before_gets_a_second_name),
		RUN(what_is_left_out_stays),
		RUN(check_mode_changes_nothing),
		RUN(a_directory_gives_way_only_where_that_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
