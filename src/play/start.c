/* SPDX-License-Identifier: Apache-2.0 */
#include "play/start.h"

#include <fnmatch.h>

static bool is_named(const struct step *s, const char *name)
{
	const char *title = step_title(s);

	return strcmp(title, name) == 0 || fnmatch(name, title, 0) == 0;
}

static const struct step *find_in(const struct steps *steps, const char *name)
{
	const struct step *found = NULL;

	for (size_t i = 0; i < steps->count && !found; i++) {
		const struct step *s = steps->items[i];
		if (s->kind == STEP_BLOCK) {
			found = find_in(&s->block->block, name);
			if (!found)
				found = find_in(&s->block->always, name);
		} else if (is_named(s, name)) {
			found = s;
		}
	}
	return found;
}

const struct step *start_find(const struct playbook *book, const char *name)
{
	const struct step *found = NULL;

	for (size_t i = 0; i < book->count && !found; i++) {
		const struct play *play = book->plays[i];
		found = find_in(&play->pre_tasks, name);
		if (!found)
			found = find_in(&play->tasks, name);
		if (!found)
			found = find_in(&play->post_tasks, name);
	}
	return found;
}

/* Steps are numbered through the whole playbook. */
static bool is_before(const struct step *s, const struct step *start)
{
	return start && !s->handler && s->index < start->index;
}

bool start_wants(const struct run *run, const struct step *s)
{
	const struct run_options *o = run->o;

	if (is_before(s, o->start_at))
		return false;
	return !o->step || o->step(o->step_data, s);
}

bool start_wants_play(const struct run *run, const struct play *play)
{
	const struct step *start = run->o->start_at;

	for (size_t i = 0; start && i < run->playbook->count; i++) {
		if (run->playbook->plays[i] == start->play)
			return true;
		if (run->playbook->plays[i] == play)
			return false;
	}
	return true;
}
