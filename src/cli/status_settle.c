/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting together what a host answered and what is known of it here.
 *
 * Which version a host runs is asked of the host itself: a config that deploy-models renders
 * names a version's directory, and a service reads what its config names. So the text on the
 * host is looked through for MODEL/YYYY-MM-DD; nothing is rendered for that. Where no config
 * names a model, the store's report says what the last command left there.
 */
#include "cli/status.h"

#define DATE_LEN 10

/* ---- configs ---- */

static bool is_comment(const char *text, const char *at)
{
	const char *line = at;

	while (line > text && line[-1] != '\n')
		line--;
	line += strspn(line, " \t");
	return *line == '#' || *line == ';';
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '-' || c == '.';
}

static void add_once(struct strlist *l, const char *s)
{
	if (!strlist_has(l, s))
		strlist_add(l, s);
}

void status_scan_config(const char *text, const char *model, struct strlist *versions)
{
	size_t n = strlen(model);

	for (const char *at = text; (at = strstr(at, model)); at += n) {
		char date[DATE_LEN + 1];
		const char *end = at + n;
		if ((at > text && is_word(at[-1])) || *end++ != '/' ||
			strnlen(end, DATE_LEN) < DATE_LEN)
			continue;
		memcpy(date, end, DATE_LEN);
		date[DATE_LEN] = '\0';
		if (clock_is_date(date) && !is_word(end[DATE_LEN]) && !is_comment(text, at))
			add_once(versions, date);
	}
	strlist_sort(versions);
}

/* ---- models ---- */

/* The version in a path of a model, or NULL when the path is another model's. */
static const char *version_of(const char *path, const char *model)
{
	size_t n = strlen(model);

	return strncmp(path, model, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* Takes what one kind of evidence says, unless a better one has spoken. */
static void take_named(
	struct status_model *m, const struct status_host *h, enum status_known known)
{
	if (m->known != STATUS_UNKNOWN)
		return;
	for (size_t i = 0; i < h->named.count; i++) {
		const struct status_named *n = &h->named.items[i];
		if (n->known != known || strcmp(n->model, m->model) != 0)
			continue;
		m->known = known;
		if (n->version)
			add_once(&m->runs, n->version);
		else
			m->no_config = true;
	}
	strlist_sort(&m->runs);
}

static void take_report(struct status_model *m, const struct report *r)
{
	for (size_t i = 0; r && m->known != STATUS_BY_CONFIG && i < r->runs.count; i++) {
		const char *version = version_of(r->runs.items[i], m->model);
		if (!version || (m->known && m->known != STATUS_BY_REPORT))
			continue;
		m->known = STATUS_BY_REPORT;
		add_once(&m->runs, version);
	}
}

/* Sums up the versions of a model that lie on the host. */
static void take_there(struct status_model *m, const struct status_host *h)
{
	for (size_t i = 0; i < h->there.count; i++) {
		const struct status_version *v = &h->there.items[i];
		const char *version = version_of(v->path, m->model);
		if (!version)
			continue;
		m->bytes += v->bytes;
		if (!m->there || strcmp(m->there, m->wanted) != 0)
			m->there = version;
	}
}

static void add_row(struct status_host *h, const char *model, const char *wanted,
	const struct sync_result *result)
{
	struct status_model m = {.model = model, .wanted = wanted, .result = result};

	take_there(&m, h);
	take_named(&m, h, STATUS_BY_CONFIG);
	take_named(&m, h, STATUS_BY_LINK);
	take_report(&m, h->reported);
	*VEC_PUSH(&h->rows) = m;
}

/* ---- versions that nobody wants ---- */

static bool is_named_by_registry(const struct registry *r, const char *path)
{
	autofree char *name = xstrndup(path, strcspn(path, "/"));
	const struct model *m = r ? registry_model(r, name) : NULL;
	const char *version = path + strlen(name) + (path[strlen(name)] == '/');

	return m && (str_cmp0(m->current, version) == 0 || str_cmp0(m->previous, version) == 0);
}

static bool is_used(const struct status_host *h, const char *path)
{
	for (size_t i = 0; i < h->rows.count; i++) {
		const struct status_model *m = &h->rows.items[i];
		const char *version = version_of(path, m->model);
		if (version &&
			(strcmp(version, m->wanted) == 0 || strlist_has(&m->runs, version)))
			return true;
	}
	return false;
}

/* With -m the other models are nobody's business. */
static bool is_asked_for(const struct status_host *h, const char *path)
{
	if (!h->status->models)
		return true;
	for (size_t i = 0; i < h->rows.count; i++)
		if (version_of(path, h->rows.items[i].model))
			return true;
	return false;
}

static void find_extra(struct status_host *h)
{
	const struct registry *r = h->models ? h->models->registry : NULL;

	for (size_t i = 0; i < h->there.count; i++) {
		const struct status_version *v = &h->there.items[i];
		if (is_asked_for(h, v->path) && !is_named_by_registry(r, v->path) &&
			!is_used(h, v->path))
			*VEC_PUSH(&h->extra) = *v;
	}
}

void status_settle(struct status_host *h)
{
	const struct host_models *models = h->models;

	for (size_t i = 0; i < h->report.count; i++)
		add_row(h, h->report.results[i].model, h->report.results[i].version,
			&h->report.results[i]);
	for (size_t i = 0; models && i < models->held_count; i++)
		add_row(h, models->held[i].model->name, models->held[i].version, NULL);
	find_extra(h);
}

/* ---- states ---- */

static bool runs_other(const struct status_model *m)
{
	/* A report that has several versions does not know which one it is. */
	if (m->known == STATUS_BY_REPORT && strlist_has(&m->runs, m->wanted))
		return false;
	for (size_t i = 0; i < m->runs.count; i++)
		if (strcmp(m->runs.items[i], m->wanted) != 0)
			return true;
	return false;
}

const char *status_model_word(const struct status_model *m)
{
	enum sync_outcome outcome = m->result ? m->result->outcome : SYNC_CURRENT;

	switch (outcome) {
	case SYNC_FAILED: return "failed";
	case SYNC_SENT: return "absent";
	case SYNC_REPAIRED: return "differs";
	case SYNC_DRIFTED: return "drifted";
	default: break;
	}
	if (m->no_config)
		return "no config";
	if (runs_other(m))
		return "runs other";
	return m->result ? "ok" : "in store";
}

const char *status_known_word(enum status_known known)
{
	static const char *const words[] = {
		[STATUS_UNKNOWN] = "",
		[STATUS_BY_CONFIG] = "config",
		[STATUS_BY_LINK] = "link",
		[STATUS_BY_REPORT] = "report",
	};

	return words[known];
}

bool status_model_fine(const struct status_model *m)
{
	return (!m->result || m->result->outcome == SYNC_CURRENT) && !m->no_config &&
	       !runs_other(m);
}

/* True if configs and links say of each model what runs; reports may be older than that. */
static bool all_seen(const struct status_host *h)
{
	for (size_t i = 0; i < h->rows.count; i++)
		if (h->rows.items[i].known != STATUS_BY_CONFIG &&
			h->rows.items[i].known != STATUS_BY_LINK)
			return false;
	return h->rows.count > 0;
}

/*
 * No transaction is open. A last one that went back leaves the host as it was before, which
 * may be what is wanted by now: that is believed where the host itself shows it.
 */
static bool is_settled(const struct status_host *h)
{
	const struct status_transaction *last = NULL;

	for (size_t i = 0; i < h->transactions.count; i++) {
		const struct status_transaction *t = &h->transactions.items[i];
		if (str_cmp0(t->state, "armed") == 0 || str_cmp0(t->state, "reverting") == 0)
			return false;
		if (!last || t->created >= last->created)
			last = t;
	}
	return !last || str_cmp0(last->state, "reverted") != 0 || all_seen(h);
}

static bool all_fine(const struct status_host *h)
{
	for (size_t i = 0; i < h->rows.count; i++)
		if (!status_model_fine(&h->rows.items[i]))
			return false;
	for (size_t i = 0; i < h->services.count; i++)
		if (!h->services.items[i].healthy)
			return false;
	return h->problems.count == 0;
}

enum status_state status_of(const struct status_host *h)
{
	if (h->err.code || !h->reached)
		return STATUS_AWAY;
	return all_fine(h) && is_settled(h) ? STATUS_AS_WANTED : STATUS_DIFFERS;
}

const char *status_state_name(enum status_state state)
{
	static const char *const names[STATUS_STATES] = {
		[STATUS_AS_WANTED] = "as_wanted",
		[STATUS_DIFFERS] = "differs",
		[STATUS_AWAY] = "away",
	};

	return names[state];
}

int status_exit_code(const struct status *s)
{
	bool away = false;

	if (cancel_level(&s->engine.cancel))
		return EXIT_INTERRUPTED;
	for (size_t i = 0; i < s->count; i++) {
		enum status_state state = status_of(&s->hosts[i]);
		if (state == STATUS_DIFFERS)
			return EXIT_HOST_FAILED;
		away |= state == STATUS_AWAY;
	}
	return away ? EXIT_UNREACHABLE : EXIT_OK;
}
