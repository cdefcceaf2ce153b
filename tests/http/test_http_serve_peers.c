/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are never silent and never done, and those that come too often. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "http/serve.h"

#define DEADLINE    60  /* seconds that only a failure reaches */
#define BEAT        0.1 /* seconds between two bytes of who takes long */
#define PATIENCE    2   /* the server's, where something is to be in time */
#define LONG        5.0 /* seconds: well beyond that */
#define UPLOAD_SIZE 100

static struct http_server *server;
static struct err err;

/* Which the handler of /wait waits for. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool released;

static void hello(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	strbuf_addf(&answer->body, "hello %zu", call->body_len);
}

static void wait_long(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	pthread_mutex_lock(&lock);
	while (!released)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	strbuf_addstr(&answer->body, "after all");
}

static void release(void)
{
	pthread_mutex_lock(&lock);
	released = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void *upload_begin(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	(void)answer;
	return xcalloc(1, sizeof(size_t));
}

static int upload_piece(void *upload, const void *bytes, size_t n, struct http_answer *answer)
{
	(void)bytes;
	*(size_t *)upload += n;
	if (*(size_t *)upload <= UPLOAD_SIZE)
		return 0;
	http_answer_problem(answer, 413, "too much");
	return -1;
}

static void upload_done(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	strbuf_addf(&answer->body, "took %zu", *(const size_t *)call->upload);
}

static const struct http_upload upload = {upload_begin, upload_piece, free};

static const struct http_route routes[] = {
	HTTP_ROUTE("GET", "/hello", hello),
	HTTP_ROUTE("POST", "/hello", hello),
	HTTP_ROUTE("GET", "/wait", wait_long, .slow = true),
	HTTP_ROUTE("PUT", "/upload", upload_done, .upload = &upload),
	{0},
};

static void start(struct http_server_options options)
{
	options.routes = routes;
	released = false;
	server = http_server_start(&options, &err);
	if (!server)
		fail_msg("%s", err.text);
}

static int stop(void **state)
{
	(void)state;
	release();
	http_server_stop(server);
	server = NULL;
	return 0;
}

/* ---- clients ---- */

/* Connects, from an address or from any. */
static int dial_from(const char *from, const char *to)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (from) {
		assert_int_equal(inet_pton(AF_INET, from, &address.sin_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	}
	assert_int_equal(inet_pton(AF_INET, to, &address.sin_addr), 1);
	address.sin_port = htons(http_server_port(server));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int dial(void)
{
	return dial_from(NULL, "127.0.0.1");
}

static void say(int fd, const char *text)
{
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* Reads an answer up to the body that is expected. */
static void hear(int fd, const char *body)
{
	char text[1024] = "";
	size_t n = 0;
	deadline until = deadline_in(DEADLINE);

	while (!strstr(text, body)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		assert_true(wait_fds(&p, 1, until, NULL, &err) == 1);
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);
		if (got <= 0)
			fail_msg("expected \"%s\", and it ends after: %s", body, text);
		n += (size_t)got;
		text[n] = '\0';
	}
}

/* True once the server has hung up; until then what it says is not looked at. */
static bool is_cut(int fd)
{
	char text[1024];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void beat(int fd)
{
	(void)send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)wait_until(deadline_in(BEAT), NULL, NULL);
}

/* Sends a byte now and then until the server hangs up. */
static void trickle_until_cut(int fd)
{
	deadline until = deadline_in(DEADLINE);

	while (!is_cut(fd)) {
		if (deadline_passed(until))
			fail_msg("it is not cut");
		beat(fd);
	}
}

/* ---- time ---- */

static void a_head_that_trickles_is_cut(void **state)
{
	(void)state;
	start((struct http_server_options){.idle = 5, .patience = 1});
	autofd int fd = dial();
	say(fd, "GET /hello HTTP/1.1\r\nX-Long: ");
	trickle_until_cut(fd);
}

static void the_next_head_is_cut_likewise(void **state)
{
	(void)state;
	start((struct http_server_options){.idle = 5, .patience = 1});
	autofd int fd = dial();
	say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(fd, "hello 0");
	say(fd, "GET /hello HTTP/1.1\r\nX-Long: ");
	trickle_until_cut(fd);
}

/* Silence is allowed for longer than the test runs: it is not what ends it. */
static void a_body_that_trickles_is_cut(void **state)
{
	static const char *const heads[] = {
		"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n",
		/* Answered when it is whole, which is not waited for. */
		"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"};

	(void)state;
	start((struct http_server_options){.idle = 2 * DEADLINE, .patience = 1});
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		autofd int fd = dial();
		say(fd, heads[i]);
		trickle_until_cut(fd);
	}
}

static void the_rest_of_a_refused_upload_is_cut(void **state)
{
	(void)state;
	start((struct http_server_options){.idle = 2 * DEADLINE, .patience = 1});
	autofd int fd = dial();
	say(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
	for (size_t i = 0; i <= UPLOAD_SIZE; i++)
		say(fd, "x");
	trickle_until_cut(fd);
}

static void an_upload_takes_its_time(void **state)
{
	size_t sent = 0;
	char rest[UPLOAD_SIZE] = "";

	(void)state;
	start((struct http_server_options){.idle = DEADLINE, .patience = PATIENCE});
	autofd int fd = dial();
	say(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
	for (deadline until = deadline_in(LONG); !deadline_passed(until); sent++)
		beat(fd);
	assert_true(sent < UPLOAD_SIZE);
	assert_int_equal(fd_write_all(fd, rest, UPLOAD_SIZE - sent), 0);
	hear(fd, "took 100");
}

static void a_handler_takes_its_time(void **state)
{
	(void)state;
	start((struct http_server_options){.idle = DEADLINE, .patience = PATIENCE});
	autofd int fd = dial();
	say(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(wait_fds(&p, 1, deadline_in(LONG), NULL, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	release();
	hear(fd, "after all");
}

/* Who is done in time is not cut, however often it asks. */
static void who_asks_again_and_again_stays(void **state)
{
	(void)state;
	start((struct http_server_options){.idle = DEADLINE, .patience = PATIENCE});
	autofd int fd = dial();
	for (deadline until = deadline_in(LONG); !deadline_passed(until);) {
		say(fd, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
		hear(fd, "hello 3");
	}
}

/* ---- number ---- */

static void run(const char *const argv[])
{
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	const struct spawn_options o = {.argv = argv, .until = deadline_in(DEADLINE)};

	if (spawn_run(&o, &result, &err) < 0 || spawn_exit_code(result.status) != 0)
		fail_msg("%s: %s %s", argv[0], err.text, result.err.data);
	spawn_result_release(&result);
}

static bool is_served(const char *from, int *fd)
{
	char text[1024];
	ssize_t n = -1;
	static const char request[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

	*fd = dial_from(from, from);
	if (send(*fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
		n = recv(*fd, text, sizeof(text), 0);
	if (n > 0)
		return true;
	fd_close(fd);
	return false;
}

/* In a network of its own, where this machine has other addresses than those of loopback. */
static void an_address_has_so_many_connections(void **state)
{
	int held[6];

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip();
	run((const char *const[]){"ip", "link", "set", "lo", "up", NULL});
	run((const char *const[]){"ip", "addr", "add", "192.0.2.1/32", "dev", "lo", NULL});
	run((const char *const[]){"ip", "addr", "add", "192.0.2.2/32", "dev", "lo", NULL});
	start((struct http_server_options){
		.address = "0.0.0.0", .idle = 2 * DEADLINE, .per_address = 2});
	assert_true(is_served("192.0.2.1", &held[0]));
	assert_true(is_served("192.0.2.1", &held[1]));
	assert_false(is_served("192.0.2.1", &held[2]));
	assert_true(is_served("192.0.2.2", &held[2]));
	for (size_t i = 3; i < ARRAY_SIZE(held); i++)
		assert_true(is_served("127.0.0.1", &held[i]));
	fd_close(&held[0]);
	deadline until = deadline_in(DEADLINE);
	while (!is_served("192.0.2.1", &held[0]))
		assert_false(deadline_passed(until));
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		fd_close(&held[i]);
}

static int prepare(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_head_that_trickles_is_cut),
		TEST(the_next_head_is_cut_likewise),
		TEST(a_body_that_trickles_is_cut),
		TEST(the_rest_of_a_refused_upload_is_cut),
		TEST(an_upload_takes_its_time),
		TEST(a_handler_takes_its_time),
		TEST(who_asks_again_and_again_stays),
		/* Which leaves the network: last. */
		TEST(an_address_has_so_many_connections),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
