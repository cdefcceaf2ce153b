/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module facts: equal to Ansible's setup on this machine, where both tell something.
 */
#include "node/oracle.h"

#include "node/world.h"
#include "value/json.h"

/* What changes from one moment to the next, or tells who asks. */
static const char *const volatile_facts[] = {"ansible_memfree_mb", "ansible_swapfree_mb",
	"ansible_uptime_seconds", "ansible_env", "ansible_date_time", NULL};

static bool is_volatile(const char *key)
{
	for (const char *const *v = volatile_facts; *v; v++) {
		if (strcmp(*v, key) == 0)
			return true;
	}
	return false;
}

static bool holds(const struct value *list, const struct value *item)
{
	for (size_t i = 0; i < list->count; i++) {
		if (value_equal(list->items[i], item))
			return true;
	}
	return false;
}

/* Lists in any order: that of directories is nobody's. Dicts by the keys that both have. */
static bool agree(const struct value *ours, const struct value *theirs, const char *where)
{
	bool same = ours->kind == theirs->kind;

	if (same && ours->kind == VALUE_LIST) {
		same = ours->count == theirs->count;
		for (size_t i = 0; same && i < ours->count; i++)
			same = holds(theirs, ours->items[i]);
	} else if (same && ours->kind == VALUE_DICT) {
		for (size_t i = 0; i < ours->pair_count; i++) {
			const char *key = ours->pairs[i].key->text;
			const struct value *other = value_dict_get(theirs, key);
			autofree char *path = xasprintf("%s.%s", where, key);
			if (other && !is_volatile(key))
				same &= agree(ours->pairs[i].value, other, path);
		}
		return same;
	} else if (same) {
		same = value_equal(ours, theirs);
	}
	if (!same) {
		AUTO(strbuf_release) struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
		json_write(ours, NULL, &a, NULL);
		json_write(theirs, NULL, &b, NULL);
		print_message("%s: ours %s, Ansible's %s\n", where, a.data, b.data);
	}
	return same;
}

static const struct value *facts(struct world *w, struct module_result *r, const char *subset)
{
	assert_int_equal(
		module_call(&w->client, r, "facts", 0, "{\"subset\": %s}", subset), ERR_NONE);
	return value_dict_get(r->value, "ansible_facts");
}

/* Every fact that templates may count on is there. */
static void expect_all(const struct value *ours)
{
	static const char *const names[] = {"hostname", "fqdn", "nodename", "domain", "system",
		"kernel", "machine", "architecture", "distribution", "distribution_version",
		"distribution_major_version", "distribution_release", "os_family",
		"service_mgr", "pkg_mgr", "user_id", "user_dir", "env", "date_time",
		"processor", "processor_vcpus", "processor_cores", "memtotal_mb", "interfaces",
		"default_ipv4", "all_ipv4_addresses", "lo"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *key = xasprintf("ansible_%s", names[i]);
		if (!value_dict_get(ours, key))
			fail_msg("there is no %s", key);
	}
}

static void facts_are_what_setup_tells(void **state)
{
	AUTO(arena_release) struct arena arena = {0};
	struct world *w = *state;
	struct module_result r;

	const struct value *ours = facts(w, &r, "[\"all\"]");
	expect_all(ours);
	if (!oracle_is_there()) {
		module_result_release(&r);
		print_message("skipped: needs Ansible\n");
		skip();
	}
	const struct value *theirs = oracle_ask(&arena, w->dir, "setup", "{}");
	assert_non_null(theirs);
	assert_true(agree(ours, value_dict_get(theirs, "ansible_facts"), "facts"));
	/* The environment is ours, to the letter. */
	const struct value *env = value_dict_get(ours, "ansible_env");
	assert_string_equal(value_dict_get(env, "PATH")->text, getenv("PATH"));
	const struct value *now = value_dict_get(ours, "ansible_date_time");
	const struct value *then =
		value_dict_get(value_dict_get(theirs, "ansible_facts"), "ansible_date_time");
	for (size_t i = 0; i < then->pair_count; i++) {
		if (!value_dict_get(now, then->pairs[i].key->text))
			fail_msg("ansible_date_time has no %s", then->pairs[i].key->text);
	}
	module_result_release(&r);
}

static void a_subset_is_less(void **state)
{
	static const struct {
		const char *subset;
		bool platform, cpu, network;
	} cases[] = {
		{"[]", true, true, true},
		{"[\"min\"]", true, false, false},
		{"[\"!all\"]", true, false, false},
		{"[\"!all\", \"!min\"]", false, false, false},
		{"[\"!hardware\"]", true, false, true},
		{"[\"network\"]", true, false, true},
		{"[\"!all\", \"!min\", \"cpu\"]", false, true, false},
		{"[\"virtual\"]", true, false, false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct module_result r;
		const struct value *f = facts(w, &r, cases[i].subset);
		assert_int_equal(
			value_dict_get(f, "ansible_hostname") != NULL, cases[i].platform);
		assert_int_equal(
			value_dict_get(f, "ansible_processor_vcpus") != NULL, cases[i].cpu);
		assert_int_equal(
			value_dict_get(f, "ansible_interfaces") != NULL, cases[i].network);
		module_result_release(&r);
	}
	struct module_result r;
	assert_int_equal(module_call(&w->client, &r, "facts", 0, "{\"subset\": [\"weather\"]}"),
		ERR_INPUT);
	assert_non_null(strstr(r.text, "weather"));
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(facts_are_what_setup_tells),
		WORLD_TEST(a_subset_is_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
