/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/message.h"

void msg_begin(struct msg_writer *w, void *buffer, size_t cap)
{
	*w = (struct msg_writer){.data = buffer, .cap = cap};
}

void msg_put_raw(struct msg_writer *w, const void *data, size_t n)
{
	if (w->overflow || n > w->cap - w->len) {
		w->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(w->data + w->len, data, n);
	w->len += n;
}

/* Writes the low n bytes of v, lowest first. */
static void put_number(struct msg_writer *w, uint64_t v, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	msg_put_raw(w, bytes, n);
}

void msg_put_u8(struct msg_writer *w, uint8_t v)
{
	put_number(w, v, 1);
}

void msg_put_u16(struct msg_writer *w, uint16_t v)
{
	put_number(w, v, 2);
}

void msg_put_u32(struct msg_writer *w, uint32_t v)
{
	put_number(w, v, 4);
}

void msg_put_u64(struct msg_writer *w, uint64_t v)
{
	put_number(w, v, 8);
}

void msg_put_i64(struct msg_writer *w, int64_t v)
{
	put_number(w, (uint64_t)v, 8);
}

void msg_put_bytes(struct msg_writer *w, const void *data, size_t n)
{
	if (n > UINT32_MAX) {
		w->overflow = true;
		return;
	}
	msg_put_u32(w, (uint32_t)n);
	msg_put_raw(w, data, n);
}

void msg_put_string(struct msg_writer *w, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		w->overflow = true;
		return;
	}
	msg_put_u16(w, (uint16_t)n);
	msg_put_raw(w, s, n + 1);
}

size_t msg_room(const struct msg_writer *w)
{
	return w->overflow ? 0 : w->cap - w->len;
}

void msg_read(struct msg_reader *r, const void *data, size_t n)
{
	*r = (struct msg_reader){.at = data, .end = (const uint8_t *)data + n};
}

size_t msg_left(const struct msg_reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->at);
}

/* Takes n bytes; NULL, and bad for good, when they are not there. */
static const uint8_t *take(struct msg_reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->bad || n > (size_t)(r->end - r->at)) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	return at;
}

static uint64_t get_number(struct msg_reader *r, size_t n)
{
	const uint8_t *p = take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t msg_u8(struct msg_reader *r)
{
	return (uint8_t)get_number(r, 1);
}

uint16_t msg_u16(struct msg_reader *r)
{
	return (uint16_t)get_number(r, 2);
}

uint32_t msg_u32(struct msg_reader *r)
{
	return (uint32_t)get_number(r, 4);
}

uint64_t msg_u64(struct msg_reader *r)
{
	return get_number(r, 8);
}

int64_t msg_i64(struct msg_reader *r)
{
	return (int64_t)get_number(r, 8);
}

const uint8_t *msg_bytes(struct msg_reader *r, size_t *n)
{
	uint32_t len = msg_u32(r);
	const uint8_t *p = take(r, len);

	*n = p ? len : 0;
	return p ? p : (const uint8_t *)"";
}

void msg_raw(struct msg_reader *r, void *out, size_t n)
{
	const uint8_t *p = take(r, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

const char *msg_string(struct msg_reader *r, size_t max)
{
	size_t n = msg_u16(r);
	const uint8_t *p = n <= max ? take(r, n + 1) : NULL;

	if (!p || memchr(p, 0, n + 1) != p + n) {
		r->bad = true;
		return "";
	}
	return (const char *)p;
}

int msg_end(const struct msg_reader *r, const char *what, struct err *err)
{
	if (r->bad)
		return err_set(err, ERR_PROTOCOL, "%s is cut or malformed", what);
	if (r->at != r->end)
		return err_set(err, ERR_PROTOCOL, "%s has %zu bytes behind its last field",
			what, (size_t)(r->end - r->at));
	return 0;
}
