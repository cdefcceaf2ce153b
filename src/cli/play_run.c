/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_run.h"

#include <math.h>

#include "base/log.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "cli/play_settings.h"
#include "cli/tell.h"
#include "play/start.h"

#define TICK_SECONDS 0.1

void play_run_init(struct play_run *p, struct engine *engine, const char *journal_name)
{
	*p = (struct play_run){.engine = engine, .journal_name = journal_name};
	p->options = (struct run_options){
		.max_fail_percentage = NAN, .confirm_timeout = -1, .cancel = &engine->cancel};
	p->run.o = &p->options;
}

static void free_views(struct play_run *p)
{
	for (size_t i = 0; p->views && i < p->hosts.count; i++)
		vars_view_free(p->views[i]);
	free(p->views);
}

void play_run_release(struct play_run *p)
{
	tell_close(p->show.tell);
	show_release(&p->show);
	run_release(&p->run);
	for (size_t i = 0; i < p->run.count; i++)
		sync_report_release(&p->run.hosts[i].report);
	free(p->run.hosts);
	content_close(p->content);
	play_reports_release(p);
	registry_site_release(&p->registry);
	free_views(p);
	free(p->plays);
	free(p->hosts.items);
	strlist_release(&p->options.tags);
	strlist_release(&p->options.skip_tags);
	strlist_release(&p->options.said_tags);
	arena_release(&p->arena);
	for (size_t i = 0; i < p->book_count; i++)
		playbook_release(&p->books[i]);
	free(p->books);
}

/* Prints findings; -1, without a further word, when there are errors among them. */
static int print_findings(const struct diags *d)
{
	cli_print_diags(d);
	return d->errors ? -1 : 0;
}

/* ---- reading ---- */

static void note_module(void *data, const struct step *task)
{
	struct play_run *p = data;

	if (show_is_module(task, "sync_models"))
		p->syncs = true;
}

static void look_for_sync(struct play_run *p, const struct playbook *book)
{
	for (size_t i = 0; i < book->count; i++) {
		const struct play *play = book->plays[i];
		play_walk(&play->pre_tasks, note_module, p);
		play_walk(&play->tasks, note_module, p);
		play_walk(&play->post_tasks, note_module, p);
		play_walk(&play->handlers, note_module, p);
	}
}

static struct playbook_options read_options(const struct play_run *p)
{
	return (struct playbook_options){.secrets = &p->engine->site.secrets,
		.vars = p->engine->site.vars,
		.inventory = &p->engine->site.inventory,
		.roles_path = config_text(&p->engine->site.config, CONFIG_ROLES_PATH),
		.places = &p->places};
}

/* Says, once of each collection, that its playbook is run: its roles and modules come first. */
static void tell_collection(const struct play_run *p, const struct playbook *book)
{
	for (const struct playbook *before = p->books; before < book; before++)
		if (str_cmp0(before->collection, book->collection) == 0)
			return;
	if (book->collection)
		log_warning("running playbook inside collection %s", book->collection);
}

int play_run_read(struct play_run *p, const struct strlist *paths)
{
	const struct playbook_options options = read_options(p);
	AUTO(diags_release) struct diags d = {0};

	p->books = xcalloc(paths->count, sizeof(*p->books));
	for (size_t i = 0; i < paths->count; i++) {
		struct playbook *book = &p->books[p->book_count++];
		if (playbook_parse_with(book, paths->items[i], &options, &d) == 0)
			look_for_sync(p, book);
		tell_collection(p, book);
	}
	return print_findings(&d);
}

int play_run_read_text(struct play_run *p, const char *name, const char *text, size_t n)
{
	const struct playbook_options options = read_options(p);
	AUTO(diags_release) struct diags d = {0};
	struct playbook *book = p->books = xcalloc(1, sizeof(*p->books));

	p->book_count = 1;
	if (playbook_parse_text_with(book, name, ".", text, n, &options, &d) == 0)
		look_for_sync(p, book);
	return print_findings(&d);
}

void play_run_tag(struct play_run *p, const struct strlist *words)
{
	static const char *const special[] = {"all", "tagged", "untagged", "always", "never"};
	AUTO(strlist_release) struct strlist known = {0};
	AUTO(strbuf_release) struct strbuf models = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		strlist_add(&known, special[i]);
	for (size_t i = 0; i < p->book_count; i++)
		play_tags(&p->books[i], &known);
	for (size_t i = 0; i < words->count; i++) {
		strlist_add(&p->options.said_tags, words->items[i]);
		if (!p->syncs || strlist_has(&known, words->items[i]))
			strlist_add(&p->options.tags, words->items[i]);
		else
			strbuf_addf(&models, "%s%s", models.len ? "," : "", words->items[i]);
	}
	if (models.len)
		p->model_tags = arena_strdup(&p->arena, models.data);
}

/* The playbook that has the task to start at, and the task; book_count where none has. */
static size_t find_start(const struct play_run *p, const struct step **start)
{
	size_t i = 0;

	*start = NULL;
	while (i < p->book_count && !(*start = start_find(&p->books[i], p->start_at)))
		i++;
	return i;
}

int play_run_start_at(struct play_run *p, struct err *err)
{
	const struct step *start;

	if (!p->start_at || find_start(p, &start) < p->book_count)
		return 0;
	return err_set(err, ERR_NOTFOUND,
		"--start-at-task: no task is named '%s'; --list-tasks tells their names",
		p->start_at);
}

/* Adds a host once, and counts the plays that have it. */
static void add_host(struct play_run *p, struct strmap *numbers, struct host *host)
{
	size_t *number = strmap_get(numbers, host->name);

	if (!number) {
		number = arena_alloc(&p->arena, sizeof(*number));
		*number = p->hosts.count;
		strmap_set(numbers, host->name, number);
		*VEC_PUSH(&p->hosts) = host;
		p->plays = xrealloc(p->plays, p->hosts.count, sizeof(*p->plays));
		p->plays[*number] = 0;
	}
	p->plays[*number]++;
}

static int choose_for(struct play_run *p, const struct play *play, struct strmap *numbers,
	struct diags *d, struct err *err)
{
	struct host_list list = {0};

	int result = play_possible_hosts(p, play, &list, d, err);
	for (size_t i = 0; result == 0 && i < list.count; i++)
		add_host(p, numbers, list.items[i]);
	free(list.items);
	return result;
}

static int choose(struct play_run *p, struct diags *d, struct err *err)
{
	struct strmap numbers = {0};
	int result = 0;

	for (size_t i = 0; i < p->book_count; i++)
		for (size_t k = 0; result == 0 && k < p->books[i].count; k++)
			result = choose_for(p, p->books[i].plays[k], &numbers, d, err);
	strmap_release(&numbers, NULL);
	return result;
}

int play_run_choose(struct play_run *p, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};

	int result = choose(p, &d, err);
	/* What a pattern does not match may be added before its play begins, which says so
	 * then. */
	if (result < 0 || (p->hosts.count == 0 && p->needs_hosts))
		cli_print_diags(&d);
	return result;
}

void play_run_keep(struct play_run *p, const struct strlist *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->hosts.count; i++) {
		if (!strlist_has(names, p->hosts.items[i]->name))
			continue;
		p->hosts.items[kept] = p->hosts.items[i];
		p->plays[kept++] = p->plays[i];
	}
	p->hosts.count = kept;
}

/* ---- preparing ---- */

static int resolve_models(struct play_run *p, struct diags *d, struct err *err)
{
	struct engine *e = p->engine;
	const struct registry_site_options o = {
		.inventory = &e->site.inventory,
		.vars = e->site.vars,
		.secrets = &e->site.secrets,
		.hosts = &p->hosts,
		.models = p->models,
		.tags = p->model_tags,
		.open_remote = engine_open_store,
		.open_remote_arg = e,
		.store = e->store,
		.suppose = p->suppose,
	};

	if (registry_site_resolve(&p->registry, &o, d, err) < 0)
		return -1;
	p->content = content_open(
		p->registry.store, &p->registry.resolution, e->spool, &e->cancel, d, err);
	return p->content ? 0 : -1;
}

static void make_views(struct play_run *p)
{
	p->views = xcalloc(p->hosts.count + 1, sizeof(struct vars_view *));
	for (size_t i = 0; i < p->hosts.count; i++)
		p->views[i] = vars_view_new(p->engine->site.vars, p->hosts.items[i]);
}

static bool has_models(const struct host_models *m)
{
	return m && (m->count > 0 || m->held_count > 0);
}

static void make_hosts(struct play_run *p, struct diags *d)
{
	struct vars_view **views = p->syncs ? p->registry.views : p->views;
	size_t count = 0;

	/* What is not used of it takes no memory. A deploy is of hosts with models, and no
	 * more. */
	p->run.room = p->with_models_only ? 0 : p->hosts.count + RUN_MAX_NEW_HOSTS;
	p->run.hosts = xcalloc(p->hosts.count + RUN_MAX_NEW_HOSTS + 1, sizeof(*p->run.hosts));
	for (size_t i = 0; i < p->hosts.count; i++) {
		struct run_host *h = &p->run.hosts[count];
		struct err err = {0};
		h->models = p->syncs ? &p->registry.resolution.hosts[i] : NULL;
		if (p->with_models_only && !has_models(h->models))
			continue;
		h->host = p->hosts.items[i];
		h->name = h->host->name;
		h->view = views[i];
		p->plays[count++] = p->plays[i];
		if (connection_read(&h->connection, h->view, &p->engine->connect, &err) < 0)
			diag_error(d, NULL, "host %s: %s", h->name, err.text);
	}
	p->run.count = count;
}

static void fill_options(struct play_run *p)
{
	struct engine *e = p->engine;
	struct run_options *o = &p->options;

	o->vars = e->site.vars;
	o->inventory = &e->site.inventory;
	o->secrets = &e->site.secrets;
	o->content = p->content;
	o->sync.check = e->o.site.check;
	o->sync.holder = e->holder.data;
	o->sync.stall = e->stall;
	o->limit = e->o.site.limit;
	o->roles_path = config_text(&e->site.config, CONFIG_ROLES_PATH);
	o->check = e->o.site.check;
	o->diff = e->o.site.diff;
	o->forks = (unsigned)e->forks;
	o->connect_timeout = e->connect_timeout;
	o->host_timeout = e->host_timeout;
	o->tick = engine_output(e) == ENGINE_LIVE ? TICK_SECONDS : 0;
	o->title = e->command_line.data;
	o->listener = show_listen;
	o->listener_data = &p->show;
}

int play_run_prepare(struct play_run *p, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	int result = 0;

	if (engine_prepare(p->engine, err) < 0)
		return -1;
	if (p->syncs)
		result = resolve_models(p, &d, err);
	else
		make_views(p);
	if (result == 0)
		make_hosts(p, &d);
	if (print_findings(&d) < 0)
		return -1;
	fill_options(p);
	return result;
}

/* ---- running ---- */

static int begin_journal(struct play_run *p, struct err *err)
{
	const struct resolution *r = &p->registry.resolution;
	struct engine *e = p->engine;
	struct journal_run *j = &e->journal;

	j->check = e->o.site.check;
	for (size_t i = 0; p->syncs && i < r->use_count; i++)
		strlist_addf(&j->versions, "%s %s", r->uses[i].model->name, r->uses[i].version);
	/* The entry of a run that is killed names the hosts that it had not done. */
	for (size_t i = 0; i < p->run.count; i++)
		journal_add_host(j, p->run.hosts[i].name, JOURNAL_SKIPPED, NULL);
	if (journal_begin(j, e->journal_dir, p->journal_name, e->command_line.data, err) < 0)
		return -1;
	p->options.run_id = p->show.run_id = j->id;
	return 0;
}

static void end_journal(struct play_run *p, int exit_code)
{
	static const enum journal_outcome outcomes[SHOW_STATES] = {
		[SHOW_NOT_RUN] = JOURNAL_SKIPPED,
		[SHOW_UNCHANGED] = JOURNAL_OK,
		[SHOW_CHANGED] = JOURNAL_CHANGED,
		[SHOW_DRIFTED] = JOURNAL_DRIFTED,
		[SHOW_FAILED] = JOURNAL_FAILED,
		[SHOW_UNREACHABLE] = JOURNAL_UNREACHABLE,
		[SHOW_ROLLED_BACK] = JOURNAL_ROLLED_BACK,
		[SHOW_INTERRUPTED] = JOURNAL_SKIPPED,
	};
	struct engine *e = p->engine;
	struct err err = {0};

	for (size_t i = 0; i < p->run.count; i++) {
		const struct run_host *h = &p->run.hosts[i];
		if (h->joined)
			journal_add_host(&e->journal, h->name, JOURNAL_SKIPPED, NULL);
		struct journal_host *j = &e->journal.hosts[i];
		j->outcome = outcomes[show_state(&p->show, h)];
		j->error = h->err.code ? xstrdup(h->err.text) : NULL;
		j->bytes = h->report.bytes_sent;
		j->seconds = show_seconds(&p->show, h);
	}
	if (journal_end(&e->journal, e->journal_dir, exit_code, &err) < 0)
		log_warning("the journal could not be written: %s", err.text);
}

/* A check changes nothing that a registry would show. */
static void begin_telling(struct play_run *p)
{
	const struct tell_about about = {.rollout = p->show.run_id, .name = p->journal_name};

	if (p->syncs && !p->options.check)
		p->show.tell = tell_open(&p->engine->site.config, &about);
}

static void show_what(struct play_run *p)
{
	p->show.run = &p->run;
	p->show.live = engine_output(p->engine) == ENGINE_LIVE;
	p->show.verbosity = p->engine->o.site.verbosity;
	p->show.cancel = &p->engine->cancel;
	p->run.playbook = &p->books[0];
	show_init(&p->show);
	for (size_t i = 0; i < p->run.count; i++)
		p->show.hosts[i].plays = p->plays[i];
}

static int run_book(struct play_run *p, const struct playbook *book, struct err *err)
{
	AUTO(strbuf_release) struct strbuf note = STRBUF_INIT;

	p->run.playbook = book;
	show_book_begin(&p->show);
	if (run_playbook(&p->run, err) < 0)
		return -1;
	if (p->keeps_retries)
		play_retry_write(p, book->path, &note);
	show_book_end(&p->show, note.data);
	return 0;
}

/* As in Ansible, a playbook that did not end well is the last one. */
static int run_books(struct play_run *p, struct err *err)
{
	const struct step *start = NULL;
	size_t first = p->start_at ? find_start(p, &start) : 0;

	for (size_t i = first; i < p->book_count && !p->run.stopped; i++) {
		p->options.start_at = i == first ? start : NULL;
		if (show_exit_code(&p->show) != EXIT_OK)
			break;
		if (run_book(p, &p->books[i], err) < 0)
			return -1;
	}
	return 0;
}

int play_run_go(struct play_run *p, struct err *err)
{
	struct engine *e = p->engine;

	/* A store on another host is locked by the lease that opening it took. */
	if (p->syncs && !e->o.site.check && !p->registry.primary &&
		engine_lock_store(e, p->registry.root, err) < 0)
		return -1;
	if (begin_journal(p, err) < 0)
		return -1;
	play_reports_before(p);
	show_what(p);
	begin_telling(p);
	show_begin(&p->show);
	if (run_books(p, err) < 0)
		return -1;
	play_reports_after(p);
	int code = show_exit_code(&p->show);
	end_journal(p, code);
	show_end(&p->show, code);
	tell_close(STEAL(p->show.tell));
	return code;
}
