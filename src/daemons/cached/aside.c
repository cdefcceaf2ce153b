/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/aside.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

struct aside {
	int (*work)(void *arg);
	void *arg;
	int rc;
};

bool aside_has_time(double load, long processors)
{
	return load < (double)processors;
}

static bool machine_has_time(void)
{
	double minute;

	return getloadavg(&minute, 1) == 1 &&
	       aside_has_time(minute, sysconf(_SC_NPROCESSORS_ONLN));
}

static void *run(void *data)
{
	struct aside *a = data;
	const struct sched_param none = {0};

	/* Where that is forbidden, the work is done all the same. */
	sched_setscheduler(0, SCHED_IDLE, &none);
	a->rc = a->work(a->arg);
	return NULL;
}

int aside_run(bool aside, int (*work)(void *arg), void *arg)
{
	struct aside a = {.work = work, .arg = arg};
	pthread_t thread;

	if (!aside || !machine_has_time() || pthread_create(&thread, NULL, run, &a) != 0)
		return work(arg);
	pthread_join(thread, NULL);
	return a.rc;
}
