/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is missing, file by file, as the node plans it from a version's manifest; and whether
 * there is room for it.
 */
#include "base/vec.h"
#include "sync/conversation.h"

/* Room left free on the node beyond what is sent: directories, records, the unexpected. */
#define DISK_MARGIN ((uint64_t)4 << 20)

static void take_plan(struct task *t, const struct wire_plan *p)
{
	struct wire_plan *copy = VEC_PUSH(&t->plan);

	*copy = *p;
	copy->basis_version = arena_strdup(&t->strings, p->basis_version);
	copy->basis_path = arena_strdup(&t->strings, p->basis_path);
}

static int plan_answered(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	struct msg_reader reader;
	struct wire_plan p;
	int more;

	(void)c;
	if (f->kind == WIRE_ERROR)
		return 0;
	msg_read(&reader, f->data, f->len);
	while ((more = wire_get_plan(&reader, &p, err)) == 1) {
		if (p.index >= r->task->version->manifest.count)
			return err_set(err, ERR_PROTOCOL, "a plan for entry %u of %zu", p.index,
				r->task->version->manifest.count);
		take_plan(r->task, &p);
	}
	if (r->done && more == 0)
		r->task->state = TASK_SEND;
	return more;
}

static int send_manifest(
	struct conversation *c, const struct strbuf *manifest, uint32_t id, struct err *err)
{
	size_t at = 0;

	do {
		size_t n = manifest->len - at;
		if (n > FRAME_PAYLOAD_MAX)
			n = FRAME_PAYLOAD_MAX;
		uint8_t flags = at + n == manifest->len ? FRAME_LAST : 0;
		if (conversation_data(c, id, flags, manifest->data + at, n, err) < 0)
			return -1;
		at += n;
	} while (at < manifest->len);
	return 0;
}

int begin_version(struct conversation *c, struct task *t, bool check, struct err *err)
{
	uint8_t buffer[512];
	struct msg_writer w;
	uint32_t id;
	struct wire_version_begin begin = {
		.root = ROOT,
		.stage = t->stage,
		.flags = t->wanted->model->update && !c->o->repair ? WIRE_BEGIN_UPDATE : 0,
		.version = t->version->path,
		.manifest_len = (uint32_t)t->version->wire.len,
	};

	t->plan.count = 0;
	memcpy(begin.digest, t->version->manifest.digest, sizeof(begin.digest));
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_begin(&w, &begin);
	if (conversation_ask_bulk(c, WIRE_VERSION_BEGIN, check ? FRAME_CHECK : 0, &w, t,
		    plan_answered, &id, err) < 0)
		return -1;
	return send_manifest(c, &t->version->wire, id, err);
}

/* The plan when there is no root to ask: every file is to be sent. */
static void plan_all(struct task *t)
{
	const struct manifest *m = &t->version->manifest;

	for (size_t i = 0; i < m->count; i++) {
		struct wire_plan p = {.index = (uint32_t)i, .state = WIRE_PLAN_SEND};
		if (m->entries[i].kind == MANIFEST_FILE)
			*VEC_PUSH(&t->plan) = p;
	}
	t->state = TASK_SEND;
}

void weigh_plan(struct conversation *c, struct task *t)
{
	for (size_t i = 0; i < t->plan.count; i++) {
		const struct wire_plan *p = &t->plan.items[i];
		const struct manifest_entry *e = &t->version->manifest.entries[p->index];
		if (p->state == WIRE_PLAN_SEND || p->state == WIRE_PLAN_BASIS)
			c->total += e->size - p->offset;
		if (p->state == WIRE_PLAN_REUSED) {
			t->result->files_reused++;
			t->result->bytes_saved += e->size;
		}
		if (p->state == WIRE_PLAN_NEWER && t->check.state != WIRE_VERSION_DRIFT)
			name_drift(t->result, e->path, "changed on the node, and newer there");
	}
}

static uint64_t blocks(const struct conversation *c, uint64_t size)
{
	uint64_t block = c->disk.block_size ? c->disk.block_size : 4096;

	return (size + block - 1) / block * block;
}

/* The most that a version can need: every file of an absent version, its parents, its record.
 */
static uint64_t upper_bound(const struct conversation *c, const struct task *t)
{
	const struct manifest *m = &t->version->manifest;
	uint64_t need = t->version->wire.len + blocks(c, 1);

	for (size_t i = 0; i < m->count; i++)
		need += blocks(c, m->entries[i].size ? m->entries[i].size : 1);
	return need;
}

static uint64_t needed_by_plan(const struct conversation *c, const struct task *t)
{
	uint64_t need = 0;

	for (size_t i = 0; i < t->plan.count; i++) {
		const struct wire_plan *p = &t->plan.items[i];
		const struct manifest_entry *e = &t->version->manifest.entries[p->index];
		if (p->state == WIRE_PLAN_SEND || p->state == WIRE_PLAN_BASIS ||
			p->state == WIRE_PLAN_REUSED)
			need += blocks(c, e->size - p->offset);
	}
	return need + t->version->wire.len + blocks(c, 1);
}

static int no_space(const struct conversation *c, uint64_t need, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, "no space left: needs ");
	strbuf_addsize(&text, need);
	strbuf_addstr(&text, ", has ");
	strbuf_addsize(&text, c->disk.bytes_free);
	return err_set(err, ERR_NOSPACE, "%s", text.data);
}

int plan_only(struct conversation *c, struct err *err)
{
	for (size_t i = 0; i < c->task_count; i++) {
		struct task *t = &c->tasks[i];
		if (t->state != TASK_BEGIN)
			continue;
		if (c->no_root)
			plan_all(t);
		else if (begin_version(c, t, true, err) < 0)
			return -1;
	}
	return conversation_settle(c, err);
}

int check_disk(struct conversation *c, struct err *err)
{
	uint64_t need = 0;

	for (size_t i = 0; i < c->task_count; i++) {
		if (c->tasks[i].state == TASK_BEGIN)
			need += upper_bound(c, &c->tasks[i]);
	}
	c->report->disk_free = c->disk.bytes_free;
	c->report->disk_needed = need;
	if (need == 0 || c->no_root || need + DISK_MARGIN <= c->disk.bytes_free)
		return 0;
	if (plan_only(c, err) < 0)
		return -1;
	need = 0;
	for (size_t i = 0; i < c->task_count; i++) {
		struct task *t = &c->tasks[i];
		if (t->result->err.code == ERR_NOSPACE)
			need += upper_bound(c, t);
		if (t->state != TASK_SEND)
			continue;
		need += needed_by_plan(c, t);
		t->state = TASK_BEGIN;
	}
	c->report->disk_needed = need;
	return need + DISK_MARGIN <= c->disk.bytes_free ? 0 : no_space(c, need, err);
}
