/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt_repository and deb822_repository: where the node's packages come from, in the one-line
 * form of sources.list(5) or in its paragraphs.
 */
#include <ctype.h>
#include <string.h>

#include "base/fd.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/web_file.h"
#include "play/runner.h"

#define KEY_MAX (1u << 20) /* bytes of a key */

static const char *const states[] = {"absent", "present", NULL};
static const char *const update_aliases[] = {"update-cache", NULL};
static const char *const types[] = {"deb", "deb-src", NULL};

static const struct argument line_arguments[] = {
	{.name = "repo", .required = true},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "mode", .type = ARGUMENT_MODE},
	{.name = "update_cache",
		.type = ARGUMENT_BOOL,
		.fallback = "true",
		.aliases = update_aliases},
	{.name = "update_cache_retries", .type = ARGUMENT_INT, .fallback = "5"},
	{.name = "update_cache_retry_max_delay", .type = ARGUMENT_INT, .fallback = "12"},
	{.name = "filename"},
	{.name = "install_python_apt", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "validate_certs", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "codename"},
	{0},
};

static int run_line(struct module_call *c, struct err *err)
{
	static const char *const forwarded[] = {"repo", "state", "mode", "filename",
		"update_cache", "update_cache_retries", "update_cache_retry_max_delay", NULL};
	const char *repo = argument_text(c, "repo");

	if (!*repo)
		return err_set(
			err, ERR_INPUT, "Please set argument 'repo' to a non-empty value");
	if (str_starts(repo, "ppa:"))
		return err_set(err, ERR_UNSUPPORTED,
			"repo: %s: personal archives are not supported: write the source's "
			"line, and its key with deb822_repository",
			repo);
	if (runner_node(c, "apt_repository", forward_arguments(c, forwarded), err) < 0)
		return -1;
	call_set_text(c, "repo", repo);
	call_set_text(c, "state", argument_text(c, "state"));
	return 0;
}

const struct module module_apt_repository = {
	.name = "apt_repository",
	.arguments = line_arguments,
	.flags = MODULE_CHECKS,
	.run = run_line,
};

/* In the order of the fields of the paragraph. */
static const struct argument paragraph_arguments[] = {
	{.name = "allow_downgrade_to_insecure", .type = ARGUMENT_BOOL},
	{.name = "allow_insecure", .type = ARGUMENT_BOOL},
	{.name = "allow_weak", .type = ARGUMENT_BOOL},
	{.name = "architectures", .type = ARGUMENT_LIST},
	{.name = "by_hash", .type = ARGUMENT_BOOL},
	{.name = "check_date", .type = ARGUMENT_BOOL},
	{.name = "check_valid_until", .type = ARGUMENT_BOOL},
	{.name = "components", .type = ARGUMENT_LIST},
	{.name = "date_max_future", .type = ARGUMENT_INT},
	{.name = "enabled", .type = ARGUMENT_BOOL},
	{.name = "inrelease_path"},
	{.name = "languages", .type = ARGUMENT_LIST},
	{.name = "name", .required = true},
	{.name = "pdiffs", .type = ARGUMENT_BOOL},
	{.name = "signed_by"},
	{.name = "suites", .type = ARGUMENT_LIST},
	{.name = "targets", .type = ARGUMENT_LIST},
	{.name = "trusted", .type = ARGUMENT_BOOL},
	{.name = "types", .type = ARGUMENT_LIST, .fallback = "deb", .choices = types},
	{.name = "uris", .type = ARGUMENT_LIST},
	{.name = "mode", .type = ARGUMENT_MODE, .fallback = "0644"},
	{.name = "state", .fallback = "present", .choices = states},
	{0},
};

/* A repository in the making. */
struct repository {
	struct module_call *call;
	const char *slug;     /* its name as a file's */
	const char *key_file; /* on the node; NULL: none */
	bool changed;
};

/* The name in small letters, with "-" for spaces and "_", without anything else. */
static const char *make_slug(struct module_call *c)
{
	const char *name = argument_text(c, "name");
	char *slug = arena_strdup(c->arena, ""), *at;

	at = slug = arena_alloc(c->arena, strlen(name) + 1);
	for (; *name; name++) {
		bool space = *name == '_' || isspace((unsigned char)*name);
		if (space && (at == slug || at[-1] != '-' || name[-1] == '-'))
			*at++ = '-';
		else if (isalnum((unsigned char)*name) || *name == '-')
			*at++ = (char)tolower((unsigned char)*name);
	}
	return slug;
}

/* "signed_by" as "Signed-By". */
static const char *field_name(struct module_call *c, const char *name)
{
	char *field = arena_strdup(c->arena, name);

	if (strcmp(name, "name") == 0)
		return "X-Repolib-Name";
	if (strcmp(name, "uris") == 0)
		return "URIs";
	for (size_t i = 0; field[i]; i++) {
		if (field[i] == '_')
			field[i] = '-';
		else if (i == 0 || field[i - 1] == '-')
			field[i] = (char)toupper((unsigned char)field[i]);
	}
	return field;
}

/* Lines of a text as a field has them: indented, "." where one is empty. */
static void add_lines(struct strbuf *out, const char *text)
{
	struct strlist lines = {0};
	AUTO(strbuf_release) struct strbuf whole = STRBUF_INIT;

	/* Empty lines count, so they are made visible before the text is cut. */
	for (; *text; text++)
		strbuf_add(&whole, text, 1);
	strbuf_rtrim(&whole);
	char *at = whole.data + strspn(whole.data, " \t\n");
	while (at) {
		char *end = strchr(at, '\n');
		if (end)
			*end = '\0';
		strlist_split(&lines, at, "\n\r");
		strbuf_addf(out, "\n    %s", lines.count > 0 ? lines.items[0] : ".");
		strlist_release(&lines);
		at = end ? end + 1 : NULL;
	}
}

static void add_field(
	struct module_call *c, struct strbuf *out, const char *name, const struct value *v)
{
	strbuf_addf(out, "%s:", field_name(c, name));
	if (v->kind == VALUE_BOOL) {
		strbuf_addf(out, " %s", v->boolean ? "yes" : "no");
	} else if (v->kind == VALUE_LIST) {
		for (size_t i = 0; i < v->count; i++)
			strbuf_addf(out, " %s", value_text(v->items[i]));
	} else if (v->kind == VALUE_INT) {
		strbuf_addf(out, " %lld", (long long)v->integer);
	} else if (strchr(value_text(v), '\n')) {
		add_lines(out, value_text(v));
	} else {
		strbuf_addf(out, " %s", value_text(v));
	}
	strbuf_addch(out, '\n');
}

/* Runs a module of the node for a path, and takes note of whether it changed something. */
static int put(struct repository *r, const char *module, struct value *args, struct err *err)
{
	const struct value *result = runner_ask_node(r->call, module, args, err);
	const struct value *changed = result ? value_dict_get(result, "changed") : NULL;

	if (!result)
		return -1;
	r->changed |= changed && value_truthy(changed);
	return 0;
}

static struct value *path_arguments(
	struct module_call *c, const char *path, const char *key, const char *text)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	value_dict_set(c->arena, args, key, value_new_string(c->arena, text));
	return args;
}

static int put_file(struct repository *r, const char *path, const char *mode, const void *data,
	size_t n, struct err *err)
{
	struct value *args = path_arguments(r->call, path, "mode", mode);

	if (runner_put_content(r->call, args, "content", data, n, err) < 0)
		return -1;
	return put(r, "copy", args, err);
}

/* Where a key's content is kept: by its form. */
static const char *key_path(struct repository *r, const char *data)
{
	bool armoured = strstr(data, "-----BEGIN PGP PUBLIC KEY BLOCK-----") != NULL;

	return arena_printf(
		r->call->arena, "/etc/apt/keyrings/%s.%s", r->slug, armoured ? "asc" : "gpg");
}

static int put_key(struct repository *r, const char *url, struct err *err)
{
	AUTO(web_file_release) struct web_file file = {0};
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	struct module_call *c = r->call;

	if (web_file_fetch(&file, c, url, true, err) < 0 ||
		file_read(file.path, KEY_MAX, &key, err) < 0)
		return err_wrap(err, "Could not fetch signed_by key");
	r->key_file = key_path(r, key.data);
	struct value *directory = path_arguments(c, "/etc/apt/keyrings", "state", "directory");
	value_dict_set(c->arena, directory, "mode", value_new_string(c->arena, "0755"));
	if (put(r, "file", directory, err) < 0)
		return -1;
	int kind = c->check ? node_path_kind(c, "/etc/apt/keyrings", err) : NODE_PATH_DIRECTORY;
	if (kind < 0)
		return -1;
	if (kind == NODE_PATH_ABSENT) /* a check cannot look into what is not there */
		return 0;
	return put_file(r, r->key_file, "0640", key.data, key.len, err);
}

/* The field's value: a path of the node, the key itself, or the file that a URL was put in. */
static const struct value *sign(struct repository *r, const struct value *v, struct err *err)
{
	const char *text = value_text(v);

	if (*text == '/') {
		int kind = node_path_kind(r->call, text, err);
		if (kind < 0)
			return NULL;
		r->key_file = kind == NODE_PATH_OTHER ? text : NULL;
		return v;
	}
	if (!strstr(text, "://") || strchr(text, '\n'))
		return v;
	if (put_key(r, text, err) < 0)
		return NULL;
	return value_new_string(r->call->arena, r->key_file);
}

static int make_paragraph(struct repository *r, struct strbuf *out, struct err *err)
{
	for (const struct argument *a = paragraph_arguments; strcmp(a->name, "mode") != 0;
		a++) {
		const struct value *v = argument_value(r->call, a->name);
		if (!v || v->kind == VALUE_NULL)
			continue;
		if (strcmp(a->name, "signed_by") == 0 && !(v = sign(r, v, err)))
			return -1;
		add_field(r->call, out, a->name, v);
	}
	return 0;
}

static int remove_files(struct repository *r, const char *path, struct err *err)
{
	struct module_call *c = r->call;
	const char *files[] = {path,
		arena_printf(c->arena, "/etc/apt/keyrings/%s.asc", r->slug),
		arena_printf(c->arena, "/etc/apt/keyrings/%s.gpg", r->slug)};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (put(r, "file", path_arguments(c, files[i], "state", "absent"), err) < 0)
			return -1;
	r->key_file = files[2];
	return 0;
}

static int run_paragraph(struct module_call *c, struct err *err)
{
	struct repository r = {.call = c, .slug = make_slug(c)};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *path = arena_printf(c->arena, "/etc/apt/sources.list.d/%s.sources", r.slug);
	bool absent = strcmp(argument_text(c, "state"), "absent") == 0;

	if (!*r.slug)
		return err_set(err, ERR_INPUT, "name: \"%s\" has no letter for a file's name",
			argument_text(c, "name"));
	if (absent && remove_files(&r, path, err) < 0)
		return -1;
	if (!absent && (make_paragraph(&r, &text, err) < 0 ||
			       put_file(&r, path, argument_text(c, "mode"), text.data, text.len,
				       err) < 0))
		return -1;
	call_set_bool(c, "changed", r.changed);
	call_set(c, "repo", absent ? &value_null : value_new_string(c->arena, text.data));
	call_set_text(c, "dest", path);
	call_set(c, "key_filename",
		r.key_file ? value_new_string(c->arena, r.key_file) : &value_null);
	return 0;
}

const struct module module_deb822_repository = {
	.name = "deb822_repository",
	.arguments = paragraph_arguments,
	.flags = MODULE_CHECKS,
	.run = run_paragraph,
};
