/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers behind the options of an engine, and the settings where an option is silent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "cli/engine.h"

static void set(struct engine *e, enum config_key key, const char *text)
{
	e->site.config.settings[key] = (struct config_setting){
		.text = text, .origin = CONFIG_FILE, .name = "defaults.number"};
}

static void expect_seconds(double found, double expected)
{
	assert_true(fabs(found - expected) < 1e-9);
}

static void apply(struct engine *e)
{
	struct err err = {0};

	if (engine_apply_options(e, &e->site.config, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_what_holds_without_options(void **state)
{
	struct engine e = {0};

	(void)state;
	apply(&e);
	assert_int_equal(e.forks, 100);
	expect_seconds(e.connect_timeout, 10);
	expect_seconds(e.stall, 60);
	expect_seconds(e.host_timeout, 0);
	assert_int_equal(e.connect.transport, LINK_AUTO);
	assert_int_equal(e.connect.host_key_checking, LINK_HOST_KEY_CONFIGURED);
	assert_ptr_equal(e.connect.config, &e.site.config);
	assert_int_equal(e.limiter.bytes_per_second, 0);
	link_limiter_release(&e.limiter);
}

static void test_settings_where_options_are_silent(void **state)
{
	struct engine e = {0};

	(void)state;
	set(&e, CONFIG_FORKS, "7");
	set(&e, CONFIG_TIMEOUT, "25");
	apply(&e);
	assert_int_equal(e.forks, 7);
	expect_seconds(e.connect_timeout, 25);
	expect_seconds(e.stall, 60); /* how long a silent host is waited for is ours alone */
	link_limiter_release(&e.limiter);
}

static void test_options_beat_settings(void **state)
{
	struct engine e = {.o = {.forks = "3", .timeout = "2.5", .host_timeout = "90"}};

	(void)state;
	set(&e, CONFIG_FORKS, "7");
	set(&e, CONFIG_TIMEOUT, "25");
	apply(&e);
	assert_int_equal(e.forks, 3);
	expect_seconds(e.connect_timeout, 2.5);
	expect_seconds(e.stall, 2.5);
	expect_seconds(e.host_timeout, 90);
	link_limiter_release(&e.limiter);
}

static void test_how_hosts_are_reached(void **state)
{
	static const struct {
		const char *transport;
		enum link_transport expected;
	} cases[] = {{"auto", LINK_AUTO}, {"libssh2", LINK_LIBSSH2}, {"ssh", LINK_SSH},
		{"local", LINK_LOCAL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct engine e = {.o = {.transport = cases[i].transport}};
		apply(&e);
		assert_int_equal(e.connect.transport, cases[i].expected);
		link_limiter_release(&e.limiter);
	}
}

static void test_how_host_keys_are_checked(void **state)
{
	static const struct {
		const char *how;
		enum link_host_key_checking expected;
	} cases[] = {{"strict", LINK_HOST_KEY_STRICT}, {"accept-new", LINK_HOST_KEY_ACCEPT_NEW},
		{"off", LINK_HOST_KEY_OFF}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct engine e = {.o = {.host_key_checking = cases[i].how}};
		apply(&e);
		assert_int_equal(e.connect.host_key_checking, cases[i].expected);
		link_limiter_release(&e.limiter);
	}
}

static void test_bandwidth(void **state)
{
	static const struct {
		const char *text;
		uint64_t expected;
	} cases[] = {{"500", 500}, {"500k", 500000}, {"5M", 5000000}, {"1.5Mi", 1572864}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct engine e = {.o = {.bwlimit = cases[i].text}};
		apply(&e);
		assert_int_equal(e.limiter.bytes_per_second, cases[i].expected);
		assert_ptr_equal(e.connect.limiter, &e.limiter);
		link_limiter_release(&e.limiter);
	}
}

static void test_who_logs_in_and_works(void **state)
{
	struct engine e = {.o = {.user = "anna",
				   .private_key = "key",
				   .become = true,
				   .become_user = "models",
				   .become_method = "doas"}};

	(void)state;
	apply(&e);
	assert_string_equal(e.connect.user, "anna");
	assert_string_equal(e.connect.private_key, "key");
	assert_true(e.connect.become);
	assert_string_equal(e.connect.become_user, "models");
	assert_string_equal(e.connect.become_method, "doas");
	link_limiter_release(&e.limiter);
}

static void test_seconds(void **state)
{
	static const struct {
		const char *text;
		double seconds; /* 0: refused */
	} cases[] = {{"1", 1}, {"0.25", 0.25}, {"1e3", 1000}, {"1000000", 1e6}, {"0", 0},
		{"-0", 0}, {"-5", 0}, {"", 0}, {"5s", 0}, {"1000001", 0}, {"inf", 0},
		{"nan", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {0};
		double seconds = 77;
		int result = engine_read_seconds(cases[i].text, "soak", &seconds, &err);
		if (cases[i].seconds > 0) {
			assert_int_equal(result, 0);
			expect_seconds(seconds, cases[i].seconds);
			continue;
		}
		assert_int_equal(result, -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_true(str_starts(err.text, "--soak: found '"));
		expect_seconds(seconds, 77);
	}
	double untouched = 3;
	assert_int_equal(engine_read_seconds(NULL, "soak", &untouched, NULL), 0);
	expect_seconds(untouched, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_holds_without_options),
		cmocka_unit_test(test_settings_where_options_are_silent),
		cmocka_unit_test(test_options_beat_settings),
		cmocka_unit_test(test_how_hosts_are_reached),
		cmocka_unit_test(test_how_host_keys_are_checked),
		cmocka_unit_test(test_bandwidth),
		cmocka_unit_test(test_who_logs_in_and_works),
		cmocka_unit_test(test_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
