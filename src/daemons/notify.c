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

void notify_supervisor(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(to.sun_path, path, n);
	if (*path == '@') /* an abstract one */
		to.sun_path[0] = '\0';
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
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
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
	int64_t n;

	if (pid && (!parse_int(pid, 1, INT32_MAX, &n) || n != getpid()))
		return 0;
	if (!usec || !parse_int(usec, 1, INT64_MAX / 2, &n))
		return 0;
	return (double)n / 2e6;
}
