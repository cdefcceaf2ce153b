/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's runner: made once a run, and its way through each play.
 */
#include "play/run_state.h"

#include "base/path.h"
#include "play/role.h"
#include "template/template.h"

/* Magic variables that change from task to task: a vars_live_fn. */
static const struct value *live(
	void *data, const char *name, struct arena *arena, struct err *err)
{
	const struct runner *r = data;

	if (strcmp(name, "ansible_search_path") == 0)
		return runner_search_path(r, arena);
	return meet_left(data, name, arena, err);
}

/*
 * What tasks find where nobody says anything: no facts, and the host's name as its address. It
 * lives as long as the runner, for its connection keeps the address.
 */
static const struct value *floor_of(struct runner *r)
{
	struct value *layer = value_new_dict(&r->arena);

	value_dict_set(&r->arena, layer, "ansible_facts", value_new_dict(&r->arena));
	if (!vars_raw(r->host->view, "ansible_ssh_host"))
		value_dict_set(&r->arena, layer, "ansible_host",
			value_new_string(&r->arena, r->host->name));
	return layer;
}

struct runner *runner_new(struct run *run, struct run_host *host)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->run = run;
	r->host = host;
	r->wake_fd = -1;
	pthread_mutex_init(&r->vars_lock, NULL);
	r->floor = floor_of(r);
	vars_view_set_others(host->view, meet_hostvars, r);
	vars_view_set_live(host->view, live, r);
	line_init(&r->line, &host->connection, run->o->sync.stall);
	return r;
}

static void other_lines_free(struct runner *r)
{
	while (r->others) {
		struct other_line *o = r->others;
		r->others = o->next;
		line_release(&o->line);
		vars_view_free(o->view);
		free(o);
	}
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	vars_view_set_facts(r->host->view, NULL, NULL);
	vars_view_set_others(r->host->view, NULL, NULL);
	vars_view_set_live(r->host->view, NULL, NULL);
	pthread_mutex_destroy(&r->vars_lock);
	line_release(&r->line);
	other_lines_free(r);
	strlist_release(&r->search.paths);
	strlist_release(&r->confirmed_users);
	strlist_release(&r->to_notify);
	free(r->handlers.items);
	arena_release(&r->play_arena);
	arena_release(&r->arena);
	free(r);
}

const struct run_host *runner_host(const struct runner *r)
{
	return r->host;
}

const struct run *runner_run(const struct runner *r)
{
	return r->run;
}

struct vars_view *runner_vars(struct runner *r)
{
	return r->host->view;
}

void runner_added(struct runner *r, const char *name)
{
	if (r->playing)
		meet_name(r, name);
}

void runner_phase(struct runner *r, const char *phase)
{
	if (r->worker)
		fleet_phase(r->worker, phase);
}

void runner_progress(struct runner *r, uint64_t done, uint64_t total)
{
	if (r->worker)
		fleet_set_progress(r->worker, done, total);
}

deadline runner_deadline(const struct runner *r)
{
	return r->worker ? fleet_deadline(r->worker) : DEADLINE_NEVER;
}

struct sync_report *runner_sync_report(struct runner *r)
{
	return &r->host->report;
}

const struct cancel *runner_soft_cancel(const struct runner *r)
{
	return r->undoing ? &r->run->shared->hard : r->run->o->cancel;
}

const struct cancel *runner_cancel(const struct runner *r)
{
	const struct module_call *c = r->now ? &r->now->call : NULL;

	/* A check changes nothing: there is nothing to finish before it is given up. */
	if (c && c->step->task->module->flags & MODULE_IS_HEALTH)
		return runner_soft_cancel(r);
	return &r->run->shared->hard;
}

/* ---- a play's variables ---- */

/* A file of vars_files: the first that is there, of several. */
static int add_vars_file(struct runner *r, const struct value *names, struct err *err)
{
	const struct value *one = names;
	struct err why = {0};

	for (size_t i = 0; names->kind != VALUE_LIST || i < names->count; i++) {
		const char *name;
		if (names->kind == VALUE_LIST)
			one = names->items[i];
		if (keyword_text(r, one, &name, err) < 0)
			return -1;
		autofree char *path = path_join(r->playing->play->directory, name ? name : "");
		const struct value *v =
			run_shared_vars(r->run->shared, path, r->run->o->secrets, &why);
		if (v) {
			vars_view_add(r->host->view, VARS_PLAY_FILE,
				arena_strdup(&r->play_arena, path), v);
			return 0;
		}
		if (why.code != ERR_NOTFOUND || names->kind != VALUE_LIST)
			break;
	}
	AUTO(strbuf_release) struct strbuf place = STRBUF_INIT;
	place_format(&names->place, &place);
	return err_set(err, why.code ? why.code : ERR_NOTFOUND, "%svars_files: %s", place.data,
		why.code ? why.text : "the list of files is empty");
}

/* The play's own layers: its variables, its files, what its batch shares. */
static int add_play_vars(struct runner *r, struct err *err)
{
	const struct play *play = r->playing->play;

	if (r->batch->magic)
		vars_view_add(r->host->view, VARS_MAGIC, "play", r->batch->magic);
	if (play->vars && play->vars->kind == VALUE_DICT)
		vars_view_add(r->host->view, VARS_PLAY, play->name, play->vars);
	const struct value *answers = prompts_answers(r->run, play);
	if (answers)
		vars_view_add(r->host->view, VARS_PROMPT, play->name, answers);
	for (size_t i = 0; i < play->roles.count; i++)
		role_add_shared(r->host->view, play->roles.items[i]);
	for (size_t i = 0; play->vars_files && i < play->vars_files->count; i++)
		if (add_vars_file(r, play->vars_files->items[i], err) < 0)
			return -1;
	return 0;
}

/* Where lookups find files: the playbook's directory. */
static void set_search(struct runner *r)
{
	struct template_context *ctx = vars_view_context(r->host->view);

	r->searched = NULL;
	r->search.until = DEADLINE_NEVER;
	r->search.cancel = &r->run->shared->hard;
	ctx->files = &template_files_local;
	ctx->files_data = &r->search;
}

/* ---- a play ---- */

static void begin_play(struct runner *r, struct fleet_worker *w)
{
	struct fleet_host *f = fleet_worker_host(w);
	struct playing *p = r->playing;

	r->worker = w;
	r->batch = &p->batches[f->batch];
	r->rescue_depth = 0;
	r->ended = r->undoing = false;
	r->transaction = p->transaction;
	/* Two names of an inventory may be one machine. */
	if (r->transaction.id)
		r->transaction.id = arena_printf(&r->play_arena, "%s.%zu", p->transaction.id,
			(size_t)(r->host - r->run->hosts));
	r->roles = NULL;
	r->publics = NULL;
	r->includes = NULL;
	r->place = (struct include_place){0};
	handlers_begin(r);
	vars_view_enter(r->host->view, &r->play_arena);
	vars_view_add(r->host->view, VARS_OPTION, NULL, r->floor);
	set_search(r);
	parcels_take(r);
}

static void end_play(struct runner *r)
{
	struct template_context *ctx = vars_view_context(r->host->view);

	vars_view_leave(r->host->view);
	r->step = NULL;
	ctx->files = NULL;
	ctx->files_data = NULL;
	arena_release(&r->play_arena);
	line_stats(&r->line, &r->host->link);
	r->worker = NULL;
	r->batch = NULL;
	r->playing = NULL;
}

/* The play's sections, each with the handlers that it notified behind it. */
static enum walk run_sections(struct runner *r)
{
	const struct play *play = r->playing->play;
	const struct steps *const sections[] = {
		&play->pre_tasks, &play->tasks, &play->post_tasks};
	enum walk result = WALK_ON;

	for (size_t i = 0; result == WALK_ON && i < ARRAY_SIZE(sections); i++) {
		result = walk_steps(r, sections[i]);
		if (result == WALK_ON)
			result = handlers_run(r);
	}
	if (result == WALK_FAILED && r->playing->force_handlers)
		handlers_run(r);
	return result;
}

/* Stopped by a limit or an interrupt: not failed, but out of the run. */
static int say_stopped(struct runner *r, struct err *err)
{
	r->host->stopped = true;
	if (cancel_level(r->run->o->cancel) > 0)
		return err_set(err, ERR_CANCELLED, "interrupted");
	return err_set(err, ERR_CANCELLED, "stopped: too many hosts of the batch failed");
}

static int conclude(struct runner *r, enum walk result, struct err *err)
{
	const struct line_transaction *t = &r->transaction;

	if (result == WALK_ON || r->ended) {
		if (!t->id || transaction_confirm(r, err) == 0)
			return 0;
		r->failed = true;
		r->host->counts.failed++;
		r->err = *err;
	}
	if (r->lost)
		r->host->unreachable = true;
	else if (r->failed)
		r->host->failed = true;
	if (t->id)
		transaction_undo(r, t->id);
	if (r->lost || r->failed)
		return err_set(err, r->err.code ? r->err.code : ERR_SYSTEM, "%s", r->err.text);
	return say_stopped(r, err);
}

static int run_play(struct runner *r, struct err *err)
{
	enum walk result = WALK_FAILED;

	r->ended = __atomic_load_n(&r->playing->ended, __ATOMIC_ACQUIRE);
	if (r->ended)
		return 0;
	if (add_play_vars(r, &r->err) == 0) {
		result = facts_gather(r);
		if (result == WALK_ON)
			result = run_sections(r);
	} else {
		/* There is no task whose result could tell it. */
		runner_warn(r, "%s", r->err.text);
		r->failed = true;
		r->host->counts.failed++;
		__atomic_add_fetch(&r->batch->failed, 1, __ATOMIC_ACQ_REL);
	}
	return conclude(r, result, err);
}

int runner_work(struct fleet_worker *w, void *data, struct err *err)
{
	struct run_host *host = data;
	struct runner *r = host->runner;

	begin_play(r, w);
	int result = run_play(r, err);
	meet_end(r);
	if (result < 0)
		host->err = *err;
	end_play(r);
	return result;
}

int runner_take_back(struct fleet_worker *w, void *data, struct err *err)
{
	struct run_host *host = data;
	struct runner *r = host->runner;

	begin_play(r, w);
	err_clear(&host->undo_err);
	if (add_play_vars(r, err) < 0)
		host->undo = UNDO_FAILED;
	else
		transaction_take_back(r);
	end_play(r);
	if (host->undo == UNDO_HEALTHY || host->undo == UNDO_UNCHECKED)
		return 0;
	return err_set(err, host->undo_err.code ? host->undo_err.code : ERR_SYSTEM, "%s",
		host->undo_err.text);
}
