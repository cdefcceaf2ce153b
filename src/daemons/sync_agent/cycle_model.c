/* SPDX-License-Identifier: Apache-2.0 */
/* One model of a cycle: which version is meant, whether it is there, and fetching it. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "daemons/notify.h"
#include "daemons/sync_agent/cycle_private.h"
#include "daemons/sync_agent/swap.h"
#include "source/format.h"
#include "source/source.h"

#define SPACE_SPARE (1u << 20) /* bytes that stay free beside a file */

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

/* ---- what is there ---- */

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

/* ---- fetching ---- */

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

/* ---- all of it ---- */

int cycle_sync_model(struct cycle *c, const struct agent_model *m, struct err *err)
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
