/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of MODULE, BLOB_PUT and the TUNNEL operations.
 */
#include "wire/op.h"

/* Starts reading a frame's payload. */
static struct msg_reader reader_of(const struct frame *f)
{
	struct msg_reader r;

	msg_read(&r, f->data, f->len);
	return r;
}

void wire_put_module(struct msg_writer *w, const struct wire_module *m)
{
	uint64_t bits;

	memcpy(&bits, &m->timeout, sizeof(bits));
	msg_put_string(w, m->name);
	msg_put_u32(w, m->args_len);
	msg_put_u64(w, bits);
}

int wire_get_module(const struct frame *f, struct wire_module *m, struct err *err)
{
	struct msg_reader r = reader_of(f);
	uint64_t bits;

	m->name = msg_string(&r, WIRE_MODULE_NAME_MAX);
	m->args_len = msg_u32(&r);
	bits = msg_u64(&r);
	memcpy(&m->timeout, &bits, sizeof(bits));
	if (msg_end(&r, "a MODULE request", err) < 0)
		return -1;
	/* The comparison is false for what is no number. */
	if (!(m->timeout >= 0 && m->timeout <= WIRE_MODULE_TIMEOUT_MAX))
		return err_set(err, ERR_PROTOCOL,
			"a MODULE request with a timeout that is not within 0 and %d seconds",
			WIRE_MODULE_TIMEOUT_MAX);
	return 0;
}

void wire_put_blob_put(struct msg_writer *w, const struct wire_blob_put *b)
{
	msg_put_u16(w, b->blob);
	msg_put_u8(w, b->encoding);
	msg_put_u64(w, b->size);
	msg_put_raw(w, b->hash, WIRE_HASH_SIZE);
}

int wire_get_blob_put(const struct frame *f, struct wire_blob_put *b, struct err *err)
{
	struct msg_reader r = reader_of(f);

	b->blob = msg_u16(&r);
	b->encoding = msg_u8(&r);
	b->size = msg_u64(&r);
	msg_raw(&r, b->hash, WIRE_HASH_SIZE);
	return msg_end(&r, "a BLOB_PUT request", err);
}

void wire_put_tunnel_open(struct msg_writer *w, const struct wire_tunnel_open *t)
{
	msg_put_u8(w, t->tunnel);
	msg_put_string(w, t->host);
	msg_put_u16(w, t->port);
	msg_put_u32(w, t->milliseconds);
}

int wire_get_tunnel_open(const struct frame *f, struct wire_tunnel_open *t, struct err *err)
{
	struct msg_reader r = reader_of(f);

	t->tunnel = msg_u8(&r);
	t->host = msg_string(&r, WIRE_PATH_MAX);
	t->port = msg_u16(&r);
	t->milliseconds = msg_u32(&r);
	return msg_end(&r, "a TUNNEL_OPEN request", err);
}

void wire_put_tunnel_exchange(struct msg_writer *w, const struct wire_tunnel_exchange *t)
{
	msg_put_u8(w, t->tunnel);
	msg_put_u8(w, t->flags);
	msg_put_u32(w, t->milliseconds);
	msg_put_u32(w, t->read_max);
	msg_put_raw(w, t->data, t->data_len);
}

int wire_get_tunnel_exchange(
	const struct frame *f, struct wire_tunnel_exchange *t, struct err *err)
{
	struct msg_reader r = reader_of(f);

	t->tunnel = msg_u8(&r);
	t->flags = msg_u8(&r);
	t->milliseconds = msg_u32(&r);
	t->read_max = msg_u32(&r);
	t->data = r.at;
	t->data_len = msg_left(&r);
	if (r.bad)
		return err_set(err, ERR_PROTOCOL, "a TUNNEL_EXCHANGE request is cut");
	return 0;
}
