/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/op.h"

static const struct {
	uint8_t kind;
	const char *name;
} kind_names[] = {
	{WIRE_REPLY, "REPLY"},
	{WIRE_ERROR, "ERROR"},
	{WIRE_EVENT, "EVENT"},
	{WIRE_DATA, "DATA"},
	{WIRE_BYE, "BYE"},
	{WIRE_HELLO, "HELLO"},
	{WIRE_PING, "PING"},
	{WIRE_ECHO, "ECHO"},
	{WIRE_BECOME, "BECOME"},
	{WIRE_COPY_SELF, "COPY_SELF"},
	{WIRE_PRUNE_HELPERS, "PRUNE_HELPERS"},
	{WIRE_ROOT_OPEN, "ROOT_OPEN"},
	{WIRE_ROOT_CLOSE, "ROOT_CLOSE"},
	{WIRE_DISK, "DISK"},
	{WIRE_LIST, "LIST"},
	{WIRE_LINKED, "LINKED"},
	{WIRE_VERSION_CHECK, "VERSION_CHECK"},
	{WIRE_VERSION_BEGIN, "VERSION_BEGIN"},
	{WIRE_FILE_PUT, "FILE_PUT"},
	{WIRE_VERSION_COMMIT, "VERSION_COMMIT"},
	{WIRE_VERSION_ABORT, "VERSION_ABORT"},
	{WIRE_VERSION_REMOVE, "VERSION_REMOVE"},
	{WIRE_EXTRA_REMOVE, "EXTRA_REMOVE"},
	{WIRE_VERSION_USAGE, "VERSION_USAGE"},
	{WIRE_STAGING_REMOVE, "STAGING_REMOVE"},
	{WIRE_TRASH_EMPTY, "TRASH_EMPTY"},
	{WIRE_SIGNATURE, "SIGNATURE"},
	{WIRE_MANIFEST_MAKE, "MANIFEST_MAKE"},
	{WIRE_FILE_READ, "FILE_READ"},
	{WIRE_NOTE_READ, "NOTE_READ"},
	{WIRE_NOTE_WRITE, "NOTE_WRITE"},
	{WIRE_MANIFEST_REHASH, "MANIFEST_REHASH"},
	{WIRE_MODULE, "MODULE"},
	{WIRE_BLOB_PUT, "BLOB_PUT"},
	{WIRE_BLOB_DROP, "BLOB_DROP"},
	{WIRE_TRANSACTION_BEGIN, "TRANSACTION_BEGIN"},
	{WIRE_TRANSACTION_CONFIRM, "TRANSACTION_CONFIRM"},
	{WIRE_TRANSACTION_UNDO, "TRANSACTION_UNDO"},
	{WIRE_TRANSACTION_LIST, "TRANSACTION_LIST"},
	{WIRE_TUNNEL_OPEN, "TUNNEL_OPEN"},
	{WIRE_TUNNEL_EXCHANGE, "TUNNEL_EXCHANGE"},
	{WIRE_TUNNEL_CLOSE, "TUNNEL_CLOSE"},
};

const char *wire_kind_name(uint8_t kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (kind_names[i].kind == kind)
			return kind_names[i].name;
	}
	return "?";
}

/* Starts reading a frame's payload. */
static struct msg_reader reader_of(const struct frame *f)
{
	struct msg_reader r;

	msg_read(&r, f->data, f->len);
	return r;
}

/* Ends a record of a list: 1, or -1 when it was cut. */
static int end_record(const struct msg_reader *r, const char *what, struct err *err)
{
	return r->bad ? err_set(err, ERR_PROTOCOL, "%s is cut or malformed", what) : 1;
}

/* Writes a text of which at most max bytes are kept. */
static void put_cut(struct msg_writer *w, const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	msg_put_u16(w, (uint16_t)n);
	msg_put_raw(w, s, n);
	msg_put_u8(w, 0);
}

void wire_put_error(struct msg_writer *w, const struct wire_error *e)
{
	msg_put_u16(w, (uint16_t)e->code);
	msg_put_u32(w, (uint32_t)e->sys);
	put_cut(w, e->text, ERR_TEXT_MAX);
	put_cut(w, e->path, WIRE_PATH_MAX);
}

int wire_get_error(const struct frame *f, struct wire_error *e, struct err *err)
{
	struct msg_reader r = reader_of(f);
	unsigned code = msg_u16(&r);

	e->code = code > ERR_NONE && code <= ERR_DENIED ? (enum err_code)code : ERR_SYSTEM;
	e->sys = (int)(msg_u32(&r) & 0xffff);
	e->text = msg_string(&r, ERR_TEXT_MAX);
	e->path = msg_string(&r, WIRE_PATH_MAX);
	return msg_end(&r, "an ERROR", err);
}

void wire_put_progress(struct msg_writer *w, const struct wire_progress *p)
{
	msg_put_u64(w, p->done);
	msg_put_u64(w, p->total);
}

int wire_get_progress(const struct frame *f, struct wire_progress *p, struct err *err)
{
	struct msg_reader r = reader_of(f);

	p->done = msg_u64(&r);
	p->total = msg_u64(&r);
	return msg_end(&r, "an EVENT", err);
}

void wire_put_hello(struct msg_writer *w, const struct wire_hello *h)
{
	msg_put_string(w, h->version);
	msg_put_string(w, h->machine);
	msg_put_string(w, h->hostname);
	msg_put_string(w, h->user);
	msg_put_string(w, h->home);
	msg_put_u32(w, h->uid);
	msg_put_u32(w, h->gid);
	msg_put_u32(w, h->umask);
	msg_put_i64(w, h->now_s);
	msg_put_u32(w, h->now_ns);
	msg_put_u8(w, h->root_pending);
}

int wire_get_hello(const struct frame *f, struct wire_hello *h, struct err *err)
{
	struct msg_reader r = reader_of(f);

	h->version = msg_string(&r, 255);
	h->machine = msg_string(&r, 255);
	h->hostname = msg_string(&r, 255);
	h->user = msg_string(&r, 255);
	h->home = msg_string(&r, WIRE_PATH_MAX);
	h->uid = msg_u32(&r);
	h->gid = msg_u32(&r);
	h->umask = msg_u32(&r);
	h->now_s = msg_i64(&r);
	h->now_ns = msg_u32(&r);
	h->root_pending = msg_u8(&r);
	return msg_end(&r, "HELLO's answer", err);
}

void wire_put_become(struct msg_writer *w, const struct wire_become *b)
{
	msg_put_u16(w, b->ctx);
	msg_put_u32(w, b->seconds);
	msg_put_string(w, b->mark);
	msg_put_string(w, b->password);
	msg_put_u16(w, b->argc);
	for (unsigned i = 0; i < b->argc; i++)
		msg_put_string(w, b->argv[i]);
}

int wire_get_become(const struct frame *f, struct wire_become *b, struct err *err)
{
	struct msg_reader r = reader_of(f);

	*b = (struct wire_become){0};
	b->ctx = msg_u16(&r);
	b->seconds = msg_u32(&r);
	b->mark = msg_string(&r, 255);
	b->password = msg_string(&r, 1023);
	b->argc = msg_u16(&r);
	if (b->argc == 0 || b->argc > WIRE_ARGV_MAX)
		return err_set(err, ERR_PROTOCOL,
			"a BECOME request has %u arguments; 1 to %d are allowed", b->argc,
			WIRE_ARGV_MAX);
	for (unsigned i = 0; i < b->argc; i++)
		b->argv[i] = msg_string(&r, WIRE_PATH_MAX);
	return msg_end(&r, "a BECOME request", err);
}

void wire_put_root_open(struct msg_writer *w, const struct wire_root_open *o)
{
	msg_put_u8(w, o->root);
	msg_put_u8(w, o->flags);
	msg_put_u16(w, o->mode);
	msg_put_string(w, o->path);
	msg_put_string(w, o->holder);
}

int wire_get_root_open(const struct frame *f, struct wire_root_open *o, struct err *err)
{
	struct msg_reader r = reader_of(f);

	o->root = msg_u8(&r);
	o->flags = msg_u8(&r);
	o->mode = msg_u16(&r);
	o->path = msg_string(&r, WIRE_PATH_MAX);
	o->holder = msg_string(&r, 255);
	return msg_end(&r, "a ROOT_OPEN request", err);
}

void wire_put_disk(struct msg_writer *w, const struct wire_disk *d)
{
	msg_put_u64(w, d->bytes_free);
	msg_put_u64(w, d->bytes_total);
	msg_put_u64(w, d->inodes_free);
	msg_put_u32(w, d->block_size);
}

int wire_get_disk(const struct frame *f, struct wire_disk *d, struct err *err)
{
	struct msg_reader r = reader_of(f);

	d->bytes_free = msg_u64(&r);
	d->bytes_total = msg_u64(&r);
	d->inodes_free = msg_u64(&r);
	d->block_size = msg_u32(&r);
	return msg_end(&r, "a DISK answer", err);
}

void wire_put_version_check(struct msg_writer *w, const struct wire_version_check *c)
{
	msg_put_u8(w, c->root);
	msg_put_u8(w, c->flags);
	msg_put_string(w, c->version);
	msg_put_raw(w, c->digest, WIRE_DIGEST_SIZE);
}

int wire_get_version_check(const struct frame *f, struct wire_version_check *c, struct err *err)
{
	struct msg_reader r = reader_of(f);

	c->root = msg_u8(&r);
	c->flags = msg_u8(&r);
	c->version = msg_string(&r, WIRE_VERSION_MAX);
	msg_raw(&r, c->digest, WIRE_DIGEST_SIZE);
	return msg_end(&r, "a VERSION_CHECK request", err);
}

void wire_put_check_head(struct msg_writer *w, const struct wire_check_head *h)
{
	msg_put_u8(w, h->state);
	msg_put_u8(w, h->staged);
	msg_put_u32(w, h->drift_count);
	msg_put_u64(w, h->hashed);
}

int wire_get_check_head(struct msg_reader *r, struct wire_check_head *h, struct err *err)
{
	h->state = msg_u8(r);
	h->staged = msg_u8(r);
	h->drift_count = msg_u32(r);
	h->hashed = msg_u64(r);
	return end_record(r, "VERSION_CHECK's answer", err) < 0 ? -1 : 0;
}

void wire_put_drift(struct msg_writer *w, const struct wire_drift *d)
{
	msg_put_u8(w, d->kind);
	msg_put_u8(w, d->newer);
	msg_put_u64(w, d->size);
	msg_put_i64(w, d->mtime_s);
	msg_put_string(w, d->path);
}

int wire_get_drift(struct msg_reader *r, struct wire_drift *d, struct err *err)
{
	if (!r->bad && msg_left(r) == 0)
		return 0;
	d->kind = msg_u8(r);
	d->newer = msg_u8(r);
	d->size = msg_u64(r);
	d->mtime_s = msg_i64(r);
	d->path = msg_string(r, WIRE_PATH_MAX);
	return end_record(r, "a drift record", err);
}

void wire_put_version_begin(struct msg_writer *w, const struct wire_version_begin *b)
{
	msg_put_u8(w, b->root);
	msg_put_u8(w, b->stage);
	msg_put_u8(w, b->flags);
	msg_put_string(w, b->version);
	msg_put_raw(w, b->digest, WIRE_DIGEST_SIZE);
	msg_put_u32(w, b->manifest_len);
}

int wire_get_version_begin(const struct frame *f, struct wire_version_begin *b, struct err *err)
{
	struct msg_reader r = reader_of(f);

	b->root = msg_u8(&r);
	b->stage = msg_u8(&r);
	b->flags = msg_u8(&r);
	b->version = msg_string(&r, WIRE_VERSION_MAX);
	msg_raw(&r, b->digest, WIRE_DIGEST_SIZE);
	b->manifest_len = msg_u32(&r);
	return msg_end(&r, "a VERSION_BEGIN request", err);
}

void wire_put_plan(struct msg_writer *w, const struct wire_plan *p)
{
	msg_put_u32(w, p->index);
	msg_put_u8(w, p->state);
	msg_put_u64(w, p->offset);
	if (p->state != WIRE_PLAN_BASIS)
		return;
	msg_put_u8(w, p->basis_known);
	msg_put_raw(w, p->basis_hash, WIRE_HASH_SIZE);
	msg_put_u64(w, p->basis_size);
	msg_put_string(w, p->basis_version);
	msg_put_string(w, p->basis_path);
}

int wire_get_plan(struct msg_reader *r, struct wire_plan *p, struct err *err)
{
	if (!r->bad && msg_left(r) == 0)
		return 0;
	*p = (struct wire_plan){.basis_version = "", .basis_path = ""};
	p->index = msg_u32(r);
	p->state = msg_u8(r);
	p->offset = msg_u64(r);
	if (p->state == WIRE_PLAN_BASIS) {
		p->basis_known = msg_u8(r);
		msg_raw(r, p->basis_hash, WIRE_HASH_SIZE);
		p->basis_size = msg_u64(r);
		p->basis_version = msg_string(r, WIRE_VERSION_MAX);
		p->basis_path = msg_string(r, WIRE_PATH_MAX);
	}
	return end_record(r, "a plan record", err);
}

void wire_put_file_put(struct msg_writer *w, const struct wire_file_put *p)
{
	msg_put_u8(w, p->stage);
	msg_put_u8(w, p->form);
	msg_put_u8(w, p->encoding);
	msg_put_u32(w, p->index);
	msg_put_u64(w, p->offset);
}

int wire_get_file_put(struct msg_reader *r, struct wire_file_put *p, struct err *err)
{
	p->stage = msg_u8(r);
	p->form = msg_u8(r);
	p->encoding = msg_u8(r);
	p->index = msg_u32(r);
	p->offset = msg_u64(r);
	return end_record(r, "a FILE_PUT request", err) < 0 ? -1 : 0;
}

void wire_put_version_end(struct msg_writer *w, const struct wire_version_end *e)
{
	msg_put_u8(w, e->stage);
	msg_put_u8(w, e->flags);
}

int wire_get_version_end(const struct frame *f, struct wire_version_end *e, struct err *err)
{
	struct msg_reader r = reader_of(f);

	e->stage = msg_u8(&r);
	e->flags = msg_u8(&r);
	return msg_end(&r, "the end of a stage", err);
}

void wire_put_committed(struct msg_writer *w, const struct wire_committed *c)
{
	msg_put_u8(w, c->repaired);
	msg_put_u32(w, c->files);
	msg_put_u32(w, c->newer);
}

int wire_get_committed(const struct frame *f, struct wire_committed *c, struct err *err)
{
	struct msg_reader r = reader_of(f);

	c->repaired = msg_u8(&r);
	c->files = msg_u32(&r);
	c->newer = msg_u32(&r);
	return msg_end(&r, "VERSION_COMMIT's answer", err);
}

void wire_put_version_ref(struct msg_writer *w, const struct wire_version_ref *v)
{
	msg_put_u8(w, v->root);
	msg_put_string(w, v->version);
	msg_put_string(w, v->path);
}

int wire_get_version_ref(const struct frame *f, struct wire_version_ref *v, struct err *err)
{
	struct msg_reader r = reader_of(f);

	v->root = msg_u8(&r);
	v->version = msg_string(&r, WIRE_VERSION_MAX);
	v->path = msg_string(&r, WIRE_PATH_MAX);
	return msg_end(&r, "a reference to a version", err);
}

void wire_put_rehash(struct msg_writer *w, const struct wire_rehash *h)
{
	msg_put_u8(w, h->root);
	msg_put_string(w, h->version);
	msg_put_u64(w, h->bytes_per_second);
}

int wire_get_rehash(const struct frame *f, struct wire_rehash *h, struct err *err)
{
	struct msg_reader r = reader_of(f);

	h->root = msg_u8(&r);
	h->version = msg_string(&r, WIRE_VERSION_MAX);
	h->bytes_per_second = msg_u64(&r);
	return msg_end(&r, "a MANIFEST_REHASH request", err);
}

void wire_put_usage(struct msg_writer *w, const struct wire_usage *u)
{
	msg_put_u64(w, u->bytes);
	msg_put_u64(w, u->frees);
}

int wire_get_usage(const struct frame *f, struct wire_usage *u, struct err *err)
{
	struct msg_reader r = reader_of(f);

	u->bytes = msg_u64(&r);
	u->frees = msg_u64(&r);
	return msg_end(&r, "VERSION_USAGE's answer", err);
}

void wire_put_freed(struct msg_writer *w, const struct wire_freed *f)
{
	msg_put_u64(w, f->bytes);
}

int wire_get_freed(const struct frame *f, struct wire_freed *out, struct err *err)
{
	struct msg_reader r = reader_of(f);

	out->bytes = msg_u64(&r);
	return msg_end(&r, "the answer of a removal", err);
}

void wire_put_linked(struct msg_writer *w, const struct wire_linked *l)
{
	msg_put_string(w, l->version);
}

int wire_get_linked(struct msg_reader *r, struct wire_linked *l, struct err *err)
{
	if (!r->bad && msg_left(r) == 0)
		return 0;
	l->version = msg_string(r, WIRE_VERSION_MAX);
	return end_record(r, "a version that a link leads to", err);
}

void wire_put_note(struct msg_writer *w, const struct wire_note *n)
{
	msg_put_u8(w, n->root);
	msg_put_string(w, n->name);
	msg_put_u32(w, n->len);
}

int wire_get_note(const struct frame *f, struct wire_note *n, struct err *err)
{
	struct msg_reader r = reader_of(f);

	n->root = msg_u8(&r);
	n->name = msg_string(&r, WIRE_VERSION_MAX);
	n->len = msg_u32(&r);
	return msg_end(&r, "a request about a note", err);
}

void wire_put_range(struct msg_writer *w, const struct wire_range *g)
{
	msg_put_u8(w, g->root);
	msg_put_string(w, g->version);
	msg_put_string(w, g->path);
	msg_put_u64(w, g->offset);
	msg_put_u64(w, g->length);
	msg_put_u32(w, g->block_len);
	msg_put_u8(w, g->strong_len);
}

int wire_get_range(const struct frame *f, struct wire_range *g, struct err *err)
{
	struct msg_reader r = reader_of(f);

	g->root = msg_u8(&r);
	g->version = msg_string(&r, WIRE_VERSION_MAX);
	g->path = msg_string(&r, WIRE_PATH_MAX);
	g->offset = msg_u64(&r);
	g->length = msg_u64(&r);
	g->block_len = msg_u32(&r);
	g->strong_len = msg_u8(&r);
	return msg_end(&r, "a request for a range", err);
}

void wire_put_list_item(struct msg_writer *w, const struct wire_list_item *i)
{
	msg_put_u8(w, i->kind);
	msg_put_string(w, i->version);
	msg_put_raw(w, i->digest, WIRE_DIGEST_SIZE);
	msg_put_u32(w, i->files);
	msg_put_u64(w, i->bytes);
	msg_put_i64(w, i->written);
}

int wire_get_list_item(struct msg_reader *r, struct wire_list_item *i, struct err *err)
{
	if (!r->bad && msg_left(r) == 0)
		return 0;
	i->kind = msg_u8(r);
	i->version = msg_string(r, WIRE_VERSION_MAX);
	msg_raw(r, i->digest, WIRE_DIGEST_SIZE);
	i->files = msg_u32(r);
	i->bytes = msg_u64(r);
	i->written = msg_i64(r);
	return end_record(r, "an item of a list", err);
}
