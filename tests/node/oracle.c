/* SPDX-License-Identifier: Apache-2.0 */
#include "node/oracle.h"

#include <sys/stat.h>

#include "base/path.h"
#include "base/spawn.h"
#include "value/json.h"

#define PYTHON "/usr/bin/python3"

static char *run(const char *const *argv, const char *cwd, const char *input, int *code)
{
	struct spawn_options o = {.argv = argv,
		.cwd = cwd,
		.input = input,
		.input_len = input ? strlen(input) : 0,
		.until = deadline_in(60)};
	struct spawn_result r;
	struct err err = {0};

	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	*code = spawn_exit_code(r.status);
	char *out = xstrdup(r.out.data);
	if (*code && !*out)
		print_message("%s", r.err.data);
	spawn_result_release(&r);
	return out;
}

bool oracle_is_there(void)
{
	const char *argv[] = {PYTHON, "-c", "import ansible.modules.file", NULL};
	int code;
	autofree char *out = run(argv, NULL, NULL, &code);

	return code == 0;
}

/* A text with every `from` replaced; to be freed. */
static char *replaced(const char *text, const char *from, const char *to)
{
	struct strbuf b = STRBUF_INIT;
	const char *at;

	while ((at = strstr(text, from))) {
		strbuf_add(&b, text, (size_t)(at - text));
		strbuf_addstr(&b, to);
		text = at + strlen(from);
	}
	strbuf_addstr(&b, text);
	return strbuf_detach(&b, NULL);
}

/* What a tree holds, without times: they differ between the two. */
static char *picture(const char *dir)
{
	const char *argv[] = {"sh", "-c",
		"{ find . -mindepth 1 ! -name '.ansible*' -printf '%P %y %m %U %G %n %l\\n'; "
		"find . -type f ! -name '.ansible*' -exec md5sum {} +; } "
		"| sed 's/[.][0-9]*[.][0-9-]*@[0-9:]*~/~/' | sort",
		NULL};
	int code;

	autofree char *out = run(argv, dir, NULL, &code);
	return replaced(out, dir, "@");
}

static void set_up(const char *dir, const struct oracle_case *k)
{
	const char *argv[] = {"sh", "-ec", k->setup, NULL};
	int code;

	assert_int_equal(mkdir(dir, 0755), 0);
	if (!k->setup)
		return;
	autofree char *out = run(argv, dir, NULL, &code);
	if (code != 0)
		fail_msg("%s: set-up failed: %s", k->name, out);
}

/* Runs one of Ansible's modules; flags are given as arguments of its own. */
static const struct value *run_module(struct arena *a, const char *dir, const char *module,
	const char *args, uint8_t flags, bool *failed)
{
	autofree char *name = xasprintf("ansible.modules.%s", module);
	const char *argv[] = {PYTHON, "-m", name, NULL};
	autofree char *input = xasprintf(
		"{\"ANSIBLE_MODULE_ARGS\": {\"_ansible_check_mode\": %s, "
		"\"_ansible_diff\": %s%s %s}",
		flags & FRAME_CHECK ? "true" : "false", flags & FRAME_DIFF ? "true" : "false",
		strcmp(args, "{}") == 0 ? "" : ",", strchr(args, '{') + 1);
	struct err err = {0};
	int code;

	autofree char *out = run(argv, dir, input, &code);
	autofree char *text = replaced(out, dir, "@");
	const struct value *v = json_read(a, text, strlen(text), "ansible", NULL, NULL, &err);
	if (!v)
		fail_msg("Ansible's module said: %s", text);
	const struct value *said = value_dict_get(v, "failed");
	*failed = code != 0 || (said && value_truthy(said));
	return v;
}

const struct value *oracle_ask(
	struct arena *a, const char *dir, const char *module, const char *args)
{
	bool failed;
	const struct value *v = run_module(a, dir, module, args, 0, &failed);

	return failed ? NULL : v;
}

/* Ansible's result, its directory's name replaced by "@"; NULL when the module failed. */
static const struct value *ask_ansible(
	struct arena *a, const char *dir, const char *module, const struct oracle_case *k)
{
	autofree char *args = replaced(k->theirs ? k->theirs : k->args, "@", dir);
	bool failed;
	const struct value *v = run_module(a, dir, module, args, k->flags, &failed);

	return failed ? NULL : v;
}

static const struct value *ask_helper(struct arena *a, struct client *c, const char *dir,
	const char *module, const struct oracle_case *k, char *error)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	struct module_result r;
	struct err err = {0};
	const struct value *v = NULL;

	autofree char *args = replaced(k->args, "@", dir);
	if (module_call(c, &r, module, k->flags, "%s", args) == ERR_NONE) {
		assert_int_equal(json_write(r.value, NULL, &json, &err), 0);
		autofree char *text = replaced(json.data, dir, "@");
		v = json_read(a, arena_strdup(a, text), strlen(text), "ours", NULL, NULL, &err);
		assert_non_null(v);
	}
	snprintf(error, ERR_TEXT_MAX, "%s", r.text);
	module_result_release(&r);
	return v;
}

static bool is_ignored(const char *key, const char *const *ignored)
{
	for (; *ignored; ignored++) {
		if (strcmp(key, *ignored) == 0)
			return true;
	}
	return strcmp(key, "invocation") == 0;
}

static void show(const char *who, const struct value *v)
{
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	struct json_write_options o = {.sort_keys = true};

	if (v)
		json_write(v, &o, &json, NULL);
	print_message("%s: %s\n", who, v ? json.data : "failed");
}

static bool are_same(const struct value *a, const struct value *b, const char *const *ignored);

/* Every key of `a` that counts is in `b` with the same value. */
static bool is_within(const struct value *a, const struct value *b, const char *const *ignored)
{
	for (size_t i = 0; i < a->pair_count; i++) {
		const char *key = a->pairs[i].key->text;
		const struct value *other = value_dict_get(b, key);
		if (is_ignored(key, ignored))
			continue;
		if (!other || !are_same(a->pairs[i].value, other, ignored)) {
			print_message("they differ in \"%s\"\n", key);
			return false;
		}
	}
	return true;
}

static bool are_same(const struct value *a, const struct value *b, const char *const *ignored)
{
	if (a->kind != VALUE_DICT || b->kind != VALUE_DICT)
		return a->kind == b->kind && value_equal(a, b);
	return is_within(a, b, ignored) && is_within(b, a, ignored);
}

bool oracle_compare(struct client *c, const char *dir, const char *module,
	const char *const *ignored, const struct oracle_case *k)
{
	AUTO(arena_release) struct arena arena = {0};
	char error[ERR_TEXT_MAX];
	autofree char *ours_dir = path_join(dir, "ours"), *theirs_dir = path_join(dir, "them");

	set_up(ours_dir, k);
	set_up(theirs_dir, k);
	const struct value *ours = ask_helper(&arena, c, ours_dir, module, k, error);
	const struct value *theirs = ask_ansible(&arena, theirs_dir, module, k);
	bool same = !ours == !theirs;
	if (same && ours)
		same = are_same(ours, theirs, ignored);
	autofree char *a = picture(ours_dir), *b = picture(theirs_dir);
	same = same && strcmp(a, b) == 0;
	if (!same) {
		show("ours", ours);
		show("Ansible's", theirs);
		print_message("%s: results or trees differ (%s)\nours:\n%sAnsible's:\n%s",
			k->name, error, a, b);
	}
	assert_int_equal(path_remove_tree(ours_dir, NULL), 0);
	assert_int_equal(path_remove_tree(theirs_dir, NULL), 0);
	return same;
}
