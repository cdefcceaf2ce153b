/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole sites in files: from inventory to resolution.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "fixture.h"
#include "inventory/pattern.h"
#include "registry/site.h"
#include "site_text.h"

struct loaded {
	struct arena arena;
	struct config config;
	struct inventory inventory;
	struct vars_site *vars;
	struct host_list hosts;
	struct registry_site site;
	struct diags diags;
	int result;
};

static void loaded_release(struct loaded *l)
{
	registry_site_release(&l->site);
	free(l->hosts.items);
	vars_site_free(l->vars);
	inventory_release(&l->inventory);
	diags_release(&l->diags);
	arena_release(&l->arena);
}

/* Loads and resolves an inventory, an absolute path; `extra` is one -e or NULL. */
static void load(struct loaded *l, const char *path, const char *extra, const char *models)
{
	AUTO(strlist_release) struct strlist sources = {0};
	AUTO(strlist_release) struct strlist extras = {0};
	AUTO(diags_release) struct diags d = {0};
	struct err err = {0};
	struct inventory_options inventory = {.config = &l->config};
	struct vars_site_options vars = {.config = &l->config, .extra = &extras};

	strlist_add(&sources, path);
	if (extra)
		strlist_add(&extras, extra);
	if (config_load_file(&l->config, NULL, &l->arena, &err) < 0 ||
		inventory_load(&l->inventory, &sources, &inventory, &l->arena, &d, &err) < 0 ||
		!(l->vars = vars_site_new(&l->inventory, &vars, &d, &err)) ||
		pattern_select(&l->inventory, &l->config, "all", NULL, &l->hosts, &d, &err) < 0)
		fail_msg("%s", err.text);
	const struct registry_site_options o = {
		.inventory = &l->inventory,
		.vars = l->vars,
		.hosts = &l->hosts,
		.models = models,
	};
	l->result = registry_site_resolve(&l->site, &o, &l->diags, &err);
	assert_int_equal(l->result, l->diags.errors ? -1 : 0);
}

/* The findings, with the test's directory shown as "D". */
static const char *findings(const struct loaded *l)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t n = strlen(fixture_dir);

	for (const char *p = fixture_findings(&l->diags); *p;) {
		if (strncmp(p, fixture_dir, n) == 0) {
			strbuf_addch(&out, 'D');
			p += n;
		} else {
			strbuf_addch(&out, *p++);
		}
	}
	return arena_strdup(&fixture_arena, out.data);
}

static void write_registry(const char *text)
{
	fixture_write("inventory/group_vars/all/model_registry.yaml", text);
}

static void write_site(void)
{
	fixture_write("inventory/hosts.yaml", "all:\n"
					      "  children:\n"
					      "    sentinels: {hosts: {den: , study: }}\n"
					      "    outposts: {hosts: {porch: }}\n"
					      "    datasinks:\n"
					      "      hosts:\n"
					      "        cellar: {ansible_connection: local}\n"
					      "        attic:\n");
	autofree char *paths = xasprintf("data: %s\n"
					 "sentinelcam_model_registry: '{{ data }}/store'\n"
					 "primary_datasink: cellar\n",
		fixture_dir);
	fixture_write("inventory/group_vars/all/paths.yaml", paths);
	fixture_write("inventory/group_vars/outposts/models.yaml",
		"outpost_models: [ssd]\nmodel_set: '{{ outpost_models }}'\n");
	write_registry("sentinelcam_models:\n"
		       "  ssd:\n"
		       "    current_version: \"2020-12-06\"\n"
		       "  face:\n"
		       "    current_version: 2026-02-02\n"
		       "    previous_version: \"2025-02-25\"\n");
	fixture_version("store", "ssd", "2020-12-06");
	fixture_version("store", "face", "2025-02-25");
	fixture_version("store", "face", "2026-02-02");
}

/* What a template of a host makes of the variables that the resolution gives it. */
static const char *published(const struct loaded *l, const char *host, const char *text)
{
	struct err err = {0};

	for (size_t i = 0; i < l->hosts.count; i++) {
		if (strcmp(l->hosts.items[i]->name, host) != 0)
			continue;
		const struct value *v = vars_render(l->site.views[i], text, NULL, &err);
		if (!v)
			fail_msg("%s", err.text);
		return value_text(v);
	}
	return NULL;
}

static void test_a_site_resolves(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	fixture_write("inventory/host_vars/study.yaml",
		"model_version_overrides:\n  face: \"2025-02-25\"\n"
		"sentinelcam_model_registry: /mnt/models\n");
	load(&l, fixture_path("inventory"), NULL, NULL);

	assert_string_equal(findings(&l), "");
	const struct resolution *r = &l.site.resolution;
	assert_string_equal(site_text_set(r, "den"), "ssd 2020-12-06, face 2026-02-02");
	assert_string_equal(site_text_set(r, "study"), "ssd 2020-12-06, face 2025-02-25*");
	assert_string_equal(site_text_set(r, "porch"), "ssd 2020-12-06");
	assert_string_equal(site_text_set(r, "attic"), "");
	assert_string_equal(site_text_set(r, "cellar"), "");
	assert_true(resolution_host(r, "cellar")->holds_store);
	assert_string_equal(resolution_host(r, "den")->root, fixture_path("store"));
	assert_string_equal(resolution_host(r, "study")->root, "/mnt/models");
	assert_string_equal(l.site.root, fixture_path("store"));
	assert_null(l.site.primary);
	assert_string_equal(l.site.store->ops->kind, "local");
	assert_string_equal(published(&l, "study", "{{ model_versions.face }}"), "2025-02-25");
	assert_string_equal(published(&l, "study", "{{ model_paths.face }}"),
		"/mnt/models/face/2025-02-25");
	assert_string_equal(published(&l, "porch", "{{ model_versions | join }}"), "ssd");
	assert_int_equal(resolution_host(r, "cellar")->count, 0);
	for (size_t i = 0; i < l.hosts.count; i++) {
		assert_string_equal(r->hosts[i].host, l.hosts.items[i]->name);
		assert_ptr_equal(vars_view_host(l.site.views[i]), l.hosts.items[i]);
	}
}

static void test_extra_variables_and_filters_apply(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	fixture_version("other", "face", "2026-02-02");
	autofree char *extra =
		xasprintf("sentinelcam_model_registry=%s", fixture_path("other"));
	load(&l, fixture_path("inventory"), extra, "face");

	assert_string_equal(findings(&l),
		"D/inventory/group_vars/all/model_registry.yaml:6:23: warning: "
		"face.previous_version: the store D/other lacks 2025-02-25, so going "
		"back to it would fail\n");
	assert_string_equal(site_text_set(&l.site.resolution, "den"), "face 2026-02-02");
	assert_string_equal(l.site.root, fixture_path("other"));
}

static void test_mistakes_of_all_files_in_one_run(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	write_registry("sentinelcam_models:\n"
		       "  ssd:\n"
		       "    current_version: 2020-12-07\n"
		       "  face:\n"
		       "    current_version: 2026-02-30\n");
	fixture_write("inventory/group_vars/outposts/models.yaml",
		"outpost_models:\n  - sdd\nmodel_set: '{{ outpost_models }}'\n");
	fixture_write("inventory/host_vars/study.yaml",
		"model_version_overrides:\n  faces: \"2025-02-25\"\n");
	load(&l, fixture_path("inventory"), NULL, "yolo");

	assert_string_equal(findings(&l),
		"error: --models: found \"yolo\", expected a model that sentinelcam_models "
		"has\n"
		"D/inventory/group_vars/all/model_registry.yaml:5:22: error: "
		"face.current_version: found \"2026-02-30\", expected a day that the calendar "
		"has\n"
		"D/inventory/group_vars/outposts/models.yaml:2:5: error: found the model "
		"\"sdd\", expected one that sentinelcam_models has; did you mean ssd? (host "
		"porch)\n"
		"D/inventory/host_vars/study.yaml:2:3: error: model_version_overrides: found "
		"the model \"faces\", expected one that sentinelcam_models has; did you mean "
		"face? (host study)\n");
}

static void test_keys_that_are_given_twice(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	write_registry("sentinelcam_models:\n"
		       "  ssd:\n"
		       "    current_version: 2020-12-06\n"
		       "  face:\n"
		       "    current_version: 2026-02-02\n"
		       "    current_version: 2025-02-25\n"
		       "  ssd: {current_version: 2020-12-06}\n"
		       "other: {a: 1, a: 2}\n"
		       "other: 3\n");
	fixture_write("inventory/host_vars/study.yaml",
		"x: 1\nmodel_version_overrides: {face: 2025-02-25}\nx: 2\n"
		"model_version_overrides: {face: 2026-02-02}\n");
	load(&l, fixture_path("inventory"), NULL, NULL);

	assert_string_equal(findings(&l),
		"D/inventory/group_vars/all/model_registry.yaml:6:5: error: the key "
		"current_version is given again, first in line 5; remove one of them\n"
		"D/inventory/group_vars/all/model_registry.yaml:7:3: error: the key ssd is "
		"given again, first in line 2; remove one of them\n"
		"D/inventory/host_vars/study.yaml:4:1: error: the key model_version_overrides "
		"is given again, first in line 2; remove one of them\n");
}

static void test_keys_given_twice_inside_the_hosts_file(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	autofree char *text = xasprintf("all:\n"
					"  vars:\n"
					"    sentinelcam_model_registry: %s\n"
					"    model_set: all\n"
					"    sentinelcam_models:\n"
					"      ssd: {current_version: 2020-12-06}\n"
					"      ssd: {current_version: 2020-12-06}\n"
					"    unrelated: {a: 1, a: 2}\n"
					"  hosts: {den: , den: }\n",
		fixture_path("store"));
	fixture_version("store", "ssd", "2020-12-06");
	fixture_write("hosts.yaml", text);
	load(&l, fixture_path("hosts.yaml"), NULL, NULL);

	assert_string_equal(findings(&l),
		"D/hosts.yaml:7:7: error: the key ssd is given again, first "
		"in line 6; remove one of them\n");
}

static void test_a_variable_that_cannot_be_evaluated(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	fixture_write("inventory/group_vars/outposts/models.yaml",
		"outpost_models: [ssd]\nmodel_set: '{{ outpots_models }}'\n");
	load(&l, fixture_path("inventory"), NULL, NULL);

	assert_int_equal(l.diags.count, 1);
	const char *text = findings(&l);
	assert_non_null(strstr(text, "outpots_models"));
	assert_non_null(strstr(text, "D/inventory/group_vars/outposts/models.yaml:2"));
	assert_non_null(strstr(text, "(host porch)"));
}

static void test_a_primary_datasink_that_is_not_there(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	load(&l, fixture_path("inventory"), "primary_datasink=celar", NULL);

	assert_int_equal(l.diags.errors, 1);
	assert_non_null(strstr(findings(&l), "primary_datasink: found \"celar\", expected a "
					     "host of the inventory; did you mean "
					     "cellar?\n"));
	assert_null(l.site.store);
}

static void test_a_store_that_is_not_there(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	write_site();
	fixture_shell("rm -r store");
	load(&l, fixture_path("inventory"), NULL, NULL);

	assert_string_equal(findings(&l), "D/inventory/group_vars/all/paths.yaml:2:29: error: "
					  "sentinelcam_model_registry: open "
					  "the store D/store: No such file or directory\n");
}

static void test_without_a_primary_the_store_is_here(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};

	(void)state;
	fixture_version("store", "ssd", "2020-12-06");
	autofree char *text =
		xasprintf("all:\n"
			  "  vars:\n"
			  "    sentinelcam_model_registry: %s\n"
			  "    model_set: all\n"
			  "    sentinelcam_models: {ssd: {current_version: 2020-12-06}}\n"
			  "  hosts:\n"
			  "    den:\n"
			  "    here: {ansible_connection: local}\n"
			  "    copy: {ansible_connection: local, "
			  "sentinelcam_model_registry: /mnt/copy}\n",
			fixture_path("store"));
	fixture_write("hosts.yaml", text);
	load(&l, fixture_path("hosts.yaml"), NULL, NULL);

	assert_string_equal(findings(&l), "");
	assert_null(l.site.primary);
	assert_int_equal(resolution_host(&l.site.resolution, "den")->count, 1);
	assert_true(resolution_host(&l.site.resolution, "here")->holds_store);
	assert_false(resolution_host(&l.site.resolution, "copy")->holds_store);
}

/* Resolves a site whose primary datasink is described by these variables; true: it is here. */
static bool datasink_is_here(const char *name, const char *variables)
{
	AUTO(loaded_release) struct loaded l = {0};
	autofree char *text =
		xasprintf("all:\n"
			  "  vars:\n"
			  "    primary_datasink: %s\n"
			  "    sentinelcam_model_registry: %s\n"
			  "    model_set: all\n"
			  "    sentinelcam_models: {ssd: {current_version: 2020-12-06}}\n"
			  "  hosts:\n"
			  "    %s: {%s}\n",
			name, fixture_path("store"), name, variables);

	fixture_write("hosts.yaml", text);
	load(&l, fixture_path("hosts.yaml"), NULL, NULL);
	if (l.result < 0)
		fail_msg("%s", findings(&l));
	assert_true(resolution_host(&l.site.resolution, name)->holds_store);
	return l.site.primary == NULL;
}

static void test_a_datasink_that_is_this_machine_by_name(void **state)
{
	char own[256] = "";

	(void)state;
	fixture_version("store", "ssd", "2020-12-06");
	assert_int_equal(gethostname(own, sizeof(own) - 1), 0);
	autofree char *full = xasprintf("%.*s.example.org", (int)strcspn(own, "."), own);
	autofree char *other = xasprintf("x%s", own);

	assert_true(datasink_is_here(own, ""));
	assert_true(datasink_is_here(own, "ansible_host: 127.0.0.1"));
	assert_true(datasink_is_here(own, "ansible_host: localhost"));
	if (!strchr(own, '.'))
		assert_true(datasink_is_here(full, ""));
	assert_false(datasink_is_here(other, ""));
	assert_false(datasink_is_here(own, "ansible_host: 192.0.2.7"));
	assert_false(datasink_is_here(own, "ansible_host: elsewhere.example.org"));
	assert_false(datasink_is_here(own, "ansible_host: 127.0.0.1, ansible_port: 2222"));
	assert_false(datasink_is_here(own, "ansible_connection: ssh"));
	assert_true(datasink_is_here(other, "ansible_connection: local"));
}

static struct store *opened_remotely(void *arg, const struct host *primary,
	struct vars_view *view, const char *root, struct err *err)
{
	*(const char **)arg = arena_printf(&fixture_arena, "%s:%s", primary->name, root);
	assert_ptr_equal(vars_view_host(view), primary);
	return store_open_local(fixture_path("store"), err);
}

static void test_a_store_on_another_host(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};
	AUTO(registry_site_release) struct registry_site site = {0};
	AUTO(diags_release) struct diags d = {0};
	const char *opened = NULL;
	struct err err;

	(void)state;
	write_site();
	load(&l, fixture_path("inventory"),
		"ansible_connection=ssh sentinelcam_model_registry=/far", NULL);
	assert_int_equal(l.result, 0);
	assert_string_equal(l.site.primary->name, "cellar");
	assert_null(l.site.store);
	assert_string_equal(findings(&l), "warning: the store lies on another host, cellar: "
					  "whether it has all versions was "
					  "not looked up; deploy-models --check does that\n");

	const struct registry_site_options o = {
		.inventory = &l.inventory,
		.vars = l.vars,
		.hosts = &l.hosts,
		.open_remote = opened_remotely,
		.open_remote_arg = &opened,
	};
	assert_int_equal(registry_site_resolve(&site, &o, &d, &err), 0);
	assert_string_equal(opened, "cellar:/far");
	assert_non_null(site.store);
	assert_true(resolution_host(&site.resolution, "cellar")->holds_store);
}

/* ---- the example site ---- */

#define EXAMPLE "../../inventory"

static void example_store(void)
{
	static const char *const versions[][2] = {
		{"mobilenet_ssd", "2020-12-06"},
		{"face_detection", "2025-06-14"},
		{"face_detection", "2024-03-09"},
		{"face_recognition", "2026-02-02"},
		{"face_recognition", "2025-02-25"},
		{"face_recognition", "2025-11-20"},
		{"haarcascades", "2020-12-06"},
		{"openface_torch", "2021-01-17"},
		{"vehicle_detection", "2025-09-30"},
		{"vehicle_detection", "2025-05-02"},
		{"license_plates", "2025-10-11"},
		{"license_plates", "2025-04-18"},
		{"package_detection", "2026-01-15"},
		{"package_detection", "2025-12-01"},
		{"audio_events", "2025-08-21"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		fixture_version("data/model_registry", versions[i][0], versions[i][1]);
}

static void test_the_example_site(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};
	autofree char *path = realpath(EXAMPLE, NULL);

	(void)state;
	example_store();
	autofree char *extra = xasprintf("sentinelcam_data_path=%s", fixture_path("data"));
	load(&l, path, extra, NULL);

	assert_string_equal(findings(&l), "");
	const struct resolution *r = &l.site.resolution;
	assert_int_equal(r->host_count, 11);
	assert_int_equal(resolution_host(r, "lookout")->count, 9);
	assert_string_equal(
		host_models_find(resolution_host(r, "lookout"), "face_recognition")->version,
		"2026-02-02");
	assert_string_equal(
		host_models_find(resolution_host(r, "sentinel-test"), "face_recognition")
			->version,
		"2025-11-20");
	assert_string_equal(site_text_set(r, "porch"), "mobilenet_ssd 2020-12-06");
	assert_string_equal(site_text_set(r, "barn2"), "mobilenet_ssd 2020-12-06");
	assert_string_equal(site_text_set(r, "back-door"),
		"mobilenet_ssd 2020-12-06, package_detection 2026-01-15");
	assert_string_equal(site_text_set(r, "attic"), "face_recognition 2026-02-02");
	assert_true(resolution_host(r, "cellar")->holds_store);
}

/* Without our own model_set lines, the groups' names say what their hosts get. */
static void test_the_example_site_without_model_set(void **state)
{
	AUTO(loaded_release) struct loaded l = {0};
	autofree char *path = realpath(EXAMPLE, NULL);

	(void)state;
	example_store();
	fixture_shell(
		"cp -r %s inventory; sed -i '/^model_set:/d' inventory/group_vars/*/*.yaml",
		path);
	autofree char *extra = xasprintf("sentinelcam_data_path=%s", fixture_path("data"));
	load(&l, fixture_path("inventory"), extra, NULL);

	assert_string_equal(findings(&l), "");
	const struct resolution *r = &l.site.resolution;
	assert_int_equal(resolution_host(r, "gatehouse")->count, 9);
	assert_string_equal(site_text_set(r, "driveway"), "mobilenet_ssd 2020-12-06");
	assert_string_equal(site_text_set(r, "attic"), "face_recognition 2026-02-02");
}

/* Ansible reads the example, without a warning, and means the same. */
static void test_the_example_site_means_the_same_to_ansible(void **state)
{
	autofree char *path = realpath(EXAMPLE, NULL);

	(void)state;
	if (access("/usr/bin/ansible-inventory", X_OK) != 0)
		skip();
	const char *text =
		fixture_shell("ansible-inventory -i %s --list 2> warnings | python3 -c '\n"
			      "import json, sys\n"
			      "site = json.load(sys.stdin)\n"
			      "hosts = site[\"_meta\"][\"hostvars\"]\n"
			      "den = hosts[\"lookout\"]\n"
			      "print(len(hosts), len(den[\"sentinelcam_models\"]), "
			      "den[\"sentinelcam_model_retention\"])\n"
			      "print(den[\"sentinelcam_models\"][\"face_recognition\"]["
			      "\"previous_version\"])\n"
			      "print(hosts[\"sentinel-test\"][\"model_version_overrides\"])\n"
			      "print(hosts[\"back-door\"][\"outpost_models\"], "
			      "hosts[\"barn3\"][\"outpost_models\"])\n"
			      "'; cat warnings",
			path);

	assert_string_equal(text, "11 9 5\n"
				  "2025-02-25\n"
				  "{'face_recognition': '2025-11-20'}\n"
				  "['mobilenet_ssd', 'package_detection'] ['mobilenet_ssd']\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_a_site_resolves),
		T(test_extra_variables_and_filters_apply),
		T(test_mistakes_of_all_files_in_one_run),
		T(test_keys_that_are_given_twice),
		T(test_keys_given_twice_inside_the_hosts_file),
		T(test_a_variable_that_cannot_be_evaluated),
		T(test_a_primary_datasink_that_is_not_there),
		T(test_a_store_that_is_not_there),
		T(test_without_a_primary_the_store_is_here),
		T(test_a_datasink_that_is_this_machine_by_name),
		T(test_a_store_on_another_host),
		T(test_the_example_site),
		T(test_the_example_site_without_model_set),
		T(test_the_example_site_means_the_same_to_ansible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
