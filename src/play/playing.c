/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A play's keywords and hosts, before any host is touched. They are rendered without a host:
 * with extra variables, the play's own, and what the inventory says of all hosts.
 */
#include "play/run_state.h"

#include "inventory/paths.h"
#include "inventory/pattern.h"
#include "play/role.h"
#include "template/template.h"

/* What renders a play's keywords: a runner that has only a view. */
struct renderer {
	struct run_host host;
	struct runner runner;
};

static void renderer_init(struct renderer *w, struct playing *p)
{
	const struct run_options *o = p->run->o;

	*w = (struct renderer){0};
	w->host.view = vars_view_new(o->vars, o->inventory->localhost);
	w->runner.host = &w->host;
	w->runner.run = p->run;
	if (p->play->vars && p->play->vars->kind == VALUE_DICT)
		vars_view_add(w->host.view, VARS_PLAY, p->play->name, p->play->vars);
}

static void renderer_release(struct renderer *w)
{
	vars_view_free(w->host.view);
}

/* ---- hosts ---- */

/* The pattern of `hosts`, its items between commas. */
static int render_pattern(
	struct renderer *w, const struct play *play, struct strbuf *out, struct err *err)
{
	const struct value *v = keyword_value(&w->runner, play->hosts, err);

	if (!v)
		return -1;
	if (v->kind != VALUE_LIST)
		return template_str(v, out, err);
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			strbuf_addch(out, ',');
		if (template_str(v->items[i], out, err) < 0)
			return -1;
	}
	return 0;
}

/* How a play orders its hosts. */
static int by_name(const void *a, const void *b)
{
	return strcmp(
		(*(const struct host *const *)a)->name, (*(const struct host *const *)b)->name);
}

static void reverse(struct host_list *l)
{
	for (size_t i = 0; i < l->count / 2; i++) {
		struct host *h = l->items[i];
		l->items[i] = l->items[l->count - 1 - i];
		l->items[l->count - 1 - i] = h;
	}
}

static void sort(struct host_list *l)
{
	qsort(l->items, l->count, sizeof(*l->items), by_name);
}

static void reverse_sort(struct host_list *l)
{
	sort(l);
	reverse(l);
}

static void shuffle(struct host_list *l)
{
	uint64_t seed = (uint64_t)clock_ns();

	for (size_t i = l->count; i > 1; i--) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t j = (size_t)(seed >> 33) % i;
		struct host *h = l->items[i - 1];
		l->items[i - 1] = l->items[j];
		l->items[j] = h;
	}
}

static void as_listed(struct host_list *l)
{
	(void)l;
}

static int order_hosts(
	struct renderer *w, const struct value *order, struct host_list *l, struct err *err)
{
	static const struct {
		const char *word;
		void (*apply)(struct host_list *l);
	} orders[] = {
		{"inventory", as_listed},
		{"reverse_inventory", reverse},
		{"sorted", sort},
		{"reverse_sorted", reverse_sort},
		{"shuffle", shuffle},
	};
	const char *word;

	if (keyword_text(&w->runner, order, &word, err) < 0)
		return err_wrap(err, "order");
	for (size_t i = 0; word && i < ARRAY_SIZE(orders); i++) {
		if (strcmp(word, orders[i].word) == 0) {
			orders[i].apply(l);
			return 0;
		}
	}
	if (word)
		return err_set(err, ERR_INPUT,
			"order: found %s, expected inventory, reverse_inventory, sorted, "
			"reverse_sorted or shuffle",
			word);
	return 0;
}

/* Says what the pattern's reader had to say. */
static void tell_diags(struct playing *p, const struct diags *d)
{
	for (size_t i = 0; i < d->count; i++)
		run_tell(p->run,
			(struct run_event){.kind = RUN_WARNING, .text = d->items[i].text});
}

static int take_hosts(struct playing *p, const struct host_list *l, struct err *err)
{
	p->hosts = arena_array(&p->arena, l->count + 1, sizeof(*p->hosts));
	p->fleet = arena_array(&p->arena, l->count + 1, sizeof(*p->fleet));
	p->batches = arena_array(&p->arena, l->count + 1, sizeof(*p->batches));
	for (size_t i = 0; i < l->count; i++) {
		struct run_host *h;
		if (run_admit(p->run, l->items[i], &h, err) < 0)
			return -1;
		if (!h || h->failed || h->unreachable || h->stopped)
			continue;
		p->fleet[p->count] = (struct fleet_host){.name = h->name, .data = h};
		p->hosts[p->count++] = h;
	}
	p->selected = l->count;
	p->all_names = value_new_list(&p->arena);
	for (size_t i = 0; i < l->count; i++)
		value_list_add(&p->arena, p->all_names,
			value_new_string(&p->arena, l->items[i]->name));
	return 0;
}

static int select_hosts(struct playing *p, struct renderer *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf pattern = STRBUF_INIT;
	AUTO(diags_release) struct diags diags = {0};
	const struct run_options *o = p->run->o;
	struct host_list list = {0};

	if (render_pattern(w, p->play, &pattern, err) < 0)
		return err_wrap(err, "hosts");
	int result =
		pattern_select(o->inventory, NULL, pattern.data, o->limit, &list, &diags, err);
	tell_diags(p, &diags);
	if (result == 0)
		result = order_hosts(w, p->play->order, &list, err);
	if (result == 0)
		result = take_hosts(p, &list, err);
	free(list.items);
	return result;
}

/* ---- batches ---- */

static int read_batch(
	struct renderer *w, const struct value *v, struct fleet_batch *b, struct err *err)
{
	const char *text;
	char *end;

	*b = (struct fleet_batch){0};
	if (keyword_text(&w->runner, v, &text, err) < 0)
		return err_wrap(err, "serial");
	double number = text ? strtod(text, &end) : 0;
	if (text && end != text && strcmp(end, "%") == 0 && number >= 0 && number <= 1e6) {
		b->percent = number;
		return 0;
	}
	if (!text || end == text || *end || number < 0 || number > 1e6 ||
		number != (double)(unsigned)number)
		return err_set(err, ERR_INPUT,
			"serial: found %s, expected a number of hosts or a percentage",
			text ? text : "nothing");
	/* 0 is all of them, as -1 is for Ansible. */
	b->count = number > 0 ? (unsigned)number : 1000000;
	return 0;
}

static int read_serial(struct playing *p, struct renderer *w, struct err *err)
{
	const struct value *v = p->run->o->serial ? p->run->o->serial : p->play->serial;
	size_t count = 1;

	if (!v || v->kind == VALUE_NULL)
		return 0;
	v = keyword_value(&w->runner, v, err);
	if (!v)
		return err_wrap(err, "serial");
	if (v->kind == VALUE_LIST)
		count = v->count;
	p->serial = arena_array(&p->arena, count + 1, sizeof(*p->serial));
	for (size_t i = 0; i < count; i++) {
		const struct value *one = v->kind == VALUE_LIST ? v->items[i] : v;
		if (read_batch(w, one, &p->serial[i], err) < 0)
			return -1;
	}
	p->serial_count = count;
	return 0;
}

/* ---- the rest ---- */

static int read_limits(struct playing *p, struct renderer *w, struct err *err)
{
	const struct play *play = p->play;
	const struct run_options *o = p->run->o;
	struct runner *r = &w->runner;

	if (keyword_number(r, play->max_fail_percentage, -1, &p->max_fail_percentage, err) < 0)
		return err_wrap(err, "max_fail_percentage");
	if (!isnan(o->max_fail_percentage))
		p->max_fail_percentage = o->max_fail_percentage;
	if (keyword_bool(r, play->attributes[ATTRIBUTE_ANY_ERRORS_FATAL], false,
		    &p->any_errors_fatal, err) < 0)
		return err_wrap(err, "any_errors_fatal");
	if (keyword_bool(r, play->force_handlers, o->force_handlers, &p->force_handlers, err) <
		0)
		return err_wrap(err, "force_handlers");
	if (keyword_bool(r, play->gather_facts, true, &p->gather, err) < 0)
		return err_wrap(err, "gather_facts");
	return 0;
}

/* The play's name, as written where it cannot be rendered. */
static void render_title(struct playing *p, struct renderer *w)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *name = p->play->name;
	const struct value *v = NULL;

	p->title = name;
	if (name && template_is_in(name, strlen(name)))
		v = vars_render(w->host.view, name, &p->play->place, NULL);
	if (v && template_str(v, &text, NULL) == 0)
		p->title = arena_strdup(&p->arena, text.data);
}

static int read_transaction(struct playing *p, struct renderer *w, struct err *err)
{
	const struct play_transaction *t = &p->play->transaction;
	const struct run_options *o = p->run->o;
	double timeout = PLAY_CONFIRM_TIMEOUT;
	bool enabled;

	if (keyword_bool(&w->runner, t->enabled, false, &enabled, err) < 0 ||
		keyword_number(&w->runner, t->confirm_timeout, timeout, &timeout, err) < 0 ||
		keyword_number(&w->runner, o->soak ? o->soak : t->soak, 0, &p->soak, err) < 0)
		return err_wrap(err, "transaction");
	/* What is only looked at needs no way back. */
	if (!enabled || o->check)
		return 0;
	if (o->confirm_timeout >= 0)
		timeout = o->confirm_timeout;
	p->transaction = (struct line_transaction){
		.id = arena_printf(
			&p->arena, "%s.%zu", o->run_id ? o->run_id : "run", p->number),
		.title = o->title ? o->title : p->title,
		.confirm_timeout = (uint32_t)(timeout > 0 ? timeout : 0),
	};
	return 0;
}

/* Tasks of a list of handlers, those in blocks too. */
static void list_handlers(struct playing *p, const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		struct step *s = steps->items[i];
		if (s->kind == STEP_BLOCK)
			list_handlers(p, &s->block->block);
		else
			p->handlers[p->handler_count++] = s;
	}
}

int playing_init(struct playing *p, struct run *run, const struct play *play, struct err *err)
{
	struct renderer w;

	p->run = run;
	p->play = play;
	pthread_mutex_init(&p->names_lock, NULL);
	renderer_init(&w, p);
	p->handlers =
		arena_array(&p->arena, run->playbook->step_count + 1, sizeof(*p->handlers));
	list_handlers(p, &play->handlers);
	int result = prompts_ask(p, &w.runner, err);
	render_title(p, &w);
	result = result < 0 || select_hosts(p, &w, err) < 0 || read_serial(p, &w, err) < 0 ||
				 read_limits(p, &w, err) < 0 || read_transaction(p, &w, err) < 0
			 ? -1
			 : 0;
	renderer_release(&w);
	if (result < 0) {
		AUTO(strbuf_release) struct strbuf at = STRBUF_INIT;
		place_format(&play->place, &at);
		return err_wrap(err, "%splay '%s'", at.data, play->name);
	}
	return 0;
}

void playing_release(struct playing *p)
{
	meet_release(p);
	strlist_release(&p->added_names);
	pthread_mutex_destroy(&p->names_lock);
	arena_release(&p->arena);
}

/* The names of the hosts that are still in the run, of `count` from a first one. */
static struct value *names_of(struct playing *p, size_t first, size_t count)
{
	struct value *list = value_new_list(&p->arena);

	for (size_t i = first; i < first + count && i < p->count; i++) {
		const struct run_host *h = p->hosts[i];
		if (!h->failed && !h->unreachable && !h->stopped)
			value_list_add(&p->arena, list, value_new_string(&p->arena, h->name));
	}
	return list;
}

static struct value *text_list(struct arena *arena, const struct strlist *l)
{
	struct value *list = value_new_list(arena);

	for (size_t i = 0; i < l->count; i++)
		value_list_add(arena, list, value_new_string(arena, l->items[i]));
	return list;
}

void playing_batch_magic(struct playing *p, unsigned batch)
{
	const struct run_options *o = p->run->o;
	struct arena *a = &p->arena;
	struct value *v = value_new_dict(a);
	const struct batch *b = &p->batches[batch];
	struct value *active = names_of(p, 0, p->count);

	value_dict_set(a, v, "ansible_play_name", value_new_string(a, p->title));
	value_dict_set(a, v, "ansible_play_hosts_all", p->all_names);
	value_dict_set(a, v, "ansible_play_hosts", active);
	value_dict_set(a, v, "ansible_play_batch", names_of(p, b->first, b->size));
	value_dict_set(a, v, "play_hosts", value_dict_get(v, "ansible_play_batch"));
	value_dict_set(a, v, "playbook_dir",
		value_new_string(a, path_absolute(a, p->play->directory, NULL)));
	value_dict_set(a, v, "ansible_check_mode", value_bool(o->check));
	value_dict_set(a, v, "ansible_diff_mode", value_bool(o->diff));
	if (o->said_tags.count > 0)
		value_dict_set(a, v, "ansible_run_tags", text_list(a, &o->said_tags));
	value_dict_set(a, v, "ansible_skip_tags", text_list(a, &o->skip_tags));
	role_add_names(&p->play->roles, v, a);
	p->batches[batch].magic = v;
}
