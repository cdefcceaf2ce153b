/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

/* What the environment said: this process has one supervisor, whoever in it speaks to it. */
static struct {
	struct sockaddr_un address;
	socklen_t length; /* 0: there is none */
	double interval;  /* negative: it does not want to hear of us */
} supervisor = {.interval = -1};

static void take_address(const char *path)
{
	struct sockaddr_un *to = &supervisor.address;
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(to->sun_path) || (*path != '/' && *path != '@'))
		return;
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, n);
	if (*path == '@') /* an abstract one */
		to->sun_path[0] = '\0';
	supervisor.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static void take_interval(const char *pid, const char *usec)
{
	int64_t n;

	if (pid && (!parse_int(pid, 1, INT32_MAX, &n) || n != getpid()))
		return;
	if (usec && parse_int(usec, 1, INT64_MAX / 2, &n))
		supervisor.interval = (double)n / 2e6;
}

void notify_setup(void)
{
	static const char *const taken[] = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};

	take_address(getenv("NOTIFY_SOCKET"));
	take_interval(getenv("WATCHDOG_PID"), getenv("WATCHDOG_USEC"));
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		unsetenv(taken[i]);
}

void notify_supervisor(const char *state)
{
	if (!supervisor.length)
		return;
	autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			(struct sockaddr *)&supervisor.address, supervisor.length);
}

void notify_alive(void)
{
	static deadline next;

	if (!deadline_passed(next))
		return;
	next = deadline_in(1);
	notify_supervisor("WATCHDOG=1");
}

double notify_interval(void)
{
	return supervisor.interval;
}
