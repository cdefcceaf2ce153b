/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "daemons/registryd/files_private.h"
#include "history/lock.h"

#define LOCK_SECONDS 30.0 /* that sealing waits for a deploy to end */

struct files *files_open(const struct files_options *o, struct err *err)
{
	struct store *store = store_open_local(o->root, err);

	if (!store)
		return NULL;
	struct files *f = xcalloc(1, sizeof(*f));
	*f = (struct files){.root = xstrdup(o->root),
		.store = store,
		.size_max = o->size_max ? o->size_max : FILES_SIZE_MAX,
		.count_max = o->count_max ? o->count_max : FILES_COUNT_MAX};
	return f;
}

void files_close(struct files *f)
{
	if (!f)
		return;
	store_free(f->store);
	free(f->root);
	free(f);
}

const char *files_root(const struct files *f)
{
	return f->root;
}

/* ---- names ---- */

int files_check_target(const char *model, int64_t version, struct err *err)
{
	if (publish_check_model(model, err) < 0)
		return err_wrap(err, "model_name");
	if (version < 1)
		return err_set(err, ERR_INPUT, "version: found %" PRId64 ", expected 1 or more",
			version);
	return 0;
}

int files_check_name(const struct files_name *name, struct err *err)
{
	if (files_check_target(name->model, name->version, err) < 0)
		return -1;
	if (!path_is_contained(name->path) || strlen(name->path) > FILES_PATH_MAX)
		return err_set(err, ERR_INPUT,
			"the file's path leaves the version, is empty or has more than %u "
			"bytes",
			FILES_PATH_MAX);
	for (const char *c = name->path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(
				err, ERR_INPUT, "the file's path has control characters");
	if (strcmp(name->path, VERSION_MANIFEST) == 0)
		return err_set(err, ERR_INPUT,
			VERSION_MANIFEST
			" is the name of what the registry says of the version; "
			"name the file otherwise");
	return 0;
}

char *uploads_path(const struct files *f, const char *model, int64_t version)
{
	return xasprintf("%s/" UPLOADS "/%s@%" PRId64, f->root, model, version);
}

/* Appends the names in a directory of a place. */
static int list_names(
	const char *place, const char *name, struct strlist *names, struct err *err)
{
	autofree char *path = path_join(place, name);
	DIR *d = opendir(path);

	if (!d)
		return err_sys(err, "open %s", path);
	for (struct dirent *e; (e = readdir(d));)
		if (*e->d_name != '.')
			strlist_add(names, e->d_name);
	closedir(d);
	return 0;
}

/* ---- the lock of a version's uploads ---- */

static int make_place(const char *place, struct err *err)
{
	static const char *const names[] = {UPLOAD_TREE, UPLOAD_PARTS, UPLOAD_SUMS};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *path = path_join(place, names[i]);
		if (path_mkdirs(path, 0755, err) < 0)
			return -1;
	}
	return 0;
}

/* True if the lock's file is still the one with that name: the place may have been dropped. */
static bool is_current(const char *path, int fd)
{
	struct stat named, ours;

	return stat(path, &named) == 0 && fstat(fd, &ours) == 0 &&
	       named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
}

int uploads_lock(const char *place, bool alone, bool make, struct err *err)
{
	autofree char *path = path_join(place, UPLOAD_LOCK);

	if (make && make_place(place, err) < 0)
		return -1;
	autofd int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0644);
	if (fd < 0)
		return err_sys(err, "open %s", path);
	bool held = flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0;
	if (!held && errno != EWOULDBLOCK)
		return err_sys(err, "lock %s", path);
	if (!held || !is_current(path, fd))
		return err_set(err, ERR_BUSY,
			alone ? "files of this version are being uploaded; wait for that to end"
			      : "this version is being sealed; wait for that to end");
	int result = fd;
	fd = -1;
	return result;
}

/* ---- sealing ---- */

static int publish(const struct files *f, const struct publish_request *q,
	struct publish_result *result, struct err *err)
{
	AUTO(publish_source_release) struct publish_source source = PUBLISH_SOURCE_INIT;
	AUTO(diags_release) struct diags d = {0};

	if (publish_source_open(&source, q, &d, err) < 0)
		return -1;
	if (source.files > f->count_max || source.bytes > f->size_max)
		return err_set(err, ERR_LIMIT,
			"%" PRIu64 " files of %" PRIu64 " bytes; at most %zu of %" PRIu64,
			source.files, source.bytes, f->count_max, f->size_max);
	if (publish_source_read(&source, err) < 0)
		return -1;
	return publish_version(f->root, &source, result, err);
}

static int seal_tree(struct files *f, const struct files_seal *s, char *tree,
	struct publish_result *result, struct err *err)
{
	AUTO(lock_release) struct lock lock = LOCK_INIT;
	autofree char *command =
		xasprintf("model-registryd: files of %s %" PRId64, s->model, s->version);
	char *sources[] = {tree, NULL};
	const struct strlist list = {.items = sources, .count = 1};
	const struct publish_request q = {.model = s->model,
		.version = s->date,
		.sources = &list,
		.by = s->by,
		.origin = command,
		.note = s->note,
		.now = time(NULL),
		.cancel = s->cancel};

	if (lock_acquire_site(
		    &lock, f->root, command, deadline_in(LOCK_SECONDS), s->cancel, err) < 0)
		return -1;
	return publish(f, &q, result, err);
}

/* ---- where files come from ---- */

/* True if a directory of a place holds anything. */
static bool has_any(const char *place, const char *name)
{
	AUTO(strlist_release) struct strlist names = {0};

	return list_names(place, name, &names, NULL) < 0 || names.count;
}

int files_claim(struct files *f, const char *model, int64_t version, const char *origin,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (files_check_target(model, version, err) < 0)
		return -1;
	autofree char *place = uploads_path(f, model, version);
	autofree char *path = path_join(place, UPLOAD_ORIGIN);
	autofd int lock = uploads_lock(place, false, true, err);
	if (lock < 0)
		return -1;
	if (file_read(path, FILES_PATH_MAX, &text, NULL) == 0 && strcmp(text.data, origin) == 0)
		return 0;
	if (!text.len && !has_any(place, UPLOAD_TREE) && !has_any(place, UPLOAD_PARTS))
		return file_replace(path, origin, strlen(origin), 0644, err);
	return err_set(err, ERR_EXISTS,
		"other files were uploaded for %s %" PRId64 ": commit them, or drop them",
		model, version);
}

/* ---- sealing ---- */

/* A version with a file that is not whole would lack it for ever. */
static int check_parts(const char *place, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (list_names(place, UPLOAD_PARTS, &names, err) < 0)
		return -1;
	if (!names.count)
		return 0;
	return err_set(err, ERR_BUSY,
		"%zu of the version's files %s not whole: send the rest, or drop all that was "
		"uploaded for it",
		names.count, names.count == 1 ? "is" : "are");
}

static int nothing_there(const struct files_seal *s, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "no files of %s %" PRId64 " were uploaded", s->model,
		s->version);
}

int files_check_seal(const struct files_seal *s, struct err *err)
{
	if (files_check_target(s->model, s->version, err) < 0)
		return -1;
	if (!clock_is_date(s->date))
		return err_set(
			err, ERR_INPUT, "date: found \"%s\", expected YYYY-MM-DD", s->date);
	if (s->note && strlen(s->note) > VERSION_NOTE_MAX)
		return err_set(err, ERR_LIMIT, "note: more than %d bytes", VERSION_NOTE_MAX);
	return 0;
}

int files_seal(struct files *f, const struct files_seal *s, struct publish_result *result,
	struct err *err)
{
	if (files_check_seal(s, err) < 0)
		return -1;
	autofree char *place = uploads_path(f, s->model, s->version);
	autofree char *tree = path_join(place, UPLOAD_TREE);
	if (!path_is_dir(tree))
		return nothing_there(s, err);
	autofd int lock = uploads_lock(place, true, false, err);
	if (lock < 0 || check_parts(place, err) < 0)
		return -1;
	return seal_tree(f, s, tree, result, err);
}

int files_discard(struct files *f, const char *model, int64_t version, struct err *err)
{
	struct err why = {0};

	if (files_check_target(model, version, err) < 0)
		return -1;
	autofree char *place = uploads_path(f, model, version);
	autofd int lock = uploads_lock(place, true, false, &why);
	if (lock < 0 && why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	return path_remove_tree(place, err);
}

/* ---- versions of the store ---- */

int files_check_version(struct files *f, const char *model, const char *date, struct err *err)
{
	if (publish_check_model(model, err) < 0)
		return -1;
	return store_check_version(f->store, model, date, err);
}

static int no_manifest(
	const struct files *f, const char *model, const char *date, struct err *err)
{
	return err_set(err, ERR_NOTFOUND,
		"%s/%s/%s has no " VERSION_MANIFEST
		", so nobody vouches for its files; publish-model makes versions that have one",
		f->root, model, date);
}

int files_manifest(struct files *f, const char *model, const char *date,
	struct version_manifest *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;
	char proc[32];

	if (files_check_version(f, model, date, err) < 0)
		return -1;
	autofd int fd = store_open_file(f->store, model, date, VERSION_MANIFEST, err);
	if (fd < 0)
		return err && err->code == ERR_NOTFOUND ? no_manifest(f, model, date, err) : -1;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	strbuf_addf(&name, "%s/%s/%s/" VERSION_MANIFEST, f->root, model, date);
	if (file_read(proc, VERSION_MANIFEST_MAX, &text, err) < 0)
		return err_wrap(err, "%s", name.data);
	return version_manifest_parse(out, name.data, text.data, text.len, err);
}

int files_open_file(struct files *f, const char *model, const char *date,
	const struct version_file *file, struct err *err)
{
	struct stat st;
	autofd int fd = store_open_file(f->store, model, date, file->path, err);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size)
		return err_set(err, ERR_INTEGRITY,
			"%s/%s/%s/%s is not any more what it was when it was published; "
			"verify-store tells more",
			f->root, model, date, file->path);
	int result = fd;
	fd = -1;
	return result;
}
