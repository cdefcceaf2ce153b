/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of a version: looked at, then read.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "registry/publish_private.h"
#include "tree/hashcache.h"
#include "tree/walk.h"

#define ENTRIES_MAX (MANIFEST_ENTRIES_MAX - 1) /* one is manifest.yaml */
#define TARGET_MAX  4096
#define OWN_ENTRY   200 /* bytes of manifest.yaml's own entry in a manifest, at most */
#define MODEL_MAX   189 /* with "/YYYY-MM-DD" behind it, what helpers take as a version */

int publish_check_model(const char *model, struct err *err)
{
	if (!path_is_component(model) || model[0] == '.' || strcmp(model, STORE_CORAL_DIR) == 0)
		return err_set(err, ERR_INPUT,
			"\"%s\" cannot be a model, expected the name of a directory: no '/', "
			"no '.' in front, and not %s",
			model, STORE_CORAL_DIR);
	if (strlen(model) > MODEL_MAX)
		return err_set(err, ERR_LIMIT, "the model's name has %zu bytes; at most %d",
			strlen(model), MODEL_MAX);
	return 0;
}

int publish_tick(const struct publish_request *q, uint64_t bytes, struct err *err)
{
	if (cancel_level(q->cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	return q->progress ? q->progress(q->progress_arg, bytes, err) : 0;
}

static int tick(void *arg, uint64_t bytes, struct err *err)
{
	const struct publish_source *s = arg;

	return publish_tick(s->request, bytes, err);
}

/* ---- looking ---- */

struct survey {
	struct publish_source *source;
	const char *label;
	struct diags *diags;
	size_t entries;
};

/* The name as it may be shown: what is no text as \xNN. */
static char *shown(const char *label, const char *path)
{
	struct strbuf out = STRBUF_INIT;
	size_t n;

	strbuf_addf(&out, "%s%s", label ? label : "", label ? "/" : "");
	for (; *path; path += n) {
		n = utf8_len(path, strlen(path));
		if (n == 0 || (unsigned char)*path < ' ' || *path == 0x7f)
			strbuf_addf(&out, "\\x%02x", (unsigned char)*path);
		else
			strbuf_add(&out, path, n);
		n = n ? n : 1;
	}
	return strbuf_detach(&out, NULL);
}

/* Reports what is wrong with one path of the sources. */
static void refuse(struct survey *v, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void refuse(struct survey *v, const char *path, const char *fmt, ...)
{
	autofree char *name = shown(v->label, path);
	struct place at = {.file = name};
	va_list ap;

	va_start(ap, fmt);
	autofree char *text = xvasprintf(fmt, ap);
	va_end(ap);
	diag_error(v->diags, &at, "%s", text);
}

/* True for text that manifest.yaml can hold and a terminal can show: no control characters. */
static bool is_text(const char *name)
{
	AUTO(strbuf_release) struct strbuf again = STRBUF_INIT;
	size_t left = strlen(name), n;

	for (const char *at = name; left; at += n, left -= n) {
		uint32_t c = utf8_decode(at, left, &n);
		if (c < ' ' || (c >= 0x7f && c < 0xa0))
			return false;
		strbuf_addutf8(&again, c);
	}
	return strcmp(again.data, name) == 0;
}

static void survey_link(struct survey *v, const struct walk_item *item)
{
	char target[TARGET_MAX];
	ssize_t n = readlinkat(item->dirfd, item->name, target, sizeof(target) - 1);

	if (n < 0) {
		refuse(v, item->path, "the link cannot be read: %s", strerror(errno));
		return;
	}
	target[n] = '\0';
	autofree char *seen = shown(NULL, target);
	if (*target == '/')
		refuse(v, item->path,
			"is an absolute link, to %s; put the file itself there, or a relative "
			"link inside the directory",
			seen);
	else if (!manifest_link_ok(item->path, target))
		refuse(v, item->path,
			"is a link out of the directory, to %s; put the file itself there",
			seen);
	else if (!is_text(target))
		refuse(v, item->path, "is a link to a name that is no text, %s; rename it",
			seen);
}

static void survey_file(struct survey *v, const struct walk_item *item)
{
	v->source->files++;
	v->source->bytes += (uint64_t)item->st.st_size;
	if (faccessat(item->dirfd, item->name, R_OK, AT_EACCESS) < 0)
		refuse(v, item->path, "cannot be read: %s; give yourself read permission",
			strerror(errno));
}

static int survey_directory(struct survey *v, const struct walk_item *item)
{
	if (faccessat(item->dirfd, item->name, R_OK | X_OK, AT_EACCESS) == 0)
		return WALK_ON;
	refuse(v, item->path, "the directory cannot be read: %s; give yourself permission",
		strerror(errno));
	return WALK_OVER;
}

/* True if a manifest.yaml is one that we wrote. */
static bool is_ours(int dirfd, const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(version_manifest_release) struct version_manifest m = {0};

	return file_read_at(dirfd, name, VERSION_MANIFEST_MAX, &text, NULL) == 0 &&
	       version_manifest_parse(&m, name, text.data, text.len, NULL) == 0;
}

static void survey_own_name(struct survey *v, const struct walk_item *item)
{
	if (!S_ISREG(item->st.st_mode) || !is_ours(item->dirfd, item->name))
		refuse(v, item->path,
			"the name is reserved for what publish-model writes, and this is "
			"something else; rename it or leave it out");
}

static int survey_name(void *arg, const struct walk_item *item, struct err *err)
{
	struct survey *v = arg;

	if (strcmp(item->path, VERSION_MANIFEST) == 0) {
		survey_own_name(v, item);
		return WALK_OVER;
	}
	if (++v->entries > ENTRIES_MAX)
		return err_set(err, ERR_LIMIT,
			"%s holds more than %d files and directories; publish an archive of "
			"them, or fewer",
			v->label, ENTRIES_MAX);
	if (!is_text(item->name)) {
		refuse(v, item->path,
			"the name holds control characters or is not UTF-8; rename it");
		return WALK_OVER;
	}
	switch (item->st.st_mode & S_IFMT) {
	case S_IFREG: survey_file(v, item); return WALK_OVER;
	case S_IFLNK: survey_link(v, item); return WALK_OVER;
	case S_IFDIR: return survey_directory(v, item);
	default:
		refuse(v, item->path,
			"is a device, a socket or a pipe; a version holds files, directories "
			"and links");
		return WALK_OVER;
	}
}

static int open_directory(struct survey *v, struct err *err)
{
	struct publish_source *s = v->source;

	s->from = realpath(v->label, NULL);
	s->dirfd = open(v->label, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!s->from || s->dirfd < 0)
		return err_sys(err, "open %s", v->label);
	return tree_walk(s->dirfd, survey_name, v, err);
}

/* ---- sources that are files ---- */

/* A file that was named by itself: links to it are followed, because the person named it. */
static void survey_single(struct survey *v, const char *path, struct strbuf *from)
{
	struct publish_source *s = v->source;
	const char *name = path_basename(path);
	struct walk_item item = {.dirfd = AT_FDCWD, .name = path, .path = path};

	if (stat(path, &item.st) < 0) {
		refuse(v, path, "cannot be opened: %s", strerror(errno));
		return;
	}
	if (strcmp(name, VERSION_MANIFEST) == 0) {
		survey_own_name(v, &item);
		return;
	}
	if (!S_ISREG(item.st.st_mode))
		refuse(v, path, "is no file; give one directory, or files");
	else if (!is_text(name))
		refuse(v, path, "the name holds control characters or is not UTF-8; rename it");
	else
		survey_file(v, &item);
	const char *other = strmap_set(&s->named, name, (void *)(uintptr_t)path);
	if (other)
		refuse(v, path, "has the same name as %s; rename one of them", other);
	autofree char *real = realpath(path, NULL);
	if (from->len < VERSION_NOTE_MAX)
		strbuf_addf(from, "%s%s", from->len ? ", " : "", real ? real : path);
}

static int open_files(struct survey *v, const struct strlist *sources, struct err *err)
{
	struct strbuf from = STRBUF_INIT;

	if (sources->count > ENTRIES_MAX)
		return err_set(
			err, ERR_LIMIT, "%zu files; at most %d", sources->count, ENTRIES_MAX);
	for (size_t i = 0; i < sources->count; i++)
		survey_single(v, sources->items[i], &from);
	v->source->from = strbuf_detach(&from, NULL);
	return 0;
}

int publish_source_open(struct publish_source *s, const struct publish_request *q,
	struct diags *d, struct err *err)
{
	const struct strlist *sources = q->sources;
	size_t before = d->errors;
	struct survey v = {.source = s, .diags = d};

	*s = (struct publish_source)PUBLISH_SOURCE_INIT;
	s->request = q;
	if (sources->count == 1 && path_is_dir(sources->items[0])) {
		v.label = sources->items[0];
		if (open_directory(&v, err) < 0)
			return -1;
	} else if (open_files(&v, sources, err) < 0) {
		return -1;
	}
	if (d->errors > before)
		return err_set(err, ERR_INPUT,
			"%s cannot be published as it is; nothing was done",
			sources->count == 1 ? sources->items[0] : "these files");
	if (s->files == 0)
		return err_set(err, ERR_INPUT, "%s holds no file; a version needs one at least",
			sources->count == 1 ? sources->items[0] : "the list");
	return 0;
}

/* ---- reading ---- */

static unsigned leave_own(void *arg, const char *path, enum manifest_kind kind)
{
	(void)arg;
	(void)kind;
	return strcmp(path, VERSION_MANIFEST) == 0 ? MANIFEST_SKIP : MANIFEST_TAKE;
}

static int read_directory(struct publish_source *s, struct err *err)
{
	const struct manifest_options options = {
		.filter = leave_own, .progress = tick, .progress_arg = s};

	return manifest_build(
		s->dirfd, s->request->sources->items[0], &options, &s->manifest, err);
}

static int read_file(
	struct publish_source *s, const char *path, struct tree_hash *hash, struct err *err)
{
	struct manifest_entry e = {.path = path_basename(path), .kind = MANIFEST_FILE};
	struct stat before, after;
	autofd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &before) < 0)
		return err_sys(err, "open %s", path);
	e.size = (uint64_t)before.st_size;
	e.mode = before.st_mode & 0777;
	e.mtime_s = before.st_mtim.tv_sec;
	e.mtime_ns = (uint32_t)before.st_mtim.tv_nsec;
	tree_hash_reset(hash);
	if (tree_hash_fd(fd, e.size, hash, tick, s, err) < 0)
		return err_wrap(err, "%s", path);
	if (fstat(fd, &after) < 0 || !stat_same(&before, &after))
		return err_set(err, ERR_INTEGRITY, "%s: changes while it is read", path);
	tree_hash_get(hash, e.hash);
	manifest_add(&s->manifest, &e);
	return 0;
}

static int read_files(struct publish_source *s, struct err *err)
{
	struct tree_hash *hash = tree_hash_new();
	int result = 0;

	strmap_foreach (e, &s->named)
		if (result == 0)
			result = read_file(s, e->value, hash, err);
	tree_hash_free(hash);
	return result;
}

/* Drops set-user-ID and the like, and sums up. */
static int finish(struct publish_source *s, struct err *err)
{
	AUTO(strbuf_release) struct strbuf wire = STRBUF_INIT;

	for (size_t i = 0; i < s->manifest.count; i++)
		s->manifest.entries[i].mode &= 0777;
	if (manifest_finish(&s->manifest, err) < 0)
		return -1;
	manifest_write(&s->manifest, &wire);
	if (wire.len > MANIFEST_BYTES_MAX - OWN_ENTRY)
		return err_set(err, ERR_LIMIT,
			"the names of all files have some %zu bytes together, at most %u; "
			"publish an archive of them, or fewer",
			wire.len, MANIFEST_BYTES_MAX);
	return 0;
}

int publish_source_read(struct publish_source *s, struct err *err)
{
	if ((s->dirfd >= 0 ? read_directory(s, err) : read_files(s, err)) < 0)
		return -1;
	return finish(s, err);
}

int publish_source_file(
	const struct publish_source *s, const struct manifest_entry *e, struct err *err)
{
	int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
	int fd = s->dirfd >= 0 ? openat(s->dirfd, e->path, flags | O_NOFOLLOW)
			       : open(strmap_get(&s->named, e->path), flags);

	return fd < 0 ? err_sys(err, "open %s", e->path) : fd;
}

void publish_source_release(struct publish_source *s)
{
	manifest_release(&s->manifest);
	strmap_release(&s->named, NULL);
	free(s->from);
	fd_close(&s->dirfd);
	*s = (struct publish_source)PUBLISH_SOURCE_INIT;
}
