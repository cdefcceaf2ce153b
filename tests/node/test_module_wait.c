/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module wait and tunnels: ports and paths that come and go while the helper looks.
 */
#include "node/module_call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/world.h"

/* A socket that listens on 127.0.0.1; its port in *port. */
static int listen_here(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* A process that does not outlive the test. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Does something a little later, in a process of its own; to be reaped. */
static pid_t later(void (*what)(const void *arg), const void *arg)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		wait_until(deadline_in(0.4), NULL, NULL);
		what(arg);
		_exit(0);
	}
	return pid;
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Waits with these arguments, looking often. */
static enum err_code wait_for(struct world *w, struct module_result *r, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static enum err_code wait_for(struct world *w, struct module_result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *args = xvasprintf(fmt, ap);
	va_end(ap);
	enum err_code code =
		module_call(&w->client, r, "wait", 0, "{\"sleep\": 0.05, %s}", args);
	module_result_release(r);
	return code;
}

static void a_port_that_is_there_is_found_at_once(void **state)
{
	struct world *w = *state;
	struct module_result r;
	uint16_t port;
	autofd int fd = listen_here(&port);

	assert_int_equal(
		module_call(&w->client, &r, "wait", 0, "{\"port\": %u}", port), ERR_NONE);
	assert_int_equal(module_int(&r, "elapsed"), 0);
	assert_int_equal(module_int(&r, "port"), port);
	assert_string_equal(module_text(&r, "state"), "started");
	assert_false(module_bool(&r, "changed"));
	module_result_release(&r);
	assert_int_equal(
		wait_for(w, &r, "\"host\": \"localhost\", \"port\": %u", port), ERR_NONE);
}

static void a_port_that_is_not_there_runs_out_of_time(void **state)
{
	struct world *w = *state;
	struct module_result r;
	uint16_t port;
	int fd = listen_here(&port);

	close(fd);
	assert_int_equal(wait_for(w, &r, "\"port\": %u, \"timeout\": 0.3", port), ERR_TIMEOUT);
	autofree char *says = xasprintf("Timeout when waiting for 127.0.0.1:%u", port);
	assert_string_equal(r.text, says);
	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"timeout\": 5, \"state\": \"stopped\"", port),
		ERR_NONE);
}

static void stop_listening(const void *arg)
{
	kill(*(const pid_t *)arg, SIGKILL);
}

static void a_port_that_closes_is_noticed(void **state)
{
	struct world *w = *state;
	struct module_result r;
	uint16_t port;
	int fd = listen_here(&port);
	pid_t server = fork_child();

	if (server == 0) {
		for (;;)
			pause();
	}
	close(fd);
	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"timeout\": 0.2, \"state\": \"stopped\"", port),
		ERR_TIMEOUT);
	assert_non_null(strstr(r.text, "to stop"));
	pid_t killer = later(stop_listening, &server);
	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"timeout\": 20, \"state\": \"stopped\"", port),
		ERR_NONE);
	reap(killer);
	reap(server);
}

static void write_ready(const void *arg)
{
	scratch_write(arg, "starting\nready to serve\n");
}

static void a_path_is_waited_for(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *path = path_join(w->dir, "pid");

	assert_int_equal(
		wait_for(w, &r, "\"path\": \"%s\", \"timeout\": 0.2", path), ERR_TIMEOUT);
	assert_non_null(strstr(r.text, "Timeout when waiting for file"));
	pid_t writer = later(write_ready, path);
	assert_int_equal(
		wait_for(w, &r, "\"path\": \"%s\", \"timeout\": 20, \"search\": \"ready\"",
			path),
		ERR_NONE);
	reap(writer);
	assert_int_equal(
		wait_for(w, &r, "\"path\": \"%s\", \"timeout\": 0.2, \"search\": \"failed\"",
			path),
		ERR_TIMEOUT);
	assert_non_null(strstr(r.text, "search string failed in"));
	assert_int_equal(
		wait_for(w, &r, "\"path\": \"%s\", \"timeout\": 0.2, \"state\": \"absent\"",
			path),
		ERR_TIMEOUT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
		wait_for(w, &r, "\"path\": \"%s\", \"state\": \"absent\"", path), ERR_NONE);
}

static void a_text_is_found_across_pieces(void **state)
{
	struct world *w = *state;
	struct module_result r;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = path_join(w->dir, "log");

	/* The text lies across the border of what is read at once. */
	for (int i = 0; i < 65533; i++)
		strbuf_addch(&text, 'x');
	strbuf_addstr(&text, "needle and more");
	scratch_write(path, text.data);
	assert_int_equal(
		wait_for(w, &r, "\"path\": \"%s\", \"search\": \"needle\"", path), ERR_NONE);
}

struct greeting {
	int fd;
	const char *text;
};

static void greet(const void *arg)
{
	const struct greeting *g = arg;

	for (int i = 0; i < 3; i++) {
		int fd = accept(g->fd, NULL, NULL);
		(void)!write(fd, g->text, strlen(g->text));
		close(fd);
	}
}

static void a_port_s_words_are_searched(void **state)
{
	struct world *w = *state;
	struct module_result r;
	uint16_t port;
	autofd int fd = listen_here(&port);
	struct greeting g = {fd, "220 mail ready\r\n"};
	pid_t server = later(greet, &g);

	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"search\": \"ready\", \"timeout\": 20", port),
		ERR_NONE);
	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"search\": \"gone\", \"timeout\": 0.5", port),
		ERR_TIMEOUT);
	kill(server, SIGKILL);
	reap(server);
}

static void a_port_is_drained_when_nobody_is_connected(void **state)
{
	struct world *w = *state;
	struct module_result r;
	uint16_t port;
	autofd int fd = listen_here(&port);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	autofd int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"state\": \"drained\", \"timeout\": 5", port),
		ERR_NONE);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
	autofd int server = accept(fd, NULL, NULL);
	assert_int_equal(
		wait_for(w, &r, "\"port\": %u, \"state\": \"drained\", \"timeout\": 0.3", port),
		ERR_TIMEOUT);
	assert_non_null(strstr(r.text, "to drain"));
	/* From hosts that do not count, and in states that do not. */
	assert_int_equal(wait_for(w, &r,
				 "\"port\": %u, \"state\": \"drained\", \"timeout\": 0.5, "
				 "\"exclude_hosts\": [\"127.0.0.1\"]",
				 port),
		ERR_NONE);
	assert_int_equal(wait_for(w, &r,
				 "\"port\": %u, \"state\": \"drained\", \"timeout\": 0.5, "
				 "\"active_connection_states\": [\"SYN_SENT\"]",
				 port),
		ERR_NONE);
	assert_int_equal(wait_for(w, &r,
				 "\"host\": \"0.0.0.0\", \"port\": %u, \"state\": \"drained\", "
				 "\"timeout\": 0.3",
				 port),
		ERR_TIMEOUT);
}

static void nothing_to_wait_for_is_a_pause(void **state)
{
	struct world *w = *state;
	struct module_result r;
	int64_t start = clock_ns();

	assert_int_equal(wait_for(w, &r, "\"timeout\": 0.3, \"delay\": 0.1"), ERR_NONE);
	assert_true(clock_ns() - start >= 300000000);
}

static void wrong_combinations_are_refused(void **state)
{
	static const char *const wrong[] = {
		"\"port\": 1, \"path\": \"/x\"",
		"\"path\": \"/x\", \"state\": \"stopped\"",
		"\"path\": \"/x\", \"state\": \"drained\"",
		"\"state\": \"drained\"",
		"\"port\": 70000",
		"\"port\": 1, \"state\": \"open\"",
		"\"port\": 1, \"timeout\": -1",
		"\"port\": 1, \"exclude_hosts\": [\"127.0.0.1\"]",
		"\"path\": \"/x\", \"search\": \"\"",
	};
	struct world *w = *state;
	struct module_result r;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_not_equal(wait_for(w, &r, "%s", wrong[i]), ERR_NONE);
}

/* Tunnels. */

static enum err_code open_tunnel(
	struct client *c, uint8_t number, const char *host, uint16_t port, struct answer *a)
{
	uint8_t buffer[8192];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_tunnel_open(&w,
		&(struct wire_tunnel_open){
			.tunnel = number, .host = host, .port = port, .milliseconds = 5000});
	client_call(c, WIRE_TUNNEL_OPEN, 0, &w, a);
	answer_release(a);
	return a->code;
}

static enum err_code exchange(
	struct client *c, const struct wire_tunnel_exchange *e, struct answer *a)
{
	autofree uint8_t *buffer = xmalloc(FRAME_PAYLOAD_MAX);
	struct msg_writer w;

	msg_begin(&w, buffer, FRAME_PAYLOAD_MAX);
	wire_put_tunnel_exchange(&w, e);
	assert_false(w.overflow);
	return client_call(c, WIRE_TUNNEL_EXCHANGE, 0, &w, a);
}

static enum err_code close_tunnel(struct client *c, uint8_t number)
{
	struct msg_writer w;
	struct answer a;

	msg_begin(&w, &number, 0);
	w.len = 1;
	client_call(c, WIRE_TUNNEL_CLOSE, 0, &w, &a);
	answer_release(&a);
	return a.code;
}

static void bytes_go_through_a_tunnel(void **state)
{
	struct world *w = *state;
	struct client *c = &w->client;
	struct answer a;
	char got[16] = "";
	uint16_t port;
	autofd int fd = listen_here(&port);

	assert_int_equal(open_tunnel(c, 3, "127.0.0.1", port, &a), ERR_NONE);
	assert_int_equal(open_tunnel(c, 3, "127.0.0.1", port, &a), ERR_EXISTS);
	autofd int peer = accept(fd, NULL, NULL);
	struct wire_tunnel_exchange e = {.tunnel = 3,
		.milliseconds = 200,
		.read_max = 100,
		.data = (const uint8_t *)"question",
		.data_len = 8};
	/* Nothing comes in time: that is an answer too. */
	assert_int_equal(exchange(c, &e, &a), ERR_NONE);
	assert_int_equal(a.data.len, 1);
	assert_int_equal(a.data.data[0], 0);
	answer_release(&a);
	assert_int_equal(read(peer, got, sizeof(got)), 8);
	assert_string_equal(got, "question");
	assert_int_equal(write(peer, "answer", 6), 6);
	e.data_len = 0;
	assert_int_equal(exchange(c, &e, &a), ERR_NONE);
	assert_int_equal(a.data.len, 7);
	assert_memory_equal(a.data.data, "\0answer", 7);
	answer_release(&a);
	/* The end is told together with the last bytes or after them. */
	assert_int_equal(write(peer, "bye", 3), 3);
	fd_close(&peer);
	assert_int_equal(exchange(c, &e, &a), ERR_NONE);
	assert_memory_equal(a.data.data + 1, "bye", 3);
	answer_release(&a);
	assert_int_equal(exchange(c, &e, &a), ERR_NONE);
	assert_int_equal(a.data.data[0], 1);
	answer_release(&a);
	assert_int_equal(close_tunnel(c, 3), ERR_NONE);
	assert_int_equal(close_tunnel(c, 3), ERR_NOTFOUND);
	assert_int_equal(exchange(c, &e, &a), ERR_NOTFOUND);
	answer_release(&a);
}

static void no_more_will_be_written(void **state)
{
	struct world *w = *state;
	struct answer a;
	char got[16] = "";
	uint16_t port;
	autofd int fd = listen_here(&port);

	assert_int_equal(open_tunnel(&w->client, 0, "localhost", port, &a), ERR_NONE);
	autofd int peer = accept(fd, NULL, NULL);
	struct wire_tunnel_exchange e = {.flags = 1,
		.milliseconds = 100,
		.read_max = 100,
		.data = (const uint8_t *)"all",
		.data_len = 3};
	assert_int_equal(exchange(&w->client, &e, &a), ERR_NONE);
	answer_release(&a);
	assert_int_equal(fd_read_full(peer, got, sizeof(got)), 3);
}

static void both_sides_may_send_much_at_once(void **state)
{
	struct world *w = *state;
	struct answer a;
	uint16_t port;
	const size_t size = 8u << 20;
	autofd int fd = listen_here(&port);

	assert_int_equal(open_tunnel(&w->client, 0, "127.0.0.1", port, &a), ERR_NONE);
	autofd int peer = accept(fd, NULL, NULL);
	pid_t echo = fork_child();
	if (echo == 0) {
		/* It writes without reading, and then reads all. */
		autofree char *much = xcalloc(1, size);
		for (size_t i = 0; i < size; i++)
			much[i] = (char)(i * 7);
		bool failed = fd_write_all(peer, much, size) < 0;
		shutdown(peer, SHUT_WR);
		while (fd_read_full(peer, much, size) > 0)
			;
		_exit(failed);
	}
	fd_close(&peer);
	size_t got = 0;
	uint8_t block[20000] = {0};
	for (bool ended = false; !ended;) {
		struct wire_tunnel_exchange e = {.milliseconds = 10000,
			.read_max = WIRE_READ_MAX,
			.data = block,
			.data_len = got < 200000 ? sizeof(block) : 0};
		assert_int_equal(exchange(&w->client, &e, &a), ERR_NONE);
		ended = a.data.data[0];
		for (size_t i = 1; i < a.data.len; i++, got++)
			assert_int_equal(a.data.data[i], (char)(got * 7));
		answer_release(&a);
	}
	assert_int_equal(got, size);
	assert_int_equal(close_tunnel(&w->client, 0), ERR_NONE);
	reap(echo);
}

static void a_unix_socket_is_a_path(void **state)
{
	struct world *w = *state;
	struct answer a;
	struct sockaddr_un s = {.sun_family = AF_UNIX};
	autofree char *path = path_join(w->dir, "socket");
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(open_tunnel(&w->client, 0, path, 0, &a), ERR_NOTFOUND);
	snprintf(s.sun_path, sizeof(s.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&s, sizeof(s)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(open_tunnel(&w->client, 0, path, 0, &a), ERR_NONE);
}

static void names_are_resolved_by_the_node(void **state)
{
	struct world *w = *state;
	struct answer a;
	uint16_t port;
	autofd int fd = listen_here(&port);
	char name[256];

	assert_int_equal(
		open_tunnel(&w->client, 1, "no-such-host.invalid", 80, &a), ERR_NOTFOUND);
	assert_non_null(strstr(a.text, "no-such-host.invalid"));
	assert_int_equal(open_tunnel(&w->client, 1, "-x", 80, &a), ERR_INPUT);
	assert_int_equal(open_tunnel(&w->client, 8, "127.0.0.1", port, &a), ERR_LIMIT);
	/* Our own name is some address of this machine: 127.0.0.1 with the usual /etc/hosts. */
	assert_int_equal(gethostname(name, sizeof(name)), 0);
	enum err_code code = open_tunnel(&w->client, 1, name, port, &a);
	assert_true(code == ERR_NONE || strstr(a.text, name));
	fd_close(&fd);
	assert_int_not_equal(open_tunnel(&w->client, 2, "127.0.0.1", port, &a), ERR_NONE);
	assert_non_null(strstr(a.text, "refused"));
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_port_that_is_there_is_found_at_once),
		WORLD_TEST(a_port_that_is_not_there_runs_out_of_time),
		WORLD_TEST(a_port_that_closes_is_noticed),
		WORLD_TEST(a_path_is_waited_for),
		WORLD_TEST(a_text_is_found_across_pieces),
		WORLD_TEST(a_port_s_words_are_searched),
		WORLD_TEST(a_port_is_drained_when_nobody_is_connected),
		WORLD_TEST(nothing_to_wait_for_is_a_pause),
		WORLD_TEST(wrong_combinations_are_refused),
		WORLD_TEST(bytes_go_through_a_tunnel),
		WORLD_TEST(no_more_will_be_written),
		WORLD_TEST(both_sides_may_send_much_at_once),
		WORLD_TEST(a_unix_socket_is_a_path),
		WORLD_TEST(names_are_resolved_by_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
