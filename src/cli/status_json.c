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

static void add_versions(struct strbuf *out, const struct status_host *h, const char *model)
{
	AUTO(strbuf_release) struct strbuf joined = STRBUF_INIT;
	AUTO(strlist_release) struct strlist versions = {0};
	bool first = true;

	status_add_versions(h, model, ",", &joined);
	strlist_split(&versions, joined.data, ",");
	strbuf_addstr(out, ",\"there\":[");
	for (size_t i = 0; i < versions.count; i++) {
		begin_member(out, &first, "");
		strbuf_addjson(out, versions.items[i], strlen(versions.items[i]));
	}
	strbuf_addch(out, ']');
}

static void add_models(struct strbuf *out, const struct status_host *h)
{
	bool first = true;

	strbuf_addstr(out, ",\"models\":[");
	for (size_t i = 0; i < h->report.count; i++) {
		const struct sync_result *r = &h->report.results[i];
		begin_member(out, &first, "{");
		first_text(out, "model", r->model);
		json_event_text(out, "wanted", r->version);
		json_event_text(out, "state", status_model_word(r));
		strbuf_addf(out, ",\"drift\":%u", r->drift);
		add_versions(out, h, r->model);
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
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
	if (h->services_err.code)
		json_event_error(out, "services_error", &h->services_err);
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

static void add_host(struct strbuf *out, const struct status_host *h)
{
	static const char *const states[] = {
		[STATUS_AS_WANTED] = "as_wanted",
		[STATUS_DIFFERS] = "differs",
		[STATUS_AWAY] = "away",
	};

	json_event_begin(out, "host");
	json_event_text(out, "host", h->name);
	json_event_text(out, "state", states[status_of(h)]);
	add_models(out, h);
	add_services(out, h);
	add_transactions(out, h);
	json_event_text(out, "deployed", h->deployed);
	json_event_text(out, "deploy_run", h->deploy_run);
	json_event_text(out, "deploy_outcome", h->deploy_outcome);
	if (h->err.code)
		json_event_error(out, "error", &h->err);
	json_event_end(out);
}

void status_print_json(const struct status *s, int exit_code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	unsigned states[] = {0, 0, 0};

	for (size_t i = 0; i < s->count; i++) {
		add_host(&out, &s->hosts[i]);
		states[status_of(&s->hosts[i])]++;
	}
	json_event_begin(&out, "status");
	strbuf_addf(&out, ",\"exit_code\":%d,\"as_wanted\":%u,\"differs\":%u,\"away\":%u",
		exit_code, states[STATUS_AS_WANTED], states[STATUS_DIFFERS],
		states[STATUS_AWAY]);
	json_event_end(&out);
	fwrite(out.data, 1, out.len, stdout);
}
