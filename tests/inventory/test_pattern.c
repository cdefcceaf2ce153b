/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host patterns against the answers that Ansible gave (patterns/answers, see patterns.py), and
 * the parts that patterns are made of.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/fd.h"
#include "inventory/pattern.h"

struct fixture {
	struct arena arena;
	struct inventory inventory;
	struct diags diags;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct strlist sources = {0};

	*state = f;
	strlist_add(&sources, "patterns/hosts.yaml");
	int rc = inventory_load(&f->inventory, &sources, NULL, &f->arena, &f->diags, &f->err);
	strlist_release(&sources);
	return rc;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	inventory_release(&f->inventory);
	diags_release(&f->diags);
	arena_release(&f->arena);
	free(f);
	return 0;
}

/* The hosts of a pattern between spaces, or "error". */
static void select_hosts(
	struct fixture *f, const char *pattern, const char *limit, struct strbuf *out)
{
	struct host_list hosts = {0};

	err_clear(&f->err);
	if (pattern_select(&f->inventory, NULL, pattern, *limit ? limit : NULL, &hosts,
		    &f->diags, &f->err) < 0) {
		assert_true(f->err.text[0] != '\0');
		strbuf_addstr(out, "error");
	} else {
		for (size_t i = 0; i < hosts.count; i++)
			strbuf_addf(out, "%s%s", i > 0 ? " " : "", hosts.items[i]->name);
	}
	free(hosts.items);
}

static void selects_what_ansible_selects(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int count = 0;

	assert_int_equal(file_read("patterns/answers", 1u << 20, &text, &f->err), 0);
	assert_int_equal(chdir("patterns"), 0); /* for --limit @FILE */
	for (char *line = text.data, *next; *line; line = next, count++) {
		AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
		next = strchr(line, '\n');
		*next++ = '\0';
		char *limit = strchr(line, '\t');
		*limit++ = '\0';
		char *wanted = strchr(limit, '\t');
		*wanted++ = '\0';
		select_hosts(f, line, limit, &got);
		if (strcmp(got.data, wanted) != 0)
			print_error("pattern '%s' limit '%s'\n", line, limit);
		assert_string_equal(got.data, wanted);
	}
	assert_int_equal(chdir(".."), 0);
	assert_true(count > 100);
}

static void warns_of_what_matches_nothing(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	size_t before = f->diags.count;

	select_hosts(f, "wbe", "", &got);
	assert_string_equal(got.data, "");
	assert_int_equal(f->diags.count, before + 1);
	assert_non_null(strstr(f->diags.items[before].text, "did you mean 'web'?"));
}

static void can_fail_for_what_matches_nothing(void **state)
{
	struct fixture *f = *state;
	struct host_list hosts = {0};
	struct config config;

	setenv("ANSIBLE_HOST_PATTERN_MISMATCH", "error", 1);
	assert_int_equal(config_load_file(&config, NULL, &f->arena, &f->err), 0);
	unsetenv("ANSIBLE_HOST_PATTERN_MISMATCH");
	assert_int_equal(
		pattern_hosts(&f->inventory, &config, "wbe", &hosts, &f->diags, &f->err), -1);
	assert_int_equal(f->err.code, ERR_INPUT);
	free(hosts.items);
}

static void reports_a_bad_regular_expression(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	select_hosts(f, "~web(,db", "", &got);
	assert_string_equal(got.data, "error");
	assert_non_null(strstr(f->err.text, "~web("));
}

static void refuses_too_many_terms(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf pattern = STRBUF_INIT;
	AUTO(strlist_release) struct strlist terms = {0};

	for (int i = 0; i <= PATTERN_MAX_TERMS; i++)
		strbuf_addstr(&pattern, "a,");
	assert_int_equal(pattern_split(pattern.data, &terms, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
}

static void expand(const char *text, const char *wanted)
{
	AUTO(strlist_release) struct strlist names = {0};
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	struct err err = {0};

	if (range_expand(text, 100, &names, &err) < 0)
		strbuf_addstr(&got, err_code_name(err.code));
	for (size_t i = 0; err.code == ERR_NONE && i < names.count; i++)
		strbuf_addf(&got, "%s%s", i > 0 ? " " : "", names.items[i]);
	assert_string_equal(got.data, wanted);
}

static void expands_ranges(void **state)
{
	(void)state;
	expand("plain", "plain");
	expand("n[1:3]", "n1 n2 n3");
	expand("n[08:11]x", "n08x n09x n10x n11x");
	expand("n[0:10:5]", "n0 n5 n10");
	expand("[a:c]", "a b c");
	expand("[y:B]", "y z A B");
	expand("[:2]", "0 1 2");
	expand("[1:2]-[a:b]", "1-a 1-b 2-a 2-b");
	expand("[3:1]", "");
	expand("[3:1:-1]", "3");
}

static void refuses_bad_ranges(void **state)
{
	const char *input = err_code_name(ERR_INPUT);

	(void)state;
	expand("[1:]", input);
	expand("[1]", input);
	expand("[1:2:3:4]", input);
	expand("[01:100]", input);
	expand("[c:a]", input);
	expand("[1:x]", input);
	expand("[1:5:0]", input);
	expand("[1:5:x]", input);
	expand("[1:2", input);
	expand("a]b[1:2]", input);
	expand("a|[1:2]", input);
}

static void refuses_endless_ranges(void **state)
{
	const char *limit = err_code_name(ERR_LIMIT);

	(void)state;
	expand("[1:101]", limit);
	expand("[1:2000000000]", limit);
	expand("[1:9][1:9][1:9]", limit);
	/* No name comes out of these, so that only the steps can be counted. */
	expand("[1:30000][1:30000][2:1]", limit);
}

static void split(const char *text, bool ranges, const char *host, int64_t port)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	int64_t got_port;

	assert_int_equal(address_split(text, ranges, &got, &got_port), host != NULL);
	if (!host)
		return;
	assert_string_equal(got.data, host);
	assert_int_equal(got_port, port);
}

static void splits_addresses(void **state)
{
	(void)state;
	split("host", true, "host", -1);
	split("host:22", true, "host", 22);
	split("a.b-c_d.example:2222", true, "a.b-c_d.example", 2222);
	split("10.0.0.1:22", true, "10.0.0.1", 22);
	split("10.0.0.[1:5]:22", true, "10.0.0.[1:5]", 22);
	split("fd00::1", true, "fd00::1", -1);
	split("[fd00::1]:22", true, "fd00::1", 22);
	split("fd00::[a:f]", true, "fd00::[a:f]", -1);
	split("n[1:5]:22", true, "n[1:5]", 22);
	split("n[a:e:2].x", true, "n[a:e:2].x", -1);
	split("[host]:22", true, "host", 22);
}

static void refuses_what_is_no_address(void **state)
{
	(void)state;
	split("", true, NULL, 0);
	split("-host", true, NULL, 0);
	split("host-", true, NULL, 0);
	split("host_", true, NULL, 0);
	split("a..b", true, NULL, 0);
	split("a:b", true, NULL, 0);
	split("a b", true, NULL, 0);
	split("n[1:5", true, NULL, 0);
	split("n[1]", true, NULL, 0);
	split("n[a:5]", true, NULL, 0);
	split("n[1:5]", false, NULL, 0);
	split("web*", true, NULL, 0);
	split("host:99999999999", true, NULL, 0);
}

static void knows_addresses_of_machines(void **state)
{
	(void)state;
	assert_true(address_is_ip("192.168.0.1"));
	assert_true(address_is_ip("::"));
	assert_true(address_is_ip("::ffff:10.0.0.1"));
	assert_false(address_is_ip("192.168.0.256"));
	assert_false(address_is_ip("192.168.0"));
	assert_false(address_is_ip("1.2.3.4.5"));
	assert_false(address_is_ip("host"));
	assert_true(address_is_ip("1:2:3:4:5:6:7:8"));
	assert_true(address_is_ip("0:0:0:0:0:0:10.0.0.1"));
	assert_false(address_is_ip("1:2:3:4:5:6:7"));
	assert_false(address_is_ip("12345::"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selects_what_ansible_selects),
		cmocka_unit_test(warns_of_what_matches_nothing),
		cmocka_unit_test(can_fail_for_what_matches_nothing),
		cmocka_unit_test(reports_a_bad_regular_expression),
		cmocka_unit_test(refuses_too_many_terms),
		cmocka_unit_test(expands_ranges),
		cmocka_unit_test(refuses_bad_ranges),
		cmocka_unit_test(refuses_endless_ranges),
		cmocka_unit_test(splits_addresses),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(knows_addresses_of_machines),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
