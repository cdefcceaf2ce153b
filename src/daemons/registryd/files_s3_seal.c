/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and dropping what lies in S3; files_s3.h tells how they keep out of each other's way.
 */
#include <inttypes.h>
#include <time.h>

#include "base/vec.h"
#include "crypto/hmac.h"
#include "daemons/registryd/files_private.h"
#include "daemons/registryd/files_s3_private.h"

#define DROP_SECONDS  15.0 /* that sealing waits for a drop to end */
#define DROP_PAUSE    0.2
#define DROP_MAX      3600  /* seconds after which a mark is what a crash left */
#define CLOCKS_DIFFER 86400 /* seconds, between the store and here */

/* What the marks of a version's drops begin with; new memory. */
static char *drops_key(const char *model, int64_t version)
{
	return xasprintf(".drops/%s@%" PRId64 "/", model, version);
}

/* ---- what there is ---- */

/* The path in its version of an object of a list. */
static const char *path_of(const struct s3_item *item, const char *all)
{
	return item->key + strlen(all);
}

/* True for what is no file of a version: its manifest, and markers of directories. */
static bool is_no_file(const char *path)
{
	return !*path || strcmp(path, VERSION_MANIFEST) == 0 || str_ends(path, "/");
}

static int by_path(const void *a, const void *b)
{
	return strcmp(
		((const struct version_file *)a)->path, ((const struct version_file *)b)->path);
}

/* A file beside files in a directory of its name: S3 can have both, disks cannot. */
static int check_parents(const struct version_manifest *m, const char *path, struct err *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		autofree char *parent = xstrndup(path, (size_t)(slash - path));
		if (version_manifest_find(m, parent))
			return err_set(err, ERR_INPUT,
				"%s is a file, and %s lies in a directory of that name; drop "
				"what was uploaded",
				parent, path);
	}
	return 0;
}

static int add_row(struct files_s3 *f, struct version_manifest *m, const struct s3_item *item,
	const char *path, struct err *err)
{
	struct version_file row = {.path = arena_strdup(&m->arena, path)};
	const struct files_name name = {m->model, 1, path};
	struct digests d;

	if (m->count == f->count_max)
		return err_set(err, ERR_LIMIT, "more than %zu files", f->count_max);
	if (files_check_name(&name, err) < 0 ||
		files_s3_head(f, item->key, &row.size, &d, err) < 0)
		return -1;
	memcpy(row.sha256, d.sha256, sizeof(row.sha256));
	memcpy(row.hash, d.hash, sizeof(row.hash));
	*VEC_PUSH(m) = row;
	return 0;
}

/* Fills the rows with what was uploaded. */
static int add_rows(struct files_s3 *f, struct version_manifest *m, const char *all,
	uint64_t *bytes, struct err *err)
{
	AUTO(s3_list_release) struct s3_list list = {0};

	*bytes = 0;
	if (s3_list(f->s3, all, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const char *path = path_of(&list.items[i], all);
		if (is_no_file(path))
			continue;
		if (add_row(f, m, &list.items[i], path, err) < 0)
			return -1;
		*bytes += m->items[m->count - 1].size;
	}
	if (m->count)
		qsort(m->items, m->count, sizeof(*m->items), by_path);
	for (size_t i = 0; i < m->count; i++)
		if (check_parents(m, m->items[i].path, err) < 0)
			return -1;
	if (*bytes > f->size_max)
		return err_set(err, ERR_LIMIT, "%" PRIu64 " bytes; at most %" PRIu64, *bytes,
			f->size_max);
	return 0;
}

/* ---- behind the manifest ---- */

/* The moment at which a drop began, as its mark's name tells it; 0: it does not. */
static int64_t mark_time(const char *name)
{
	autofree char *digits = xstrndup(name, strcspn(name, "-"));
	int64_t seconds;

	return parse_int(digits, 0, INT64_MAX, &seconds) ? seconds : 0;
}

/* Lists the marks of drops that are under way; what a crash left behind is passed over. */
static int count_drops(struct files_s3 *f, const char *all, size_t *count, struct err *err)
{
	AUTO(s3_list_release) struct s3_list marks = {0};

	*count = 0;
	if (s3_list(f->s3, all, &marks, err) < 0)
		return -1;
	for (size_t i = 0; i < marks.count; i++)
		*count += mark_time(path_of(&marks.items[i], all)) > time(NULL) - DROP_MAX;
	return 0;
}

/* Waits until no drop is under way. */
static int await_drops(struct files_s3 *f, const struct files_seal *s, struct err *err)
{
	autofree char *all = drops_key(s->model, s->version);
	deadline until = deadline_in(DROP_SECONDS);
	size_t count;

	for (;;) {
		if (count_drops(f, all, &count, err) < 0)
			return -1;
		if (!count)
			return 0;
		if (deadline_passed(until))
			return err_set(err, ERR_BUSY,
				"what was uploaded for %s %" PRId64
				" is being dropped: wait for "
				"that to end",
				s->model, s->version);
		if (wait_until(deadline_in(DROP_PAUSE), f->cancel, err) < 0)
			return -1;
	}
}

static bool has_all(
	const struct version_manifest *m, const struct s3_list *list, const char *all)
{
	size_t found = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct version_file *row =
			version_manifest_find(m, path_of(&list->items[i], all));
		found += row && row->size == list->items[i].size;
	}
	return found == m->count;
}

/* Makes sure that a drop has not taken away what the manifest names. */
static int confirm(struct files_s3 *f, const struct files_seal *s,
	const struct version_manifest *m, struct err *err)
{
	AUTO(s3_list_release) struct s3_list list = {0};
	autofree char *all = files_s3_key(s->model, s->version, "");
	autofree char *key = files_s3_key(s->model, s->version, VERSION_MANIFEST);

	if (await_drops(f, s, err) < 0 || s3_list(f->s3, all, &list, err) < 0)
		return -1;
	if (has_all(m, &list, all))
		return 0;
	if (s3_delete(f->s3, key, err) < 0)
		return -1;
	return err_set(err, ERR_BUSY,
		"what was uploaded for %s %" PRId64 " was dropped meanwhile: upload it again",
		s->model, s->version);
}

/* ---- sealing ---- */

static void tell(const struct version_manifest *m, enum publish_outcome outcome,
	struct publish_result *result)
{
	*result = (struct publish_result){.outcome = outcome, .files = m->count};
	for (size_t i = 0; i < m->count; i++)
		result->bytes += m->items[i].size;
}

/* The version is sealed: by us before, or by somebody who was faster. ERR_NOTFOUND: it is not.
 */
static int take_sealed(struct files_s3 *f, const struct files_seal *s,
	struct publish_result *result, struct err *err)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};

	if (files_s3_manifest(f, s->model, s->version, &m, err) < 0)
		return -1;
	if (strcmp(m.version, s->date) != 0)
		return err_set(err, ERR_EXISTS, "%s %" PRId64 " is sealed already, as %s",
			s->model, s->version, m.version);
	tell(&m, PUBLISH_THERE, result);
	return confirm(f, s, &m, err);
}

static int put_manifest(struct files_s3 *f, const struct files_seal *s,
	struct version_manifest *m, struct publish_result *result, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *key = files_s3_key(s->model, s->version, VERSION_MANIFEST);
	struct err why = {0};

	if (version_manifest_print(m, &text, err) < 0)
		return -1;
	if (files_s3_put_text(f, key, text.data, text.len, &why) < 0)
		return why.code == ERR_EXISTS ? take_sealed(f, s, result, err)
					      : err_set(err, why.code, "%s", why.text);
	tell(m, PUBLISH_MADE, result);
	return confirm(f, s, m, err);
}

static int seal(struct files_s3 *f, const struct files_seal *s, struct publish_result *result,
	struct err *err)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	autofree char *all = files_s3_key(s->model, s->version, "");
	autofree char *from =
		xasprintf("model-registryd: files of %s %" PRId64, s->model, s->version);
	uint64_t bytes;

	m.model = s->model;
	m.version = s->date;
	m.by = s->by;
	m.from = from;
	m.note = s->note;
	m.published = time(NULL);
	if (add_rows(f, &m, all, &bytes, err) < 0)
		return -1;
	if (!m.count)
		return err_set(err, ERR_NOTFOUND, "no files of %s %" PRId64 " were uploaded",
			s->model, s->version);
	return put_manifest(f, s, &m, result, err);
}

int files_s3_seal(
	void *state, const struct files_seal *s, struct publish_result *result, struct err *err)
{
	struct err why = {0};

	if (files_check_seal(s, err) < 0)
		return -1;
	if (take_sealed(state, s, result, &why) == 0)
		return 0;
	return why.code == ERR_NOTFOUND ? seal(state, s, result, err)
					: err_set(err, why.code, "%s", why.text);
}

/* ---- dropping ---- */

/* Deletes what a manifest (of no rows: none) does not name. */
static int drop_rest(struct files_s3 *f, const char *model, int64_t version,
	const struct version_manifest *m, struct err *err)
{
	AUTO(s3_list_release) struct s3_list list = {0};
	autofree char *all = files_s3_key(model, version, "");

	if (s3_list(f->s3, all, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const char *path = path_of(&list.items[i], all);
		if (strcmp(path, VERSION_MANIFEST) != 0 && !version_manifest_find(m, path) &&
			s3_delete(f->s3, list.items[i].key, err) < 0)
			return -1;
	}
	return 0;
}

/* Puts the mark of a drop; its key, or NULL with err. */
static char *put_mark(struct files_s3 *f, const char *marks, struct err *err)
{
	char name[17];
	uint8_t bytes[8];

	if (crypto_random(bytes, sizeof(bytes), err) < 0)
		return NULL;
	hex_encode(bytes, sizeof(bytes), name);
	char *key = xasprintf("%s%lld-%s", marks, (long long)time(NULL), name);
	if (files_s3_put_text(f, key, "", 0, err) == 0)
		return key;
	free(key);
	return NULL;
}

/* Drops what is not sealed, with the mark there. */
static int drop(struct files_s3 *f, const char *model, int64_t version, struct err *err)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	autofree char *origin = files_s3_origin(model, version);
	autofree char *all = files_s3_key(model, version, "");
	struct err why = {0};

	if (files_s3_manifest(f, model, version, &m, &why) < 0 && why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	if (drop_rest(f, model, version, &m, err) < 0)
		return -1;
	files_s3_give_up(f, all, time(NULL) + CLOCKS_DIFFER);
	return s3_delete(f->s3, origin, err);
}

/* Removes our mark, and those that crashes left. */
static int remove_marks(
	struct files_s3 *f, const char *marks, const char *ours, struct err *err)
{
	AUTO(s3_list_release) struct s3_list list = {0};

	if (s3_delete(f->s3, ours, err) < 0 || s3_list(f->s3, marks, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (mark_time(path_of(&list.items[i], marks)) <= time(NULL) - DROP_MAX &&
			s3_delete(f->s3, list.items[i].key, err) < 0)
			return -1;
	return 0;
}

int files_s3_discard(void *state, const char *model, int64_t version, struct err *err)
{
	struct files_s3 *f = state;

	if (files_check_target(model, version, err) < 0)
		return -1;
	autofree char *marks = drops_key(model, version);
	autofree char *ours = put_mark(f, marks, err);
	if (!ours)
		return -1;
	int result = drop(f, model, version, err);
	struct err why = {0};
	if (remove_marks(f, marks, ours, &why) == 0 || result < 0)
		return result;
	return err_set(err, why.code, "%s", why.text);
}
