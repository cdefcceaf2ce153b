/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/store.h"

#include "base/path.h"

/* Names reach the store from files and from nodes: each has to be one path component. */
static int check_names(
	const struct store *s, const char *model, const char *version, struct err *err)
{
	if (!path_is_component(model) || model[0] == '.')
		return err_set(err, ERR_INPUT,
			"%s: \"%s\" cannot be a model, expected the name of a directory",
			s->location, model);
	if (version && !clock_is_date(version))
		return err_set(err, ERR_INPUT,
			"%s: \"%s\" cannot be a version of %s, expected YYYY-MM-DD",
			s->location, version, model);
	return 0;
}

unsigned store_file_verdict(void *model, const char *path, enum manifest_kind kind)
{
	const struct model *m = model;
	unsigned flags = MANIFEST_TAKE;

	if (globs_match(&m->exclude, path, kind == MANIFEST_DIR))
		return MANIFEST_SKIP;
	if (kind != MANIFEST_FILE)
		return flags;
	if (m->only.count && !globs_match(&m->only, path, false))
		return MANIFEST_SKIP;
	if (m->immutable)
		flags |= MANIFEST_IMMUTABLE;
	if (globs_match(&m->initial_only, path, false))
		flags |= MANIFEST_INITIAL_ONLY;
	return flags;
}

void store_free(struct store *s)
{
	if (s)
		s->ops->free(s);
}

int store_list_models(struct store *s, struct strlist *out, struct err *err)
{
	return s->ops->list_models(s, out, err);
}

int store_list_versions(
	struct store *s, const char *model, struct strlist *out, struct err *err)
{
	if (check_names(s, model, NULL, err) < 0)
		return -1;
	return s->ops->list_versions(s, model, out, err);
}

int store_check_version(
	struct store *s, const char *model, const char *version, struct err *err)
{
	if (check_names(s, model, version, err) < 0)
		return -1;
	return s->ops->check_version(s, model, version, err);
}

int store_read_manifest(struct store *s, const char *model, const char *version,
	const struct cancel *cancel, struct manifest *out, struct err *err)
{
	if (check_names(s, model, version, err) < 0)
		return -1;
	return s->ops->read_manifest(s, model, version, NULL, cancel, out, err);
}

int store_read_model(struct store *s, const struct model *model, const char *version,
	const struct cancel *cancel, struct manifest *out, struct err *err)
{
	if (check_names(s, model->name, version, err) < 0)
		return -1;
	return s->ops->read_manifest(s, model->name, version, model, cancel, out, err);
}

int store_open_file(struct store *s, const char *model, const char *version, const char *path,
	struct err *err)
{
	if (check_names(s, model, version, err) < 0)
		return -1;
	if (!path_is_contained(path))
		return err_set(err, ERR_INPUT, "%s/%s/%s: \"%s\" leaves the version",
			s->location, model, version, path);
	return s->ops->open_file(s, model, version, path, err);
}
