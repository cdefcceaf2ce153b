/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host, start to finish: what it has (compare.c), whether there is room for what it lacks
 * (plan.c), then that is sent (send.c), a group of versions at a time. Runs that change nothing
 * end in check.c.
 */
#include "sync/host.h"

#include "sync/conversation.h"

#define GROUP_MAX 16 /* versions whose stages are open at once */
#define COMMIT_BEHIND                                                                          \
	((uint64_t)4 << 20) /* bytes of content between a version and its commit */

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
	if (compare_versions(c, err) < 0)
		return -1;
	if (c->o->look) {
		look_only(c);
		return 0;
	}
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
