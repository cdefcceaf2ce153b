/* SPDX-License-Identifier: Apache-2.0 */
/* The socket's server against clients that break its rules: they are ended, and they alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "daemons/cached/hub_talk.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

/* ---- what is said wrong ---- */

static void spoil_magic(struct mc_message *m)
{
	m->magic ^= 1;
}

static void spoil_protocol(struct mc_message *m)
{
	m->protocol++;
}

static void spoil_type(struct mc_message *m)
{
	m->type = 99;
}

static void spoil_name(struct mc_message *m)
{
	memset(m->name, 'x', sizeof(m->name));
}

static void spoil_selector(struct mc_message *m)
{
	memset(m->selector, 'x', sizeof(m->selector));
}

static void spoil_slot(struct mc_message *m)
{
	m->type = MC_DROP;
	m->slot = MC_SLOTS;
}

static void drop_free_slot(struct mc_message *m)
{
	m->type = MC_DROP;
	m->serial = 1;
}

static void hello_again(struct mc_message *m)
{
	m->type = MC_HELLO;
}

static void as_the_daemon(struct mc_message *m)
{
	m->type = MC_REVOKED;
}

static void test_wrong_messages(void **state)
{
	static void (*const spoils[])(struct mc_message *) = {spoil_magic, spoil_protocol,
		spoil_type, spoil_name, spoil_selector, spoil_slot, drop_free_slot, hello_again,
		as_the_daemon};
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 100);
	for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
		struct mc_message m = talk_message(MC_GET);
		autofd int fd = talk_greet(&f);
		spoils[i](&m);
		talk_say(fd, &m, sizeof(m));
		assert_int_equal(talk_hear(fd, &m), -1);
		assert_int_equal(fixture_hub_counts(&f).broken, i + 1);
	}
	talk_expect_service(&f);
	fixture_close(&f);
}

static void test_wrong_lengths(void **state)
{
	static const size_t lengths[] = {
		1, 8, sizeof(struct mc_message) - 1, sizeof(struct mc_message) + 1, 100000};
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 100);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		autofree struct mc_message *m = xcalloc(1, 200000);
		autofd int fd = talk_dial(&f);
		*m = talk_message(MC_HELLO);
		talk_say(fd, m, lengths[i]);
		assert_int_equal(talk_hear(fd, m), -1);
	}
	talk_expect_service(&f);
	fixture_close(&f);
}

static void test_before_hello(void **state)
{
	struct cache_fixture f;
	struct mc_message m = talk_message(MC_GET);

	fixture_open(&f, *state, 5, 0);
	autofd int fd = talk_dial(&f);
	talk_say(fd, &m, sizeof(m));
	assert_int_equal(talk_hear(fd, &m), -1);
	fixture_close(&f);
}

/* ---- floods ---- */

static void send_descriptors(int fd, const struct mc_message *m, unsigned count)
{
	union {
		char space[CMSG_SPACE(250 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec piece = {.iov_base = (void *)m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), sizeof(*m));
}

static void test_descriptors_sent_to_us(void **state)
{
	static const unsigned counts[] = {1, 250};
	struct cache_fixture f;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 100);
	size_t before = scratch_open_fds();
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct mc_message m = talk_message(MC_HELLO);
		autofd int fd = talk_dial(&f);
		send_descriptors(fd, &m, counts[i]);
		assert_int_equal(talk_hear(fd, &m), -1);
	}
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
	assert_int_equal(scratch_open_fds(), before);
	talk_expect_service(&f);
	fixture_close(&f);
}

/* Asks on and on and reads nothing: ended, when what it is sent does not fit any more. */
static void test_client_that_reads_nothing(void **state)
{
	struct cache_fixture f;
	struct mc_message m = talk_message(MC_GET);
	ssize_t sent = 1;

	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 100);
	autofd int fd = talk_greet(&f);
	snprintf(m.name, sizeof(m.name), "fraud");
	for (int i = 0; i < 1000000 && sent > 0; i++)
		sent = send(fd, &m, sizeof(m), MSG_NOSIGNAL);
	assert_int_equal(sent, -1);
	FIXTURE_WAIT(fixture_hub_counts(&f).broken == 1);
	talk_expect_service(&f);
	fixture_close(&f);
}

static void test_requests_that_wait(void **state)
{
	struct cache_fixture f;
	struct mc_message m = talk_message(MC_GET);
	struct err why = {0};

	fixture_open(&f, *state, 5, 0);
	f.lazy = true;
	autofd int fd = talk_greet(&f);
	snprintf(m.name, sizeof(m.name), "slow");
	for (m.id = 1; m.id <= HUB_REQUESTS + 1; m.id++)
		talk_say(fd, &m, sizeof(m));
	assert_int_equal(talk_hear(fd, &m), MC_ERROR);
	assert_int_equal(m.code, EAGAIN);
	assert_int_equal(m.id, HUB_REQUESTS + 1);
	err_set(&why, ERR_INTEGRITY, "broken");
	cache_load_failed(f.load, &why, 0);
	for (unsigned i = 0; i < HUB_REQUESTS; i++) {
		assert_int_equal(talk_hear(fd, &m), MC_ERROR);
		assert_int_equal(m.code, EIO);
		assert_string_equal(m.text, "broken");
	}
	fixture_close(&f);
}

/* The answer to a client that has gone is given back. */
static void test_client_leaves_while_it_waits(void **state)
{
	struct cache_fixture f;
	struct mc_message m = talk_message(MC_GET);
	const struct cache_about about = {.name = "slow", .version = "1"};

	fixture_open(&f, *state, 5, 0);
	f.lazy = true;
	int fd = talk_greet(&f);
	snprintf(m.name, sizeof(m.name), "slow");
	talk_say(fd, &m, sizeof(m));
	FIXTURE_WAIT(fixture_counts(&f).misses == 1);
	fd_close(&fd);
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
	cache_load_done(f.load, &about, fixture_blob('1', 10), true, NULL);
	FIXTURE_WAIT(cache_shrink(f.cache, 10) == 10);
	fixture_close(&f);
}

static void test_too_many_clients(void **state)
{
	struct cache_fixture f;
	struct err err = {0};
	struct mc_message m;
	int fds[2];

	fixture_open(&f, *state, 5, 0);
	hub_stop(f.hub);
	f.hub = hub_start(f.cache, &(struct hub_options){.path = f.socket, .clients = 2}, &err);
	assert_non_null(f.hub);
	for (int i = 0; i < 2; i++)
		fds[i] = talk_greet(&f);
	autofd int third = talk_dial(&f);
	assert_int_equal(talk_hear(third, &m), -1);
	assert_int_equal(fixture_hub_counts(&f).refused, 1);
	fd_close(&fds[0]);
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 1);
	fds[0] = talk_greet(&f);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	fixture_close(&f);
}

/* ---- who may ---- */

static void test_who_may_connect(void **state)
{
	const uid_t nobody = 65534;
	struct cache_fixture f;
	struct err err = {0};
	const struct group *daemon = getgrnam("daemon");
	struct stat st;

	if (geteuid() != 0 || !daemon)
		skip();
	gid_t group = daemon->gr_gid;
	fixture_open(&f, *state, 5, 0);
	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(stat(f.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(talk_ask_as(&f, nobody, nobody, nobody), 2);
	/* The kernel's refusal is not the only one. */
	assert_int_equal(chmod(f.socket, 0666), 0);
	assert_int_equal(talk_ask_as(&f, nobody, nobody, nobody), 3);
	assert_int_equal(fixture_hub_counts(&f).refused, 1);

	hub_stop(f.hub);
	f.hub = hub_start(
		f.cache, &(struct hub_options){.path = f.socket, .group = "daemon"}, &err);
	assert_non_null(f.hub);
	assert_int_equal(stat(f.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, group);
	assert_int_equal(talk_ask_as(&f, nobody, nobody, nobody), 2);
	assert_int_equal(talk_ask_as(&f, nobody, group, nobody), MC_WELCOME);
	assert_int_equal(talk_ask_as(&f, nobody, nobody, group), MC_WELCOME);
	fixture_close(&f);
}

static void test_socket_in_use(void **state)
{
	struct cache_fixture f;
	struct err err = {0};
	char path[200];

	fixture_open(&f, *state, 5, 0);
	const struct hub_options same = {.path = f.socket};
	assert_null(hub_start(f.cache, &same, &err));
	assert_int_equal(err.code, ERR_BUSY);
	memset(path, 'x', sizeof(path));
	path[199] = '\0';
	assert_null(hub_start(f.cache, &(struct hub_options){.path = path}, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(hub_start(f.cache,
		&(struct hub_options){.path = "/tmp/x", .group = "no such group"}, &err));
	assert_int_equal(err.code, ERR_INPUT);
	fixture_close(&f);
}

/* A daemon that was killed leaves its socket; the next one takes its place. */
static void test_dead_socket_is_replaced(void **state)
{
	struct cache_fixture f;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	autofd int dead = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/cache.sock", (char *)*state);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	fd_close(&dead);
	fixture_open(&f, *state, 5, 0);
	fixture_put(&f, "fraud", "1", 100);
	talk_expect_service(&f);
	fixture_close(&f);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wrong_messages),
		TEST(test_wrong_lengths),
		TEST(test_before_hello),
		TEST(test_descriptors_sent_to_us),
		TEST(test_client_that_reads_nothing),
		TEST(test_requests_that_wait),
		TEST(test_client_leaves_while_it_waits),
		TEST(test_too_many_clients),
		TEST(test_who_may_connect),
		TEST(test_socket_in_use),
		TEST(test_dead_socket_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
