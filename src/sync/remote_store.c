/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: one link serves all workers, so a mutex lets one conversation happen at
 * a time. A file is fetched by whoever asks for it first; the spool lets the others wait for
 * it without holding the mutex.
 */
#include "sync/remote_store.h"

#include <pthread.h>

#include "base/strmap.h"

#define STORE_ROOT     0
#define ANSWER_SECONDS 300.0 /* a datasink may have to hash a large version */
#define RANGES_MAX     4     /* of FILE_READ, asked for ahead */

struct remote_store {
	struct store store;
	struct link *link;
	uint16_t ctx;
	struct spool *spool;
	const struct cancel *cancel;
	pthread_mutex_t lock;     /* guards link and manifests */
	struct strmap manifests;  /* "MODEL/VERSION" -> struct manifest * */
	struct strlist *versions; /* "MODEL/VERSION", sorted; NULL until listed */
};

static struct remote_store *remote(struct store *s)
{
	return (struct remote_store *)s;
}

static deadline answer_deadline(void)
{
	return deadline_in(ANSWER_SECONDS);
}

/* Sends a request and appends the payloads of its whole answer. Lock held. */
static int ask(struct remote_store *r, uint8_t kind, const struct msg_writer *w,
	struct strbuf *out, struct err *err)
{
	struct frame f = {.kind = kind, .ctx = r->ctx, .data = w->data, .len = w->len};
	uint32_t id = link_send(r->link, &f, err);

	if (!id)
		return -1;
	do {
		if (link_next_of(r->link, id, &f, answer_deadline(), err) < 0)
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
	if (ask(r, WIRE_LIST, &w, &answer, err) < 0)
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

/* The manifest of a version, asked for once. Lock held. */
static const struct manifest *get_manifest(
	struct remote_store *r, const char *model, const char *version, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	autofree char *path = xasprintf("%s/%s", model, version);
	uint8_t buffer[WIRE_VERSION_MAX + 32];
	struct msg_writer w;
	struct manifest *m = strmap_get(&r->manifests, path);

	if (m)
		return m;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_ref(&w,
		&(struct wire_version_ref){.root = STORE_ROOT, .version = path, .path = ""});
	if (w.overflow) {
		err_set(err, ERR_LIMIT, "%s: the name is too long", path);
		return NULL;
	}
	if (ask(r, WIRE_MANIFEST_MAKE, &w, &answer, err) < 0)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	if (manifest_parse(m, answer.data, answer.len, err) < 0) {
		manifest_release(m);
		free(m);
		return NULL;
	}
	strmap_set(&r->manifests, path, m);
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

static unsigned take_all(void *arg, const char *path, enum manifest_kind kind)
{
	(void)arg;
	(void)path;
	(void)kind;
	return MANIFEST_TAKE;
}

static int read_manifest(struct store *s, const char *name, const char *version,
	const struct model *model, const struct cancel *cancel, struct manifest *out,
	struct err *err)
{
	struct remote_store *r = remote(s);
	manifest_filter filter = model ? store_file_verdict : take_all;

	(void)cancel; /* the link has its own */
	pthread_mutex_lock(&r->lock);
	const struct manifest *m = get_manifest(r, name, version, err);
	int result = m ? manifest_select(m, filter, (void *)(uintptr_t)model, out, err) : -1;
	pthread_mutex_unlock(&r->lock);
	return result;
}

/* One file that is being fetched, in ranges that are asked for ahead. Lock held. */
struct fetch {
	struct remote_store *store;
	const char *version; /* "MODEL/VERSION" */
	const struct manifest_entry *entry;
	struct spool_item *item;
	uint64_t asked, got;
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

static int take_range(struct fetch *f, struct err *err)
{
	struct frame frame;

	do {
		if (link_next_of(f->store->link, f->ids[f->first], &frame, answer_deadline(),
			    err) < 0)
			return -1;
		if (frame.kind != WIRE_REPLY)
			continue;
		if (spool_write(f->item, frame.data, frame.len, err) < 0)
			return -1;
		f->got += frame.len;
	} while (frame.kind != WIRE_REPLY || (frame.flags & FRAME_MORE));
	f->first = (f->first + 1) % RANGES_MAX;
	f->count--;
	return 0;
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
	if (f->got != f->entry->size)
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
	struct fetch f = {.store = r, .version = version, .entry = e, .item = item};
	struct err why = {0};

	pthread_mutex_lock(&r->lock);
	int result = fetch_ranges(&f, &why);
	pthread_mutex_unlock(&r->lock);
	if (result < 0)
		spool_fail(item, &why);
	else
		spool_finish(item);
}

static int open_file(struct store *s, const char *model, const char *version, const char *path,
	struct err *err)
{
	struct remote_store *r = remote(s);
	autofree char *name = xasprintf("%s/%s", model, version);
	char key[SPOOL_KEY_MAX];
	struct spool_item *item;

	pthread_mutex_lock(&r->lock);
	const struct manifest *m = get_manifest(r, model, version, err);
	pthread_mutex_unlock(&r->lock);
	const struct manifest_entry *e = m ? manifest_find(m, path) : NULL;
	if (!e)
		return m ? err_set(err, ERR_NOTFOUND, "%s has no file %s", name, path) : -1;
	raw_key(e, key);
	if (spool_get(r->spool, key, &item) == SPOOL_WRITE)
		fetch_file(r, name, e, item);
	int fd = spool_open_fd(item, r->cancel, err);
	spool_release(item);
	return fd < 0 ? err_wrap(err, "fetching %s/%s", name, path) : fd;
}

static void free_manifest(void *value)
{
	manifest_release(value);
	free(value);
}

static void free_store(struct store *s)
{
	struct remote_store *r = remote(s);

	link_close(r->link, deadline_in(2));
	strmap_release(&r->manifests, free_manifest);
	if (r->versions)
		strlist_release(r->versions);
	free(r->versions);
	pthread_mutex_destroy(&r->lock);
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
	return ask(r, WIRE_ROOT_OPEN, &w, &answer, err);
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
	pthread_mutex_init(&r->lock, NULL);
	if (open_root(r, root, holder, err) < 0) {
		err_wrap(err, "store %s", r->store.location);
		free_store(&r->store);
		return NULL;
	}
	return &r->store;
}
