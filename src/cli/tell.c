/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run's thread appends lines under the lock; the teller's thread takes as many as go into a
 * batch, and sends them without it. A batch that fails is sent again as it was: the service
 * knows by the number of its first event what it has already.
 */
#include "cli/tell.h"

#include <pthread.h>

#include "base/log.h"
#include "history/identity.h"
#include "source/registry_client.h"

struct tell {
	struct tell_about about;
	char *by;
	struct registry_client *client;
	struct cancel cancel;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct strbuf waiting; /* lines */
	bool end, done;
	uint64_t told;  /* events */
	uint64_t lost;  /* lines that found no room */
	struct err why; /* not told any more; ERR_NONE: it is */
};

/* ---- the thread ---- */

static struct timespec moment(double seconds)
{
	int64_t at = clock_ns() + (int64_t)(seconds * 1e9);

	return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}

/* Waits for lines, or for the time to say that the run lives. With the lock held. */
static void wait_for_lines(struct tell *t)
{
	struct timespec until = moment(TELL_ALIVE);
	int rc = 0;

	while (!t->end && !t->waiting.len && rc == 0)
		rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	until = moment(TELL_PAUSE);
	rc = 0;
	while (!t->end && t->waiting.len < TELL_BATCH && rc == 0)
		rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
}

/* Moves the lines of a batch into a request; gives how many. With the lock held. */
static size_t take_batch(struct tell *t, struct strbuf *body)
{
	size_t used = 0, count = 0;

	strbuf_addf(body, "{\"first\":%llu", (unsigned long long)t->told);
	const char *members[] = {
		"rollout", t->about.rollout, "name", t->about.name, "by", t->by};
	for (size_t i = 0; i < ARRAY_SIZE(members); i += 2) {
		if (!members[i + 1])
			continue;
		strbuf_addf(body, ",\"%s\":", members[i]);
		strbuf_addjson(body, members[i + 1], strlen(members[i + 1]));
	}
	strbuf_addstr(body, ",\"events\":[");
	while (used < t->waiting.len && count < TELL_EVENTS && used < TELL_BATCH) {
		const char *line = t->waiting.data + used;
		size_t n = strcspn(line, "\n");
		strbuf_addf(body, "%s%.*s", count++ ? "," : "", (int)n, line);
		used += n + 1;
	}
	strbuf_addstr(body, "]}");
	memmove(t->waiting.data, t->waiting.data + used, t->waiting.len - used);
	strbuf_truncate(&t->waiting, t->waiting.len - used);
	return count;
}

static bool may_pass(const struct err *err)
{
	return err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT ||
	       err->code == ERR_BUSY;
}

static int send_batch(struct tell *t, const struct strbuf *body, struct err *err)
{
	for (unsigned i = 1;; i++) {
		if (registry_client_report(
			    t->client, body->data, body->len, TELL_ANSWER, err) == 0)
			return 0;
		if (i == TELL_TRIES || !may_pass(err) ||
			wait_until(deadline_in(1), &t->cancel, NULL) < 0)
			return -1;
		*err = (struct err){0};
	}
}

/* One batch; the lock is held but while it is sent. */
static void tell_batch(struct tell *t)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	struct err why = {0};

	wait_for_lines(t);
	if (!t->waiting.len && (t->end || !t->about.rollout))
		return;
	size_t count = take_batch(t, &body);
	pthread_mutex_unlock(&t->lock);
	int rc = send_batch(t, &body, &why);
	pthread_mutex_lock(&t->lock);
	t->told += count;
	if (rc < 0)
		t->why = why;
}

static void *run(void *arg)
{
	struct tell *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->why.code && !(t->end && !t->waiting.len))
		tell_batch(t);
	t->done = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* ---- the run's side ---- */

static char *name_person(void)
{
	autofree char *user = identity_user();
	autofree char *host = identity_host();

	return xasprintf("%s@%s", user, host);
}

static void tell_free(struct tell *t)
{
	registry_client_close(t->client);
	cancel_release(&t->cancel);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	strbuf_release(&t->waiting);
	free(t->by);
	free(t);
}

static struct tell *tell_new(const struct tell_about *about)
{
	struct tell *t = xcalloc(1, sizeof(*t));
	pthread_condattr_t monotonic;

	t->about = *about;
	t->by = name_person();
	strbuf_init(&t->waiting);
	t->cancel = (struct cancel){.fd = -1, .write_fd = -1};
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return t;
}

static int tell_start(struct tell *t, const char *url, struct err *err)
{
	if (cancel_init(&t->cancel, err) < 0)
		return -1;
	const struct registry_client_options options = {.url = url, .cancel = &t->cancel};
	t->client = registry_client_open(&options, err);
	if (!t->client)
		return -1;
	if (pthread_create(&t->thread, NULL, run, t) == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "cannot start a thread");
}

struct tell *tell_open(const struct config *config, const struct tell_about *about)
{
	const char *url = config_text(config, CONFIG_REGISTRY_URL);
	struct err why = {0};

	if (!url || str_starts(url, "json:"))
		return NULL;
	struct tell *t = tell_new(about);
	if (tell_start(t, url, &why) == 0)
		return t;
	log_warning("the registry is not told: %s", why.text);
	tell_free(t);
	return NULL;
}

void tell_add(struct tell *t, const struct strbuf *lines)
{
	if (!t || !lines->len)
		return;
	pthread_mutex_lock(&t->lock);
	if (t->waiting.len + lines->len <= TELL_WAITING)
		strbuf_add(&t->waiting, lines->data, lines->len);
	else
		t->lost++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void tell_close(struct tell *t)
{
	const struct timespec until = moment(TELL_LAST);

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->end = true;
	pthread_cond_broadcast(&t->changed);
	for (int rc = 0; !t->done && rc == 0;)
		rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	pthread_mutex_unlock(&t->lock);
	cancel_request(&t->cancel);
	pthread_join(t->thread, NULL);
	if (t->why.code)
		log_warning("the registry was not told everything: %s", t->why.text);
	else if (t->lost)
		log_warning(
			"the registry was not told everything: it takes reports too slowly");
	tell_free(t);
}
