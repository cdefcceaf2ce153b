/* SPDX-License-Identifier: Apache-2.0 */
#include "play/run_state.h"

#include <fcntl.h>

#include "base/fd.h"
#include "inventory/datafile.h"
#include "template/template.h"

struct run_shared *run_shared_new(struct err *err)
{
	struct run_shared *s = xcalloc(1, sizeof(*s));

	if (cancel_init(&s->hard, err) < 0) {
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void run_shared_free(struct run_shared *s)
{
	if (!s)
		return;
	cancel_release(&s->hard);
	pthread_mutex_destroy(&s->lock);
	strmap_release(&s->templates, NULL);
	strmap_release(&s->vars, NULL);
	arena_release(&s->arena);
	free(s);
}

/* Reads and compiles a template file; the lock is held. */
static const struct template *compile(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	AUTO(vault_wipe) struct strbuf source = STRBUF_INIT;
	struct place at = {.file = arena_strdup(&s->arena, path), .line = 1, .column = 1};

	if (datafile_read(path, secrets, &source, err) < 0)
		return NULL;
	const struct template *t = template_compile(
		&s->arena, source.data, source.len, &at, &template_syntax_file, err);
	if (t)
		strmap_set(&s->templates, path, (void *)(uintptr_t)t);
	return t;
}

const struct template *run_shared_template(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	const struct template *t = strmap_get(&s->templates, path);
	if (!t)
		t = compile(s, path, secrets, err);
	pthread_mutex_unlock(&s->lock);
	return t;
}

/* Reads a file of variables; the lock is held. */
static const struct value *read_vars(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (datafile_read(path, secrets, &text, err) < 0)
		return NULL;
	const struct value *v = datafile_parse(
		&s->arena, text.data, text.len, arena_strdup(&s->arena, path), NULL, err);
	if (v && v->kind == VALUE_NULL)
		v = value_new_dict(&s->arena);
	if (v && v->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT, "%s: found %s, expected a mapping of variables", path,
			value_kind_name(v));
		return NULL;
	}
	if (v)
		strmap_set(&s->vars, path, (void *)(uintptr_t)v);
	return v;
}

const struct value *run_shared_vars(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	const struct value *v = strmap_get(&s->vars, path);
	if (!v)
		v = read_vars(s, path, secrets, err);
	pthread_mutex_unlock(&s->lock);
	return v;
}
