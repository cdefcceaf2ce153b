/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue as a whole: configuration, connections, and the thread that syncs.
 *
 * Theory of operation. The thread waits until the schedule's next time, counted from the last
 * sync that the history tells of, or until a handler asks. So a time that passed while nothing
 * ran is due at once, and a sync that another instance has done at this one's time is not done
 * again: whoever gets the database's lock second sees it in the history. The thread looks every
 * half minute, because clocks are set and other instances end.
 *
 * `busy` says that a sync runs or is asked for here: a handler that finds it set answers 409,
 * another one sets it, leaves its answer in `asked` and wakes the thread, which gives it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "daemons/registryd/catalogue_private.h"
#include "http/serve_answer.h"

#define LOOK_SECONDS 30.0
#define LIMIT_MAX    10000000

/* ---- configuration ---- */

const struct setting catalogue_settings[] = {
	SETTING(struct catalogue_config, store, TEXT, "store"),
	SETTING(struct catalogue_config, schedule, TEXT, "schedule", .off = true),
	SETTING(struct catalogue_config, limit, INT, "limit", .max = LIMIT_MAX),
	SETTING(struct catalogue_config, endpoint, TEXT, "endpoint"),
	{0},
};

void catalogue_defaults(struct catalogue_config *config)
{
	*config = (struct catalogue_config){.schedule = CATALOGUE_SCHEDULE};
}

static bool is_off(const struct catalogue_config *config)
{
	return strcasecmp(config->schedule, "off") == 0;
}

int catalogue_check(const struct catalogue_config *config, struct err *err)
{
	struct cron cron;

	if (!is_off(config) && cron_parse(config->schedule, &cron, err) < 0)
		return err_wrap(err, "catalogue.schedule");
	return 0;
}

/* catalogue.db where a service keeps its state: systemd's directory, else the user's. */
static char *default_store(void)
{
	const char *given = getenv("STATE_DIRECTORY");
	autofree char *directory =
		given && *given ? xstrndup(given, strcspn(given, ":")) : path_user_dir("state");

	return xasprintf("sqlite:%s/catalogue.db", directory);
}

/* ---- beginning and end ---- */

static struct catalogue *make(const struct catalogue_config *config)
{
	struct catalogue *c = xcalloc(1, sizeof(*c));

	c->config = config;
	c->cancel = (struct cancel){.fd = -1, .write_fd = -1};
	c->wake = -1;
	c->store = config->store ? xstrdup(config->store) : default_store();
	c->scheduled = !is_off(config);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static int prepare(struct catalogue *c, struct err *err)
{
	if (catalogue_check(c->config, err) < 0)
		return -1;
	if (c->scheduled && cron_parse(c->config->schedule, &c->cron, err) < 0)
		return -1;
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake < 0)
		return err_sys(err, "eventfd");
	if (cancel_init(&c->cancel, err) < 0)
		return -1;
	c->sql = sql_open(c->store, err);
	if (!c->sql || catalogue_migrate(c->sql, err) < 0)
		return err_wrap(err, "the catalogue");
	return 0;
}

struct catalogue *catalogue_open(const struct catalogue_config *config, struct err *err)
{
	struct catalogue *c = make(config);

	if (prepare(c, err) == 0)
		return c;
	catalogue_close(c);
	return NULL;
}

void catalogue_close(struct catalogue *c)
{
	if (!c)
		return;
	catalogue_stop(c);
	for (size_t i = 0; i < c->idle_count; i++)
		sql_close(c->idle[i]);
	sql_close(c->sql);
	if (c->wake >= 0)
		close(c->wake);
	if (c->cancel.fd >= 0)
		cancel_release(&c->cancel);
	pthread_mutex_destroy(&c->lock);
	free(c->store);
	free(c);
}

/* ---- connections of handlers ---- */

struct sql *catalogue_reader(struct catalogue *c, struct err *err)
{
	struct sql *sql = NULL;

	pthread_mutex_lock(&c->lock);
	if (c->idle_count)
		sql = c->idle[--c->idle_count];
	pthread_mutex_unlock(&c->lock);
	return sql ? sql : sql_open(c->store, err);
}

void catalogue_reader_done(struct catalogue *c, struct sql *sql)
{
	pthread_mutex_lock(&c->lock);
	if (c->idle_count < CATALOGUE_READERS)
		c->idle[c->idle_count++] = STEAL(sql);
	pthread_mutex_unlock(&c->lock);
	sql_close(sql);
}

/* ---- syncs of the thread ---- */

/* Takes note of a sync for the metrics. */
static void remember(struct catalogue *c, const struct sync_result *r, double seconds)
{
	static const char *const names[] = {"success", "failed", "interrupted"};

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		c->runs[i] += strcmp(r->status, names[i]) == 0;
	c->last = *r;
	c->last_end = time(NULL);
	c->last_seconds = seconds;
	if (strcmp(r->status, "success") == 0)
		c->last_success = c->last_end;
	pthread_mutex_unlock(&c->lock);
}

static int sync_now(
	struct catalogue *c, const char *cause, struct sync_result *result, struct err *err)
{
	int64_t begin = clock_ns();
	int rc = catalogue_sync(c, cause, result, err);

	if (rc == 0 || err->code != ERR_BUSY)
		remember(c, result, (double)(clock_ns() - begin) / 1e9);
	return rc;
}

/* Answers who asked for a sync. */
static void answer_asked(struct http_later *later, int rc, const struct sync_result *result,
	const struct err *why)
{
	struct http_answer answer = HTTP_ANSWER_INIT;

	if (rc < 0 && why->code == ERR_BUSY)
		http_answer_problem(&answer, 409, "%s", why->text);
	else if (rc < 0 && why->code == ERR_CANCELLED)
		http_answer_problem(&answer, 503, "the daemon ends, and the sync with it");
	else
		sync_result_json(result, &answer.body);
	if (rc < 0 && answer.status == 200)
		answer.status = 502;
	http_later_answer(later, &answer);
}

/* Takes over what a handler asked for; NULL: nothing. */
static struct http_later *take_asked(struct catalogue *c)
{
	uint64_t wakes;

	(void)!read(c->wake, &wakes, sizeof(wakes));
	pthread_mutex_lock(&c->lock);
	struct http_later *later = STEAL(c->asked);
	pthread_mutex_unlock(&c->lock);
	return later;
}

static void set_idle(struct catalogue *c)
{
	pthread_mutex_lock(&c->lock);
	c->busy = false;
	pthread_mutex_unlock(&c->lock);
}

static void serve_asked(struct catalogue *c)
{
	struct http_later *later = take_asked(c);
	struct sync_result result = {.status = "failed"};
	struct err why = {0};

	if (!later)
		return;
	int rc = sync_now(c, "request", &result, &why);
	if (rc < 0 && !result.message[0])
		snprintf(result.message, sizeof(result.message), "%s", why.text);
	set_idle(c);
	answer_asked(later, rc, &result, &why);
}

/* Claims this instance's only sync; false while a handler has it. */
static bool claim(struct catalogue *c)
{
	pthread_mutex_lock(&c->lock);
	bool free_now = !c->busy && !c->stopped;
	c->busy |= free_now;
	pthread_mutex_unlock(&c->lock);
	return free_now;
}

/* The time at which a sync is due next; 0 when that is not known now. */
static time_t next_due(struct catalogue *c)
{
	struct err err = {0};
	time_t last;

	if (run_last(c->sql, &last, &err) == 0)
		return cron_next(&c->cron, last);
	log_warning("the catalogue's schedule: %s", err.text);
	return 0;
}

static void serve_schedule(struct catalogue *c, time_t began)
{
	struct sync_result result;
	struct err why = {0};
	time_t due = c->scheduled ? next_due(c) : 0;

	if (due == 0 || due > time(NULL) || !claim(c))
		return;
	if (sync_now(c, due < began ? "missed" : "schedule", &result, &why) < 0 &&
		why.code != ERR_BUSY)
		log_line(LOG_ERROR, "the scheduled sync: %s", why.text);
	set_idle(c);
}

/* Waits for a request, the schedule, or the end; a moment at most. */
static void wait_for_work(struct catalogue *c)
{
	struct pollfd wake = {.fd = c->wake, .events = POLLIN};
	double seconds = LOOK_SECONDS;
	time_t now = time(NULL), due = c->scheduled ? next_due(c) : 0;

	if (due > now && (double)(due - now) < seconds)
		seconds = (double)(due - now);
	wait_fds(&wake, 1, deadline_in(seconds), &c->cancel, NULL);
}

/* What a daemon that was killed has left does not run any more. */
static void end_dead(struct catalogue *c)
{
	struct err err = {0};
	int rc = sql_try_lock(c->sql, CATALOGUE_LOCK, &err);

	if (rc > 0) {
		rc = run_end_dead(c->sql, &err);
		sql_unlock(c->sql, CATALOGUE_LOCK);
	}
	if (rc < 0)
		log_warning("the catalogue's history: %s", err.text);
}

static void *run_thread(void *data)
{
	struct catalogue *c = data;
	time_t began = time(NULL);

	end_dead(c);
	while (!cancel_level(&c->cancel)) {
		serve_schedule(c, began);
		wait_for_work(c);
		if (!cancel_level(&c->cancel))
			serve_asked(c);
	}
	return NULL;
}

static void tell_schedule(const struct catalogue *c)
{
	AUTO(strbuf_release) struct strbuf when = STRBUF_INIT;

	if (!c->scheduled) {
		log_info("Background scheduler is off - HF LiteRT sync on request only");
		return;
	}
	cron_describe(&c->cron, c->config->schedule, &when);
	log_info("Background scheduler started - HF LiteRT sync scheduled for %s", when.data);
}

int catalogue_start(struct catalogue *c, struct err *err)
{
	errno = pthread_create(&c->thread, NULL, run_thread, c);
	if (errno)
		return err_sys(err, "the catalogue's thread");
	c->started = true;
	tell_schedule(c);
	return 0;
}

void catalogue_stop(struct catalogue *c)
{
	const struct err why = {.code = ERR_CANCELLED};
	const struct sync_result none = {.status = "interrupted"};

	pthread_mutex_lock(&c->lock);
	c->stopped = true;
	pthread_mutex_unlock(&c->lock);
	if (c->cancel.fd >= 0)
		cancel_request(&c->cancel);
	if (c->started)
		pthread_join(c->thread, NULL);
	c->started = false;
	if (c->asked)
		answer_asked(STEAL(c->asked), -1, &none, &why);
}
