/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/update.h"

#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "daemons/sync_agent/pilot.h"
#include "daemons/sync_agent/swap.h"

/* ---- the manifest and the flag ---- */

static int write_manifest(struct update *u, struct err *err)
{
	autofree char *parent = path_dirname(u->config->manifest_path);

	if (path_mkdirs(parent, 0755, err) < 0)
		return -1;
	return manifest_write(u->config->manifest_path, u->manifest, err);
}

/* Makes the manifest say that something has changed now. */
static void stamp_manifest(struct update *u)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	u->manifest->last_sync = arena_strdup(u->arena, now);
}

/* Tells others that files have changed, in the way that needs nobody's consent. */
static void write_flag(const struct update *u)
{
	const char *path = u->config->on_update.flag_file;
	struct err err = {0};

	if (!path || !*path)
		return;
	autofree char *text = xasprintf("%s\n", u->manifest->last_sync);
	if (file_replace(path, text, strlen(text), 0644, &err) < 0)
		log_warning("the flag file: %s", err.text);
}

/*
 * Starts the pipeline again. One that is not runs on with other models than there are on disk,
 * which u->restart tells; its code is returned.
 */
static enum err_code restart(struct update *u,
	int (*how)(
		const struct agent_update *on_update, const struct cancel *c, struct err *err),
	const char *what)
{
	err_clear(&u->restart);
	if (how(&u->config->on_update, u->cancel, &u->restart) < 0) {
		err_wrap(&u->restart, "%s", what);
		log_line(LOG_ERROR, "%s", u->restart.text);
	}
	return u->restart.code;
}

/* ---- back ---- */

/* Makes the manifest say of a file what it said before the update, if it says anything else. */
static void put_last(struct update *u, const struct pending *p)
{
	const struct record *said = manifest_find(u->manifest, p->next.file);

	if (!said || !record_is(said, p->next.name, p->next.version, p->next.run_id))
		return;
	if (p->last.version)
		manifest_put(u->manifest, &p->last);
	else
		manifest_remove(u->manifest, p->next.file);
}

/*
 * Puts back the files of the update, and what the manifest said of them. A file whose former
 * one somebody has removed stays: there is nothing else.
 */
static int revert(struct update *u, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < u->state->pending.count; i++) {
		const struct pending *p = &u->state->pending.items[i];
		struct err why = {0};
		if (swap_revert(u->config->models_dir, p, &why) == 0)
			put_last(u, p);
		else if (why.code == ERR_NOTFOUND)
			log_line(LOG_ERROR, "%s stays: %s", p->next.file, why.text);
		else
			rc = err_set(err, why.code, "%s", why.text);
	}
	return rc;
}

static int end_update(struct update *u, struct err *err)
{
	u->state->pending.count = 0;
	return state_write(u->config->models_dir, u->state, err);
}

/* A version that was not healthy is not tried again until the alias moves. */
static void block_all(struct update *u)
{
	for (size_t i = 0; i < u->state->pending.count; i++) {
		const struct record *next = &u->state->pending.items[i].next;
		state_set_block(u->state, &(struct block){.file = next->file,
						  .name = next->name,
						  .version = next->version,
						  .run_id = next->run_id,
						  .reason = BLOCK_UNHEALTHY});
	}
}

/* Whether the update was on its way back when an earlier process ended. */
static bool is_going_back(const struct update *u)
{
	for (size_t i = 0; i < u->state->pending.count; i++) {
		const struct record *next = &u->state->pending.items[i].next;
		const struct block *b = state_block(u->state, next->file);
		if (b && strcmp(b->reason, BLOCK_UNHEALTHY) == 0 &&
			record_is(next, b->name, b->version, b->run_id))
			return true;
	}
	return false;
}

/*
 * The state says first that the update goes back, and forgets it last, when the pipeline runs
 * with its former models: whatever ends in between is gone through again.
 */
static enum update_outcome go_back(struct update *u, struct err *err)
{
	struct err why = {0};

	log_line(LOG_ERROR,
		"the pipeline is not healthy with its new models, which go back: %s",
		err ? err->text : "");
	block_all(u);
	if (state_write(u->config->models_dir, u->state, &why) < 0)
		log_line(LOG_ERROR, "%s", why.text);
	stamp_manifest(u);
	int rc = revert(u, &why) < 0 || write_manifest(u, &why) < 0 ? -1 : 0;
	if (rc < 0)
		log_line(LOG_ERROR, "%s", why.text);
	write_flag(u);
	if (restart(u, pilot_restart_again, "the restart with the former models") ==
		ERR_CANCELLED)
		return UPDATE_REVERTED;
	if (rc == 0 && end_update(u, &why) < 0)
		log_line(LOG_ERROR, "%s", why.text);
	return UPDATE_REVERTED;
}

/* ---- forth ---- */

/* Forgets the oldest former versions of a file beyond those that are to be kept. */
static void trim_former(struct update *u, const char *file)
{
	int64_t count = 0;

	for (size_t i = u->state->former.count; i-- > 0;) {
		if (strcmp(u->state->former.items[i].record.file, file) != 0)
			continue;
		if (++count > u->config->keep_former)
			state_drop_former(u->state, i);
	}
}

/* A version that is in use is no former one. */
static void drop_used(struct update *u, const struct record *used)
{
	for (size_t i = u->state->former.count; i-- > 0;) {
		const struct record *r = &u->state->former.items[i].record;
		if (strcmp(r->file, used->file) == 0 &&
			record_is(r, used->name, used->version, used->run_id))
			state_drop_former(u->state, i);
	}
}

/* The update has proved itself: former files become those that can be put back. */
static int confirm(struct update *u, struct err *err)
{
	for (size_t i = 0; i < u->state->pending.count; i++) {
		const struct pending *p = &u->state->pending.items[i];
		if (p->kept && p->last.version && u->config->keep_former > 0)
			*VEC_PUSH(&u->state->former) =
				(struct former){.record = p->last, .kept = p->kept};
	}
	for (size_t i = 0; i < u->state->pending.count; i++) {
		drop_used(u, &u->state->pending.items[i].next);
		trim_former(u, u->state->pending.items[i].next.file);
	}
	if (end_update(u, err) < 0)
		return -1;
	swap_sweep(u->config->models_dir, u->state);
	return 0;
}

/* Takes all back before the pipeline knows of it; what cannot be is left for the next start. */
static enum update_outcome give_up(struct update *u)
{
	struct err why = {0};

	if (revert(u, &why) < 0 || end_update(u, &why) < 0)
		log_line(LOG_ERROR, "%s", why.text);
	return UPDATE_FAILED;
}

/*
 * Likewise with a manifest that could not be written: it may be there nevertheless, when only
 * its sync has failed, and has to say again what it said.
 */
static enum update_outcome give_up_manifest(struct update *u, const char *last_sync)
{
	struct err why = {0};

	u->manifest->last_sync = last_sync;
	if (revert(u, &why) < 0 || write_manifest(u, &why) < 0 || end_update(u, &why) < 0)
		log_line(LOG_ERROR, "%s", why.text);
	return UPDATE_FAILED;
}

/* From the manifest on: files are swapped. */
static enum update_outcome go_on(struct update *u, struct err *err)
{
	const char *last_sync = u->manifest->last_sync;

	for (size_t i = 0; i < u->state->pending.count; i++)
		manifest_put(u->manifest, &u->state->pending.items[i].next);
	stamp_manifest(u);
	if (write_manifest(u, err) < 0)
		return give_up_manifest(u, last_sync);
	write_flag(u);
	if (restart(u, pilot_restart, "the restart") == ERR_CANCELLED) {
		err_set(err, ERR_CANCELLED, "%s", u->restart.text);
		return UPDATE_FAILED;
	}
	if (pilot_is_well(&u->config->on_update, u->cancel, err) < 0)
		return err && err->code == ERR_CANCELLED ? UPDATE_FAILED : go_back(u, err);
	return confirm(u, err) < 0 ? UPDATE_FAILED : UPDATE_DONE;
}

static int add_pending(struct update *u, const struct staged *s, struct err *err)
{
	const struct record *last = manifest_find(u->manifest, s->next.file);
	struct pending p = {.next = s->next};

	if (last)
		p.last = *last;
	if (swap_prepare(u->config->models_dir, s->path, u->state, &p, u->arena, err) < 0)
		return -1;
	*VEC_PUSH(&u->state->pending) = p;
	return 0;
}

enum update_outcome update_apply(
	struct update *u, const struct staged *staged, size_t count, struct err *err)
{
	u->state->pending.count = 0;
	for (size_t i = 0; i < count; i++)
		if (add_pending(u, &staged[i], err) < 0) {
			u->state->pending.count = 0;
			return UPDATE_FAILED;
		}
	if (state_write(u->config->models_dir, u->state, err) < 0) {
		u->state->pending.count = 0;
		return UPDATE_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		if (swap_install(u->config->models_dir, staged[i].path,
			    &u->state->pending.items[i], err) < 0)
			return give_up(u);
	return go_on(u, err);
}

enum update_outcome update_recover(struct update *u, struct err *err)
{
	size_t done = 0;

	if (u->state->pending.count == 0)
		return UPDATE_DONE;
	if (is_going_back(u)) {
		err_set(err, ERR_SYSTEM, "it was ended in the midst of it");
		return go_back(u, err);
	}
	for (size_t i = 0; i < u->state->pending.count; i++) {
		struct pending *p = &u->state->pending.items[i];
		if (swap_is_done(u->config->models_dir, p))
			u->state->pending.items[done++] = *p;
		else
			put_last(u, p); /* the manifest may not know that it was not done */
	}
	u->state->pending.count = done;
	log_warning("an update was cut off: %zu file%s of it %s in use", done,
		done == 1 ? "" : "s", done == 1 ? "is" : "are");
	if (done)
		return go_on(u, err);
	return write_manifest(u, err) < 0 || end_update(u, err) < 0 ? UPDATE_FAILED
								    : UPDATE_DONE;
}

/* ---- a former version by hand ---- */

/* The newest former version of a file; its index, or -1. */
static ssize_t find_former(const struct state *s, const char *file)
{
	for (size_t i = s->former.count; i-- > 0;)
		if (strcmp(s->former.items[i].record.file, file) == 0)
			return (ssize_t)i;
	return -1;
}

static int stage_former(
	struct update *u, const struct former *f, struct staged *s, struct err *err)
{
	autofree char *kept = swap_kept(u->config->models_dir, f->kept);
	autofree char *path = swap_staging(u->config->models_dir, f->record.file, err);

	if (!path)
		return -1;
	if (swap_link(kept, path, err) < 0)
		return -1;
	*s = (struct staged){.next = f->record, .path = arena_strdup(u->arena, path)};
	return 0;
}

/*
 * Holds what the alias names: a version that is not taken already, else the one that is in use.
 */
static void hold(struct update *u, const char *file, const struct record *now)
{
	struct block *there = state_block(u->state, file);

	if (there)
		there->reason = BLOCK_HELD;
	else if (now)
		state_set_block(u->state, &(struct block){.file = now->file,
						  .name = now->name,
						  .version = now->version,
						  .run_id = now->run_id,
						  .reason = BLOCK_HELD});
}

enum update_outcome update_put_back(struct update *u, const char *file, struct err *err)
{
	ssize_t index = find_former(u->state, file);
	const struct record *now = manifest_find(u->manifest, file);
	const struct block *there = state_block(u->state, file);
	const struct block before = there ? *there : (struct block){.file = file};
	struct staged s;

	if (index < 0) {
		err_set(err, ERR_NOTFOUND,
			"%s has no former version: see \"keep_former\" in the configuration",
			file);
		return UPDATE_FAILED;
	}
	if (stage_former(u, &u->state->former.items[index], &s, err) < 0)
		return UPDATE_FAILED;
	hold(u, file, now);
	enum update_outcome outcome = update_apply(u, &s, 1, err);
	if (outcome != UPDATE_FAILED || u->state->pending.count)
		return outcome;
	state_set_block(u->state, &before);
	end_update(u, NULL);
	return outcome;
}
