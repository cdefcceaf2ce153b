/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers: tasks that run at most once in a flush, in the order of the play's list, when
 * something that changed has notified them by name or topic. One that is notified by a handler
 * behind it waits for the next flush. Of a loop, all items notify when one has changed, those
 * that have not changed, too: that is how Ansible has it.
 */
#include <limits.h>

#include "base/suggest.h"
#include "base/vec.h"
#include "play/run_state.h"

/* A handler's name for this host; of one in a role also with "ROLE : " in front. */
static const char *handler_name(struct runner *r, const struct step *h, const char *name)
{
	if (!name || !strstr(name, "{{"))
		return name;
	const struct value *v = vars_render(r->host->view, name, &h->place, NULL);
	return v && value_is_string(v) ? v->text : name;
}

static bool has_name(struct runner *r, const struct step *h, const char *name)
{
	const char *own = handler_name(r, h, h->name);
	const char *whole = h->name && h->title ? handler_name(r, h, h->title) : NULL;

	return (own && strcmp(own, name) == 0) || (whole && strcmp(whole, name) == 0);
}

/* True if a name is one of a handler's topics, which may be templates. */
static bool listens(struct runner *r, const struct step *h, const char *name)
{
	const struct strlist *topics = &h->task->listen;

	for (size_t i = 0; i < topics->count; i++)
		if (strcmp(handler_name(r, h, topics->items[i]), name) == 0)
			return true;
	return false;
}

/* Notes the handler of a name that was mentioned last, and all that listen to it as a topic. */
static bool notify_one(struct runner *r, const char *name)
{
	struct handler *named = NULL;
	bool heard = false;

	for (size_t i = r->handlers.count; i-- > 0;) {
		struct handler *h = &r->handlers.items[i];
		if ((!named || h->mentioned > named->mentioned) && has_name(r, h->step, name))
			named = h;
		if (listens(r, h->step, name))
			h->notified = heard = true;
	}
	if (named)
		named->notified = true;
	return named || heard;
}

int handlers_collect(struct runner *r, const struct value *names, struct err *err)
{
	const char *name;

	names = keyword_value(r, names, err);
	if (!names)
		return -1;
	if (names->kind == VALUE_LIST) {
		value_list_foreach (item, names)
			if (handlers_collect(r, item, err) < 0)
				return -1;
		return 0;
	}
	if (keyword_text(r, names, &name, err) < 0)
		return -1;
	if (name && !strlist_has(&r->to_notify, name))
		strlist_add(&r->to_notify, name);
	return 0;
}

/* No handler answers to a name; perhaps it was meant for one that has nearly that name. */
static int unknown_handler(struct runner *r, const char *name, struct err *err)
{
	struct suggestion near = {0};

	for (size_t i = 0; i < r->handlers.count; i++) {
		const struct step *h = r->handlers.items[i].step;
		const char *own = handler_name(r, h, h->name);
		if (own)
			suggest_add(&near, name, own);
		for (size_t k = 0; k < h->task->listen.count; k++)
			suggest_add(&near, name, handler_name(r, h, h->task->listen.items[k]));
	}
	return err_set(err, ERR_NOTFOUND,
		"the handler '%s' is not there: no handler of the play has that name or "
		"listens to it%s%s%s",
		name, near.word ? "; did you mean '" : "", near.word ? near.word : "",
		near.word ? "'?" : "");
}

int handlers_notify(struct runner *r, struct err *err)
{
	for (size_t i = 0; i < r->to_notify.count; i++)
		if (!notify_one(r, r->to_notify.items[i]))
			return unknown_handler(r, r->to_notify.items[i], err);
	return 0;
}

static void add(struct runner *r, const struct step *handler, unsigned mentioned)
{
	for (size_t i = 0; i < r->handlers.count; i++)
		if (r->handlers.items[i].step == handler)
			return;
	*VEC_PUSH(&r->handlers) = (struct handler){.step = handler, .mentioned = mentioned};
}

void handlers_add(struct runner *r, const struct step *handler)
{
	add(r, handler, UINT_MAX);
}

void handlers_begin(struct runner *r)
{
	r->handlers.count = 0;
	for (size_t i = 0; i < r->playing->handler_count; i++)
		add(r, r->playing->handlers[i], r->playing->handlers[i]->mentioned);
}

enum walk handlers_run(struct runner *r)
{
	enum walk result = WALK_ON;

	r->flushes++;
	for (size_t i = 0; result == WALK_ON && i < r->handlers.count; i++) {
		if (!r->handlers.items[i].notified)
			continue;
		r->handlers.items[i].notified = false;
		result = task_run(r, r->handlers.items[i].step);
	}
	return result;
}
