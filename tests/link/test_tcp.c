/* SPDX-License-Identifier: Apache-2.0 */
/* Names and connections that come late or never. */
#include "link/tcp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "link/sshd.h"

static int hang_ms; /* how long the lookups below take */
static int ended;   /* atomic: lookups that came back */

static int slow_lookup(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **out)
{
	(void)host;
	usleep((useconds_t)hang_ms * 1000);
	int result = getaddrinfo("127.0.0.1", service, hints, out);
	__atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
	return result;
}

static int failing_lookup(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **out)
{
	(void)host, (void)service, (void)hints, (void)out;
	return EAI_NONAME;
}

static void test_lookup(void **state)
{
	struct addrinfo *found = NULL;
	struct err err = {0};

	(void)state;
	hang_ms = 1;
	assert_int_equal(tcp_resolve(slow_lookup, "some.host", 22, AF_UNSPEC, &found,
				 deadline_in(5), NULL, &err),
		0);
	assert_int_equal(((struct sockaddr_in *)found->ai_addr)->sin_port, htons(22));
	freeaddrinfo(found);
}

static void test_hanging_lookup_is_given_up(void **state)
{
	struct addrinfo *found = NULL;
	struct err err = {0};
	int64_t begun = clock_ns();

	(void)state;
	hang_ms = 3000;
	ended = 0;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(tcp_resolve(slow_lookup, "some.host", 22, AF_UNSPEC, &found,
					 deadline_in(0.02), NULL, &err),
			-1);
		assert_int_equal(err.code, ERR_TIMEOUT);
		assert_non_null(strstr(err.text, "some.host"));
	}
	assert_true(clock_ns() - begun < 2500000000);
	/* The threads end by themselves and free what they found. */
	for (int i = 0; i < 6000 && __atomic_load_n(&ended, __ATOMIC_SEQ_CST) < 4; i++)
		usleep(10000);
	assert_int_equal(__atomic_load_n(&ended, __ATOMIC_SEQ_CST), 4);
	usleep(20000);
}

static void test_interrupted_lookup(void **state)
{
	struct addrinfo *found = NULL;
	struct cancel cancel;
	struct err err = {0};

	(void)state;
	hang_ms = 100;
	ended = 0;
	assert_int_equal(cancel_init(&cancel, NULL), 0);
	cancel_request(&cancel);
	assert_int_equal(tcp_resolve(slow_lookup, "some.host", 22, AF_UNSPEC, &found,
				 deadline_in(5), &cancel, &err),
		-1);
	assert_int_equal(err.code, ERR_CANCELLED);
	cancel_release(&cancel);
	for (int i = 0; i < 6000 && __atomic_load_n(&ended, __ATOMIC_SEQ_CST) < 1; i++)
		usleep(10000);
	usleep(20000);
}

static void test_unknown_name(void **state)
{
	struct addrinfo *found = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(tcp_resolve(failing_lookup, "no.host", 22, AF_UNSPEC, &found,
				 deadline_in(5), NULL, &err),
		-1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "no.host"));
}

/* A socket that listens and has no room for another connection. */
static int full_listener(unsigned *port, int fillers[16])
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	for (int i = 0; i < 16; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fillers[i], (struct sockaddr *)&at, len);
	}
	usleep(10000);
	*port = ntohs(at.sin_port);
	return fd;
}

static void test_connect(void **state)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	autofd int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err err = {0};

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 4), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	autofd int fd = tcp_connect(
		"127.0.0.1", ntohs(at.sin_port), AF_UNSPEC, deadline_in(5), NULL, &err);
	assert_true(fd >= 0);
	/* localhost may be ::1 first, where nobody listens. */
	autofd int by_name = tcp_connect(
		"localhost", ntohs(at.sin_port), AF_UNSPEC, deadline_in(5), NULL, &err);
	if (by_name < 0)
		fail_msg("%s", err.text);
}

static void test_connection_refused(void **state)
{
	struct err err = {0};
	unsigned port = free_port();

	(void)state;
	assert_int_equal(
		tcp_connect("127.0.0.1", port, AF_UNSPEC, deadline_in(5), NULL, &err), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "refused"));
}

static void test_connection_that_hangs(void **state)
{
	int fillers[16];
	unsigned port;
	autofd int listener = full_listener(&port, fillers);
	struct err err = {0};
	int64_t begun = clock_ns();

	(void)state;
	assert_int_equal(
		tcp_connect("127.0.0.1", port, AF_UNSPEC, deadline_in(0.1), NULL, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(clock_ns() - begun < 1000000000);
	for (int i = 0; i < 16; i++)
		fd_close(&fillers[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_hanging_lookup_is_given_up),
		cmocka_unit_test(test_interrupted_lookup),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connection_refused),
		cmocka_unit_test(test_connection_that_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
