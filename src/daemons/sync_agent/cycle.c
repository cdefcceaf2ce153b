/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/cycle.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "daemons/notify.h"
#include "daemons/sync_agent/leftovers.h"
#include "daemons/sync_agent/swap.h"
#include "daemons/sync_agent/update.h"
#include "source/format.h"
#include "source/source.h"

#define LOCK_FILE   ".sync-lock"
#define LOCK_LIMIT  60.0 /* seconds that another agent's cycle is waited for */
#define LOCK_PAUSE  0.2
#define SPACE_SPARE (1u << 20) /* bytes that stay free beside a file */

/* One cycle's own memory and files. */
struct cycle {
	struct agent *agent;
	const struct agent_config *config;
	struct arena arena;
	struct manifest manifest;
	struct state state;
	int lock;
	bool connected; /* MLflow has answered whatever it was asked */
	bool changed;   /* without an update: has to be written down */
	size_t current; /* models whose file is what the alias names */
	struct {
		struct staged *items;
		size_t count, cap;
	} staged;
	struct err first;   /* the first thing that went wrong */
	struct err restart; /* of an update that is in use nevertheless */
};

/* ---- sources ---- */

void cycle_forget_sources(struct agent *agent)
{
	for (size_t i = 0; i < agent->sources.count; i++) {
		free(agent->sources.items[i].kind);
		free(agent->sources.items[i].uri);
		source_close(agent->sources.items[i].source);
	}
	free(agent->sources.items);
	agent->sources.items = NULL;
	agent->sources.count = agent->sources.cap = 0;
}

static struct cycle_source *source_of(
	struct agent *agent, const struct agent_model *m, struct err *err)
{
	const struct source_options options = {
		.uri = m->uri, .cancel = agent->cancel, .rate = (uint64_t)agent->config->rate};
	const char *uri = m->uri ? m->uri : "";

	for (size_t i = 0; i < agent->sources.count; i++) {
		struct cycle_source *s = &agent->sources.items[i];
		if (strcmp(s->kind, m->source) == 0 && strcmp(s->uri, uri) == 0)
			return s;
	}
	struct source *source = source_open(m->source, &options, err);
	if (!source)
		return NULL;
	struct cycle_source *s = VEC_PUSH(&agent->sources);
	*s = (struct cycle_source){
		.kind = xstrdup(m->source), .uri = xstrdup(uri), .source = source};
	return s;
}

/* Notes what a failed question says of its source. */
static void judge_source(struct cycle *c, struct cycle_source *s, const struct err *why)
{
	s->away = why->code == ERR_UNREACHABLE || why->code == ERR_TIMEOUT;
	if (strcmp(s->kind, "mlflow") == 0 &&
		(s->away || why->code == ERR_PROTOCOL || why->code == ERR_AUTH))
		c->connected = false;
}

static struct source_request request_for(const struct agent_model *m)
{
	return (struct source_request){.name = m->name,
		.alias = m->alias,
		.stage = m->stage,
		.path = m->artifact,
		.local_name = m->local_name,
		.sha256_tag = m->sha256_tag};
}

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

/* ---- one model ---- */

/* Notes what went wrong with a model; the cycle goes on with the others. */
static void note(struct cycle *c, const struct agent_model *m, const struct err *why)
{
	log_line(why->code == ERR_UNREACHABLE || why->code == ERR_TIMEOUT ? LOG_WARNING
									  : LOG_ERROR,
		"%s: %s", m->local_name, why->text);
	if (c->first.code == ERR_NONE)
		err_set(&c->first, why->code, "%s: %s", m->local_name, why->text);
}

static bool has_file(const struct cycle *c, const char *file)
{
	autofree char *path = path_join(c->config->models_dir, file);
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Whether the file on disk is what a digest says. */
static bool has_digest(const struct cycle *c, const char *file, const char *sha256)
{
	autofree char *path = path_join(c->config->models_dir, file);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unsigned char digest[DIGEST_MAX];
	AUTO(strbuf_release) struct strbuf hex = STRBUF_INIT;

	if (fd < 0 || digest_fd(DIGEST_SHA256, fd, digest, NULL) < 0)
		return false;
	strbuf_addhex(&hex, digest, digest_size(DIGEST_SHA256));
	return strcasecmp(hex.data, sha256) == 0;
}

static struct record record_of(
	struct cycle *c, const struct agent_model *m, const struct source_version *v)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	return (struct record){.file = m->local_name,
		.name = m->name,
		.version = arena_strdup(&c->arena, v->version),
		.run_id = arena_strdup(&c->arena, v->run_id),
		.alias = m->alias ? m->alias : m->stage,
		.downloaded_at = arena_strdup(&c->arena, now)};
}

/* True if the version is not to be taken; a block of another one ends: the alias has moved. */
static bool is_blocked(
	struct cycle *c, const struct agent_model *m, const struct source_version *v)
{
	const struct block *b = state_block(&c->state, m->local_name);

	if (!b)
		return false;
	if (strcmp(b->name, m->name) == 0 && strcmp(b->version, v->version) == 0 &&
		strcmp(b->run_id, v->run_id) == 0) {
		log_info("%s: version %s is not taken: %s", m->local_name, v->version,
			b->reason);
		return true;
	}
	state_set_block(&c->state, &(struct block){.file = m->local_name});
	c->changed = true;
	return false;
}

/* The same version under another alias is only written down. */
static bool is_recorded(struct cycle *c, const struct agent_model *m,
	const struct source_version *v, struct record *r)
{
	const char *alias = m->alias ? m->alias : m->stage;

	if (!record_is(r, m->name, v->version, v->run_id))
		return false;
	if (alias && (!r->alias || strcmp(alias, r->alias) != 0)) {
		r->alias = alias;
		c->changed = true;
	}
	return true;
}

/* Whether the device has the version, by the manifest or, without one, by the digest. */
static bool is_there(
	struct cycle *c, const struct agent_model *m, const struct source_version *v)
{
	struct record *r = manifest_find(&c->manifest, m->local_name);

	if (!has_file(c, m->local_name))
		return false;
	if (r)
		return is_recorded(c, m, v, r);
	if (!v->sha256 || !has_digest(c, m->local_name, v->sha256))
		return false;
	log_info("%s: the file on disk is version %s", m->local_name, v->version);
	const struct record adopted = record_of(c, m, v);
	manifest_put(&c->manifest, &adopted);
	c->changed = true;
	return true;
}

/* Bytes that a file may have where models are; 0 when nobody can tell. */
static uint64_t room_for_file(const struct cycle *c)
{
	struct statvfs fs;

	if (statvfs(c->config->models_dir, &fs) < 0)
		return 0;
	uint64_t there = (uint64_t)fs.f_bavail * fs.f_frsize;
	return there > SPACE_SPARE ? there - SPACE_SPARE : 1;
}

static int check_room(const struct cycle *c, uint64_t size, uint64_t room, struct err *err)
{
	if (!room || size == SOURCE_SIZE_UNKNOWN || size <= room)
		return 0;
	return err_set(err, ERR_NOSPACE,
		"it has %llu bytes, and %s has room for %llu: make room there",
		(unsigned long long)size, c->config->models_dir, (unsigned long long)room);
}

static void tell_progress(void *data, uint64_t done, uint64_t total)
{
	(void)data;
	(void)done;
	(void)total;
	notify_alive();
}

static int fetch(struct cycle *c, struct source *source, const struct agent_model *m,
	const struct source_request *q, const struct source_version *v, struct err *err)
{
	AUTO(source_file_release) struct source_file file = {0};
	struct source_fetch f = {.size_max = (uint64_t)c->config->size_max,
		.room = room_for_file(c),
		.progress = tell_progress};

	if (source_choose(source, q, v, &file, err) < 0 ||
		check_room(c, file.size, f.room, err) < 0)
		return -1;
	autofree char *to = swap_staging(c->config->models_dir, m->local_name, err);
	if (!to)
		return -1;
	f.to = to;
	log_info("%s: fetching version %s, %s", m->local_name, v->version, file.path);
	if (source_fetch(source, q, v, &file, &f, err) < 0)
		return -1;
	status_count(&c->agent->status, &(struct status_counters){.bytes = f.size});
	if (f.size == 0 || format_check(to, m->local_name, err) < 0) {
		if (f.size == 0)
			err_set(err, ERR_INTEGRITY, "it is empty");
		unlink(to);
		return err_wrap(err, "version %s: %s", v->version, file.path);
	}
	*VEC_PUSH(&c->staged) = (struct staged){
		.next = record_of(c, m, v), .path = arena_strdup(&c->arena, to)};
	return 0;
}

static int sync_model(struct cycle *c, const struct agent_model *m, struct err *err)
{
	AUTO(source_version_release) struct source_version v = {0};
	const struct source_request q = request_for(m);
	struct cycle_source *s = source_of(c->agent, m, err);

	if (!s)
		return -1;
	if (s->away) {
		log_info("%s: not asked for, since its source does not answer", m->local_name);
		return 0;
	}
	if (source_find(s->source, &q, &v, err) < 0) {
		judge_source(c, s, err);
		return -1;
	}
	if (is_blocked(c, m, &v))
		return 0;
	if (is_there(c, m, &v)) {
		c->current++;
		return 0;
	}
	return fetch(c, s->source, m, &q, &v, err);
}

/* ---- a cycle ---- */

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
		if (sync_model(c, m, &why) < 0)
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
