/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/truth_watch.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"

#define PAUSE 1.0 /* seconds between two looks: a few calls of stat(2) each */

struct truth_watch {
	struct truth *truth;
	struct cancel end;
	pthread_t thread;
	bool started;
	struct err told; /* what was logged last */
};

/* A person repairs a file with many looks in between: the same is said once. */
static void look(struct truth_watch *w)
{
	struct err err = {0};

	if (truth_look(w->truth, &err) < 0 && strcmp(err.text, w->told.text) != 0)
		log_line(LOG_ERROR, "the registry does not follow model_registry.yaml: %s",
			err.text);
	else if (!err.code && w->told.code)
		log_info("the registry follows model_registry.yaml again");
	w->told = err;
}

static void *watch(void *arg)
{
	struct truth_watch *w = arg;

	while (wait_until(deadline_in(PAUSE), &w->end, NULL) == 0)
		look(w);
	return NULL;
}

struct truth_watch *truth_watch_start(struct truth *truth, struct err *err)
{
	struct truth_watch *w = xcalloc(1, sizeof(*w));

	w->truth = truth;
	if (cancel_init(&w->end, err) < 0) {
		free(w);
		return NULL;
	}
	look(w);
	w->started = pthread_create(&w->thread, NULL, watch, w) == 0;
	if (w->started)
		return w;
	err_set(err, ERR_SYSTEM, "cannot start a thread");
	truth_watch_stop(w);
	return NULL;
}

void truth_watch_stop(struct truth_watch *w)
{
	if (!w)
		return;
	cancel_request(&w->end);
	if (w->started)
		pthread_join(w->thread, NULL);
	cancel_release(&w->end);
	free(w);
}
