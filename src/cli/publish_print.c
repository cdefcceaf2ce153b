/* SPDX-License-Identifier: Apache-2.0 */
/* What publishing tells, for people and as JSON. */
#include <inttypes.h>

#include "cli/play_json.h"
#include "cli/publish.h"

/* "published", "would be published" or "is there already", as it was or with --check would be.
 */
static const char *outcome_text(const struct publish *p)
{
	if (p->result.outcome == PUBLISH_THERE)
		return "is there already, with the same content";
	return p->engine.o.site.check ? "would be published" : "published";
}

static const char *outcome_word(const struct publish *p)
{
	if (p->result.outcome == PUBLISH_THERE)
		return "there";
	return p->engine.o.site.check ? "would_make" : "made";
}

static void print_result(const struct publish *p)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct publish_result *r = &p->result;

	strbuf_addf(&out, "%s %s: %s", p->request.model, p->request.version, outcome_text(p));
	strbuf_addf(&out, "; %" PRIu64 " file%s, ", r->files, r->files == 1 ? "" : "s");
	strbuf_addsize(&out, r->bytes);
	if (r->cloned) {
		strbuf_addstr(&out, ", of which ");
		strbuf_addsize(&out, r->cloned);
		strbuf_addstr(&out, " shared with the source");
	}
	if (p->sent) {
		strbuf_addstr(&out, "; ");
		strbuf_addsize(&out, p->sent);
		strbuf_addstr(&out, " sent");
	}
	printf("%s\n  in %s/%s/%s\n", out.data, p->location.data, p->request.model,
		p->request.version);
}

const char *publish_nearest(const struct publish *p)
{
	const struct resolution *r = &p->registry.resolution;
	const char *near = NULL;

	for (size_t i = 0; i < r->registry_count && !near; i++)
		near = registry_nearest(r->registries[i], p->request.model);
	return near;
}

/* The registry does not know the model: what it would have to say. */
static void print_unknown(const struct publish *p)
{
	const char *near = publish_nearest(p);

	printf("The registry has no model %s", p->request.model);
	if (near)
		printf("; the nearest name is %s", near);
	printf(". For hosts to get it, add to " VAR_MODELS " in model_registry.yaml:\n"
	       "  %s:\n"
	       "    current_version: \"%s\"\n"
	       "    previous_version: null\n",
		p->request.model, p->request.version);
}

static bool is_current(const struct publish *p)
{
	return p->model && str_cmp0(p->model->current, p->request.version) == 0;
}

static void print_move(const struct publish *p)
{
	printf("%s: current_version %s -> %s", p->move.paths.items[0],
		p->move.from ? p->move.from : "null", p->request.version);
	if (p->engine.o.site.check)
		printf(", by a commit\n");
	else
		printf(", commit %.12s%s\n", p->move.commit, p->pushed ? ", pushed" : "");
}

static void print_next(const struct publish *p)
{
	const char *model = p->request.model;

	if (p->engine.o.site.check)
		return;
	if (!p->model)
		print_unknown(p);
	else if (p->activate || is_current(p))
		printf("%sNext: deploy-models --models %s\n",
			p->activate && !p->was_current ? "" : "It is current. ", model);
	else
		printf("%s is current. Next: rollback-model %s %s makes this one current\n"
		       "and deploys it.\n",
			p->model->current, model, p->request.version);
}

static void print_json(const struct publish *p)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct publish_result *r = &p->result;

	json_event_begin(&out, "publish");
	json_event_text(&out, "model", p->request.model);
	json_event_text(&out, "version", p->request.version);
	json_event_text(&out, "outcome", outcome_word(p));
	json_event_text(&out, "store", p->location.data);
	strbuf_addf(&out,
		",\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"bytes_cloned\":%" PRIu64,
		r->files, r->bytes, r->cloned);
	strbuf_addf(&out, ",\"bytes_sent\":%" PRIu64, p->sent);
	strbuf_addf(&out, ",\"in_registry\":%s", p->model ? "true" : "false");
	if (p->activate && !p->was_current) {
		json_event_text(&out, "previous", p->move.from);
		json_event_text(&out, "commit", *p->move.commit ? p->move.commit : NULL);
		strbuf_addf(&out, ",\"pushed\":%s", p->pushed ? "true" : "false");
	}
	json_event_end(&out);
	fputs(out.data, stdout);
}

void publish_print(const struct publish *p)
{
	if (p->engine.o.json) {
		print_json(p);
		return;
	}
	print_result(p);
	if (p->activate && !p->was_current)
		print_move(p);
	print_next(p);
}
