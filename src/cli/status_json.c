/* SPDX-License-Identifier: Apache-2.0 */
/* The same as JSON, a line a host; docs/reference/events.md describes it. */
#include <inttypes.h>

#include "cli/play_json.h"
#include "cli/status.h"

static void begin_member(struct strbuf *out, bool *first, const char *open)
{
	strbuf_addf(out, "%s%s", *first ? "" : ",", open);
	*first = false;
}

/* A member without the comma before it: the first of an object. */
static void first_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addf(out, "\"%s\":", key);
	if (text)
		strbuf_addjson(out, text, strlen(text));
	else
		strbuf_addstr(out, "null");
}

static void add_list(struct strbuf *out, const char *key, const struct strlist *list)
{
	bool first = true;

	strbuf_addf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < list->count; i++) {
		begin_member(out, &first, "");
		strbuf_addjson(out, list->items[i], strlen(list->items[i]));
	}
	strbuf_addch(out, ']');
}

/* The versions of a model on a host, newest first. */
static void add_there(struct strbuf *out, const struct status_host *h, const char *model)
{
	size_t n = strlen(model);
	bool first = true;

	strbuf_addstr(out, ",\"there\":[");
	for (size_t i = h->there.count; i-- > 0;) {
		const char *path = h->there.items[i].path;
		if (strncmp(path, model, n) != 0 || path[n] != '/')
			continue;
		begin_member(out, &first, "");
		strbuf_addjson(out, path + n + 1, strlen(path + n + 1));
	}
	strbuf_addch(out, ']');
}

static void add_model(
	struct strbuf *out, const struct status_host *h, const struct status_model *m)
{
	static const struct strlist none;

	first_text(out, "model", m->model);
	json_event_text(out, "wanted", m->wanted);
	json_event_text(out, "state", status_model_word(m));
	strbuf_addf(out, ",\"drift\":%u", m->result ? m->result->drift : 0);
	add_list(out, "drifted", m->result ? &m->result->drifted : &none);
	add_there(out, h, m->model);
	add_list(out, "runs", &m->runs);
	json_event_text(out, "runs_by",
		m->known == STATUS_UNKNOWN ? NULL : status_known_word(m->known));
	strbuf_addf(out, ",\"bytes\":%" PRIu64, m->bytes);
	if (m->result && m->result->err.code)
		json_event_error(out, "error", &m->result->err);
}

static void add_models(struct strbuf *out, const struct status_host *h)
{
	bool first = true;

	strbuf_addstr(out, ",\"models\":[");
	for (size_t i = 0; i < h->rows.count; i++) {
		begin_member(out, &first, "{");
		add_model(out, h, &h->rows.items[i]);
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

static void add_services(struct strbuf *out, const struct status_host *h)
{
	bool first = true;

	strbuf_addstr(out, ",\"services\":[");
	for (size_t i = 0; i < h->services.count; i++) {
		const struct status_service *s = &h->services.items[i];
		begin_member(out, &first, "{");
		first_text(out, "service", s->name);
		json_event_text(out, "active", s->active);
		json_event_text(out, "sub", s->sub);
		if (s->error)
			json_event_text(out, "error", s->error);
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

static void add_transactions(struct strbuf *out, const struct status_host *h)
{
	bool first = true;

	strbuf_addstr(out, ",\"transactions\":[");
	for (size_t i = 0; i < h->transactions.count; i++) {
		const struct status_transaction *t = &h->transactions.items[i];
		begin_member(out, &first, "{");
		first_text(out, "id", t->id);
		json_event_text(out, "state", t->state);
		json_event_text(out, "title", t->title);
		json_event_text(out, "outcome", t->outcome);
		strbuf_addf(out, ",\"created\":%" PRId64 "}", t->created);
	}
	strbuf_addch(out, ']');
}

static void add_versions(
	struct strbuf *out, const char *key, const struct status_versions *v, bool staging)
{
	bool first = true;

	strbuf_addf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < v->count; i++) {
		const struct status_version *x = &v->items[i];
		autofree char *model = xstrndup(x->path, strcspn(x->path, "/"));
		const char *version = x->path + strlen(model);
		begin_member(out, &first, "{");
		first_text(out, "model", model);
		json_event_text(out, "version", version + (*version == '/'));
		strbuf_addf(out, ",\"bytes\":%" PRIu64, x->bytes);
		if (staging)
			strbuf_addf(out, ",\"written\":%" PRId64, x->written);
		else
			strbuf_addf(out, ",\"verified\":%s", x->verified ? "true" : "false");
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

static void add_deployed(struct strbuf *out, const struct status_host *h)
{
	char when[32];

	clock_rfc3339(h->deployed, when);
	json_event_text(out, "deployed", h->deployed ? when : NULL);
	json_event_text(out, "deploy_run", h->deploy_run);
	json_event_text(out, "deploy_outcome", h->deploy_outcome);
	json_event_text(out, "deploy_error", h->deploy_error);
}

static void add_host(struct strbuf *out, const struct status_host *h)
{
	json_event_begin(out, "host");
	json_event_text(out, "host", h->name);
	json_event_text(out, "state", status_state_name(status_of(h)));
	add_models(out, h);
	add_services(out, h);
	add_transactions(out, h);
	add_versions(out, "staging", &h->staging, true);
	add_versions(out, "unmanaged", &h->extra, false);
	add_list(out, "problems", &h->problems);
	if (h->disk_total)
		strbuf_addf(out, ",\"disk_free\":%" PRIu64 ",\"disk_total\":%" PRIu64,
			h->disk_free, h->disk_total);
	add_deployed(out, h);
	if (h->err.code)
		json_event_error(out, "error", &h->err);
	json_event_end(out);
}

static void add_running(struct strbuf *out, const struct status *s)
{
	const struct lock_holder *h = &s->holder;

	strbuf_addstr(out, ",\"running\":{");
	first_text(out, "user", h->user);
	json_event_text(out, "host", h->host);
	json_event_text(out, "since", h->since);
	json_event_text(out, "command", h->command);
	strbuf_addf(out, ",\"pid\":%" PRId64 "}", h->pid);
}

void status_add_json(const struct status *s, int exit_code, struct strbuf *out)
{
	unsigned states[STATUS_STATES] = {0};

	for (size_t i = 0; i < s->count; i++) {
		add_host(out, &s->hosts[i]);
		states[status_of(&s->hosts[i])]++;
	}
	json_event_begin(out, "status");
	strbuf_addf(out, ",\"exit_code\":%d", exit_code);
	for (int i = 0; i < STATUS_STATES; i++)
		strbuf_addf(
			out, ",\"%s\":%u", status_state_name((enum status_state)i), states[i]);
	strbuf_addf(out, ",\"seconds\":%.3f,\"verified\":%s", s->seconds,
		s->verify ? "true" : "false");
	if (s->running)
		add_running(out, s);
	if (s->reports_err.code)
		json_event_error(out, "reports_error", &s->reports_err);
	json_event_end(out);
}
