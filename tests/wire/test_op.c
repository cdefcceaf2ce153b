/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request and answer: what was written is read, and written again gives the same bytes;
 * cut at any byte, or with bytes left over, it is refused as a breach of the protocol.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/op.h"

#define MIB ((uint64_t)1 << 20)

/* What the readers of one kind make of a payload: written again to w; -1 with err. */
typedef int (*op_again)(const struct frame *f, struct msg_writer *w, struct err *err);

/* Writes an example of a kind. */
#define PUT(name, ...)                                                                         \
	static void put_##name(struct msg_writer *w)                                           \
	{                                                                                      \
		const struct wire_##name value = __VA_ARGS__;                                  \
		wire_put_##name(w, &value);                                                    \
	}

/* Fields that fill a frame: OP(name, value) makes put_NAME and again_NAME. */
#define OP(name, ...)                                                                          \
	PUT(name, __VA_ARGS__)                                                                 \
	static int again_##name(const struct frame *f, struct msg_writer *w, struct err *err)  \
	{                                                                                      \
		struct wire_##name value;                                                      \
		if (wire_get_##name(f, &value, err) < 0)                                       \
			return -1;                                                             \
		wire_put_##name(w, &value);                                                    \
		return 0;                                                                      \
	}

/* Fields that others follow, at the beginning of a frame. */
#define HEAD(name, ...)                                                                        \
	PUT(name, __VA_ARGS__)                                                                 \
	static int again_##name(const struct frame *f, struct msg_writer *w, struct err *err)  \
	{                                                                                      \
		struct wire_##name value;                                                      \
		struct msg_reader r;                                                           \
		msg_read(&r, f->data, f->len);                                                 \
		if (wire_get_##name(&r, &value, err) < 0)                                      \
			return -1;                                                             \
		wire_put_##name(w, &value);                                                    \
		msg_put_raw(w, r.at, msg_left(&r));                                            \
		return 0;                                                                      \
	}

/* Records, of which a frame holds as many as there are. */
#define RECORD(name, ...)                                                                      \
	PUT(name, __VA_ARGS__)                                                                 \
	static int again_##name(const struct frame *f, struct msg_writer *w, struct err *err)  \
	{                                                                                      \
		struct wire_##name value;                                                      \
		struct msg_reader r;                                                           \
		int more;                                                                      \
		msg_read(&r, f->data, f->len);                                                 \
		while ((more = wire_get_##name(&r, &value, err)) > 0)                          \
			wire_put_##name(w, &value);                                            \
		return more;                                                                   \
	}

OP(error, {ERR_NOSPACE, 28, "the disk is full", "llama/2026-01-02/a.bin"})
OP(progress, {3 * MIB, UINT64_MAX})
OP(hello, {"0.1.0", "x86_64", "node-1", "models", "/home/models", 1000, 1001, 022, -5,
		  999999999, 1})
OP(become, {.ctx = 2,
		   .seconds = 60,
		   .mark = "password:",
		   .password = "secret",
		   .argc = 2,
		   .argv = {"sudo", "-H"}})
OP(root_open, {15, WIRE_ROOT_CREATE | WIRE_ROOT_LEASE, 0755, "~/models", "ann@admin"})
OP(disk, {1, 2, UINT64_MAX, 4096})
OP(version_check, {1, WIRE_CHECK_REHASH, "llama/2026-01-02", {1, 2, 3}})
OP(version_begin, {1, 63, WIRE_BEGIN_UPDATE, "llama/2026-01-02", {0xff}, UINT32_MAX})
OP(version_end, {63, WIRE_ABORT_DISCARD})
OP(committed, {1, 100000, 3})
OP(version_ref, {1, "llama/2026-01-02", "tmp/é"})
OP(usage, {5 * MIB, 4 * MIB})
OP(freed, {MIB})
OP(note, {1, "reports.json", WIRE_NOTE_MAX})
OP(rehash, {1, "llama/2026-01-02", 10 * MIB})
OP(range, {1, "llama/2026-01-02", "a.bin", 7, WIRE_READ_MAX, 2048, 16})
OP(module, {"copy", 12, 0.5})
OP(blob_put, {WIRE_BLOBS_MAX - 1, WIRE_PUT_ZSTD, MIB, {9, 8, 7}})
OP(transaction_begin, {"2026-01-02T03.04", "deploy llama", 30})
OP(tunnel_open, {7, "/run/x.sock", 65535, 60000})
HEAD(check_head, {WIRE_VERSION_DRIFT, 1, WIRE_DRIFT_MAX + 1, MIB})
HEAD(file_put, {63, WIRE_PUT_DELTA, WIRE_PUT_ZSTD, 41, 0})
RECORD(plan, {.index = 7,
		     .state = WIRE_PLAN_BASIS,
		     .offset = 5,
		     .basis_known = 1,
		     .basis_hash = {4},
		     .basis_size = 6,
		     .basis_version = "llama/2026-01-01",
		     .basis_path = "a.bin"})
RECORD(linked, {"llama/2026-01-02"})
RECORD(list_item, {WIRE_LISTED_STAGING, "llama/2026-01-02", {5}, 3, MIB, -1})

/* What may stand behind the fields. */
enum op_end { END_NOTHING, END_ANYTHING, END_RECORDS };

static const struct op {
	const char *name;
	void (*put)(struct msg_writer *w);
	op_again again;
	enum op_end end;
} ops[] = {
#define ROW(name, end)                                                                         \
	{                                                                                      \
#name, put_##name, again_##name, end                                           \
	}
	ROW(error, END_NOTHING),
	ROW(progress, END_NOTHING),
	ROW(hello, END_NOTHING),
	ROW(become, END_NOTHING),
	ROW(root_open, END_NOTHING),
	ROW(disk, END_NOTHING),
	ROW(version_check, END_NOTHING),
	ROW(version_begin, END_NOTHING),
	ROW(version_end, END_NOTHING),
	ROW(committed, END_NOTHING),
	ROW(version_ref, END_NOTHING),
	ROW(usage, END_NOTHING),
	ROW(freed, END_NOTHING),
	ROW(note, END_NOTHING),
	ROW(rehash, END_NOTHING),
	ROW(range, END_NOTHING),
	ROW(module, END_NOTHING),
	ROW(blob_put, END_NOTHING),
	ROW(transaction_begin, END_NOTHING),
	ROW(tunnel_open, END_NOTHING),
	ROW(check_head, END_ANYTHING),
	ROW(file_put, END_ANYTHING),
	ROW(plan, END_RECORDS),
	ROW(linked, END_RECORDS),
	ROW(list_item, END_RECORDS),
#undef ROW
};

/* Reads n bytes, which end where their memory ends, and writes them again. */
static int read_again(const struct op *op, const uint8_t *data, size_t n, struct msg_writer *w,
	struct err *err)
{
	autofree uint8_t *exact = n ? xmemdup(data, n) : NULL;
	const struct frame f = {.kind = WIRE_REPLY, .data = exact, .len = n};

	err_clear(err);
	return op->again(&f, w, err);
}

static void check_same(const struct op *op, const uint8_t *data, size_t n)
{
	uint8_t buffer[2048];
	struct msg_writer w;
	struct err err;

	msg_begin(&w, buffer, sizeof(buffer));
	if (read_again(op, data, n, &w, &err) < 0)
		fail_msg("%s: %s", op->name, err.text);
	if (w.overflow || w.len != n || memcmp(buffer, data, n) != 0)
		fail_msg("%s: %zu bytes came back as %zu others", op->name, n, w.len);
}

static void check_refused(const struct op *op, const uint8_t *data, size_t n)
{
	uint8_t buffer[2048];
	struct msg_writer w;
	struct err err;

	msg_begin(&w, buffer, sizeof(buffer));
	if (read_again(op, data, n, &w, &err) != -1)
		fail_msg("%s: %zu bytes of it were read", op->name, n);
	if (err.code != ERR_PROTOCOL || !*err.text)
		fail_msg("%s: code %d, \"%s\"", op->name, err.code, err.text);
}

static size_t example(const struct op *op, uint8_t *buffer, size_t size)
{
	struct msg_writer w;

	msg_begin(&w, buffer, size);
	op->put(&w);
	assert_false(w.overflow);
	assert_true(w.len > 0);
	return w.len;
}

static void what_is_written_comes_back(void **state)
{
	uint8_t data[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		check_same(&ops[i], data, example(&ops[i], data, sizeof(data)));
}

static void what_is_cut_is_refused(void **state)
{
	uint8_t data[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		size_t n = example(&ops[i], data, sizeof(data));
		/* No bytes are no records, which is the end of them. */
		for (size_t cut = ops[i].end == END_RECORDS; cut < n; cut++)
			check_refused(&ops[i], data, cut);
	}
}

static void what_is_left_over_is_refused(void **state)
{
	uint8_t data[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		size_t n = example(&ops[i], data, sizeof(data) - 1);
		data[n] = 0;
		if (ops[i].end == END_ANYTHING)
			check_same(&ops[i], data, n + 1);
		else
			check_refused(&ops[i], data, n + 1);
	}
}

static void records_follow_each_other(void **state)
{
	uint8_t data[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].end != END_RECORDS)
			continue;
		check_same(&ops[i], data, 0);
		size_t n = example(&ops[i], data, sizeof(data) / 2);
		memcpy(data + n, data, n);
		check_same(&ops[i], data, 2 * n);
		check_refused(&ops[i], data, 2 * n - 1);
	}
}

/* Bytes of anybody: read as themselves, or refused; never as something else. */
static void any_bytes_are_read_or_refused(void **state)
{
	uint64_t seed = 20260102;
	uint8_t data[1024];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		const struct op *op = &ops[(size_t)round % ARRAY_SIZE(ops)];
		uint8_t buffer[4096];
		struct msg_writer w;
		struct err err;

		size_t n = example(op, data, sizeof(data));
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		data[(seed >> 40) % n] = (uint8_t)(seed >> 56);
		msg_begin(&w, buffer, sizeof(buffer));
		if (read_again(op, data, n, &w, &err) < 0)
			assert_int_equal(err.code, ERR_PROTOCOL);
		else
			assert_int_equal(w.len, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_comes_back),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(what_is_left_over_is_refused),
		cmocka_unit_test(records_follow_each_other),
		cmocka_unit_test(any_bytes_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
