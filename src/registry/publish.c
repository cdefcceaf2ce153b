/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version is made in ROOT/.staging/MODEL%2FVERSION/tree and renamed from there: the same
 * place where a helper that works on this directory makes its versions, so that whoever lists
 * what is half done finds both kinds.
 */
#include "registry/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "registry/publish_private.h"
#include "base/vec.h"

#define STAGING   ".staging"
#define TREE      "tree"
#define FSYNC_MAX 16 /* so many files are synced one by one, more in one sweep */

struct publishing {
	const struct publish_request *q;
	const struct publish_source *source;
	const char *root;
	int root_fd, tree_fd;
	char *stage; /* ROOT/.staging/MODEL%2FVERSION */
	struct version_manifest about;
	struct publish_result *out;
};

/* ---- staging ---- */

static char *stage_path(const char *root, const struct publish_request *q)
{
	autofree char *version = xasprintf("%s/%s", q->model, q->version);
	autofree char *flat = path_flat_name(version);

	return xasprintf("%s/" STAGING "/%s", root, flat);
}

static int open_stage(struct publishing *p, struct err *err)
{
	autofree char *staging = path_join(p->root, STAGING);
	autofree char *tree = path_join(p->stage, TREE);
	struct stat st;

	p->root_fd = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->root_fd < 0)
		return err_sys(err, "open the store %s", p->root);
	if (mkdir(staging, 0777) < 0 && errno != EEXIST)
		return err_sys(err, "make %s", staging);
	if (lstat(staging, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(
			err, ERR_INPUT, "%s is no directory; move it out of the way", staging);
	if (path_remove_tree(p->stage, err) < 0)
		return err_wrap(err, "removing what an earlier run left");
	if (mkdir(p->stage, 0777) < 0 || mkdir(tree, 0777) < 0)
		return err_sys(err, "make %s", tree);
	p->tree_fd = open(tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return p->tree_fd < 0 ? err_sys(err, "open %s", tree) : 0;
}

/* Where content cannot be shared it has to fit; shared content needs next to nothing. */
static int check_space(const struct publishing *p, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct publish_source *s = p->source;
	struct stat from, to;
	struct statvfs disk;

	if (fstat(p->root_fd, &to) < 0 || fstatvfs(p->root_fd, &disk) < 0)
		return err_sys(err, "look at %s", p->root);
	const char *first = s->dirfd < 0 ? s->named.entries[0].value : s->from;
	if (stat(first, &from) == 0 && from.st_dev == to.st_dev)
		return 0;
	uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (s->manifest.bytes <= room)
		return 0;
	strbuf_addsize(&text, s->manifest.bytes);
	strbuf_addstr(&text, ", has ");
	strbuf_addsize(&text, room);
	return err_set(err, ERR_NOSPACE,
		"no space left in %s: needs %s; cleanup-models removes old versions", p->root,
		text.data);
}

/* ---- content ---- */

/* Permissions and time of a file or directory, as its entry says. */
static int dress(int fd, const struct manifest_entry *e, struct err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
		{.tv_sec = (time_t)e->mtime_s, .tv_nsec = (long)e->mtime_ns}};

	if (fchmod(fd, e->mode) < 0 || futimens(fd, times) < 0)
		return err_sys(err, "set permissions and time");
	return 0;
}

static bool syncs_singly(const struct publishing *p)
{
	return p->source->manifest.count <= FSYNC_MAX;
}

static int add_file(struct publishing *p, const struct manifest_entry *e, struct err *err)
{
	autofd int from = publish_source_file(p->source, e, err);
	autofd int to =
		from < 0 ? -1
			 : openat(p->tree_fd, e->path,
				   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct version_file file;

	if (from < 0)
		return -1;
	if (to < 0)
		return err_sys(err, "make %s in staging", e->path);
	if (publish_copy(p->q, from, to, e->size, &p->out->cloned, err) < 0 ||
		publish_digest(p->q, to, e, &file, err) < 0 || dress(to, e, err) < 0)
		return err_wrap(err, "%s", e->path);
	if (syncs_singly(p) && fsync(to) < 0)
		return err_sys(err, "write %s to the disk", e->path);
	*VEC_PUSH(&p->about) = file;
	return 0;
}

static int add_link(struct publishing *p, const struct manifest_entry *e, struct err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
		{.tv_sec = (time_t)e->mtime_s, .tv_nsec = (long)e->mtime_ns}};

	if (symlinkat(e->target, p->tree_fd, e->path) < 0)
		return err_sys(err, "make the link %s in staging", e->path);
	utimensat(p->tree_fd, e->path, times, AT_SYMLINK_NOFOLLOW);
	*VEC_PUSH(&p->about) = (struct version_file){.path = e->path, .link = e->target};
	return 0;
}

static int add_entries(struct publishing *p, struct err *err)
{
	const struct manifest *m = &p->source->manifest;

	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_entry *e = &m->entries[i];
		int result = 0;
		switch (e->kind) {
		case MANIFEST_FILE: result = add_file(p, e, err); break;
		case MANIFEST_LINK: result = add_link(p, e, err); break;
		default:
			if (mkdirat(p->tree_fd, e->path, 0700) < 0)
				result = err_sys(err, "make %s in staging", e->path);
		}
		if (result < 0)
			return -1;
	}
	return 0;
}

void publish_describe(const struct publish_source *s, struct version_manifest *m)
{
	const struct publish_request *q = s->request;

	*m = (struct version_manifest){.model = q->model,
		.version = q->version,
		.by = q->by,
		.from = q->origin ? q->origin : s->from,
		.note = q->note,
		.published = q->now};
}

static int write_manifest(struct publishing *p, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (version_manifest_print(&p->about, &text, err) < 0)
		return -1;
	autofd int fd = openat(p->tree_fd, VERSION_MANIFEST,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, text.data, text.len) < 0 || fsync(fd) < 0)
		return err_sys(err, "write " VERSION_MANIFEST);
	return 0;
}

/* Directories get their permissions last, deepest first: they may forbid writing. */
static int finish_directories(struct publishing *p, struct err *err)
{
	const struct manifest *m = &p->source->manifest;

	for (size_t i = m->count; i > 0; i--) {
		const struct manifest_entry *e = &m->entries[i - 1];
		if (e->kind != MANIFEST_DIR)
			continue;
		autofd int fd = openat(
			p->tree_fd, e->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_sys(err, "open %s in staging", e->path);
		if (dress(fd, e, err) < 0)
			return err_wrap(err, "%s", e->path);
		if (syncs_singly(p) && fsync(fd) < 0)
			return err_sys(err, "write %s to the disk", e->path);
	}
	if ((syncs_singly(p) ? fsync(p->tree_fd) : syncfs(p->tree_fd)) < 0)
		return err_sys(err, "write the version to the disk");
	return 0;
}

/* ---- the final name ---- */

/* Opens the model's directory, making it where it is not there. */
static int open_model(const struct publishing *p, struct err *err)
{
	const char *model = p->q->model;

	if (mkdirat(p->root_fd, model, 0777) < 0 && errno != EEXIST)
		return err_sys(err, "make %s/%s", p->root, model);
	int fd = openat(p->root_fd, model, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(err, ERR_INPUT,
			"%s/%s is no directory of its own; publish under the name of the "
			"directory that it leads to, or move it away",
			p->root, model);
	return fd < 0 ? err_sys(err, "open %s/%s", p->root, model) : fd;
}

/* Renames without replacing, also on file systems that do not know the flag. */
static int rename_new(int from, const char *old, int to, const char *new)
{
	if (renameat2(from, old, to, new, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	/* The lock keeps others away, and a directory never replaces one that is not empty. */
	if (faccessat(to, new, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from, old, to, new);
}

/* 0 when the version has its name, 1 when another has it, -1 with err. */
static int name_version(const struct publishing *p, struct err *err)
{
	autofd int stage = open(p->stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd int model = open_model(p, err);

	if (model < 0)
		return -1;
	if (stage < 0)
		return err_sys(err, "open %s", p->stage);
	if (rename_new(stage, TREE, model, p->q->version) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY)
			return 1;
		return err_sys(err, "rename the version to %s/%s/%s", p->root, p->q->model,
			p->q->version);
	}
	if (fsync(model) < 0 || fsync(p->root_fd) < 0)
		return err_sys(err, "write %s/%s to the disk", p->root, p->q->model);
	return 0;
}

static int make(struct publishing *p, struct err *err)
{
	if (open_stage(p, err) < 0 || check_space(p, err) < 0 || add_entries(p, err) < 0 ||
		write_manifest(p, err) < 0 || finish_directories(p, err) < 0)
		return -1;
	return name_version(p, err);
}

static void publishing_release(struct publishing *p)
{
	fd_close(&p->root_fd);
	fd_close(&p->tree_fd);
	version_manifest_release(&p->about);
	free(p->stage);
}

static int look(const char *root, const struct publish_source *s, enum publish_outcome *out,
	struct err *err)
{
	struct store *store = store_open_local(root, err);
	int result = store ? publish_look(s, store, out, err) : -1;

	store_free(store);
	return result;
}

int publish_version(const char *root, const struct publish_source *s,
	struct publish_result *out, struct err *err)
{
	AUTO(publishing_release)
	struct publishing p = {.q = s->request,
		.source = s,
		.root = root,
		.root_fd = -1,
		.tree_fd = -1,
		.stage = stage_path(root, s->request),
		.out = out};

	*out = (struct publish_result){.files = s->manifest.files, .bytes = s->manifest.bytes};
	if (look(root, s, &out->outcome, err) < 0)
		return -1;
	if (out->outcome == PUBLISH_THERE)
		return 0;
	publish_describe(s, &p.about);
	int result = make(&p, err);
	/* What is left of the staging is empty, or not wanted. */
	path_remove_tree(p.stage, NULL);
	if (result != 1)
		return result;
	out->cloned = 0;
	return look(root, s, &out->outcome, err);
}
