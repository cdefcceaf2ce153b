/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that change nothing: what would be sent, or only whether all is as wanted. */
#include "sync/conversation.h"

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

int check_only(struct conversation *c, struct err *err)
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

void look_only(struct conversation *c)
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
}
