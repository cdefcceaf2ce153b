/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rollback would change where; and everything that speaks against it, told before
 * anything is touched.
 */
#include "base/vec.h"
#include "cli/move_pin.h"
#include "cli/rollback.h"

/* ---- the target ---- */

static int not_stored(const struct rollback *r, const char *model, const char *version,
	const struct err *why, struct err *err)
{
	AUTO(strbuf_release) struct strbuf there = STRBUF_INIT;

	if (why->code != ERR_NOTFOUND)
		return err_set(err, why->code, "%s %s: %s", model, version, why->text);
	rollback_describe_versions(&r->look, model, &there);
	return err_set(err, ERR_NOTFOUND, "the store %s has no %s %s; it has: %s",
		r->look.store->location, model, version, there.data);
}

static int check_stored(
	const struct rollback *r, const char *model, const char *version, struct err *err)
{
	struct err why = {0};

	if (!clock_is_date(version))
		return err_set(err, ERR_USAGE,
			"found the version '%s', expected a date, YYYY-MM-DD, or --previous",
			version);
	if (store_check_version(r->look.store, model, version, &why) == 0)
		return 0;
	return not_stored(r, model, version, &why, err);
}

static int no_previous(const struct rollback *r, const struct model *m, struct err *err)
{
	AUTO(strbuf_release) struct strbuf there = STRBUF_INIT;

	rollback_describe_versions(&r->look, m->name, &there);
	return err_set(err, ERR_NOTFOUND,
		"%s has no previous version (previous_version is null); name one of those in "
		"the store: %s",
		m->name, there.data);
}

/* Which version is meant. NULL for --unpin; -1 with err. */
static int find_target(struct rollback *r, const char *version, struct err *err)
{
	struct rollback_plan *p = &r->plan;
	const struct model *m = p->model;

	if (r->o.unpin)
		return check_stored(r, m->name, m->current, err);
	p->to = r->o.previous ? m->previous : version;
	if (!p->to)
		return no_previous(r, m, err);
	if (!r->o.hosts && strcmp(p->to, m->current) == 0)
		return err_set(err, ERR_EXISTS,
			"%s %s is current already; 'deploy-models --models %s' brings it to "
			"hosts that lack it",
			m->name, p->to, m->name);
	return check_stored(r, m->name, p->to, err);
}

/* ---- the hosts ---- */

static const struct wanted *wanted_of(const struct host_models *h, const char *model)
{
	const struct wanted *w = host_models_find(h, model);

	for (size_t i = 0; !w && i < h->held_count; i++)
		if (strcmp(h->held[i].model->name, model) == 0)
			w = &h->held[i];
	return w;
}

/* Selects hosts by --hosts: their names, as a set. */
static int select_hosts(struct rollback *r, struct strmap *names, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	struct host_list list = {0};
	struct site *site = &r->look.site;

	int result = pattern_hosts(&site->inventory, &site->config, r->o.hosts, &list, &d, err);
	for (size_t i = 0; i < list.count; i++)
		strmap_set(names, list.items[i]->name, NULL);
	free(list.items);
	cli_print_diags(&d);
	if (d.errors)
		err_clear(err);
	return result < 0 || d.errors ? -1 : 0;
}

/* How one host that has the model fares. */
static void plan_host(struct rollback *r, const struct wanted *w, const char *name,
	struct vars_view *view, const struct strmap *selected)
{
	struct rollback_plan *p = &r->plan;
	struct rollback_host *h = VEC_PUSH(&p->hosts);

	*h = (struct rollback_host){.name = name,
		.from = w->version,
		.to = w->version,
		.runs = w->version,
		.pinned = w->pinned,
		.view = view,
		.place = w->version_place};
	if (r->o.hosts) {
		h->moves = strmap_has(selected, name) && (p->to || w->pinned);
		if (h->moves)
			h->to = p->to ? p->to : p->model->current;
	} else {
		h->moves = !w->pinned;
		if (h->moves)
			h->to = p->to;
	}
	if (h->moves && r->o.hosts)
		strlist_add(&p->selected, name);
	if (h->moves)
		rollback_note_touched(&p->touched, view, p->model->name);
}

static int no_host(const struct rollback *r, struct err *err)
{
	const struct rollback_plan *p = &r->plan;

	if (r->o.unpin)
		return err_set(err, ERR_NOTFOUND,
			"--unpin: no host of '%s' has a pin of %s (" VAR_OVERRIDES ")",
			r->o.hosts, p->model->name);
	return err_set(err, ERR_NOTFOUND, "--hosts: no host of '%s' gets %s", r->o.hosts,
		p->model->name);
}

static int plan_hosts(struct rollback *r, struct err *err)
{
	const struct registry_site *s = &r->look.registry;
	struct strmap selected = {0};

	if (r->o.hosts && select_hosts(r, &selected, err) < 0) {
		strmap_release(&selected, NULL);
		return -1;
	}
	for (size_t i = 0; i < s->resolution.host_count; i++) {
		const struct host_models *h = &s->resolution.hosts[i];
		const struct wanted *w = wanted_of(h, r->plan.model->name);
		if (w)
			plan_host(r, w, h->host, s->views[i], &selected);
	}
	strmap_release(&selected, NULL);
	return r->o.hosts && r->plan.selected.count == 0 ? no_host(r, err) : 0;
}

/* ---- the move ---- */

/* A pin that does not stand in the host's own file cannot be taken away there. */
static int check_pin_place(const struct rollback *r, const struct rollback_host *h,
	const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf place = STRBUF_INIT;
	autofree char *real = h->place.file ? realpath(h->place.file, NULL) : NULL;
	autofree char *wanted = realpath(path, NULL);

	if (!r->o.unpin || str_cmp0(real, wanted) == 0)
		return 0;
	place_format(&h->place, &place);
	return err_set(err, ERR_UNSUPPORTED,
		"%sthe pin stands here, and not in the host's own file; take it away here",
		place.data);
}

/* Pins one host, or takes its pin away; a file that says so already is fine. */
static int prepare_pin(struct rollback *r, const struct rollback_host *h, struct err *err)
{
	struct rollback_plan *p = &r->plan;
	autofree char *path = NULL;

	if (move_pin_file(&r->look.site.inventory, h->view, p->model->name, &path, err) < 0 ||
		check_pin_place(r, h, path, err) < 0)
		return -1;
	if (move_pin(&p->move, h->name, path, p->model->name, p->to, err) < 0)
		return err->code == ERR_EXISTS ? 0 : -1;
	return 0;
}

static int prepare_pins(struct rollback *r, struct err *err)
{
	struct rollback_plan *p = &r->plan;

	for (size_t i = 0; i < p->hosts.count; i++)
		if (p->hosts.items[i].moves && prepare_pin(r, &p->hosts.items[i], err) < 0)
			return -1;
	if (p->move.edits.count == 0)
		return err_set(err, ERR_EXISTS,
			"%s is pinned to %s on these hosts already; 'deploy-models --models "
			"%s' brings it to hosts that lack it",
			p->model->name, p->to, p->model->name);
	err_clear(err);
	return 0;
}

/* The version that all hosts that move have now; NULL when they have several. */
static const char *common_from(const struct rollback_plan *p)
{
	const char *from = NULL;

	for (size_t i = 0; i < p->hosts.count; i++) {
		const struct rollback_host *h = &p->hosts.items[i];
		if (h->moves && from && strcmp(from, h->from) != 0)
			return NULL;
		if (h->moves)
			from = h->from;
	}
	return from;
}

/*
 * A file that cannot be committed may be one that another run is about to commit: then that is
 * the answer, and not what git would advise.
 */
static int check_repository(struct rollback *r, struct err *err)
{
	struct err busy = {0};

	if (move_check(&r->plan.move, err) == 0)
		return 0;
	if (!r->deploy.engine.o.site.check && rollback_lock(r, &busy) < 0 &&
		busy.code == ERR_BUSY && err)
		*err = busy;
	return -1;
}

static int prepare_move(struct rollback *r, struct err *err)
{
	struct rollback_plan *p = &r->plan;
	struct move *m = &p->move;

	m->why = r->o.note;
	m->what = r->o.unpin ? "Unpin" : r->o.hosts ? "Pin" : "Roll back";
	m->from = common_from(p);
	int result = r->o.hosts ? prepare_pins(r, err) : move_version(m, p->model, p->to, err);
	return result < 0 ? -1 : check_repository(r, err);
}

int rollback_plan(struct rollback *r, const char *model, const char *version, struct err *err)
{
	r->plan.model = rollback_find(&r->look, model, err);
	if (!r->plan.model || find_target(r, version, err) < 0 || plan_hosts(r, err) < 0)
		return -1;
	return prepare_move(r, err);
}

void rollback_plan_release(struct rollback_plan *p)
{
	move_release(&p->move);
	strlist_release(&p->selected);
	free(p->hosts.items);
	rollback_touched_release(&p->touched);
}
