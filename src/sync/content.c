/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/content.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/strmap.h"
#include "tree/compress.h"
#include "tree/delta.h"

#define READ_CHUNK       ((size_t)256 << 10)
#define DELTA_WORTH_PART 0.9        /* a delta larger than this part of the file does not pay */
#define DECOMPRESS_RATE  100000000u /* bytes of content a second, on a small node */
#define SAVING_LARGE     20         /* percent that are worth any node's time */

struct content {
	struct store *store;
	struct spool *spool;
	struct content_version *versions;
	size_t count;
	pthread_mutex_t lock; /* guards `others` */
	struct strmap others; /* "MODEL/VERSION" -> struct manifest *: possible bases */
	atomic_uint deltas;
	atomic_uint compressed;
	atomic_ullong delta_bytes;
};

static void compressor_cleanup(struct compressor **z)
{
	compressor_free(*z);
}

static void signature_cleanup(struct signature **s)
{
	signature_free(*s);
}

static int write_compressed(void *arg, const void *data, size_t n, struct err *err)
{
	return compressor_feed(arg, data, n, err);
}

static int read_version(struct content *c, const struct version_use *use,
	const struct cancel *cancel, struct content_version *v, struct err *err)
{
	v->use = use;
	v->path = xasprintf("%s/%s", use->model->name, use->version);
	strbuf_init(&v->wire);
	if (store_read_model(c->store, use->model, use->version, cancel, &v->manifest, err) < 0)
		return -1;
	manifest_write(&v->manifest, &v->wire);
	return 0;
}

struct content *content_open(struct store *store, const struct resolution *r,
	struct spool *spool, const struct cancel *cancel, struct diags *d, struct err *err)
{
	struct content *c = xcalloc(1, sizeof(*c));
	size_t before = d->errors;

	pthread_mutex_init(&c->lock, NULL);
	c->store = store;
	c->versions = xcalloc(r->use_count, sizeof(*c->versions));
	c->spool = spool;
	for (size_t i = 0; i < r->use_count && !cancel_level(cancel); i++) {
		struct err why = {0};
		c->count++;
		if (read_version(c, &r->uses[i], cancel, &c->versions[i], &why) < 0)
			diag_error(
				d, &r->uses[i].place, "%s: %s", c->versions[i].path, why.text);
	}
	if (cancel_level(cancel))
		err_set(err, ERR_CANCELLED, "interrupted");
	else if (d->errors == before)
		return c;
	else
		err_set(err, ERR_INPUT, "versions in the store cannot be used");
	content_close(c);
	return NULL;
}

static void free_manifest(void *value)
{
	manifest_release(value);
	free(value);
}

void content_close(struct content *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		manifest_release(&c->versions[i].manifest);
		strbuf_release(&c->versions[i].wire);
		free(c->versions[i].path);
	}
	free(c->versions);
	strmap_release(&c->others, free_manifest);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct content_version *content_version(const struct content *c, size_t use)
{
	return &c->versions[use];
}

void content_counters(const struct content *c, struct content_counters *out)
{
	out->deltas = atomic_load(&c->deltas);
	out->compressed = atomic_load(&c->compressed);
	out->delta_bytes = atomic_load(&c->delta_bytes);
}

static int open_entry(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, struct err *err)
{
	return store_open_file(c->store, v->use->model->name, v->use->version, e->path, err);
}

/* A sink that appends to an item and looks for cancellation now and then. */
struct item_sink {
	struct spool_item *item;
	const struct cancel *cancel;
	uint64_t written;
};

static int write_item(void *arg, const void *data, size_t n, struct err *err)
{
	struct item_sink *sink = arg;

	if (cancel_level(sink->cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	sink->written += n;
	return spool_write(sink->item, data, n, err);
}

/* Compresses what a file holds between two offsets. */
static int compress_file(
	int fd, uint64_t at, uint64_t size, struct item_sink *sink, struct err *err)
{
	struct tree_sink out = {write_item, sink};
	AUTO(compressor_cleanup) struct compressor *z = compressor_new(COMPRESS_LEVEL, &out);
	autofree uint8_t *buffer = xmalloc(READ_CHUNK);

	while (at < size) {
		size_t want = size - at < READ_CHUNK ? (size_t)(size - at) : READ_CHUNK;
		ssize_t n = fd_pread_full(fd, buffer, want, at);
		if (n < 0)
			return err_sys(err, "cannot read from the store");
		if ((size_t)n < want)
			return err_set(err, ERR_INTEGRITY,
				"a file of the store became shorter during the run");
		if (compressor_feed(z, buffer, (size_t)n, err) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return compressor_end(z, err);
}

/* Ends an item as its maker went: whole, or failed with the reason. */
static void conclude(struct spool_item *item, int result, const struct err *why)
{
	if (result < 0)
		spool_fail(item, why);
	else
		spool_finish(item);
}

/* The name of a file's content from an offset on, compressed. */
static void compressed_key(
	const struct manifest_entry *e, uint64_t offset, char key[SPOOL_KEY_MAX])
{
	char hash[2 * TREE_HASH_SIZE + 1], from[32] = "";

	hex_encode(e->hash, TREE_HASH_SIZE, hash);
	if (offset)
		snprintf(from, sizeof(from), "-from-%llu", (unsigned long long)offset);
	snprintf(key, SPOOL_KEY_MAX, "%s-%llu%s.zst", hash, (unsigned long long)e->size, from);
}

static int whole_compressed(struct content *c, const struct manifest_entry *e, int fd,
	const struct cancel *cancel, struct content_stream *out, struct err *err)
{
	char key[SPOOL_KEY_MAX];

	compressed_key(e, out->offset, key);
	if (spool_get(c->spool, key, &out->item) == SPOOL_WRITE) {
		struct item_sink sink = {.item = out->item, .cancel = cancel};
		struct err why = {0};
		int result = compress_file(fd, out->offset, e->size, &sink, &why);
		conclude(out->item, result, &why);
		if (result < 0)
			return err_set(err, why.code, "%s: %s", e->path, why.text);
		atomic_fetch_add(&c->compressed, 1);
	}
	out->encoding = WIRE_PUT_ZSTD;
	return 0;
}

bool content_compresses(unsigned saving, uint64_t rate)
{
	if (rate == CONTENT_RAW || saving == 0)
		return false;
	return saving >= SAVING_LARGE || rate < (uint64_t)saving * (DECOMPRESS_RATE / 100);
}

int content_whole(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, uint64_t offset, uint64_t rate,
	const struct cancel *cancel, struct content_stream *out, struct err *err)
{
	autofd int fd = open_entry(c, v, e, err);

	*out = (struct content_stream)CONTENT_STREAM_INIT;
	out->form = WIRE_PUT_WHOLE;
	out->offset = offset;
	if (fd < 0)
		return -1;
	/* From anywhere else on, the compressed form would be of use to one host only. */
	bool shared = offset == 0 || offset == CONTENT_TRIAL_SIZE;
	int saving = 0;
	if (rate != CONTENT_RAW && shared && e->size - offset >= CONTENT_COMPRESS_MIN)
		saving = compress_saving_fd(fd, e->size, err);
	if (saving < 0)
		return -1;
	bool trial = rate == 0 && offset == 0 && e->size >= CONTENT_TRIAL_MIN &&
		     saving < SAVING_LARGE;
	if (!trial && content_compresses((unsigned)saving, rate))
		return whole_compressed(c, e, fd, cancel, out, err);
	out->encoding = WIRE_PUT_RAW;
	out->trial = trial ? (unsigned)saving : 0;
	out->at = offset;
	out->fd = fd;
	fd = -1;
	return 0;
}

/* The manifest of a version that may serve as a basis, or NULL when the store lacks it. */
static const struct manifest *other_manifest(struct content *c, const char *version)
{
	pthread_mutex_lock(&c->lock);
	struct manifest *m = strmap_get(&c->others, version);
	if (!m) {
		m = xcalloc(1, sizeof(*m));
		autofree char *model = xstrdup(version);
		char *slash = strchr(model, '/');
		if (slash) {
			*slash = '\0';
			store_read_manifest(c->store, model, slash + 1, NULL, m, NULL);
		}
		strmap_set(&c->others, version, m);
	}
	pthread_mutex_unlock(&c->lock);
	return m->count ? m : NULL;
}

/* Opens the basis in our own store if it has the same bytes as the node's; -1 if not. */
static int open_own_basis(struct content *c, const struct wire_plan *basis)
{
	if (!basis->basis_known)
		return -1;
	const struct manifest *m = other_manifest(c, basis->basis_version);
	const struct manifest_entry *e = m ? manifest_find(m, basis->basis_path) : NULL;
	if (!e || e->kind != MANIFEST_FILE || e->size != basis->basis_size ||
		memcmp(e->hash, basis->basis_hash, TREE_HASH_SIZE) != 0)
		return -1;
	autofree char *model = xstrdup(basis->basis_version);
	char *slash = strchr(model, '/');
	*slash = '\0';
	return store_open_file(c->store, model, slash + 1, e->path, NULL);
}

/* The basis's signature, from the store or from the node. */
static int read_signature(struct content *c, const struct wire_plan *basis,
	content_pull_signature pull, void *pull_arg, struct strbuf *out, struct err *err)
{
	autofd int fd = open_own_basis(c, basis);

	if (fd < 0)
		return pull(pull_arg, basis, out, err);
	struct fd_range range = {.fd = fd, .left = basis->basis_size};
	struct tree_source source = fd_range_source(&range);
	struct tree_sink sink = strbuf_sink(out);
	return signature_make(&source, delta_block_len(basis->basis_size), &sink, err);
}

static ssize_t read_strbuf(void *arg, void *buffer, size_t n, struct err *err)
{
	struct strbuf *b = arg; /* `cap` is not ours: the position stands in a slice */

	(void)err;
	if (n > b->len)
		n = b->len;
	memcpy(buffer, b->data, n);
	b->data += n;
	b->len -= n;
	return (ssize_t)n;
}

static int make_delta(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, const struct strbuf *signature, struct item_sink *sink,
	struct err *err)
{
	struct strbuf slice = {.data = signature->data, .len = signature->len};
	struct tree_source from = {read_strbuf, &slice};
	AUTO(signature_cleanup) struct signature *s = signature_load(&from, err);
	autofd int fd = s ? open_entry(c, v, e, err) : -1;
	struct delta_stats stats = {0};

	if (fd < 0)
		return -1;
	struct tree_sink out = {write_item, sink};
	AUTO(compressor_cleanup) struct compressor *z = compressor_new(COMPRESS_LEVEL, &out);
	struct tree_sink into = {write_compressed, z};
	struct fd_range range = {.fd = fd, .left = e->size};
	struct tree_source newer = fd_range_source(&range);
	int result = delta_make(s, &newer, &into, &stats, err);
	if (result < 0 || (result == DELTA_DONE && compressor_end(z, err) < 0))
		return -1;
	if (result == DELTA_GIVEN_UP ||
		(double)sink->written > (double)e->size * DELTA_WORTH_PART)
		return err_set(err, ERR_UNSUPPORTED, "a delta does not pay");
	return 0;
}

/*
 * The name of a delta. A basis that the node has verified is named by its hash; any other by
 * the hash of its signature, which is all that a delta depends on.
 */
static void delta_key(const struct manifest_entry *e, const struct wire_plan *basis,
	const struct strbuf *signature, char key[SPOOL_KEY_MAX])
{
	char from[2 * TREE_HASH_SIZE + 1], to[2 * TREE_HASH_SIZE + 1];
	uint8_t hash[TREE_HASH_SIZE];

	memcpy(hash, basis->basis_hash, TREE_HASH_SIZE);
	if (!basis->basis_known) {
		struct tree_hash *h = tree_hash_new();
		tree_hash_add(h, signature->data, signature->len);
		tree_hash_get(h, hash);
		tree_hash_free(h);
	}
	hex_encode(hash, TREE_HASH_SIZE, from);
	hex_encode(e->hash, TREE_HASH_SIZE, to);
	snprintf(key, SPOOL_KEY_MAX, "%s-%s-%llu-%s-%llu.delta.zst",
		basis->basis_known ? "basis" : "signature", from,
		(unsigned long long)basis->basis_size, to, (unsigned long long)e->size);
}

/* Makes the delta into an item that this worker writes. */
static void write_delta(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, const struct strbuf *signature,
	const struct cancel *cancel, struct spool_item *item)
{
	struct item_sink sink = {.item = item, .cancel = cancel};
	struct err why = {0};
	int result = make_delta(c, v, e, signature, &sink, &why);

	conclude(item, result, &why);
	if (result == 0) {
		atomic_fetch_add(&c->deltas, 1);
		atomic_fetch_add(&c->delta_bytes, sink.written);
	}
}

/* Gets the delta's item, making it where this worker is the first. */
static int get_delta(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, const struct wire_plan *basis,
	content_pull_signature pull, void *pull_arg, const struct cancel *cancel,
	struct spool_item **item, struct err *err)
{
	AUTO(strbuf_release) struct strbuf signature = STRBUF_INIT;
	char key[SPOOL_KEY_MAX];
	struct err why = {0};

	if (!basis->basis_known && pull(pull_arg, basis, &signature, err) < 0)
		return -1;
	delta_key(e, basis, &signature, key);
	if (spool_get(c->spool, key, item) != SPOOL_WRITE)
		return 0;
	if (basis->basis_known &&
		read_signature(c, basis, pull, pull_arg, &signature, &why) < 0) {
		/* Without a signature the file goes whole; a lost link shows by itself. */
		if (why.code != ERR_CANCELLED)
			why.code = ERR_UNSUPPORTED;
		spool_fail(*item, &why);
		return 0;
	}
	write_delta(c, v, e, &signature, cancel, *item);
	return 0;
}

int content_delta(struct content *c, const struct content_version *v,
	const struct manifest_entry *e, const struct wire_plan *basis,
	content_pull_signature pull, void *pull_arg, const struct cancel *cancel,
	struct content_stream *out, struct err *err)
{
	struct err why = {0};

	*out = (struct content_stream)CONTENT_STREAM_INIT;
	if (e->size < CONTENT_DELTA_MIN)
		return 0;
	if (get_delta(c, v, e, basis, pull, pull_arg, cancel, &out->item, err) < 0)
		return -1;
	if (spool_wait(out->item, cancel, &why) < 0) {
		content_stream_release(out);
		if (why.code == ERR_UNSUPPORTED)
			return 0;
		return err_set(err, why.code, "%s: %s", e->path, why.text);
	}
	out->form = WIRE_PUT_DELTA;
	out->encoding = WIRE_PUT_ZSTD;
	return 1;
}

ssize_t content_stream_read(struct content_stream *s, void *buffer, size_t n,
	const struct cancel *cancel, struct err *err)
{
	ssize_t got;

	if (s->trial && s->at < CONTENT_TRIAL_SIZE && n > CONTENT_TRIAL_SIZE - s->at)
		n = (size_t)(CONTENT_TRIAL_SIZE - s->at);
	if (s->item) {
		got = spool_read(s->item, buffer, n, s->at, cancel, err);
	} else {
		got = fd_pread_full(s->fd, buffer, n, s->at);
		if (got < 0)
			err_sys(err, "cannot read from the store");
	}
	if (got > 0)
		s->at += (uint64_t)got;
	return got;
}

void content_stream_release(struct content_stream *s)
{
	spool_release(s->item);
	fd_close(&s->fd);
	*s = (struct content_stream)CONTENT_STREAM_INIT;
}
