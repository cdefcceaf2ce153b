/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: how engine and node helper cut their byte streams into messages. PROTOCOL.md
 * beside this file is the whole conversation; this header is its lowest layer.
 *
 * Each direction begins with the magic, and then holds nothing but frames. All numbers are
 * little-endian:
 *
 *     offset 0  u32  payload length, at most FRAME_PAYLOAD_MAX
 *            4  u32  request id
 *            8  u8   kind (enum wire_kind in wire/op.h)
 *            9  u8   flags (enum frame_flag)
 *           10  u16  ctx: 0 is the login user's helper, others run under sudo or su
 *           12       payload
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define FRAME_HEADER_SIZE 12u
#define FRAME_MAX         32768u /* a frame with its header */
#define FRAME_PAYLOAD_MAX (FRAME_MAX - FRAME_HEADER_SIZE)

enum frame_flag {
	FRAME_CHECK = 1 << 0, /* request: say what would be done, change nothing */
	FRAME_DIFF = 1 << 1,  /* request: say how texts would differ */
	FRAME_MORE = 1 << 2,  /* answer: further frames of this answer follow */
	FRAME_LAST = 1 << 3,  /* request with a stream, or DATA: the stream ends here */
	FRAME_ABORT = 1 << 4  /* DATA with LAST: the stream is given up, forget the request */
};

/* One frame, decoded. The payload belongs to whoever produced the frame. */
struct frame {
	uint32_t id;
	uint8_t kind;
	uint8_t flags;
	uint16_t ctx;
	const uint8_t *data;
	size_t len;
};

/* Writes the header of a frame whose len is at most FRAME_PAYLOAD_MAX. */
void frame_put_header(const struct frame *f, uint8_t out[FRAME_HEADER_SIZE]);
/* Appends a whole frame, header and payload, to a buffer. */
void frame_append(const struct frame *f, struct strbuf *out);

/*
 * An incremental decoder: fed with chunks of any size, it gives back one frame after the
 * other. A frame that lies whole in a chunk is not copied. An all-zero struct is a fresh
 * decoder; its memory (FRAME_MAX bytes) is allocated when a frame is first cut in two.
 */
struct frame_decoder {
	uint8_t *buffer;
	size_t fill;
};

/*
 * Decodes the next frame from *data, *n bytes, and moves both behind what it consumed.
 * Returns 1 with a frame (valid until the next call, or until the chunk goes away), 0 when
 * all bytes are consumed and more are needed, or -1 with ERR_PROTOCOL for a length that is
 * refused; the stream cannot be used after that.
 */
int frame_decode(struct frame_decoder *d, const uint8_t **data, size_t *n, struct frame *out,
	struct err *err);
/* True if a frame has begun and not ended: an end of the stream here has cut it. */
int frame_decoder_partial(const struct frame_decoder *d);
/* Frees the buffer; the decoder is fresh afterwards. */
void frame_decoder_release(struct frame_decoder *d);

/*
 * The magic: 15 fixed bytes and the protocol's version as the last one. It holds CR LF, LF
 * and NUL, so that a stream which a terminal translated never matches.
 */
#define WIRE_VERSION    1
#define WIRE_MAGIC_SIZE 16u
#define WIRE_NOISE_MAX  65536u
extern const uint8_t wire_magic[WIRE_MAGIC_SIZE];

/*
 * Looks for the magic behind what a login shell may print first. The noise is kept for
 * error messages. Initialise with MAGIC_SCANNER_INIT.
 */
struct magic_scanner {
	struct strbuf noise; /* all bytes before the magic, at most WIRE_NOISE_MAX */
	size_t matched;
};
#define MAGIC_SCANNER_INIT                                                                     \
	{                                                                                      \
		.noise = STRBUF_INIT, .matched = 0                                             \
	}

/*
 * Consumes bytes from *data, *n. Returns 1 behind the magic (the rest are frames), 0 when
 * more bytes are needed, -1 with ERR_PROTOCOL: another version speaks (ERR_UNSUPPORTED), or
 * more than WIRE_NOISE_MAX bytes came without a magic (ERR_LIMIT).
 */
int magic_scan(struct magic_scanner *s, const uint8_t **data, size_t *n, struct err *err);
/* Frees the noise. */
void magic_scanner_release(struct magic_scanner *s);

#endif
