/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#define MAGIC_FIXED (WIRE_MAGIC_SIZE - 1)

const uint8_t wire_magic[WIRE_MAGIC_SIZE] = {0x7f, 'M', 'O', 'D', 'E', 'L', 'F', 'L', 'E', 'E',
	'T', '\r', '\n', 0, '\n', WIRE_VERSION};

/*
 * The first byte occurs nowhere else in the magic, so after a mismatch a new match can only
 * begin at the mismatching byte itself: no table of prefixes is needed.
 */
static void mismatch(struct magic_scanner *s, uint8_t byte)
{
	strbuf_add(&s->noise, wire_magic, s->matched);
	s->matched = byte == wire_magic[0];
	if (!s->matched)
		strbuf_addch(&s->noise, (char)byte);
}

int magic_scan(struct magic_scanner *s, const uint8_t **data, size_t *n, struct err *err)
{
	while (*n > 0) {
		uint8_t byte = **data;

		(*data)++;
		(*n)--;
		if (s->matched == MAGIC_FIXED) {
			if (byte == WIRE_VERSION)
				return 1;
			return err_set(err, ERR_UNSUPPORTED,
				"the other side speaks version %u of the protocol, we speak %d",
				byte, WIRE_VERSION);
		}
		if (byte == wire_magic[s->matched])
			s->matched++;
		else
			mismatch(s, byte);
		if (s->noise.len > WIRE_NOISE_MAX)
			return err_set(err, ERR_LIMIT,
				"more than %u bytes came, and no node helper among them",
				WIRE_NOISE_MAX);
	}
	return 0;
}

void magic_scanner_release(struct magic_scanner *s)
{
	strbuf_release(&s->noise);
	s->matched = 0;
}
