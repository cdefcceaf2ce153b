/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a host's part in a play with a transaction ends: confirmed, or taken back.
 *
 * Hosts of the first batch are watched for the soak time, and checked again, before they
 * confirm. A host that failed is taken back at once, and its checks run once more over what
 * was there before; what they say is the second word of the report. A host that is out of
 * reach is left to the watchdog that its helper armed.
 */
#include "play/run_state.h"

#include "play/module.h"

#define UNDO_SECONDS    300
#define CONFIRM_SECONDS 60

/* Runs the health checks of a list of steps; counts them. */
static int check_steps(
	struct runner *r, const struct steps *steps, unsigned *count, struct err *err)
{
	const struct run_options *o = r->run->o;

	for (size_t i = 0; i < steps->count; i++) {
		const struct step *s = steps->items[i];
		if (s->kind == STEP_BLOCK) {
			if (check_steps(r, &s->block->block, count, err) < 0)
				return -1;
			continue;
		}
		if (!(s->task->module->flags & MODULE_IS_HEALTH) ||
			!step_selected(s, &o->tags, &o->skip_tags))
			continue;
		int passed = task_check(r, s, err);
		if (passed < 0)
			return -1;
		*count += (unsigned)passed;
	}
	return 0;
}

int transaction_check(struct runner *r, const struct play *play, struct err *err)
{
	const struct steps *const sections[] = {
		&play->pre_tasks, &play->tasks, &play->post_tasks, &play->handlers};
	bool undoing = r->undoing;
	unsigned count = 0;
	int result = 0;

	r->undoing = true;
	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(sections); i++)
		result = check_steps(r, sections[i], &count, err);
	r->undoing = undoing;
	return result < 0 ? -1 : count > 0;
}

/* Watches a host of the first batch, whose link stays open meanwhile. */
static int soak(struct runner *r, struct err *err)
{
	double seconds = r->playing->soak;

	if (r->batch != &r->playing->batches[0] || seconds <= 0 || r->run->o->check)
		return 0;
	runner_phase(r, "soak");
	fleet_yield(r->worker);
	int result = line_idle(&r->line, deadline_in(seconds), runner_soft_cancel(r), err);
	if (fleet_resume(r->worker, result < 0 ? NULL : err) < 0 || result < 0)
		return -1;
	runner_phase(r, "check");
	return transaction_check(r, r->playing->play, err) < 0
		       ? err_wrap(err, "after %.0f seconds", seconds)
		       : 0;
}

/* Notes what can still be taken back when the run is aborted. */
static void keep_confirmed(struct runner *r, const char *id)
{
	r->confirmed_id = arena_strdup(&r->arena, id);
	r->host->confirmed = true;
	r->confirmed_play = r->playing->play;
	strlist_release(&r->confirmed_users);
	for (size_t i = 0; i < r->line.begun.count; i++)
		strlist_add(&r->confirmed_users, r->line.begun.items[i]);
}

/* Says once what the node's watchdog does not cover. */
static void tell_gap(struct runner *r)
{
	struct line *l = &r->line;

	if (!l->gap || r->gap_told)
		return;
	r->gap_told = true;
	runner_warn(r, "%s", l->gap);
}

int transaction_confirm(struct runner *r, struct err *err)
{
	const char *id = r->transaction.id;
	struct line *l = &r->line;

	if (l->begun.count == 0)
		return 0;
	if (!l->touched) {
		line_confirm_empty(l, id, deadline_in(CONFIRM_SECONDS));
		line_end_transaction(l);
		return 0;
	}
	if (soak(r, err) < 0)
		return -1;
	runner_phase(r, "confirm");
	if (line_confirm(l, id, deadline_in(CONFIRM_SECONDS), &r->run->shared->hard, err) < 0)
		return err_wrap(err, "the changes could not be confirmed");
	tell_gap(r);
	keep_confirmed(r, id);
	line_end_transaction(l);
	return 0;
}

/* Runs the checks over what was there before. */
static enum undo_outcome check_former(struct runner *r, const struct play *play)
{
	struct run_host *h = r->host;

	runner_phase(r, "check");
	switch (transaction_check(r, play, &h->undo_err)) {
	case 1: return UNDO_HEALTHY;
	case 0: return UNDO_UNCHECKED;
	default: return UNDO_UNHEALTHY;
	}
}

/* Says that the node has to take itself back, and why we do not. */
static enum undo_outcome leave(struct runner *r, enum err_code code, const char *why)
{
	err_set(&r->host->undo_err, code, "%s: %s", why,
		r->transaction.confirm_timeout > 0
			? "its watchdog takes the changes back"
			: "the play asked for no watchdog, so the changes stay");
	return UNDO_LEFT;
}

static enum undo_outcome undo(struct runner *r, const char *id, const struct play *play)
{
	const struct cancel *hard = &r->run->shared->hard;
	struct run_host *h = r->host;

	if (r->lost)
		return leave(r, ERR_UNREACHABLE, "the node is out of reach");
	if (cancel_level(hard) > 0)
		return leave(r, ERR_CANCELLED, "stopped at once");
	r->undoing = true;
	runner_phase(r, "undo");
	if (r->line.link)
		link_set_cancel(r->line.link, hard);
	int result = line_undo(&r->line, id, deadline_in(UNDO_SECONDS), hard, &h->undo_err);
	for (size_t i = 0; i < r->line.notes.count; i++)
		runner_warn(r, "not taken back: %s", r->line.notes.items[i]);
	if (result == 0)
		return check_former(r, play);
	if (r->line.lost)
		return leave(r, ERR_UNREACHABLE, "the node went out of reach");
	if (h->undo_err.code == ERR_CANCELLED)
		return leave(r, ERR_CANCELLED, "stopped while it was taken back");
	return UNDO_FAILED;
}

void transaction_undo(struct runner *r, const char *id)
{
	if (!r->line.touched) {
		line_end_transaction(&r->line);
		return;
	}
	r->host->undo = undo(r, id, r->playing->play);
	r->undoing = false;
	line_end_transaction(&r->line);
	runner_post(r, (struct run_event){.kind = RUN_UNDO});
}

void transaction_take_back(struct runner *r)
{
	const struct step any = {.kind = STEP_TASK, .play = r->confirmed_play};

	/* A later play may have reached the host as another user. */
	r->undoing = true;
	runner_way(r, &any, NULL);
	for (size_t i = 0; i < r->confirmed_users.count; i++)
		strlist_add(&r->line.begun, r->confirmed_users.items[i]);
	r->line.made = true;
	r->host->undo = undo(r, r->confirmed_id, r->confirmed_play);
	r->undoing = false;
	r->confirmed_id = NULL;
	r->host->confirmed = false;
	line_end_transaction(&r->line);
	runner_post(r, (struct run_event){.kind = RUN_UNDO});
}
