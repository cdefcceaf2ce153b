/* SPDX-License-Identifier: Apache-2.0 */
/* What a module printed, as a result. */
#include "play/foreign.h"

#include "base/object.h"
#include "play/run_state.h"
#include "value/json.h"

/* Facts that would change how a host is reached, or what runs here: a node has no say in that.
 */
static bool is_forbidden_fact(const char *name)
{
	static const char *const names[] = {"ansible_connection", "ansible_host",
		"ansible_port", "ansible_user", "ansible_password", "ansible_private_key_file",
		"ansible_timeout", "ansible_shell_executable", "ansible_shell_type",
		"ansible_pipelining", "ansible_rsync_path", "ansible_playbook_python",
		"ansible_executable", "ansible_sftp_extra_args", "ansible_scp_extra_args",
		"ansible_remote_tmp", "ansible_async_dir", "ansible_facts",
		"ansible_delegated_vars", "hostvars", "groups", "group_names",
		"inventory_hostname", "inventory_hostname_short", "omit", "play_hosts",
		"ansible_play_hosts", "ansible_play_batch"};

	if (str_starts(name, "ansible_ssh_"))
		return !str_starts(name, "ansible_ssh_host_key_");
	if (str_starts(name, "ansible_become") || str_starts(name, "discovered_interpreter_") ||
		str_starts(name, "ansible_discovered_interpreter_") ||
		str_ends(name, "_interpreter"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static const struct value *clean_facts(struct module_call *c, const struct value *facts)
{
	struct value *clean = value_new_dict(c->arena);

	if (facts->kind != VALUE_DICT)
		return facts;
	value_dict_foreach (p, facts)
		if (!value_is_string(p->key) || !is_forbidden_fact(p->key->text))
			value_dict_set_value(c->arena, clean, p->key, p->value);
	return clean;
}

/* Keys that only Ansible's own actions may set, and the arguments told once more. */
static bool is_internal(const char *key)
{
	return str_starts(key, "_ansible_") || strcmp(key, "add_host") == 0 ||
	       strcmp(key, "add_group") == 0 || strcmp(key, "invocation") == 0;
}

static bool is_empty_list(const struct value *v)
{
	return !value_truthy(v);
}

static void take_member(struct module_call *c, const char *key, const struct value *v)
{
	bool notices = strcmp(key, "warnings") == 0 || strcmp(key, "deprecations") == 0;

	if (is_internal(key) || (notices && is_empty_list(v)))
		return;
	if (strcmp(key, "ansible_facts") == 0)
		v = clean_facts(c, v);
	else if (strcmp(key, "results") == 0 && v->kind != VALUE_LIST && v->kind != VALUE_DICT)
		key = "ansible_module_results";
	call_set(c, key, v);
}

/* The object as the result. False when it is none. */
static bool take_object(
	struct module_call *c, const struct object_span *object, const char *end)
{
	static const struct json_options options = {.unsafe = true};
	struct err ignored = {0};
	const struct value *v =
		json_read(c->arena, object->start, (size_t)(object->end - object->start),
			"the module's output", &options, NULL, &ignored);

	if (!v || v->kind != VALUE_DICT)
		return false;
	value_dict_foreach (p, v)
		if (value_is_string(p->key))
			take_member(c, p->key->text, p->value);
	struct object_span junk = object_strip(object->end, end);
	if (junk.start < junk.end)
		runner_warn(c->runner, "Module invocation had junk after the JSON data: %.*s",
			(int)(junk.end - junk.start), junk.start);
	return true;
}

static bool lacks_interpreter(const struct value *answer, const char *text)
{
	static const char *const says[] = {"No such file or directory", "not found"};
	const char *used = value_text(value_dict_get(answer, "interpreter"));

	if (!used)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		autofree char *line = xasprintf("%s: %s", used, says[i]);
		if (strstr(text, line))
			return true;
	}
	return false;
}

/* A module that gave no result. */
static void tell_failure(struct module_call *c, const struct value *answer)
{
	static const struct value empty = {.kind = VALUE_STRING, .text = "", .len = 0};
	const struct value *out = value_dict_get(answer, "stdout");
	const struct value *err = value_dict_get(answer, "stderr");
	const struct value *rc = value_dict_get(answer, "rc");

	out = value_is_string(out) ? out : &empty;
	err = value_is_string(err) ? err : &empty;
	call_set_bool(c, "failed", true);
	call_set(c, "module_stdout", out);
	call_set(c, "module_stderr", err);
	if (str_starts(err->text, "Traceback"))
		call_set(c, "exception", err);
	else if (str_starts(out->text, "Traceback"))
		call_set(c, "exception", out);
	bool lacking =
		lacks_interpreter(answer, err->text) || lacks_interpreter(answer, out->text);
	call_set_text(c, "msg",
		lacking ? "The module failed to execute correctly, you probably need to set "
			  "the interpreter.\nSee stdout/stderr for the exact error"
			: "MODULE FAILURE\nSee stdout/stderr for the exact error");
	call_set(c, "rc", rc ? rc : &value_null);
}

bool foreign_take_object(struct module_call *c, const char *text, size_t n)
{
	struct object_span object;

	return object_find(text, n, &object) && take_object(c, &object, text + n);
}

int foreign_read_result(struct module_call *c, const struct value *answer)
{
	const struct value *out = value_dict_get(answer, "stdout");

	if (!value_is_string(out) || !foreign_take_object(c, out->text, out->len))
		tell_failure(c, answer);
	return 0;
}
