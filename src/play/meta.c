/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that speak to the runner itself. They count as nothing and register nothing. Some are
 * about all hosts of a batch: the first host that is still there says whether they are done,
 * and each does its part.
 */
#include "play/run_state.h"

static enum walk flush(struct runner *r)
{
	return handlers_run(r);
}

static enum walk noop(struct runner *r)
{
	(void)r;
	return WALK_ON;
}

static enum walk end_host(struct runner *r)
{
	r->ended = true;
	meet_remove(r);
	return WALK_GONE;
}

/* A host that the sources name no more has no further part in the play. */
static enum walk leave_if_gone(struct runner *r)
{
	const struct host *now = vars_site_host(r->run->o->vars, r->host->name);

	return now == r->host->host ? WALK_ON : end_host(r);
}

static enum walk end_batch(struct runner *r)
{
	r->ended = true;
	return WALK_GONE;
}

/* The batches that follow do not begin. */
static enum walk end_play(struct runner *r)
{
	__atomic_store_n(&r->playing->ended, true, __ATOMIC_RELEASE);
	return end_batch(r);
}

static enum walk clear_facts(struct runner *r)
{
	pthread_mutex_lock(&r->vars_lock);
	vars_view_set_facts(r->host->view, NULL, NULL);
	vars_view_unset(r->host->view, VARS_FACT);
	pthread_mutex_unlock(&r->vars_lock);
	return WALK_ON;
}

/* A link that is part of a transaction stays: it was told what to take back. */
static enum walk reset_connection(struct runner *r)
{
	if (r->line.begun.count == 0)
		line_close(&r->line);
	return WALK_ON;
}

static bool is_among(const struct value *names, const char *name)
{
	value_list_foreach (item, names)
		if (strcmp(item->text, name) == 0)
			return true;
	return false;
}

/* Hosts of the play that were lost before now take part in the plays that follow. */
static int forgive(struct runner *r, struct err *err)
{
	struct playing *p = r->playing;

	(void)err;
	for (size_t i = 0; i < r->run->count; i++) {
		struct run_host *h = &r->run->hosts[i];
		bool of_play = is_among(p->all_names, h->name);
		if (h->runner == r || !of_play || !(h->failed || h->unreachable))
			continue;
		h->failed = h->unreachable = false;
		h->runner->failed = h->runner->lost = false;
		h->runner->removed_at = 0;
		err_clear(&h->runner->err);
		err_clear(&h->err);
	}
	__atomic_store_n(&r->batch->failed, 0, __ATOMIC_RELEASE);
	return 0;
}

/* The plays that follow are about the hosts that the sources name now. */
static int refresh_inventory(struct runner *r, struct err *err)
{
	AUTO(diags_release) struct diags diags = {0};

	int result = vars_site_refresh(r->run->o->vars, &diags, err);
	for (size_t i = 0; i < diags.count; i++)
		runner_warn(r, "%s", diags.items[i].text);
	return result;
}

static const struct word {
	const char *word;
	enum walk (*run)(struct runner *r); /* of each host */
	/* Once for all, when all have come; may be NULL. */
	int (*first)(struct runner *r, struct err *err);
	bool together;       /* about all hosts of the batch */
	const char *skipped; /* behind the reason, where the condition does not hold */
} words[] = {
	{"flush_handlers", flush, NULL, false, ", not running handlers for %s"},
	{"noop", noop, NULL, false, ""},
	{"end_host", end_host, NULL, false, ", continuing execution for %s"},
	{"end_batch", end_batch, NULL, true, ", continuing current batch"},
	{"end_play", end_play, NULL, true, ", continuing play"},
	{"clear_facts", clear_facts, NULL, true, ", not clearing facts and fact cache for %s"},
	{"clear_host_errors", noop, forgive, true, ", not clearing host error state for %s"},
	{"refresh_inventory", leave_if_gone, refresh_inventory, true, ""},
	{"reset_connection", reset_connection, NULL, false, ""},
};

static const struct word *find_word(const struct step *s)
{
	const char *text = value_text(s->task->free_form);

	for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, text) == 0)
			return &words[i];
	return NULL;
}

static int fail(struct runner *r, const struct err *why)
{
	r->failed = true;
	r->err = *why;
	r->host->counts.failed++;
	meet_remove(r);
	return -1;
}

/* 1 when the conditions hold, 0 when they do not, -1 after a failure of the host. */
static int holds(struct runner *r, const struct step *s)
{
	const struct value *which;
	struct err why = {0};
	int result = step_conditions(r, s, &which, &why);

	return result < 0 ? fail(r, &why) : result;
}

/* What is done once for all. When it fails, nobody goes on. */
static int do_first(struct runner *r, const struct word *w)
{
	struct err why = {0};

	if (!w->first || w->first(r, &why) == 0)
		return 1;
	meet_end_batch(r);
	return fail(r, &why);
}

/* The same for a word about all hosts: what the first of them finds. */
static int holds_for_all(struct runner *r, const struct step *s, const struct word *w)
{
	AUTO(arena_release) struct arena arena = {0};
	struct outcome out = {0};
	struct err why = {0};

	if (r->playing->play->free) {
		int result = holds(r, s);
		return result > 0 ? do_first(r, w) : result;
	}
	int mine = meet_once(r, s, &out, &why);
	if (mine == 0)
		return out.changed;
	if (mine < 0 || (w->first && meet_all(r, &why) < 0)) {
		r->stopped = true;
		return -1;
	}
	int result = holds(r, s);
	if (result > 0)
		result = do_first(r, w);
	out.changed = result > 0;
	out.result = value_new_dict(&arena);
	meet_once_done(r, s, &out);
	return result;
}

/* Tells that a word was left out: that counts as nothing, either. */
static void tell_skipped(struct runner *r, const struct step *s, const struct word *w)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf reason = STRBUF_INIT;
	struct value *result = value_new_dict(&arena);
	const char *name = strstr(w->skipped, "%s");

	strbuf_addf(&reason, "%s conditional evaluated to False", w->word);
	strbuf_add(
		&reason, w->skipped, name ? (size_t)(name - w->skipped) : strlen(w->skipped));
	strbuf_addstr(&reason, name ? r->host->name : "");
	value_dict_set(&arena, result, "msg", value_new_string(&arena, w->word));
	value_dict_set(&arena, result, "skipped", &value_true);
	value_dict_set(&arena, result, "skip_reason", value_new_string(&arena, reason.data));
	runner_post(r, (struct run_event){.kind = RUN_RESULT,
			       .step = s,
			       .title = step_title(s),
			       .outcome = TASK_SKIPPED,
			       .result = result});
}

enum walk meta_run(struct runner *r, const struct step *s)
{
	const struct word *w = find_word(s);

	runner_post(r, (struct run_event){.kind = RUN_TASK, .step = s, .title = step_title(s)});
	if (!w)
		return WALK_ON;
	int result = w->together ? holds_for_all(r, s, w) : holds(r, s);
	if (result < 0)
		return r->stopped ? WALK_GONE : WALK_FAILED;
	if (result > 0)
		return w->run(r);
	tell_skipped(r, s, w);
	return WALK_ON;
}
