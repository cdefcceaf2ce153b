/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a registry: listed, registered, activated, asked for. */
#include <inttypes.h>

#include "base/fd.h"
#include "cli/registry.h"
#include "value/json.h"

#define METADATA_MAX (1u << 20)  /* bytes of --metadata */
#define FILE_MAX     (64u << 20) /* of a registry's file */

const char *registry_text(const struct value *entry, const char *name)
{
	const struct value *v = value_dict_get(entry, name);
	const char *text = v ? value_text(v) : NULL;

	return text ? text : "";
}

int64_t registry_entry_version(const struct value *entry)
{
	const struct value *v = value_dict_get(entry, "version");

	return v && v->kind == VALUE_INT ? v->integer : 0;
}

void registry_print_json(const struct value *v)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	static const struct json_write_options options = {.compact = true};

	json_write(v, &options, &out, NULL);
	puts(out.data);
}

/* ---- reading ---- */

/* The entries of a registry's file, those of a model where one is named. */
static const struct value *read_entries(
	struct registry_command *c, const char *model, struct err *err)
{
	static const struct json_options options = {
		.duplicates_are_errors = true, .unsafe = true, .max_bytes = FILE_MAX};
	const char *path = c->url + strlen("json:");
	const struct value *top = json_read_file(&c->arena, path, &options, NULL, err);
	const struct value *all = top ? value_dict_get(top, "models") : NULL;

	if (!top)
		return NULL;
	if (!all || all->kind != VALUE_LIST) {
		err_set(err, ERR_INPUT, "%s: expected an object with a list \"models\"", path);
		return NULL;
	}
	struct value *found = value_new_list(&c->arena);
	value_list_foreach (entry, all)
		if (!model || strcmp(registry_text(entry, "model_name"), model) == 0)
			value_list_add(&c->arena, found, entry);
	return found;
}

static const struct value *entries_of(
	struct registry_command *c, const char *model, struct err *err)
{
	return c->client ? registry_client_list(c->client, &c->arena, model, err)
			 : read_entries(c, model, err);
}

/* The widths of the columns with text: model, status, date. */
struct widths {
	int model, status, date;
};

static void widen(int *width, const char *text)
{
	if ((int)strlen(text) > *width)
		*width = (int)strlen(text);
}

static struct widths measure(const struct value *entries)
{
	struct widths w = {5, 6, 4};

	value_list_foreach (e, entries) {
		widen(&w.model, registry_text(e, "model_name"));
		widen(&w.status, registry_text(e, "status"));
		widen(&w.date, registry_text(e, "date"));
	}
	return w;
}

static void print_entries(const struct value *entries)
{
	struct widths w = measure(entries);

	printf("%-*s %7s  %-*s  %-*s  %s\n", w.model, "MODEL", "VERSION", w.status, "STATUS",
		w.date, "DATE", "PATH");
	value_list_foreach (e, entries) {
		const char *date = registry_text(e, "date");
		printf("%-*s %7" PRId64 "  %-*s  %-*s  %s\n", w.model,
			registry_text(e, "model_name"), registry_entry_version(e), w.status,
			registry_text(e, "status"), w.date, *date ? date : "-",
			registry_text(e, "path"));
	}
}

int registry_list(struct registry_command *c, struct err *err)
{
	const struct value *entries = entries_of(c, registry_word_model(c), err);

	if (!entries)
		return -1;
	if (c->o.json) {
		struct value *top = value_new_dict(&c->arena);
		value_dict_set(&c->arena, top, "models", entries);
		registry_print_json(top);
	} else if (entries->count == 0) {
		puts("nothing is registered");
	} else {
		print_entries(entries);
	}
	return 0;
}

/* The list is asked, where an empty one and an address that is no registry's differ. */
int registry_production(struct registry_command *c, struct err *err)
{
	const struct value *entries = entries_of(c, registry_word_model(c), err);
	const struct value *found = NULL;

	for (size_t i = 0; entries && i < entries->count; i++) {
		const struct value *e = entries->items[i];
		if (strcmp(registry_text(e, "status"), "production") != 0)
			continue;
		if (found)
			return err_set(err, ERR_INPUT,
				"%s: versions %" PRId64 " and %" PRId64
				" are both in production; activate one of them",
				registry_word_model(c), registry_entry_version(found),
				registry_entry_version(e));
		found = e;
	}
	if (!found)
		return entries ? err_set(err, ERR_NOTFOUND, REGISTRY_NO_PRODUCTION) : -1;
	if (c->o.json)
		registry_print_json(found);
	else
		puts(registry_text(found, "path"));
	return 0;
}

/* ---- changing ---- */

/* The object of --metadata; an empty one without it. */
static const struct value *read_metadata(struct registry_command *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	static const struct json_options options = {
		.strict_numbers = true, .max_bytes = METADATA_MAX};
	const char *given = c->o.metadata;
	const char *name = "--metadata";

	if (!given)
		return value_new_dict(&c->arena);
	if (*given == '@') {
		name = given + 1;
		if (file_read(name, METADATA_MAX, &text, err) < 0)
			return NULL;
	} else {
		strbuf_addstr(&text, given);
	}
	const struct value *v =
		json_read(&c->arena, text.data, text.len, name, &options, NULL, err);
	if (v && v->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT, "%s: expected an object, {...}", name);
		return NULL;
	}
	return v;
}

static const struct value *make_entry(struct registry_command *c, int64_t version,
	const struct value *metadata, const char *date)
{
	struct arena *a = &c->arena;
	struct value *entry = value_new_dict(a);

	value_dict_set(a, entry, "model_name", value_new_string(a, c->words->items[1]));
	value_dict_set(a, entry, "version", value_new_int(a, version));
	value_dict_set(a, entry, "path", value_new_string(a, c->words->items[3]));
	value_dict_set(a, entry, "metadata", metadata);
	if (date)
		value_dict_set(a, entry, "date", value_new_string(a, date));
	return entry;
}

/* Files are many bytes: that the version is there already is found out before. */
static int check_absent(struct registry_command *c, int64_t version, struct err *err)
{
	struct err why = {0};

	if (registry_client_get(c->client, &c->arena, c->words->items[1], version, NULL, &why))
		return err_set(err, ERR_EXISTS, "%s %" PRId64 " is registered already",
			c->words->items[1], version);
	return why.code == ERR_NOTFOUND ? 0 : err_set(err, why.code, "%s", why.text);
}

/* Sends the files of --files, and of the words behind PATH. */
static int push(struct registry_command *c, int64_t version, const char **date, struct err *err)
{
	AUTO(strlist_release) struct strlist paths = {0};

	for (size_t i = 0; i < c->o.files.count; i++)
		strlist_add(&paths, c->o.files.items[i]);
	for (size_t i = 4; i < c->words->count; i++)
		strlist_add(&paths, c->words->items[i]);
	if (check_absent(c, version, err) < 0)
		return -1;
	return registry_push_files(c, version, &paths, date, err);
}

int registry_register(struct registry_command *c, struct err *err)
{
	const struct value *metadata = read_metadata(c, err);
	const char *date = c->o.date;
	int64_t version;

	if (!metadata || registry_word_version(c, &version, err) < 0 ||
		(c->o.files.count && push(c, version, &date, err) < 0))
		return -1;
	const struct value *made = registry_client_register(
		c->client, &c->arena, make_entry(c, version, metadata, date), err);
	if (!made)
		return -1;
	if (c->o.json)
		registry_print_json(made);
	else
		printf("%s %" PRId64 ": registered, %s\nNext: modelfleet registry activate %s "
		       "%" PRId64 "\n",
			c->words->items[1], version, registry_text(made, "status"),
			c->words->items[1], version);
	return 0;
}

int registry_activate(struct registry_command *c, struct err *err)
{
	const char *model = registry_word_model(c), *tag = NULL;
	int64_t version;

	if (registry_word_version(c, &version, err) < 0)
		return -1;
	if (c->o.require.count) {
		const struct value *entry =
			registry_client_get(c->client, &c->arena, model, version, &tag, err);
		if (!entry || registry_check_metrics(entry, &c->o.require, err) < 0)
			return -1;
	}
	const struct value *made =
		registry_client_activate(c->client, &c->arena, model, version, tag, err);
	if (!made)
		return -1;
	if (c->o.json) {
		registry_print_json(made);
		return 0;
	}
	printf("%s %" PRId64 ": in production, %s\n", model, version,
		registry_text(made, "path"));
	if (*registry_text(made, "date"))
		printf("Next: deploy-models --models %s\n", model);
	return 0;
}
