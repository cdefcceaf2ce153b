/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other versions on the node hold: their verified records are read one after the
 * other, and each file in them that has the content of a file still missing is brought into
 * staging. On the way, versions that can serve as a basis are noted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/content.h"
#include "node/plan.h"
#include "node/record.h"

#define SIBLINGS_MAX 16 /* directories without a record that are looked at for a basis */

struct search {
	struct request *q;
	struct stage *stage;
	uint32_t *by_hash; /* indices of the manifest's files, sorted by hash */
	size_t count;
	struct strlist recorded; /* sibling versions that have a record */
};

/* qsort has no argument for the manifest: the keys carry what is compared. */
struct key {
	uint8_t hash[TREE_HASH_SIZE];
	uint32_t index;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, TREE_HASH_SIZE);
}

static void index_by_hash(struct search *f)
{
	const struct manifest *m = &f->stage->manifest;
	autofree struct key *keys = xcalloc(m->files + 1, sizeof(*keys));

	for (uint32_t i = 0; i < m->count; i++) {
		if (m->entries[i].kind != MANIFEST_FILE)
			continue;
		memcpy(keys[f->count].hash, m->entries[i].hash, TREE_HASH_SIZE);
		keys[f->count++].index = i;
	}
	qsort(keys, f->count, sizeof(*keys), compare_keys);
	f->by_hash = xcalloc(f->count + 1, sizeof(*f->by_hash));
	for (size_t i = 0; i < f->count; i++)
		f->by_hash[i] = keys[i].index;
}

/* The first place in by_hash whose hash is not smaller. */
static size_t lower_bound(const struct search *f, const uint8_t *hash)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct manifest_entry *e =
			&f->stage->manifest.entries[f->by_hash[middle]];
		if (memcmp(e->hash, hash, TREE_HASH_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A file of another version whose content is wanted. */
struct source {
	const char *version;
	struct record *record;
	size_t index;
	int fd;
	struct stat st;
	bool relinked; /* a hard link was made: its ctime is another now */
};

static int open_source(const struct stage *s, struct source *from)
{
	const struct manifest_entry *e = &from->record->manifest.entries[from->index];
	autofree char *path = xasprintf("%s/%s", from->version, e->path);

	from->fd = beneath_open(s->root->fd, path, O_RDONLY | O_NONBLOCK, 0);
	return from->fd >= 0 && fstat(from->fd, &from->st) == 0 &&
	       record_holds(&from->record->stats[from->index], &from->st);
}

/* A hard link, where both sides promise that nobody writes into the file. */
static int try_link(const struct stage *s, struct source *from, const struct manifest_entry *to,
	struct err *err)
{
	const struct manifest_entry *e = &from->record->manifest.entries[from->index];
	autofree char *path = xasprintf("%s/%s", from->version, e->path);
	const char *old_name, *new_name;

	if (!(e->flags & to->flags & MANIFEST_IMMUTABLE) || e->mode != to->mode ||
		from->st.st_mtim.tv_sec != to->mtime_s ||
		from->st.st_mtim.tv_nsec != (long)to->mtime_ns ||
		(from->st.st_mode & 07777) != to->mode)
		return 0;
	if (stage_make_parents(s, to, err) < 0)
		return -1;
	autofd int old_parent = beneath_parent(s->root->fd, path, &old_name);
	autofd int new_parent = beneath_parent(s->tree_fd, to->path, &new_name);
	if (old_parent < 0 || new_parent < 0 ||
		linkat(old_parent, old_name, new_parent, new_name, 0) < 0)
		return 0;
	from->relinked = true;
	return 1;
}

static int try_copy(
	struct search *f, struct source *from, const struct manifest_entry *to, struct err *err)
{
	autofd int fd = stage_create(f->stage, to, err);

	if (fd < 0)
		return -1;
	int copied = content_copy(f->q, from->fd, fd, to, err);
	if (copied > 0)
		return content_dress(fd, to, err) < 0 ? -1 : 1;
	beneath_remove(f->stage->tree_fd, to->path);
	return copied;
}

static int bring(struct search *f, struct source *from, uint32_t target, struct err *err)
{
	struct stage *s = f->stage;
	const struct manifest_entry *to = &s->manifest.entries[target];
	struct stage_entry *e = &s->entries[target];

	if (s->dry) {
		e->state = ENTRY_REUSABLE;
		return 0;
	}
	int done = try_link(s, from, to, err);
	if (done == 0)
		done = try_copy(f, from, to, err);
	if (done < 0)
		return err_wrap(err, "%s: take it from %s", to->path, from->version);
	if (done > 0) {
		e->state = ENTRY_STAGED;
		e->reused = 1;
	}
	return 0;
}

/* Brings one file of a record to all places that want its content. */
static int offer(struct search *f, struct source *from, const uint8_t *hash, bool *changed,
	struct err *err)
{
	const struct manifest *m = &f->stage->manifest;
	struct record_stat *rs = &from->record->stats[from->index];
	bool open = false;
	int result = 0;

	from->fd = -1;
	for (size_t i = lower_bound(f, hash); result == 0 && i < f->count; i++) {
		const struct manifest_entry *to = &m->entries[f->by_hash[i]];
		if (memcmp(to->hash, hash, TREE_HASH_SIZE) != 0)
			break;
		if (to->size != rs->size ||
			f->stage->entries[f->by_hash[i]].state != ENTRY_NONE)
			continue;
		if (!open && !open_source(f->stage, from))
			break;
		open = true;
		result = bring(f, from, f->by_hash[i], err);
	}
	if (from->relinked && fstat(from->fd, &from->st) == 0) {
		/* Our link changed the sibling's ctime, and nothing else. */
		rs->ctime_s = from->st.st_ctim.tv_sec;
		rs->ctime_ns = (uint32_t)from->st.st_ctim.tv_nsec;
		*changed = true;
	}
	fd_close(&from->fd);
	return result;
}

/* True if both versions lie in the same directory: they are versions of one model. */
static bool is_sibling(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

	return x && y && x - a == y - b && strncmp(a, b, (size_t)(x - a)) == 0;
}

/* Notes a sibling's file as the basis of ours, unless a better one is known. */
static void note_basis(
	struct search *f, const char *version, const struct record *rec, size_t index)
{
	struct stage *s = f->stage;
	const struct manifest_entry *theirs = &rec->manifest.entries[index];
	const struct manifest_entry *ours = manifest_find(&s->manifest, theirs->path);

	if (!ours || ours->kind != MANIFEST_FILE || ours->size < PLAN_DELTA_MIN ||
		rec->stats[index].size < PLAN_DELTA_MIN)
		return;
	struct stage_entry *e = &s->entries[ours - s->manifest.entries];
	if (e->state != ENTRY_NONE)
		return;
	/* Our own file comes first, then the newest version. */
	if (e->basis_version &&
		(e->basis_version == s->version || strcmp(e->basis_version, version) >= 0))
		return;
	e->basis_known = record_hash(rec, index, e->basis_hash);
	e->basis_size = rec->stats[index].size;
	e->basis_version = s->siblings.items[s->siblings.count - 1];
}

static int visit(
	void *arg, const char *version, struct record *rec, bool *changed, struct err *err)
{
	struct search *f = arg;
	bool own = strcmp(version, f->stage->version) == 0;
	bool sibling = !own && is_sibling(version, f->stage->version);

	if (sibling) {
		strlist_add(&f->recorded, version);
		strlist_add(&f->stage->siblings, version);
	}
	for (size_t i = 0; i < rec->manifest.count; i++) {
		uint8_t hash[TREE_HASH_SIZE];
		struct source from = {.version = version, .record = rec, .index = i};
		if (rec->manifest.entries[i].kind != MANIFEST_FILE)
			continue;
		if (sibling)
			note_basis(f, version, rec, i);
		if (record_hash(rec, i, hash) && offer(f, &from, hash, changed, err) < 0)
			return -1;
	}
	if (f->stage->dry)
		*changed = false;
	return 0;
}

/* A file of a directory without a record can be a basis too, if it is there. */
static void note_plain_basis(struct stage *s, const char *version)
{
	for (size_t i = 0; i < s->manifest.count; i++) {
		const struct manifest_entry *m = &s->manifest.entries[i];
		struct stage_entry *e = &s->entries[i];
		struct stat st;
		if (m->kind != MANIFEST_FILE || e->state != ENTRY_NONE || e->basis_version ||
			m->size < PLAN_DELTA_MIN)
			continue;
		autofree char *path = xasprintf("%s/%s", version, m->path);
		if (beneath_stat(s->root->fd, path, &st) < 0 || !S_ISREG(st.st_mode) ||
			st.st_size < (off_t)PLAN_DELTA_MIN)
			continue;
		e->basis_version = version;
		e->basis_size = (uint64_t)st.st_size;
	}
}

/* The directories beside the version that have no record, newest names first. */
static void list_plain_siblings(const struct search *f, const char *parent, struct strlist *out)
{
	int fd = beneath_open(f->stage->root->fd, parent, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		fd_close(&fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		autofree char *version = xasprintf("%s/%s", parent, entry->d_name);
		if (entry->d_name[0] != '.' && strcmp(version, f->stage->version) != 0 &&
			!strlist_has(&f->recorded, version) &&
			root_check_version(version, NULL) == 0)
			strlist_add(out, version);
	}
	closedir(dir);
	strlist_sort(out);
}

static void look_at_plain_siblings(struct search *f)
{
	struct stage *s = f->stage;
	struct strlist plain = {0};
	const char *slash = strrchr(s->version, '/');

	if (!slash)
		return;
	autofree char *parent = xstrndup(s->version, (size_t)(slash - s->version));
	list_plain_siblings(f, parent, &plain);
	for (size_t i = plain.count; i > 0 && plain.count - i < SIBLINGS_MAX; i--) {
		strlist_add(&s->siblings, plain.items[i - 1]);
		note_plain_basis(s, s->siblings.items[s->siblings.count - 1]);
	}
	strlist_release(&plain);
}

int plan_elsewhere(struct request *q, struct stage *s, struct err *err)
{
	struct search f = {.q = q, .stage = s};

	index_by_hash(&f);
	int result = record_each(s->root, visit, &f, err);
	if (result == 0)
		look_at_plain_siblings(&f);
	strlist_release(&f.recorded);
	free(f.by_hash);
	return result;
}
