/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "wire/op.h"

static void fields_come_back(void **state)
{
	uint8_t buffer[200], raw[3];
	struct msg_writer w;
	struct msg_reader r;
	size_t n;

	(void)state;
	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_u8(&w, 0xfe);
	msg_put_u16(&w, 0xfedc);
	msg_put_u32(&w, 0xfedcba98);
	msg_put_u64(&w, 0xfedcba9876543210);
	msg_put_i64(&w, -5);
	msg_put_string(&w, "a string");
	msg_put_bytes(&w, "\0\1\2", 3);
	msg_put_raw(&w, "xyz", 3);
	msg_put_string(&w, "");
	assert_false(w.overflow);
	msg_read(&r, buffer, w.len);
	assert_int_equal(msg_u8(&r), 0xfe);
	assert_int_equal(msg_u16(&r), 0xfedc);
	assert_int_equal(msg_u32(&r), 0xfedcba98);
	assert_true(msg_u64(&r) == 0xfedcba9876543210);
	assert_int_equal(msg_i64(&r), -5);
	assert_string_equal(msg_string(&r, 8), "a string");
	assert_memory_equal(msg_bytes(&r, &n), "\0\1\2", 3);
	assert_int_equal(n, 3);
	msg_raw(&r, raw, 3);
	assert_memory_equal(raw, "xyz", 3);
	assert_string_equal(msg_string(&r, 0), "");
	assert_int_equal(msg_end(&r, "x", NULL), 0);
}

static void numbers_are_little_endian(void **state)
{
	uint8_t buffer[4];
	struct msg_writer w;

	(void)state;
	msg_begin(&w, buffer, sizeof(buffer));
	msg_put_u32(&w, 0x04030201);
	assert_memory_equal(buffer, "\1\2\3\4", 4);
}

static void a_writer_never_writes_beyond_its_buffer(void **state)
{
	uint8_t buffer[8] = {0};
	struct msg_writer w;

	(void)state;
	msg_begin(&w, buffer, 6);
	msg_put_u32(&w, 1);
	msg_put_u32(&w, 0xffffffff);
	assert_true(w.overflow);
	msg_put_u8(&w, 0xff);
	assert_int_equal(w.len, 4);
	assert_int_equal(buffer[4], 0);
	assert_int_equal(msg_room(&w), 0);
}

/* A reader over these bytes, which must refuse a string of at most max bytes. */
static void refuse_string(const void *data, size_t n, size_t max)
{
	struct msg_reader r;
	struct err err = {0};

	msg_read(&r, data, n);
	assert_string_equal(msg_string(&r, max), "");
	assert_true(r.bad);
	assert_int_equal(msg_u64(&r), 0);
	assert_int_equal(msg_end(&r, "a test", &err), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
}

static void malformed_strings_are_refused(void **state)
{
	(void)state;
	refuse_string("", 0, 100);
	refuse_string("\5", 1, 100);
	refuse_string("\3\0abc", 5, 100);
	refuse_string("\3\0abcd", 6, 100);
	refuse_string("\3\0a\0c\0", 6, 100);
	refuse_string("\3\0abc\0", 6, 2);
	refuse_string("\377\377abc\0", 6, 100000);
}

static void bytes_that_are_not_there(void **state)
{
	struct msg_reader r;
	size_t n;

	(void)state;
	msg_read(&r, "\377\377\377\377abc", 7);
	assert_non_null(msg_bytes(&r, &n));
	assert_int_equal(n, 0);
	assert_true(r.bad);
}

static void bytes_left_over_are_refused(void **state)
{
	struct msg_reader r;
	struct err err = {0};

	(void)state;
	msg_read(&r, "ab", 2);
	msg_u8(&r);
	assert_int_equal(msg_end(&r, "a test", &err), -1);
	assert_string_equal(err.text, "a test has 1 bytes behind its last field");
}

static void an_error_crosses_the_wire(void **state)
{
	uint8_t buffer[8192];
	struct msg_writer w;
	struct wire_error e;
	autofree char *endless = xcalloc(1, 60001);

	(void)state;
	memset(endless, 'x', 60000);
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_error(
		&w, &(struct wire_error){
			    .code = ERR_NOSPACE, .sys = 28, .text = endless, .path = "p"});
	assert_false(w.overflow);
	struct frame f = {.data = buffer, .len = w.len};
	assert_int_equal(wire_get_error(&f, &e, NULL), 0);
	assert_int_equal(e.code, ERR_NOSPACE);
	assert_int_equal(e.sys, 28);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX);
	assert_string_equal(e.path, "p");
}

static void a_code_from_the_future_is_an_error_all_the_same(void **state)
{
	uint8_t buffer[64];
	struct msg_writer w;
	struct wire_error e;

	(void)state;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_error(
		&w, &(struct wire_error){.code = (enum err_code)999, .text = "t", .path = ""});
	struct frame f = {.data = buffer, .len = w.len};
	assert_int_equal(wire_get_error(&f, &e, NULL), 0);
	assert_int_equal(e.code, ERR_SYSTEM);
}

static void become_is_limited(void **state)
{
	uint8_t buffer[1024];
	struct msg_writer w;
	struct wire_become b = {.ctx = 1, .mark = "M", .password = "p", .argc = 2};

	(void)state;
	b.argv[0] = "sudo";
	b.argv[1] = "node";
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_become(&w, &b);
	struct frame f = {.data = buffer, .len = w.len};
	struct wire_become got;
	assert_int_equal(wire_get_become(&f, &got, NULL), 0);
	assert_string_equal(got.argv[1], "node");
	assert_null(got.argv[2]);
	/* The number of arguments lies behind ctx, seconds, mark and password. */
	buffer[2 + 4 + 4 + 4] = WIRE_ARGV_MAX + 1;
	assert_int_equal(wire_get_become(&f, &got, NULL), -1);
	buffer[2 + 4 + 4 + 4] = 0;
	assert_int_equal(wire_get_become(&f, &got, NULL), -1);
}

static void plan_records_follow_each_other(void **state)
{
	uint8_t buffer[1024];
	struct msg_writer w;
	struct msg_reader r;
	struct wire_plan p;

	(void)state;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_plan(
		&w, &(struct wire_plan){.index = 1, .state = WIRE_PLAN_SEND, .offset = 9});
	wire_put_plan(&w, &(struct wire_plan){.index = 2,
				  .state = WIRE_PLAN_BASIS,
				  .basis_known = 1,
				  .basis_size = 77,
				  .basis_version = "m/1",
				  .basis_path = "f"});
	msg_read(&r, buffer, w.len);
	assert_int_equal(wire_get_plan(&r, &p, NULL), 1);
	assert_int_equal(p.offset, 9);
	assert_string_equal(p.basis_path, "");
	assert_int_equal(wire_get_plan(&r, &p, NULL), 1);
	assert_int_equal(p.basis_size, 77);
	assert_string_equal(p.basis_version, "m/1");
	assert_int_equal(wire_get_plan(&r, &p, NULL), 0);
	msg_read(&r, buffer, w.len - 1);
	assert_int_equal(wire_get_plan(&r, &p, NULL), 1);
	assert_int_equal(wire_get_plan(&r, &p, NULL), -1);
	assert_int_equal(wire_get_plan(&r, &p, NULL), -1);
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(wire_kind_name(WIRE_VERSION_COMMIT), "VERSION_COMMIT");
	assert_string_equal(wire_kind_name(200), "?");
}

static void a_module_s_time_limit_is_a_number(void **state)
{
	static const struct {
		double timeout;
		bool good;
	} cases[] = {{0, true}, {0.25, true}, {86400, true}, {-1, false}, {1e12, false},
		{(double)NAN, false}, {(double)INFINITY, false}};
	uint8_t buffer[200];
	struct msg_writer w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wire_module m = {
			.name = "stat", .args_len = 77, .timeout = cases[i].timeout};
		struct wire_module back;
		msg_begin(&w, buffer, sizeof(buffer));
		wire_put_module(&w, &m);
		struct frame f = {.data = buffer, .len = w.len};
		assert_int_equal(wire_get_module(&f, &back, NULL), cases[i].good ? 0 : -1);
		assert_string_equal(back.name, "stat");
		assert_int_equal(back.args_len, 77);
	}
}

static void an_exchange_carries_the_rest_of_the_payload(void **state)
{
	uint8_t buffer[200];
	struct msg_writer w;
	struct wire_tunnel_exchange back;

	(void)state;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_tunnel_exchange(&w, &(struct wire_tunnel_exchange){.tunnel = 7,
					     .flags = 1,
					     .milliseconds = 500,
					     .read_max = 4096,
					     .data = (const uint8_t *)"GET /",
					     .data_len = 5});
	struct frame f = {.data = buffer, .len = w.len};
	assert_int_equal(wire_get_tunnel_exchange(&f, &back, NULL), 0);
	assert_int_equal(back.tunnel, 7);
	assert_int_equal(back.milliseconds, 500);
	assert_int_equal(back.read_max, 4096);
	assert_int_equal(back.data_len, 5);
	assert_memory_equal(back.data, "GET /", 5);
	f.len = 9; /* one byte of its fields is missing */
	assert_int_equal(wire_get_tunnel_exchange(&f, &back, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(numbers_are_little_endian),
		cmocka_unit_test(a_writer_never_writes_beyond_its_buffer),
		cmocka_unit_test(malformed_strings_are_refused),
		cmocka_unit_test(bytes_that_are_not_there),
		cmocka_unit_test(bytes_left_over_are_refused),
		cmocka_unit_test(an_error_crosses_the_wire),
		cmocka_unit_test(a_code_from_the_future_is_an_error_all_the_same),
		cmocka_unit_test(become_is_limited),
		cmocka_unit_test(plan_records_follow_each_other),
		cmocka_unit_test(a_module_s_time_limit_is_a_number),
		cmocka_unit_test(an_exchange_carries_the_rest_of_the_payload),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
