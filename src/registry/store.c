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

int store_version_usage(struct store *s, const char *model, const char *version,
	struct tree_usage *out, struct err *err)
{
	if (check_names(s, model, version, err) < 0)
		return -1;
	return s->ops->version_usage(s, model, version, out, err);
}

int store_version_size(struct store *s, const char *model, const char *version, uint64_t *bytes,
	struct err *err)
{
	struct tree_usage usage;

	if (store_version_usage(s, model, version, &usage, err) < 0)
		return -1;
	*bytes = usage.bytes;
	return 0;
}

int store_linked_versions(struct store *s, struct strlist *out, struct err *err)
{
	return s->ops->linked_versions(s, out, err);
}

int store_remove_version(struct store *s, const char *model, const char *version,
	uint64_t *freed, struct err *err)
{
	if (check_names(s, model, version, err) < 0)
		return -1;
	if (strcmp(model, STORE_CORAL_DIR) == 0)
		return err_set(err, ERR_INPUT, "%s/%s holds no versions of a model",
			s->location, model);
	return s->ops->remove_version(s, model, version, freed, err);
}

int store_empty_trash(struct store *s, uint64_t *freed, struct err *err)
{
	return s->ops->empty_trash(s, freed, err);
}

/* Names of the store's own files come from our code: this keeps a slip from doing harm. */
static int check_note(const struct store *s, const char *name, struct err *err)
{
	if (path_is_component(name) && name[0] != '.' && str_ends(name, ".json") &&
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789-.")] == '\0')
		return 0;
	return err_set(err, ERR_INPUT, "%s: \"%s\" cannot be a file of the store's own",
		s->location, name);
}

int store_read_note(struct store *s, const char *name, struct strbuf *out, struct err *err)
{
	return check_note(s, name, err) < 0 ? -1 : s->ops->read_note(s, name, out, err);
}

int store_write_note(
	struct store *s, const char *name, const void *data, size_t n, struct err *err)
{
	if (check_note(s, name, err) < 0)
		return -1;
	if (n > STORE_NOTE_MAX)
		return err_set(err, ERR_LIMIT,
			"%s/" STORE_FLEET_DIR "/%s would have %zu bytes, "
			"more than %u",
			s->location, name, n, STORE_NOTE_MAX);
	return s->ops->write_note(s, name, data, n, err);
}
