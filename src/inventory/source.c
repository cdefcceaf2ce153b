/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going through the sources: which reader takes which, and what of a directory is read.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "inventory/build.h"
#include "inventory/pattern.h"
#include "text/regex.h"

bool build_is_readable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

int build_expand(const char *pattern, struct strlist *names, int64_t *port, struct err *err)
{
	AUTO(strbuf_release) struct strbuf host = STRBUF_INIT;

	if (address_split(pattern, true, &host, port))
		return range_expand(host.data, INVENTORY_MAX_HOSTS, names, err);
	*port = -1;
	return range_expand(pattern, INVENTORY_MAX_HOSTS, names, err);
}

/* TOML is recognised to be refused by name. */
static bool toml_wants(const char *source)
{
	return str_ends(source, ".toml") && build_is_readable(source);
}

static int toml_read(struct builder *b, const char *source, struct err *err)
{
	(void)b;
	return err_set(err, ERR_UNSUPPORTED,
		"%s: TOML inventories are not supported; write it as YAML (ansible-inventory "
		"-i %s --list --yaml)",
		source, path_basename(source));
}

const struct reader reader_toml = {"toml", toml_wants, toml_read};

static const struct reader *const all_readers[] = {&reader_host_list,
	&reader_advanced_host_list, &reader_script, &reader_plugin, &reader_yaml, &reader_ini,
	&reader_toml};

/* What one loading needs beside the builder. */
struct walk {
	struct builder *b;
	const struct reader *readers[ARRAY_SIZE(all_readers)];
	size_t reader_count;
	struct strlist ignored_ends;
	struct {
		struct regex **items;
		size_t count;
		size_t cap;
	} ignored_patterns;
	bool all_must_parse;
};

static void enable_reader(struct walk *w, const char *name)
{
	static const char builtin[] = "ansible.builtin.";

	if (str_starts(name, builtin))
		name += sizeof(builtin) - 1;
	for (size_t i = 0; i < ARRAY_SIZE(all_readers); i++) {
		if (strcmp(name, all_readers[i]->name) != 0)
			continue;
		if (w->reader_count < ARRAY_SIZE(all_readers))
			w->readers[w->reader_count++] = all_readers[i];
		return;
	}
	diag_warning(w->b->diags, NULL,
		"inventory plugin '%s' is enabled in the settings but not known here; it is "
		"left out",
		name);
}

static int walk_settings(struct walk *w, struct err *err)
{
	const struct config *config = w->b->options->config;
	AUTO(strlist_release) struct strlist names = {0};
	AUTO(strlist_release) struct strlist patterns = {0};

	config_list(config, CONFIG_INVENTORY_ENABLED, &names);
	for (size_t i = 0; i < names.count; i++)
		enable_reader(w, names.items[i]);
	config_list(config, CONFIG_INVENTORY_IGNORE_EXTENSIONS, &w->ignored_ends);
	config_list(config, CONFIG_INVENTORY_IGNORE_PATTERNS, &patterns);
	for (size_t i = 0; i < patterns.count; i++) {
		struct regex *re =
			regex_compile(patterns.items[i], strlen(patterns.items[i]), 0, err);
		if (!re)
			return err_wrap(err, "inventory_ignore_patterns");
		*VEC_PUSH(&w->ignored_patterns) = re;
	}
	w->all_must_parse = w->b->options->strict ||
			    config_bool(config, CONFIG_INVENTORY_ANY_UNPARSED_FAILED);
	return 0;
}

static void walk_release(struct walk *w)
{
	strlist_release(&w->ignored_ends);
	for (size_t i = 0; i < w->ignored_patterns.count; i++)
		regex_free(w->ignored_patterns.items[i]);
	free(w->ignored_patterns.items);
}

/* What a directory of inventories may hold beside inventories. */
static bool is_ignored(const struct walk *w, const char *name)
{
	static const char *const always[] = {"host_vars", "group_vars", "vars_plugins"};

	if (name[0] == '.')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (!strcmp(name, always[i]))
			return true;
	for (size_t i = 0; i < w->ignored_ends.count; i++)
		if (str_ends(name, w->ignored_ends.items[i]))
			return true;
	for (size_t i = 0; i < w->ignored_patterns.count; i++)
		if (regex_exec(w->ignored_patterns.items[i], REGEX_SEARCH, name, strlen(name),
			    0, NULL, NULL) > 0)
			return true;
	return false;
}

/* What the readers said that failed, for the one who must find out why none took it. */
struct refusals {
	struct strbuf text;
	struct err first;
};

static void refuse(struct refusals *r, const struct reader *reader, const char *source,
	const struct err *err)
{
	const char *text = err->text;
	size_t n = strlen(source);

	if (err->code == ERR_NOTFOUND && reader == &reader_plugin)
		return;
	if (r->first.code == ERR_NONE)
		r->first = *err;
	if (!strncmp(text, source, n) && text[n] == ':') /* the message names it already */
		text += n + 1 + (text[n + 1] == ' ');
	if (strstr(r->text.data, text))
		return;
	strbuf_addf(&r->text, "%sas %s: %s%s", r->text.len > 0 ? "; " : "", reader->name,
		*text >= '0' && *text <= '9' ? "line " : "", text);
}

/* No reader took a source: an error if all must parse, else a warning as in Ansible. */
static int source_failed(
	struct walk *w, const char *source, struct refusals *r, struct err *err)
{
	bool is_default = !strcmp(source, "/etc/ansible/hosts") && !path_exists(source);

	if (is_default && r->text.len == 0)
		return 0;
	if (r->text.len == 0)
		strbuf_addstr(&r->text, path_exists(source) ? "no reader takes it"
							    : "no such file or directory");
	if (w->all_must_parse)
		return err_set(err, r->first.code ? r->first.code : ERR_NOTFOUND,
			"inventory %s cannot be read: %s", source, r->text.data);
	diag_warning(
		w->b->diags, NULL, "inventory %s cannot be read: %s", source, r->text.data);
	return 0;
}

static int read_file(struct walk *w, const char *source, struct err *err)
{
	struct refusals refusals = {.text = STRBUF_INIT};
	int rc = 0;

	if (w->b->options->no_programs && reader_script.wants(source)) {
		diag_warning(
			w->b->diags, NULL, "inventory %s is a program; it was not run", source);
		return 0;
	}
	w->b->source = arena_strdup(w->b->inventory->arena, source);
	for (size_t i = 0; i < w->reader_count; i++) {
		const struct reader *reader = w->readers[i];
		struct err failure = {0};
		if (!reader->wants(source))
			continue;
		if (reader->read(w->b, w->b->source, &failure) == 0) {
			log_debug("inventory %s read as %s", source, reader->name);
			w->b->any_parsed = true;
			strbuf_release(&refusals.text);
			return 0;
		}
		if (failure.code == ERR_LIMIT || failure.code == ERR_CANCELLED ||
			failure.code == ERR_TIMEOUT) {
			*err = failure;
			rc = -1;
			break;
		}
		refuse(&refusals, reader, source, &failure);
	}
	if (rc == 0)
		rc = source_failed(w, source, &refusals, err);
	strbuf_release(&refusals.text);
	return rc;
}

int build_list_directory(const char *path, struct strlist *names, struct err *err)
{
	DIR *dir = opendir(path);

	if (!dir)
		return err_sys(err, "open directory %s", path);
	for (struct dirent *entry; (entry = readdir(dir));)
		strlist_add(names, entry->d_name);
	closedir(dir);
	strlist_sort(names);
	return 0;
}

static int read_source(struct walk *w, const char *source, unsigned depth, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};

	if (!path_is_dir(source))
		return read_file(w, source, err);
	if (depth > INVENTORY_MAX_NESTING)
		return err_set(err, ERR_LIMIT, "%s: directories nested deeper than %d", source,
			INVENTORY_MAX_NESTING);
	if (build_list_directory(source, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (is_ignored(w, names.items[i]))
			continue;
		autofree char *path = path_join(source, names.items[i]);
		if (read_source(w, path, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int nothing_parsed(struct walk *w, struct err *err)
{
	if (config_bool(w->b->options->config, CONFIG_INVENTORY_UNPARSED_FAILED) ||
		w->b->options->strict)
		return err_set(err, ERR_INPUT,
			"no inventory could be read; name one with -i or in ansible.cfg");
	diag_warning(w->b->diags, NULL,
		"no inventory could be read; only the implicit localhost is there");
	return 0;
}

static int read_all(struct walk *w, struct err *err)
{
	struct inventory *inventory = w->b->inventory;

	if (walk_settings(w, err) < 0)
		return -1;
	for (size_t i = 0; i < inventory->source_count; i++)
		if (read_source(w, inventory->sources[i], 0, err) < 0)
			return -1;
	w->b->source = NULL;
	return w->b->any_parsed ? 0 : nothing_parsed(w, err);
}

int build_sources(struct builder *b, struct err *err)
{
	struct walk w = {.b = b};
	int rc = read_all(&w, err);

	walk_release(&w);
	return rc;
}
