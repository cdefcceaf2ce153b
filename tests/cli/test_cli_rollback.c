/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rollback command as a process, on a site in a git repository whose hosts are directories
 * of this machine.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/spawn.h"
#include "cli/cli.h"
#include "history/lock.h"
#include "value/json.h"

#define REGISTRY                                                                               \
	"# which version is current\n"                                                         \
	"sentinelcam_models:\n"                                                                \
	"  face:\n"                                                                            \
	"    current_version: \"2026-02-02\"   # winter\n"                                     \
	"    previous_version: '2025-11-20'\n"                                                 \
	"  haar: {current_version: 2024-06-30, previous_version: null}\n"

#define MOVED                                                                                  \
	"# which version is current\n"                                                         \
	"sentinelcam_models:\n"                                                                \
	"  face:\n"                                                                            \
	"    current_version: \"2025-11-20\"   # winter\n"                                     \
	"    previous_version: '2026-02-02'\n"                                                 \
	"  haar: {current_version: 2024-06-30, previous_version: null}\n"

/* A host's config says which version it has; version 2025-01-01 is not taken by host b. */
#define PLAYBOOK                                                                               \
	"- hosts: sentinels\n"                                                                 \
	"  gather_facts: false\n"                                                              \
	"  transaction: true\n"                                                                \
	"  tasks:\n"                                                                           \
	"    - sync_models:\n"                                                                 \
	"    - copy:\n"                                                                        \
	"        content: \"{{ model_versions.face }}\"\n"                                     \
	"        dest: \"{{ sentinelcam_model_registry }}/face.conf\"\n"                       \
	"    - fail: {msg: wrong shape}\n"                                                     \
	"      when: inventory_hostname == 'b' and model_versions.face == '2025-01-01'\n"

#define SITE                                                                                   \
	"all:\n"                                                                               \
	"  vars:\n"                                                                            \
	"    primary_datasink: sink\n"                                                         \
	"    sentinelcam_model_registry: \"{{ inventory_dir }}/{{ inventory_hostname }}\"\n"   \
	"    model_configs: [{dest: '/etc/{{ inventory_hostname }}.conf', models: [face],"     \
	" services: [camera]}]\n"                                                              \
	"    model_services: [{name: viewer, models: [face]}, {name: other, models: "          \
	"[haar]}]\n"                                                                           \
	"  children:\n"                                                                        \
	"    sentinels:\n"                                                                     \
	"      hosts:\n"                                                                       \
	"        a: {ansible_connection: local}\n"                                             \
	"        b: {ansible_connection: local}\n"                                             \
	"    datasinks:\n"                                                                     \
	"      hosts: {sink: {ansible_connection: local}}\n"

struct fixture {
	char *dir;
	char *home, *cache, *state, *node; /* of the environment */
	struct arena arena;
	int code;
	struct strbuf out, err;
};

static void spawn(struct fixture *f, const char *const *argv)
{
	const char *const env[] = {f->home, f->cache, f->state, f->node, "NO_COLOR=1",
		"LC_ALL=C.UTF-8", "GIT_AUTHOR_NAME=Anna", "GIT_AUTHOR_EMAIL=anna@example.org",
		"GIT_COMMITTER_NAME=Anna", "GIT_COMMITTER_EMAIL=anna@example.org", NULL};
	const struct spawn_options o = {.argv = argv,
		.env = env,
		.cwd = f->dir,
		.output_max = 16 << 20,
		.until = deadline_in(60)};
	struct spawn_result r;
	struct err err = {0};

	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	f->code = spawn_exit_code(r.status);
	strbuf_release(&f->out);
	strbuf_release(&f->err);
	f->out = r.out;
	f->err = r.err;
}

/* Runs a shell script in the site; what it prints is in f->out. */
static const char *shell(struct fixture *f, const char *script)
{
	spawn(f, (const char *const[]){"/bin/sh", "-euc", script, NULL});
	if (f->code != 0)
		fail_msg("%s: %s", script, f->err.data);
	return f->out.data;
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
	autofree char *path = path_join(f->dir, name);
	autofree char *dir = path_dirname(path);
	struct err err = {0};

	if (path_mkdirs(dir, 0755, &err) < 0 ||
		file_replace(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static const char *read_file(struct fixture *f, const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = path_join(f->dir, name);

	if (file_read(path, 1 << 20, &text, NULL) < 0)
		return "(not there)";
	return arena_strdup(&f->arena, text.data);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	void *dir;

	if (scratch_make(&dir) < 0)
		return -1;
	*state = f;
	f->dir = dir;
	f->home = xasprintf("HOME=%s/home", f->dir);
	f->cache = xasprintf("XDG_CACHE_HOME=%s/cache", f->dir);
	f->state = xasprintf("XDG_STATE_HOME=%s/state", f->dir);
	f->node = xasprintf("MODELFLEET_STATE_DIR=%s/node", f->dir);
	strbuf_init(&f->out);
	strbuf_init(&f->err);
	write_file(f, "hosts.yaml", SITE);
	write_file(f, "group_vars/all/models.yaml", REGISTRY);
	write_file(f, "p.yaml", PLAYBOOK);
	write_file(f, ".gitignore", "/sink/\n/a/\n/b/\n/home/\n/cache/\n/node/\n/state/\n");
	shell(f, "for v in 2025-01-01 2025-11-20 2026-02-02; do mkdir -p sink/face/$v; head -c "
		 "1500 /dev/zero > sink/face/$v/m.bin; echo $v >> sink/face/$v/m.bin; done; "
		 "mkdir -p sink/haar/2024-06-30 sink/coral_packages; echo x > "
		 "sink/haar/2024-06-30/a.xml; git init -q; git add -A; git commit -qm site");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *dir = f->dir;

	arena_release(&f->arena);
	strbuf_release(&f->out);
	strbuf_release(&f->err);
	free(f->home);
	free(f->cache);
	free(f->state);
	free(f->node);
	free(f);
	return scratch_remove(&dir);
}

/* Runs rollback with the words of a line, and expects an exit code. */
static void rollback(struct fixture *f, const char *line, int code)
{
	AUTO(strlist_release) struct strlist argv = {0};

	strlist_add(&argv, MODELFLEET);
	strlist_split(&argv, "rollback -i hosts.yaml --playbook p.yaml", " ");
	strlist_split(&argv, line, " ");
	spawn(f, (const char *const *)argv.items);
	if (f->code != code)
		fail_msg("%s: exit code %d, expected %d\n%s%s", line, f->code, code,
			f->out.data, f->err.data);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("expected: %s\nin: %s", part, text);
}

static void expect_untouched(struct fixture *f)
{
	assert_string_equal(read_file(f, "group_vars/all/models.yaml"), REGISTRY);
	assert_string_equal(shell(f, "git log --format=%s; git status --porcelain"), "site\n");
}

/* ---- listing ---- */

static void test_the_list(void **state)
{
	struct fixture *f = *state;
	autofree char *end = xasprintf("\n2 models, 4 versions of 4.5 kB in %s/sink\n"
				       "no host has reported what it runs: deploy-models and "
				       "fleet-status note that\n",
		f->dir);
	autofree char *all = xasprintf("MODEL  VERSION       SIZE  HOSTS  IS\n"
				       "face   2026-02-02  1.5 kB      -  CURRENT\n"
				       "       2025-11-20  1.5 kB      -  PREVIOUS\n"
				       "       2025-01-01  1.5 kB      -\n"
				       "haar   2024-06-30     2 B      -  CURRENT\n%s",
		end);

	rollback(f, "", EXIT_OK);
	assert_string_equal(f->out.data, all);
}

static void test_a_version_that_is_only_named(void **state)
{
	struct fixture *f = *state;

	write_file(f, "host_vars/a.yaml", "model_version_overrides: {face: 2025-11-20}\n");
	shell(f, "rm -r sink/face/2026-02-02 sink/face/2025-01-01");
	rollback(f, "face", EXIT_OK);
	expect(f->out.data, "face   2026-02-02       -      -  CURRENT, not in the store\n"
			    "       2025-11-20  1.5 kB      -  PREVIOUS, pinned by a\n");
}

static const char *text_of(const struct value *v, const char *member)
{
	const char *text = value_text(value_dict_get(v, member));

	return text ? text : "(none)";
}

static const struct value *read_event(struct fixture *f, const char *kind)
{
	for (char *line = f->out.data, *end; (end = strchr(line, '\n')); line = end + 1) {
		const struct value *v = json_read(
			&f->arena, line, (size_t)(end - line), "event", NULL, NULL, NULL);
		assert_non_null(v);
		if (strcmp(text_of(v, "event"), kind) == 0)
			return v;
	}
	fail_msg("no event %s in %s", kind, f->out.data);
	return NULL;
}

static void test_the_list_for_programs(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face --json", EXIT_OK);
	const struct value *v = read_event(f, "model_versions");
	assert_string_equal(text_of(v, "model"), "face");
	assert_string_equal(text_of(v, "current"), "2026-02-02");
	assert_string_equal(text_of(v, "previous"), "2025-11-20");
	const struct value *versions = value_dict_get(v, "versions");
	assert_int_equal(versions->count, 3);
	assert_string_equal(text_of(versions->items[1], "version"), "2025-11-20");
	assert_int_equal(value_dict_get(versions->items[1], "bytes")->integer, 1511);
	assert_true(value_truthy(value_dict_get(versions->items[1], "previous")));
	assert_false(value_truthy(value_dict_get(versions->items[1], "current")));
}

static void test_what_hosts_run_is_listed(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face --previous --yes", EXIT_OK);
	rollback(f, "face", EXIT_OK);
	expect(f->out.data, "face   2026-02-02  1.5 kB      -  PREVIOUS\n"
			    "       2025-11-20  1.5 kB      2  CURRENT\n");
	expect(f->out.data, "\n2025-11-20 runs on a, b\n");
}

/* ---- refusals ---- */

static void test_what_is_refused_before_anything_is_touched(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"fcae --previous --yes", "found no model 'fcae'"},
		{"fcae --previous --yes", "did you mean face?"},
		{"nothing", "expected one that sentinelcam_models has: face, haar"},
		{"haar --previous --yes", "haar has no previous version"},
		{"haar --previous --yes", "in the store: 2024-06-30"},
		{"face 2026-02-02 --yes", "face 2026-02-02 is current already"},
		{"face 2020-01-01 --yes", "it has: 2026-02-02, 2025-11-20, 2025-01-01"},
		{"face 2020-13-01 --yes", "expected a date, YYYY-MM-DD"},
		{"face --previous", "there is no terminal to ask on"},
		{"--previous", "which model?"},
		{"face --previous 2025-11-20", "expected only one of VERSION, --previous"},
		{"face --check", "expected one of VERSION, --previous"},
		{"face --unpin", "--unpin: whose pins?"},
		{"face 2025-11-20 more", "found the argument 'more'"},
		{"face --hosts nobody --previous", "nobody"},
		{"face --hosts sink:&a --previous", "--hosts"},
		{"face --hosts a --unpin", "no host of 'a' has a pin of face"},
		{"face --previous --no-deploy --undo-on-failure", "needs a deploy"},
		{"face --limit a --previous", "unknown option '--limit'"},
		{"face --previous --forks many", "--forks: found 'many'"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rollback(f, cases[i].line, EXIT_CANNOT_RUN);
		expect(f->err.data, cases[i].part);
		expect_untouched(f);
	}
}

static void test_somebody_else_holds_the_lock(void **state)
{
	struct fixture *f = *state;
	AUTO(lock_release) struct lock lock = LOCK_INIT;
	autofree char *root = path_join(f->dir, "sink");
	struct err err = {0};

	assert_int_equal(lock_acquire_site(&lock, root, "a long deploy", 0, NULL, &err), 0);
	rollback(f, "face --previous --yes", EXIT_CANNOT_RUN);
	expect(f->err.data, "nothing was changed: another run is under way");
	expect(f->err.data, "a long deploy");
	expect_untouched(f);
}

static void test_a_registry_with_changes_of_its_own(void **state)
{
	struct fixture *f = *state;

	shell(f, "echo '# mine' >> group_vars/all/models.yaml");
	rollback(f, "face --previous --yes", EXIT_CANNOT_RUN);
	expect(f->err.data, "has changes that are not committed");
	expect(f->err.data, "git restore");
	expect(read_file(f, "group_vars/all/models.yaml"), REGISTRY "# mine\n");
}

static void test_two_places_that_say_the_version(void **state)
{
	struct fixture *f = *state;

	write_file(f, "host_vars/b.yaml",
		"sentinelcam_models: {face: {current_version: 2025-11-20}}\n");
	rollback(f, "face 2025-01-01 --yes", EXIT_CANNOT_RUN);
	expect(f->err.data, "host_vars/b.yaml");
	expect(f->err.data, "is said for different hosts");
}

/* ---- moving ---- */

static void test_the_plan(void **state)
{
	struct fixture *f = *state;

	write_file(f, "host_vars/b.yaml", "model_version_overrides: {face: 2025-01-01}\n");
	rollback(f, "face --previous --check --no-deploy", EXIT_OK);
	expect(f->out.data, "face: 2026-02-02 -> 2025-11-20 (the previous version)\n"
			    "  1 host goes from 2026-02-02 to 2025-11-20: a\n"
			    "  1 host stays at 2025-01-01, pinned: b\n");
	rollback(f, "face --previous --check --no-deploy --json", EXIT_OK);
	const struct value *v = read_event(f, "move");
	assert_string_equal(text_of(v, "to"), "2025-11-20");
	const struct value *configs = value_dict_get(v, "configs");
	assert_int_equal(configs->pair_count, 1);
	assert_int_equal(value_dict_get(configs, "/etc/a.conf")->integer, 1);
	const struct value *services = value_dict_get(v, "services");
	assert_int_equal(services->pair_count, 2);
	assert_non_null(value_dict_get(services, "camera"));
	assert_non_null(value_dict_get(services, "viewer"));
}

static void test_back_and_there_again(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face --previous --yes --note ghosts", EXIT_OK);
	assert_string_equal(read_file(f, "group_vars/all/models.yaml"), MOVED);
	assert_string_equal(read_file(f, "a/face.conf"), "2025-11-20");
	assert_string_equal(read_file(f, "b/face.conf"), "2025-11-20");
	expect(shell(f, "git log -1 --format=%B"), "Roll back face to 2025-11-20\n\nghosts\n");
	rollback(f, "face --previous --yes", EXIT_OK);
	assert_string_equal(read_file(f, "group_vars/all/models.yaml"), REGISTRY);
	assert_string_equal(read_file(f, "a/face.conf"), "2026-02-02");
}

static void test_a_registry_that_names_what_the_store_lacks(void **state)
{
	struct fixture *f = *state;

	shell(f, "rm -r sink/face/2026-02-02");
	rollback(f, "face --previous --yes", EXIT_OK);
	assert_string_equal(read_file(f, "a/face.conf"), "2025-11-20");
}

static void test_a_commit_alone(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face --previous --yes --no-deploy", EXIT_OK);
	assert_string_equal(read_file(f, "group_vars/all/models.yaml"), MOVED);
	assert_string_equal(read_file(f, "a/face.conf"), "(not there)");
	expect(f->out.data, "deploy-models -i hosts.yaml --playbook p.yaml --models face\n");
}

static void test_pins(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face 2025-01-01 --hosts a --yes", EXIT_OK);
	assert_string_equal(read_file(f, "a/face.conf"), "2025-01-01");
	assert_string_equal(read_file(f, "b/face.conf"), "(not there)");
	expect(read_file(f, "host_vars/a.yaml"), "2025-01-01");
	rollback(f, "face 2025-01-01 --hosts a --yes", EXIT_CANNOT_RUN);
	expect(f->err.data, "already");
	rollback(f, "face --hosts a --unpin --yes", EXIT_OK);
	assert_string_equal(read_file(f, "a/face.conf"), "2026-02-02");
	assert_string_equal(shell(f, "git log --format=%s"),
		"Unpin face on a\nPin face to 2025-01-01 on a\nsite\n");
}

static void test_pins_that_groups_have(void **state)
{
	struct fixture *f = *state;

	write_file(f, "group_vars/sentinels.yaml",
		"model_version_overrides: {face: 2025-11-20, haar: 2024-06-30}\n");
	rollback(f, "face 2025-01-01 --hosts a --yes", EXIT_CANNOT_RUN);
	expect(f->err.data, "group_vars/sentinels.yaml");
	rollback(f, "face --unpin --hosts a --yes", EXIT_CANNOT_RUN);
	expect(f->err.data, "group_vars/sentinels.yaml");
	assert_string_equal(read_file(f, "host_vars/a.yaml"), "(not there)");
}

/* ---- failures ---- */

static void test_the_state_after_a_failure(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face 2025-01-01 --yes", EXIT_ROLLED_BACK);
	expect(f->out.data, "\nface runs at:\n  2025-01-01 on a\n  2026-02-02 on b\n");
	expect(f->out.data, "The registry says 2025-01-01 (commit ");
	expect(f->out.data,
		"To go on:\n"
		"  deploy-models -i hosts.yaml --playbook p.yaml --models face --limit-failed\n"
		"To go back:\n"
		"  rollback-model -i hosts.yaml --playbook p.yaml face 2026-02-02\n");
}

static void test_a_failure_is_undone(void **state)
{
	struct fixture *f = *state;

	rollback(f, "face 2025-01-01 --yes --undo-on-failure --json", EXIT_ROLLED_BACK);
	const char *undone = text_of(read_event(f, "move_undo"), "commit");
	const char *made = text_of(read_event(f, "move_commit"), "commit");
	assert_string_equal(read_file(f, "group_vars/all/models.yaml"), REGISTRY);
	assert_string_equal(read_file(f, "a/face.conf"), "2026-02-02");
	autofree char *ids = xasprintf("%s\n%s\n", undone, made);
	assert_string_equal(shell(f, "git log -2 --format=%H"), ids);
	expect(shell(f, "git log -1 --format=%B"), "the deploy failed on b");
}

static void test_a_deploy_that_cannot_run_is_undone_without_one(void **state)
{
	struct fixture *f = *state;

	write_file(f, "p.yaml", "- hosts: sentinels\n  tasks: [{no_such_module: }]\n");
	rollback(f, "face --previous --yes --undo-on-failure", EXIT_CANNOT_RUN);
	expect(f->out.data, "the deploy could not run: undone by commit ");
	assert_string_equal(read_file(f, "group_vars/all/models.yaml"), REGISTRY);
	assert_string_equal(read_file(f, "a/face.conf"), "(not there)");
}

/* ---- the script ---- */

static void test_the_script(void **state)
{
	struct fixture *f = *state;
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	autofree char *bin = path_dirname(MODELFLEET);

	strbuf_addf(&line, "mkdir -p scripts; cp '%s' scripts/; export MODELFLEET_BIN='%s'; ",
		SCRIPT, bin);
	size_t begin = line.len;
	strbuf_addstr(&line, "cd scripts; ./rollback_model.sh -i ../hosts.yaml");
	expect(shell(f, line.data), "face   2026-02-02  1.5 kB      -  CURRENT\n");
	/* From elsewhere, without saying what the site is. */
	strbuf_truncate(&line, begin);
	strbuf_addf(&line,
		"printf '[defaults]\\ninventory = hosts.yaml\\n' > ansible.cfg; cd /; "
		"'%s/scripts/rollback_model.sh' haar",
		f->dir);
	expect(shell(f, line.data), "haar   2024-06-30");
	assert_null(strstr(f->out.data, "face"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		T(test_the_list),
		T(test_a_version_that_is_only_named),
		T(test_the_list_for_programs),
		T(test_what_hosts_run_is_listed),
		T(test_what_is_refused_before_anything_is_touched),
		T(test_somebody_else_holds_the_lock),
		T(test_a_registry_with_changes_of_its_own),
		T(test_two_places_that_say_the_version),
		T(test_the_plan),
		T(test_back_and_there_again),
		T(test_a_registry_that_names_what_the_store_lacks),
		T(test_a_commit_alone),
		T(test_pins),
		T(test_pins_that_groups_have),
		T(test_the_state_after_a_failure),
		T(test_a_failure_is_undone),
		T(test_a_deploy_that_cannot_run_is_undone_without_one),
		T(test_the_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
