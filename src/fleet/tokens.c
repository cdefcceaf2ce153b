/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/tokens.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

int tokens_init(struct tokens *t, unsigned count, struct err *err)
{
	*t = (struct tokens){.fd = eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)};
	return t->fd < 0 ? err_sys(err, "cannot make a semaphore") : 0;
}

static bool take_now(struct tokens *t)
{
	uint64_t one;

	return read(t->fd, &one, sizeof(one)) > 0;
}

bool tokens_try(struct tokens *t)
{
	return __atomic_load_n(&t->resuming, __ATOMIC_SEQ_CST) == 0 && take_now(t);
}

int tokens_take(struct tokens *t, deadline until, const struct cancel *cancel, struct err *err)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	int result = 0;

	__atomic_add_fetch(&t->resuming, 1, __ATOMIC_SEQ_CST);
	while (result == 0 && !take_now(t))
		result = wait_fds(&p, 1, until, cancel, err) < 0 ? -1 : 0;
	__atomic_sub_fetch(&t->resuming, 1, __ATOMIC_SEQ_CST);
	return result;
}

void tokens_give(struct tokens *t)
{
	uint64_t one = 1;
	ssize_t ignored = write(t->fd, &one, sizeof(one));

	(void)ignored;
}

void tokens_release(struct tokens *t)
{
	fd_close(&t->fd);
}
