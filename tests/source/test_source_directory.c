/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of versions as a source. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "source/source.h"

static struct source *source;
static struct source_version version;
static struct source_file file;
static struct err err;

static const struct source_request plates = {.name = "plates", .local_name = "p.pt"};

/* Writes a file below the directory. */
static void put(const char *root, const char *name, const char *text)
{
	autofree char *path = path_join(root, name);
	autofree char *parent = path_dirname(path);

	assert_int_equal(path_mkdirs(parent, 0755, &err), 0);
	scratch_write(path, text);
}

static int fresh(void **state)
{
	if (scratch_make(state) < 0)
		return -1;
	put(*state, "plates/2026-01-31/weights/best.pt", "old");
	put(*state, "plates/2026-02-01/weights/best.pt", "new");
	put(*state, "plates/2026-02-01/labels.txt", "a");
	put(*state, "plates/2026-13-01/weights/best.pt", "no date");
	put(*state, "plates/notes/best.pt", "no version");
	source = source_open("directory", &(struct source_options){.uri = *state}, &err);
	return source ? 0 : -1;
}

static int done(void **state)
{
	source_close(source);
	source_version_release(&version);
	source_file_release(&file);
	err_clear(&err);
	return scratch_remove(state);
}

static void link_in(const char *root, const char *name, const char *to)
{
	autofree char *path = path_join(root, name);

	assert_int_equal(symlink(to, path), 0);
}

static void the_newest_version_is_meant(void **state)
{
	(void)state;
	assert_int_equal(source_find(source, &plates, &version, &err), 0);
	assert_string_equal(version.version, "2026-02-01");
	assert_string_equal(version.run_id, "");
	assert_null(version.sha256);
}

static void an_alias_is_a_link_to_a_version(void **state)
{
	static const struct {
		const char *alias, *to;
		bool is;
	} cases[] = {{"champion", "2026-01-31", true}, {"out", "../plates/2026-01-31", false},
		{"name", "notes", false}, {"root", "/", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source_request q = plates;
		autofree char *name = path_join("plates", cases[i].alias);
		link_in(*state, name, cases[i].to);
		q.alias = cases[i].alias;
		err_clear(&err);
		assert_int_equal(source_find(source, &q, &version, &err), cases[i].is ? 0 : -1);
		if (cases[i].is)
			assert_string_equal(version.version, cases[i].to);
		else
			assert_int_equal(err.code, ERR_NOTFOUND);
		source_version_release(&version);
	}
}

static void names_do_not_leave_the_directory(void **state)
{
	static const struct source_request wrong[] = {{.name = "../plates"}, {.name = ".."},
		{.name = "plates", .alias = "../plates/2026-01-31"},
		{.name = "plates", .alias = "2026-01-31/.."}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(source_find(source, &wrong[i], &version, &err), -1);
}

static void what_is_not_there(void **state)
{
	const struct source_request cars = {.name = "cars"};

	assert_int_equal(source_find(source, &cars, &version, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	put(*state, "cars/readme", "nothing yet");
	err_clear(&err);
	assert_int_equal(source_find(source, &cars, &version, &err), -1);
	assert_non_null(strstr(err.text, "has no version"));
}

/* Brings the file of the newest version to a path in the directory. */
static int fetch(const char *root, struct source_fetch *f, char **to)
{
	*to = path_join(root, "staged");
	f->to = *to;
	return source_find(source, &plates, &version, &err) < 0 ||
			       source_choose(source, &plates, &version, &file, &err) < 0 ||
			       source_fetch(source, &plates, &version, &file, f, &err) < 0
		       ? -1
		       : 0;
}

static void a_file_is_brought(void **state)
{
	struct source_fetch f = {0};
	autofree char *to = NULL;

	assert_int_equal(fetch(*state, &f, &to), 0);
	assert_string_equal(file.path, "weights/best.pt");
	assert_int_equal(file.size, 3);
	assert_int_equal(f.size, 3);
	assert_true(scratch_holds(to, "new"));
}

static void a_file_that_is_too_large(void **state)
{
	struct source_fetch f = {.size_max = 2};
	autofree char *to = NULL;

	assert_int_equal(fetch(*state, &f, &to), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void a_link_is_no_file_of_a_version(void **state)
{
	struct source_fetch f = {0};
	autofree char *to = NULL;

	put(*state, "plates/2026-03-01/labels.txt", "a");
	link_in(*state, "plates/2026-03-01/best.pt", "/etc/passwd");
	assert_int_equal(fetch(*state, &f, &to), -1);
	assert_non_null(strstr(err.text, "has no \".pt\" file; it has labels.txt"));
}

static void a_file_that_changes_meanwhile(void **state)
{
	struct source_fetch f = {0};
	autofree char *to = path_join(*state, "staged");

	f.to = to;
	assert_int_equal(source_find(source, &plates, &version, &err), 0);
	assert_int_equal(source_choose(source, &plates, &version, &file, &err), 0);
	put(*state, "plates/2026-02-01/weights/best.pt", "longer");
	assert_int_equal(source_fetch(source, &plates, &version, &file, &f, &err), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(the_newest_version_is_meant),
		CASE(an_alias_is_a_link_to_a_version),
		CASE(names_do_not_leave_the_directory),
		CASE(what_is_not_there),
		CASE(a_file_is_brought),
		CASE(a_file_that_is_too_large),
		CASE(a_link_is_no_file_of_a_version),
		CASE(a_file_that_changes_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
