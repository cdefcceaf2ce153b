/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/config.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "inventory/config_file.h"
#include "inventory/paths.h"

enum config_kind {
	KIND_TEXT,
	KIND_INTEGER,
	KIND_BOOLEAN,
	KIND_PATH,
	KIND_LIST,
	KIND_PATHS,      /* between commas */
	KIND_SEARCH_PATH /* between colons */
};

#define NAMES_MAX 4

/*
 * The settings. `keys` are "section.key" of the file and `variables` those of the environment;
 * of several that are given the last one counts.
 */
static const struct config_spec {
	enum config_kind kind;
	const char *fallback;
	const char *keys[NAMES_MAX];
	const char *variables[NAMES_MAX];
} specs[CONFIG_KEY_COUNT] = {
	[CONFIG_INVENTORY] = {KIND_PATHS, "/etc/ansible/hosts", {"defaults.inventory"},
		{"ANSIBLE_INVENTORY"}},
	[CONFIG_FORKS] = {KIND_INTEGER, "5", {"defaults.forks"}, {"ANSIBLE_FORKS"}},
	[CONFIG_REMOTE_USER] = {KIND_TEXT, NULL, {"defaults.remote_user"},
		{"ANSIBLE_REMOTE_USER"}},
	[CONFIG_REMOTE_PORT] = {KIND_INTEGER, NULL, {"defaults.remote_port"},
		{"ANSIBLE_REMOTE_PORT"}},
	[CONFIG_PRIVATE_KEY_FILE] = {KIND_PATH, NULL, {"defaults.private_key_file"},
		{"ANSIBLE_PRIVATE_KEY_FILE"}},
	[CONFIG_HOST_KEY_CHECKING] = {KIND_BOOLEAN, "true",
		{"defaults.host_key_checking", "ssh_connection.host_key_checking"},
		{"ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"}},
	[CONFIG_TIMEOUT] = {KIND_INTEGER, "10", {"defaults.timeout", "ssh_connection.timeout"},
		{"ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"}},
	[CONFIG_TRANSPORT] = {KIND_TEXT, "smart", {"defaults.transport"},
		{"ANSIBLE_TRANSPORT"}},
	[CONFIG_VAULT_PASSWORD_FILE] = {KIND_PATH, NULL, {"defaults.vault_password_file"},
		{"ANSIBLE_VAULT_PASSWORD_FILE"}},
	[CONFIG_VAULT_IDENTITY_LIST] = {KIND_LIST, "", {"defaults.vault_identity_list"},
		{"ANSIBLE_VAULT_IDENTITY_LIST"}},
	[CONFIG_VAULT_IDENTITY] = {KIND_TEXT, "default", {"defaults.vault_identity"},
		{"ANSIBLE_VAULT_IDENTITY"}},
	[CONFIG_VAULT_ID_MATCH] = {KIND_BOOLEAN, "false", {"defaults.vault_id_match"},
		{"ANSIBLE_VAULT_ID_MATCH"}},
	[CONFIG_ASK_VAULT_PASS] = {KIND_BOOLEAN, "false", {"defaults.ask_vault_pass"},
		{"ANSIBLE_ASK_VAULT_PASS"}},
	[CONFIG_BECOME] = {KIND_BOOLEAN, "false", {"privilege_escalation.become"},
		{"ANSIBLE_BECOME"}},
	[CONFIG_BECOME_METHOD] = {KIND_TEXT, "sudo", {"privilege_escalation.become_method"},
		{"ANSIBLE_BECOME_METHOD"}},
	[CONFIG_BECOME_USER] = {KIND_TEXT, "root", {"privilege_escalation.become_user"},
		{"ANSIBLE_BECOME_USER"}},
	[CONFIG_BECOME_EXE] = {KIND_TEXT, NULL, {"privilege_escalation.become_exe"},
		{"ANSIBLE_BECOME_EXE"}},
	[CONFIG_BECOME_FLAGS] = {KIND_TEXT, NULL, {"privilege_escalation.become_flags"},
		{"ANSIBLE_BECOME_FLAGS"}},
	[CONFIG_BECOME_ASK_PASS] = {KIND_BOOLEAN, "false",
		{"privilege_escalation.become_ask_pass"}, {"ANSIBLE_BECOME_ASK_PASS"}},
	[CONFIG_BECOME_PASSWORD_FILE] = {KIND_PATH, NULL, {"defaults.become_password_file"},
		{"ANSIBLE_BECOME_PASSWORD_FILE"}},
	[CONFIG_CONNECTION_PASSWORD_FILE] = {KIND_PATH, NULL,
		{"defaults.connection_password_file"}, {"ANSIBLE_CONNECTION_PASSWORD_FILE"}},
	[CONFIG_HASH_BEHAVIOUR] = {KIND_TEXT, "replace", {"defaults.hash_behaviour"},
		{"ANSIBLE_HASH_BEHAVIOUR"}},
	[CONFIG_ANY_CONDITION] = {KIND_BOOLEAN, "false", {"defaults.allow_broken_conditionals"},
		{"ANSIBLE_ALLOW_BROKEN_CONDITIONALS"}},
	[CONFIG_ROLES_PATH] = {KIND_SEARCH_PATH,
		"~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles",
		{"defaults.roles_path"}, {"ANSIBLE_ROLES_PATH"}},
	[CONFIG_PRECEDENCE] = {KIND_LIST,
		"all_inventory, groups_inventory, all_plugins_inventory, all_plugins_play, "
		"groups_plugins_inventory, groups_plugins_play",
		{"defaults.precedence"}, {"ANSIBLE_PRECEDENCE"}},
	[CONFIG_PLAYBOOK_DIR] = {KIND_PATH, NULL, {"defaults.playbook_dir"},
		{"ANSIBLE_PLAYBOOK_DIR"}},
	[CONFIG_FORCE_VALID_GROUP_NAMES] = {KIND_TEXT, "never",
		{"defaults.force_valid_group_names"},
		{"ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"}},
	[CONFIG_HOST_PATTERN_MISMATCH] = {KIND_TEXT, "warning",
		{"inventory.host_pattern_mismatch"}, {"ANSIBLE_HOST_PATTERN_MISMATCH"}},
	[CONFIG_INVENTORY_ENABLED] = {KIND_LIST, "host_list, script, auto, yaml, ini, toml",
		{"inventory.enable_plugins"}, {"ANSIBLE_INVENTORY_ENABLED"}},
	[CONFIG_INVENTORY_IGNORE_EXTENSIONS] = {KIND_LIST,
		".pyc, .pyo, .swp, .bak, ~, .rpm, .md, .txt, .rst, .orig, .ini, .cfg, .retry",
		{"defaults.inventory_ignore_extensions", "inventory.ignore_extensions"},
		{"ANSIBLE_INVENTORY_IGNORE"}},
	[CONFIG_INVENTORY_IGNORE_PATTERNS] = {KIND_LIST, "",
		{"defaults.inventory_ignore_patterns", "inventory.ignore_patterns"},
		{"ANSIBLE_INVENTORY_IGNORE_REGEX"}},
	[CONFIG_INVENTORY_UNPARSED_FAILED] = {KIND_BOOLEAN, "false",
		{"inventory.unparsed_is_failed"}, {"ANSIBLE_INVENTORY_UNPARSED_FAILED"}},
	[CONFIG_INVENTORY_ANY_UNPARSED_FAILED] = {KIND_BOOLEAN, "false",
		{"inventory.any_unparsed_is_failed"},
		{"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"}},
	[CONFIG_INVENTORY_EXPORT] = {KIND_BOOLEAN, "false", {"inventory.export"},
		{"ANSIBLE_INVENTORY_EXPORT"}},
	[CONFIG_SSH_ARGS] = {KIND_TEXT, "-C -o ControlMaster=auto -o ControlPersist=60s",
		{"ssh_connection.ssh_args"}, {"ANSIBLE_SSH_ARGS"}},
	[CONFIG_SSH_COMMON_ARGS] = {KIND_TEXT, "", {"ssh_connection.ssh_common_args"},
		{"ANSIBLE_SSH_COMMON_ARGS"}},
	[CONFIG_SSH_EXTRA_ARGS] = {KIND_TEXT, "", {"ssh_connection.ssh_extra_args"},
		{"ANSIBLE_SSH_EXTRA_ARGS"}},
	[CONFIG_SSH_EXECUTABLE] = {KIND_TEXT, "ssh", {"ssh_connection.ssh_executable"},
		{"ANSIBLE_SSH_EXECUTABLE"}},
	[CONFIG_SSH_RETRIES] = {KIND_INTEGER, "0",
		{"connection.retries", "ssh_connection.retries"}, {"ANSIBLE_SSH_RETRIES"}},
	[CONFIG_PIPELINING] = {KIND_BOOLEAN, "false",
		{"defaults.pipelining", "connection.pipelining", "ssh_connection.pipelining"},
		{"ANSIBLE_PIPELINING", "ANSIBLE_SSH_PIPELINING"}},
	[CONFIG_FORCE_HANDLERS] = {KIND_BOOLEAN, "false", {"defaults.force_handlers"},
		{"ANSIBLE_FORCE_HANDLERS"}},
	[CONFIG_RUN_TAGS] = {KIND_LIST, "", {"tags.run"}, {"ANSIBLE_RUN_TAGS"}},
	[CONFIG_SKIP_TAGS] = {KIND_LIST, "", {"tags.skip"}, {"ANSIBLE_SKIP_TAGS"}},
	[CONFIG_DIFF_ALWAYS] = {KIND_BOOLEAN, "false", {"diff.always"},
		{"ANSIBLE_DIFF_ALWAYS"}},
	[CONFIG_STDOUT_CALLBACK] = {KIND_TEXT, "default", {"defaults.stdout_callback"},
		{"ANSIBLE_STDOUT_CALLBACK"}},
	[CONFIG_DISPLAY_SKIPPED_HOSTS] = {KIND_BOOLEAN, "true",
		{"defaults.display_skipped_hosts"},
		{"DISPLAY_SKIPPED_HOSTS", "ANSIBLE_DISPLAY_SKIPPED_HOSTS"}},
	[CONFIG_DISPLAY_OK_HOSTS] = {KIND_BOOLEAN, "true", {"defaults.display_ok_hosts"},
		{"ANSIBLE_DISPLAY_OK_HOSTS"}},
	[CONFIG_CHECK_MODE_MARKERS] = {KIND_BOOLEAN, "false", {"defaults.check_mode_markers"},
		{"ANSIBLE_CHECK_MODE_MARKERS"}},
	[CONFIG_RETRY_FILES_ENABLED] = {KIND_BOOLEAN, "false", {"defaults.retry_files_enabled"},
		{"ANSIBLE_RETRY_FILES_ENABLED"}},
	[CONFIG_RETRY_FILES_SAVE_PATH] = {KIND_PATH, NULL, {"defaults.retry_files_save_path"},
		{"ANSIBLE_RETRY_FILES_SAVE_PATH"}},
	[CONFIG_DEPRECATION_WARNINGS] = {KIND_BOOLEAN, "true",
		{"defaults.deprecation_warnings"}, {"ANSIBLE_DEPRECATION_WARNINGS"}},
	[CONFIG_LIBRARY] = {KIND_SEARCH_PATH, NULL, {"defaults.library"}, {"ANSIBLE_LIBRARY"}},
	[CONFIG_MODULE_UTILS] = {KIND_SEARCH_PATH, NULL, {"defaults.module_utils"},
		{"ANSIBLE_MODULE_UTILS"}},
	[CONFIG_ACTION_PLUGINS] = {KIND_SEARCH_PATH, NULL, {"defaults.action_plugins"},
		{"ANSIBLE_ACTION_PLUGINS"}},
	[CONFIG_COLLECTIONS_PATH] = {KIND_SEARCH_PATH, NULL,
		{"defaults.collections_path", "defaults.collections_paths"},
		{"ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_COLLECTIONS_PATHS"}},
	[CONFIG_INTERPRETER_PYTHON] = {KIND_TEXT, NULL, {"defaults.interpreter_python"},
		{"ANSIBLE_PYTHON_INTERPRETER"}},
	[CONFIG_SHOW_CUSTOM_STATS] = {KIND_BOOLEAN, "false", {"defaults.show_custom_stats"},
		{"ANSIBLE_SHOW_CUSTOM_STATS"}},
	[CONFIG_DISPLAY_FAILED_STDERR] = {KIND_BOOLEAN, "false",
		{"defaults.display_failed_stderr"}, {"ANSIBLE_DISPLAY_FAILED_STDERR"}},
	[CONFIG_SHOW_TASK_PATH_ON_FAILURE] = {KIND_BOOLEAN, "false",
		{"defaults.show_task_path_on_failure"}, {"ANSIBLE_SHOW_TASK_PATH_ON_FAILURE"}},
	[CONFIG_PRETTY_RESULTS] = {KIND_BOOLEAN, NULL, {"defaults.callback_format_pretty"},
		{"ANSIBLE_CALLBACK_FORMAT_PRETTY"}},
	[CONFIG_RESULT_FORMAT] = {KIND_TEXT, "json", {"defaults.callback_result_format"},
		{"ANSIBLE_CALLBACK_RESULT_FORMAT"}},
	[CONFIG_JSON_INDENT] = {KIND_INTEGER, "4", {"defaults.json_indent"},
		{"ANSIBLE_JSON_INDENT"}},
	[CONFIG_REGISTRY_URL] = {KIND_TEXT, NULL, {"modelfleet.registry_url"},
		{"MODELFLEET_REGISTRY_URL"}},
};

/* 1 or 0 for the words that Ansible takes for a boolean, -1 for others. */
static int boolean_word(const char *s)
{
	static const char *const yes[] = {"y", "yes", "on", "1", "true", "t", "1.0"};
	static const char *const no[] = {"n", "no", "off", "0", "false", "f", "0.0", ""};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!strcasecmp(s, yes[i]))
			return 1;
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (!strcasecmp(s, no[i]))
			return 0;
	return -1;
}

static const char *unquote(struct arena *arena, const char *s)
{
	size_t n = strlen(s);

	if (n > 1 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0] && s[n - 2] != '\\')
		return arena_strndup(arena, s + 1, n - 2);
	return arena_strdup(arena, s);
}

static const char *separator_of(enum config_kind kind)
{
	return kind == KIND_SEARCH_PATH ? ":" : ",";
}

/* One path of a value; {{CWD}} stands for the working directory. */
static const char *resolve_path(struct arena *arena, const char *path, const char *base)
{
	const char *mark = strstr(path, "{{CWD}}");
	char cwd[PATH_MAX];

	if (!mark || !getcwd(cwd, sizeof(cwd)))
		return path_absolute(arena, path, base);
	autofree char *replaced =
		xasprintf("%.*s%s%s", (int)(mark - path), path, cwd, mark + strlen("{{CWD}}"));
	return path_absolute(arena, replaced, base);
}

static const char *resolve_paths(
	struct arena *arena, const char *text, const char *separator, const char *base)
{
	AUTO(strlist_release) struct strlist paths = {0};
	AUTO(strbuf_release) struct strbuf joined = STRBUF_INIT;

	strlist_split(&paths, text, separator);
	for (size_t i = 0; i < paths.count; i++)
		strbuf_addf(&joined, "%s%s", i > 0 ? separator : "",
			resolve_path(arena, paths.items[i], base));
	return arena_strdup(arena, joined.data);
}

/* Checks a value and brings it into the form in which it is used. */
static int settle(struct config_setting *setting, const struct config_spec *spec,
	const char *raw, const char *base, struct arena *arena, struct err *err)
{
	int64_t number;

	setting->text = raw;
	switch (spec->kind) {
	case KIND_TEXT: setting->text = unquote(arena, raw); return 0;
	case KIND_INTEGER:
		if (!*raw)
			setting->text = NULL;
		else if (!parse_int(raw, INT64_MIN, INT64_MAX, &number))
			return err_set(err, ERR_INPUT, "expected a number, found '%s'", raw);
		return 0;
	case KIND_BOOLEAN:
		if (boolean_word(raw) < 0)
			return err_set(
				err, ERR_INPUT, "expected true or false, found '%s'", raw);
		return 0;
	case KIND_PATH: setting->text = *raw ? resolve_path(arena, raw, base) : NULL; return 0;
	case KIND_PATHS:
	case KIND_SEARCH_PATH:
		setting->text = resolve_paths(arena, raw, separator_of(spec->kind), base);
		return 0;
	case KIND_LIST:
	default: return 0;
	}
}

static int from_file(struct config *config, enum config_key key,
	const struct config_entries *entries, struct arena *arena, struct err *err)
{
	struct config_setting *setting = &config->settings[key];
	const struct config_spec *spec = &specs[key];
	autofree char *base = path_dirname(config->file);

	for (size_t i = 0; i < NAMES_MAX && spec->keys[i]; i++) {
		const char *dot = strchr(spec->keys[i], '.');
		autofree char *section = xstrndup(spec->keys[i], (size_t)(dot - spec->keys[i]));
		const struct config_entry *entry =
			config_entries_get(entries, section, dot + 1);
		if (!entry)
			continue;
		setting->origin = CONFIG_FILE;
		setting->name = spec->keys[i];
		setting->place = (struct place){.file = config->file, .line = entry->line};
		if (settle(setting, spec, arena_strdup(arena, entry->value.data), base, arena,
			    err) < 0)
			return err_wrap(
				err, "%s:%u: %s", config->file, entry->line, spec->keys[i]);
	}
	return 0;
}

static int from_environment(
	struct config *config, enum config_key key, struct arena *arena, struct err *err)
{
	struct config_setting *setting = &config->settings[key];
	const struct config_spec *spec = &specs[key];

	for (size_t i = 0; i < NAMES_MAX && spec->variables[i]; i++) {
		const char *value = getenv(spec->variables[i]);
		if (!value)
			continue;
		*setting = (struct config_setting){
			.origin = CONFIG_ENVIRONMENT, .name = spec->variables[i]};
		if (settle(setting, spec, arena_strdup(arena, value), NULL, arena, err) < 0)
			return err_wrap(err, "environment variable %s", spec->variables[i]);
	}
	return 0;
}

static int check_word(const struct config *config, enum config_key key,
	const char *const *words, struct err *err)
{
	const char *text = config_text(config, key);
	AUTO(strbuf_release) struct strbuf origin = STRBUF_INIT;

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(text, words[i]))
			return 0;
	config_explain(config, key, &origin);
	return err_set(err, ERR_INPUT, "%s: '%s' is not one of the words that it takes",
		origin.data, text);
}

static int check_words(const struct config *config, struct err *err)
{
	static const char *const hash[] = {"replace", "merge", NULL};
	static const char *const names[] = {"always", "never", "ignore", "silently", NULL};
	static const char *const mismatch[] = {"warning", "error", "ignore", NULL};

	if (check_word(config, CONFIG_HASH_BEHAVIOUR, hash, err) < 0 ||
		check_word(config, CONFIG_FORCE_VALID_GROUP_NAMES, names, err) < 0)
		return -1;
	return check_word(config, CONFIG_HOST_PATTERN_MISMATCH, mismatch, err);
}

static int read_entries(struct config_entries *entries, const char *file, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, CONFIG_MAX_FILE, &text, err) < 0)
		return -1;
	return config_entries_parse(entries, text.data, text.len, file, err);
}

/* True if some setting is read from a "section.key" of the file. */
static bool is_read(const char *name)
{
	for (enum config_key key = 0; key < CONFIG_KEY_COUNT; key++)
		for (size_t i = 0; i < NAMES_MAX && specs[key].keys[i]; i++)
			if (strcmp(specs[key].keys[i], name) == 0)
				return true;
	return false;
}

static void tell_unread(const char *file, const struct config_entries *entries)
{
	if (!log_enabled(LOG_INFO))
		return;
	strmap_foreach (e, &entries->map) {
		const struct config_entry *entry = e->value;
		if (!is_read(e->key))
			log_info("%s:%u: %s has no meaning here", file, entry->line, e->key);
	}
}

int config_load_file(
	struct config *config, const char *file, struct arena *arena, struct err *err)
{
	AUTO(config_entries_release) struct config_entries entries = {0};

	*config = (struct config){.file = arena_strdup(arena, file)};
	if (file && read_entries(&entries, config->file, err) < 0)
		return -1;
	for (enum config_key key = 0; key < CONFIG_KEY_COUNT; key++) {
		struct config_setting *setting = &config->settings[key];
		if (specs[key].fallback)
			settle(setting, &specs[key], specs[key].fallback, NULL, arena, NULL);
		if (file && from_file(config, key, &entries, arena, err) < 0)
			return -1;
		if (from_environment(config, key, arena, err) < 0)
			return -1;
	}
	tell_unread(file, &entries);
	return check_words(config, err);
}

static bool is_usable(const char *path)
{
	return path_exists(path) && !path_is_dir(path) && access(path, R_OK) == 0;
}

/* $ANSIBLE_CONFIG: a file, or a directory with ansible.cfg. */
static const char *from_variable(struct arena *arena)
{
	const char *value = getenv("ANSIBLE_CONFIG");
	char *path;

	if (!value)
		return NULL;
	path = path_absolute(arena, value, NULL);
	if (path_is_dir(path))
		path = arena_printf(arena, "%s/ansible.cfg", path);
	return is_usable(path) ? path : NULL;
}

/*
 * ./ansible.cfg, unless everybody may write here: whoever puts a file into /tmp must not decide
 * which programs this command runs.
 */
static const char *from_directory(struct arena *arena, struct diags *diags)
{
	char *path = path_absolute(arena, "ansible.cfg", NULL);
	struct stat st;

	if (!is_usable(path) || stat(".", &st) < 0)
		return NULL;
	if (!(st.st_mode & S_IWOTH))
		return path;
	diag_warning(diags, NULL,
		"%s is not used, because everybody may write to its directory; name it in "
		"ANSIBLE_CONFIG to use it",
		path);
	return NULL;
}

int config_load(
	struct config *config, struct arena *arena, struct diags *diags, struct err *err)
{
	static const char *const others[] = {"~/.ansible.cfg", "/etc/ansible/ansible.cfg"};
	const char *file = from_variable(arena);

	if (!file)
		file = from_directory(arena, diags);
	for (size_t i = 0; i < ARRAY_SIZE(others) && !file; i++) {
		file = path_absolute(arena, others[i], NULL);
		if (!is_usable(file))
			file = NULL;
	}
	return config_load_file(config, file, arena, err);
}

const char *config_text(const struct config *config, enum config_key key)
{
	return config ? config->settings[key].text : specs[key].fallback;
}

int64_t config_int(const struct config *config, enum config_key key, int64_t unset)
{
	const char *text = config_text(config, key);
	int64_t number;

	return text && parse_int(text, INT64_MIN, INT64_MAX, &number) ? number : unset;
}

bool config_bool(const struct config *config, enum config_key key)
{
	const char *text = config_text(config, key);

	return text && boolean_word(text) == 1;
}

void config_list(const struct config *config, enum config_key key, struct strlist *out)
{
	const char *text = config_text(config, key);

	if (text)
		strlist_split(out, text, separator_of(specs[key].kind));
}

void config_explain(const struct config *config, enum config_key key, struct strbuf *out)
{
	const struct config_setting *setting = &config->settings[key];

	switch (setting->origin) {
	case CONFIG_FILE:
		strbuf_addf(out, "%s:%u (%s)", setting->place.file, setting->place.line,
			setting->name);
		break;
	case CONFIG_ENVIRONMENT:
		strbuf_addf(out, "environment variable %s", setting->name);
		break;
	case CONFIG_DEFAULT:
	default: strbuf_addstr(out, "default");
	}
}
