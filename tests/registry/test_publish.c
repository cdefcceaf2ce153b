/* SPDX-License-Identifier: Apache-2.0 */
/* Directories and files become versions, whole, as they are, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fixture.h"
#include "publishing.h"

#define V1 "2026-02-02"
#define V2 "2026-02-03"

static void make_source(void)
{
	fixture_shell(
		"mkdir -p src/sub src/empty\n"
		"printf weights > src/model.tflite\n"
		"printf 'a\\nb\\n' > src/sub/labels.txt\n"
		"ln -s model.tflite src/latest\n"
		"ln -s ../model.tflite src/sub/up\n"
		"chmod 640 src/sub/labels.txt\n"
		"chmod 750 src/sub\n"
		"touch -d 2024-05-06T07:08:09.123456789Z src/model.tflite src/sub/labels.txt");
}

static void a_directory_becomes_a_version(void **state)
{
	(void)state;
	make_source();
	publish_expect("src", V1, PUBLISH_MADE);
	publish_same("src", V1);
	publish_no_staging();
}

static void read_own(const char *version, struct version_manifest *m)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *name = xasprintf("store/m/%s/" VERSION_MANIFEST, version);
	struct err err = {0};

	if (file_read(fixture_path(name), VERSION_MANIFEST_MAX, &text, &err) < 0 ||
		version_manifest_parse(m, name, text.data, text.len, &err) < 0)
		fail_msg("%s", err.text);
}

static void manifest_yaml_says_who_when_from_where(void **state)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	AUTO(publishing_release) struct publishing p;

	(void)state;
	make_source();
	publishing_init(&p, "src");
	p.request.note = "line one: \"quoted\"\nline two \x01 \xff";
	assert_int_equal(publishing_run(&p), ERR_NONE);
	read_own(V1, &m);
	assert_string_equal(m.model, "m");
	assert_string_equal(m.version, V1);
	assert_string_equal(m.by, "anna@admin1");
	assert_string_equal(m.from, fixture_path("src"));
	assert_string_equal(m.note, "line one: \"quoted\"\nline two \x01 \xef\xbf\xbd");
	assert_int_equal(m.published, PUBLISHED_AT);
	assert_int_equal(m.count, 4);
	assert_string_equal(version_manifest_find(&m, "latest")->link, "model.tflite");
	assert_null(version_manifest_find(&m, "sub"));
}

/* The oracles are PyYAML for the text and sha256sum for the digests. */
static void manifest_yaml_is_what_other_programs_read(void **state)
{
	(void)state;
	make_source();
	publish_expect("src", V1, PUBLISH_MADE);
	const char *theirs = fixture_shell(
		"/usr/bin/python3 -c '\n"
		"import yaml\n"
		"for f in yaml.safe_load(open(\"store/m/" V1 "/manifest.yaml\"))[\"files\"]:\n"
		"    if \"size\" in f: print(f[\"sha256\"] + \"  \" + f[\"path\"])'");
	assert_string_equal(theirs, fixture_shell("cd src && sha256sum model.tflite "
						  "sub/labels.txt"));
	fixture_shell(
		"tail -n 1 store/m/" V1 "/manifest.yaml | cut -d '\"' -f 2 > said\n"
		"head -n -1 store/m/" V1 "/manifest.yaml | sha256sum | cut -d ' ' -f 1 > is\n"
		"cmp said is");
}

static void the_same_again_changes_nothing(void **state)
{
	(void)state;
	make_source();
	publish_expect("src", V1, PUBLISH_MADE);
	const char *before = fixture_shell("find store/m -printf '%%p %%i %%C@\\n' | sort");
	publish_expect("src", V1, PUBLISH_THERE);
	assert_string_equal(
		before, fixture_shell("find store/m -printf '%%p %%i %%C@\\n' | sort"));
}

static void the_same_without_a_manifest_yaml_is_there_too(void **state)
{
	(void)state;
	make_source();
	fixture_shell("mkdir -p store/m && cp -a src store/m/" V1);
	publish_expect("src", V1, PUBLISH_THERE);
	assert_false(path_exists(fixture_path("store/m/" V1 "/manifest.yaml")));
}

/* A change of the source, and what the refusal has to say of it. */
static const struct {
	const char *change, *says;
} changes[] = {
	{"printf WEIGHTS > src/model.tflite", "model.tflite has other content"},
	{"printf more >> src/model.tflite", "model.tflite has 7 bytes there and 11 here"},
	{"rm src/sub/labels.txt", "sub/labels.txt is only in the store's"},
	{"touch src/zero", "zero is not in the store's"},
	{"ln -sf sub/labels.txt src/latest", "latest leads to model.tflite there"},
	{"rm src/latest; mkdir src/latest", "latest is a link there and a directory here"},
	{"chmod 600 src/model.tflite", "model.tflite has the permissions 0644 there"},
	/* Of two differences the first by its path. */
	{"rm src/latest; printf x > src/model.tflite", "latest is only in the store's"},
};

static void other_content_under_the_name_is_refused(void **state)
{
	(void)state;
	make_source();
	publish_expect("src", V1, PUBLISH_MADE);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		AUTO(publishing_release) struct publishing p;
		fixture_shell("rm -rf old; cp -a src old; %s", changes[i].change);
		publishing_init(&p, "src");
		assert_int_equal(publishing_run(&p), ERR_EXISTS);
		if (!strstr(p.err.text, changes[i].says))
			fail_msg("%s: %s", changes[i].change, p.err.text);
		fixture_shell("rm -rf src; mv old src");
		publish_same("src", V1);
	}
}

static void files_become_a_version(void **state)
{
	AUTO(publishing_release) struct publishing p;

	(void)state;
	make_source();
	publishing_init(&p, "src/model.tflite");
	strlist_add(&p.sources, fixture_path("src/sub/labels.txt"));
	assert_int_equal(publishing_run(&p), ERR_NONE);
	assert_int_equal(p.result.files, 2);
	fixture_shell("mkdir flat; cp -p src/model.tflite src/sub/labels.txt flat");
	publish_same("flat", V1);
}

/* A link that is named by itself is followed: the person chose it. */
static void a_named_link_is_what_it_leads_to(void **state)
{
	(void)state;
	make_source();
	publish_expect("src/latest", V1, PUBLISH_MADE);
	fixture_shell("mkdir flat; cp -pL src/latest flat/latest");
	publish_same("flat", V1);
	fixture_shell("ln -s src linked");
	publish_expect("linked", V2, PUBLISH_MADE);
	publish_same("src", V2);
}

static void a_copy_of_a_version_is_published_anew(void **state)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};

	(void)state;
	make_source();
	publish_expect("src", V1, PUBLISH_MADE);
	publish_expect("store/m/" V1, V2, PUBLISH_MADE);
	publish_same("src", V2);
	read_own(V2, &m);
	assert_string_equal(m.version, V2);
	assert_int_equal(m.count, 4);
}

static void large_files_arrive_whole(void **state)
{
	(void)state;
	fixture_shell("mkdir src; head -c 40000000 /dev/urandom > src/big\n"
		      "truncate -s 30000001 src/holes; printf end >> src/holes; : > src/none");
	publish_expect("src", V1, PUBLISH_MADE);
	publish_same("src", V1);
}

static void set_user_id_is_left_behind(void **state)
{
	(void)state;
	make_source();
	fixture_shell("chmod 4755 src/model.tflite; chmod 2750 src/sub");
	publish_expect("src", V1, PUBLISH_MADE);
	assert_string_equal(fixture_shell("cd store/m/" V1 " && stat -c %%a model.tflite sub"),
		"755\n750\n");
	publish_expect("src", V1, PUBLISH_THERE);
}

static void directories_that_forbid_writing_are_no_hindrance(void **state)
{
	(void)state;
	make_source();
	fixture_shell("chmod 555 src/sub; chmod 444 src/sub/labels.txt");
	publish_expect("src", V1, PUBLISH_MADE);
	publish_same("src", V1);
}

/* ---- refusals ---- */

/* What makes a source that cannot be published, and what is said of it. */
static const struct {
	const char *name, *make, *says;
} hostile[] = {
	{"abs", "ln -s /etc/passwd src/abs", "src/abs: error: is an absolute link"},
	{"out", "ln -s ../../x src/sub/out", "src/sub/out: error: is a link out of"},
	{"sly", "ln -s sub/../../x src/sly", "src/sly: error: is a link out of"},
	{"odd target", "ln -s \"$(printf 'a\\001b')\" src/odd",
		"src/odd: error: is a link to a"},
	{"fifo", "mkfifo src/fifo", "src/fifo: error: is a device, a socket or a pipe"},
	{"newline", "touch \"src/$(printf 'a\\nb')\"", "src/a\\x0ab: error: the name holds"},
	{"escape", "touch \"src/$(printf 'a\\033[2J')\"",
		"src/a\\x1b[2J: error: the name holds"},
	{"not utf-8", "touch \"src/$(printf 'a\\377b')\"",
		"src/a\\xffb: error: the name holds"},
	{"c1", "touch \"src/$(printf 'a\\302\\233b')\"", "error: the name holds"},
	{"foreign", "echo hello > src/manifest.yaml",
		"manifest.yaml: error: the name is reserved"},
	{"directory", "mkdir src/manifest.yaml", "manifest.yaml: error: the name is reserved"},
};

static void what_cannot_be_published_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		AUTO(publishing_release) struct publishing p;
		fixture_shell("rm -rf src");
		make_source();
		fixture_shell("%s", hostile[i].make);
		publishing_init(&p, "src");
		assert_int_equal(publishing_run(&p), ERR_INPUT);
		assert_int_equal(p.diags.errors, 1);
		if (!strstr(fixture_findings(&p.diags), hostile[i].says))
			fail_msg("%s: %s", hostile[i].name, fixture_findings(&p.diags));
		assert_false(path_exists(fixture_path("store/m")));
	}
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
	AUTO(publishing_release) struct publishing p;

	(void)state;
	make_source();
	for (size_t i = 0; i < 6; i++)
		fixture_shell("%s", hostile[i].make);
	publishing_init(&p, "src");
	assert_int_equal(publishing_run(&p), ERR_INPUT);
	assert_int_equal(p.diags.errors, 6);
}

static void a_device_is_refused(void **state)
{
	AUTO(publishing_release) struct publishing p;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_shell("mkdir src; mknod src/null c 1 3");
	publishing_init(&p, "src");
	assert_int_equal(publishing_run(&p), ERR_INPUT);
	assert_non_null(strstr(fixture_findings(&p.diags), "is a device"));
}

static void what_cannot_be_read_is_refused(void **state)
{
	AUTO(publishing_release) struct publishing p;

	(void)state;
	make_source();
	fixture_shell("chmod 755 . src; chmod 000 src/model.tflite src/sub");
	publishing_init(&p, "src");
	bool root = geteuid() == 0;
	if (root)
		assert_int_equal(seteuid(65534), 0);
	int result = publish_source_open(&p.source, &p.request, &p.diags, &p.err);
	if (root)
		assert_int_equal(seteuid(0), 0);
	fixture_shell("chmod 755 src/sub");
	assert_int_equal(result, -1);
	assert_int_equal(p.diags.errors, 2);
	assert_non_null(strstr(fixture_findings(&p.diags), "src/model.tflite: error: cannot be "
							   "read: Permission denied"));
	assert_non_null(strstr(fixture_findings(&p.diags), "src/sub: error: the directory"));
}

static void sources_that_are_files_have_their_own_refusals(void **state)
{
	AUTO(publishing_release) struct publishing p;

	(void)state;
	make_source();
	fixture_shell("printf x > src/sub/model.tflite");
	publishing_init(&p, "src/model.tflite");
	strlist_add(&p.sources, fixture_path("src/sub/model.tflite"));
	strlist_add(&p.sources, fixture_path("src/sub"));
	strlist_add(&p.sources, fixture_path("src/gone"));
	assert_int_equal(publishing_run(&p), ERR_INPUT);
	const char *found = fixture_findings(&p.diags);
	assert_non_null(strstr(found, "sub/model.tflite: error: has the same name as"));
	assert_non_null(strstr(found, "src/sub: error: is no file; give one directory, or"));
	assert_non_null(strstr(found, "src/gone: error: cannot be opened: No such file"));
}

static void expect_refusal(const char *source, enum err_code code, const char *says)
{
	AUTO(publishing_release) struct publishing p;

	publishing_init(&p, source);
	assert_int_equal(publishing_run(&p), code);
	if (!strstr(p.err.text, says))
		fail_msg("%s", p.err.text);
}

static void nothing_is_no_version(void **state)
{
	(void)state;
	fixture_shell("mkdir -p src/empty");
	expect_refusal("src", ERR_INPUT, "holds no file");
}

static void limits_are_refused_before_anything_is_read(void **state)
{
	(void)state;
	fixture_shell("mkdir src && cd src && seq 20000 | xargs touch");
	expect_refusal("src", ERR_LIMIT, "holds more than 19999 files and directories");
	fixture_shell("rm -r src; p=src; for i in $(seq 70); do p=$p/d; done; mkdir -p $p");
	expect_refusal("src", ERR_LIMIT, "nested deeper than 64");
	/* Few files, but names that fill a manifest. */
	fixture_shell("rm -r src; n=$(printf '%%0230d' 0)\n"
		      "p=src/$n/$n/$n; mkdir -p $p; cd $p\n"
		      "seq -f \"${n}%%.0f\" 3000 | xargs touch");
	expect_refusal("src", ERR_LIMIT, "the names of all files have");
}

static void names_of_models(void **state)
{
	static const char *const bad[] = {"", ".", "..", ".staging", "a/b", "coral_packages"};
	autofree char *longest = xasprintf("%0189d", 0);
	autofree char *longer = xasprintf("%0190d", 0);
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(publish_check_model(bad[i], &err), -1);
	assert_int_equal(publish_check_model(longest, &err), 0);
	assert_int_equal(publish_check_model(longer, &err), -1);
	assert_int_equal(publish_check_model("face-2.0 b", &err), 0);
}

/* ---- the store's side ---- */

static void what_an_earlier_run_left_goes(void **state)
{
	(void)state;
	make_source();
	fixture_shell("mkdir -p store/.staging/m%%2F" V1 "/tree/ro\n"
		      "touch store/.staging/m%%2F" V1 "/tree/ro/x\n"
		      "chmod 555 store/.staging/m%%2F" V1 "/tree/ro");
	publish_expect("src", V1, PUBLISH_MADE);
	publish_same("src", V1);
	publish_no_staging();
}

static void staging_is_no_model(void **state)
{
	AUTO(strlist_release) struct strlist models = {0};
	struct err err = {0};

	(void)state;
	fixture_shell("mkdir -p store/.staging/m%%2F" V1 "/tree");
	struct store *s = store_open_local(fixture_path("store"), &err);
	assert_int_equal(store_list_models(s, &models, &err), 0);
	assert_int_equal(models.count, 0);
	store_free(s);
}

static void a_model_that_is_a_link_is_refused(void **state)
{
	(void)state;
	make_source();
	fixture_shell("mkdir -p store/real elsewhere; ln -s real store/m");
	expect_refusal("src", ERR_INPUT, "no directory of its own");
	assert_string_equal(fixture_shell("ls store/real"), "");
	publish_no_staging();
	fixture_shell("rm store/m; ln -s ../elsewhere store/m");
	expect_refusal("src", ERR_INPUT, "symbolic link");
	assert_string_equal(fixture_shell("ls elsewhere"), "");
}

static void staging_that_is_no_directory_is_refused(void **state)
{
	(void)state;
	make_source();
	fixture_shell("mkdir -p store elsewhere; ln -s ../elsewhere store/.staging");
	expect_refusal("src", ERR_INPUT, "is no directory; move it out of the way");
	assert_string_equal(fixture_shell("ls elsewhere"), "");
}

static void a_full_disk_is_said_before_anything_is_copied(void **state)
{
	(void)state;
	fixture_shell("mkdir -p src store; head -c 3000000 /dev/urandom > src/big");
	if (geteuid() != 0)
		skip();
	fixture_shell("mount -t tmpfs -o size=2m none store 2>/dev/null || : > no-mount");
	if (path_exists(fixture_path("no-mount")))
		skip();
	expect_refusal("src", ERR_NOSPACE, "needs 3.0 MB, has 2.1 MB");
	fixture_shell("umount store");
}

/* ---- while it goes on ---- */

static int change_source(void *arg, uint64_t bytes, struct err *err)
{
	unsigned *calls = arg;

	(void)bytes;
	(void)err;
	/* The first call is the reading, the second the copying. */
	if (++*calls == 2)
		fixture_shell("printf changed > src/model.tflite");
	return 0;
}

static void a_source_that_changes_meanwhile_is_an_error(void **state)
{
	AUTO(publishing_release) struct publishing p;
	unsigned calls = 0;

	(void)state;
	fixture_shell("mkdir src; printf one > src/a; printf weights > src/model.tflite");
	publishing_init(&p, "src");
	p.request.progress = change_source;
	p.request.progress_arg = &calls;
	assert_int_equal(publishing_run(&p), ERR_INTEGRITY);
	assert_string_equal(p.err.text, "model.tflite: changes while it is published");
	assert_false(path_exists(fixture_path("store/m")));
	publish_no_staging();
}

static int interrupt(void *arg, uint64_t bytes, struct err *err)
{
	(void)bytes;
	(void)err;
	cancel_request(arg);
	return 0;
}

static void an_interrupt_leaves_nothing(void **state)
{
	AUTO(publishing_release) struct publishing p;
	struct cancel cancel;

	(void)state;
	fixture_shell("mkdir src; printf one > src/a; printf weights > src/model.tflite");
	assert_int_equal(cancel_init(&cancel, NULL), 0);
	publishing_init(&p, "src");
	assert_int_equal(publishing_run(&p), ERR_NONE);
	fixture_shell("rm -r store/m");
	p.request.cancel = &cancel;
	p.request.progress = interrupt;
	p.request.progress_arg = &cancel;
	assert_int_equal(
		publish_version(fixture_path("store"), &p.source, &p.result, &p.err), -1);
	assert_int_equal(p.err.code, ERR_CANCELLED);
	assert_false(path_exists(fixture_path("store/m")));
	publish_no_staging();
	cancel_release(&cancel);
}

/* ---- as a store of its own ---- */

static void sources_are_a_store_that_hosts_are_brought_from(void **state)
{
	AUTO(publishing_release) struct publishing p;
	AUTO(manifest_release) struct manifest m = {0};
	AUTO(version_manifest_release) struct version_manifest about = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	(void)state;
	make_source();
	publishing_init(&p, "src");
	assert_int_equal(publish_source_open(&p.source, &p.request, &p.diags, &p.err), 0);
	assert_int_equal(publish_source_read(&p.source, &p.err), 0);
	struct store *s = publish_store_new(&p.source, &p.err);
	assert_int_equal(store_read_manifest(s, "m", V1, NULL, &m, &p.err), 0);
	assert_int_equal(m.count, p.source.manifest.count + 1);
	autofd int fd = store_open_file(s, "m", V1, VERSION_MANIFEST, &p.err);
	assert_true(fd >= 0);
	const struct manifest_entry *own = manifest_find(&m, VERSION_MANIFEST);
	strbuf_reserve(&text, own->size);
	assert_int_equal(fd_pread_full(fd, text.data, own->size + 1, 0), own->size);
	assert_int_equal(
		version_manifest_parse(&about, "own", text.data, own->size, &p.err), 0);
	assert_int_equal(about.count, 4);
	autofd int file = store_open_file(s, "m", V1, "sub/labels.txt", &p.err);
	assert_true(file >= 0);
	assert_int_equal(store_check_version(s, "m", V2, &p.err), -1);
	store_free(s);
	fixture_shell("printf WEIGHTS > src/model.tflite");
	assert_null(publish_store_new(&p.source, &p.err));
	assert_int_equal(p.err.code, ERR_INTEGRITY);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_directory_becomes_a_version),
		TEST(manifest_yaml_says_who_when_from_where),
		TEST(manifest_yaml_is_what_other_programs_read),
		TEST(the_same_again_changes_nothing),
		TEST(the_same_without_a_manifest_yaml_is_there_too),
		TEST(other_content_under_the_name_is_refused),
		TEST(files_become_a_version),
		TEST(a_named_link_is_what_it_leads_to),
		TEST(a_copy_of_a_version_is_published_anew),
		TEST(large_files_arrive_whole),
		TEST(set_user_id_is_left_behind),
		TEST(directories_that_forbid_writing_are_no_hindrance),
		TEST(what_cannot_be_published_is_named),
		TEST(all_that_is_wrong_is_told_at_once),
		TEST(a_device_is_refused),
		TEST(what_cannot_be_read_is_refused),
		TEST(sources_that_are_files_have_their_own_refusals),
		TEST(nothing_is_no_version),
		TEST(limits_are_refused_before_anything_is_read),
		TEST(names_of_models),
		TEST(what_an_earlier_run_left_goes),
		TEST(staging_is_no_model),
		TEST(a_model_that_is_a_link_is_refused),
		TEST(staging_that_is_no_directory_is_refused),
		TEST(a_full_disk_is_said_before_anything_is_copied),
		TEST(a_source_that_changes_meanwhile_is_an_error),
		TEST(an_interrupt_leaves_nothing),
		TEST(sources_are_a_store_that_hosts_are_brought_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
