/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "value/corpus.h"

#include <dirent.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"

#define NO_YAML 77 /* expect.py's exit code without python3-yaml */

static void list_files(const char *kind, struct strlist *out)
{
	autofree char *dir = path_join("corpus", kind);
	autofree char *suffix = xasprintf(".%s", kind);
	DIR *d = opendir(dir);

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (str_ends(e->d_name, suffix))
			strlist_addf(out, "%s/%s", dir, e->d_name);
	closedir(d);
	strlist_sort(out);
	assert_true(out->count > 20);
}

static void read_file(const char *path, struct strbuf *out)
{
	struct err err = {0};

	if (file_read(path, 1u << 20, out, &err) < 0)
		fail_msg("%s", err.text);
}

/* True if our answer for a file is the expected one; else prints both. */
static bool check_file(const char *path, const char *expected, corpus_answer answer)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;

	read_file(path, &text);
	answer(text.data, text.len, &found);
	if (!strcmp(found.data, expected))
		return true;
	print_message("%s\n  expected %s\n  found    %s\n", path, expected, found.data);
	return false;
}

void corpus_check_frozen(const char *kind, corpus_answer answer)
{
	AUTO(strlist_release) struct strlist files = {0};
	int wrong = 0;

	list_files(kind, &files);
	for (size_t i = 0; i < files.count; i++) {
		AUTO(strbuf_release) struct strbuf expected = STRBUF_INIT;
		autofree char *name = xasprintf("%s.expected", files.items[i]);

		read_file(name, &expected);
		strbuf_rtrim(&expected);
		wrong += !check_file(files.items[i], expected.data, answer);
	}
	assert_int_equal(wrong, 0);
}

void corpus_check_live(const char *kind, corpus_answer answer)
{
	AUTO(strlist_release) struct strlist files = {0}, argv = {0}, lines = {0};
	AUTO(spawn_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	struct err err = {0};
	int wrong = 0;

	strlist_add(&argv, "/usr/bin/python3");
	strlist_add(&argv, "expect.py");
	strlist_add(&argv, kind);
	list_files(kind, &files);
	for (size_t i = 0; i < files.count; i++)
		strlist_add(&argv, files.items[i]);
	struct spawn_options options = {.argv = (const char *const *)argv.items};
	if (spawn_run(&options, &result, &err) < 0 || spawn_exit_code(result.status) == NO_YAML)
		skip();
	assert_int_equal(result.status, 0);
	strlist_split(&lines, result.out.data, "\n");
	assert_int_equal(lines.count, files.count);
	for (size_t i = 0; i < lines.count; i++)
		wrong += !check_file(files.items[i], lines.items[i], answer);
	assert_int_equal(wrong, 0);
}
