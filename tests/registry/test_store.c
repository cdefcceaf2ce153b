/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "fixture.h"
#include "registry/store.h"
#include "site_text.h"

static struct store *store;

static int setup(void **state)
{
	return fixture_setup(state);
}

static int teardown(void **state)
{
	store_free(store);
	store = NULL;
	return fixture_teardown(state);
}

static void open_store(void)
{
	struct err err;

	store = store_open_local(fixture_path("store"), &err);
	if (!store)
		fail_msg("%s", err.text);
}

static const char *joined(const struct strlist *l)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < l->count; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", l->items[i]);
	return arena_strdup(&fixture_arena, text.data);
}

static const char *models(void)
{
	AUTO(strlist_release) struct strlist names = {0};
	struct err err;

	assert_int_equal(store_list_models(store, &names, &err), 0);
	return joined(&names);
}

static const char *versions(const char *model)
{
	AUTO(strlist_release) struct strlist names = {0};
	struct err err;

	if (store_list_versions(store, model, &names, &err) < 0)
		return arena_strdup(&fixture_arena, err.text);
	return joined(&names);
}

static void test_models_and_versions_are_listed(void **state)
{
	(void)state;
	fixture_version("store", "ssd", "2020-12-06");
	fixture_version("store", "face", "2026-02-02");
	fixture_version("store", "face", "2025-02-25");
	fixture_version("store", "face", "2025-11-20");
	open_store();

	assert_string_equal(models(), "face ssd");
	assert_string_equal(versions("face"), "2025-02-25 2025-11-20 2026-02-02");
	assert_string_equal(store->location, fixture_path("store"));
}

static void test_what_is_no_version_is_passed_over(void **state)
{
	(void)state;
	fixture_version("store", "face", "2026-02-02");
	fixture_version("store", "face", "2026-02-30");
	fixture_version("store", "face", "latest");
	fixture_version("store", "face", ".staging");
	fixture_version("store", "coral_packages", "2026-02-02");
	fixture_write("store/face/2026-02-03", "a file");
	fixture_write("store/README", "");
	open_store();

	assert_string_equal(models(), "face");
	assert_string_equal(versions("face"), "2026-02-02");
	assert_true(path_is_dir(fixture_path("store/.fleet")));
}

static void test_names_that_cannot_be(void **state)
{
	static const char *const names[] = {"..", ".", "", "a/b", ".fleet", "../store/face"};
	struct strlist out = {0};
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	open_store();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(store_list_versions(store, names[i], &out, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_int_equal(store_check_version(store, names[i], "2026-02-02", &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_int_equal(store_check_version(store, "face", names[i], &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_int_equal(
			store_open_file(store, "face", "2026-02-02", names[i], &err), -1);
	}
}

static void test_a_version_that_is_missing(void **state)
{
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	open_store();
	assert_int_equal(store_check_version(store, "face", "2026-02-02", &err), 0);
	assert_int_equal(store_check_version(store, "face", "2026-02-03", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(store_check_version(store, "none", "2026-02-03", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_true(strstr(versions("none"), "No such file") != NULL);
}

static void test_a_link_out_of_the_store_is_an_error(void **state)
{
	char expected[512];
	struct err err;

	(void)state;
	fixture_version("elsewhere", "face", "2026-02-02");
	fixture_version("store", "ssd", "2020-12-06");
	fixture_shell(
		"ln -s ../elsewhere/face store/face; ln -s \"$PWD/elsewhere/face/2026-02-02\" "
		"store/ssd/2026-02-02");
	open_store();

	assert_int_equal(store_check_version(store, "face", "2026-02-02", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	snprintf(expected, sizeof(expected),
		"the model directory %s/face is a symbolic link to \"../elsewhere/face\", out "
		"of the store; expected the directory itself",
		store->location);
	assert_string_equal(err.text, expected);
	assert_int_equal(store_check_version(store, "ssd", "2026-02-02", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "the version directory"));
	assert_int_equal(store_open_file(store, "ssd", "2026-02-02", "model.bin", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void test_a_link_inside_the_store_works(void **state)
{
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	fixture_shell("ln -s 2026-02-02 store/face/2026-03-03");
	open_store();
	assert_string_equal(versions("face"), "2026-02-02 2026-03-03");
	assert_int_equal(store_check_version(store, "face", "2026-03-03", &err), 0);
}

static void test_a_file_in_place_of_a_version(void **state)
{
	struct err err;

	(void)state;
	fixture_write("store/face/2026-02-02", "");
	open_store();
	assert_int_equal(store_check_version(store, "face", "2026-02-02", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(
		strstr(err.text, "is not a directory; expected the version's directory"));
}

static const char *read_all(int fd)
{
	char text[256] = "";
	autofd int file = fd;

	assert_true(fd_read_full(file, text, sizeof(text) - 1) >= 0);
	return arena_strdup(&fixture_arena, text);
}

static void test_files_are_opened(void **state)
{
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	fixture_write("store/face/2026-02-02/a b/c\n", "deep");
	fixture_shell(
		"cd store/face/2026-02-02; ln -s model.bin link; ln -s 'a b' dir; mkfifo pipe; "
		"ln -s ../../../secret out; echo x > ../../../secret");
	open_store();

	int fd = store_open_file(store, "face", "2026-02-02", "model.bin", &err);
	assert_string_equal(read_all(fd), "face of 2026-02-02\n");
	fd = store_open_file(store, "face", "2026-02-02", "a b/c\n", &err);
	assert_string_equal(read_all(fd), "deep");
	static const char *const refused[] = {"link", "dir/c\n", "pipe", "out", "a b",
		"../2026-02-02/model.bin", "/etc/passwd"};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(
			store_open_file(store, "face", "2026-02-02", refused[i], &err), -1);
}

static const char *manifest_paths(const struct manifest *m)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < m->count; i++)
		strbuf_addf(&text, "%s%s%s%s", i ? " " : "", m->entries[i].path,
			m->entries[i].flags & MANIFEST_INITIAL_ONLY ? "+i" : "",
			m->entries[i].flags & MANIFEST_IMMUTABLE ? "+h" : "");
	return arena_strdup(&fixture_arena, text.data);
}

static void test_a_manifest_is_what_the_model_says(void **state)
{
	AUTO(manifest_release) struct manifest all = {0};
	AUTO(manifest_release) struct manifest some = {0};
	static const char *const first[] = {"faces.csv"};
	static const char *const never[] = {"*.tmp", "training"};
	const struct model model = {
		.name = "face",
		.initial_only = {first, 1},
		.exclude = {never, 2},
		.immutable = true,
	};
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	fixture_write("store/face/2026-02-02/faces.csv", "");
	fixture_write("store/face/2026-02-02/sub/x.tmp", "");
	fixture_write("store/face/2026-02-02/training/big", "");
	open_store();

	assert_int_equal(store_read_manifest(store, "face", "2026-02-02", NULL, &all, &err), 0);
	assert_string_equal(manifest_paths(&all),
		"faces.csv model.bin sub sub/x.tmp training training/big");
	assert_int_equal(store_read_model(store, &model, "2026-02-02", NULL, &some, &err), 0);
	assert_string_equal(manifest_paths(&some), "faces.csv+i+h model.bin+h sub");
}

static void test_what_is_excluded_is_not_looked_at(void **state)
{
	AUTO(manifest_release) struct manifest m = {0};
	static const char *const never[] = {"run/"};
	const struct model model = {.name = "face", .exclude = {never, 1}};
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	fixture_shell(
		"mkdir store/face/2026-02-02/run; mkfifo store/face/2026-02-02/run/socket");
	open_store();
	assert_int_equal(store_read_manifest(store, "face", "2026-02-02", NULL, &m, &err), -1);
	manifest_release(&m);
	assert_int_equal(store_read_model(store, &model, "2026-02-02", NULL, &m, &err), 0);
}

/* How many times a file was read since the last call. */
static int reads_seen(int watch)
{
	char events[4096];
	ssize_t n = read(watch, events, sizeof(events));

	return n > 0 ? (int)((size_t)n / sizeof(struct inotify_event)) : 0;
}

static void read_face(uint8_t digest[TREE_SHA256_SIZE])
{
	AUTO(manifest_release) struct manifest m = {0};
	struct err err;

	assert_int_equal(store_read_manifest(store, "face", "2026-02-02", NULL, &m, &err), 0);
	memcpy(digest, m.digest, TREE_SHA256_SIZE);
}

static void test_a_file_that_did_not_change_is_not_read_again(void **state)
{
	uint8_t first[TREE_SHA256_SIZE];
	uint8_t second[TREE_SHA256_SIZE];
	autofd int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	/* A file that changed a moment ago is not remembered: its clock tick is not over. */
	wait_until(deadline_in(2.1), NULL, NULL);
	const char *file = fixture_path("store/face/2026-02-02/model.bin");
	assert_true(inotify_add_watch(watch, file, IN_ACCESS) >= 0);
	open_store();
	read_face(first);
	assert_int_not_equal(reads_seen(watch), 0);

	read_face(second);
	assert_int_equal(reads_seen(watch), 0);
	assert_memory_equal(first, second, TREE_SHA256_SIZE);
	store_free(store);
	open_store();
	read_face(second);
	assert_int_equal(reads_seen(watch), 0);
	assert_memory_equal(first, second, TREE_SHA256_SIZE);

	fixture_shell(
		"printf X | dd of=store/face/2026-02-02/model.bin conv=notrunc 2> /dev/null; "
		"touch -d '2 days ago' store/face/2026-02-02/model.bin");
	read_face(second);
	assert_int_not_equal(reads_seen(watch), 0);
	assert_memory_not_equal(first, second, TREE_SHA256_SIZE);
}

static void test_a_read_only_store_is_cached_at_home(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_version("store", "face", "2026-02-02");
	fixture_shell("chmod 755 .; mkdir -m 777 cache; chmod -R a+rX store");
	pid_t pid = fork();
	if (pid == 0) {
		AUTO(manifest_release) struct manifest m = {0};
		struct err err;
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		struct store *s = store_open_local(fixture_path("store"), &err);
		if (!s || store_read_manifest(s, "face", "2026-02-02", NULL, &m, &err) < 0)
			_exit(3);
		store_free(s);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_false(path_exists(fixture_path("store/.fleet")));
	assert_string_equal(fixture_shell("ls cache/modelfleet/stores | wc -l"), "1\n");
}

static void test_an_interrupt_stops_the_hashing(void **state)
{
	AUTO(manifest_release) struct manifest m = {0};
	struct cancel cancel;
	struct err err;

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	fixture_shell("head -c 20000000 /dev/urandom > store/face/2026-02-02/big");
	open_store();
	assert_int_equal(cancel_init(&cancel, &err), 0);
	cancel_request(&cancel);
	assert_int_equal(
		store_read_manifest(store, "face", "2026-02-02", &cancel, &m, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	cancel_release(&cancel);
}

static void *read_in_thread(void *result)
{
	AUTO(manifest_release) struct manifest m = {0};
	struct err err;

	*(int *)result = store_read_manifest(store, "face", "2026-02-02", NULL, &m, &err);
	return NULL;
}

static void test_threads_share_a_store(void **state)
{
	pthread_t threads[8];
	int results[8];

	(void)state;
	fixture_version("store", "face", "2026-02-02");
	open_store();
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_in_thread, &results[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], 0);
	}
}

static void test_a_store_that_is_not_there(void **state)
{
	struct err err;

	(void)state;
	assert_null(store_open_local(fixture_path("none"), &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	fixture_write("file", "");
	assert_null(store_open_local(fixture_path("file"), &err));
}

/* ---- resolution against the store ---- */

static const char *resolve_text(const char *text)
{
	AUTO(resolution_release) struct resolution r = {0};
	AUTO(site_text_release) struct site_text site;

	site_text_read(&site, text, NULL, NULL);
	return site_text_resolve(&site, store, &r);
}

static void test_versions_that_the_store_lacks(void **state)
{
	(void)state;
	fixture_version("store", "face", "2025-02-25");
	fixture_version("store", "face", "2025-11-20");
	fixture_version("store", "ssd", "2020-12-06");
	fixture_shell("mkdir store/empty; mkdir outside; ln -s ../outside store/linked");
	open_store();
	const char *expected = arena_printf(&fixture_arena,
		"t.yaml:3:29: error: found face 2026-02-02, expected a version that the store "
		"%s has; it has 2025-02-25, 2025-11-20 (hosts a, b)\n"
		"t.yaml:4:58: warning: ssd.previous_version: the store %s lacks 2019-01-01, so "
		"going back to it would fail\n"
		"t.yaml:5:30: error: found empty 2026-01-01, expected a version that the store "
		"%s has; it has none of that model (hosts a, c)\n"
		"t.yaml:6:29: error: found none 2026-01-01, expected a version that the store "
		"%s has; it has no such model (hosts a, c)\n"
		"t.yaml:7:31: error: linked 2026-01-01: the model directory %s/linked is a "
		"symbolic link to \"../outside\", out of the store; expected the directory "
		"itself (hosts a, c)\n"
		"t.yaml:11:55: error: found face 2025-11-21, expected a version that the store "
		"%s has; it has 2025-02-25, 2025-11-20 (host c)\n",
		store->location, store->location, store->location, store->location,
		store->location, store->location);

	const char *findings = resolve_text(
		"all:\n"
		"  sentinelcam_models:\n"
		"    face: {current_version: 2026-02-02}\n"
		"    ssd: {current_version: 2020-12-06, previous_version: 2019-01-01}\n"
		"    empty: {current_version: 2026-01-01}\n"
		"    none: {current_version: 2026-01-01}\n"
		"    linked: {current_version: 2026-01-01}\n"
		"hosts:\n"
		"  a: {model_set: all}\n"
		"  b: {model_set: [face, ssd]}\n"
		"  c: {model_set: all, model_version_overrides: {face: 2025-11-21}}\n"
		"  d: {model_set: none}\n");

	assert_string_equal(findings, expected);
}

static void test_models_that_nobody_gets_need_not_be_there(void **state)
{
	(void)state;
	fixture_version("store", "face", "2026-02-02");
	open_store();
	assert_string_equal(
		resolve_text("all: {sentinelcam_models: {face: {current_version: 2026-02-02}, "
			     "ssd: {current_version: 2020-12-06}}}\n"
			     "hosts: {a: {model_set: [face]}}\n"),
		"");
}

static void test_many_versions_are_shortened(void **state)
{
	(void)state;
	for (int day = 1; day <= 14; day++) {
		autofree char *version = xasprintf("2025-01-%02d", day);
		fixture_version("store", "face", version);
	}
	open_store();
	const char *findings = resolve_text(
		"all: {sentinelcam_models: {face: {current_version: 2026-02-02}}}\n"
		"hosts: {a: {model_set: all}}\n");
	assert_non_null(strstr(findings, "; it has 2025-01-05, 2025-01-06, "));
	assert_non_null(strstr(findings, ", 2025-01-14 and 4 older ones\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_models_and_versions_are_listed),
		T(test_what_is_no_version_is_passed_over),
		T(test_names_that_cannot_be),
		T(test_a_version_that_is_missing),
		T(test_a_link_out_of_the_store_is_an_error),
		T(test_a_link_inside_the_store_works),
		T(test_a_file_in_place_of_a_version),
		T(test_files_are_opened),
		T(test_a_manifest_is_what_the_model_says),
		T(test_what_is_excluded_is_not_looked_at),
		T(test_a_file_that_did_not_change_is_not_read_again),
		T(test_a_read_only_store_is_cached_at_home),
		T(test_an_interrupt_stops_the_hashing),
		T(test_threads_share_a_store),
		T(test_a_store_that_is_not_there),
		T(test_versions_that_the_store_lacks),
		T(test_models_that_nobody_gets_need_not_be_there),
		T(test_many_versions_are_shortened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
