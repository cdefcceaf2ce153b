/* SPDX-License-Identifier: Apache-2.0 */
#include "link/fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"

#if defined(__SANITIZE_ADDRESS__)
/*
 * libssh2 1.10 forgets some memory of a key exchange that was broken off; it is a few hundred
 * bytes for each such connection, and there is no call that would free them.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libssh2.so\n";
}
#endif

void scratch_init(struct scratch *s)
{
	snprintf(s->dir, sizeof(s->dir), "/tmp/modelfleet-link-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
}

char *scratch_path(const struct scratch *s, const char *name)
{
	return path_join(s->dir, name);
}

void scratch_write(const struct scratch *s, const char *name, const char *text, mode_t mode)
{
	autofree char *path = scratch_path(s, name);

	assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), 0);
}

char *scratch_read(const struct scratch *s, const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = scratch_path(s, name);

	file_read(path, 1 << 20, &text, NULL);
	return xstrdup(text.data);
}

void scratch_release(struct scratch *s)
{
	path_remove_tree(s->dir, NULL);
}

void run_program(const char *program, ...)
{
	const char *argv[32] = {program};
	struct spawn_result r = {0};
	struct err err = {0};
	va_list ap;

	va_start(ap, program);
	for (size_t i = 1; i < ARRAY_SIZE(argv) && (argv[i] = va_arg(ap, const char *)); i++)
		;
	va_end(ap);
	struct spawn_options o = {.argv = argv, .until = deadline_in(60)};
	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	if (r.status != 0)
		fail_msg("%s: %s%s", program, r.out.data, r.err.data);
	spawn_result_release(&r);
}

void link_fixture_init(struct link_fixture *f)
{
	struct err err = {0};

	memset(f, 0, sizeof(*f));
	scratch_init(&f->scratch);
	f->cache = scratch_path(&f->scratch, "cache");
	f->remote = scratch_path(&f->scratch, "remote");
	f->remote_dirs[0] = f->remote;
	if (link_helpers_add(&f->helpers, "x86_64", ECHO_HELPER, &err) < 0)
		fail_msg("%s", err.text);
	f->options = (struct link_options){
		.name = "node",
		.transport = LINK_LOCAL,
		.helpers = &f->helpers,
		.remote_dirs = f->remote_dirs,
		.cache_dir = f->cache,
	};
}

void link_fixture_release(struct link_fixture *f)
{
	link_helpers_release(&f->helpers);
	free(f->cache);
	free(f->remote);
	scratch_release(&f->scratch);
}

unsigned test_seed(void)
{
	const char *given = getenv("MODELFLEET_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_ns();

	print_message("MODELFLEET_TEST_SEED=%u\n", seed);
	return seed;
}

/* What a frame of a number holds: checkable without keeping it. */
static size_t fill_payload(uint8_t *payload, unsigned seed, unsigned number)
{
	unsigned state = seed ^ (number * 2654435761u);
	size_t len = rand_r(&state) % 3 ? FRAME_PAYLOAD_MAX
					: (size_t)rand_r(&state) % (FRAME_PAYLOAD_MAX + 1);

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(state + i * 7 + (i >> 8));
	return len;
}

/* Checks one answer: every eighth request was a PING, the others are echoes. */
static int check_answer(
	const struct frame *f, unsigned seed, uint32_t first_id, struct err *err)
{
	static _Thread_local uint8_t expected[FRAME_PAYLOAD_MAX];
	size_t len = fill_payload(expected, seed, f->id - first_id);

	if (f->kind != WIRE_REPLY)
		return err_set(err, ERR_PROTOCOL, "frame %u is of kind %u", f->id, f->kind);
	if (f->len == 0 && (f->id - first_id) % 8 == 7)
		return 0;
	if (f->len != len || memcmp(f->data, expected, len) != 0)
		return err_set(
			err, ERR_INTEGRITY, "frame %u came back with other bytes", f->id);
	return 0;
}

int echo_check(
	struct link *link, unsigned seed, unsigned count, deadline until, struct err *err)
{
	static _Thread_local uint8_t payload[FRAME_PAYLOAD_MAX];
	uint32_t first = 0, received = 0;
	struct frame f;

	for (unsigned i = 0; i < count; i++) {
		bool control = i % 8 == 7;
		struct frame request = {.kind = control ? WIRE_PING : WIRE_ECHO,
			.data = payload,
			.len = control ? 0 : fill_payload(payload, seed, i)};
		uint32_t id = control ? link_send(link, &request, err)
				      : link_send_bulk(link, &request, until, err);
		if (id == 0)
			return -1;
		first = i == 0 ? id : first;
		int got;
		while ((got = link_poll(link, &f, err)) > 0) {
			if (check_answer(&f, seed, first, err) < 0)
				return -1;
			received++;
		}
		if (got < 0)
			return -1;
	}
	for (; received < count; received++)
		if (link_next(link, &f, until, err) < 0 ||
			check_answer(&f, seed, first, err) < 0)
			return -1;
	return 0;
}
