/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes what all clients share, and leaves it lying: the others have enough nevertheless.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scratch.h"
#include "daemons/cached/hub_talk.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
#define NOBODY     65534u

/* A hub with other limits in place of the fixture's, and a version of "fraud". */
static void open_hub(struct cache_fixture *f, const char *dir, struct hub_options options)
{
	struct err err = {0};

	fixture_open(f, dir, 5, 0);
	hub_stop(f->hub);
	options.path = f->socket;
	f->hub = hub_start(f->cache, &options, &err);
	assert_string_equal(err.text, "");
	fixture_put(f, "fraud", "1", 100);
}

/* Hears so many answers; how many were models. The others say EAGAIN. */
static unsigned hear_models(int fd, unsigned answers)
{
	struct mc_message m;
	unsigned models = 0;

	for (unsigned i = 0; i < answers; i++) {
		int type = talk_hear(fd, &m);
		models += type == MC_MODEL;
		if (type != MC_MODEL) {
			assert_int_equal(type, MC_ERROR);
			assert_int_equal(m.code, EAGAIN);
		}
	}
	return models;
}

static void ask_often(const struct cache_fixture *f, int fd, unsigned times)
{
	uint64_t before = fixture_hub_counts((struct cache_fixture *)f).requests;

	for (unsigned i = 0; i < times; i++)
		talk_ask(fd, i);
	FIXTURE_WAIT(fixture_hub_counts((struct cache_fixture *)f).requests == before + times);
}

/* One user has half of the descriptors that may be on their way, on however many connections.
 */
static void test_who_takes_nothing_is_sent_no_more(void **state)
{
	struct cache_fixture f;

	open_hub(&f, *state, (struct hub_options){.descriptors = 32});
	autofd int lazy = talk_greet(&f);
	autofd int second = talk_greet(&f);
	ask_often(&f, lazy, 20);
	ask_often(&f, second, 20);
	/* A user's client that takes them is sent others. */
	for (int i = 0; i < 20; i++)
		talk_expect_service(&f);
	assert_in_range(hear_models(lazy, 20), 7, 8);
	assert_in_range(hear_models(second, 20), 3, 4);
	/* It has taken them, and is a client like any other. */
	ask_often(&f, second, 3);
	assert_int_equal(hear_models(second, 3), 3);
	assert_int_equal(fixture_hub_counts(&f).broken, 0);
	fixture_close(&f);
}

/* What an ended client has not taken counts until it closes its own end. */
static void test_coming_again_gives_no_more_in_the_end(void **state)
{
	struct cache_fixture f;
	int lazy[20], count = 0, greeted = MC_WELCOME;

	open_hub(&f, *state, (struct hub_options){.descriptors = 16});
	size_t before = scratch_open_fds();
	while (greeted == MC_WELCOME && count < 20) {
		struct mc_message m = talk_message(MC_HELLO);
		lazy[count] = talk_dial(&f);
		talk_say(lazy[count], &m, sizeof(m));
		greeted = talk_hear(lazy[count], &m);
		if (greeted == MC_WELCOME) {
			ask_often(&f, lazy[count], 5);
			talk_say(lazy[count], &m, 1); /* no message: it is ended */
		}
		FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
		count++;
	}
	assert_int_equal(greeted, -1);
	assert_in_range(count, 3, 9);
	while (count)
		fd_close(&lazy[--count]);
	talk_expect_service(&f);
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
	FIXTURE_WAIT(scratch_open_fds() == before);
	fixture_close(&f);
}

/* Another user has what the first has left. */
static void test_others_are_served_beside_it(void **state)
{
	struct cache_fixture f;
	const struct group *daemon = getgrnam("daemon");

	if (geteuid() != 0 || !daemon)
		skip();
	gid_t group = daemon->gr_gid;
	assert_int_equal(chmod(*state, 0755), 0);
	open_hub(&f, *state, (struct hub_options){.descriptors = 16, .group = "daemon"});
	autofd int lazy = talk_greet(&f);
	ask_often(&f, lazy, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(talk_ask_as(&f, NOBODY, group, NOBODY), MC_WELCOME);
	assert_in_range(hear_models(lazy, 20), 3, 4);
	fixture_close(&f);
}

/* Connects until the connection ends; how often it was greeted. In a child, which asserts
 * nothing.
 */
static int count_connections(const struct cache_fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket);
	for (int n = 0;; n++) {
		struct mc_message m = talk_message(MC_HELLO);
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
			send(fd, &m, sizeof(m), MSG_NOSIGNAL) < 0 ||
			recv(fd, &m, sizeof(m), 0) != sizeof(m))
			return n;
	}
}

/* The same as another user. */
static int connections_of(const struct cache_fixture *f, uid_t uid, gid_t group)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 ||
			setresuid(uid, uid, uid) < 0)
			_exit(99);
		_exit(count_connections(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_one_user_cannot_have_all_connections(void **state)
{
	struct cache_fixture f;
	const struct group *daemon = getgrnam("daemon");
	int own[6];

	if (geteuid() != 0 || !daemon)
		skip();
	assert_int_equal(chmod(*state, 0755), 0);
	open_hub(&f, *state, (struct hub_options){.clients = 6, .group = "daemon"});
	assert_int_equal(connections_of(&f, NOBODY, daemon->gr_gid), 3);
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 0);
	for (int i = 0; i < 4; i++)
		own[i] = talk_greet(&f);
	assert_int_equal(connections_of(&f, NOBODY, daemon->gr_gid), 1);
	FIXTURE_WAIT(fixture_hub_counts(&f).clients == 4);
	/* Root has what there is. */
	for (int i = 4; i < 6; i++)
		own[i] = talk_greet(&f);
	for (int i = 0; i < 6; i++)
		fd_close(&own[i]);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_takes_nothing_is_sent_no_more),
		TEST(test_coming_again_gives_no_more_in_the_end),
		TEST(test_others_are_served_beside_it),
		TEST(test_one_user_cannot_have_all_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
