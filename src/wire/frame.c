/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	put_u16(p, (uint16_t)v);
	put_u16(p + 2, (uint16_t)(v >> 16));
}

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get_u32(const uint8_t *p)
{
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

void frame_put_header(const struct frame *f, uint8_t out[FRAME_HEADER_SIZE])
{
	put_u32(out, (uint32_t)f->len);
	put_u32(out + 4, f->id);
	out[8] = f->kind;
	out[9] = f->flags;
	put_u16(out + 10, f->ctx);
}

void frame_append(const struct frame *f, struct strbuf *out)
{
	uint8_t header[FRAME_HEADER_SIZE];

	frame_put_header(f, header);
	strbuf_add(out, header, sizeof(header));
	strbuf_add(out, f->data, f->len);
}

/* Reads a header into *out, whose data stays unset; the length is checked here. */
static int get_header(const uint8_t *p, struct frame *out, struct err *err)
{
	uint32_t len = get_u32(p);

	if (len > FRAME_PAYLOAD_MAX)
		return err_set(err, ERR_PROTOCOL,
			"a frame says that it holds %u bytes; at most %u are allowed", len,
			FRAME_PAYLOAD_MAX);
	*out = (struct frame){.id = get_u32(p + 4),
		.kind = p[8],
		.flags = p[9],
		.ctx = get_u16(p + 10),
		.len = len};
	return 0;
}

/* Moves up to `want` bytes in total into the buffer; true once they are there. */
static int gather(struct frame_decoder *d, size_t want, const uint8_t **data, size_t *n)
{
	size_t take = want > d->fill ? want - d->fill : 0;

	if (take > *n)
		take = *n;
	if (take > 0)
		memcpy(d->buffer + d->fill, *data, take);
	d->fill += take;
	*data += take;
	*n -= take;
	return d->fill >= want;
}

/* A frame whose first part came with an earlier chunk. */
static int decode_gathered(struct frame_decoder *d, const uint8_t **data, size_t *n,
	struct frame *out, struct err *err)
{
	if (!gather(d, FRAME_HEADER_SIZE, data, n))
		return 0;
	if (get_header(d->buffer, out, err) < 0)
		return -1;
	if (!gather(d, FRAME_HEADER_SIZE + out->len, data, n))
		return 0;
	out->data = d->buffer + FRAME_HEADER_SIZE;
	d->fill = 0;
	return 1;
}

int frame_decode(struct frame_decoder *d, const uint8_t **data, size_t *n, struct frame *out,
	struct err *err)
{
	if (d->fill == 0 && *n >= FRAME_HEADER_SIZE) {
		if (get_header(*data, out, err) < 0)
			return -1;
		size_t whole = FRAME_HEADER_SIZE + out->len;
		if (*n >= whole) {
			out->data = *data + FRAME_HEADER_SIZE;
			*data += whole;
			*n -= whole;
			return 1;
		}
	}
	if (*n == 0)
		return 0;
	if (!d->buffer)
		d->buffer = xmalloc(FRAME_MAX);
	return decode_gathered(d, data, n, out, err);
}

int frame_decoder_partial(const struct frame_decoder *d)
{
	return d->fill > 0;
}

void frame_decoder_release(struct frame_decoder *d)
{
	free(d->buffer);
	*d = (struct frame_decoder){0};
}
