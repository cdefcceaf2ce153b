/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish-model and verify-store as processes: what they say, what they leave, and how they
 * end. The site is a git repository, its store a directory of this machine.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "base/path.h"
#include "cli/cli.h"
#include "registry/fixture.h"
#include "tree/hashcache.h"
#include "value/json.h"

#define V1 "2026-02-02"
#define V2 "2026-02-03"

/* What the last command printed, and how it ended. */
static const char *out, *errors;
static int code;

static const char *slurp(const char *name)
{
	return fixture_shell("cat %s", name);
}

/* Runs a command line in the site, with the program's links in PATH. */
static void run(const char *format, ...) PRINTF_LIKE(1, 2);

static void run(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	autofree char *command = xvasprintf(format, ap);
	va_end(ap);
	code = (int)strtol(fixture_shell("export PATH=%s:$PATH NO_COLOR=1\n"
					 "set +e; %s > out 2> err; echo $?",
				   PROGRAMS, command),
		NULL, 10);
	out = slurp("out");
	errors = slurp("err");
}

static void expect_code(int expected)
{
	if (code != expected)
		fail_msg("exit code %d, expected %d\n%s%s", code, expected, out, errors);
}

static void expect_in(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("expected \"%s\" in\n%s", part, text);
}

static int make_site(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	fixture_write("site/hosts.yaml", "all: {hosts: {h0: {ansible_connection: local}}}\n");
	autofree char *registry =
		xasprintf("sentinelcam_model_registry: %s\n"
			  "sentinelcam_models:\n"
			  "  face:\n"
			  "    current_version: \"2025-11-20\" # the winter one\n"
			  "    previous_version: null\n",
			fixture_path("store"));
	fixture_write("site/group_vars/all/model_registry.yaml", registry);
	fixture_write("src/model.tflite", "weights\n");
	fixture_write("src/sub/labels.txt", "a\nb\n");
	fixture_shell("mkdir store\n"
		      "git config --global user.name Anna\n"
		      "git config --global user.email anna@example.org\n"
		      "git config --global init.defaultBranch main\n"
		      "cd site && git init -q && git add -A && git commit -qm start");
	return 0;
}

/* ---- publish-model ---- */

static void a_version_is_published_and_what_is_next_is_said(void **state)
{
	(void)state;
	run("publish-model -i site face src --version " V1);
	expect_code(EXIT_OK);
	expect_in(out, "face " V1 ": published; 2 files, 12 B\n");
	expect_in(out, "2025-11-20 is current. Next: rollback-model face " V1);
	fixture_shell("cd store/face/" V1 " && cmp model.tflite ../../../src/model.tflite &&\n"
		      "test -e manifest.yaml");
	run("publish-model -i site face src --version " V1);
	expect_code(EXIT_OK);
	expect_in(out, "is there already, with the same content");
}

/* The day is this machine's, by its time zone; the oracle is date(1). */
static void without_version_it_is_today_here(void **state)
{
	static const char *const zones[] = {"Pacific/Kiritimati", "Pacific/Pago_Pago"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		run("sh -c 'export TZ=%s; date +%%F; publish-model -i site face src; date "
		    "+%%F'",
			zones[i]);
		expect_code(EXIT_OK);
		fixture_shell("a=$(head -n 1 out) z=$(tail -n 1 out)\n"
			      "test -e store/face/$a -o -e store/face/$z");
	}
	assert_string_equal(fixture_shell("ls store/face | wc -l"), "2\n");
}

static void a_check_changes_nothing(void **state)
{
	(void)state;
	run("publish-model -i site face src --version " V1 " --activate --check");
	expect_code(EXIT_OK);
	expect_in(out, "would be published");
	expect_in(out, "current_version 2025-11-20 -> " V1 ", by a commit");
	assert_string_equal(fixture_shell("find store -name face"), "");
	assert_string_equal(fixture_shell("cd site && git status --short"), "");
}

static void a_model_that_the_registry_lacks(void **state)
{
	(void)state;
	run("publish-model -i site fase src --version " V1);
	expect_code(EXIT_OK);
	expect_in(out, "The registry has no model fase; the nearest name is face.");
	expect_in(
		out, "  fase:\n    current_version: \"" V1 "\"\n    previous_version: null\n");
	run("publish-model -i site fase src --version " V2 " --activate");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "--activate: the registry has no model fase (did you mean face?)");
	assert_false(path_exists(fixture_path("store/fase/" V2)));
}

static void alone_the_option_is_the_programs_version(void **state)
{
	(void)state;
	run("publish-model --version");
	expect_code(EXIT_OK);
	expect_in(out, "publish-model ");
}

/* Command lines that are refused, and what is said. */
static const struct {
	const char *words, *says;
} refusals[] = {
	{"face", "expected a model and what to publish"},
	{"face src --version 2026-02-30", "--version: found '2026-02-30', expected a day"},
	{"face src --push", "--push goes with --activate"},
	{"../face src", "cannot be a model"},
	{"coral_packages src", "cannot be a model"},
	{"face gone", "gone: error: cannot be opened: No such file"},
	{"face src src", "src: error: is no file; give one directory, or files"},
	{"face hostile", "hostile/abs: error: is an absolute link, to /etc/passwd"},
	{"face empty", "empty holds no file"},
};

static void what_cannot_be_published_is_refused(void **state)
{
	(void)state;
	fixture_shell("mkdir hostile empty; ln -s /etc/passwd hostile/abs; echo x > hostile/x");
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		run("publish-model -i site %s", refusals[i].words);
		expect_code(EXIT_CANNOT_RUN);
		expect_in(errors, refusals[i].says);
		assert_string_equal(fixture_shell("find store -name face"), "");
	}
}

static void other_content_is_refused(void **state)
{
	(void)state;
	run("publish-model -i site face src --version " V1);
	fixture_write("src/sub/labels.txt", "other\n");
	run("publish-model -i site face src --version " V1);
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "sub/labels.txt has 4 bytes there and 6 here");
}

static void a_store_that_is_not_mounted_is_not_made(void **state)
{
	(void)state;
	fixture_shell("rmdir store");
	run("publish-model -i site face src");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "mount its disk, or make the directory");
	assert_false(path_exists(fixture_path("store")));
}

static const struct value *event(void)
{
	struct err err = {0};
	const struct value *v =
		json_read(&fixture_arena, out, strlen(out), "out", NULL, NULL, &err);

	if (!v)
		fail_msg("%s\n%s", err.text, out);
	return v;
}

static void expect_member(const struct value *v, const char *key, const char *text)
{
	const char *found = value_text(value_dict_get(v, key));

	if (str_cmp0(found, text) != 0)
		fail_msg("%s: %s", key, out);
}

static void json_is_one_event(void **state)
{
	(void)state;
	run("publish-model -i site face src --version " V1 " --activate --json");
	expect_code(EXIT_OK);
	const struct value *v = event();
	expect_member(v, "event", "publish");
	expect_member(v, "model", "face");
	expect_member(v, "version", V1);
	expect_member(v, "outcome", "made");
	expect_member(v, "previous", "2025-11-20");
	expect_member(v, "commit", fixture_shell("printf %%s $(git -C site rev-parse HEAD)"));
	assert_int_equal(value_dict_get(v, "files")->integer, 2);
	assert_int_equal(value_dict_get(v, "bytes")->integer, 12);
	assert_true(value_dict_get(v, "in_registry")->boolean);
	run("publish-model -i site face src --version " V1 " --json");
	expect_member(event(), "outcome", "there");
	run("publish-model -i site face src --version " V2 " --json --check");
	expect_member(event(), "outcome", "would_make");
}

static void activation_is_one_commit_of_one_file(void **state)
{
	(void)state;
	fixture_shell("cd site; echo x > other; git add other");
	run("publish-model -i site face src --version " V1
	    " --activate --note 'winter pictures'");
	expect_code(EXIT_OK);
	expect_in(out, "current_version 2025-11-20 -> " V1 ", commit ");
	expect_in(out, "Next: deploy-models --models face\n");
	assert_string_equal(fixture_shell("cd site; git show --format= --name-only HEAD"),
		"group_vars/all/model_registry.yaml\n");
	assert_string_equal(fixture_shell("cd site; git status --short"), "A  other\n");
	expect_in(fixture_shell("cd site; git log -1"), "winter pictures");
	expect_in(fixture_shell("cd site; grep -A 2 face: group_vars/all/model_registry.yaml"),
		"current_version: \"" V1 "\" # the winter one\n    previous_version: "
		"\"2025-11-20\"\n");
	/* Once more: it is there, and current. */
	run("publish-model -i site face src --version " V1 " --activate");
	expect_code(EXIT_OK);
	expect_in(out, "It is current. Next: deploy-models");
	assert_string_equal(fixture_shell("cd site; git rev-list --count HEAD"), "2\n");
}

static void what_keeps_the_commit_is_told_before_anything_is_copied(void **state)
{
	(void)state;
	fixture_shell("cd site; echo '# mine' >> group_vars/all/model_registry.yaml");
	run("publish-model -i site face src --version " V1 " --activate");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "has changes that are not committed");
	assert_false(path_exists(fixture_path("store/face")));
}

static void a_push_reaches_the_remote(void **state)
{
	(void)state;
	fixture_shell("git init -q --bare remote.git; cd site\n"
		      "git remote add origin ../remote.git; git push -q -u origin main");
	run("publish-model -i site face src --version " V1 " --activate --push");
	expect_code(EXIT_OK);
	expect_in(out, ", pushed\n");
	fixture_shell(
		"test $(git -C remote.git rev-parse main) = $(git -C site rev-parse HEAD)");
}

static void a_push_that_fails_says_what_is_done(void **state)
{
	(void)state;
	run("publish-model -i site face src --version " V1 " --activate --push");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "the version is published and current here, by commit ");
	assert_true(path_exists(fixture_path("store/face/" V1)));
}

/*
 * Many at once: the lock lets one work, the others say who does, or that the version is there.
 * Whatever the order, it is made once, and whole.
 */
static void several_publish_one_version_at_once(void **state)
{
	(void)state;
	fixture_shell("head -c 20000000 /dev/urandom > src/big");
	run("sh -c 'for i in 1 2 3 4; do\n"
	    "publish-model -i site face src --version " V1 " --json > out.$i 2> err.$i & done\n"
	    "wait'");
	assert_string_equal(fixture_shell("cat out.* | grep -c '\"outcome\":\"made\"'"), "1\n");
	assert_string_equal(
		fixture_shell("for i in 1 2 3 4; do\n"
			      "grep -q '\"outcome\"' out.$i || grep -q 'publish-model -i site "
			      "face' err.$i || cat err.$i; done"),
		"");
	run("publish-model -i site face src --version " V1);
	expect_code(EXIT_OK);
	expect_in(out, "is there already");
	run("modelfleet verify-store -i site");
	expect_code(EXIT_OK);
}

/* ---- verify-store ---- */

static void publish_three(void)
{
	for (int day = 1; day <= 3; day++) {
		run("publish-model -i site face src --version 2026-02-0%d", day);
		expect_code(EXIT_OK);
	}
}

static void flip(const char *version)
{
	fixture_shell("cd store/face/%s; touch -r model.tflite ../ref\n"
		      "printf W | dd of=model.tflite bs=1 conv=notrunc status=none\n"
		      "touch -r ../ref model.tflite; rm ../ref",
		version);
}

static void a_sound_store_is_said_to_be_sound(void **state)
{
	(void)state;
	publish_three();
	fixture_shell("mkdir -p store/face/2025-01-01; echo x > store/face/2025-01-01/x");
	run("modelfleet verify-store -i site");
	expect_code(EXIT_OK);
	expect_in(out, "4 of 4 versions read");
	expect_in(out, "3 sound, 0 rotted");
	expect_in(out, "1 without manifest.yaml, which cannot be verified: face 2025-01-01\n");
}

static void rot_is_named_and_ends_with_2(void **state)
{
	(void)state;
	publish_three();
	flip("2026-02-02");
	run("modelfleet verify-store -i site");
	expect_code(EXIT_HOST_FAILED);
	expect_in(out,
		"face 2026-02-02: rotted\n  \"model.tflite\" holds other content than it "
		"did\n");
	expect_in(out, "2 sound, 1 rotted");
	run("modelfleet verify-store -i site --version 2026-02-03");
	expect_code(EXIT_OK);
	expect_in(out, "1 of 1 versions read");
}

static void verify_store_speaks_json(void **state)
{
	(void)state;
	publish_three();
	flip("2026-02-03");
	run("modelfleet verify-store -i site --json");
	expect_code(EXIT_HOST_FAILED);
	assert_string_equal(
		fixture_shell("/usr/bin/python3 -c '\n"
			      "import json\n"
			      "for e in map(json.loads, open(\"out\")):\n"
			      "    print(e[\"event\"], e.get(\"version\"), e.get(\"state\"),\n"
			      "          [f[\"path\"] for f in e.get(\"findings\", [])],\n"
			      "          e.get(\"exit_code\"), e.get(\"rotted\"))'"),
		"version 2026-02-01 sound [] None None\n"
		"version 2026-02-02 sound [] None None\n"
		"version 2026-02-03 rotted ['model.tflite'] None None\n"
		"verify_store None None [] 2 1\n");
}

static void models_and_versions_that_are_not_there(void **state)
{
	(void)state;
	publish_three();
	run("modelfleet verify-store -i site --model fase");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "has no model fase; did you mean face?");
	run("modelfleet verify-store -i site --version 2020-01-01");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "has no version 2020-01-01");
	run("modelfleet verify-store -i site face");
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "a model is chosen with --model");
}

/* Starts a slow run and interrupts it once it has done a version. */
static void interrupt_after_the_first(void)
{
	run("sh -c 'modelfleet verify-store -i site --bwlimit 20M & p=$!\n"
	    "n=0; while ! grep -q 2026-02-01 state/modelfleet/verify/* 2>/dev/null; do\n"
	    "sleep 0.05; n=$((n+1)); test $n -lt 400 || break; done\n"
	    "kill -INT $p; wait $p'");
	expect_code(EXIT_INTERRUPTED);
	expect_in(errors, "interrupted; --resume goes on from here");
}

static void an_interrupted_run_goes_on(void **state)
{
	(void)state;
	fixture_shell("head -c 10000000 /dev/urandom > src/big");
	publish_three();
	flip("2026-02-01");
	interrupt_after_the_first();
	/* What was found before is told again, and not read again. */
	fixture_shell("cp src/model.tflite store/face/2026-02-01/model.tflite");
	run("modelfleet verify-store -i site --resume");
	expect_code(EXIT_HOST_FAILED);
	expect_in(out, "1 of 3 versions were read before\n");
	expect_in(out, "face 2026-02-01: rotted\n");
	expect_in(out, "3 of 3 versions read");
	/* That run came to its end: the next begins anew. */
	run("modelfleet verify-store -i site --resume");
	expect_code(EXIT_OK);
	expect_in(out, "0 of 3 versions were read before\n");
}

static void a_line_that_was_cut_counts_for_nothing(void **state)
{
	(void)state;
	fixture_shell("head -c 10000000 /dev/urandom > src/big");
	publish_three();
	interrupt_after_the_first();
	fixture_shell(
		"for f in state/modelfleet/verify/*; do\n"
		"printf '{\"model\":\"face\",\"version\":\"2026-02-02\",\"sta' >> $f; done");
	run("modelfleet verify-store -i site --resume");
	expect_code(EXIT_OK);
	expect_in(out, "1 of 3 versions were read before\n");
}

static void without_resume_a_run_begins_anew(void **state)
{
	(void)state;
	fixture_shell("head -c 10000000 /dev/urandom > src/big");
	publish_three();
	flip("2026-02-01");
	interrupt_after_the_first();
	fixture_shell("cp src/model.tflite store/face/2026-02-01/model.tflite");
	run("modelfleet verify-store -i site");
	expect_code(EXIT_OK);
	expect_in(out, "3 sound, 0 rotted");
}

/* ---- a store on another host, which a helper on this machine plays ---- */

#define REMOTE "-i site --transport local"

static int make_remote_site(void **state)
{
	if (make_site(state) < 0)
		return -1;
	fixture_write("site/hosts.yaml",
		"all: {vars: {primary_datasink: sink}, hosts: {h0: {}, sink: {}}}\n");
	return 0;
}

static void a_store_on_another_host_is_published_into(void **state)
{
	(void)state;
	run("publish-model " REMOTE " face src --version " V1 " --check");
	expect_code(EXIT_OK);
	expect_in(out, "would be published");
	assert_string_equal(fixture_shell("ls -A store"), "");
	run("publish-model " REMOTE " face src --version " V1);
	expect_code(EXIT_OK);
	expect_in(out, " B sent\n");
	expect_in(out, "/store/face/" V1 "\n");
	fixture_shell("diff -r -x manifest.yaml src store/face/" V1);
	run("publish-model " REMOTE " face src --version " V1);
	expect_in(out, "is there already, with the same content");
	fixture_write("src/model.tflite", "WEIGHTS\n");
	run("publish-model " REMOTE " face src --version " V1);
	expect_code(EXIT_CANNOT_RUN);
	expect_in(errors, "model.tflite has other content");
}

static void a_store_on_another_host_is_verified_there(void **state)
{
	(void)state;
	run("publish-model " REMOTE " face src --version " V1);
	run("modelfleet verify-store " REMOTE);
	expect_code(EXIT_OK);
	expect_in(out, "1 of 1 versions read, 3 files");
	flip(V1);
	run("modelfleet verify-store " REMOTE);
	expect_code(EXIT_HOST_FAILED);
	expect_in(out, "\"model.tflite\" holds other content than it did\n");
}

/* The helper's cache says that a file held something else: as if it had rotted since. */
static void remember_wrongly(const char *file)
{
	struct hash_cache *known =
		hash_cache_open(fixture_path("cache/modelfleet/hashes"), NULL);
	const uint8_t hash[TREE_HASH_SIZE] = "other content";
	struct stat st;

	assert_int_equal(stat(fixture_path(file), &st), 0);
	hash_cache_put(known, &st, hash);
	assert_int_equal(hash_cache_save(known, NULL), 0);
	hash_cache_free(known);
}

static void what_the_other_host_remembers_tells_rot(void **state)
{
	(void)state;
	fixture_shell("mkdir -p store/face; cp -r src store/face/" V1 "; sleep 0.02");
	run("modelfleet verify-store " REMOTE);
	expect_code(EXIT_OK);
	expect_in(out, "1 without manifest.yaml, which cannot be verified: face " V1 "\n");
	remember_wrongly("store/face/" V1 "/model.tflite");
	run("modelfleet verify-store " REMOTE);
	expect_code(EXIT_HOST_FAILED);
	expect_in(out, "\"model.tflite\" holds other content than it did, though size and time "
		       "are the same\n");
}

int main(void)
{
#define REMOTE_TEST(f) cmocka_unit_test_setup_teardown(f, make_remote_site, fixture_teardown)
#define SITE_TEST(f)   cmocka_unit_test_setup_teardown(f, make_site, fixture_teardown)
	const struct CMUnitTest tests[] = {
		SITE_TEST(a_version_is_published_and_what_is_next_is_said),
		SITE_TEST(without_version_it_is_today_here),
		SITE_TEST(a_check_changes_nothing),
		SITE_TEST(a_model_that_the_registry_lacks),
		SITE_TEST(alone_the_option_is_the_programs_version),
		SITE_TEST(what_cannot_be_published_is_refused),
		SITE_TEST(other_content_is_refused),
		SITE_TEST(a_store_that_is_not_mounted_is_not_made),
		SITE_TEST(json_is_one_event),
		SITE_TEST(activation_is_one_commit_of_one_file),
		SITE_TEST(what_keeps_the_commit_is_told_before_anything_is_copied),
		SITE_TEST(a_push_reaches_the_remote),
		SITE_TEST(a_push_that_fails_says_what_is_done),
		SITE_TEST(several_publish_one_version_at_once),
		SITE_TEST(a_sound_store_is_said_to_be_sound),
		SITE_TEST(rot_is_named_and_ends_with_2),
		SITE_TEST(verify_store_speaks_json),
		SITE_TEST(models_and_versions_that_are_not_there),
		SITE_TEST(an_interrupted_run_goes_on),
		SITE_TEST(a_line_that_was_cut_counts_for_nothing),
		SITE_TEST(without_resume_a_run_begins_anew),
		REMOTE_TEST(a_store_on_another_host_is_published_into),
		REMOTE_TEST(a_store_on_another_host_is_verified_there),
		REMOTE_TEST(what_the_other_host_remembers_tells_rot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
