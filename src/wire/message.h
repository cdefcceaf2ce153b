/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: typed fields inside a frame's payload, read and written within bounds.
 *
 *     u8 u16 u32 u64 i64   little-endian
 *     bytes                u32 length, then the bytes
 *     string               u16 length, the bytes (no NUL among them), one NUL
 *
 * A list is a number and then its items. Both sides are sticky: after the first failure a
 * writer writes and a reader reads nothing more, so that a caller checks once, at the end.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/frame.h"

/* Writes fields into a caller's buffer. */
struct msg_writer {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool overflow; /* a field did not fit; the message must not be sent */
};

/* Starts a message in a buffer of cap bytes (at most FRAME_PAYLOAD_MAX are useful). */
void msg_begin(struct msg_writer *w, void *buffer, size_t cap);
/* Writes one byte. */
void msg_put_u8(struct msg_writer *w, uint8_t v);
/* Writes 16 bits. */
void msg_put_u16(struct msg_writer *w, uint16_t v);
/* Writes 32 bits. */
void msg_put_u32(struct msg_writer *w, uint32_t v);
/* Writes 64 bits. */
void msg_put_u64(struct msg_writer *w, uint64_t v);
/* Writes 64 bits in two's complement. */
void msg_put_i64(struct msg_writer *w, int64_t v);
/* Writes a length and n bytes. */
void msg_put_bytes(struct msg_writer *w, const void *data, size_t n);
/* Writes n bytes without a length: for digests and the like. */
void msg_put_raw(struct msg_writer *w, const void *data, size_t n);
/* Writes a string of at most 65535 bytes. */
void msg_put_string(struct msg_writer *w, const char *s);
/* Room that is left. */
size_t msg_room(const struct msg_writer *w);

/* Reads fields of a payload. What it returns points into the payload. */
struct msg_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* a field was cut or malformed; all later reads give zeros */
};

/* Starts reading a payload. */
void msg_read(struct msg_reader *r, const void *data, size_t n);
/* Reads one byte. */
uint8_t msg_u8(struct msg_reader *r);
/* Reads 16 bits. */
uint16_t msg_u16(struct msg_reader *r);
/* Reads 32 bits. */
uint32_t msg_u32(struct msg_reader *r);
/* Reads 64 bits. */
uint64_t msg_u64(struct msg_reader *r);
/* Reads 64 bits in two's complement. */
int64_t msg_i64(struct msg_reader *r);
/* Reads bytes; *n is their number. Never NULL. */
const uint8_t *msg_bytes(struct msg_reader *r, size_t *n);
/* Reads n bytes that have no length of their own into out (zeros when they are not there). */
void msg_raw(struct msg_reader *r, void *out, size_t n);
/* Reads a string of at most max bytes, NUL-terminated in place. "" on failure, never NULL. */
const char *msg_string(struct msg_reader *r, size_t max);
/* Bytes that are left. */
size_t msg_left(const struct msg_reader *r);
/*
 * Ends reading: 0 when every field was there and nothing is left over, else -1 with
 * ERR_PROTOCOL naming what (e.g. "a VERSION_CHECK request").
 */
int msg_end(const struct msg_reader *r, const char *what, struct err *err);

#endif
