/* SPDX-License-Identifier: Apache-2.0 */
#include "node/world.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/users.h"

static void hello_tells_who_and_where(void **state)
{
	struct world *w = *state;
	struct answer a;
	struct wire_hello h;
	struct utsname system;

	assert_int_equal(client_call(&w->client, WIRE_HELLO, 0, NULL, &a), ERR_NONE);
	struct frame f = {.data = (uint8_t *)a.data.data, .len = a.data.len};
	assert_int_equal(wire_get_hello(&f, &h, NULL), 0);
	uname(&system);
	const char *foreign = client_foreign_machine();
	assert_string_equal(h.machine, foreign ? foreign : system.machine);
	assert_string_equal(h.hostname, system.nodename);
	assert_int_equal(h.uid, getuid());
	assert_int_equal(h.home[0], '/');
	assert_in_range(h.now_s, time(NULL) - 60, time(NULL) + 60);
	answer_release(&a);
}

static void echo_gives_back_any_payload(void **state)
{
	struct world *w = *state;
	autofree uint8_t *data = world_noise(FRAME_PAYLOAD_MAX, 4);
	struct msg_writer writer = {.data = data, .cap = FRAME_PAYLOAD_MAX};
	const size_t sizes[] = {0, 1, 1000, FRAME_PAYLOAD_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct answer a;
		writer.len = sizes[i];
		assert_int_equal(client_call(&w->client, WIRE_ECHO, 0, &writer, &a), ERR_NONE);
		assert_int_equal(a.data.len, sizes[i]);
		assert_memory_equal(a.data.data, data, sizes[i]);
		answer_release(&a);
	}
}

static void requests_are_answered_in_order(void **state)
{
	struct world *w = *state;
	uint32_t ids[200];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = client_send(&w->client, WIRE_ECHO, 0, "abc", 3);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct answer a;
		assert_true(client_answer(&w->client, ids[i], &a));
		assert_string_equal(a.data.data, "abc");
		answer_release(&a);
	}
}

static void an_input_that_ends_without_bye_is_no_clean_end(void **state)
{
	struct client c;
	int status;

	(void)state;
	client_start(&c);
	fd_close(&c.in);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	fd_close(&c.out);
}

static void a_lease_names_its_holder(void **state)
{
	struct world *w = *state;
	struct client other;
	uint8_t buffer[8192];
	struct msg_writer writer;
	struct answer a;

	client_start(&other);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_root_open(&writer,
		&(struct wire_root_open){
			.flags = WIRE_ROOT_LEASE, .path = w->root, .holder = "the second"});
	assert_int_equal(client_call(&other, WIRE_ROOT_OPEN, 0, &writer, &a), ERR_BUSY);
	assert_non_null(strstr(a.text, "a test"));
	answer_release(&a);
	/* Once the first is gone, however it went, the second gets it. */
	client_kill(&w->client);
	w->running = false;
	assert_int_equal(client_call(&other, WIRE_ROOT_OPEN, 0, &writer, &a), ERR_NONE);
	answer_release(&a);
	client_stop(&other);
}

static enum err_code become(struct client *c, const char *const *argv, const char *mark,
	const char *password, struct answer *a)
{
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer writer;
	struct wire_become b = {.ctx = 2, .seconds = 10, .mark = mark, .password = password};

	for (; argv[b.argc]; b.argc++)
		b.argv[b.argc] = argv[b.argc];
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_become(&writer, &b);
	client_call(c, WIRE_BECOME, 0, &writer, a);
	answer_release(a);
	return a->code;
}

static void expect_echo(struct client *c, uint16_t ctx)
{
	autofree uint8_t *data = world_noise(FRAME_PAYLOAD_MAX, 4);
	struct frame f = {.id = ++c->last_id,
		.ctx = ctx,
		.kind = WIRE_ECHO,
		.data = data,
		.len = FRAME_PAYLOAD_MAX};
	struct frame reply;

	assert_true(client_frame(c, &f));
	assert_true(client_next(c, &reply));
	assert_int_equal(reply.kind, WIRE_REPLY);
	assert_int_equal(reply.id, f.id);
	assert_int_equal(reply.ctx, ctx);
	assert_int_equal(reply.len, f.len);
	assert_memory_equal(reply.data, data, f.len);
}

static void a_second_helper_is_relayed(void **state)
{
	struct world *w = *state;
	const char *argv[] = {client_helper(), NULL};
	struct answer a;
	struct frame f;

	assert_int_equal(become(&w->client, argv, "", "", &a), ERR_NONE);
	expect_echo(&w->client, 2);
	expect_echo(&w->client, 0);
	expect_echo(&w->client, 2);
	struct frame bye = {.id = ++w->client.last_id, .ctx = 2, .kind = WIRE_BYE};
	assert_true(client_frame(&w->client, &bye));
	assert_true(client_next(&w->client, &f));
	assert_int_equal(f.kind, WIRE_BYE);
	assert_int_equal(f.ctx, 2);
	expect_echo(&w->client, 0);
}

static void the_relay_does_not_stall_when_both_sides_are_full(void **state)
{
	struct world *w = *state;
	const char *argv[] = {client_helper(), NULL};
	enum { COUNT = 300 };
	autofree uint8_t *data = world_noise(FRAME_PAYLOAD_MAX, 4);
	struct answer a;
	struct frame f;

	assert_int_equal(become(&w->client, argv, "", "", &a), ERR_NONE);
	pid_t writer = fork();
	if (writer == 0) {
		for (unsigned i = 0; i < COUNT; i++) {
			f = (struct frame){.id = 1000 + i,
				.ctx = 2,
				.kind = WIRE_ECHO,
				.data = data,
				.len = FRAME_PAYLOAD_MAX};
			if (!client_frame(&w->client, &f))
				_exit(1);
		}
		_exit(0);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(client_next(&w->client, &f));
		assert_int_equal(f.id, 1000 + i);
		assert_int_equal(f.len, FRAME_PAYLOAD_MAX);
	}
	int status;
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
}

/* A stand-in for sudo: asks with a mark, checks the password, and becomes the helper. */
static char *fake_sudo(const struct world *w)
{
	char *path = path_join(w->dir, "sudo");
	autofree char *script = xasprintf("#!/bin/sh\n"
					  "for try in 1 2; do\n"
					  "  printf 'MARK:' >&2; read -r word\n"
					  "  [ \"$word\" = secret ] && exec %s\n"
					  "done\necho 'no such luck' >&2; exit 1\n",
		client_helper());

	world_text(w->dir, "sudo", script);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static void the_password_goes_only_after_the_mark(void **state)
{
	struct world *w = *state;
	autofree char *sudo = fake_sudo(w);
	const char *argv[] = {sudo, NULL};
	struct answer a;

	assert_int_equal(become(&w->client, argv, "MARK:", "wrong", &a), ERR_AUTH);
	assert_non_null(strstr(a.text, "does not accept the password"));
	assert_null(strstr(a.text, "wrong"));
	assert_int_equal(become(&w->client, argv, "MARK:", "", &a), ERR_AUTH);
	assert_non_null(strstr(a.text, "asks for a password"));
	assert_int_equal(become(&w->client, argv, "MARK:", "secret", &a), ERR_NONE);
	expect_echo(&w->client, 2);
}

static void a_child_that_does_not_speak_is_an_error(void **state)
{
	struct world *w = *state;
	const char *refuse[] = {"sh", "-c", "echo not allowed >&2; exit 1", NULL};
	const char *absent[] = {"/no/such/program", NULL};
	struct answer a;

	assert_int_equal(become(&w->client, refuse, "", "", &a), ERR_AUTH);
	assert_non_null(strstr(a.text, "not allowed"));
	if (!client_foreign_machine())
		assert_int_equal(become(&w->client, absent, "", "", &a), ERR_NOTFOUND);
}

static void a_child_that_dies_is_told(void **state)
{
	struct world *w = *state;
	autofree char *script = xasprintf("(sleep 0.3; kill -9 $$) & exec %s", client_helper());
	const char *argv[] = {"sh", "-c", script, NULL};
	struct answer a;
	struct frame f;

	assert_int_equal(become(&w->client, argv, "", "", &a), ERR_NONE);
	assert_true(client_next(&w->client, &f));
	assert_int_equal(f.kind, WIRE_ERROR);
	assert_int_equal(f.id, 0);
	assert_int_equal(f.ctx, 2);
	expect_echo(&w->client, 0);
}

static void copy_self_makes_a_program_for_all(void **state)
{
	struct world *w = *state;
	uint8_t buffer[4096];
	struct msg_writer writer;
	struct msg_reader r;
	struct answer a;
	struct stat st;

	msg_begin(&writer, buffer, sizeof(buffer));
	msg_put_string(&writer, w->dir);
	assert_int_equal(client_call(&w->client, WIRE_COPY_SELF, 0, &writer, &a), ERR_NONE);
	msg_read(&r, a.data.data, a.data.len);
	const char *path = msg_string(&r, 4095);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	const char *argv[] = {path, NULL};
	struct answer b;
	assert_int_equal(become(&w->client, argv, "", "", &b), ERR_NONE);
	answer_release(&a);
}

static uint32_t prune(struct client *c, uint32_t days)
{
	uint8_t buffer[8];
	struct msg_writer writer;
	struct msg_reader r;
	struct answer a;

	msg_begin(&writer, buffer, sizeof(buffer));
	msg_put_u32(&writer, days);
	assert_int_equal(client_call(c, WIRE_PRUNE_HELPERS, 0, &writer, &a), ERR_NONE);
	msg_read(&r, a.data.data, a.data.len);
	uint32_t removed = msg_u32(&r);
	answer_release(&a);
	return removed;
}

static void old_helpers_are_pruned_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct client c;
	autofree char *self = path_join(w->dir, "cache/node-0123456789abcdef");
	autofree char *fresh = path_join(w->dir, "cache/node-aaaaaaaaaaaaaaaa");
	autofree char *cache = path_join(w->dir, "cache");
	AUTO(strbuf_release) struct strbuf program = STRBUF_INIT;

	assert_int_equal(file_read(client_helper(), 1u << 28, &program, NULL), 0);
	world_file(cache, "node-0123456789abcdef", program.data, program.len);
	world_text(cache, "node-bbbbbbbbbbbbbbbb", "old");
	world_text(cache, "modelfleet-node-cccccccccccccccc", "old");
	world_text(cache, "node-dddddddddddddddd.upload", "an upload that was cut");
	world_text(cache, "node-short", "not ours");
	world_text(cache, "notes", "not ours");
	scratch_write(fresh, "in use by another engine");
	assert_int_equal(chmod(self, 0755), 0);
	client_start_program(&c, self);
	assert_int_equal(prune(&c, 30), 3);
	client_stop(&c);
	autofree char *left = scratch_list(cache);
	assert_string_equal(
		left, "node-0123456789abcdef node-aaaaaaaaaaaaaaaa node-short notes");
}

static void a_helper_can_drop_to_another_user(void **state)
{
	struct world *w = *state;
	const char *argv[] = {NULL, "--user", "nobody", NULL};
	uint8_t buffer[4096];
	struct msg_writer writer;
	struct msg_reader r;
	struct wire_hello h;
	struct answer a, b;
	struct frame f;

	if (geteuid() != 0) {
		print_message("skipped: taking another identity needs root\n");
		skip();
	}
	msg_begin(&writer, buffer, sizeof(buffer));
	msg_put_string(&writer, "/tmp");
	assert_int_equal(client_call(&w->client, WIRE_COPY_SELF, 0, &writer, &a), ERR_NONE);
	msg_read(&r, a.data.data, a.data.len);
	argv[0] = msg_string(&r, 4095);
	assert_int_equal(become(&w->client, argv, "", "", &b), ERR_NONE);
	struct frame hello = {.id = ++w->client.last_id, .ctx = 2, .kind = WIRE_HELLO};
	assert_true(client_frame(&w->client, &hello));
	assert_true(client_next(&w->client, &f));
	assert_int_equal(wire_get_hello(&f, &h, NULL), 0);
	assert_string_equal(h.user, "nobody");
	assert_int_not_equal(h.uid, 0);
	autofree char *dir = path_dirname(argv[0]);
	assert_int_equal(path_remove_tree(dir, NULL), 0);
	answer_release(&a);
}

static void passwd_lines(void **state)
{
	struct user u;

	(void)state;
	assert_true(user_parse("bob:x:1000:1001:Bob,,,:/home/bob:/bin/sh\n", &u));
	assert_string_equal(u.name, "bob");
	assert_int_equal(u.uid, 1000);
	assert_int_equal(u.gid, 1001);
	assert_string_equal(u.home, "/home/bob");
	assert_false(user_parse("", &u));
	assert_false(user_parse(":x:1:1::/:", &u));
	assert_false(user_parse("bob:x:-1:1::/home:", &u));
	assert_false(user_parse("bob:x:1000", &u));
	assert_false(user_parse("+::::::\n", &u));
	assert_true(user_by_uid(0, &u));
	assert_string_equal(u.name, "root");
	assert_true(user_by_name("root", &u));
	assert_int_equal(u.uid, 0);
	assert_false(user_by_name("nobody-of-that-name", &u));
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(hello_tells_who_and_where),
		WORLD_TEST(echo_gives_back_any_payload),
		WORLD_TEST(requests_are_answered_in_order),
		cmocka_unit_test(an_input_that_ends_without_bye_is_no_clean_end),
		WORLD_TEST(a_lease_names_its_holder),
		WORLD_TEST(a_second_helper_is_relayed),
		WORLD_TEST(the_relay_does_not_stall_when_both_sides_are_full),
		WORLD_TEST(the_password_goes_only_after_the_mark),
		WORLD_TEST(a_child_that_does_not_speak_is_an_error),
		WORLD_TEST(a_child_that_dies_is_told),
		WORLD_TEST(copy_self_makes_a_program_for_all),
		WORLD_TEST(old_helpers_are_pruned_and_nothing_else),
		WORLD_TEST(a_helper_can_drop_to_another_user),
		cmocka_unit_test(passwd_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
