/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which versions the configs and links on a host name. model_configs says where configs lie;
 * what they say is read from the host itself.
 */
#include "base/path.h"
#include "base/vec.h"
#include "cli/status_ask.h"
#include "wire/item.h"

#define CONFIG_MAX ((int64_t)256 << 10)
#define VAR_DATA   "sentinelcam_data_path"
#define DATE_LEN   10

static void add_named(
	struct status_host *h, const char *model, const char *version, enum status_known known)
{
	*VEC_PUSH(&h->named) = (struct status_named){
		.model = model, .version = arena_strdup(&h->arena, version), .known = known};
}

/* ---- configs ---- */

static void take_text(struct status_host *h, const struct value *models, const char *text)
{
	value_list_foreach (model, models) {
		AUTO(strlist_release) struct strlist versions = {0};
		if (!value_is_string(model))
			continue;
		status_scan_config(text, model->text, &versions);
		for (size_t i = 0; i < versions.count; i++)
			add_named(h, model->text, versions.items[i], STATUS_BY_CONFIG);
	}
}

static void take_missing(struct status_host *h, const struct value *models)
{
	value_list_foreach (model, models) {
		if (value_is_string(model))
			add_named(h, model->text, NULL, STATUS_BY_CONFIG);
	}
}

static int take_config(struct asker *a, const struct question *q, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct status_host *h = a->host;

	if (q->why.code == ERR_DENIED) {
		struct question *denied = VEC_PUSH(&a->denied);
		*denied = (struct question){.path = q->path, .models = q->models};
		return 0;
	}
	if (q->why.code == ERR_NOTFOUND)
		take_missing(h, q->models);
	else if (q->why.code)
		strlist_addf(&h->problems, "cannot read %s: %s", q->path, q->why.text);
	if (q->why.code)
		return 0;
	const struct item *result = item_parse(&arena, q->answer.data, q->answer.len, err);
	const struct item *content = item_get(result, "content");
	if (!result)
		return -1;
	if (content && content->type == ITEM_BYTES)
		take_text(h, q->models, arena_strndup(&arena, content->text, content->len));
	return 0;
}

static int ask_config(
	struct asker *a, uint16_t ctx, const struct question *config, struct err *err)
{
	struct arena *arena = &a->host->arena;
	struct value *args = value_new_dict(arena);

	value_dict_set(arena, args, "path", value_new_string(arena, config->path));
	value_dict_set(arena, args, "max", value_new_int(arena, CONFIG_MAX));
	return ask_module(a, ctx, "slurp", args, take_config, config, err);
}

/* True if the host is asked about one of these models. */
static bool concerns(const struct status_host *h, const struct value *models)
{
	const struct host_models *m = h->models;

	value_list_foreach (model, models) {
		if (!value_is_string(model))
			continue;
		if (host_models_find(m, model->text))
			return true;
		for (size_t i = 0; i < m->held_count; i++)
			if (strcmp(m->held[i].model->name, model->text) == 0)
				return true;
	}
	return false;
}

/* The evaluated member of an entry of model_configs; its others may need what a play knows. */
static const struct value *member(
	struct status_host *h, const struct value *config, const char *key)
{
	const struct value *v = value_dict_get(config, key);

	return v ? vars_evaluate(h->view, v, NULL) : NULL;
}

static int ask_configs_of_models(struct asker *a, struct err *err)
{
	struct status_host *h = a->host;
	const struct value *list = vars_raw(h->view, VAR_CONFIGS);

	if (value_is_string(list))
		list = vars_get(h->view, VAR_CONFIGS, NULL);
	if (!list || list->kind != VALUE_LIST)
		return 0;
	value_list_foreach (config, list) {
		const struct value *dest = member(h, config, "dest");
		const struct value *models = member(h, config, "models");
		if (!value_text(dest) || !models || models->kind != VALUE_LIST ||
			!concerns(h, models))
			continue;
		const struct question about = {.path = dest->text, .models = models};
		if (ask_config(a, a->ctx, &about, err) < 0)
			return -1;
	}
	return 0;
}

int ask_denied_configs(struct asker *a, uint16_t ctx, struct err *err)
{
	struct status_host *h = a->host;
	size_t count = a->denied.count;

	for (size_t i = 0; i < count; i++) {
		const struct question config = a->denied.items[i];
		if (ctx != 0 && ask_config(a, ctx, &config, err) < 0)
			return -1;
	}
	if (ask_settle(a, err) < 0)
		return -1;
	/* Refused once more, or nobody else to ask. */
	for (size_t i = ctx == 0 ? 0 : count; i < a->denied.count; i++)
		strlist_addf(&h->problems, "cannot read %s: permission denied",
			a->denied.items[i].path);
	a->denied.count = 0;
	return 0;
}

/* ---- linked files ---- */

/* The version in a link's target: facelist_2026-02-02.csv of facelist_current.csv. */
static int take_link(struct asker *a, const struct question *q, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct status_host *h = a->host;
	char date[DATE_LEN + 1];

	if (q->why.code)
		return 0;
	const struct item *result = item_parse(&arena, q->answer.data, q->answer.len, err);
	if (!result)
		return -1;
	const char *target = item_text(&arena, item_get(result, "stat"), "lnk_target");
	const char *at = target ? strrchr(path_basename(target), '_') : NULL;
	if (!at || strnlen(at + 1, DATE_LEN) < DATE_LEN)
		return 0;
	memcpy(date, at + 1, DATE_LEN);
	date[DATE_LEN] = '\0';
	if (clock_is_date(date))
		add_named(h, q->model, date, STATUS_BY_LINK);
	return 0;
}

/* DATA/MODEL/NAME_current.EXT, as deploy-models makes it of the file NAME.EXT. */
static const char *link_path(
	struct arena *arena, const char *data, const char *model, const char *file)
{
	const char *dot = strrchr(path_basename(file), '.');
	size_t base = dot && dot > path_basename(file) ? (size_t)(dot - file) : strlen(file);

	return arena_printf(
		arena, "%s/%s/%.*s_current%s", data, model, (int)base, file, file + base);
}

static int ask_link(struct asker *a, const char *model, const char *path, struct err *err)
{
	struct arena *arena = &a->host->arena;
	struct value *args = value_new_dict(arena);

	value_dict_set(arena, args, "path", value_new_string(arena, path));
	return ask_module(
		a, a->ctx, "stat", args, take_link, &(struct question){.model = model}, err);
}

static int ask_links(struct asker *a, struct err *err)
{
	struct status_host *h = a->host;
	const char *data = value_text(vars_get(h->view, VAR_DATA, NULL));

	for (size_t i = 0; data && i < h->models->count; i++) {
		const struct wanted *w = &h->models->items[i];
		for (size_t k = 0; k < w->linked_files.count; k++) {
			const char *path = link_path(
				&h->arena, data, w->model->name, w->linked_files.items[k]);
			if (ask_link(a, w->model->name, path, err) < 0)
				return -1;
		}
	}
	return 0;
}

int ask_configs(struct asker *a, struct err *err)
{
	return ask_configs_of_models(a, err) < 0 ? -1 : ask_links(a, err);
}
