/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "site_text.h"

/* Line 1 is "all:", the registry stands in lines 2 to 5. */
#define REGISTRY                                                                               \
	"all:\n"                                                                               \
	"  sentinelcam_models:\n"                                                              \
	"    ssd: {current_version: 2020-12-06}\n"                                             \
	"    face: {current_version: 2026-02-02, previous_version: 2025-02-25}\n"              \
	"    haar: {current_version: 2019-01-01}\n"

struct outcome {
	struct site_text site;
	struct resolution resolution;
	const char *findings;
};

static void outcome_release(struct outcome *o)
{
	resolution_release(&o->resolution);
	site_text_release(&o->site);
}

static void run(struct outcome *o, const char *text, const char *models, const char *tags)
{
	site_text_read(&o->site, text, models, tags);
	o->findings = site_text_resolve(&o->site, NULL, &o->resolution);
}

static void test_the_usual_groups(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY "hosts:\n"
			 "  den: {groups: [sentinels]}\n"
			 "  porch: {groups: [outposts], outpost_models: [ssd]}\n"
			 "  attic: {groups: [datasinks], datasink_models: [face]}\n"
			 "  cellar: {groups: [datasinks]}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	assert_string_equal(site_text_set(&o.resolution, "den"),
		"ssd 2020-12-06, face 2026-02-02, haar 2019-01-01");
	assert_string_equal(site_text_set(&o.resolution, "porch"), "ssd 2020-12-06");
	assert_string_equal(site_text_set(&o.resolution, "attic"), "face 2026-02-02");
	assert_string_equal(site_text_set(&o.resolution, "cellar"), "");
	assert_string_equal(resolution_host(&o.resolution, "den")->root, "/srv/models");
}

static void test_a_site_with_other_groups(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY "hosts:\n"
			 "  a: {groups: [cameras], model_set: all}\n"
			 "  b: {groups: [cameras], model_set: none}\n"
			 "  c: {groups: [cameras], model_set: [haar, ssd]}\n"
			 "  d: {groups: [sentinels], model_set: [haar]}\n"
			 "  e: {groups: [cameras], model_set: []}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	assert_string_equal(site_text_set(&o.resolution, "a"),
		"ssd 2020-12-06, face 2026-02-02, haar 2019-01-01");
	assert_string_equal(site_text_set(&o.resolution, "b"), "");
	assert_string_equal(
		site_text_set(&o.resolution, "c"), "ssd 2020-12-06, haar 2019-01-01");
	assert_string_equal(site_text_set(&o.resolution, "d"), "haar 2019-01-01");
	assert_string_equal(site_text_set(&o.resolution, "e"), "");
}

static void test_a_host_in_two_groups_gets_what_both_say(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY "hosts:\n"
			 "  a: {groups: [outposts, datasinks], outpost_models: [ssd], "
			 "datasink_models: [face, ssd]}\n"
			 "  b: {groups: [outposts, sentinels], outpost_models: [ssd]}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	assert_string_equal(
		site_text_set(&o.resolution, "a"), "ssd 2020-12-06, face 2026-02-02");
	assert_int_equal(resolution_host(&o.resolution, "b")->count, 3);
}

static void test_an_override_pins_a_host(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY
		"hosts:\n"
		"  a: {model_set: all, model_version_overrides: {face: \"2025-11-20\"}}\n"
		"  b: {model_set: all, model_version_overrides: {face: 2025-11-20}}\n"
		"  c: {model_set: all, model_version_overrides: null}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	assert_string_equal(site_text_set(&o.resolution, "a"),
		"ssd 2020-12-06, face 2025-11-20*, haar 2019-01-01");
	assert_string_equal(site_text_set(&o.resolution, "b"),
		"ssd 2020-12-06, face 2025-11-20*, haar 2019-01-01");
	assert_string_equal(site_text_set(&o.resolution, "c"),
		"ssd 2020-12-06, face 2026-02-02, haar 2019-01-01");
	const struct wanted *w = host_models_find(resolution_host(&o.resolution, "a"), "face");
	assert_int_equal(w->version_place.line, 7);
	assert_int_equal(w->version_place.column, 55);
}

static void test_hosts_share_versions_and_registries(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY
		"hosts:\n"
		"  a: {model_set: [face]}\n"
		"  b: {model_set: [face]}\n"
		"  c: {model_set: [face], model_version_overrides: {face: 2025-11-20}}\n",
		NULL, NULL);

	assert_int_equal(o.resolution.registry_count, 1);
	assert_int_equal(o.resolution.use_count, 2);
	assert_string_equal(o.resolution.uses[0].version, "2026-02-02");
	assert_int_equal(o.resolution.uses[0].hosts, 2);
	assert_int_equal(o.resolution.uses[1].hosts, 1);
	assert_int_equal(resolution_host(&o.resolution, "a")->items[0].use, 0);
	assert_int_equal(resolution_host(&o.resolution, "c")->items[0].use, 1);
}

static void test_other_patterns_make_another_use(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		"all: {model_set: all}\n"
		"hosts:\n"
		"  a: {sentinelcam_models: {m: {current_version: 2026-02-02}}}\n"
		"  b: {sentinelcam_models: {m: {current_version: 2026-02-02, exclude: [x]}}}\n"
		"  c: {sentinelcam_models: {m: {current_version: 2026-02-02, initial_only: "
		"[x]}}}\n"
		"  d: {sentinelcam_models: {m: {current_version: 2026-02-02, immutable: "
		"true}}}\n"
		"  e: {sentinelcam_models: {m: {current_version: 2026-02-02, update: false}}}\n"
		"  f: {sentinelcam_models: {m: {current_version: 2026-02-02, exclude: [x]}}}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	assert_int_equal(o.resolution.use_count, 4);
	assert_int_equal(resolution_host(&o.resolution, "e")->items[0].use, 0);
	assert_int_equal(resolution_host(&o.resolution, "f")->items[0].use, 1);
}

static void test_filters(void **state)
{
	static const struct {
		const char *models, *tags, *set;
	} cases[] = {
		{NULL, NULL, "ssd 2020-12-06, face 2026-02-02, haar 2019-01-01"},
		{"face", NULL, "face 2026-02-02"},
		{NULL, "face", "face 2026-02-02"},
		{"haar, ssd", NULL, "ssd 2020-12-06, haar 2019-01-01"},
		{"haar", "ssd", "ssd 2020-12-06, haar 2019-01-01"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(outcome_release) struct outcome o = {0};
		run(&o, REGISTRY "hosts: {a: {model_set: all}}\n", cases[i].models,
			cases[i].tags);
		assert_string_equal(o.findings, "");
		assert_string_equal(site_text_set(&o.resolution, "a"), cases[i].set);
	}
}

static void test_the_host_of_the_store_gets_nothing(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY
		"hosts: {a: {model_set: all, holds_store: true}, b: {holds_store: true}}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	assert_string_equal(site_text_set(&o.resolution, "a"), "");
	assert_true(resolution_host(&o.resolution, "a")->holds_store);
	assert_int_equal(o.resolution.use_count, 0);
}

static void test_linked_files(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY
		"hosts:\n"
		"  a: {model_set: [{model: face, linked_files: [facelist.csv, \"*.hdf5\"]}]}\n"
		"  b: {groups: [outposts, datasinks], outpost_models: [face], datasink_models: "
		"[{model: face, linked_files: [x]}]}\n"
		"  c: {groups: [outposts, datasinks], outpost_models: [{model: face, "
		"linked_files: [x]}], datasink_models: [face]}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "");
	const struct wanted *w = host_models_find(resolution_host(&o.resolution, "a"), "face");
	assert_int_equal(w->linked_files.count, 2);
	assert_string_equal(w->linked_files.items[1], "*.hdf5");
	assert_int_equal(w->model->only.count, 2);
	assert_int_equal(
		store_file_verdict((void *)w->model, "a/b.hdf5", MANIFEST_FILE), MANIFEST_TAKE);
	assert_int_equal(
		store_file_verdict((void *)w->model, "big.bin", MANIFEST_FILE), MANIFEST_SKIP);
	/* A model that another list names without more is wanted whole. */
	w = host_models_find(resolution_host(&o.resolution, "b"), "face");
	assert_int_equal(w->linked_files.count, 0);
	w = host_models_find(resolution_host(&o.resolution, "c"), "face");
	assert_int_equal(w->linked_files.count, 0);
}

/* A config that names several models takes all of them along when one is selected. */
static void test_companions_of_a_selected_model(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY "hosts:\n"
			 "  a: {model_set: all, config_models: [[face, ssd], [haar]]}\n"
			 "  b: {model_set: all, config_models: [[haar]]}\n",
		"face", NULL);

	assert_string_equal(o.findings, "");
	assert_string_equal(
		site_text_set(&o.resolution, "a"), "ssd 2020-12-06, face 2026-02-02");
	assert_string_equal(site_text_set(&o.resolution, "b"), "face 2026-02-02");
}

static void test_a_config_of_an_unknown_model(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY "hosts:\n"
			 "  a: {model_set: all, config_models: [[fcae], face]}\n",
		NULL, NULL);

	assert_string_equal(o.findings,
		"t.yaml:7:40: error: model_configs: found the model \"fcae\", expected one "
		"that sentinelcam_models has; did you mean face?\n"
		"t.yaml:7:47: error: model_configs: models: found \"face\", expected a list of "
		"models\n");
}

/* Hosts begin in line 7. What a mistake leads to, to the letter. */
static const struct {
	const char *hosts;
	const char *models;
	const char *findings;
} mistakes[] = {
	{"  a: {model_set: [faec]}\n", NULL,
		"t.yaml:7:19: error: found the model \"faec\", expected one that "
		"sentinelcam_models "
		"has; did you mean face?\n"},
	{"  a: {groups: [outposts], outpost_models: [ssd, yolo]}\n", NULL,
		"t.yaml:7:49: error: found the model \"yolo\", expected one that "
		"sentinelcam_models "
		"has\n"},
	{"  a: {groups: [outposts]}\n", NULL,
		"error: outpost_models is not defined, expected the list of models that hosts "
		"of the group outposts get, e.g. in group_vars/outposts/models.yaml (host "
		"a)\n"},
	{"  a: {}\n", NULL,
		"warning: model_set is not defined, so nothing is deployed; expected all, "
		"none, or a list of models in group_vars or host_vars (host a)\n"},
	{"  a: {model_set: some}\n", NULL,
		"t.yaml:7:18: error: model_set: found \"some\", expected all, none, or a list "
		"of at most 10000 models, e.g. [mobilenet_ssd]\n"},
	{"  a: {model_set: {face: yes}}\n", NULL,
		"t.yaml:7:18: error: model_set: found a mapping, expected all, none, or a list "
		"of at most 10000 models, e.g. [mobilenet_ssd]\n"},
	{"  a: {model_set: [3]}\n", NULL,
		"t.yaml:7:19: error: model_set: found the number 3, expected a model's name, "
		"or {model: NAME, linked_files: [PATTERNS]}\n"},
	{"  a: {model_set: [{model: face, files: [x]}]}\n", NULL,
		"t.yaml:7:33: error: model_set: found the key \"files\", expected `model: "
		"NAME` and `linked_files: [PATTERNS]`\n"},
	{"  a: {model_set: [{linked_files: [x]}]}\n", NULL,
		"t.yaml:7:19: error: model_set: found a mapping, expected a model's name, or "
		"{model: NAME, linked_files: [PATTERNS]}\n"},
	{"  a: {model_set: [face, face]}\n", NULL,
		"t.yaml:7:25: warning: model_set: face is listed twice\n"},
	{"  a: {model_set: all, model_version_overrides: {fcae: 2025-11-20}}\n", NULL,
		"t.yaml:7:49: error: model_version_overrides: found the model \"fcae\", "
		"expected one that sentinelcam_models has; did you mean face?\n"},
	{"  a: {model_set: all, model_version_overrides: {face: 2025-11-31}}\n", NULL,
		"t.yaml:7:55: error: model_version_overrides.face: found \"2025-11-31\", "
		"expected a day that the calendar has\n"},
	{"  a: {model_set: all, model_version_overrides: {face: null}}\n", NULL,
		"t.yaml:7:55: error: model_version_overrides.face: found null, expected a "
		"version as \"YYYY-MM-DD\"\n"},
	{"  a: {model_set: all, model_version_overrides: [face]}\n", NULL,
		"t.yaml:7:48: error: model_version_overrides: found a list, expected a mapping "
		"from models to versions\n"},
	{"  a: {model_set: [ssd], model_version_overrides: {face: 2025-11-20}}\n", NULL,
		"t.yaml:7:57: warning: model_version_overrides.face has no effect: the host "
		"does not get that model\n"},
	{"  a: {model_set: [ssd], sentinelcam_model_registry: models}\n", NULL,
		"t.yaml:7:53: error: sentinelcam_model_registry: found \"models\", expected "
		"the absolute path of the directory that holds the models, e.g. "
		"\"/home/ops/sentinelcam/model_registry\"\n"},
	{"  a: {model_set: [ssd]}\n", "sdd",
		"error: --models: found \"sdd\", expected a model that sentinelcam_models has; "
		"did you mean ssd?\n"},
	{"  a: {model_set: [ssd]}\n", "face",
		"warning: --models: none of the hosts gets face\n"},
};

static void test_each_mistake_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		AUTO(outcome_release) struct outcome o = {0};
		autofree char *text = xasprintf(REGISTRY "hosts:\n%s", mistakes[i].hosts);
		run(&o, text, mistakes[i].models, NULL);
		assert_string_equal(o.findings, mistakes[i].findings);
	}
}

static void test_a_tag_that_names_no_model(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o, REGISTRY "hosts: {a: {model_set: all}}\n", NULL, "fcae,ssd");
	assert_string_equal(o.findings, "error: --tags: found \"fcae\", expected a model that "
					"sentinelcam_models has; did you "
					"mean face?\n");
}

static void test_a_mistake_of_a_group_is_reported_once(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		"all:\n"
		"  sentinelcam_models: {ssd: {current_version: 2020-12-06}}\n"
		"  outpost_models: &list [yolo]\n"
		"hosts:\n"
		"  a: {groups: [outposts]}\n"
		"  b: {groups: [outposts]}\n"
		"  c: {groups: [outposts]}\n"
		"  d: {groups: [outposts]}\n"
		"  e: {groups: [outposts]}\n"
		"  f: {groups: [sentinels]}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "t.yaml:3:26: error: found the model \"yolo\", "
					"expected one that sentinelcam_models "
					"has (hosts a, b, c and 2 more)\n");
}

static void test_a_host_is_named_once(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		REGISTRY
		"hosts:\n"
		"  a: {model_set: none, sentinelcam_models: {m: {current_version: 2026-02-02, "
		"exclude: [&p 3, *p]}}}\n"
		"  b: {model_set: none}\n"
		"  c: {model_set: none}\n",
		NULL, NULL);

	assert_string_equal(o.findings, "t.yaml:7:88: error: m.exclude: found the number 3: "
					"expected a pattern in quotes (host "
					"a)\n");
}

static void test_everything_is_reported_in_the_order_of_places(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o,
		"all:\n"
		"  sentinelcam_models:\n"
		"    ssd: {current_version: 2020-12-32}\n"
		"    face: {current_version: 2026-02-02, previous_version: x}\n"
		"hosts:\n"
		"  a: {model_set: [yolo, face], model_version_overrides: {face: y}}\n"
		"  b: {groups: [outposts]}\n",
		"none", NULL);

	static const char *const starts[] = {"error: outpost_models is not defined",
		"error: --models: found \"none\"", "t.yaml:3:28: error: ssd.current_version",
		"t.yaml:4:59: error: face.previous_version",
		"t.yaml:6:19: error: found the model",
		"t.yaml:6:64: error: model_version_overrides.face"};
	const char *p = o.findings;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		assert_true(str_starts(p, starts[i]));
		p = strchr(p, '\n') + 1;
	}
	assert_string_equal(p, "");
}

static void test_without_a_registry_there_is_one_error(void **state)
{
	AUTO(outcome_release) struct outcome o = {0};

	(void)state;
	run(&o, "all: {x: 1}\nhosts:\n  a: {model_set: [ssd]}\n  b: {model_set: all}\n", NULL,
		NULL);
	assert_string_equal(o.findings, "error: sentinelcam_models: found nothing, expected a "
					"mapping from models to their "
					"versions; it usually stands in "
					"group_vars/all/model_registry.yaml (hosts a, b)\n");
}

static void test_the_resolution_outlives_its_input(void **state)
{
	AUTO(resolution_release) struct resolution r = {0};
	struct site_text site;

	(void)state;
	site_text_read(&site,
		REGISTRY "hosts: {a: {model_set: [{model: face, linked_files: [x]}], "
			 "model_version_overrides: {face: 2025-11-20}}}\n",
		NULL, NULL);
	site_text_resolve(&site, NULL, &r);
	site_text_release(&site);
	arena_release(&fixture_arena);

	assert_string_equal(site_text_set(&r, "a"), "face 2025-11-20*");
	assert_string_equal(r.hosts[0].items[0].linked_files.items[0], "x");
	assert_string_equal(r.hosts[0].root, "/srv/models");
}

/* ---- what an edit changes ---- */

static const char *compare(const char *before, const char *after)
{
	AUTO(outcome_release) struct outcome old = {0};
	AUTO(outcome_release) struct outcome now = {0};
	AUTO(changes_release) struct changes changes = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	run(&old, before, NULL, NULL);
	run(&now, after, NULL, NULL);
	resolution_compare(&old.resolution, &now.resolution, &changes);
	for (size_t i = 0; i < changes.count; i++) {
		const struct change *c = &changes.items[i];
		strbuf_addf(&text, "%s %s: %s -> %s%s\n", c->host, c->model,
			c->before ? c->before : "-", c->after ? c->after : "-",
			c->pinned ? "*" : "");
		assert_int_equal(c->kind, !c->before  ? CHANGE_ADDED
					  : !c->after ? CHANGE_REMOVED
						      : CHANGE_VERSION);
	}
	return arena_strdup(&fixture_arena, text.data);
}

static void test_an_edit_and_what_it_changes(void **state)
{
	(void)state;
	assert_string_equal(
		compare(REGISTRY
			"hosts: {a: {model_set: all}, b: {model_set: [ssd]}, c: {model_set: "
			"all, model_version_overrides: {face: 2025-11-20}}}\n",
			"all:\n"
			"  sentinelcam_models:\n"
			"    ssd: {current_version: 2020-12-06}\n"
			"    face: {current_version: 2026-03-03}\n"
			"    yolo: {current_version: 2026-01-01}\n"
			"hosts: {a: {model_set: all}, b: {model_set: [ssd], "
			"model_version_overrides: "
			"{ssd: 2020-01-01}}, d: {model_set: [ssd]}, c: {model_set: [face], "
			"model_version_overrides: {face: 2025-11-20}}}\n"),
		"a face: 2026-02-02 -> 2026-03-03\n"
		"a yolo: - -> 2026-01-01\n"
		"a haar: 2019-01-01 -> -\n"
		"b ssd: 2020-12-06 -> 2020-01-01*\n"
		"d ssd: - -> 2020-12-06\n"
		"c ssd: 2020-12-06 -> -\n"
		"c haar: 2019-01-01 -> -\n");
	assert_string_equal(compare(REGISTRY "hosts: {a: {model_set: [ssd]}}\n",
				    REGISTRY "hosts: {b: {model_set: [ssd]}}\n"),
		"b ssd: - -> 2020-12-06\na ssd: 2020-12-06 -> -\n");
	assert_string_equal(compare(REGISTRY "hosts: {a: {model_set: all}}\n",
				    REGISTRY "hosts: {a: {model_set: all}}\n"),
		"");
}

/* What three hosts would have after a move, as site_text_set tells it. */
static const char *after(const struct resolve_suppose *move)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(outcome_release) struct outcome o = {0};

	site_text_read(&o.site,
		REGISTRY
		"hosts:\n"
		"  a: {model_set: [face]}\n"
		"  b: {model_set: [face], model_version_overrides: {face: 2025-11-20}}\n"
		"  c: {model_set: [ssd]}\n",
		NULL, NULL);
	o.site.input.suppose = move;
	assert_string_equal(site_text_resolve(&o.site, NULL, &o.resolution), "");
	for (size_t i = 0; i < o.resolution.host_count; i++) {
		const char *host = o.resolution.hosts[i].host;
		strbuf_addf(&text, "%s: %s; ", host, site_text_set(&o.resolution, host));
	}
	return arena_strdup(&fixture_arena, text.data);
}

static void test_a_move_that_is_only_supposed(void **state)
{
	AUTO(strlist_release) struct strlist hosts = {0};

	(void)state;
	strlist_add(&hosts, "b");
	assert_string_equal(after(&(struct resolve_suppose){"face", "2025-02-25", NULL}),
		"a: face 2025-02-25; b: face 2025-11-20*; c: ssd 2020-12-06; ");
	assert_string_equal(after(&(struct resolve_suppose){"face", "2025-02-25", &hosts}),
		"a: face 2026-02-02; b: face 2025-02-25*; c: ssd 2020-12-06; ");
	assert_string_equal(after(&(struct resolve_suppose){"face", NULL, &hosts}),
		"a: face 2026-02-02; b: face 2026-02-02; c: ssd 2020-12-06; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_the_usual_groups),
		T(test_a_site_with_other_groups),
		T(test_a_host_in_two_groups_gets_what_both_say),
		T(test_an_override_pins_a_host),
		T(test_hosts_share_versions_and_registries),
		T(test_other_patterns_make_another_use),
		T(test_filters),
		T(test_the_host_of_the_store_gets_nothing),
		T(test_linked_files),
		T(test_companions_of_a_selected_model),
		T(test_a_config_of_an_unknown_model),
		T(test_each_mistake_has_its_place),
		T(test_a_tag_that_names_no_model),
		T(test_a_mistake_of_a_group_is_reported_once),
		T(test_a_host_is_named_once),
		T(test_everything_is_reported_in_the_order_of_places),
		T(test_without_a_registry_there_is_one_error),
		T(test_the_resolution_outlives_its_input),
		T(test_an_edit_and_what_it_changes),
		T(test_a_move_that_is_only_supposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
