/* SPDX-License-Identifier: Apache-2.0 */
#include "play/playbook.h"

#include "play/module.h"

const struct value *step_attribute(const struct step *s, enum play_attribute a)
{
	const struct play *play = s->play;

	for (; s; s = s->outer) {
		if (s->attributes[a])
			return s->attributes[a];
	}
	return play->attributes[a];
}

const char *step_title(const struct step *s)
{
	if (s->title)
		return s->title;
	if (s->name)
		return s->name;
	return s->kind == STEP_TASK ? s->task->module_name : "block";
}

/* Whether a step has a tag, of its own or of what is around it. */
static bool has_tag(const struct step *s, const char *tag)
{
	for (const struct step *at = s; at; at = at->outer)
		if (strlist_has(&at->tags, tag))
			return true;
	return strlist_has(&s->play->tags, tag);
}

static bool is_tagged(const struct step *s)
{
	for (const struct step *at = s; at; at = at->outer)
		if (at->tags.count > 0)
			return true;
	return s->play->tags.count > 0;
}

/* Whether a step has one of some tags; one that has none at all has "untagged". */
static bool has_one_of(const struct step *s, const struct strlist *tags)
{
	if (!is_tagged(s))
		return strlist_has(tags, "untagged");
	for (size_t i = 0; i < tags->count; i++)
		if (has_tag(s, tags->items[i]))
			return true;
	return false;
}

static bool is_wanted(const struct step *s, const struct strlist *tags)
{
	bool never = has_tag(s, "never");
	bool all = !tags || tags->count == 0 || strlist_has(tags, "all");

	if (has_tag(s, "always") || (all && !never))
		return true;
	if (!tags)
		return false;
	return has_one_of(s, tags) || (strlist_has(tags, "tagged") && is_tagged(s) && !never);
}

static bool is_skipped(const struct step *s, const struct strlist *skip)
{
	if (!skip || skip->count == 0)
		return false;
	if (strlist_has(skip, "all"))
		return !has_tag(s, "always") || strlist_has(skip, "always");
	return has_one_of(s, skip) || (strlist_has(skip, "tagged") && is_tagged(s));
}

static bool any_selected(
	const struct steps *steps, const struct strlist *tags, const struct strlist *skip)
{
	for (size_t i = 0; i < steps->count; i++)
		if (step_selected(steps->items[i], tags, skip))
			return true;
	return false;
}

bool step_selected(const struct step *s, const struct strlist *tags, const struct strlist *skip)
{
	if (s->kind == STEP_BLOCK)
		return any_selected(&s->block->block, tags, skip) ||
		       any_selected(&s->block->rescue, tags, skip) ||
		       any_selected(&s->block->always, tags, skip);
	return is_wanted(s, tags) && !is_skipped(s, skip);
}
