/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/cycle.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "daemons/notify.h"
#include "daemons/sync_agent/cycle_private.h"
#include "daemons/sync_agent/leftovers.h"

#define LOCK_FILE  ".sync-lock"
#define LOCK_LIMIT 60.0 /* seconds that another agent's cycle is waited for */
#define LOCK_PAUSE 0.2

/* ---- what this device has ---- */

static int lock_cycle(struct cycle *c, struct err *err)
{
	autofree char *path = path_join(c->config->models_dir, LOCK_FILE);
	deadline until = deadline_in(LOCK_LIMIT);

	if (path_mkdirs(c->config->models_dir, 0755, err) < 0)
		return -1;
	c->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->lock < 0)
		return err_sys(err, "open %s", path);
	while (flock(c->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, "lock %s", path);
		if (deadline_passed(until))
			return err_set(err, ERR_BUSY,
				"another agent has been at work in %s for a minute",
				c->config->models_dir);
		if (wait_until(deadline_in(LOCK_PAUSE), c->agent->cancel, err) < 0)
			return -1;
	}
	return 0;
}

/* Reads manifest and state; a broken manifest is as none: what is on disk is not trusted. */
static int read_records(struct cycle *c, struct err *err)
{
	struct err why = {0};

	if (manifest_read(&c->arena, c->config->manifest_path, &c->manifest, &why) < 0 &&
		why.code != ERR_NOTFOUND)
		log_warning("the manifest is not trusted, and files are fetched again: %s",
			why.text);
	c->manifest.device_id = config_device(&c->arena, c->config);
	if (state_read(&c->arena, c->config->models_dir, &c->state, &why) == 0)
		return 0;
	if (why.code != ERR_INPUT && why.code != ERR_LIMIT)
		return err_set(err, why.code, "%s", why.text);
	log_warning("what was remembered is lost: %s", why.text);
	state_release(&c->state);
	return 0;
}

static int cycle_open(struct cycle *c, struct agent *agent, struct err *err)
{
	*c = (struct cycle){
		.agent = agent, .config = agent->config, .lock = -1, .connected = true};
	for (size_t i = 0; i < agent->sources.count; i++)
		agent->sources.items[i].away = false;
	if (lock_cycle(c, err) < 0)
		return -1;
	return read_records(c, err);
}

static void cycle_close(struct cycle *c)
{
	fd_close(&c->lock);
	manifest_release(&c->manifest);
	state_release(&c->state);
	free(c->staged.items);
	arena_release(&c->arena);
}

static struct update update_of(struct cycle *c)
{
	return (struct update){.arena = &c->arena,
		.config = c->config,
		.cancel = c->agent->cancel,
		.manifest = &c->manifest,
		.state = &c->state};
}

/* ---- a cycle ---- */

/* Notes what went wrong with a model; the cycle goes on with the others. */
static void note(struct cycle *c, const struct agent_model *m, const struct err *why)
{
	log_line(why->code == ERR_UNREACHABLE || why->code == ERR_TIMEOUT ? LOG_WARNING
									  : LOG_ERROR,
		"%s: %s", m->local_name, why->text);
	if (c->first.code == ERR_NONE)
		err_set(&c->first, why->code, "%s: %s", m->local_name, why->text);
}

static void count_outcome(struct cycle *c, enum update_outcome outcome)
{
	struct status_counters more = {0};

	if (outcome == UPDATE_DONE)
		more.updates = c->staged.count;
	more.reverts = outcome == UPDATE_REVERTED;
	status_count(&c->agent->status, &more);
}

static void apply(struct cycle *c)
{
	struct update u = update_of(c);
	struct err why = {0};

	if (c->staged.count == 0) {
		log_info("%zu of %zu models are up to date", c->current,
			c->config->models.count);
		return;
	}
	enum update_outcome outcome = update_apply(&u, c->staged.items, c->staged.count, &why);
	c->restart = u.restart;
	count_outcome(c, outcome);
	for (size_t i = 0; outcome == UPDATE_DONE && i < c->staged.count; i++)
		log_info("%s: version %s is in use", c->staged.items[i].next.file,
			c->staged.items[i].next.version);
	if (outcome == UPDATE_DONE)
		return;
	log_line(LOG_ERROR, "the update: %s", why.text);
	if (c->first.code == ERR_NONE)
		c->first = why;
}

/* What has changed without an update. */
static void write_records(struct cycle *c)
{
	struct err why = {0};
	char now[32];

	if (!c->changed || c->staged.count)
		return;
	clock_rfc3339(time(NULL), now);
	c->manifest.last_sync = arena_strdup(&c->arena, now);
	if (manifest_write(c->config->manifest_path, &c->manifest, &why) < 0 ||
		state_write(c->config->models_dir, &c->state, &why) < 0)
		log_line(LOG_ERROR, "%s", why.text);
}

/*
 * Ends what an earlier process left. -1 with err when that cannot be done now: what is
 * remembered of it must not be lost by another update.
 */
static int recover(struct cycle *c, struct err *err)
{
	struct update u = update_of(c);
	struct err why = {0};

	enum update_outcome outcome = update_recover(&u, &why);
	c->restart = u.restart;
	count_outcome(c, outcome);
	if (outcome == UPDATE_FAILED || c->state.pending.count)
		return err_set(err, why.code ? why.code : ERR_SYSTEM,
			"the update that was cut off cannot be ended: %s", why.text);
	if (outcome == UPDATE_REVERTED)
		c->first = why;
	leftovers_clear(c->config, &c->state);
	return 0;
}

static void sync_models(struct cycle *c)
{
	for (size_t i = 0; i < c->config->models.count; i++) {
		const struct agent_model *m = config_model(c->config, i);
		struct err why = {0};
		notify_alive();
		if (cycle_sync_model(c, m, &why) < 0)
			note(c, m, &why);
		if (cancel_level(c->agent->cancel))
			return;
	}
}

static void run(struct cycle *c)
{
	if (recover(c, &c->first) < 0) {
		log_line(LOG_ERROR, "%s", c->first.text);
		return;
	}
	sync_models(c);
	if (cancel_level(c->agent->cancel))
		return;
	apply(c);
	write_records(c);
	leftovers_clear_staging(c->config);
}

int cycle_run(struct agent *agent, struct err *err)
{
	struct cycle c;
	int rc = -1;

	if (cycle_open(&c, agent, err) == 0) {
		status_show(&agent->status, &c.manifest, &c.state);
		run(&c);
		status_show(&agent->status, &c.manifest, &c.state);
		const struct err *worst = c.first.code ? &c.first : &c.restart;
		status_end_cycle(&agent->status, c.connected, worst->code ? worst->text : NULL);
		rc = c.first.code ? err_set(err, c.first.code, "%s", c.first.text) : 0;
	} else if (!cancel_level(agent->cancel)) {
		log_line(err->code == ERR_BUSY ? LOG_WARNING : LOG_ERROR, "%s", err->text);
		status_end_cycle(&agent->status, agent->status.connected, err->text);
	}
	cycle_close(&c);
	malloc_trim(0);
	return rc;
}

int cycle_put_back(struct agent *agent, const char *file, struct err *err)
{
	struct cycle c;
	int rc = -1;

	if (cycle_open(&c, agent, err) == 0) {
		struct update u = update_of(&c);
		if (recover(&c, err) == 0)
			rc = update_put_back(&u, file, err) == UPDATE_DONE ? 0 : -1;
		leftovers_clear_staging(c.config);
	}
	cycle_close(&c);
	return rc;
}
