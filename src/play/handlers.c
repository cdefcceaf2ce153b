/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers: tasks that run at most once in a flush, in the order of the play's list, when
 * something that changed has notified them by name or topic. One that is notified by a handler
 * behind it waits for the next flush. Of a loop, all items notify when one has changed, those
 * that have not changed, too: that is how Ansible has it.
 */
#include "play/run_state.h"

/* A handler's name for this host. */
static const char *handler_name(struct runner *r, const struct step *h)
{
	const char *name = h->name;

	if (!name || !strstr(name, "{{"))
		return name;
	const struct value *v = vars_render(r->host->view, name, &h->place, NULL);
	return v && value_is_string(v) ? v->text : name;
}

/* Notes the last handler of a name, and every one that listens to it as a topic. */
static bool notify_one(struct runner *r, const char *name)
{
	const struct playing *p = r->playing;
	bool named = false, heard = false;

	for (size_t i = p->handler_count; i-- > 0;) {
		const struct step *h = p->handlers[i];
		const char *own = handler_name(r, h);
		if (!named && own && strcmp(own, name) == 0)
			r->notified[i] = named = true;
		if (strlist_has(&h->task->listen, name))
			r->notified[i] = heard = true;
	}
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

int handlers_notify(struct runner *r, struct err *err)
{
	for (size_t i = 0; i < r->to_notify.count; i++) {
		const char *name = r->to_notify.items[i];
		if (!notify_one(r, name))
			return err_set(err, ERR_NOTFOUND,
				"the handler '%s' is not there: no handler of the play has "
				"that name or listens to it",
				name);
	}
	return 0;
}

enum walk handlers_run(struct runner *r)
{
	enum walk result = WALK_ON;

	r->flushes++;
	for (size_t i = 0; result == WALK_ON && i < r->playing->handler_count; i++) {
		if (!r->notified[i])
			continue;
		r->notified[i] = false;
		result = task_run(r, r->playing->handlers[i]);
	}
	return result;
}
