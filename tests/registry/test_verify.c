/* SPDX-License-Identifier: Apache-2.0 */
/* What has rotted in a version is named, all of it, and nothing else is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/path.h"
#include "fixture.h"
#include "publishing.h"
#include "registry/verify.h"

#define V1 "2026-02-02"

static void make_version(void)
{
	fixture_shell("rm -rf src store; mkdir -p src/sub\n"
		      "head -c 300000 /dev/urandom > src/model.tflite\n"
		      "printf 'a\\nb\\n' > src/sub/labels.txt\n"
		      "ln -s model.tflite src/latest");
	publish_expect("src", V1, PUBLISH_MADE);
}

static struct store *open_store(void)
{
	struct err err = {0};
	struct store *s = store_open_local(fixture_path("store"), &err);

	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static void verify(struct verify_report *r)
{
	struct err err = {0};
	struct store *s = open_store();

	if (verify_version(s, "m", V1, NULL, NULL, r, &err) < 0)
		fail_msg("%s", err.text);
	store_free(s);
}

/* The findings as lines "kind path: text", in the order of their text. */
static const char *findings(const struct verify_report *r)
{
	AUTO(strlist_release) struct strlist lines = {0};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < r->count; i++)
		strlist_addf(&lines, "%s %s: %s\n", verify_kind_name(r->items[i].kind),
			r->items[i].path, r->items[i].text);
	strlist_sort(&lines);
	for (size_t i = 0; i < lines.count; i++)
		strbuf_addstr(&out, lines.items[i]);
	return arena_strdup(&fixture_arena, out.data);
}

static void expect(enum verify_state state, const char *lines)
{
	AUTO(verify_report_release) struct verify_report r = {0};

	verify(&r);
	assert_string_equal(findings(&r), lines);
	assert_int_equal(verify_state(&r), state);
}

static void what_was_published_is_sound(void **state)
{
	AUTO(verify_report_release) struct verify_report r = {0};

	(void)state;
	make_version();
	verify(&r);
	assert_int_equal(verify_state(&r), VERIFY_SOUND);
	assert_true(r.described);
	assert_int_equal(r.files, 3);
	assert_true(r.bytes > 300004);
}

/* Flips one bit and keeps size and times, as far as a test can. */
#define FLIP(file)                                                                             \
	"touch -r " file " ../ref; "                                                           \
	"printf '\\377' | dd of=" file " bs=1 seek=2 conv=notrunc status=none; "               \
	"touch -r ../ref " file

static const struct {
	const char *damage; /* in the version's directory */
	const char *lines;
} damages[] = {
	{FLIP("model.tflite"), "changed model.tflite: holds other content than it did\n"},
	{"truncate -s 299999 model.tflite",
		"changed model.tflite: has 299999 bytes, had 300000\n"},
	{": > sub/labels.txt", "changed sub/labels.txt: has 0 bytes, had 4\n"},
	{"rm sub/labels.txt", "missing sub/labels.txt: is missing\n"},
	{"rm -r sub", "missing sub/labels.txt: is missing\n"},
	{"echo x > more", "extra more: is not part of the version\n"},
	{"mkdir -p deep/er; echo x > deep/er/more",
		"extra deep/er/more: is not part of the version\n"},
	{"mkfifo pipe", "extra pipe: is a device, a socket or a pipe\n"},
	{"ln -sf sub latest", "changed latest: leads to sub, led to model.tflite\n"},
	{"rm latest; echo x > latest", "changed latest: is a file, was a link\n"},
	{"ln -sf /etc/passwd model.tflite", "changed model.tflite: is a link, was a file\n"},
	{"rm model.tflite; mkdir model.tflite", "changed model.tflite: is a directory, was a "
						"file\n"},
	{"sed -i s/anna/Anna/ manifest.yaml",
		"manifest manifest.yaml: is broken: changed since it was written\n"},
	{"echo '# end' >> manifest.yaml",
		"manifest manifest.yaml: is broken: the last line is not its digest\n"},
	{": > manifest.yaml", "manifest manifest.yaml: is broken: found null, expected a "
			      "mapping\n"},
	{"rm manifest.yaml; mkdir manifest.yaml",
		"manifest manifest.yaml: cannot be read: is no file\n"},
	{"truncate -s 9000000 manifest.yaml",
		"manifest manifest.yaml: cannot be read: has more than 8388608 bytes\n"},
	{"rm model.tflite sub/labels.txt; echo x > more",
		"extra more: is not part of the version\n"
		"missing model.tflite: is missing\nmissing sub/labels.txt: is missing\n"},
};

static void damage_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		AUTO(verify_report_release) struct verify_report r = {0};
		make_version();
		fixture_shell("cd store/m/" V1 " && %s", damages[i].damage);
		verify(&r);
		if (strcmp(findings(&r), damages[i].lines) != 0)
			fail_msg("%s:\n%s", damages[i].damage, findings(&r));
		assert_int_equal(verify_state(&r), VERIFY_ROTTED);
	}
}

static void a_directory_that_came_is_no_damage(void **state)
{
	(void)state;
	make_version();
	fixture_shell("mkdir store/m/" V1 "/empty; chmod 600 store/m/" V1 "/model.tflite\n"
		      "touch store/m/" V1 "/model.tflite");
	expect(VERIFY_SOUND, "");
}

static void a_version_under_another_name_is_told(void **state)
{
	(void)state;
	make_version();
	fixture_shell(
		"mv store/m/" V1 " store/m/2026-03-03; cp -a store/m/2026-03-03 store/m/" V1
		"; cd store/m/" V1);
	expect(VERIFY_SOUND, "");
	publish_expect("src", "2026-04-04", PUBLISH_MADE);
	fixture_shell("rm -r store/m/" V1 "; mv store/m/2026-04-04 store/m/" V1);
	expect(VERIFY_ROTTED, "manifest manifest.yaml: belongs to m/2026-04-04\n");
}

static void what_cannot_be_read_is_told_and_the_rest_read(void **state)
{
	AUTO(verify_report_release) struct verify_report r = {0};

	(void)state;
	make_version();
	fixture_shell("chmod 755 . store\n"
		      "chmod 000 store/m/" V1 "/model.tflite store/m/" V1 "/sub\n"
		      "echo x > store/m/" V1 "/zzz");
	bool root = geteuid() == 0;
	struct store *s = open_store();
	struct err err = {0};
	if (root)
		assert_int_equal(seteuid(65534), 0);
	int result = verify_version(s, "m", V1, NULL, NULL, &r, &err);
	if (root)
		assert_int_equal(seteuid(0), 0);
	store_free(s);
	fixture_shell("chmod 755 store/m/" V1 "/sub");
	assert_int_equal(result, 0);
	assert_string_equal(findings(&r),
		"extra zzz: is not part of the version\n"
		"unreadable model.tflite: cannot be read: open: Permission denied\n"
		"unreadable sub: cannot be read: Permission denied\n");
}

/* ---- versions without manifest.yaml ---- */

static void remember(void)
{
	AUTO(manifest_release) struct manifest m = {0};
	struct err err = {0};
	struct store *s = open_store();

	usleep(20000); /* what is as fresh as now is not remembered */
	if (store_read_manifest(s, "m", V1, NULL, &m, &err) < 0)
		fail_msg("%s", err.text);
	store_free(s);
}

static void make_plain(void)
{
	make_version();
	fixture_shell("rm store/m/" V1 "/manifest.yaml");
}

static void without_any_memory_nothing_can_be_said(void **state)
{
	(void)state;
	make_plain();
	fixture_shell("echo x > store/m/" V1 "/more");
	expect(VERIFY_UNKNOWN, "");
}

static void what_is_remembered_is_sound(void **state)
{
	(void)state;
	make_plain();
	remember();
	expect(VERIFY_SOUND, "");
	/* A file that came since is not known, and so is not the whole. */
	fixture_shell("echo x > store/m/" V1 "/more");
	expect(VERIFY_UNKNOWN, "");
}

static void rot_is_another_content_under_the_same_time(void **state)
{
	(void)state;
	make_plain();
	remember();
	fixture_shell("cd store/m/" V1 " && " FLIP("model.tflite"));
	expect(VERIFY_ROTTED,
		"changed model.tflite: holds other content than it did, though size "
		"and time are the same\n");
}

static void who_changes_a_file_changes_its_time(void **state)
{
	(void)state;
	make_plain();
	remember();
	fixture_shell("cd store/m/" V1 " && printf new > sub/labels.txt");
	expect(VERIFY_UNKNOWN, "");
}

/* ---- while it goes on ---- */

static void a_version_that_is_not_there_is_gone(void **state)
{
	(void)state;
	make_version();
	fixture_shell("rm -r store/m/" V1);
	AUTO(verify_report_release) struct verify_report r = {0};
	verify(&r);
	assert_int_equal(verify_state(&r), VERIFY_GONE);
}

static int remove_version(void *arg, uint64_t bytes, struct err *err)
{
	(void)arg;
	(void)bytes;
	(void)err;
	fixture_shell("rm -rf store/m/" V1);
	return 0;
}

static void a_version_that_goes_meanwhile_has_not_rotted(void **state)
{
	AUTO(verify_report_release) struct verify_report r = {0};
	struct err err = {0};

	(void)state;
	make_version();
	struct store *s = open_store();
	assert_int_equal(verify_version(s, "m", V1, remove_version, NULL, &r, &err), 0);
	assert_int_equal(verify_state(&r), VERIFY_GONE);
	store_free(s);
}

static int interrupt(void *arg, uint64_t bytes, struct err *err)
{
	(void)arg;
	(void)bytes;
	return err_set(err, ERR_CANCELLED, "interrupted");
}

static void an_interrupt_ends_it(void **state)
{
	AUTO(verify_report_release) struct verify_report r = {0};
	struct err err = {0};

	(void)state;
	make_version();
	struct store *s = open_store();
	assert_int_equal(verify_version(s, "m", V1, interrupt, NULL, &r, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	store_free(s);
}

static void findings_have_a_limit(void **state)
{
	AUTO(verify_report_release) struct verify_report r = {0};

	(void)state;
	make_version();
	fixture_shell("cd store/m/" V1 " && seq 1200 | xargs touch");
	verify(&r);
	assert_int_equal(r.count, VERIFY_FINDINGS_MAX);
	assert_int_equal(r.dropped, 200);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_published_is_sound),
		TEST(damage_is_named),
		TEST(a_directory_that_came_is_no_damage),
		TEST(a_version_under_another_name_is_told),
		TEST(what_cannot_be_read_is_told_and_the_rest_read),
		TEST(without_any_memory_nothing_can_be_said),
		TEST(what_is_remembered_is_sound),
		TEST(rot_is_another_content_under_the_same_time),
		TEST(who_changes_a_file_changes_its_time),
		TEST(a_version_that_is_not_there_is_gone),
		TEST(a_version_that_goes_meanwhile_has_not_rotted),
		TEST(an_interrupt_ends_it),
		TEST(findings_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
