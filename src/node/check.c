/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VERSION_CHECK: walks a version's directory and compares what is there with its verified
 * record. Only files whose stat differs from the recorded one are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/content.h"
#include "node/record.h"
#include "node/request.h"
#include "tree/walk.h"

#define LISTED_PATHS_MAX (512u << 10) /* bytes of the paths in the list of differences */

struct check {
	struct request *q;
	struct record record;
	uint8_t *seen; /* for each entry of the manifest */
	bool rehash;
	bool changed; /* the record learned something */
	uint64_t hashed;
	uint32_t drift_count;
	size_t listed;
	struct arena arena; /* holds the listed paths */
	struct wire_drift drifts[WIRE_DRIFT_MAX];
};

static void report(struct check *c, enum wire_drift_kind kind, const char *path,
	const struct stat *st, const struct manifest_entry *e)
{
	c->drift_count++;
	if (c->listed >= WIRE_DRIFT_MAX || c->arena.used + strlen(path) > LISTED_PATHS_MAX)
		return;
	c->drifts[c->listed++] = (struct wire_drift){.kind = (uint8_t)kind,
		.newer = st && e && kind == WIRE_DRIFT_CHANGED && content_is_newer(st, e),
		.size = st ? (uint64_t)st->st_size : 0,
		.mtime_s = st ? st->st_mtim.tv_sec : 0,
		.path = arena_strdup(&c->arena, path)};
}

/*
 * Reads a file again and notes what it holds. What is too fresh to be trusted in the next
 * run was read just now all the same, so the answer does not come from the record.
 */
static int read_again(struct check *c, const struct walk_item *item, size_t index,
	bool *differs, struct err *err)
{
	const struct manifest_entry *e = &c->record.manifest.entries[index];
	struct record_stat *rs = &c->record.stats[index];
	uint8_t hash[TREE_HASH_SIZE];
	struct err why = {0};

	c->changed = true;
	*differs = true;
	if ((uint64_t)item->st.st_size != e->size) {
		/* Another size is another content; which one, only a delta would want to know.
		 */
		record_note(rs, &item->st, RECORD_OTHER, NULL);
		return 0;
	}
	if (content_hash_at(c->q, item->dirfd, item->name, &item->st, hash, &why) < 0) {
		/* A file that somebody writes into just now differs, whatever it becomes. */
		rs->state = RECORD_STALE;
		if (why.code == ERR_INTEGRITY)
			return 0;
		if (err)
			*err = why;
		return err_wrap(err, "%s", item->path);
	}
	c->hashed += e->size;
	*differs = memcmp(hash, e->hash, TREE_HASH_SIZE) != 0;
	record_note(rs, &item->st, *differs ? RECORD_OTHER : RECORD_GOOD, hash);
	return 0;
}

static int check_file(
	struct check *c, const struct walk_item *item, size_t index, struct err *err)
{
	const struct manifest_entry *e = &c->record.manifest.entries[index];
	struct record_stat *rs = &c->record.stats[index];
	bool differs = rs->state == RECORD_OTHER;

	if ((c->rehash || !record_holds(rs, &item->st)) &&
		read_again(c, item, index, &differs, err) < 0)
		return -1;
	if (differs)
		report(c, WIRE_DRIFT_CHANGED, item->path, &item->st, e);
	else if ((item->st.st_mode & 07777) != e->mode)
		report(c, WIRE_DRIFT_MODE, item->path, &item->st, e);
	return WALK_ON;
}

static int check_link(struct check *c, const struct walk_item *item,
	const struct manifest_entry *e, struct err *err)
{
	char target[WIRE_PATH_MAX + 1];
	ssize_t n = readlinkat(item->dirfd, item->name, target, sizeof(target));

	if (n < 0)
		return err_sys(err, "read the link %s", item->path);
	if ((size_t)n != strlen(e->target) || memcmp(target, e->target, (size_t)n) != 0)
		report(c, WIRE_DRIFT_CHANGED, item->path, &item->st, e);
	return WALK_ON;
}

static int visit(void *arg, const struct walk_item *item, struct err *err)
{
	struct check *c = arg;
	const struct manifest_entry *e = manifest_find(&c->record.manifest, item->path);

	if (!e) {
		report(c, WIRE_DRIFT_EXTRA, item->path, &item->st, NULL);
		return WALK_OVER;
	}
	size_t index = (size_t)(e - c->record.manifest.entries);
	c->seen[index] = 1;
	if (e->flags & MANIFEST_INITIAL_ONLY)
		return WALK_ON;
	if (content_kind(&item->st) != e->kind) {
		report(c, WIRE_DRIFT_TYPE, item->path, &item->st, e);
		return WALK_OVER;
	}
	if (e->kind == MANIFEST_FILE)
		return check_file(c, item, index, err);
	if (e->kind == MANIFEST_LINK)
		return check_link(c, item, e, err);
	if ((item->st.st_mode & 07777) != e->mode)
		report(c, WIRE_DRIFT_MODE, item->path, &item->st, e);
	return WALK_ON;
}

static void report_missing(struct check *c)
{
	const struct manifest *m = &c->record.manifest;

	for (size_t i = 0; i < m->count; i++) {
		if (!c->seen[i] && !(m->entries[i].flags & MANIFEST_INITIAL_ONLY))
			report(c, WIRE_DRIFT_MISSING, m->entries[i].path, NULL, NULL);
	}
}

static int compare(struct check *c, int dirfd, struct err *err)
{
	c->seen = xcalloc(c->record.manifest.count + 1, 1);
	c->q->total = c->record.manifest.bytes;
	if (tree_walk(dirfd, visit, c, err) < 0)
		return -1;
	report_missing(c);
	return 0;
}

static int send_result(
	struct check *c, enum wire_version_state state, bool staged, struct err *err)
{
	struct request *q = c->q;

	wire_put_check_head(&q->reply, &(struct wire_check_head){.state = (uint8_t)state,
					       .staged = staged,
					       .drift_count = c->drift_count,
					       .hashed = c->hashed});
	for (size_t i = 0; i < c->listed; i++) {
		if (request_room(q, strlen(c->drifts[i].path) + 32, err) < 0)
			return -1;
		wire_put_drift(&q->reply, &c->drifts[i]);
	}
	return 0;
}

/* Finds out the state of a version that is there. */
static int check_present(struct check *c, const struct wire_version_check *r, const char *flat,
	int dirfd, enum wire_version_state *state, struct err *err)
{
	struct root *root = c->q->root;
	int found = record_load(root, flat, &c->record, err);

	*state = WIRE_VERSION_UNKNOWN;
	if (found < 0)
		return -1;
	if (!found || memcmp(c->record.manifest.digest, r->digest, WIRE_DIGEST_SIZE) != 0)
		return 0;
	if (compare(c, dirfd, err) < 0)
		return -1;
	*state = c->drift_count ? WIRE_VERSION_DRIFT : WIRE_VERSION_VERIFIED;
	if (c->changed && root->lock_fd >= 0 && !(c->q->frame->flags & FRAME_CHECK))
		return record_save(root, flat, &c->record, err);
	return 0;
}

static int check_version(struct check *c, const struct wire_version_check *r, struct err *err)
{
	struct root *root = c->q->root;
	autofree char *flat = root_flat_name(r->version);
	autofree char *staging = xasprintf(ROOT_STAGING "/%s", flat);
	enum wire_version_state state = WIRE_VERSION_ABSENT;
	struct stat st;
	bool staged = beneath_stat(root->fd, staging, &st) == 0;
	autofd int dirfd = beneath_open(root->fd, r->version, O_RDONLY | O_DIRECTORY, 0);

	if (dirfd < 0 && errno != ENOENT)
		return root_error(root, r->version, err);
	if (dirfd >= 0 && check_present(c, r, flat, dirfd, &state, err) < 0)
		return -1;
	return send_result(c, state, staged, err);
}

int op_version_check(struct request *q, struct err *err)
{
	struct wire_version_check r;

	if (wire_get_version_check(q->frame, &r, err) < 0 ||
		root_check_version(r.version, err) < 0)
		return -1;
	if (r.flags & ~WIRE_CHECK_REHASH)
		return err_set(
			err, ERR_UNSUPPORTED, "unknown flags of a check: 0x%02x", r.flags);
	request_about(q, r.version);
	struct check *c = xcalloc(1, sizeof(*c));
	c->q = q;
	c->rehash = r.flags & WIRE_CHECK_REHASH;
	int result = check_version(c, &r, err);
	record_release(&c->record);
	arena_release(&c->arena);
	free(c->seen);
	free(c);
	return result;
}
