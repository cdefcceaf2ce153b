/* SPDX-License-Identifier: Apache-2.0 */
/* From model_registry.yaml to the registry; see truth.h. */
#include <inttypes.h>

#include "base/log.h"
#include "base/vec.h"
#include "daemons/registryd/truth_private.h"

struct look {
	struct truth *truth;
	const struct entry_list *list;
	struct arena arena;
	struct strmap dated;   /* "MODEL/DATE" -> const struct entry * */
	struct strmap highest; /* model -> int64_t *, its highest version */
	struct strmap seen;    /* models that were looked at: several registries may have one */
	struct {
		struct entry_change *items;
		size_t count, cap;
	} changes;
	bool remembers; /* truth->current has changed */
};

static void look_release(struct look *l)
{
	for (size_t i = 0; i < l->changes.count; i++)
		entry_change_release(&l->changes.items[i]);
	free(l->changes.items);
	strmap_release(&l->dated, NULL);
	strmap_release(&l->highest, NULL);
	strmap_release(&l->seen, NULL);
	arena_release(&l->arena);
}

/* ---- what the registry has ---- */

static void note_version(struct look *l, const char *model, int64_t version)
{
	int64_t *highest = strmap_get(&l->highest, model);

	if (!highest) {
		highest = ARENA_NEW(&l->arena, int64_t);
		strmap_set(&l->highest, model, highest);
	}
	if (version > *highest)
		*highest = version;
}

static void index_list(struct look *l)
{
	for (size_t i = 0; i < l->list->count; i++) {
		const struct entry *e = l->list->items[i];
		note_version(l, e->model_name, e->version);
		if (!e->date)
			continue;
		autofree char *key = xasprintf("%s/%s", e->model_name, e->date);
		strmap_set(&l->dated, key, (void *)(uintptr_t)e);
	}
}

static const struct entry *find_dated(const struct look *l, const char *model, const char *date)
{
	autofree char *key = xasprintf("%s/%s", model, date);

	return strmap_get(&l->dated, key);
}

/* ---- what is to be done ---- */

/* What a version's manifest tells of it, as an entry's metadata; NULL where it has none. */
static const char *describe(
	struct look *l, const char *model, const char *date, const char **published)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char when[32];

	if (files_manifest(l->truth->files, model, date, &m, NULL) < 0)
		return NULL;
	clock_rfc3339(m.published, when);
	*published = arena_strdup(&l->arena, when);
	strbuf_addstr(&text, "{\"published_by\":");
	strbuf_addjson(&text, m.by, strlen(m.by));
	if (m.note) {
		strbuf_addstr(&text, ",\"description\":");
		strbuf_addjson(&text, m.note, strlen(m.note));
	}
	strbuf_addch(&text, '}');
	return arena_strndup(&l->arena, text.data, text.len);
}

/* Registers a version that the file names; its number, or 0 when the store lacks it. */
static int64_t add_entry(struct look *l, const char *model, const char *date)
{
	struct err err = {0};

	if (!entry_name_is_valid(model) ||
		files_check_version(l->truth->files, model, date, &err) < 0) {
		log_debug("%s %s is not registered: %s", model, date,
			err.code ? err.text : "its name is none of the registry's");
		return 0;
	}
	note_version(l, model, 0);
	int64_t version = *(int64_t *)strmap_get(&l->highest, model) + 1;
	note_version(l, model, version);
	struct entry_change c = {.kind = ENTRY_REGISTER,
		.model_name = model,
		.version = version,
		.path = arena_printf(
			&l->arena, "%s/%s/%s", files_root(l->truth->files), model, date),
		.date = date};
	c.metadata = describe(l, model, date, &c.creation_timestamp);
	*VEC_PUSH(&l->changes) = c;
	return version;
}

/*
 * Whether the file's word counts against what is in production. An entry without a date is none
 * of the file's, and stays until the file says something new.
 */
static bool is_obeyed(const struct look *l, const char *model, const char *date,
	const struct entry *production)
{
	const char *former = strmap_get(&l->truth->current, model);

	return !production || production->date || (former && strcmp(former, date) != 0);
}

static void remember(struct look *l, const char *model, const char *date)
{
	const char *former = strmap_get(&l->truth->current, model);

	if (former && strcmp(former, date) == 0)
		return;
	free(strmap_set(&l->truth->current, model, xstrdup(date)));
	l->remembers = true;
}

static void look_at_model(struct look *l, const struct model *m)
{
	const struct entry *production = entry_list_production(l->list, m->name);
	const struct entry *entry = find_dated(l, m->name, m->current);

	if (m->previous && !find_dated(l, m->name, m->previous))
		add_entry(l, m->name, m->previous);
	int64_t version = entry ? entry->version : add_entry(l, m->name, m->current);
	if (!version)
		return;
	bool obeyed = is_obeyed(l, m->name, m->current, production);
	remember(l, m->name, m->current);
	if (!obeyed || (entry && entry == production))
		return;
	*VEC_PUSH(&l->changes) = (struct entry_change){
		.kind = ENTRY_ACTIVATE, .model_name = m->name, .version = version};
}

static void look_at_models(struct look *l)
{
	const struct resolution *r = &l->truth->site.registry.resolution;

	for (size_t i = 0; i < r->registry_count; i++)
		for (size_t k = 0; k < r->registries[i]->model_count; k++) {
			const struct model *m = &r->registries[i]->models[k];
			if (!m->current || strmap_has(&l->seen, m->name))
				continue;
			strmap_set(&l->seen, m->name, NULL);
			look_at_model(l, m);
		}
}

/* ---- doing it ---- */

/* How many of the changes were made; those that were not are told. */
static int count_made(const struct look *l)
{
	int made = 0;

	for (size_t i = 0; i < l->changes.count; i++) {
		const struct entry_change *c = &l->changes.items[i];
		const char *what = c->kind == ENTRY_ACTIVATE ? "in production" : "registered";
		if (c->err.code)
			log_warning("%s %" PRId64 " is not %s: %s", c->model_name, c->version,
				what, c->err.text);
		else
			log_info("%s %" PRId64 " is %s, as model_registry.yaml says",
				c->model_name, c->version, what);
		made += !c->err.code;
	}
	return made;
}

static int reconcile(struct truth *t, const struct entry_list *list, struct err *err)
{
	AUTO(look_release) struct look l = {.truth = t, .list = list};
	int made = 0;

	index_list(&l);
	look_at_models(&l);
	if (l.changes.count) {
		if (entry_store_apply(t->store, l.changes.items, l.changes.count, err) < 0)
			return -1;
		made = count_made(&l);
	}
	if (l.remembers && truth_current_write(t, err) < 0)
		return -1;
	return made;
}

static int look(struct truth *t, struct err *err)
{
	bool changed = t->broken || truth_site_changed(&t->site);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(t->store, err);

	if (!list)
		return -1;
	if (!changed && t->seen && t->seen->generation == list->generation)
		return 0;
	if (changed && truth_reload(t, err) < 0)
		return -1;
	int made = reconcile(t, list, err);
	if (made < 0)
		return -1;
	entry_list_unref(t->seen);
	t->seen = list;
	list = NULL;
	return made;
}

int truth_look(struct truth *t, struct err *err)
{
	pthread_mutex_lock(&t->lock);
	int made = look(t, err);
	pthread_mutex_unlock(&t->lock);
	return made;
}

/* ---- the way back ---- */

/* The registry follows first, so that what is asked about is what the file was read for. */
static int find_previous(struct truth *t, const char *model, const char *current,
	char *previous, struct err *err)
{
	*previous = '\0';
	if (look(t, err) < 0)
		return -1;
	const struct model *m = truth_site_model(&t->site, model);
	if (m && m->current && m->previous && strcmp(m->current, current) == 0)
		snprintf(previous, TRUTH_DATE_SIZE, "%s", m->previous);
	return 0;
}

int truth_previous(struct truth *t, const char *model, const char *current, char *previous,
	struct err *err)
{
	pthread_mutex_lock(&t->lock);
	int result = find_previous(t, model, current, previous, err);
	pthread_mutex_unlock(&t->lock);
	return result;
}
