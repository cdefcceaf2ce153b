/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/frame.h"

/* Frames of many sizes, one behind the other. */
static void make_stream(struct strbuf *out, unsigned count)
{
	autofree uint8_t *payload = xcalloc(1, FRAME_PAYLOAD_MAX);

	for (unsigned i = 0; i < count; i++) {
		size_t len = i == 3 ? FRAME_PAYLOAD_MAX : i * 37 % 5000;
		memset(payload, (int)i, len);
		struct frame f = {.id = i + 1,
			.kind = (uint8_t)(i + 16),
			.flags = (uint8_t)i,
			.ctx = (uint16_t)(i * 256),
			.data = payload,
			.len = len};
		frame_append(&f, out);
	}
}

static void expect_frame(const struct frame *f, unsigned i)
{
	assert_int_equal(f->id, i + 1);
	assert_int_equal(f->kind, i + 16);
	assert_int_equal(f->flags, i);
	assert_int_equal(f->ctx, i * 256);
	assert_int_equal(f->len, i == 3 ? FRAME_PAYLOAD_MAX : i * 37 % 5000);
	for (size_t k = 0; k < f->len; k++)
		assert_int_equal(f->data[k], i);
}

static void frames_come_out_as_they_went_in_whatever_the_chunks(void **state)
{
	AUTO(strbuf_release) struct strbuf stream = STRBUF_INIT;
	const size_t chunks[] = {1, 2, 11, 12, 13, 1000, 32767, 32768, 32769, 1000000};

	(void)state;
	make_stream(&stream, 20);
	for (size_t c = 0; c < ARRAY_SIZE(chunks); c++) {
		struct frame_decoder d = {0};
		unsigned seen = 0;
		for (size_t at = 0; at < stream.len; at += chunks[c]) {
			const uint8_t *p = (const uint8_t *)stream.data + at;
			size_t n = stream.len - at < chunks[c] ? stream.len - at : chunks[c];
			struct frame f;
			while (frame_decode(&d, &p, &n, &f, NULL) == 1)
				expect_frame(&f, seen++);
			assert_int_equal(n, 0);
		}
		assert_int_equal(seen, 20);
		assert_false(frame_decoder_partial(&d));
		frame_decoder_release(&d);
	}
}

static void a_whole_frame_is_not_copied(void **state)
{
	AUTO(strbuf_release) struct strbuf stream = STRBUF_INIT;
	struct frame_decoder d = {0};
	struct frame f;

	(void)state;
	make_stream(&stream, 2);
	const uint8_t *p = (const uint8_t *)stream.data;
	size_t n = stream.len;
	assert_int_equal(frame_decode(&d, &p, &n, &f, NULL), 1);
	assert_ptr_equal(f.data, stream.data + FRAME_HEADER_SIZE);
	assert_null(d.buffer);
}

static void a_length_beyond_the_limit_is_refused(void **state)
{
	uint8_t header[FRAME_HEADER_SIZE];
	struct frame f = {.id = 1, .len = FRAME_PAYLOAD_MAX + 1};
	struct err err = {0};

	(void)state;
	frame_put_header(&f, header);
	for (size_t chunk = 1; chunk <= sizeof(header); chunk += sizeof(header) - 1) {
		struct frame_decoder d = {0};
		int result = 0;
		for (size_t at = 0; at < sizeof(header) && result == 0; at += chunk) {
			const uint8_t *p = header + at;
			size_t n = chunk;
			result = frame_decode(&d, &p, &n, &f, &err);
		}
		assert_int_equal(result, -1);
		assert_int_equal(err.code, ERR_PROTOCOL);
		frame_decoder_release(&d);
	}
}

static void a_cut_frame_is_known_as_such(void **state)
{
	AUTO(strbuf_release) struct strbuf stream = STRBUF_INIT;
	struct frame_decoder d = {0};
	struct frame f;

	(void)state;
	make_stream(&stream, 3);
	const uint8_t *p = (const uint8_t *)stream.data;
	size_t n = stream.len - 1;
	while (frame_decode(&d, &p, &n, &f, NULL) == 1)
		;
	assert_true(frame_decoder_partial(&d));
	frame_decoder_release(&d);
}

/* Feeds text and the magic in chunks; the result of the last scan. */
static int scan(struct magic_scanner *s, const void *data, size_t len, size_t chunk,
	size_t *left, struct err *err)
{
	int result = 0;

	for (size_t at = 0; at < len && result == 0; at += chunk) {
		const uint8_t *p = (const uint8_t *)data + at;
		size_t n = len - at < chunk ? len - at : chunk;
		result = magic_scan(s, &p, &n, err);
		*left = n;
	}
	return result;
}

static void the_magic_is_found_behind_noise(void **state)
{
	static const char *const noises[] = {"", "Welcome to Debian\r\n", "\x7f", "\x7fMODEL",
		"\x7f\x7f\x7fMODELFLEET\r\n", "\x7fMODELFLEET\r\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(noises); i++) {
		for (size_t chunk = 1; chunk < 40; chunk++) {
			AUTO(strbuf_release) struct strbuf stream = STRBUF_INIT;
			AUTO(magic_scanner_release)
			struct magic_scanner s = MAGIC_SCANNER_INIT;
			size_t left;
			strbuf_addstr(&stream, noises[i]);
			strbuf_add(&stream, wire_magic, WIRE_MAGIC_SIZE);
			assert_int_equal(
				scan(&s, stream.data, stream.len, chunk, &left, NULL), 1);
			assert_int_equal(s.noise.len, strlen(noises[i]));
			assert_memory_equal(s.noise.data, noises[i], s.noise.len);
		}
	}
}

static void what_follows_the_magic_is_left(void **state)
{
	AUTO(strbuf_release) struct strbuf stream = STRBUF_INIT;
	AUTO(magic_scanner_release) struct magic_scanner s = MAGIC_SCANNER_INIT;
	size_t left;

	(void)state;
	strbuf_add(&stream, wire_magic, WIRE_MAGIC_SIZE);
	strbuf_addstr(&stream, "frames");
	assert_int_equal(scan(&s, stream.data, stream.len, 1000, &left, NULL), 1);
	assert_int_equal(left, 6);
}

static void another_version_is_named(void **state)
{
	AUTO(magic_scanner_release) struct magic_scanner s = MAGIC_SCANNER_INIT;
	uint8_t magic[WIRE_MAGIC_SIZE];
	struct err err = {0};
	size_t left;

	(void)state;
	memcpy(magic, wire_magic, sizeof(magic));
	magic[WIRE_MAGIC_SIZE - 1] = 9;
	assert_int_equal(scan(&s, magic, sizeof(magic), 5, &left, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "version 9"));
}

static void noise_without_end_is_given_up(void **state)
{
	AUTO(magic_scanner_release) struct magic_scanner s = MAGIC_SCANNER_INIT;
	autofree char *noise = xcalloc(1, WIRE_NOISE_MAX + 1);
	struct err err = {0};
	size_t left;

	(void)state;
	memset(noise, 'y', WIRE_NOISE_MAX + 1);
	assert_int_equal(scan(&s, noise, WIRE_NOISE_MAX, 1000, &left, &err), 0);
	assert_int_equal(scan(&s, noise, 1, 1000, &left, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_as_they_went_in_whatever_the_chunks),
		cmocka_unit_test(a_whole_frame_is_not_copied),
		cmocka_unit_test(a_length_beyond_the_limit_is_refused),
		cmocka_unit_test(a_cut_frame_is_known_as_such),
		cmocka_unit_test(the_magic_is_found_behind_noise),
		cmocka_unit_test(what_follows_the_magic_is_left),
		cmocka_unit_test(another_version_is_named),
		cmocka_unit_test(noise_without_end_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
