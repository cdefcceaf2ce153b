/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemons/cached/hub_talk.h"

int talk_dial(const struct cache_fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

struct mc_message talk_message(enum mc_type type)
{
	return (struct mc_message){
		.magic = MC_MAGIC, .protocol = MC_VERSION, .type = (uint16_t)type};
}

void talk_say(int fd, const struct mc_message *m, size_t n)
{
	assert_int_equal(send(fd, m, n, MSG_NOSIGNAL), n);
}

int talk_hear(int fd, struct mc_message *m)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 60000), 1);
	return recv(fd, m, sizeof(*m), 0) == sizeof(*m) ? m->type : -1;
}

int talk_greet(const struct cache_fixture *f)
{
	struct mc_message m = talk_message(MC_HELLO);
	int fd = talk_dial(f);

	talk_say(fd, &m, sizeof(m));
	assert_int_equal(talk_hear(fd, &m), MC_WELCOME);
	return fd;
}

void talk_ask(int fd, uint32_t id)
{
	struct mc_message m = talk_message(MC_GET);

	m.id = id;
	snprintf(m.name, sizeof(m.name), "fraud");
	talk_say(fd, &m, sizeof(m));
}

void talk_expect_service(const struct cache_fixture *f)
{
	autofd int fd = talk_greet(f);
	struct mc_message m;

	talk_ask(fd, 7);
	assert_int_equal(talk_hear(fd, &m), MC_MODEL);
	assert_int_equal(m.id, 7);
	assert_int_equal(m.size, 100);
}

int talk_ask_as(const struct cache_fixture *f, uid_t uid, gid_t gid, gid_t other)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct mc_message m = talk_message(MC_HELLO);
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket);
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (setgroups(1, &other) < 0 || setresgid(gid, gid, gid) < 0 ||
			setresuid(uid, uid, uid) < 0)
			_exit(1);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(2);
		if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) < 0 ||
			recv(fd, &m, sizeof(m), 0) != sizeof(m))
			_exit(3);
		_exit(m.type);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}
