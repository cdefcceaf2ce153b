/* SPDX-License-Identifier: Apache-2.0 */
/* Small parts of the link: limiter, memory of hosts, helpers, key files. */
#include "link/fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/path.h"
#include "link/key_file.h"
#include "link/memory.h"

static void test_no_limit(void **state)
{
	struct link_limiter l;

	(void)state;
	link_limiter_init(&l, 0);
	assert_int_equal(link_limiter_take(&l, 1 << 30), 0);
	assert_int_equal(link_limiter_take(NULL, 1 << 30), 0);
	link_limiter_release(&l);
}

static void test_limit_holds(void **state)
{
	struct link_limiter l;
	int64_t begun = clock_ns();
	deadline last = 0;

	(void)state;
	link_limiter_init(&l, 1000000);
	for (int i = 0; i < 100; i++)
		last = link_limiter_take(&l, 30000);
	/* 3 MB at 1 MB a second, less the tenth of a second that was saved up. */
	double seconds = (double)(last - begun) / 1e9;
	assert_true(seconds > 2.8 && seconds < 3.0);
	link_limiter_release(&l);
}

static void *take_many(void *data)
{
	for (int i = 0; i < 1000; i++)
		link_limiter_take(data, 1000);
	return NULL;
}

static void test_limit_is_shared(void **state)
{
	struct link_limiter l;
	pthread_t threads[8];
	int64_t begun = clock_ns();

	(void)state;
	link_limiter_init(&l, 8000000);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, take_many, &l);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	double seconds = (double)(link_limiter_take(&l, 1) - begun) / 1e9;
	assert_true(seconds > 0.85 && seconds < 1.1);
	link_limiter_release(&l);
}

static void test_hosts_are_remembered(void **state)
{
	struct scratch s;
	struct host_memory m;

	(void)state;
	scratch_init(&s);
	host_memory_load(&m, s.dir, "me@a:22");
	assert_null(m.dir);
	host_memory_set_helper(&m, "aarch64", "/var/tmp/x");
	host_memory_set_program(&m, true);
	host_memory_save(&m);
	host_memory_release(&m);
	host_memory_load(&m, s.dir, "me@a:22");
	assert_string_equal(m.machine, "aarch64");
	assert_string_equal(m.dir, "/var/tmp/x");
	assert_true(m.needs_program);
	host_memory_release(&m);
	host_memory_load(&m, s.dir, "me@b:22");
	assert_null(m.dir);
	assert_false(m.needs_program);
	host_memory_release(&m);
	scratch_release(&s);
}

/* Replaces the memory of me@a:22 and loads it. */
static void load_damaged(const struct scratch *s, const char *text, struct host_memory *m)
{
	host_memory_load(m, s->dir, "me@a:22");
	autofree char *name = xasprintf("hosts/%s", path_basename(m->file));
	host_memory_release(m);
	scratch_write(s, name, text, 0600);
	host_memory_load(m, s->dir, "me@a:22");
}

static void test_damaged_memory_is_no_memory(void **state)
{
	static const char *const texts[] = {"", "nonsense", "modelfleet host 1\n",
		"modelfleet host 2\nhost me@a:22\ndir /x\n",
		"modelfleet host 1\nhost me@b:22\ndir /x\n", "modelfleet host 1\ndir /x\n",
		"modelfleet host 1\nhost me@a:22\nssh-program-since 2001-01-01T00:00:00Z\n"};
	struct scratch s;
	struct host_memory m;

	(void)state;
	scratch_init(&s);
	autofree char *hosts = scratch_path(&s, "hosts");
	path_mkdirs(hosts, 0700, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		load_damaged(&s, texts[i], &m);
		assert_null(m.dir);
		assert_false(m.needs_program);
		host_memory_release(&m);
	}
	scratch_release(&s);
}

static void test_memory_can_be_switched_off(void **state)
{
	struct host_memory m;

	(void)state;
	host_memory_load(&m, "", "me@a:22");
	host_memory_set_program(&m, true);
	host_memory_save(&m);
	assert_null(m.file);
	host_memory_release(&m);
}

static void test_helpers(void **state)
{
	struct scratch s;
	struct link_helpers h = {0};
	struct err err = {0};

	(void)state;
	scratch_init(&s);
	assert_int_equal(link_helpers_load(&h, s.dir, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	autofree char *arm = scratch_path(&s, "node/armhf");
	autofree char *arm64 = scratch_path(&s, "aarch64");
	path_mkdirs(arm, 0700, NULL);
	path_mkdirs(arm64, 0700, NULL);
	scratch_write(&s, "node/armhf/modelfleet-node", "arm", 0700);
	scratch_write(&s, "aarch64/modelfleet-node", "abc", 0700);
	assert_int_equal(link_helpers_load(&h, s.dir, &err), 0);
	assert_int_equal(h.count, 2);
	assert_ptr_equal(link_helpers_find(&h, "armv7l"), link_helpers_find(&h, "armhf"));
	const struct link_helper *found = link_helpers_find(&h, "arm64");
	assert_non_null(found);
	/* The first half of SHA-256 of "abc" (FIPS 180-2). */
	assert_string_equal(found->digest, "ba7816bf8f01cfea414140de5dae2223");
	assert_int_equal(found->size, 3);
	assert_null(link_helpers_find(&h, "riscv64"));
	AUTO(strbuf_release) struct strbuf list = STRBUF_INIT;
	link_helpers_list(&h, &list);
	assert_string_equal(list.data, "aarch64, armhf");
	assert_true(link_helpers_exist_for("x86_64"));
	assert_true(link_helpers_exist_for("armv7l"));
	assert_false(link_helpers_exist_for("armv6l"));
	scratch_write(&s, "aarch64/modelfleet-node", "", 0700);
	assert_int_equal(link_helpers_load(&h, s.dir, &err), -1);
	link_helpers_release(&h);
	scratch_release(&s);
}

/* Makes a key of a type and format, with or without a passphrase, and looks at it. */
static enum key_file_state look_at(
	const struct scratch *s, const char *type, const char *format, const char *passphrase)
{
	autofree char *name = xasprintf("%s-%s-%zu", type, format, strlen(passphrase));
	autofree char *path = scratch_path(s, name);

	run_program("ssh-keygen", "-q", "-t", type, "-m", format, "-N", passphrase, "-f", path,
		NULL);
	return key_file_look(path);
}

static void test_key_files(void **state)
{
	AUTO(strbuf_release) struct strbuf type = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf blob = STRBUF_INIT;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	assert_int_equal(look_at(&s, "ed25519", "RFC4716", ""), KEY_FILE_PLAIN);
	assert_int_equal(look_at(&s, "ed25519", "RFC4716", "a pass"), KEY_FILE_ENCRYPTED);
	assert_int_equal(look_at(&s, "ecdsa", "PEM", ""), KEY_FILE_PLAIN);
	assert_int_equal(look_at(&s, "ecdsa", "PEM", "a pass"), KEY_FILE_ENCRYPTED);
	assert_int_equal(look_at(&s, "ecdsa", "PKCS8", ""), KEY_FILE_PLAIN);
	assert_int_equal(look_at(&s, "ecdsa", "PKCS8", "a pass"), KEY_FILE_ENCRYPTED);
	assert_int_equal(key_file_look("/nonexistent"), KEY_FILE_ABSENT);
	assert_int_equal(key_text_look("hello", 5), KEY_FILE_ABSENT);
	autofree char *path = scratch_path(&s, "ed25519-RFC4716-0");
	assert_int_equal(key_file_public(path, &type, &blob), 1);
	assert_string_equal(type.data, "ssh-ed25519");
	assert_int_equal(blob.len, 4 + 11 + 4 + 32);
	assert_false(key_file_public("/nonexistent", &type, &blob));
	scratch_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_limit_holds),
		cmocka_unit_test(test_limit_is_shared),
		cmocka_unit_test(test_hosts_are_remembered),
		cmocka_unit_test(test_damaged_memory_is_no_memory),
		cmocka_unit_test(test_memory_can_be_switched_off),
		cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_key_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
