/* SPDX-License-Identifier: Apache-2.0 */
/* What apt-get would be told, for names and what dpkg has installed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "node/apt.h"

static const char status[] = "Package: lens\n"
			     "Status: install ok installed\n"
			     "Architecture: amd64\n"
			     "Version: 1:2.0-1\n"
			     "Provides: camera-part\n"
			     "\n"
			     "Package: lens-doc\n"
			     "Status: install ok installed\n"
			     "Architecture: all\n"
			     "Version: 2.0\n"
			     "\n"
			     "Package: old\n"
			     "Status: deinstall ok config-files\n"
			     "Architecture: all\n"
			     "Version: 1\n";

struct plan {
	struct arena arena;
	struct strbuf bytes;
	struct node_call call;
	struct apt_task task;
};

static int make_plan(void **state)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	strbuf_init(&p->bytes);
	p->call.arena = &p->arena;
	p->task.call = &p->call;
	dpkg_status_parse(&p->task.before, status, strlen(status));
	*state = p;
	return 0;
}

static int drop_plan(void **state)
{
	struct plan *p = *state;

	dpkg_status_release(&p->task.before);
	strlist_release(&p->task.words);
	strlist_release(&p->task.named);
	strbuf_release(&p->bytes);
	arena_release(&p->arena);
	free(p);
	return 0;
}

/* Plans for names that stand between commas; the error's code. */
static enum err_code plan(struct plan *p, const char *names, struct err *err)
{
	AUTO(strlist_release) struct strlist list = {0};
	struct item_writer w;

	strlist_split(&list, names, ",");
	item_begin(&w, &p->bytes);
	item_open_list(&w, "names");
	for (size_t i = 0; i < list.count; i++)
		item_put_string(&w, NULL, list.items[i]);
	item_close(&w);
	assert_int_equal(0, item_finish(&w, NULL));
	p->call.args = item_parse(&p->arena, p->bytes.data, p->bytes.len, NULL);
	strlist_release(&p->task.words);
	strlist_release(&p->task.named);
	*err = (struct err){0};
	return apt_plan(&p->task, err) < 0 ? err->code : ERR_NONE;
}

static void expect(struct plan *p, const char *names, const char *words)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	struct err err;

	assert_int_equal(plan(p, names, &err), ERR_NONE);
	for (size_t i = 0; i < p->task.words.count; i++)
		strbuf_addf(&got, "%s%s", i ? " " : "", p->task.words.items[i]);
	assert_string_equal(got.data, words);
}

static void test_what_is_missing_is_installed(void **state)
{
	expect(*state, "lens,shutter", "shutter");
	expect(*state, "shutter=3,aperture", "shutter=3 aperture");
	expect(*state, "old", "old");
	expect(*state, "", "");
}

static void test_versions(void **state)
{
	expect(*state, "lens=1:2.0-1", "");
	expect(*state, "lens=1:2.*", "");
	expect(*state, "lens=01:2.0-1", "");
	expect(*state, "lens=2.0-1", "lens=2.0-1");
	expect(*state, "lens>=1:1.9", "");
	expect(*state, "lens>=1:2.0-2", "lens");
	expect(*state, "lens-doc>=3,lens=1:3*", "lens-doc lens=1:3*");
}

static void test_architectures(void **state)
{
	expect(*state, "lens:amd64", "");
	expect(*state, "lens:armhf", "lens:armhf");
}

static void test_what_is_provided_is_there(void **state)
{
	expect(*state, "camera-part", "");
	expect(*state, "camera-part=2", "camera-part=2");
}

static void test_only_upgrade(void **state)
{
	struct plan *p = *state;

	p->task.only_upgrade = true;
	expect(p, "shutter,lens=1:3", "lens=1:3");
}

static void test_absent(void **state)
{
	struct plan *p = *state;

	p->task.state = APT_ABSENT;
	expect(p, "lens,shutter,old", "lens");
	expect(p, "lens*", "lens lens-doc");
	expect(p, "shutter*", "");
	p->task.purge = true;
	expect(p, "lens-doc,old", "lens-doc old");
	expect(p, "o*", "old");
}

static void test_build_dependencies_are_always_asked_for(void **state)
{
	struct plan *p = *state;

	p->task.state = APT_BUILD_DEP;
	expect(p, "lens", "lens");
}

static void test_what_names_no_package(void **state)
{
	static const char *const names[] = {
		"-y", "/tmp/x.deb", "a b", "=1", "lens=", "a;b", "lens<3", "lens!=3", "$(x)"};
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (plan(*state, names[i], &err) == ERR_NONE)
			fail_msg("%s was taken for a package", names[i]);
	}
}

static void test_latest_in_a_version(void **state)
{
	struct plan *p = *state;
	struct err err;

	p->task.state = APT_LATEST;
	assert_int_equal(plan(p, "lens=1", &err), ERR_INPUT);
}

static void test_too_many(void **state)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;
	struct err err;

	for (int i = 0; i <= APT_NAMES_MAX; i++)
		strbuf_addf(&names, "p%d,", i);
	assert_int_equal(plan(*state, names.data, &err), ERR_LIMIT);
}

#define PLANNED(test) cmocka_unit_test_setup_teardown(test, make_plan, drop_plan)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLANNED(test_what_is_missing_is_installed),
		PLANNED(test_versions),
		PLANNED(test_architectures),
		PLANNED(test_what_is_provided_is_there),
		PLANNED(test_only_upgrade),
		PLANNED(test_absent),
		PLANNED(test_build_dependencies_are_always_asked_for),
		PLANNED(test_what_names_no_package),
		PLANNED(test_latest_in_a_version),
		PLANNED(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
