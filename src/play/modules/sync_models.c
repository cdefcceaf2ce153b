/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_models: brings a host to its set of model versions, as the registry says (sync/host.h).
 *
 * The set was resolved, and the store looked through, before any host was touched; the
 * module only moves what is missing. Versions lie beside each other and become current by the
 * configs that name them, so nothing here has to be undone.
 */
#include <inttypes.h>

#include "play/modules/modules.h"
#include "play/runner.h"

#define ROOT 0 /* the number that sync_host gives the models' directory */

static const struct argument arguments[] = {
	{.name = "models", .type = ARGUMENT_LIST},
	{.name = "repair", .type = ARGUMENT_BOOL},
	{.name = "verify", .type = ARGUMENT_BOOL},
	{0},
};

/* The host's set, or those of it that the task names. */
struct selection {
	struct host_models set;
	struct wanted *items;
};

static bool is_named(const struct value *names, const char *model)
{
	if (!names)
		return true;
	value_list_foreach (item, names) {
		if (value_text(item) && strcmp(value_text(item), model) == 0)
			return true;
	}
	return false;
}

static int check_names(
	const struct registry *registry, const struct value *names, struct err *err)
{
	for (size_t i = 0; names && i < names->count; i++) {
		const char *name = value_text(names->items[i]);
		const char *near = name ? registry_nearest(registry, name) : NULL;
		if (name && registry_model(registry, name))
			continue;
		return err_set(err, ERR_INPUT,
			"models: found %s, expected a model of the registry%s%s%s",
			name ? name : value_kind_name(names->items[i]),
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
	return 0;
}

static int select_models(struct module_call *c, struct selection *s, struct err *err)
{
	const struct host_models *all = runner_host(c->runner)->models;
	const struct value *names = argument_value(c, "models");

	if (!all || !runner_run(c->runner)->o->content)
		return err_set(err, ERR_INPUT,
			"this host has no model set: nothing of the registry was resolved for "
			"it");
	if (check_names(all->registry, names, err) < 0)
		return -1;
	s->set = *all;
	s->set.count = 0;
	s->set.items = s->items = arena_array(c->arena, all->count + 1, sizeof(*s->items));
	for (size_t i = 0; i < all->count; i++) {
		if (is_named(names, all->items[i].model->name))
			s->items[s->set.count++] = all->items[i];
	}
	return 0;
}

static void report_progress(void *arg, uint64_t done, uint64_t total)
{
	runner_progress(arg, done, total);
}

/* A second task of the same host begins anew: the helper has the root open from the first. */
static int forget_former(
	struct module_call *c, struct link *link, uint16_t ctx, struct err *err)
{
	struct sync_report *report = runner_sync_report(c->runner);
	uint8_t root = ROOT;
	struct frame request = {
		.kind = WIRE_ROOT_CLOSE, .ctx = ctx, .data = &root, .len = sizeof(root)};
	struct frame reply;
	struct err ignored = {0};

	if (report->count == 0)
		return 0;
	sync_report_release(report);
	*report = (struct sync_report){0};
	if (link_call(link, &request, &reply, c->until, &ignored) < 0 &&
		(ignored.code == ERR_UNREACHABLE || ignored.code == ERR_CANCELLED))
		return err_set(err, ignored.code, "%s", ignored.text);
	return 0;
}

static bool is_change(enum sync_outcome o)
{
	return o == SYNC_SENT || o == SYNC_REPAIRED;
}

static struct value *describe_model(struct arena *a, const struct sync_result *r)
{
	struct value *v = value_new_dict(a);

	value_dict_set(a, v, "version", value_new_string(a, r->version));
	value_dict_set(a, v, "outcome", value_new_string(a, sync_outcome_name(r->outcome)));
	value_dict_set(a, v, "changed", value_bool(is_change(r->outcome)));
	value_dict_set(a, v, "files_sent", value_new_int(a, r->files_sent));
	value_dict_set(a, v, "files_reused", value_new_int(a, r->files_reused));
	value_dict_set(a, v, "bytes_sent", value_new_int(a, (int64_t)r->bytes_sent));
	value_dict_set(a, v, "drift", value_new_int(a, r->drift));
	if (r->outcome == SYNC_FAILED)
		value_dict_set(a, v, "msg", value_new_string(a, r->err.text));
	return v;
}

/* `selected` has the models of the store's own host, too: its configs name them. */
static void describe(
	struct module_call *c, const struct sync_report *report, const struct host_models *set)
{
	struct arena *a = c->arena;
	struct value *models = value_new_dict(a);
	struct value *selected = value_new_list(a);
	struct value *changed = value_new_list(a);

	for (size_t i = 0; i < report->count; i++) {
		const struct sync_result *r = &report->results[i];
		const struct value *name = value_new_string(a, r->model);
		value_dict_set(a, models, r->model, describe_model(a, r));
		value_list_add(a, selected, name);
		if (is_change(r->outcome))
			value_list_add(a, changed, name);
	}
	for (size_t i = 0; i < set->held_count; i++)
		value_list_add(a, selected, value_new_string(a, set->held[i].model->name));
	call_set_bool(c, "changed", changed->count > 0);
	call_set(c, "models", models);
	call_set(c, "selected", selected);
	call_set(c, "changed_models", changed);
	call_set_int(c, "bytes_sent", (int64_t)report->bytes_sent);
}

static int run(struct module_call *c, struct err *err)
{
	struct runner *r = c->runner;
	struct sync_report *report = runner_sync_report(r);
	struct sync_options o = runner_run(r)->o->sync;
	struct selection s = {0};
	struct link *link;

	if (select_models(c, &s, err) < 0)
		return -1;
	if (s.set.count == 0) {
		describe(c, &(struct sync_report){0}, &s.set);
		return 0;
	}
	if (runner_link(c, &link, &o.ctx, err) < 0 || forget_former(c, link, o.ctx, err) < 0)
		return -1;
	runner_phase(r, "sync");
	o.check = c->check;
	o.repair = o.repair || argument_bool(c, "repair");
	o.rehash = o.rehash || argument_bool(c, "verify");
	o.until = deadline_min(c->until, runner_deadline(r));
	/* What was sent lies in staging: an interrupt ends this at once, and a later run goes
	 * on. */
	o.cancel = runner_run(r)->o->cancel;
	link_set_cancel(link, o.cancel);
	o.progress = report_progress;
	o.progress_arg = r;
	int result = sync_host(link, runner_run(r)->o->content, &s.set, &o, report, err);
	if (result < 0)
		runner_break_link(c, err);
	else
		link_set_cancel(link, runner_cancel(r));
	describe(c, report, &s.set);
	return result;
}

const struct module module_sync_models = {
	.name = "sync_models",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
