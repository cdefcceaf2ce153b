/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a module that is not ours on the node: its file (or a Python module's archive) and its
 * arguments go there, into a directory that is removed at the end of the call.
 */
#include "play/foreign.h"

#include "play/run_state.h"
#include "value/json.h"

#define OUTPUT_MAX 1900000 /* bytes of each stream; two of them fit an answer */
#define REMOTE_TMP "~/.ansible/tmp"

/* Where Python is looked for on a node that says nothing about it. */
static const char *const pythons[] = {"/usr/bin/python3", "/usr/libexec/platform-python",
	"python3", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9",
	"python3.8", "python3.7", "python3.6", "/usr/bin/python", "python", "python2.7"};

/* ---- arguments ---- */

/* What Ansible tells every module besides its arguments. */
static int add_internal(
	struct module_call *c, const struct foreign *f, struct value *args, struct err *err)
{
	struct arena *a = c->arena;
	bool hidden;
	const struct {
		const char *name;
		const struct value *value;
	} facts[] = {
		{"_ansible_check_mode", value_bool(c->check)},
		{"_ansible_debug", &value_false},
		{"_ansible_diff", value_bool(c->diff)},
		{"_ansible_verbosity", value_new_int(a, c->runner->run->o->verbosity)},
		{"_ansible_version", value_new_string(a, f->ansible_version)},
		{"_ansible_module_name", value_new_string(a, f->module.name)},
		{"_ansible_syslog_facility", value_new_string(a, "LOG_USER")},
		{"_ansible_string_conversion_action", value_new_string(a, "warn")},
		{"_ansible_socket", &value_null},
		{"_ansible_shell_executable", value_new_string(a, "/bin/sh")},
		{"_ansible_keep_remote_files", &value_false},
		{"_ansible_tmpdir", &value_null},
		{"_ansible_remote_tmp", value_new_string(a, REMOTE_TMP)},
	};
	static const char *const special[] = {"fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"};
	struct value *file_systems = value_new_list(a);

	if (step_bool(c->runner, c->step, ATTRIBUTE_NO_LOG, false, &hidden, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		value_dict_set(a, args, facts[i].name, facts[i].value);
	value_dict_set(a, args, "_ansible_no_log", value_bool(hidden));
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		value_list_add(a, file_systems, value_new_string(a, special[i]));
	value_dict_set(a, args, "_ansible_selinux_special_fs", file_systems);
	return 0;
}

static struct value *all_arguments(
	struct module_call *c, const struct foreign *f, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_foreach (p, c->args)
		value_dict_set_value(c->arena, args, p->key, p->value);
	return add_internal(c, f, args, err) < 0 ? NULL : args;
}

/* NAME=VALUE, each quoted for a shell. */
static int write_pairs(const struct value *args, struct strbuf *out, struct err *err)
{
	value_dict_foreach (p, args) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		if (template_str(p->value, &text, err) < 0)
			return -1;
		strbuf_addf(out, "%s=", value_text(p->key) ? value_text(p->key) : "");
		strbuf_addshell(out, text.data);
		strbuf_addch(out, ' ');
	}
	return 0;
}

static int write_arguments(
	struct module_call *c, const struct foreign *f, struct strbuf *out, struct err *err)
{
	static const struct json_write_options options = {.ascii = true};
	struct value *args = all_arguments(c, f, err);

	if (!args)
		return -1;
	if (f->style == FOREIGN_PAIRS)
		return write_pairs(args, out, err);
	if (f->style == FOREIGN_PYTHON) {
		struct value *outer = value_new_dict(c->arena);
		value_dict_set(c->arena, outer, "ANSIBLE_MODULE_ARGS", args);
		args = outer;
	}
	return json_write(args, &options, out, err);
}

/* The module's text with its arguments in the place for them. */
static int put_embedded(struct module_call *c, const struct foreign *f, struct value *args,
	const struct strbuf *arguments, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *at = f->data, *found;

	while ((found = strstr(at, FOREIGN_EMBEDDED_MARK))) {
		strbuf_add(&text, at, (size_t)(found - at));
		strbuf_add(&text, arguments->data, arguments->len);
		at = found + strlen(FOREIGN_EMBEDDED_MARK);
	}
	strbuf_addstr(&text, at);
	return runner_put_content(c, args, "file", text.data, text.len, err);
}

static int put_files(
	struct module_call *c, const struct foreign *f, struct value *args, struct err *err)
{
	AUTO(strbuf_release) struct strbuf arguments = STRBUF_INIT;
	const char *name = f->style == FOREIGN_PYTHON
				   ? arena_printf(c->arena, "%s.zip", f->file_name)
				   : f->file_name;

	value_dict_set(c->arena, args, "name", value_new_string(c->arena, name));
	if (write_arguments(c, f, &arguments, err) < 0)
		return err_wrap(err, "the arguments");
	if (f->style == FOREIGN_EMBEDDED)
		return put_embedded(c, f, args, &arguments, err);
	if (runner_put_pack(c, args, "file", f->pack, err) < 0)
		return -1;
	return runner_put_content(c, args, "arguments", arguments.data, arguments.len, err);
}

/* ---- interpreters ---- */

/* A variable of the host as a text; NULL when there is none. -1 with err. */
static int text_of(
	struct module_call *c, const char *variable, const char **out, struct err *err)
{
	struct err why = {0};
	const struct value *v = runner_target_var(c, variable, &why);

	*out = NULL;
	if (!v && why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	if (value_is_string(v) && v->len > 0)
		*out = v->text;
	return 0;
}

static bool is_discovery(const char *word)
{
	static const char *const words[] = {
		"auto", "auto_legacy", "auto_silent", "auto_legacy_silent"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* The Python of the node: as the inventory says, as it was found before, or to be found. */
static int add_python(struct module_call *c, struct value *candidates, struct err *err)
{
	const char *given = NULL, *known = NULL;

	if (text_of(c, "ansible_python_interpreter", &given, err) < 0 ||
		text_of(c, "discovered_interpreter_python", &known, err) < 0)
		return -1;
	if (!given)
		given = getenv("ANSIBLE_PYTHON_INTERPRETER");
	if (!given || !*given)
		given = c->runner->run->o->interpreter;
	if (!given || !*given || is_discovery(given))
		given = known;
	if (given) {
		value_list_add(c->arena, candidates, value_new_string(c->arena, given));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pythons); i++)
		value_list_add(c->arena, candidates, value_new_string(c->arena, pythons[i]));
	return 0;
}

/* What runs the module: words in front of its path, and programs for the first of them. */
static int add_interpreter(
	struct module_call *c, const struct foreign *f, struct value *args, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	struct value *options = value_new_list(c->arena);
	struct value *candidates = value_new_list(c->arena);

	value_dict_set(c->arena, args, "interpreters", candidates);
	value_dict_set(c->arena, args, "options", options);
	if (f->style == FOREIGN_BINARY)
		return 0;
	strlist_split(&words, f->interpreter ? f->interpreter : "python", " \t");
	const char *base = strrchr(words.items[0], '/');
	base = base ? base + 1 : words.items[0];
	for (size_t i = 1; f->style != FOREIGN_PYTHON && i < words.count; i++)
		value_list_add(c->arena, options, value_new_string(c->arena, words.items[i]));
	if (f->style == FOREIGN_PYTHON || strcmp(base, "python") == 0)
		return add_python(c, candidates, err);
	const char *given = NULL;
	const char *variable = arena_printf(c->arena, "ansible_%s_interpreter", base);
	if (text_of(c, variable, &given, err) < 0)
		return -1;
	value_list_add(c->arena, candidates,
		value_new_string(c->arena, given ? given : words.items[0]));
	return 0;
}

/* Tells which Python was found, the first time. */
static void tell_python(
	struct module_call *c, const struct value *candidates, const struct value *answer)
{
	const struct value *used = value_dict_get(answer, "interpreter");
	const struct value *facts = value_dict_get(c->result, "ansible_facts");

	if (candidates->count < 2 || !value_is_string(used))
		return;
	struct value *all = value_new_dict(c->arena);
	if (facts && facts->kind == VALUE_DICT)
		value_dict_foreach (p, facts)
			value_dict_set_value(c->arena, all, p->key, p->value);
	value_dict_set(c->arena, all, "discovered_interpreter_python", used);
	call_set(c, "ansible_facts", all);
}

int foreign_run(struct module_call *c, struct err *err)
{
	const struct foreign *f = foreign_of(c->step->task->module);
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "module", value_new_string(c->arena, f->module.name));
	value_dict_set(c->arena, args, "output_max", value_new_int(c->arena, OUTPUT_MAX));
	if (add_interpreter(c, f, args, err) < 0 || put_files(c, f, args, err) < 0)
		return -1;
	const struct value *answer = runner_ask_node(c, "foreign", args, err);
	if (!answer)
		return -1;
	int result = foreign_read_result(c, answer);
	tell_python(c, value_dict_get(args, "interpreters"), answer);
	return result;
}
