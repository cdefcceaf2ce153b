/* SPDX-License-Identifier: Apache-2.0 */
#include "source/kind.h"

#include <stdlib.h>

#include "base/path.h"
#include "base/vec.h"
#include "text/glob.h"

struct source {
	const struct source_kind *kind;
	void *state;
};

static const struct source_kind *const kinds[] = {
	&source_mlflow, &source_huggingface, &source_directory, &source_registry};

static const struct source_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

bool source_is_kind(const char *kind)
{
	return find_kind(kind) != NULL;
}

struct source *source_open(
	const char *kind, const struct source_options *options, struct err *err)
{
	const struct source_kind *k = find_kind(kind);

	if (!k) {
		err_set(err, ERR_INPUT,
			"there is no source \"%s\": mlflow, huggingface, directory and "
			"registry are there",
			kind);
		return NULL;
	}
	void *state = k->open(options, err);
	if (!state)
		return NULL;
	struct source *s = xcalloc(1, sizeof(*s));
	*s = (struct source){.kind = k, .state = state};
	return s;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	s->kind->close(s->state);
	free(s);
}

void source_version_release(struct source_version *v)
{
	free(v->version);
	free(v->run_id);
	free(v->origin);
	free(v->sha256);
	*v = (struct source_version){0};
}

void source_file_release(struct source_file *f)
{
	free(f->path);
	free(f->sha256);
	*f = (struct source_file){0};
}

/* ---- which file ---- */

void source_files_release(struct source_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		source_file_release(&files->items[i]);
	free(files->items);
	*files = (struct source_files){0};
}

int source_files_add(
	struct source_files *files, const char *path, uint64_t size, struct err *err)
{
	if (files->count == SOURCE_FILES_MAX)
		return err_set(
			err, ERR_LIMIT, "the version has more than %u files", SOURCE_FILES_MAX);
	if (!path_is_contained(path))
		return err_set(err, ERR_PROTOCOL,
			"the version has the file \"%s\", which would "
			"leave it",
			path);
	*VEC_PUSH(files) = (struct source_file){.path = xstrdup(path), .size = size};
	return 0;
}

/* "x.pt" of "weights/x.PT": what begins with the last dot of the last component. */
static const char *extension(const char *path)
{
	const char *dot = strrchr(path_basename(path), '.');

	return dot ? dot : "";
}

/* Whether a file may be the one: as the request's path says, else by its kind. */
static bool is_meant(const struct source_file *file, const struct source_request *q)
{
	if (!q->path)
		return strcasecmp(extension(file->path), extension(q->local_name)) == 0;
	if (!glob_is_pattern(q->path))
		return strcmp(file->path, q->path) == 0;
	return glob_path_match(q->path, file->path, false);
}

/* Names up to five files. */
static void add_names(const struct source_files *files, const struct source_request *q,
	bool meant, struct strbuf *out)
{
	size_t count = 0;

	for (size_t i = 0; i < files->count; i++) {
		if (meant && !is_meant(&files->items[i], q))
			continue;
		if (++count > 5) {
			strbuf_addstr(out, ", ...");
			return;
		}
		strbuf_addf(out, "%s%s", count > 1 ? ", " : "", files->items[i].path);
	}
}

static int no_file(
	const struct source_files *files, const struct source_request *q, struct err *err)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	add_names(files, q, false, &names);
	if (files->count == 0)
		return err_set(err, ERR_NOTFOUND, "the version has no files");
	if (q->path)
		return err_set(err, ERR_NOTFOUND,
			"the version has no file that \"%s\" names; it has %s", q->path,
			names.data);
	return err_set(err, ERR_NOTFOUND,
		"the version has no \"%s\" file; it has %s: say with \"artifact\" which is "
		"meant",
		extension(q->local_name), names.data);
}

int source_pick(const struct source_files *files, const struct source_request *q,
	struct source_file *file, struct err *err)
{
	const struct source_file *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < files->count; i++)
		if (is_meant(&files->items[i], q)) {
			found = &files->items[i];
			count++;
		}
	if (count == 0)
		return no_file(files, q, err);
	if (count > 1) {
		AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;
		add_names(files, q, true, &names);
		return err_set(err, ERR_INPUT,
			"the version has %zu files that may be meant, %s: say with "
			"\"artifact\" which one",
			count, names.data);
	}
	*file = (struct source_file){.path = xstrdup(found->path),
		.size = found->size,
		.sha256 = xstrdup(found->sha256)};
	return 0;
}

/* ---- the kind's part ---- */

int source_find(struct source *s, const struct source_request *q, struct source_version *v,
	struct err *err)
{
	if (s->kind->find(s->state, q, v, err) < 0)
		return err_wrap(err, "%s", q->name);
	return 0;
}

int source_list(struct source *s, const struct source_request *q,
	const struct source_version *v, struct source_files *files, struct err *err)
{
	if (s->kind->list(s->state, q, v, files, err) < 0)
		return err_wrap(err, "%s version %s", q->name, v->version);
	return 0;
}

int source_choose(struct source *s, const struct source_request *q,
	const struct source_version *v, struct source_file *file, struct err *err)
{
	AUTO(source_files_release) struct source_files files = {0};

	if (q->path && s->kind->takes_paths && !glob_is_pattern(q->path)) {
		*file = (struct source_file){
			.path = xstrdup(q->path), .size = SOURCE_SIZE_UNKNOWN};
		return 0;
	}
	if (s->kind->list(s->state, q, v, &files, err) < 0 ||
		source_pick(&files, q, file, err) < 0)
		return err_wrap(err, "%s version %s", q->name, v->version);
	return 0;
}

int source_fetch(struct source *s, const struct source_request *q,
	const struct source_version *v, const struct source_file *file,
	struct source_fetch *fetch, struct err *err)
{
	if (s->kind->fetch(s->state, q, v, file, fetch, err) < 0)
		return err_wrap(err, "%s version %s: %s", q->name, v->version, file->path);
	return 0;
}
