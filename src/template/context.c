/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in: contexts, and what evaluates values, templates, conditions and lookups in them.
 */
#include "template/access.h"
#include "template/finish.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"

void template_context_init(struct template_context *ctx, struct arena *arena)
{
	*ctx = (struct template_context){.arena = arena, .native = true};
	ctx->state = xcalloc(1, sizeof(*ctx->state));
	strbuf_init(&ctx->state->text);
}

void template_context_forget(struct template_context *ctx)
{
	eval_forget(ctx->state);
}

void template_context_release(struct template_context *ctx)
{
	if (!ctx->state)
		return;
	strmap_release(&ctx->state->loaded, NULL);
	strbuf_release(&ctx->state->text);
	regex_cache_release(&ctx->state->regexes);
	template_cache_free(ctx->state->cache);
	free(ctx->state);
	ctx->state = NULL;
}

static struct template_cache *context_cache(struct template_context *ctx)
{
	if (ctx->cache)
		return ctx->cache;
	if (!ctx->state->cache)
		ctx->state->cache = template_cache_new();
	return ctx->state->cache;
}

const struct template *eval_compiled(struct eval *ev, const char *source, size_t n,
	const struct place *at, const struct template_syntax *syntax, struct err *err)
{
	const struct template *t =
		template_cache_get(context_cache(ev->ctx), source, n, at, syntax, err);

	if (!t)
		ev->state->placed = true;
	return t;
}

static const struct template *load_file(struct eval *ev, const char *name, struct err *err)
{
	const struct template_context *ctx = ev->ctx;
	AUTO(strbuf_release) struct strbuf source = STRBUF_INIT;

	if (!ctx->files || !ctx->files->find || !ctx->files->read) {
		err_set(err, ERR_NOTFOUND, "template '%s' not found: no files can be read here",
			name);
		return NULL;
	}
	autofree char *path = ctx->files->find(ctx->files_data, "templates", name, err);
	if (!path ||
		ctx->files->read(ctx->files_data, path, TEMPLATE_MAX_SOURCE, &source, err) < 0)
		return NULL;
	struct place at = {.file = arena_strdup(ev->arena, path), .line = 1, .column = 1};
	return eval_compiled(ev, source.data, source.len, &at, ev->template->syntax, err);
}

/* A template by its name. Files are read once in an evaluation, however often they are
 * included. */
static const struct template *load(struct eval *ev, const char *name, struct err *err)
{
	if (ev->ctx->load)
		return ev->ctx->load(ev->ctx->data, name, ev->template->file, err);
	const struct template *known = strmap_get(&ev->state->loaded, name);
	if (known && known->syntax == ev->template->syntax)
		return known;
	known = load_file(ev, name, err);
	if (known)
		strmap_set(&ev->state->loaded, name, (void *)(uintptr_t)known);
	return known;
}

const struct template *eval_load(struct eval *ev, const struct value *name, struct err *err)
{
	if (!value_is_string(name)) {
		err_set(err, ERR_INPUT, "the name of a template must be a string, not '%s'",
			type_name(name));
		return NULL;
	}
	return load(ev, name->text, err);
}

/* How many newlines at the end of the source are missing at the end of a result. */
static size_t lost_newlines(const struct template *t, const char *text, size_t n)
{
	size_t have = 0;

	if (!t->syntax->restore_newlines)
		return 0;
	while (have < n && text[n - 1 - have] == '\n')
		have++;
	return t->newlines > have ? t->newlines - have : 0;
}

static void add_newlines(const struct template *t, size_t count, struct strbuf *text)
{
	while (count-- > 0)
		strbuf_addstr(text, t->syntax->newline);
}

/* Newlines at the end of the source that rendering lost come back. */
static const struct value *restore_newlines(
	struct eval *ev, const struct value *v, struct err *err)
{
	size_t lost = value_is_string(v) ? lost_newlines(ev->template, v->text, v->len) : 0;

	if (lost == 0)
		return v;
	AUTO(scratch_end) struct scratch text = scratch_begin(ev);
	strbuf_add(&ev->state->text, v->text, v->len);
	add_newlines(ev->template, lost, &ev->state->text);
	return scratch_string(ev, &text, err);
}

static void release_copies(struct strmap *copies)
{
	strmap_release(copies, NULL);
}

#define USES_MAX 32 /* templates that use one another, before it is enough to look at them */

static bool is_among(
	const struct template *const *items, size_t count, const struct template *t)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i] == t)
			return true;
	}
	return false;
}

/* True if a template, or one that it uses, may change lists and dicts. */
static bool may_mutate(struct eval *ev)
{
	const struct template *seen[USES_MAX] = {ev->template};
	size_t count = 1;
	bool found = ev->template->mutates;

	for (size_t i = 0; i < count && !found; i++) {
		ev->template = seen[i];
		for (size_t j = 0; j < seen[i]->use_count && !found; j++) {
			struct err none = {
				0}; /* what cannot be loaded fails where it is used */
			const struct template *t = load(ev, seen[i]->uses[j], &none);
			if (!t || is_among(seen, count, t))
				continue;
			found = t->mutates || count == USES_MAX;
			if (!found)
				seen[count++] = t;
		}
	}
	ev->template = seen[0];
	ev->state->placed = false;
	return found;
}

/* Runs a template's statements in an evaluation prepared for it. */
static int run_body(struct eval *ev, struct output *out, struct err *err)
{
	AUTO(release_copies) struct strmap copies = {0};
	const struct template *t = ev->template;

	if (may_mutate(ev))
		ev->copies = &copies;
	ev->out = out;
	int rc = eval_template(ev, err);
	ev->template = t;
	ev->copies = NULL;
	return rc;
}

static const struct value *run_expression(struct eval *ev, struct err *err)
{
	AUTO(release_copies) struct strmap copies = {0};

	if (ev->template->mutates)
		ev->copies = &copies;
	const struct value *v = eval_expr(ev, ev->template->body.items[0], err);
	ev->copies = NULL;
	return v;
}

/* Evaluates a compiled template in an evaluation prepared for it. */
static const struct value *run(struct eval *ev, struct err *err)
{
	AUTO(output_release) struct output out = output_begin(ev);

	if (ev->template->expression)
		return run_expression(ev, err);
	if (run_body(ev, &out, err) < 0)
		return NULL;
	const struct value *v = output_take(&out, err);
	return v ? restore_newlines(ev, v, err) : NULL;
}

/* An evaluation of another template in the same context, with no names but its variables. */
static struct eval eval_for(
	struct template_context *ctx, const struct template *t, const struct value *locals)
{
	return (struct eval){.ctx = ctx,
		.state = ctx->state,
		.arena = ctx->arena,
		.template = t,
		.locals = locals,
		.native = ctx->native};
}

const struct value *eval_other(struct eval *ev, const struct template *template,
	const struct value *locals, struct err *err)
{
	struct eval inner = eval_for(ev->ctx, template, locals);

	inner.native = ev->native;
	return run(&inner, err);
}

static bool is_plain(const struct value *raw)
{
	return raw->unsafe || raw->tagged_unsafe || !template_is_in(raw->text, raw->len);
}

const struct value *eval_string(struct eval *ev, const struct value *raw, struct err *err)
{
	if (is_plain(raw))
		return raw;
	const struct template *t =
		eval_compiled(ev, raw->text, raw->len, &raw->place, &template_syntax_yaml, err);
	if (!t)
		return NULL;
	return eval_other(ev, t, NULL, err);
}

const struct value *eval_vault(struct eval *ev, const struct value *raw, struct err *err)
{
	if (ev->ctx->open_vault)
		return ev->ctx->open_vault(ev->ctx->data, raw, err);
	err_set(err, ERR_AUTH, "an encrypted value was met, and no vault password is known");
	return NULL;
}

/* A child of a container: itself, or a promise if there is something to evaluate. */
static const struct value *child(struct eval *ev, const struct value *raw)
{
	return template_is_in_value(raw) || raw->kind == VALUE_VAULT ? promise_new(ev, raw)
								     : raw;
}

const struct value *eval_raw(struct eval *ev, const struct value *raw, struct err *err)
{
	struct value *copy;

	switch (raw->kind) {
	case VALUE_STRING: return eval_string(ev, raw, err);
	case VALUE_VAULT: return eval_vault(ev, raw, err);
	case VALUE_LIST:
	case VALUE_TUPLE:
		if (!template_is_in_value(raw))
			return raw;
		copy = value_new_list(ev->arena);
		copy->kind = raw->kind;
		for (size_t i = 0; i < raw->count; i++)
			value_list_add(ev->arena, copy, child(ev, raw->items[i]));
		break;
	case VALUE_DICT:
		if (!template_is_in_value(raw))
			return raw;
		copy = value_new_dict(ev->arena);
		value_dict_foreach (pair, raw)
			value_dict_set_value(
				ev->arena, copy, pair->key, child(ev, pair->value));
		break;
	default: return raw;
	}
	copy->place = raw->place;
	return copy;
}

/* An evaluation from outside. Inside another one (a callback's) counters go on. */
struct session {
	struct template_state *state;
	struct err own;
	bool outermost;
	bool unsafe;
};

static struct err *session_begin(
	struct session *s, struct template_context *ctx, struct err *err)
{
	struct template_state *state = ctx->state;

	*s = (struct session){
		.state = state, .outermost = !state->busy, .unsafe = state->unsafe};
	if (s->outermost) {
		state->steps = 0;
		state->steps_left = 1;
		state->batch = 0;
		state->depth = 0;
		state->running = NULL;
		state->memory_base = ctx->arena->used;
		strmap_release(&state->loaded, NULL);
		eval_set_limits(ctx);
	}
	state->busy = true;
	err_clear(err ? err : &s->own);
	state->placed = false;
	state->unsafe = false;
	return err ? err : &s->own;
}

static void session_end(struct session *s)
{
	if (s->outermost)
		s->state->busy = false;
	s->state->unsafe = s->unsafe;
}

const struct value *template_value(
	struct template_context *ctx, const struct value *v, struct err *err)
{
	static const struct template none = {.syntax = &template_syntax_yaml};
	struct session session;

	if (!template_is_in_value(v) && v->kind != VALUE_OBJECT)
		return v;
	err = session_begin(&session, ctx, err);
	struct eval ev = eval_for(ctx, &none, NULL);
	const struct value *result = eval_raw(&ev, v, err);
	if (result)
		result = finish(&ev, result, true, err);
	session_end(&session);
	return result;
}

const struct value *template_evaluate(struct template_context *ctx,
	const struct template *template, const struct value *locals, struct err *err)
{
	struct session session;

	err = session_begin(&session, ctx, err);
	struct eval ev = eval_for(ctx, template, locals);
	const struct value *result = run(&ev, err);
	ev.template = template;
	if (result)
		result = finish(&ev, result, true, err);
	session_end(&session);
	return result;
}

/* Appends the one value that a template gave to the text. */
static int render_value(struct eval *ev, struct output *out, struct err *err)
{
	const struct value *v = output_take(out, err);

	if (v)
		v = restore_newlines(ev, v, err);
	v = v ? finish(ev, v, true, err) : NULL;
	if (!v)
		return -1;
	return v->kind == VALUE_NULL ? 0 : repr_str(ev, v, &ev->state->text, err);
}

/* Runs statements with the context's buffer standing for the caller's: nothing is copied. */
static int render_body(struct eval *ev, struct err *err)
{
	struct output out = output_begin(ev);
	const struct strbuf *text = &ev->state->text;
	int rc = run_body(ev, &out, err);

	if (rc == 0 && !out.many)
		rc = render_value(ev, &out, err);
	else if (rc == 0)
		add_newlines(ev->template,
			lost_newlines(ev->template, text->data + out.text.start,
				text->len - out.text.start),
			&ev->state->text);
	if (rc < 0)
		output_release(&out);
	return rc;
}

static int render_expression(struct eval *ev, struct strbuf *out, struct err *err)
{
	const struct value *v = run_expression(ev, err);

	v = v ? finish(ev, v, true, err) : NULL;
	if (!v)
		return -1;
	return v->kind == VALUE_NULL ? 0 : repr_str(NULL, v, out, err);
}

static void swap_text(struct template_state *state, struct strbuf *out)
{
	struct strbuf text = state->text;

	state->text = *out;
	*out = text;
}

int template_render(struct template_context *ctx, const struct template *template,
	const struct value *locals, struct strbuf *out, struct err *err)
{
	struct session session;
	int rc;

	err = session_begin(&session, ctx, err);
	struct eval ev = eval_for(ctx, template, locals);
	if (template->expression) {
		rc = render_expression(&ev, out, err);
	} else {
		swap_text(ctx->state, out);
		rc = render_body(&ev, err);
		swap_text(ctx->state, out);
	}
	session_end(&session);
	return rc;
}

static void trim(const char **text, size_t *n)
{
	while (*n > 0 && strchr(" \t\n\r", **text))
		++*text, --*n;
	while (*n > 0 && strchr(" \t\n\r", (*text)[*n - 1]))
		--*n;
}

bool template_is_whole(const char *text, size_t n)
{
	trim(&text, &n);
	return n >= 4 && (memcmp(text, "{{", 2) == 0 || memcmp(text, "{%", 2) == 0) &&
	       (memcmp(text + n - 2, "}}", 2) == 0 || memcmp(text + n - 2, "%}", 2) == 0);
}

static const struct value *trimmed(struct arena *arena, const struct value *v)
{
	const char *s = v->text;
	size_t n = v->len;

	trim(&s, &n);
	if (n == v->len)
		return v;
	struct value *copy = value_new_stringn(arena, s, n);
	copy->place = v->place;
	copy->unsafe = v->unsafe;
	return copy;
}

static int fail_condition(
	const struct value *condition, struct err *err, const char *what, const char *more)
{
	return place_fail(&condition->place, err, ERR_INPUT, "%s%s", what, more);
}

static int condition_result(const struct template_context *ctx, const struct value *condition,
	const struct value *result, struct err *err)
{
	if (result->kind == VALUE_BOOL)
		return result->boolean;
	if (ctx->any_condition)
		return value_truthy(result);
	return fail_condition(condition, err,
		"a condition must be true or false; compare, or use 'is truthy', for a value "
		"of type ",
		type_name(result));
}

static int evaluate_condition(struct template_context *ctx, const struct value *condition,
	const struct value *locals, struct err *err)
{
	const struct template *t = template_compile_expression(
		ctx->arena, condition->text, condition->len, &condition->place, err);
	const struct value *result = t ? template_evaluate(ctx, t, locals, err) : NULL;

	return result ? condition_result(ctx, condition, result, err) : -1;
}

int template_condition(struct template_context *ctx, const struct value *condition,
	const struct value *locals, struct err *err)
{
	if (condition->kind == VALUE_BOOL)
		return condition->boolean;
	if (!value_is_string(condition) && ctx->any_condition)
		return value_truthy(condition);
	if (!value_is_string(condition))
		return fail_condition(condition, err,
			"a condition must be an expression or a boolean, not ",
			value_kind_name(condition));
	condition = trimmed(ctx->arena, condition);
	if (condition->len == 0)
		return fail_condition(condition, err, "a condition is empty", "");
	if (condition->unsafe)
		return fail_condition(condition, err,
			"a condition came from outside and is not evaluated", "");
	if (!template_is_whole(condition->text, condition->len))
		return evaluate_condition(ctx, condition, locals, err);
	const struct template *t = template_compile(ctx->arena, condition->text, condition->len,
		&condition->place, &template_syntax_yaml, err);
	const struct value *result = t ? template_evaluate(ctx, t, locals, err) : NULL;
	if (!result)
		return -1;
	/* A template may give the text of an expression: when: "{{ wanted }}". */
	if (value_is_string(result) && !result->unsafe)
		return evaluate_condition(ctx, result, locals, err);
	return condition_result(ctx, condition, result, err);
}

const struct value *template_lookup(struct template_context *ctx, const char *name,
	const struct value *terms, struct err *err)
{
	static const struct template none = {.syntax = &template_syntax_yaml};
	const struct callable *lookup = callable_find(TEMPLATE_LOOKUP, name);
	struct session session;

	if (!lookup) {
		err_set(err, ERR_INPUT, "there is no lookup '%.60s'", name);
		return NULL;
	}
	err = session_begin(&session, ctx, err);
	struct eval ev = eval_for(ctx, &none, NULL);
	const struct value *result = args_call(&ev, lookup, NULL, terms, NULL, err);
	if (result)
		result = finish(&ev, result, true, err);
	session_end(&session);
	return result;
}
