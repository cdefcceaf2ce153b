/* SPDX-License-Identifier: Apache-2.0 */
/* Facts are fetched when a variable that they may define is asked for. */
#include "vars/view.h"

/* How connections and runs are set up: no fact has such a name (behind "ansible_"). */
static bool is_connection_variable(const char *name)
{
	static const char *const names[] = {"check_mode", "config_file", "connection",
		"diff_mode", "failed_result", "failed_task", "forks", "host",
		"host_key_checking", "index_var", "inventory_sources", "limit", "loop",
		"loop_var", "managed", "password", "pipelining", "port", "private_key_file",
		"python_interpreter", "run_tags", "skip_tags", "ssh_args", "ssh_common_args",
		"ssh_executable", "ssh_extra_args", "ssh_host", "ssh_host_key_checking",
		"ssh_pass", "ssh_password", "ssh_port", "ssh_private_key_file", "ssh_user",
		"timeout", "user", "verbosity", "version"};
	static const char *const prefixes[] = {
		"become", "play_", "playbook_", "role_", "shell_", "sudo_"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(name, prefixes[i]))
			return true;
	return false;
}

/* True if the value of a name depends on facts that were not fetched yet. */
static bool lacks_facts(const struct vars_view *view, const char *name)
{
	if (!view->fetch_facts || !str_starts(name, "ansible_") ||
		is_connection_variable(name + strlen("ansible_")))
		return false;
	for (size_t i = view->layers.count; i-- > 0;) {
		const struct layer *layer = &view->layers.items[i];
		if (layer->level < VARS_FACT ||
			(layer->level == VARS_FACT && !view->facts_partial))
			return true;
		if (value_dict_get(layer->dict, name))
			return false;
	}
	return true;
}

int facts_want(struct vars_view *view, const char *name, struct err *err)
{
	vars_facts_fn fetch = view->fetch_facts;
	struct err failure = {0};
	bool partial = false;

	if (!lacks_facts(view, name))
		return 0;
	view->fetch_facts = NULL;
	const struct value *facts = fetch(view->facts_data, name, &partial, &failure);
	if (partial || !facts)
		view->fetch_facts = fetch;
	if (!facts) {
		if (err)
			*err = failure;
		return -1;
	}
	view->facts_partial = partial;
	layers_insert(view, VARS_FACT, NULL, facts, 0);
	return 0;
}

void vars_view_set_facts(struct vars_view *view, vars_facts_fn fetch, void *data)
{
	view->fetch_facts = fetch;
	view->facts_partial = false;
	view->facts_data = data;
}
