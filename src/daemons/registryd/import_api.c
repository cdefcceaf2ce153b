/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /models/{id}/versions: a model of the catalogue becomes a version of the registry.
 *
 * Its files are brought at one commit of the Hub, the one that the catalogue has seen unless
 * another is asked for, and compared with the SHA-256 that the Hub lists. They gather where
 * uploads do, claimed for that commit, so that an import that was cut goes on; then they are
 * sealed, and the entry is registered. Until that there is no version.
 */
#include <inttypes.h>

#include "daemons/registryd/api.h"
#include "daemons/registryd/files_api_private.h"
#include "daemons/registryd/problem.h"
#include "source/source.h"
#include "value/json.h"

/* An import under way. */
struct import {
	struct registryd *r;
	struct arena arena;
	struct files_body body;
	const struct value *model; /* the catalogue's */
	const char *hf_id;
	char *target;    /* the registry's name of it */
	int64_t version; /* the next one of that name */
	struct source *source;
	struct source_request request;
	struct source_version found;
	struct source_files files;
};

static void import_release(struct import *m)
{
	source_files_release(&m->files);
	source_version_release(&m->found);
	source_close(m->source);
	free(m->target);
	arena_release(&m->arena);
}

/* ---- what is to be made ---- */

static const char *member(const struct import *m, const char *name)
{
	const struct value *v = value_dict_get(m->model, name);

	return v ? value_text(v) : NULL;
}

static int read_model(struct import *m, int64_t id, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (catalogue_model(m->r->catalogue, id, &text, err) < 0)
		return -1;
	m->model = json_read(&m->arena, text.data, text.len, NULL, NULL, NULL, err);
	m->hf_id = m->model ? member(m, "hf_model_id") : NULL;
	if (!m->hf_id)
		return err_set(err, ERR_NOTFOUND, "the catalogue's model has no hf_model_id");
	m->request.name = m->hf_id;
	m->request.alias = m->body.revision ? m->body.revision : member(m, "sha");
	return 0;
}

/* OWNER/NAME is no name of the registry's; OWNER--NAME is. */
static char *default_name(const char *hf_id)
{
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;

	for (const char *c = hf_id; *c; c++)
		strbuf_addstr(&name, *c == '/' ? "--" : (const char[]){*c, '\0'});
	return strbuf_detach(&name, NULL);
}

static bool choose_name(struct import *m, struct http_answer *answer)
{
	struct problem p = {0};

	m->target = m->body.name ? xstrdup(m->body.name) : default_name(m->hf_id);
	if (!entry_name_is_valid(m->target))
		problem_add(&p, "name",
			"found \"%.200s\", expected letters, digits, \".\", \"_\" and \"-\", "
			"beginning with one of the first two",
			m->target);
	return !problem_answer(&p, answer);
}

static int choose_version(struct import *m, struct err *err)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(m->r->store, err);

	if (!list)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i]->model_name, m->target) == 0 &&
			list->items[i]->version > m->version)
			m->version = list->items[i]->version;
	m->version++;
	return 0;
}

/* ---- bringing it ---- */

struct fetching {
	struct import *import;
	const struct source_file *file;
};

static int fetch(void *data, const char *to, struct err *err)
{
	const struct fetching *f = data;
	struct import *m = f->import;
	struct source_fetch q = {.to = to, .size_max = (uint64_t)m->r->config->site.max_bytes};

	return source_fetch(m->source, &m->request, &m->found, f->file, &q, err);
}

static int find_files(struct import *m, struct err *err)
{
	const struct source_options options = {
		.uri = m->r->config->catalogue.endpoint, .cancel = &m->r->files.cancel};

	m->source = source_open("huggingface", &options, err);
	if (!m->source || source_find(m->source, &m->request, &m->found, err) < 0)
		return -1;
	return source_list(m->source, &m->request, &m->found, &m->files, err);
}

static int fetch_file(struct import *m, const struct source_file *file, struct err *err)
{
	const struct files_name name = {m->target, m->version, file->path};
	struct fetching f = {m, file};
	struct files_state state;
	uint8_t sha256[32];
	const struct files_keeper *k = &m->r->files.keeper;
	bool known = file->sha256 && parse_hex(file->sha256, sha256, sizeof(sha256));

	return k->backend->fetch(
		k->state, &name, known ? sha256 : NULL, fetch, &f, &state, err);
}

/* Claims the place, and fills it. */
static int fetch_files(struct import *m, struct err *err)
{
	autofree char *origin = xasprintf("%s@%s", m->hf_id, m->found.version);
	const struct files_keeper *k = &m->r->files.keeper;

	if (k->backend->claim(k->state, m->target, m->version, origin, err) < 0)
		return -1;
	for (size_t i = 0; i < m->files.count; i++)
		if (fetch_file(m, &m->files.items[i], err) < 0)
			return -1;
	return 0;
}

/* ---- making it a version ---- */

static const char *describe(struct import *m)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct value *source = value_new_dict(&m->arena);
	struct value *metadata = value_new_dict(&m->arena);
	const char *license = member(m, "license_type");

	if (m->body.note)
		value_dict_set(&m->arena, metadata, "description",
			value_new_string(&m->arena, m->body.note));
	value_dict_set(&m->arena, source, "hf_model_id", value_new_string(&m->arena, m->hf_id));
	value_dict_set(
		&m->arena, source, "revision", value_new_string(&m->arena, m->found.version));
	if (license)
		value_dict_set(
			&m->arena, source, "license", value_new_string(&m->arena, license));
	value_dict_set(&m->arena, metadata, "source", source);
	json_write(metadata, &(struct json_write_options){.compact = true}, &text, NULL);
	return arena_strndup(&m->arena, text.data, text.len);
}

static int seal(struct import *m, const struct caller *caller, struct err *err)
{
	struct publish_result result;
	const struct files_seal seal = {.model = m->target,
		.version = m->version,
		.date = m->body.date,
		.by = caller ? caller->name : "local",
		.note = m->body.note,
		.cancel = &m->r->files.cancel};

	return m->r->files.keeper.backend->seal(m->r->files.keeper.state, &seal, &result, err);
}

/* Registers the version; the outcome is the answer. */
static void register_version(struct import *m, struct http_answer *answer)
{
	const struct files_keeper *k = &m->r->files.keeper;
	const struct files_version made = {m->target, m->version, m->body.date};
	autofree char *path = k->backend->place(k->state, &made);
	struct entry_change change = {.kind = ENTRY_REGISTER,
		.model_name = m->target,
		.version = m->version,
		.path = path,
		.metadata = describe(m),
		.date = m->body.date};
	struct err why = {0};

	if (writer_apply(m->r->writer, &change, &why) == 0)
		k->backend->discard(k->state, m->target, m->version, NULL);
	writer_answer(&change, answer);
	entry_change_release(&change);
}

/* ---- the request ---- */

/* What goes wrong between us and the Hub is nobody's fault here. */
static void answer_hub(const struct err *why, struct http_answer *answer)
{
	if (why->code == ERR_LIMIT || why->code == ERR_NOSPACE || why->code == ERR_CANCELLED ||
		why->code == ERR_EXISTS || why->code == ERR_BUSY)
		files_answer_error(why, answer);
	else
		http_answer_problem(answer, 502, "%s", why->text);
}

static void import(struct import *m, const struct http_call *call, struct http_answer *answer)
{
	struct err why = {0};
	int64_t id;

	if (!files_read_body(&m->arena, call, &m->body, answer))
		return;
	if (!parse_int(call->segments[0], 1, INT64_MAX, &id))
		http_answer_problem(answer, 404, "the catalogue has no model \"%.100s\"",
			call->segments[0]);
	else if (read_model(m, id, &why) < 0)
		files_answer_error(&why, answer);
	else if (!choose_name(m, answer))
		return;
	else if (choose_version(m, &why) < 0)
		files_answer_error(&why, answer);
	else if (find_files(m, &why) < 0 || fetch_files(m, &why) < 0)
		answer_hub(&why, answer);
	else if (seal(m, call->context, &why) < 0)
		files_answer_error(&why, answer);
	else
		register_version(m, answer);
}

void import_version(void *data, const struct http_call *call, struct http_answer *answer)
{
	AUTO(import_release) struct import m = {.r = data};

	import(&m, call, answer);
	files_audit(data, call, answer->status);
}
