/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host has: its root, and every version asked for by digest, in one round trip; then
 * what each version needs.
 */
#include "sync/conversation.h"
#include "text/glob.h"

#define ROOT_MODE       0755
#define DRIFT_NAMED_MAX 5 /* differences that a report names */

static int root_opened(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	if (f->kind == WIRE_ERROR) {
		c->no_root = c->o->check && r->err.code == ERR_NOTFOUND;
		if (c->no_root)
			return 0;
		return err_set(err, r->err.code, "%s", r->err.text);
	}
	return wire_get_disk(f, &c->disk, err);
}

/* A root that is open already is only asked for its disk, which is the same answer. */
static int ask_root(struct conversation *c, struct err *err)
{
	uint8_t buffer[8];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_u8(&w, ROOT);
	return conversation_ask(c, WIRE_DISK, &w, NULL, root_opened, err);
}

static int open_root(struct conversation *c, struct err *err)
{
	uint8_t buffer[8192];
	struct msg_writer w;
	struct wire_root_open root = {
		.root = ROOT,
		.flags = c->o->check ? 0 : WIRE_ROOT_CREATE | WIRE_ROOT_LEASE,
		.mode = ROOT_MODE,
		.path = c->models->root,
		.holder = c->o->holder,
	};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_root_open(&w, &root);
	return conversation_ask(c, WIRE_ROOT_OPEN, &w, NULL, root_opened, err);
}

/* True if the model's patterns allow the node to have this path beside the manifest. */
static bool extra_allowed(const struct model *model, const char *path)
{
	return globs_match(&model->exclude, path, true) ||
	       globs_match(&model->initial_only, path, true) ||
	       (model->only.count && !globs_match(&model->only, path, true));
}

void name_drift(struct sync_result *result, const char *path, const char *what)
{
	result->drift++;
	if (result->drifted.count < DRIFT_NAMED_MAX)
		strlist_addf(&result->drifted, "%s: %s", path, what);
}

static void take_drift(struct conversation *c, struct task *t, const struct wire_drift *d)
{
	const struct model *model = t->wanted->model;
	bool keep_newer = model->update && !c->o->repair && d->newer;

	if (d->kind == WIRE_DRIFT_EXTRA) {
		if (extra_allowed(model, d->path))
			return;
		t->extra++;
		if (c->o->repair)
			strlist_add(&t->extras, d->path);
		else
			name_drift(t->result, d->path, "not part of the version");
	} else if (d->kind == WIRE_DRIFT_CHANGED && keep_newer) {
		name_drift(t->result, d->path, "changed on the node, and newer there");
	} else {
		t->wrong = true;
	}
}

static int version_checked(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	struct task *t = r->task;
	struct msg_reader reader;
	struct wire_drift drift;
	int more;

	if (f->kind == WIRE_ERROR) {
		if (c->no_root)
			err_clear(&r->err);
		return 0;
	}
	msg_read(&reader, f->data, f->len);
	if (!t->checked && wire_get_check_head(&reader, &t->check, err) < 0)
		return -1;
	t->checked = true;
	while ((more = wire_get_drift(&reader, &drift, err)) == 1)
		take_drift(c, t, &drift);
	if (r->done && c->o->look)
		conversation_progress(c, t->version->manifest.bytes);
	return more;
}

static int ask_version(struct conversation *c, struct task *t, struct err *err)
{
	uint8_t buffer[512];
	struct msg_writer w;
	struct wire_version_check check = {
		.root = ROOT,
		.flags = c->o->rehash ? WIRE_CHECK_REHASH : 0,
		.version = t->version->path,
	};

	memcpy(check.digest, t->version->manifest.digest, sizeof(check.digest));
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_check(&w, &check);
	return conversation_ask(c, WIRE_VERSION_CHECK, &w, t, version_checked, err);
}

static int ask_all(struct conversation *c, struct err *err)
{
	if ((c->o->root_is_open ? ask_root(c, err) : open_root(c, err)) < 0)
		return -1;
	for (size_t i = 0; c->o->look && i < c->task_count; i++)
		c->total += c->tasks[i].version->manifest.bytes;
	for (size_t i = 0; i < c->task_count; i++) {
		if (ask_version(c, &c->tasks[i], err) < 0)
			return -1;
	}
	return conversation_settle(c, err);
}

/* True if the node listed fewer differences than it found: then only a plan tells all. */
static bool drift_cut(const struct task *t)
{
	return t->check.drift_count > WIRE_DRIFT_MAX;
}

static void decide(struct task *t)
{
	if (t->result->outcome == SYNC_FAILED)
		return;
	switch (t->check.state) {
	case WIRE_VERSION_VERIFIED: t->state = TASK_DONE; break;
	case WIRE_VERSION_DRIFT:
		t->state = t->wrong || drift_cut(t) ? TASK_BEGIN : TASK_DONE;
		break;
	default: t->state = TASK_BEGIN; break;
	}
	if (t->state == TASK_DONE && t->result->drift)
		t->result->outcome = SYNC_DRIFTED;
	t->finished = t->state == TASK_DONE && t->extras.count == 0;
}

int compare_versions(struct conversation *c, struct err *err)
{
	if (ask_all(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->task_count; i++)
		decide(&c->tasks[i]);
	return 0;
}
