/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host, start to finish: open the root and ask for every version by digest (one round
 * trip); decide; compare disk space; send what is missing, a group of versions at a time.
 */
#include "sync/host.h"

#include "base/vec.h"
#include "sync/conversation.h"
#include "text/glob.h"

#define ROOT      0 /* the number of our only root */
#define ROOT_MODE 0755
#define GROUP_MAX 16 /* versions whose stages are open at once */
#define COMMIT_BEHIND                                                                          \
	((uint64_t)4 << 20) /* bytes of content between a version and its commit */
#define DRIFT_NAMED_MAX 5   /* differences that a report names */
/* Room left free on the node beyond what is sent: directories, records, the unexpected. */
#define DISK_MARGIN ((uint64_t)4 << 20)

/* ---- what is there ---- */

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

static void name_drift(struct sync_result *result, const char *path, const char *what)
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

/* ---- what is to be done ---- */

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

/* ---- plans ---- */

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

static int begin_version(struct conversation *c, struct task *t, bool check, struct err *err)
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

/* Notes what a plan leaves alone or finds on the node; sums up what is to be sent. */
static void weigh_plan(struct conversation *c, struct task *t)
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

/* ---- disk ---- */

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

/*
 * Asks for plans with the CHECK flag, which changes nothing on the node. Used where the upper
 * bound does not fit, and for --check.
 */
static int plan_only(struct conversation *c, struct err *err)
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

/* The space that all versions need together; one that the node refuses counts whole. */
static int check_disk(struct conversation *c, struct err *err)
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

/* ---- doing it ---- */

/* Closes a stage whose commit failed; what it holds stays in staging. */
static int close_stage(struct conversation *c, uint8_t stage, struct err *err)
{
	uint8_t buffer[16];
	struct msg_writer w;
	uint32_t id;

	if (!c->left_open[stage])
		return 0;
	c->left_open[stage] = false;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_end(&w, &(struct wire_version_end){.stage = stage});
	return conversation_ask_bulk(c, WIRE_VERSION_ABORT, 0, &w, NULL, NULL, &id, err);
}

/* Begins up to GROUP_MAX versions from *next on; *next moves behind them. */
static int begin_group(struct conversation *c, size_t *next, struct err *err)
{
	uint8_t stage = 0;

	for (; *next < c->task_count && stage < GROUP_MAX; (*next)++) {
		struct task *t = &c->tasks[*next];
		if (t->state != TASK_BEGIN)
			continue;
		t->stage = stage++;
		t->begun = true;
		if (close_stage(c, t->stage, err) < 0 || begin_version(c, t, false, err) < 0)
			return -1;
	}
	return conversation_settle(c, err);
}

static uint64_t bytes_sent(const struct conversation *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->task_count; i++)
		sum += c->tasks[i].result->bytes_sent;
	return sum;
}

/* Commits the tasks whose files were sent at least `behind` bytes ago, in order. */
static int commit_tasks(
	struct conversation *c, size_t *next, size_t to, uint64_t behind, struct err *err)
{
	uint64_t now = bytes_sent(c);

	for (; *next < to; (*next)++) {
		struct task *t = &c->tasks[*next];
		if (!t->begun)
			continue;
		if (now - t->sent_at < behind)
			return 0;
		t->begun = false;
		if (send_commit(c, t, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Sends the files of a group. Commits follow at a distance: the node records the times of
 * verified files, and times that are as fresh as the moment cannot be trusted, so it would
 * wait for its clock to move on. The distance gives it that time for nothing.
 */
static int send_group(struct conversation *c, size_t from, size_t to, struct err *err)
{
	size_t next = from;

	for (size_t i = from; i < to; i++) {
		if (c->tasks[i].state == TASK_SEND)
			weigh_plan(c, &c->tasks[i]);
	}
	for (size_t i = from; i < to; i++) {
		struct task *t = &c->tasks[i];
		if (t->state == TASK_SEND && send_files(c, t, err) < 0)
			return -1;
		t->sent_at = bytes_sent(c);
		if (commit_tasks(c, &next, i, COMMIT_BEHIND, err) < 0)
			return -1;
	}
	if (commit_tasks(c, &next, to, 0, err) < 0)
		return -1;
	return conversation_settle(c, err);
}

static int send_all(struct conversation *c, struct err *err)
{
	for (size_t next = 0; next < c->task_count;) {
		size_t from = next;
		if (begin_group(c, &next, err) < 0 || send_group(c, from, next, err) < 0)
			return -1;
	}
	return 0;
}

/* Versions whose content arrived damaged are tried once more, raw. */
static int retry_damaged(struct conversation *c, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < c->task_count; i++) {
		struct task *t = &c->tasks[i];
		if (!t->damaged)
			continue;
		t->damaged = false;
		t->raw = any = true;
		t->finished = false;
		t->result->outcome = SYNC_CURRENT;
		err_clear(&t->result->err);
		t->state = TASK_BEGIN;
	}
	return any ? send_all(c, err) : 0;
}

static int extra_removed(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err)
{
	(void)c;
	(void)err;
	if (f->kind != WIRE_REPLY)
		return 0;
	if (r->task->result->outcome == SYNC_CURRENT)
		r->task->result->outcome = SYNC_REPAIRED;
	r->task->finished = true;
	return 0;
}

static int remove_extras(struct conversation *c, struct err *err)
{
	uint8_t buffer[WIRE_VERSION_MAX + WIRE_PATH_MAX + 64];
	struct msg_writer w;

	for (size_t i = 0; i < c->task_count; i++) {
		struct task *t = &c->tasks[i];
		for (size_t k = 0; k < t->extras.count; k++) {
			msg_begin(&w, buffer, sizeof(buffer));
			wire_put_version_ref(&w, &(struct wire_version_ref){.root = ROOT,
							 .version = t->version->path,
							 .path = t->extras.items[k]});
			if (conversation_ask(c, WIRE_EXTRA_REMOVE, &w, t, extra_removed, err) <
				0)
				return -1;
		}
	}
	return conversation_settle(c, err);
}

/* ---- check mode ---- */

static int measure_file(
	struct conversation *c, struct task *t, const struct wire_plan *p, struct err *err)
{
	const struct manifest_entry *e = &t->version->manifest.entries[p->index];
	uint64_t bytes;
	bool delta;

	if (measure_stream(c, t, p, &bytes, &delta, err) < 0)
		return -1;
	t->result->files_sent++;
	t->result->files_delta += delta;
	t->result->bytes_sent += bytes;
	t->result->bytes_saved += e->size > bytes ? e->size - bytes : 0;
	return 0;
}

static int measure_version(struct conversation *c, struct task *t, struct err *err)
{
	weigh_plan(c, t);
	for (size_t i = 0; i < t->plan.count; i++) {
		const struct wire_plan *p = &t->plan.items[i];
		if ((p->state == WIRE_PLAN_SEND || p->state == WIRE_PLAN_BASIS) &&
			measure_file(c, t, p, err) < 0)
			return -1;
	}
	t->finished = true;
	bool there = t->check.state != WIRE_VERSION_ABSENT;
	t->result->outcome = t->result->drift ? SYNC_DRIFTED
			     : there          ? SYNC_REPAIRED
					      : SYNC_SENT;
	return 0;
}

/* Tells what would be sent, to the byte: compressed files and deltas are made for it. */
static int check_only(struct conversation *c, struct err *err)
{
	if (plan_only(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->task_count; i++) {
		struct task *t = &c->tasks[i];
		if (t->state == TASK_SEND && measure_version(c, t, err) < 0)
			return -1;
		if (t->extras.count && t->result->outcome == SYNC_CURRENT)
			t->result->outcome = SYNC_REPAIRED;
	}
	return 0;
}

/* What is not as wanted would be sent or repaired; how much that is is not asked. */
static int look_only(struct conversation *c)
{
	for (size_t i = 0; i < c->task_count; i++) {
		struct task *t = &c->tasks[i];
		if (t->result->outcome == SYNC_FAILED)
			continue;
		if (t->state == TASK_BEGIN)
			t->result->outcome = t->check.state == WIRE_VERSION_ABSENT
						     ? SYNC_SENT
						     : SYNC_REPAIRED;
		t->finished = true;
	}
	return 0;
}

/* ---- all of it ---- */

static void conversation_init(struct conversation *c)
{
	size_t count = c->models->count;

	c->tasks = xcalloc(count, sizeof(*c->tasks));
	c->task_count = count;
	c->report->results = xcalloc(count, sizeof(*c->report->results));
	c->report->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct wanted *w = &c->models->items[i];
		struct task *t = &c->tasks[i];
		t->wanted = w;
		t->version = content_version(c->content, w->use);
		t->result = &c->report->results[i];
		t->result->model = w->model->name;
		t->result->version = w->version;
	}
}

static void conversation_release(struct conversation *c)
{
	for (size_t i = 0; i < c->task_count; i++) {
		free(c->tasks[i].plan.items);
		arena_release(&c->tasks[i].strings);
		strlist_release(&c->tasks[i].extras);
	}
	free(c->tasks);
	conversation_forget(c);
}

static int converse(struct conversation *c, struct err *err)
{
	if (ask_all(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->task_count; i++)
		decide(&c->tasks[i]);
	if (c->o->look)
		return look_only(c);
	if (c->o->check)
		return check_only(c, err);
	if (check_disk(c, err) < 0 || send_all(c, err) < 0 || retry_damaged(c, err) < 0)
		return -1;
	return remove_extras(c, err);
}

/* What the conversation did not come to is failed for the reason that ended it. */
static void fail_unfinished(struct conversation *c, const struct err *why)
{
	for (size_t i = 0; i < c->task_count; i++) {
		if (!c->tasks[i].finished)
			task_fail(&c->tasks[i], why);
	}
}

int sync_host(struct link *link, struct content *content, const struct host_models *models,
	const struct sync_options *o, struct sync_report *report, struct err *err)
{
	AUTO(conversation_release)
	struct conversation c = {
		.link = link,
		.content = content,
		.models = models,
		.o = o,
		.report = report,
	};
	struct err why = {0};

	conversation_init(&c);
	int result = converse(&c, &why);
	if (result < 0) {
		fail_unfinished(&c, &why);
		err_set(err, why.code, "%s", why.text);
	}
	for (size_t i = 0; i < report->count; i++) {
		const struct sync_result *r = &report->results[i];
		report->bytes_sent += r->bytes_sent;
		if (result == 0 && r->outcome == SYNC_FAILED)
			result = err_set(err, r->err.code, "%s %s: %s", r->model, r->version,
				r->err.text);
	}
	return result;
}
