/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of a version as a store of its own, from which a host can be brought to it.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/vec.h"
#include "registry/publish_private.h"

struct source_store {
	struct store store;
	const struct publish_source *source;
	struct strbuf text;       /* of manifest.yaml */
	struct manifest manifest; /* of all, manifest.yaml included */
};

static struct source_store *source_store(struct store *s)
{
	return (struct source_store *)s;
}

static int list_models(struct store *s, struct strlist *out, struct err *err)
{
	(void)err;
	strlist_add(out, source_store(s)->source->request->model);
	return 0;
}

static int check_version(
	struct store *s, const char *model, const char *version, struct err *err)
{
	const struct publish_request *q = source_store(s)->source->request;

	if (strcmp(model, q->model) != 0 || (version && strcmp(version, q->version) != 0))
		return err_set(err, ERR_NOTFOUND, "%s holds %s/%s alone", s->location, q->model,
			q->version);
	return 0;
}

static int list_versions(
	struct store *s, const char *model, struct strlist *out, struct err *err)
{
	if (check_version(s, model, NULL, err) < 0)
		return -1;
	strlist_add(out, source_store(s)->source->request->version);
	return 0;
}

/* All files whatever a model's globs say: the store is to have the version whole. */
static int read_manifest(struct store *s, const char *name, const char *version,
	const struct model *model, const struct cancel *cancel, struct manifest *out,
	struct err *err)
{
	(void)model;
	(void)cancel;
	if (check_version(s, name, version, err) < 0)
		return -1;
	return manifest_select(&source_store(s)->manifest, NULL, NULL, out, err);
}

/* manifest.yaml as a file that can be read at any offset. */
static int open_text(const struct strbuf *text, struct err *err)
{
	autofd int fd = memfd_create(VERSION_MANIFEST, MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0)
		return err_sys(err, "hold " VERSION_MANIFEST " in memory");
	int result = fd;
	fd = -1;
	return result;
}

static int open_file(struct store *s, const char *model, const char *version, const char *path,
	struct err *err)
{
	struct source_store *o = source_store(s);

	if (check_version(s, model, version, err) < 0)
		return -1;
	if (strcmp(path, VERSION_MANIFEST) == 0)
		return open_text(&o->text, err);
	const struct manifest_entry *e = manifest_find(&o->manifest, path);
	return e ? publish_source_file(o->source, e, err)
		 : err_set(err, ERR_NOTFOUND, "%s has no file %s", s->location, path);
}

static void free_store(struct store *s)
{
	struct source_store *o = source_store(s);

	manifest_release(&o->manifest);
	strbuf_release(&o->text);
	free(s->location);
	free(o);
}

static const struct store_ops source_store_ops = {
	.kind = "source",
	.list_models = list_models,
	.list_versions = list_versions,
	.check_version = check_version,
	.read_manifest = read_manifest,
	.open_file = open_file,
	.free = free_store,
};

/* Adds one entry of the sources to manifest.yaml; files are read for it. */
static int describe_entry(const struct publish_source *s, const struct manifest_entry *e,
	struct version_manifest *about, struct err *err)
{
	struct version_file file = {.path = e->path, .link = e->target};

	if (e->kind == MANIFEST_DIR)
		return 0;
	if (e->kind == MANIFEST_FILE) {
		autofd int fd = publish_source_file(s, e, err);
		if (fd < 0)
			return -1;
		if (publish_digest(s->request, fd, e, &file, err) < 0)
			return err_wrap(err, "%s", e->path);
	}
	*VEC_PUSH(about) = file;
	return 0;
}

static int describe_all(const struct publish_source *s, struct strbuf *text, struct err *err)
{
	AUTO(version_manifest_release) struct version_manifest about = {0};

	publish_describe(s, &about);
	for (size_t i = 0; i < s->manifest.count; i++)
		if (describe_entry(s, &s->manifest.entries[i], &about, err) < 0)
			return -1;
	return version_manifest_print(&about, text, err);
}

/* The entries of the sources, and that of manifest.yaml. */
static int join_manifest(struct source_store *o, struct err *err)
{
	const struct manifest *m = &o->source->manifest;
	struct manifest_entry own = {.path = VERSION_MANIFEST,
		.kind = MANIFEST_FILE,
		.mode = 0644,
		.size = o->text.len,
		.mtime_s = o->source->request->now};
	struct tree_hash *hash = tree_hash_new();

	tree_hash_add(hash, o->text.data, o->text.len);
	tree_hash_get(hash, own.hash);
	tree_hash_free(hash);
	for (size_t i = 0; i < m->count; i++)
		manifest_add(&o->manifest, &m->entries[i]);
	manifest_add(&o->manifest, &own);
	return manifest_finish(&o->manifest, err);
}

struct store *publish_store_new(const struct publish_source *s, struct err *err)
{
	struct source_store *o = xcalloc(1, sizeof(*o));

	o->store.ops = &source_store_ops;
	o->store.location = xstrdup(s->from);
	o->source = s;
	strbuf_init(&o->text);
	if (describe_all(s, &o->text, err) == 0 && join_manifest(o, err) == 0)
		return &o->store;
	free_store(&o->store);
	return NULL;
}
