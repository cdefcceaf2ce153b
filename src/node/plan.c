/* SPDX-License-Identifier: Apache-2.0 */
#include "node/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/content.h"
#include "node/record.h"
#include "tree/walk.h"

static int open_version(struct stage *s, struct err *err)
{
	s->version_fd = beneath_open(s->root->fd, s->version, O_RDONLY | O_DIRECTORY, 0);
	s->exists = s->version_fd >= 0;
	if (!s->exists && errno != ENOENT)
		return root_error(s->root, s->version, err);
	return 0;
}

static int open_below(const struct stage *s, const char *name, int *fd, struct err *err)
{
	autofree char *path =
		xasprintf(ROOT_STAGING "/%s%s%s", s->flat, *name ? "/" : "", name);

	if (!s->dry && beneath_mkdirs(s->root->fd, path, 0755) < 0)
		return err_sys(err, "make %s/%s", s->root->path, path);
	*fd = beneath_open(s->root->fd, path, O_RDONLY | O_DIRECTORY, 0);
	if (*fd < 0 && !(s->dry && errno == ENOENT))
		return root_error(s->root, path, err);
	return 0;
}

static int open_staging(struct stage *s, struct err *err)
{
	if (open_below(s, "", &s->dir_fd, err) < 0 ||
		open_below(s, "tree", &s->tree_fd, err) < 0)
		return -1;
	return open_below(s, "part", &s->part_fd, err);
}

/* What the version's own record knows of a file that is in place. */
static bool known_in_place(const struct record *rec, const char *path, const struct stat *st,
	uint8_t hash[TREE_HASH_SIZE])
{
	const struct manifest_entry *e = manifest_find(&rec->manifest, path);

	if (!e || e->kind != MANIFEST_FILE)
		return false;
	size_t index = (size_t)(e - rec->manifest.entries);
	return record_holds(&rec->stats[index], st) && record_hash(rec, index, hash);
}

/* The file under the final name differs: it may stay, or serve as a basis. */
static void differs_in_place(
	struct stage *s, size_t i, const struct stat *st, bool known, const uint8_t *hash)
{
	const struct manifest_entry *m = &s->manifest.entries[i];
	struct stage_entry *e = &s->entries[i];

	if (s->update && content_is_newer(st, m)) {
		e->state = ENTRY_NEWER;
		return;
	}
	if (m->size < PLAN_DELTA_MIN || st->st_size < (off_t)PLAN_DELTA_MIN)
		return;
	e->basis_version = s->version;
	e->basis_size = (uint64_t)st->st_size;
	e->basis_known = known;
	if (known)
		memcpy(e->basis_hash, hash, TREE_HASH_SIZE);
}

static int look_in_place(
	struct request *q, struct stage *s, const struct record *rec, size_t i, struct err *err)
{
	const struct manifest_entry *m = &s->manifest.entries[i];
	struct stage_entry *e = &s->entries[i];
	uint8_t hash[TREE_HASH_SIZE];
	const char *name;
	struct stat st;
	autofd int parent = beneath_parent(s->version_fd, m->path, &name);

	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_sys(err, "stat %s/%s", s->version, m->path);
	if (m->flags & MANIFEST_INITIAL_ONLY) {
		e->state = ENTRY_KEPT;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	bool known = known_in_place(rec, m->path, &st, hash);
	if (!known && (uint64_t)st.st_size == m->size) {
		if (content_hash_at(q, parent, name, &st, hash, err) < 0)
			return err_wrap(err, "%s/%s", s->version, m->path);
		known = true;
	}
	if (known && (uint64_t)st.st_size == m->size &&
		memcmp(hash, m->hash, sizeof(hash)) == 0) {
		e->state = ENTRY_IN_PLACE;
		e->ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec;
		return 0;
	}
	differs_in_place(s, i, &st, known, hash);
	return 0;
}

static int plan_in_place(struct request *q, struct stage *s, struct err *err)
{
	struct record rec;
	int result = record_load(s->root, s->flat, &rec, err);

	for (size_t i = 0; result >= 0 && i < s->manifest.count; i++) {
		if (s->manifest.entries[i].kind == MANIFEST_FILE)
			result = look_in_place(q, s, &rec, i, err);
	}
	record_release(&rec);
	return result < 0 ? -1 : 0;
}

struct staged_walk {
	struct request *q;
	struct stage *stage;
};

static int drop_staged(const struct stage *s, const struct walk_item *item, struct err *err)
{
	if (!s->dry && beneath_remove(s->tree_fd, item->path) < 0)
		return err_sys(err, "remove %s from staging", item->path);
	return WALK_OVER;
}

/* The run may have ended between a file's content and its permissions and time. */
static int dress_staged(
	const struct walk_item *item, const struct manifest_entry *m, struct err *err)
{
	autofd int fd =
		openat(item->dirfd, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open %s in staging", item->path);
	return content_dress(fd, m, err) < 0 ? -1 : WALK_ON;
}

/* Looks at what an interrupted run left: what is whole stays, all else goes. */
static int visit_staged(void *arg, const struct walk_item *item, struct err *err)
{
	struct staged_walk *w = arg;
	struct stage *s = w->stage;
	const struct manifest_entry *m = manifest_find(&s->manifest, item->path);
	uint8_t hash[TREE_HASH_SIZE];

	if (!m || m->kind == MANIFEST_LINK || content_kind(&item->st) != m->kind)
		return drop_staged(s, item, err);
	if (m->kind == MANIFEST_DIR)
		return WALK_ON;
	struct stage_entry *e = &s->entries[m - s->manifest.entries];
	if (e->state != ENTRY_NONE || (uint64_t)item->st.st_size != m->size)
		return drop_staged(s, item, err);
	if (content_hash_at(w->q, item->dirfd, item->name, &item->st, hash, err) < 0)
		return err_wrap(err, "staging, %s", item->path);
	if (memcmp(hash, m->hash, sizeof(hash)) != 0)
		return drop_staged(s, item, err);
	e->state = ENTRY_STAGED;
	return s->dry ? WALK_ON : dress_staged(item, m, err);
}

static int plan_staged(struct request *q, struct stage *s, struct err *err)
{
	struct staged_walk w = {.q = q, .stage = s};

	return s->tree_fd < 0 ? 0 : tree_walk(s->tree_fd, visit_staged, &w, err);
}

/* Looks for the first bytes of files that are still wanted. */
static void plan_parts(struct stage *s)
{
	for (size_t i = 0; s->part_fd >= 0 && i < s->manifest.count; i++) {
		const struct manifest_entry *m = &s->manifest.entries[i];
		char name[STAGE_PART_NAME];
		struct stat st;
		if (s->entries[i].state != ENTRY_WANTED)
			continue;
		stage_part_name(m, name);
		if (fstatat(s->part_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode) && (uint64_t)st.st_size <= m->size)
			s->entries[i].offset = (uint64_t)st.st_size;
	}
}

/* True if a partial file belongs to an entry that is still wanted. */
static bool part_is_wanted(const struct stage *s, const char *name)
{
	char wanted[STAGE_PART_NAME];

	for (size_t i = 0; i < s->manifest.count; i++) {
		if (s->entries[i].state != ENTRY_WANTED)
			continue;
		stage_part_name(&s->manifest.entries[i], wanted);
		if (strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

/* Partial files of an older manifest would lie there for ever. */
static void drop_stale_parts(const struct stage *s)
{
	int fd = s->dry ? -1 : openat(s->part_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] != '.' && !part_is_wanted(s, entry->d_name))
			beneath_remove(s->part_fd, entry->d_name);
	}
	closedir(dir);
}

struct by_content {
	const struct manifest *manifest;
	uint32_t index;
};

static int compare_content(const void *a, const void *b)
{
	const struct by_content *x = a, *y = b;
	const struct manifest_entry *p = &x->manifest->entries[x->index];
	const struct manifest_entry *q = &y->manifest->entries[y->index];
	int order = memcmp(p->hash, q->hash, TREE_HASH_SIZE);

	if (order == 0)
		order = (p->size > q->size) - (p->size < q->size);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* What is left is wanted from the engine; the same content only once. */
static void plan_wanted(struct stage *s)
{
	const struct manifest *m = &s->manifest;
	autofree struct by_content *list = xcalloc(m->count + 1, sizeof(*list));
	size_t count = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		if (m->entries[i].kind == MANIFEST_FILE && s->entries[i].state == ENTRY_NONE) {
			s->entries[i].state = ENTRY_WANTED;
			list[count++] = (struct by_content){.manifest = m, .index = i};
		}
	}
	qsort(list, count, sizeof(*list), compare_content);
	for (size_t i = 1; i < count; i++) {
		const struct manifest_entry *a = &m->entries[list[i - 1].index];
		const struct manifest_entry *b = &m->entries[list[i].index];
		struct stage_entry *before = &s->entries[list[i - 1].index];
		struct stage_entry *e = &s->entries[list[i].index];
		if (a->size != b->size || memcmp(a->hash, b->hash, TREE_HASH_SIZE) != 0)
			continue;
		e->state = ENTRY_TWIN;
		e->twin = before->state == ENTRY_TWIN ? before->twin : list[i - 1].index;
	}
}

static int check_space(const struct stage *s, struct err *err)
{
	struct wire_disk disk;
	uint64_t need = 0;

	for (size_t i = 0; i < s->manifest.count; i++) {
		const struct stage_entry *e = &s->entries[i];
		if (e->state == ENTRY_WANTED || e->state == ENTRY_TWIN)
			need += s->manifest.entries[i].size - e->offset;
	}
	if (root_disk(s->root, &disk, err) < 0)
		return -1;
	if (need <= disk.bytes_free)
		return 0;
	AUTO(strbuf_release) struct strbuf needs = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf has = STRBUF_INIT;
	strbuf_addsize(&needs, need);
	strbuf_addsize(&has, disk.bytes_free);
	return err_set(err, ERR_NOSPACE, "no space left for %s: needs %s, has %s", s->version,
		needs.data, has.data);
}

int plan_make(struct request *q, struct stage *s, struct err *err)
{
	if (open_version(s, err) < 0 || open_staging(s, err) < 0)
		return -1;
	if (s->exists && plan_in_place(q, s, err) < 0)
		return -1;
	if (plan_staged(q, s, err) < 0 || plan_elsewhere(q, s, err) < 0)
		return -1;
	plan_wanted(s);
	plan_parts(s);
	drop_stale_parts(s);
	return check_space(s, err);
}
