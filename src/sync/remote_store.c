/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: one link serves all workers, so a mutex lets one conversation happen at
 * a time. A file is fetched by whoever asks for it first, and hashed on the way: what is in the
 * spool under a hash has that hash. What an earlier run left there is hashed before it is used.
 * Files that this run fetched or looked at are opened without waiting for the link.
 */
#include "sync/remote_store.h"

#include <sys/stat.h>

#include "base/fd.h"
#include "sync/remote_store_private.h"
#include "tree/hash.h"

#define RANGES_MAX 4 /* of FILE_READ, asked for ahead */

static void free_manifest(void *value)
{
	manifest_release(value);
	free(value);
}

int remote_store_ask(struct remote_store *r, uint8_t kind, const struct msg_writer *w,
	struct strbuf *out, struct err *err)
{
	struct frame f = {.kind = kind, .ctx = r->ctx, .data = w->data, .len = w->len};
	uint32_t id = link_send(r->link, &f, err);

	if (!id)
		return -1;
	do {
		if (link_next_of(r->link, id, &f, remote_store_deadline(), err) < 0)
			return -1;
		if (f.kind == WIRE_REPLY)
			strbuf_add(out, f.data, f.len);
	} while (f.kind != WIRE_REPLY || (f.flags & FRAME_MORE));
	return 0;
}

static int list_all(struct remote_store *r, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	uint8_t buffer[8];
	struct msg_writer w;
	struct msg_reader reader;
	struct wire_list_item item;
	int more;

	if (r->versions)
		return 0;
	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_u8(&w, STORE_ROOT);
	if (remote_store_ask(r, WIRE_LIST, &w, &answer, err) < 0)
		return -1;
	struct strlist *versions = xcalloc(1, sizeof(*versions));
	msg_read(&reader, answer.data, answer.len);
	while ((more = wire_get_list_item(&reader, &item, err)) == 1) {
		if (item.kind != WIRE_LISTED_STAGING)
			strlist_add(versions, item.version);
	}
	strlist_sort(versions);
	r->versions = versions;
	return more;
}

static int list_models(struct store *s, struct strlist *out, struct err *err)
{
	struct remote_store *r = remote(s);

	pthread_mutex_lock(&r->lock);
	int result = list_all(r, err);
	for (size_t i = 0; result == 0 && i < r->versions->count; i++) {
		const char *version = r->versions->items[i];
		autofree char *model = xstrndup(version, strcspn(version, "/"));
		bool known = out->count && strcmp(out->items[out->count - 1], model) == 0;
		if (!known && strcmp(model, STORE_CORAL_DIR) != 0)
			strlist_add(out, model);
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

static int list_versions(
	struct store *s, const char *model, struct strlist *out, struct err *err)
{
	struct remote_store *r = remote(s);
	autofree char *prefix = xasprintf("%s/", model);
	size_t before = out->count;

	pthread_mutex_lock(&r->lock);
	int result = list_all(r, err);
	for (size_t i = 0; result == 0 && i < r->versions->count; i++) {
		const char *version = r->versions->items[i];
		if (str_starts(version, prefix) && clock_is_date(version + strlen(prefix)))
			strlist_add(out, version + strlen(prefix));
	}
	pthread_mutex_unlock(&r->lock);
	if (result == 0 && out->count == before)
		return err_set(err, ERR_NOTFOUND, "%s has no model %s", s->location, model);
	return result;
}

static const struct manifest *find_manifest(struct remote_store *r, const char *path)
{
	pthread_mutex_lock(&r->tables);
	const struct manifest *m = strmap_get(&r->manifests, path);
	pthread_mutex_unlock(&r->tables);
	return m;
}

/* Asks for the manifest of a version. Lock held. */
static const struct manifest *ask_manifest(
	struct remote_store *r, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	uint8_t buffer[WIRE_VERSION_MAX + 32];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_ref(&w,
		&(struct wire_version_ref){.root = STORE_ROOT, .version = path, .path = ""});
	if (w.overflow) {
		err_set(err, ERR_LIMIT, "%s: the name is too long", path);
		return NULL;
	}
	if (remote_store_ask(r, WIRE_MANIFEST_MAKE, &w, &answer, err) < 0)
		return NULL;
	struct manifest *m = xcalloc(1, sizeof(*m));
	if (manifest_parse(m, answer.data, answer.len, err) < 0) {
		manifest_release(m);
		free(m);
		return NULL;
	}
	pthread_mutex_lock(&r->tables);
	strmap_set(&r->manifests, path, m);
	pthread_mutex_unlock(&r->tables);
	return m;
}

/* The manifest of a version, asked for once. */
static const struct manifest *get_manifest(
	struct remote_store *r, const char *model, const char *version, struct err *err)
{
	autofree char *path = xasprintf("%s/%s", model, version);
	const struct manifest *m = find_manifest(r, path);

	if (m)
		return m;
	pthread_mutex_lock(&r->lock);
	m = find_manifest(r, path);
	if (!m)
		m = ask_manifest(r, path, err);
	pthread_mutex_unlock(&r->lock);
	return m;
}

static int check_version(
	struct store *s, const char *model, const char *version, struct err *err)
{
	AUTO(strlist_release) struct strlist versions = {0};

	if (list_versions(s, model, &versions, err) < 0)
		return -1;
	if (!strlist_has(&versions, version))
		return err_set(err, ERR_NOTFOUND, "%s has no version %s of %s", s->location,
			version, model);
	return 0;
}

static int read_manifest(struct store *s, const char *name, const char *version,
	const struct model *model, const struct cancel *cancel, struct manifest *out,
	struct err *err)
{
	struct remote_store *r = remote(s);
	manifest_filter filter = model ? store_file_verdict : NULL;

	(void)cancel; /* the link has its own */
	const struct manifest *m = get_manifest(r, name, version, err);
	return m ? manifest_select(m, filter, (void *)(uintptr_t)model, out, err) : -1;
}

/* One file that is being fetched, in ranges that are asked for ahead. Lock held. */
struct fetch {
	struct remote_store *store;
	const char *version; /* "MODEL/VERSION" */
	const struct manifest_entry *entry;
	struct spool_item *item;
	uint64_t asked, got;
	struct tree_hash *hash;   /* of what was got */
	uint32_t ids[RANGES_MAX]; /* a ring of requests under way */
	unsigned first, count;
};

static int ask_range(struct fetch *f, struct err *err)
{
	uint8_t buffer[WIRE_VERSION_MAX + WIRE_PATH_MAX + 64];
	struct msg_writer w;
	uint64_t left = f->entry->size - f->asked;
	struct wire_range range = {
		.root = STORE_ROOT,
		.version = f->version,
		.path = f->entry->path,
		.offset = f->asked,
		.length = left < WIRE_READ_MAX ? left : WIRE_READ_MAX,
	};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_range(&w, &range);
	uint32_t id = link_send(f->store->link,
		&(struct frame){.kind = WIRE_FILE_READ,
			.ctx = f->store->ctx,
			.data = w.data,
			.len = w.len},
		err);
	if (!id)
		return -1;
	f->ids[(f->first + f->count++) % RANGES_MAX] = id;
	f->asked += range.length;
	return 0;
}

/* Takes the whole answer to the oldest request, even where its bytes cannot be kept. */
static int take_range(struct fetch *f, struct err *err)
{
	uint32_t id = f->ids[f->first];
	struct frame frame;
	int result = 0;

	f->first = (f->first + 1) % RANGES_MAX;
	f->count--;
	do {
		if (link_next_of(f->store->link, id, &frame, remote_store_deadline(), err) < 0)
			return -1;
		if (frame.kind != WIRE_REPLY || result < 0)
			continue;
		result = spool_write(f->item, frame.data, frame.len, err);
		tree_hash_add(f->hash, frame.data, frame.len);
		f->got += frame.len;
	} while (frame.kind != WIRE_REPLY || (frame.flags & FRAME_MORE));
	return result;
}

static bool has_hash(const struct tree_hash *h, const struct manifest_entry *e)
{
	uint8_t hash[TREE_HASH_SIZE];

	tree_hash_get(h, hash);
	return memcmp(hash, e->hash, sizeof(hash)) == 0;
}

static int fetch_ranges(struct fetch *f, struct err *err)
{
	while (f->asked < f->entry->size || f->count) {
		if (f->asked < f->entry->size && f->count < RANGES_MAX) {
			if (ask_range(f, err) < 0)
				return -1;
		} else if (take_range(f, err) < 0) {
			return -1;
		}
	}
	if (f->got != f->entry->size || !has_hash(f->hash, f->entry))
		return err_set(err, ERR_INTEGRITY, "%s changed on the datasink during the run",
			f->entry->path);
	return 0;
}

static void raw_key(const struct manifest_entry *e, char key[SPOOL_KEY_MAX])
{
	char hash[2 * TREE_HASH_SIZE + 1];

	hex_encode(e->hash, TREE_HASH_SIZE, hash);
	snprintf(key, SPOOL_KEY_MAX, "%s-%llu.raw", hash, (unsigned long long)e->size);
}

/* Fetches a file into an item that this thread writes. */
static void fetch_file(struct remote_store *r, const char *version,
	const struct manifest_entry *e, struct spool_item *item)
{
	struct fetch f = {.store = r,
		.version = version,
		.entry = e,
		.item = item,
		.hash = tree_hash_new()};
	struct err why = {0};

	pthread_mutex_lock(&r->lock);
	int result = fetch_ranges(&f, &why);
	/* What was asked for ahead arrives nevertheless, and must not pile up in the link. */
	while (f.count && why.code != ERR_TIMEOUT && why.code != ERR_CANCELLED)
		take_range(&f, NULL);
	pthread_mutex_unlock(&r->lock);
	tree_hash_free(f.hash);
	if (result < 0)
		spool_fail(item, &why);
	else
		spool_finish(item);
}

static bool is_sound(struct remote_store *r, const char *key)
{
	pthread_mutex_lock(&r->tables);
	bool sound = strmap_has(&r->sound, key);
	pthread_mutex_unlock(&r->tables);
	return sound;
}

static void note_sound(struct remote_store *r, const char *key)
{
	pthread_mutex_lock(&r->tables);
	strmap_set(&r->sound, key, NULL);
	pthread_mutex_unlock(&r->tables);
}

/* True if a file holds what its manifest says. */
static bool holds_entry(int fd, const struct manifest_entry *e)
{
	struct tree_hash *h = tree_hash_new();
	struct stat st;
	bool holds = fstat(fd, &st) == 0 && (uint64_t)st.st_size == e->size &&
		     tree_hash_fd(fd, e->size, h, NULL, NULL, NULL) == 0 && has_hash(h, e);

	tree_hash_free(h);
	return holds;
}

/*
 * Opens a file's item, which is fetched where it is not there or not right. Lock held, unless
 * the item is known to be sound.
 */
static int fetch_or_check(struct remote_store *r, const char *version,
	const struct manifest_entry *e, const char *key, bool sound, struct err *err)
{
	struct spool_item *item;

	for (int attempt = 0; attempt < 2; attempt++) {
		enum spool_role role = spool_get(r->spool, key, &item);
		if (role == SPOOL_WRITE)
			fetch_file(r, version, e, item);
		int fd = spool_open_fd(item, r->cancel, err);
		bool right = fd < 0 || sound || role == SPOOL_WRITE || holds_entry(fd, e);
		if (!right)
			spool_discard(item);
		spool_release(item);
		if (right) {
			if (fd >= 0)
				note_sound(r, key);
			return fd;
		}
		fd_close(&fd);
	}
	return err_set(err, ERR_INTEGRITY, "%s in the cache is damaged, and stays so", key);
}

static int open_file(struct store *s, const char *model, const char *version, const char *path,
	struct err *err)
{
	struct remote_store *r = remote(s);
	autofree char *name = xasprintf("%s/%s", model, version);
	char key[SPOOL_KEY_MAX];

	const struct manifest *m = get_manifest(r, model, version, err);
	const struct manifest_entry *e = m ? manifest_find(m, path) : NULL;
	if (!e)
		return m ? err_set(err, ERR_NOTFOUND, "%s has no file %s", name, path) : -1;
	raw_key(e, key);
	bool sound = is_sound(r, key);
	if (!sound)
		pthread_mutex_lock(&r->lock);
	int fd = fetch_or_check(r, name, e, key, sound, err);
	if (!sound)
		pthread_mutex_unlock(&r->lock);
	return fd < 0 ? err_wrap(err, "fetching %s/%s", name, path) : fd;
}

static void free_store(struct store *s)
{
	struct remote_store *r = remote(s);

	link_close(r->link, deadline_in(2));
	strmap_release(&r->manifests, free_manifest);
	strmap_release(&r->sound, NULL);
	if (r->versions)
		strlist_release(r->versions);
	free(r->versions);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->tables);
	free(s->location);
	free(r);
}

static const struct store_ops remote_store_ops = {
	.kind = "remote",
	.list_models = list_models,
	.list_versions = list_versions,
	.check_version = check_version,
	.read_manifest = read_manifest,
	.open_file = open_file,
	.version_usage = remote_version_usage,
	.linked_versions = remote_linked_versions,
	.remove_version = remote_remove_version,
	.empty_trash = remote_empty_trash,
	.read_note = remote_read_note,
	.write_note = remote_write_note,
	.free = free_store,
};

static int open_root(
	struct remote_store *r, const char *root, const char *holder, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	uint8_t buffer[8192];
	struct msg_writer w;
	struct wire_root_open open = {
		.root = STORE_ROOT,
		.flags = holder ? WIRE_ROOT_LEASE : 0,
		.path = root,
		.holder = holder ? holder : "",
	};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_root_open(&w, &open);
	return remote_store_ask(r, WIRE_ROOT_OPEN, &w, &answer, err);
}

struct store *remote_store_open(struct connection *connection, const char *root,
	const char *holder, struct spool *spool, deadline until, const struct cancel *cancel,
	struct err *err)
{
	struct link *link;
	uint16_t ctx;

	if (connection_open(connection, &link, &ctx, until, cancel, err) < 0) {
		err_wrap(err, "store on %s", connection->link.name);
		return NULL;
	}
	struct remote_store *r = xcalloc(1, sizeof(*r));
	r->store.ops = &remote_store_ops;
	r->store.location = xasprintf("%s:%s", connection->link.name, root);
	r->link = link;
	r->ctx = ctx;
	r->spool = spool;
	r->cancel = cancel;
	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&r->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&r->tables, NULL);
	if (open_root(r, root, holder, err) < 0) {
		err_wrap(err, "store %s", r->store.location);
		free_store(&r->store);
		return NULL;
	}
	return &r->store;
}
