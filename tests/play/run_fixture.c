/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/path.h"
#include "base/scratch.h"
#include "play/run_fixture.h"
#include "value/json.h"

#define ONE_HOST "h1\n"

int run_fixture_make(void **state)
{
	struct run_fixture *f = xcalloc(1, sizeof(*f));
	struct err err = {0};
	void *dir;

	if (scratch_make(&dir) < 0)
		return -1;
	f->dir = dir;
	*state = f;
	strbuf_init(&f->seen);
	for (size_t i = 0; i <= RUN_HOSTS_MAX; i++)
		strbuf_init(&f->lines[i]);
	setenv("XDG_CACHE_HOME", run_fixture_path(f, "cache"), 1);
	setenv("XDG_STATE_HOME", run_fixture_path(f, "state"), 1);
	setenv("MODELFLEET_STATE_DIR", run_fixture_path(f, "node-state"), 1);
	if (link_helpers_add(&f->helpers, MACHINE, NODE_HELPER, &err) < 0 ||
		cancel_init(&f->cancel, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	f->connect.helpers = &f->helpers;
	f->options = (struct run_options){.max_fail_percentage = NAN,
		.confirm_timeout = -1,
		.run_id = "test",
		.connect_timeout = 30};
	return 0;
}

/* Ends what a run left, so that another may follow. */
static void forget_run(struct run_fixture *f)
{
	run_release(&f->run);
	for (size_t i = 0; i < f->run.count; i++)
		vars_view_free(f->run.hosts[i].view);
	free(f->run.hosts);
	f->run = (struct run){0};
	playbook_release(&f->playbook);
	f->playbook = (struct playbook){0};
	vars_site_free(f->site);
	f->site = NULL;
	inventory_release(&f->inventory);
	f->inventory = (struct inventory){0};
	for (size_t i = 0; i <= RUN_HOSTS_MAX; i++)
		strbuf_clear(&f->lines[i]);
	strbuf_clear(&f->seen);
	f->connects = 0;
}

int run_fixture_drop(void **state)
{
	struct run_fixture *f = *state;
	void *dir = f->dir;

	forget_run(f);
	for (size_t i = 0; i <= RUN_HOSTS_MAX; i++)
		strbuf_release(&f->lines[i]);
	strbuf_release(&f->seen);
	strlist_release(&f->extra);
	strlist_release(&f->options.tags);
	strlist_release(&f->options.skip_tags);
	link_helpers_release(&f->helpers);
	cancel_release(&f->cancel);
	arena_release(&f->arena);
	free(f);
	return scratch_remove(&dir);
}

const char *run_fixture_path(struct run_fixture *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *name = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

void run_fixture_write(struct run_fixture *f, const char *name, const char *text)
{
	const char *path = run_fixture_path(f, "%s", name);
	autofree char *dir = path_dirname(path);
	struct err err = {0};

	assert_int_equal(path_mkdirs(dir, 0755, &err), 0);
	scratch_write(path, text);
}

/* ---- what is seen ---- */

static const char *const outcomes[] = {[TASK_OK] = "ok",
	[TASK_CHANGED] = "changed",
	[TASK_SKIPPED] = "skipped",
	[TASK_FAILED] = "failed",
	[TASK_IGNORED] = "ignored",
	[TASK_RESCUED] = "rescued",
	[TASK_UNREACHABLE] = "unreachable"};

static const char *const undos[] = {[UNDO_NONE] = "none",
	[UNDO_HEALTHY] = "healthy",
	[UNDO_UNCHECKED] = "unchecked",
	[UNDO_UNHEALTHY] = "unhealthy",
	[UNDO_FAILED] = "failed",
	[UNDO_LEFT] = "left"};

/* Adds the member of a result that the test wants to see. */
static void add_shown(struct run_fixture *f, struct strbuf *out, const struct value *result)
{
	const struct value *v = f->show ? value_dict_get(result, f->show) : NULL;

	if (f->show && strcmp(f->show, "*") == 0)
		v = result;
	if (!v)
		return;
	strbuf_addch(out, ' ');
	json_write(v, NULL, out, NULL);
}

static void see(void *data, const struct run_event *e)
{
	struct run_fixture *f = data;
	size_t at = e->host ? (size_t)(e->host - f->run.hosts) : RUN_HOSTS_MAX;
	struct strbuf *out = &f->lines[at];
	const char *host = e->host ? e->host->name : "";

	switch (e->kind) {
	case RUN_PHASE: f->connects += strcmp(e->text, "connect") == 0; break;
	case RUN_TASK:
		if (!f->interrupt_at || strcmp(e->title, f->interrupt_at) != 0)
			break;
		cancel_request(&f->cancel);
		if (f->interrupt_twice)
			cancel_request(&f->cancel);
		break;
	case RUN_PLAY: strbuf_addf(out, "play '%s'\n", e->title); break;
	case RUN_BATCH:
		strbuf_addf(out, "batch %d of %d\n", (int)e->number, (int)e->total);
		break;
	case RUN_RETRY:
		strbuf_addf(out, "%s retry '%s': %d left\n", host, e->title, (int)e->number);
		break;
	case RUN_ASYNC: strbuf_addf(out, "%s ASYNC %s '%s'\n", host, e->text, e->title); break;
	case RUN_ITEM:
		strbuf_addf(out, "%s item '%s': %s", host, e->label, outcomes[e->outcome]);
		add_shown(f, out, e->result);
		strbuf_addch(out, '\n');
		break;
	case RUN_RESULT:
		strbuf_addf(out, "%s %s '%s': %s", host, e->handler ? "handler" : "task",
			e->title, outcomes[e->outcome]);
		add_shown(f, out, e->result);
		strbuf_addch(out, '\n');
		break;
	case RUN_UNDO: strbuf_addf(out, "%s undo: %s\n", host, undos[e->host->undo]); break;
	case RUN_WARNING: strbuf_addf(out, "%s warning: %s\n", host, e->text); break;
	case RUN_STOP: strbuf_addf(out, "stop: %s\n", e->text); break;
	default: break;
	}
}

/* ---- running ---- */

static void load_inventory(struct run_fixture *f)
{
	AUTO(strlist_release) struct strlist sources = {0};
	AUTO(diags_release) struct diags d = {0};
	struct err err = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text,
		"%s\n[all:vars]\nansible_connection=local\nmodelfleet_remote_dirs=%s/helpers\n"
		"DIR=%s\n",
		f->inventory_text ? f->inventory_text : ONE_HOST, f->dir, f->dir);
	run_fixture_write(f, "hosts.ini", text.data);
	strlist_add(&sources, run_fixture_path(f, "hosts.ini"));
	struct inventory_options o = {.playbook_dir = f->dir};
	if (inventory_load(&f->inventory, &sources, &o, &f->arena, &d, &err) < 0)
		fail_msg("%s", err.text);
	struct vars_site_options vo = {
		.extra = &f->extra, .check = f->options.check, .diff = f->options.diff};
	f->site = vars_site_new(&f->inventory, &vo, &d, &err);
	if (!f->site)
		fail_msg("%s", err.text);
}

static void make_hosts(struct run_fixture *f)
{
	struct err err = {0};
	size_t count = f->inventory.hosts.count;

	assert_true(count <= RUN_HOSTS_MAX);
	f->run.hosts = xcalloc(RUN_HOSTS_MAX, sizeof(*f->run.hosts));
	f->run.count = count;
	f->run.room = RUN_HOSTS_MAX;
	for (size_t i = 0; i < count; i++) {
		struct run_host *h = &f->run.hosts[i];
		h->host = f->inventory.hosts.entries[i].value;
		h->name = h->host->name;
		h->view = vars_view_new(f->site, h->host);
		if (connection_read(&h->connection, h->view, &f->connect, &err) < 0)
			fail_msg("%s", err.text);
	}
}

static const char *findings(struct run_fixture *f, const struct diags *d)
{
	for (size_t i = 0; i < d->count; i++)
		diag_format(&d->items[i], &f->seen);
	return f->seen.data;
}

static void join_lines(struct run_fixture *f)
{
	strbuf_addstr(&f->seen, f->lines[RUN_HOSTS_MAX].data);
	for (size_t i = 0; i < f->run.count; i++)
		strbuf_addstr(&f->seen, f->lines[i].data);
}

const char *run_fixture_play(struct run_fixture *f, const char *playbook)
{
	AUTO(diags_release) struct diags d = {0};
	struct err err = {0};

	forget_run(f);
	load_inventory(f);
	run_fixture_write(f, "site.yaml", playbook);
	if (playbook_parse(&f->playbook, run_fixture_path(f, "site.yaml"), NULL, &d) < 0)
		return findings(f, &d);
	make_hosts(f);
	f->options.vars = f->site;
	f->options.inventory = &f->inventory;
	f->options.cancel = &f->cancel;
	f->options.listener = see;
	f->options.listener_data = f;
	f->run.o = &f->options;
	f->run.playbook = &f->playbook;
	if (run_playbook(&f->run, &err) < 0)
		strbuf_addf(&f->seen, "error: %s\n", err.text);
	join_lines(f);
	return f->seen.data;
}

struct run_host *run_fixture_host(struct run_fixture *f, const char *name)
{
	for (size_t i = 0; i < f->run.count; i++)
		if (strcmp(f->run.hosts[i].name, name) == 0)
			return &f->run.hosts[i];
	fail_msg("there is no host %s", name);
	return NULL;
}

const char *run_fixture_recap(struct run_fixture *f, const char *host)
{
	const struct host_counts *n = &run_fixture_host(f, host)->counts;

	return arena_printf(&f->arena,
		"ok=%u changed=%u unreachable=%u failed=%u skipped=%u rescued=%u ignored=%u",
		n->ok, n->changed, n->unreachable, n->failed, n->skipped, n->rescued,
		n->ignored);
}

void run_fixture_expect(struct run_fixture *f, const char *text)
{
	if (!strstr(f->seen.data, text))
		fail_msg("not seen: %s\nin:\n%s", text, f->seen.data);
}
