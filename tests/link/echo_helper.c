/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node helper that only echoes: what the link's tests run on the other side. It writes in
 * pieces of random size with pauses in between, and it reads nothing while it writes, as a
 * helper on a busy node does.
 *
 * Requests beyond the protocol's own, for tests only: kind 200 exits at once without BYE,
 * 201 answers as many frames of 32 kB as its payload says (u32), 202 sleeps so many
 * milliseconds, 203 writes its payload to standard error.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "wire/frame.h"
#include "wire/op.h"

enum { TEST_EXIT = 200, TEST_FLOOD = 201, TEST_SLEEP = 202, TEST_STDERR = 203 };

static unsigned seed;

/* Writes all bytes in pieces of random size. */
static void write_pieces(const char *data, size_t n)
{
	while (n > 0) {
		size_t piece = rand_r(&seed) % 4 ? n : 1 + (size_t)rand_r(&seed) % n;
		if (fd_write_all(STDOUT_FILENO, data, piece) < 0)
			_exit(1);
		data += piece;
		n -= piece;
		if (rand_r(&seed) % 256 == 0)
			usleep((useconds_t)rand_r(&seed) % 3000);
	}
}

static void answer(const struct frame *request, uint8_t kind, const void *data, size_t len)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct frame f = *request;

	f.kind = kind;
	f.flags = 0;
	f.data = data;
	f.len = len;
	frame_append(&f, &out);
	write_pieces(out.data, out.len);
}

static void say_hello(const struct frame *request)
{
	static uint8_t fields[1024];
	struct msg_writer w;
	const char *home = getenv("HOME");
	struct wire_hello hello = {
		.version = "test",
		.machine = "x86_64",
		.hostname = "echo",
		.user = "tester",
		.home = home ? home : "/",
		.uid = (uint32_t)getuid(),
	};

	msg_begin(&w, fields, sizeof(fields));
	wire_put_hello(&w, &hello);
	answer(request, WIRE_REPLY, fields, w.len);
}

static uint32_t number_of(const struct frame *f)
{
	struct msg_reader r;

	msg_read(&r, f->data, f->len);
	return msg_u32(&r);
}

static void flood(const struct frame *f)
{
	static char block[FRAME_PAYLOAD_MAX];

	for (uint32_t left = number_of(f); left > 0; left--) {
		memset(block, (int)(left & 0xff), sizeof(block));
		answer(f, WIRE_REPLY, block, sizeof(block));
	}
}

/* An ERROR with the text "no such kind". */
static void refuse(const struct frame *f)
{
	uint8_t fields[256];
	struct msg_writer w;
	struct wire_error e = {
		.code = ERR_UNSUPPORTED, .sys = 95, .text = "no such kind", .path = ""};

	msg_begin(&w, fields, sizeof(fields));
	wire_put_error(&w, &e);
	answer(f, WIRE_ERROR, fields, w.len);
}

static void serve(const struct frame *f)
{
	switch (f->kind) {
	case WIRE_HELLO: say_hello(f); break;
	case WIRE_ECHO: answer(f, WIRE_REPLY, f->data, f->len); break;
	case WIRE_PING:
	case WIRE_PRUNE_HELPERS: answer(f, WIRE_REPLY, "", 0); break;
	case WIRE_BYE: answer(f, WIRE_BYE, "", 0); exit(0);
	case TEST_EXIT: _exit(3);
	case TEST_FLOOD: flood(f); break;
	case TEST_SLEEP: usleep(number_of(f) * 1000); break;
	case TEST_STDERR:
		if (fd_write_all(STDERR_FILENO, f->data, f->len) < 0)
			_exit(1);
		break;
	default: refuse(f);
	}
}

int main(void)
{
	static uint8_t chunk[65536];
	struct frame_decoder decoder = {0};
	struct frame f;
	struct err err = {0};

	seed = (unsigned)getpid();
	write_pieces((const char *)wire_magic, WIRE_MAGIC_SIZE);
	if (fd_read_full(STDIN_FILENO, chunk, WIRE_MAGIC_SIZE) != WIRE_MAGIC_SIZE ||
		memcmp(chunk, wire_magic, WIRE_MAGIC_SIZE) != 0)
		return 1;
	for (;;) {
		ssize_t got =
			read(STDIN_FILENO, chunk, 1 + (size_t)rand_r(&seed) % sizeof(chunk));
		if (got <= 0)
			return 1;
		const uint8_t *at = chunk;
		size_t n = (size_t)got;
		while (frame_decode(&decoder, &at, &n, &f, &err) > 0)
			serve(&f);
		if (err.code)
			return 1;
	}
}
