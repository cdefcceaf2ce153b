/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of a site in which each model is moved, and pinned. The edit compares its own result;
 * here it is checked that what it hands out is read, and says what was asked for.
 */
#include <unistd.h>

#include "base/fd.h"
#include "registry/edit.h"
#include "value/yaml.h"

#define TO     "2001-02-03"
#define MODELS 20 /* that are tried of one file */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct yaml_options lenient = {.lenient_dates = true};
static const char *path;

static void remove_file(void)
{
	unlink(path);
}

static void make_file(const uint8_t *data, size_t size)
{
	static char name[] = "/tmp/modelfleet-fuzz-edit-XXXXXX";
	autofd int fd = -1;

	if (!path) {
		fd = mkstemp(name);
		path = name;
		atexit(remove_file);
	}
	struct err err;
	if (file_replace(path, data, size, 0600, &err) < 0)
		abort();
}

static const struct value *look(
	struct arena *a, const struct strbuf *text, const char *const *keys)
{
	const struct value *v = yaml_read(a, text->data, text->len, path, &lenient, NULL, NULL);

	if (!v)
		abort();
	for (; *keys; keys++)
		v = value_dict_get(v, *keys);
	return v;
}

static void expect(const struct value *v, const char *text)
{
	if (!v || (v->kind != VALUE_STRING && v->kind != VALUE_DATE) ||
		strcmp(v->text, text) != 0)
		abort();
}

static void move(struct arena *a, const struct model *m)
{
	const char *const current[] = {VAR_MODELS, m->name, "current_version", NULL};
	const char *const previous[] = {VAR_MODELS, m->name, "previous_version", NULL};
	AUTO(registry_edit_release) struct registry_edit e;
	struct err err = {0};

	if (registry_edit_move(&e, m, TO, &err) < 0) {
		if (err.code == ERR_NONE)
			abort();
		return;
	}
	expect(look(a, &e.after, current), TO);
	expect(look(a, &e.after, previous), m->current);
}

static void pin(struct arena *a, const char *model)
{
	const char *const keys[] = {VAR_OVERRIDES, model, NULL};
	AUTO(registry_edit_release) struct registry_edit set;
	AUTO(registry_edit_release) struct registry_edit unset;
	struct err err = {0};

	if (registry_edit_pin(&set, path, model, TO, &err) == 0)
		expect(look(a, &set.after, keys), TO);
	if (registry_edit_pin(&unset, path, model, NULL, &err) == 0 &&
		look(a, &unset.after, keys))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(diags_release) struct diags d = {0};
	AUTO(registry_release) struct registry r = {0};

	make_file(data, size);
	const struct value *top =
		yaml_read(&a, (const char *)data, size, path, &lenient, NULL, NULL);
	if (!top)
		return 0;
	registry_read(
		&r, &(struct registry_input){.models = value_dict_get(top, VAR_MODELS)}, &d);
	for (size_t i = 0; i < r.model_count && i < MODELS; i++)
		move(&a, &r.models[i]);
	pin(&a, "face");
	return 0;
}
