/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops: a task once for each item, in a scope of its own, and the results as one.
 */
#include "play/run_state.h"

#include "template/template.h"

struct loop {
	const char *variable;
	const char *index_variable; /* NULL: none */
	const struct value *label;  /* as written; NULL: the item */
	double pause;
	bool extended;
	bool all_items;                 /* in extended's variable */
	const struct value *break_when; /* conditions; NULL: none */
	const struct value *items;
};

/* The list that a lookup or an expression gives. */
const struct value *loop_items(struct runner *r, const struct step *s, struct err *err)
{
	struct template_context *ctx = vars_view_context(r->host->view);
	const struct value *terms = keyword_value(r, s->task->loop, err);

	if (!terms)
		return NULL;
	if (s->task->loop_lookup) {
		if (terms->kind != VALUE_LIST) {
			struct value *list = value_new_list(ctx->arena);
			value_list_add(ctx->arena, list, terms);
			terms = list;
		}
		return template_lookup(ctx, s->task->loop_lookup, terms, err);
	}
	if (terms->kind == VALUE_LIST)
		return terms;
	err_set(err, ERR_INPUT, "invalid data passed to 'loop': it requires a list, got %s; %s",
		value_kind_name(terms),
		terms->kind == VALUE_DICT ? "'| dict2items' makes one of it"
					  : "lookups give one as query(...)");
	return NULL;
}

static int read_control(struct runner *r, const struct step *s, struct loop *l, struct err *err)
{
	const struct value *c = s->task->loop_control;
	const char *variable = NULL, *index = NULL;

	l->all_items = true;
	if (keyword_text(r, value_dict_get(c, "loop_var"), &variable, err) < 0 ||
		keyword_text(r, value_dict_get(c, "index_var"), &index, err) < 0 ||
		keyword_number(r, value_dict_get(c, "pause"), 0, &l->pause, err) < 0 ||
		keyword_bool(r, value_dict_get(c, "extended"), false, &l->extended, err) < 0 ||
		keyword_bool(r, value_dict_get(c, "extended_allitems"), true, &l->all_items,
			err) < 0)
		return -1;
	l->variable = variable ? variable : "item";
	l->index_variable = index;
	l->label = value_dict_get(c, "label");
	l->break_when = value_dict_get(c, "break_when");
	return 0;
}

static void set_number(struct arena *arena, struct value *v, const char *key, size_t n)
{
	value_dict_set(arena, v, key, value_new_int(arena, (int64_t)n));
}

/* What `extended` tells about an item's place, in Ansible's order. */
static const struct value *extended(const struct loop *l, size_t i, struct arena *arena)
{
	struct value *v = value_new_dict(arena);
	size_t n = l->items->count;

	set_number(arena, v, "index", i + 1);
	set_number(arena, v, "index0", i);
	value_dict_set(arena, v, "first", value_bool(i == 0));
	value_dict_set(arena, v, "last", value_bool(i + 1 == n));
	set_number(arena, v, "length", n);
	set_number(arena, v, "revindex", n - i);
	set_number(arena, v, "revindex0", n - i - 1);
	if (l->all_items)
		value_dict_set(arena, v, "allitems", l->items);
	if (i + 1 < n)
		value_dict_set(arena, v, "nextitem", l->items->items[i + 1]);
	if (i > 0)
		value_dict_set(arena, v, "previtem", l->items->items[i - 1]);
	return v;
}

/* The variables of an item; they are in its result, too. */
static struct value *item_vars(const struct loop *l, size_t i, struct arena *arena)
{
	struct value *v = value_new_dict(arena);

	value_dict_set(arena, v, l->variable, l->items->items[i]);
	value_dict_set(arena, v, "ansible_loop_var", value_new_string(arena, l->variable));
	if (l->index_variable) {
		value_dict_set(arena, v, l->index_variable, value_new_int(arena, (int64_t)i));
		value_dict_set(arena, v, "ansible_index_var",
			value_new_string(arena, l->index_variable));
	}
	if (l->extended)
		value_dict_set(arena, v, "ansible_loop", extended(l, i, arena));
	return v;
}

/* The item's label, for people. */
static void set_label(struct runner *r, const struct loop *l, size_t i, struct arena *arena,
	struct outcome *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = {0};
	const struct value *v = l->items->items[i];

	if (l->label)
		v = keyword_value(r, l->label, &why);
	if (v && template_str(v, &text, &why) == 0) {
		out->label = arena_strdup(arena, text.data);
		return;
	}
	err_wrap(&why, "failed to template loop_control.label");
	result_fail(out, arena, &why);
}

static enum task_outcome item_outcome(const struct outcome *out)
{
	if (out->unreachable)
		return TASK_UNREACHABLE;
	if (out->failed)
		return out->ignored ? TASK_IGNORED : TASK_FAILED;
	if (out->skipped)
		return TASK_SKIPPED;
	return out->changed ? TASK_CHANGED : TASK_OK;
}

/*
 * True when an item is to be the last one: its variables are in place, and its result under the
 * name that the task registers.
 */
static bool is_last(struct runner *r, const struct step *s, const struct loop *l,
	struct arena *arena, struct outcome *out)
{
	const char *name = s->task->register_name;
	const struct value *which;
	struct err why = {0};

	if (!l->break_when || out->stopped)
		return false;
	if (name) {
		struct value *layer = value_new_dict(arena);
		value_dict_set(arena, layer, name, result_to_register(arena, out->result));
		vars_view_add(r->host->view, VARS_MAGIC, "register", layer);
	}
	int holds = conditions_hold(r, l->break_when, &which, &why);
	if (holds < 0) {
		err_wrap(&why, "loop_control.break_when");
		result_fail(out, arena, &why);
	}
	return holds != 0;
}

/* Runs one item; its result is copied into the task's arena. True when it is the last one. */
static bool run_item(struct runner *r, const struct step *s, const struct loop *l, size_t i,
	struct arena *arena, struct outcome *out)
{
	AUTO(arena_release) struct arena scratch = {0};
	struct value *vars = item_vars(l, i, &scratch);

	vars_view_enter(r->host->view, &scratch);
	vars_view_add(r->host->view, VARS_MAGIC, "loop", vars);
	task_execute(r, s, &scratch, out);
	value_dict_foreach (p, vars)
		value_dict_set_value(&scratch, out->result, p->key, p->value);
	set_label(r, l, i, &scratch, out);
	bool last = is_last(r, s, l, &scratch, out);
	if (!out->stopped)
		runner_post(r, (struct run_event){.kind = RUN_ITEM,
				       .step = s,
				       .title = r->title,
				       .handler = s->handler,
				       .outcome = item_outcome(out),
				       .label = out->censored ? "(censored due to no_log)"
							      : out->label,
				       .delegate = out->delegate,
				       .result = result_for_show(&scratch, out)});
	vars_view_leave(r->host->view);
	result_publish_facts(r, s, out->result, out->delegate);
	out->result = value_copy(arena, out->result);
	return last;
}

/* Adds one item's outcome to the loop's. */
static void add_item(struct outcome *all, const struct outcome *one, bool first)
{
	all->changed |= one->changed;
	all->skipped = (first || all->skipped) && one->skipped;
	all->censored |= one->censored;
	all->unreachable |= one->unreachable;
	if (one->failed) {
		all->ignored = all->failed ? all->ignored && one->ignored : one->ignored;
		all->failed = true;
	}
}

static void complete(struct outcome *out, struct value *results, struct arena *arena)
{
	const char *msg = out->failed    ? "One or more items failed"
			  : out->skipped ? "All items skipped"
					 : "All items completed";

	out->result = value_new_dict(arena);
	value_dict_set(arena, out->result, "results", results);
	value_dict_set(arena, out->result, "skipped", value_bool(out->skipped));
	value_dict_set(arena, out->result, "msg", value_new_string(arena, msg));
	value_dict_set(arena, out->result, "changed", value_bool(out->changed));
	if (out->failed)
		value_dict_set(arena, out->result, "failed", &value_true);
	if (out->unreachable)
		value_dict_set(arena, out->result, "unreachable", &value_true);
}

static void nothing_to_do(struct outcome *out, struct arena *arena)
{
	out->skipped = true;
	out->result = value_new_dict(arena);
	value_dict_set(arena, out->result, "changed", &value_false);
	value_dict_set(arena, out->result, "skipped", &value_true);
	value_dict_set(arena, out->result, "skipped_reason",
		value_new_string(arena, "No items in the list"));
	value_dict_set(arena, out->result, "results", value_new_list(arena));
}

void loop_run(struct runner *r, const struct step *s, const struct value *items,
	struct arena *arena, struct outcome *out)
{
	struct loop loop = {.items = items};
	struct value *results = value_new_list(arena);
	bool last = false, though_lost = false;
	struct err why = {0};

	if (items->count == 0) {
		nothing_to_do(out, arena);
		return;
	}
	if (read_control(r, s, &loop, &why) < 0 ||
		step_bool(r, s, ATTRIBUTE_IGNORE_UNREACHABLE, false, &though_lost, &why) < 0) {
		result_fail(out, arena, &why);
		return;
	}
	for (size_t i = 0; i < items->count && !last && !out->stopped; i++) {
		struct outcome one = {0};
		if (i > 0 && loop.pause > 0 &&
			line_idle(&r->line, deadline_in(loop.pause), runner_soft_cancel(r),
				&why) < 0)
			out->stopped = true;
		if (out->stopped)
			break;
		last = run_item(r, s, &loop, i, arena, &one);
		value_list_add(arena, results, one.result);
		add_item(out, &one, i == 0);
		out->stopped |= one.stopped;
		last |= one.unreachable && !though_lost;
	}
	complete(out, results, arena);
}
