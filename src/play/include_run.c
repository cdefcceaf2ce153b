/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Includes on one host. The task tells what it includes, an item of its loop each; all of that
 * is read before the task's result is told, so that what cannot be read fails the task. Then
 * the host goes through the steps, in the include's place.
 */
#include "play/include.h"

#include <stdlib.h>

#include "base/path.h"
#include "play/module.h"
#include "play/role.h"
#include "play/run_state.h"
#include "value/json.h"

/* One thing that is included, with the variables of the loop's item. */
struct coming {
	const struct included *in;
	const struct value *vars; /* a dict or NULL */
	const char *path;         /* of a file; NULL: a role */
	const char *label;        /* of the loop's item; or NULL */
};

struct includes {
	struct coming *items;
	size_t count;
};

/* ---- what all hosts share ---- */

static void free_included(void *data)
{
	included_release(data);
	free(data);
}

void run_shared_forget_includes(struct run_shared *s)
{
	strmap_release(&s->includes, free_included);
}

/* Reads what is included; the lock is held. */
static struct included *read_included(
	struct run *run, const struct include_request *q, const char *key, struct err *err)
{
	const struct playbook_options o = {.secrets = run->o->secrets,
		.roles_path = run->o->roles_path,
		.places = run->o->places,
		.vars = run->o->vars,
		.inventory = run->o->inventory};
	AUTO(diags_release) struct diags d = {0};
	struct included *in;

	if (run->shared->includes.count >= INCLUDE_MAX) {
		err_set(err, ERR_LIMIT, "more than %d different includes in one run",
			INCLUDE_MAX);
		return NULL;
	}
	in = xcalloc(1, sizeof(*in));
	if (include_read(in, q, &o, &d) == 0) {
		strmap_set(&run->shared->includes, key, in);
		return in;
	}
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	diag_format(&d.items[0], &text);
	strbuf_rtrim(&text);
	err_set(err, ERR_INPUT, "%s", text.data);
	free_included(in);
	return NULL;
}

static const struct included *get_included(
	struct run *run, const struct include_request *q, struct err *err)
{
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	static const struct json_write_options sorted = {.sort_keys = true};

	strbuf_addf(&key, "%p %s ", (const void *)q->by, q->path ? q->path : "");
	if (q->role && json_write(q->role, &sorted, &key, err) < 0)
		return NULL;
	pthread_mutex_lock(&run->shared->lock);
	const struct included *in = strmap_get(&run->shared->includes, key.data);
	if (!in)
		in = read_included(run, q, key.data, err);
	pthread_mutex_unlock(&run->shared->lock);
	return in;
}

/* ---- before ---- */

static void add_place(struct strlist *places, const char *dir, const char *name)
{
	autofree char *path = path_join(dir, name);

	if (!strlist_has(places, path))
		strlist_add(places, path);
}

/* The file beside the one that includes it, else in the role, else beside the playbook. */
static char *find_tasks(const struct step *s, const char *name, struct err *err)
{
	AUTO(strlist_release) struct strlist places = {0};
	AUTO(strbuf_release) struct strbuf looked = STRBUF_INIT;
	autofree char *expanded = path_expand_home(name);

	if (s->place.file) {
		autofree char *dir = path_dirname(s->place.file);
		add_place(&places, dir, expanded);
	}
	if (s->role) {
		autofree char *own =
			path_join(s->role->path, s->handler ? "handlers" : "tasks");
		add_place(&places, own, expanded);
		add_place(&places, s->role->path, expanded);
	}
	add_place(&places, s->play->directory, expanded);
	for (size_t i = 0; i < places.count; i++) {
		if (path_exists(places.items[i]))
			return realpath(places.items[i], NULL);
		strbuf_addf(&looked, "%s%s", i ? ", " : "", places.items[i]);
	}
	err_set(err, ERR_NOTFOUND, "could not find %s; looked for %s", name, looked.data);
	return NULL;
}

/* The variables that the loop gave to an item. */
static const struct value *item_vars(const struct value *result, struct arena *arena)
{
	static const char *const names[] = {"ansible_loop_var", "ansible_index_var"};
	struct value *vars = value_new_dict(arena);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = value_text(value_dict_get(result, names[i]));
		const struct value *v = name ? value_dict_get(result, name) : NULL;
		if (v)
			value_dict_set(arena, vars, name, v);
	}
	const struct value *extended = value_dict_get(result, "ansible_loop");
	if (extended)
		value_dict_set(arena, vars, "ansible_loop", extended);
	return vars->count > 0 ? vars : NULL;
}

/* An item as people see it. */
static const char *item_label(const struct value *result, struct arena *arena)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *name = value_text(value_dict_get(result, "ansible_loop_var"));
	const struct value *item = name ? value_dict_get(result, name) : NULL;

	if (!item || template_str(item, &text, NULL) < 0)
		return NULL;
	return arena_strdup(arena, text.data);
}

/* Reads what one result asks for, unless it was skipped. */
static int prepare_one(struct runner *r, const struct step *s, const struct value *result,
	struct arena *arena, struct err *err)
{
	struct include_request q = {.by = s};
	const char *name = value_text(value_dict_get(result, "include"));

	if (result_is(result, "skipped") || result_is(result, "failed"))
		return 0;
	autofree char *path = name ? find_tasks(s, name, err) : NULL;
	if (name && !path)
		return -1;
	q.path = path;
	if (!name)
		q.role = value_dict_get(result, "include_args");
	struct coming *c = &r->includes->items[r->includes->count];
	c->in = get_included(r->run, &q, err);
	c->vars = s->task->loop ? item_vars(result, arena) : NULL;
	c->path = path ? arena_strdup(arena, path) : NULL;
	c->label = c->vars ? item_label(result, arena) : NULL;
	r->includes->count += c->in != NULL;
	return c->in ? 0 : -1;
}

void includes_prepare(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out)
{
	const struct value *results =
		s->task->loop ? value_dict_get(out->result, "results") : NULL;
	size_t count = results ? results->count : 1;
	struct err why = {0};

	r->includes = NULL;
	if (!(s->task->module->flags & MODULE_INCLUDES) || out->failed || out->skipped ||
		out->unreachable || out->stopped)
		return;
	r->includes = ARENA_NEW(arena, struct includes);
	*r->includes = (struct includes){
		.items = arena_array(arena, count + 1, sizeof(*r->includes->items))};
	if (r->place.depth >= INCLUDE_MAX_DEPTH)
		err_set(&why, ERR_LIMIT, "includes are nested deeper than %d",
			INCLUDE_MAX_DEPTH);
	for (size_t i = 0; !why.code && i < count; i++)
		prepare_one(r, s, results ? results->items[i] : out->result, arena, &why);
	if (!why.code)
		return;
	r->includes = NULL;
	result_fail(out, arena, &why);
	value_dict_set(arena, out->result, "reason", value_dict_get(out->result, "msg"));
}

unsigned includes_files(const struct runner *r)
{
	unsigned files = 0;

	for (size_t i = 0; i < r->includes->count; i++)
		files += r->includes->items[i].in->role == NULL;
	return files;
}

/* ---- the steps ---- */

/* The handlers of an included role are the play's from now on. */
static void add_handlers(struct runner *r, const struct included *in)
{
	for (size_t i = 0; i < in->handlers.count; i++)
		handlers_add(r, in->handlers.items[i]);
	if (!in->public)
		return;
	struct public_role *p = ARENA_NEW(&r->play_arena, struct public_role);
	struct public_role **end = &r->publics;
	while (*end)
		end = &(*end)->next;
	*p = (struct public_role){.role = in->role};
	*end = p;
}

static enum walk walk_one(struct runner *r, const struct step *s, const struct coming *c)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct steps steps = {
		.items = (struct step **)(uintptr_t)&c->in->block, .count = 1};

	vars_view_enter(r->host->view, &arena);
	if (c->vars)
		vars_view_add(r->host->view, VARS_INCLUDE_PARAM, step_title(s), c->vars);
	add_handlers(r, c->in);
	enum walk result = walk_steps(r, &steps);
	vars_view_leave(r->host->view);
	return result;
}

static void tell_files(struct runner *r, const struct step *s, const struct includes *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].path)
			runner_post(r, (struct run_event){.kind = RUN_INCLUDED,
					       .step = s,
					       .title = step_title(s),
					       .handler = s->handler,
					       .label = all->items[i].label,
					       .text = all->items[i].path});
}

enum walk includes_walk(struct runner *r, const struct step *s)
{
	const struct includes *includes = STEAL(r->includes);
	const struct include_place outer = r->place;
	enum walk result = WALK_ON;

	tell_files(r, s, includes);
	r->place = (struct include_place){
		.base = s->handler ? outer.base : include_place_of(&outer, s->index),
		.depth = outer.depth + 1};
	for (size_t i = 0; result == WALK_ON && i < includes->count; i++) {
		result = walk_one(r, s, &includes->items[i]);
		r->place.offset += includes->items[i].in->book.step_count;
	}
	r->place = outer;
	return result;
}
