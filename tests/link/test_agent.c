/* SPDX-License-Identifier: Apache-2.0 */
/* The agent client, with a real ssh-agent and with one that misbehaves. */
#include "link/agent.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "link/fixture.h"
#include "link/sshd.h"

struct real_agent {
	struct scratch scratch;
	char *socket;
	char *key;
	struct spawn_child child;
};

static void agent_start(struct real_agent *a)
{
	scratch_init(&a->scratch);
	a->socket = scratch_path(&a->scratch, "agent");
	a->key = scratch_path(&a->scratch, "key");
	const char *argv[] = {"ssh-agent", "-D", "-a", a->socket, NULL};
	struct spawn_options o = {.argv = argv};
	assert_int_equal(spawn_start(&o, &a->child, NULL), 0);
	for (int i = 0; i < 6000 && !path_exists(a->socket); i++)
		usleep(10000);
	run_program("ssh-keygen", "-q", "-t", "ed25519", "-C", "a\tkey", "-N", "", "-f", a->key,
		NULL);
	autofree char *env = xasprintf("SSH_AUTH_SOCK=%s", a->socket);
	run_program("env", env, "ssh-add", "-q", a->key, NULL);
}

static void agent_end(struct real_agent *a)
{
	kill(a->child.pid, SIGTERM);
	spawn_stop(&a->child, deadline_in(5));
	free(a->socket);
	free(a->key);
	scratch_release(&a->scratch);
}

static void test_list_and_sign(void **state)
{
	AUTO(agent_keys_release) struct agent_keys keys = {0};
	AUTO(strbuf_release) struct strbuf signature = STRBUF_INIT;
	struct real_agent a;
	struct err err = {0};

	(void)state;
	agent_start(&a);
	autofd int fd = agent_connect(a.socket, &err);
	assert_true(fd >= 0);
	assert_int_equal(agent_list(fd, &keys, deadline_in(5), NULL, &err), 0);
	assert_int_equal(keys.count, 1);
	assert_string_equal(keys.items[0].type, "ssh-ed25519");
	assert_string_equal(keys.items[0].comment, "a?key");
	assert_int_equal(agent_sign(fd, &keys.items[0], "data", 4, &signature, deadline_in(5),
				 NULL, &err),
		0);
	assert_int_equal(signature.len, 64);
	keys.items[0].blob[keys.items[0].len - 1] ^= 1;
	assert_int_equal(agent_sign(fd, &keys.items[0], "data", 4, &signature, deadline_in(5),
				 NULL, &err),
		-1);
	assert_int_equal(err.code, ERR_AUTH);
	agent_end(&a);
}

static void test_login_by_the_agent(void **state)
{
	struct real_agent a;
	struct link_fixture f;
	struct sshd sshd;
	struct link *link = NULL;
	struct link_stats stats;
	struct err err = {0};

	(void)state;
	if (!sshd_available())
		skip();
	agent_start(&a);
	autofree char *agent_line =
		xasprintf("IdentityAgent %s\nIdentityFile none\n", a.socket);
	link_fixture_init(&f);
	sshd_start(&sshd, &(struct sshd_options){.client_lines = agent_line});
	autofree char *public = scratch_read(&a.scratch, "key.pub");
	scratch_write(&sshd.scratch, "authorized_keys", public, 0600);
	sshd_options_for(&sshd, &f.options);
	if (link_open(&link, &f.options, deadline_in(20), NULL, &err) < 0)
		fail_msg("%s", err.text);
	link_stats(link, &stats);
	assert_int_equal(stats.transport, LINK_LIBSSH2);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
	sshd_stop(&sshd);
	link_fixture_release(&f);
	agent_end(&a);
}

/* An agent that answers each request with the same bytes, or with nothing. */
struct false_agent {
	struct scratch scratch;
	char *path;
	int listen_fd;
	const void *answer;
	size_t len;
	bool silent;
	int stop[2];
	pthread_t thread;
};

static void *false_agent_main(void *data)
{
	struct false_agent *a = data;
	char request[4096];
	autofd int fd = accept(a->listen_fd, NULL, NULL);

	if (recv(fd, request, sizeof(request), 0) > 0 && !a->silent)
		send(fd, a->answer, a->len, MSG_NOSIGNAL);
	if (a->silent && read(a->stop[0], request, 1) < 0)
		return NULL;
	return NULL;
}

static void false_agent_start(
	struct false_agent *a, const void *answer, size_t len, bool silent)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	*a = (struct false_agent){.answer = answer, .len = len, .silent = silent};
	scratch_init(&a->scratch);
	a->path = scratch_path(&a->scratch, "agent");
	memcpy(at.sun_path, a->path, strlen(a->path));
	a->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(a->listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(a->listen_fd, 4), 0);
	assert_int_equal(pipe(a->stop), 0);
	assert_int_equal(pthread_create(&a->thread, NULL, false_agent_main, a), 0);
}

static void false_agent_end(struct false_agent *a)
{
	assert_int_equal(write(a->stop[1], "x", 1), 1);
	pthread_join(a->thread, NULL);
	fd_close(&a->listen_fd);
	fd_close(&a->stop[0]);
	fd_close(&a->stop[1]);
	free(a->path);
	scratch_release(&a->scratch);
}

/* Asks such an agent for its keys; gives the error. */
static struct err ask_false_agent(const void *answer, size_t len, bool silent, double seconds)
{
	AUTO(agent_keys_release) struct agent_keys keys = {0};
	struct false_agent a;
	struct err err = {0};

	false_agent_start(&a, answer, len, silent);
	int fd = agent_connect(a.path, &err);
	assert_true(fd >= 0);
	assert_int_equal(agent_list(fd, &keys, deadline_in(seconds), NULL, &err), -1);
	fd_close(&fd);
	false_agent_end(&a);
	return err;
}

static void test_silent_agent_is_given_up(void **state)
{
	int64_t begun = clock_ns();

	(void)state;
	assert_int_equal(ask_false_agent(NULL, 0, true, 0.2).code, ERR_TIMEOUT);
	assert_true(clock_ns() - begun < 1000000000);
}

static void test_false_answers(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum err_code code;
	} cases[] = {
		{"", 0, ERR_PROTOCOL},
		{"\0\0\0\0\5", 5, ERR_PROTOCOL},
		{"\0\0\0\1\5", 5, ERR_AUTH},
		{"\177\0\0\0\14", 5, ERR_PROTOCOL},
		{"\0\0\0\20\14", 5, ERR_PROTOCOL},
		{"\0\0\0\1\14", 5, ERR_PROTOCOL},
		{"\0\0\0\5\14\0\0\0\1", 9, ERR_PROTOCOL},
		{"\0\0\0\5\14\0\1\0\0", 9, ERR_LIMIT},
		{"\0\0\0\15\14\0\0\0\1\0\0\0\377\0\0\0\0", 17, ERR_PROTOCOL},
		{"\0\0\0\21\14\0\0\0\1\0\0\0\4\0\0\0\377\0\0\0\0", 21, ERR_PROTOCOL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ask_false_agent(cases[i].bytes, cases[i].len, false, 5);
		if (err.code != cases[i].code)
			fail_msg("case %zu: %s", i, err.text);
	}
}

static void test_signatures_are_taken_apart(void **state)
{
	static const char good[] = "\0\0\0\15\0\0\0\3abc\0\0\0\2xy";
	AUTO(strbuf_release) struct strbuf signature = STRBUF_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(agent_parse_signature(good, sizeof(good) - 1, &signature, &err), 0);
	assert_string_equal(signature.data, "xy");
	for (size_t cut = 0; cut < sizeof(good) - 1; cut++)
		assert_int_equal(agent_parse_signature(good, cut, &signature, &err), -1);
}

static void test_no_agent(void **state)
{
	char path[300];
	struct err err = {0};

	(void)state;
	assert_int_equal(agent_connect("/nonexistent/agent", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(agent_connect(path, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_and_sign),
		cmocka_unit_test(test_login_by_the_agent),
		cmocka_unit_test(test_silent_agent_is_given_up),
		cmocka_unit_test(test_false_answers),
		cmocka_unit_test(test_signatures_are_taken_apart),
		cmocka_unit_test(test_no_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
