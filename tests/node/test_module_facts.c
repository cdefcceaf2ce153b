/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module facts: equal to Ansible's setup on this machine, in both directions; and what
 * gather_subset asks for.
 */
#include "node/oracle.h"

#include "node/world.h"
#include "value/json.h"

/* What changes from one moment to the next, or tells who asks. */
static const char *const volatile_keys[] = {"ansible_memfree_mb", "ansible_swapfree_mb",
	"ansible_uptime_seconds", "ansible_env", "ansible_date_time", "ansible_loadavg",
	"ansible_memory_mb", "block_available", "block_used", "size_available",
	"inode_available", "inode_used", NULL};

/* Of Python, which a node need not have, and of Ansible's module itself. */
static const char *const absent_keys[] = {"ansible_python", "ansible_python_version",
	"ansible_selinux_python_present", "module_setup", "gather_subset", NULL};

static bool is_among(const char *const *keys, const char *key)
{
	for (; *keys; keys++) {
		if (strcmp(*keys, key) == 0)
			return true;
	}
	return false;
}

static bool same(const struct value *ours, const struct value *theirs);

/* In any order: that of directories is nobody's. */
static bool same_list(const struct value *ours, const struct value *theirs)
{
	for (size_t i = 0; i < ours->count; i++) {
		bool found = false;
		for (size_t k = 0; !found && k < theirs->count; k++)
			found = same(ours->items[i], theirs->items[k]);
		if (!found)
			return false;
	}
	return ours->count == theirs->count;
}

static bool same_dict(const struct value *ours, const struct value *theirs)
{
	value_dict_foreach (p, ours) {
		const struct value *other = value_dict_get(theirs, p->key->text);
		if (!other ||
			(!is_among(volatile_keys, p->key->text) && !same(p->value, other)))
			return false;
	}
	return ours->pair_count == theirs->pair_count;
}

static bool same(const struct value *ours, const struct value *theirs)
{
	if (ours->kind == VALUE_LIST && theirs->kind == VALUE_LIST)
		return same_list(ours, theirs);
	if (ours->kind == VALUE_DICT && theirs->kind == VALUE_DICT)
		return same_dict(ours, theirs);
	return value_equal(ours, theirs);
}

static void show(const char *key, const struct value *ours, const struct value *theirs)
{
	AUTO(strbuf_release) struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;

	if (ours)
		json_write(ours, NULL, &a, NULL);
	if (theirs)
		json_write(theirs, NULL, &b, NULL);
	print_message("%s: ours %s\n  Ansible's %s\n", key, a.data, b.data);
}

/* The facts that differ, or that only one of them has. */
static unsigned differences(const struct value *ours, const struct value *theirs)
{
	unsigned count = 0;

	value_dict_foreach (p, theirs) {
		const char *key = p->key->text;
		const struct value *own = value_dict_get(ours, key);
		if (is_among(absent_keys, key) || (own && is_among(volatile_keys, key)) ||
			(own && same(own, p->value)))
			continue;
		show(key, own, p->value);
		count++;
	}
	value_dict_foreach (p, ours) {
		if (value_dict_get(theirs, p->key->text))
			continue;
		show(p->key->text, p->value, NULL);
		count++;
	}
	return count;
}

static const struct value *facts(struct world *w, struct module_result *r, const char *subset)
{
	assert_int_equal(
		module_call(&w->client, r, "facts", 0, "{\"subset\": %s}", subset), ERR_NONE);
	return value_dict_get(r->value, "ansible_facts");
}

static void facts_are_what_setup_tells(void **state)
{
	AUTO(arena_release) struct arena arena = {0};
	struct world *w = *state;
	struct module_result r;

	if (!oracle_is_there()) {
		print_message("skipped: needs Ansible\n");
		skip();
	}
	const struct value *ours = facts(w, &r, "[\"all\"]");
	const struct value *theirs = oracle_ask(&arena, w->dir, "setup", "{}");
	assert_non_null(theirs);
	assert_int_equal(differences(ours, value_dict_get(theirs, "ansible_facts")), 0);
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
		bool platform, user, cpu, network, load;
	} cases[] = {
		{"[]", true, true, true, true, true},
		{"[\"all\"]", true, true, true, true, true},
		{"[\"min\"]", true, true, false, false, false},
		{"[\"!all\"]", true, true, false, false, false},
		{"[\"!all\", \"!min\"]", false, false, false, false, false},
		{"[\"all\", \"!hardware\"]", true, true, false, true, true},
		/* Without "all" nothing is added to the minimum. */
		{"[\"!hardware\"]", true, true, false, false, false},
		{"[\"network\"]", true, true, false, true, false},
		/* What is named wins, and brings what it needs. */
		{"[\"!all\", \"!min\", \"hardware\"]", true, false, true, false, false},
		{"[\"!all\", \"!min\", \"interfaces\"]", true, false, false, true, false},
		{"[\"!network\", \"network\"]", true, true, false, true, false},
		/* A fact's name left out leaves its collector in place. */
		{"[\"all\", \"!interfaces\"]", true, true, true, true, true},
		{"[\"virtual\"]", true, true, false, false, false},
		{"[\"all\", \"!nonsense\"]", true, true, true, true, true},
		{"[\"facter\", \"ohai\", \"python\"]", true, true, false, false, false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct module_result r;
		const struct value *f = facts(w, &r, cases[i].subset);
		const struct {
			const char *fact;
			bool expected;
		} told[] = {{"ansible_hostname", cases[i].platform},
			{"ansible_user_id", cases[i].user},
			{"ansible_processor_vcpus", cases[i].cpu},
			{"ansible_interfaces", cases[i].network},
			{"ansible_loadavg", cases[i].load}};
		for (size_t k = 0; k < ARRAY_SIZE(told); k++)
			if ((value_dict_get(f, told[k].fact) != NULL) != told[k].expected)
				fail_msg("%s: %s", cases[i].subset, told[k].fact);
		module_result_release(&r);
	}
}

static void a_subset_that_nobody_has_is_named(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(module_call(&w->client, &r, "facts", 0, "{\"subset\": [\"weather\"]}"),
		ERR_INPUT);
	assert_non_null(strstr(r.text, "Bad subset 'weather' given to Ansible"));
	assert_non_null(
		strstr(r.text, "all, all_ipv4_addresses, all_ipv6_addresses, apparmor"));
	module_result_release(&r);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(facts_are_what_setup_tells),
		WORLD_TEST(a_subset_is_less),
		WORLD_TEST(a_subset_that_nobody_has_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
