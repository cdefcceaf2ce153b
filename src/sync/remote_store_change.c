/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a store on another host beside its versions' content: what they take, their
 * end, and the store's own notes.
 */
#include "sync/remote_store_private.h"

/* ---- what versions take, and their end ---- */

/* Asks about "MODEL/VERSION". The answer's payload is appended to `out`. */
static int ask_path(struct remote_store *r, uint8_t kind, const char *path, struct strbuf *out,
	struct err *err)
{
	uint8_t buffer[WIRE_VERSION_MAX + 32];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_ref(&w,
		&(struct wire_version_ref){.root = STORE_ROOT, .version = path, .path = ""});
	if (w.overflow)
		return err_set(err, ERR_LIMIT, "%s: the name is too long", path);
	pthread_mutex_lock(&r->lock);
	int result = remote_store_ask(r, kind, &w, out, err);
	pthread_mutex_unlock(&r->lock);
	return result < 0 ? err_wrap(err, "%s", r->store.location) : 0;
}

static int ask_version(struct remote_store *r, uint8_t kind, const char *model,
	const char *version, struct strbuf *out, struct err *err)
{
	autofree char *path = xasprintf("%s/%s", model, version);

	return ask_path(r, kind, path, out, err);
}

/* Asks about the whole root. */
static int ask_root(struct remote_store *r, uint8_t kind, struct strbuf *out, struct err *err)
{
	uint8_t root = STORE_ROOT;
	struct msg_writer w = {.data = &root, .len = 1, .cap = 1};

	pthread_mutex_lock(&r->lock);
	int result = remote_store_ask(r, kind, &w, out, err);
	pthread_mutex_unlock(&r->lock);
	return result < 0 ? err_wrap(err, "%s", r->store.location) : 0;
}

int remote_version_usage(struct store *s, const char *model, const char *version,
	struct tree_usage *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct wire_usage usage;

	if (ask_version(remote(s), WIRE_VERSION_USAGE, model, version, &answer, err) < 0)
		return -1;
	struct frame f = {.data = (const uint8_t *)answer.data, .len = answer.len};
	if (wire_get_usage(&f, &usage, err) < 0)
		return -1;
	*out = (struct tree_usage){.bytes = usage.bytes, .frees = usage.frees};
	return 0;
}

int remote_linked_versions(struct store *s, struct strlist *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct msg_reader reader;
	struct wire_linked linked;
	int more;

	if (ask_root(remote(s), WIRE_LINKED, &answer, err) < 0)
		return -1;
	msg_read(&reader, answer.data, answer.len);
	while ((more = wire_get_linked(&reader, &linked, err)) == 1)
		strlist_add(out, linked.version);
	return more;
}

static int add_freed(const struct strbuf *answer, uint64_t *freed, struct err *err)
{
	struct frame f = {.data = (const uint8_t *)answer->data, .len = answer->len};
	struct wire_freed got;

	if (wire_get_freed(&f, &got, err) < 0)
		return -1;
	*freed += got.bytes;
	return 0;
}

/* What was known of a version that has gone is not true any more. */
static void forget_version(struct remote_store *r, const char *model, const char *version)
{
	autofree char *path = xasprintf("%s/%s", model, version);

	pthread_mutex_lock(&r->tables);
	struct manifest *m = strmap_remove(&r->manifests, path);
	pthread_mutex_unlock(&r->tables);
	if (m)
		manifest_release(m);
	free(m);
	pthread_mutex_lock(&r->lock);
	if (r->versions)
		strlist_release(r->versions);
	free(r->versions);
	r->versions = NULL;
	pthread_mutex_unlock(&r->lock);
}

int remote_remove_version(struct store *s, const char *model, const char *version,
	uint64_t *freed, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;

	if (ask_version(remote(s), WIRE_VERSION_REMOVE, model, version, &answer, err) < 0)
		return -1;
	forget_version(remote(s), model, version);
	return add_freed(&answer, freed, err);
}

int remote_empty_trash(struct store *s, uint64_t *freed, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;

	if (ask_root(remote(s), WIRE_TRASH_EMPTY, &answer, err) < 0)
		return -1;
	return add_freed(&answer, freed, err);
}

/* ---- staging ---- */

int remote_store_staging(
	struct store *s, unsigned seconds, struct strlist *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct remote_store *r = remote(s);
	struct msg_reader reader;
	struct wire_list_item item;
	int more;

	if (ask_root(r, WIRE_LIST, &answer, err) < 0)
		return -1;
	int64_t now = link_hello(r->link)->now_s;
	msg_read(&reader, answer.data, answer.len);
	while ((more = wire_get_list_item(&reader, &item, err)) == 1)
		if (item.kind == WIRE_LISTED_STAGING && item.written <= now - (int64_t)seconds)
			strlist_add(out, item.version);
	return more;
}

int remote_store_remove_staging(
	struct store *s, const char *path, uint64_t *freed, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;

	if (ask_path(remote(s), WIRE_STAGING_REMOVE, path, &answer, err) < 0)
		return -1;
	return add_freed(&answer, freed, err);
}

/* ---- notes ---- */

int remote_read_note(struct store *s, const char *name, struct strbuf *out, struct err *err)
{
	struct remote_store *r = remote(s);
	uint8_t buffer[WIRE_VERSION_MAX + 32];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_note(&w, &(struct wire_note){.root = STORE_ROOT, .name = name});
	pthread_mutex_lock(&r->lock);
	int result = remote_store_ask(r, WIRE_NOTE_READ, &w, out, err);
	pthread_mutex_unlock(&r->lock);
	if (result < 0)
		return err_wrap(err, "%s", s->location);
	if (out->len > STORE_NOTE_MAX)
		return err_set(err, ERR_LIMIT, "%s: %s has more than %u bytes", s->location,
			name, STORE_NOTE_MAX);
	return 0;
}

/* Sends a request whose stream is these bytes, and waits for its answer. Lock held. */
static int send_note(struct remote_store *r, const struct msg_writer *w, const char *data,
	size_t n, struct err *err)
{
	struct frame f = {
		.kind = WIRE_NOTE_WRITE, .ctx = r->ctx, .data = w->data, .len = w->len};
	uint32_t id = link_send(r->link, &f, err);
	size_t at = 0;

	if (!id)
		return -1;
	do {
		size_t piece = n - at < FRAME_PAYLOAD_MAX ? n - at : FRAME_PAYLOAD_MAX;
		f = (struct frame){.id = id,
			.kind = WIRE_DATA,
			.ctx = r->ctx,
			.flags = at + piece == n ? FRAME_LAST : 0,
			.data = (const uint8_t *)data + at,
			.len = piece};
		if (!link_send_bulk(r->link, &f, remote_store_deadline(), err))
			return -1;
		at += piece;
	} while (at < n);
	do {
		if (link_next_of(r->link, id, &f, remote_store_deadline(), err) < 0)
			return -1;
	} while (f.kind != WIRE_REPLY);
	return 0;
}

int remote_write_note(
	struct store *s, const char *name, const void *data, size_t n, struct err *err)
{
	struct remote_store *r = remote(s);
	uint8_t buffer[WIRE_VERSION_MAX + 32];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_note(
		&w, &(struct wire_note){.root = STORE_ROOT, .name = name, .len = (uint32_t)n});
	pthread_mutex_lock(&r->lock);
	int result = send_note(r, &w, data, n, err);
	pthread_mutex_unlock(&r->lock);
	return result < 0 ? err_wrap(err, "%s", s->location) : 0;
}
