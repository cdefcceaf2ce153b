/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/remote_version.h"

#include "sync/content.h"
#include "sync/host.h"
#include "sync/remote_store_private.h"

/* ---- publishing ---- */

/* What would be resolved for a host that wants this one version and nothing else. */
struct only {
	struct model model;
	struct version_use use;
	struct wanted wanted;
	struct resolution resolution;
	struct host_models models;
};

static void only_init(struct only *o, const struct publish_request *q, const char *host)
{
	*o = (struct only){
		.model = {.name = q->model, .current = q->version},
		.use = {.model = &o->model, .version = q->version, .hosts = 1},
		.wanted = {.model = &o->model, .version = q->version},
		.resolution = {.uses = &o->use, .use_count = 1},
		.models = {.host = host, .items = &o->wanted, .count = 1},
	};
}

/* The one finding behind a content that could not be opened. */
static int content_error(const struct diags *d, struct err *err)
{
	return d->count ? err_set(err, ERR_INPUT, "%s", d->items[0].text) : -1;
}

static int send_version(struct remote_store *r, struct store *from, const struct only *o,
	const struct sync_options *options, uint64_t *sent, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	AUTO(sync_report_release) struct sync_report report = {0};

	struct content *content =
		content_open(from, &o->resolution, r->spool, r->cancel, &d, err);
	if (!content)
		return content_error(&d, err);
	pthread_mutex_lock(&r->lock);
	int result = sync_host(r->link, content, &o->models, options, &report, err);
	pthread_mutex_unlock(&r->lock);
	content_close(content);
	*sent = report.bytes_sent;
	return result;
}

int remote_store_publish(struct store *s, const struct publish_source *source, double stall,
	remote_progress progress, void *arg, uint64_t *sent, struct err *err)
{
	struct remote_store *r = remote(s);
	const struct sync_options options = {
		.ctx = r->ctx,
		.root_is_open = true,
		.stall = stall,
		.until = DEADLINE_NEVER,
		.cancel = r->cancel,
		.progress = progress,
		.progress_arg = arg,
	};
	struct only only;

	*sent = 0;
	only_init(&only, source->request, s->location);
	struct store *from = publish_store_new(source, err);
	if (!from)
		return -1;
	int result = send_version(r, from, &only, &options, sent, err);
	store_free(from);
	return result;
}

/* ---- reading again ---- */

/* Appends the answer to a request; events tell how far the work is. Lock held. */
static int follow(struct remote_store *r, uint32_t id, remote_progress progress, void *arg,
	struct strbuf *out, struct err *err)
{
	struct wire_progress p;
	struct frame f;

	do {
		if (link_next_of(r->link, id, &f, remote_store_deadline(), err) < 0)
			return -1;
		if (f.kind == WIRE_REPLY)
			strbuf_add(out, f.data, f.len);
		else if (f.kind == WIRE_EVENT && progress &&
			 wire_get_progress(&f, &p, err) == 0)
			progress(arg, p.done, p.total);
	} while (f.kind != WIRE_REPLY || (f.flags & FRAME_MORE));
	return 0;
}

static int ask_rehash(struct remote_store *r, const char *path, uint64_t rate,
	remote_progress progress, void *arg, struct strbuf *out, struct err *err)
{
	struct wire_rehash h = {.root = STORE_ROOT, .version = path, .bytes_per_second = rate};
	uint8_t buffer[WIRE_VERSION_MAX + 32];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_rehash(&w, &h);
	if (w.overflow)
		return err_set(err, ERR_LIMIT, "%s: the name is too long", path);
	const struct frame f = {
		.kind = WIRE_MANIFEST_REHASH, .ctx = r->ctx, .data = w.data, .len = w.len};
	pthread_mutex_lock(&r->lock);
	uint32_t id = link_send(r->link, &f, err);
	int result = id ? follow(r, id, progress, arg, out, err) : -1;
	pthread_mutex_unlock(&r->lock);
	return result;
}

int remote_store_rehash(struct store *s, const char *model, const char *version,
	uint64_t bytes_per_second, remote_progress progress, void *arg, struct manifest *out,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	autofree char *path = xasprintf("%s/%s", model, version);

	*out = (struct manifest){0};
	if (ask_rehash(remote(s), path, bytes_per_second, progress, arg, &answer, err) < 0)
		return -1;
	if (manifest_parse(out, answer.data, answer.len, err) == 0)
		return 0;
	manifest_release(out);
	return -1;
}

int remote_store_read_file(struct store *s, const char *model, const char *version,
	const char *path, size_t max, struct strbuf *out, struct err *err)
{
	struct remote_store *r = remote(s);
	autofree char *name = xasprintf("%s/%s", model, version);
	uint8_t buffer[WIRE_VERSION_MAX + WIRE_PATH_MAX + 64];
	struct wire_range range = {
		.root = STORE_ROOT, .version = name, .path = path, .length = WIRE_READ_MAX};
	size_t start = out->len, before;
	int result;

	pthread_mutex_lock(&r->lock);
	do {
		struct msg_writer w;
		before = out->len;
		range.offset = before - start;
		msg_begin(&w, buffer, sizeof(buffer));
		wire_put_range(&w, &range);
		result = remote_store_ask(r, WIRE_FILE_READ, &w, out, err);
	} while (result == 0 && out->len - before == WIRE_READ_MAX && out->len - start <= max);
	pthread_mutex_unlock(&r->lock);
	if (result == 0 && out->len - start > max)
		return err_set(
			err, ERR_LIMIT, "%s/%s has more than %zu bytes", name, path, max);
	return result;
}
