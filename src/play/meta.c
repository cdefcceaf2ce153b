/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that speak to the runner itself. They count as nothing and register nothing.
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
	return WALK_GONE;
}

static const struct {
	const char *word;
	enum walk (*run)(struct runner *r);
} words[] = {
	{"flush_handlers", flush},
	{"noop", noop},
	{"end_host", end_host},
};

enum walk meta_run(struct runner *r, const struct step *s)
{
	const char *word = value_text(s->task->free_form);
	const struct value *which;
	struct err why = {0};
	runner_post(r, (struct run_event){.kind = RUN_TASK, .step = s, .title = step_title(s)});
	int holds = step_conditions(r, s, &which, &why);

	if (holds < 0) {
		r->failed = true;
		r->err = why;
		r->host->counts.failed++;
		return WALK_FAILED;
	}
	for (size_t i = 0; word && holds && i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].run(r);
	return WALK_ON;
}
