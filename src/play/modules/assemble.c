/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assemble: the files of a directory, one behind the other, as one file. The directory is one
 * of the node, which puts them together by itself, or (`remote_src: false`) of this machine.
 */
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mode.h"
#include "base/path.h"
#include "inventory/datafile.h"
#include "inventory/secrets.h"
#include "play/modules/content.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "text/regex.h"

#define WHOLE_MAX (64u << 20) /* bytes of what is put together here */

static const struct argument arguments[] = {
	{.name = "src", .type = ARGUMENT_PATH, .required = true},
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "delimiter"},
	{.name = "remote_src", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "regexp"},
	{.name = "ignore_hidden", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "decrypt", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "validate"},
	CONTENT_ATTRIBUTES,
	{0},
};

/* One character of a backslash's, as Python's codecs.escape_decode has them; -1 for none. */
static int simple_escape(char c)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : -1;
}

static void unescape(const char *text, struct strbuf *out)
{
	while (*text) {
		unsigned char byte;
		int plain;
		if (*text != '\\' || !text[1]) {
			strbuf_addch(out, *text++);
		} else if ((plain = simple_escape(text[1])) >= 0) {
			strbuf_addch(out, (char)plain);
			text += 2;
		} else if (text[1] == 'x' && strlen(text) >= 4) {
			autofree char *hex = xstrndup(text + 2, 2);
			bool fine = parse_hex(hex, &byte, 1);
			strbuf_add(out, fine ? (char *)&byte : "\\", 1);
			text += fine ? 4 : 1;
		} else {
			strbuf_addch(out, *text++);
		}
	}
}

/* True for a file that the task means; -1 with err. */
static int is_meant(
	struct module_call *c, const struct regex *re, const char *name, struct err *err)
{
	if (*name == '.' && argument_bool(c, "ignore_hidden"))
		return 0;
	return re ? regex_exec(re, REGEX_SEARCH, name, strlen(name), 0, NULL, err) : 1;
}

static struct regex *compile(struct module_call *c, struct err *err)
{
	const char *regexp = argument_text(c, "regexp");
	struct regex *re = regex_compile(regexp, strlen(regexp), 0, err);

	if (!re)
		err_wrap(err, "Invalid Regexp in \"%s\"", regexp);
	return re;
}

/* Takes the names out of a list that are not meant. */
static int choose(
	struct module_call *c, const struct value *all, struct value *names, struct err *err)
{
	AUTO(regex_cleanup) struct regex *re = NULL;

	if (argument_text(c, "regexp") && !(re = compile(c, err)))
		return -1;
	if (!all || all->kind != VALUE_LIST)
		return err_set(err, ERR_PROTOCOL, "assemble: the node told no names");
	value_list_foreach (v, all) {
		const char *name = value_text(v);
		int meant = name ? is_meant(c, re, name, err) : 0;
		if (meant < 0)
			return -1;
		if (meant)
			value_list_add(c->arena, names, v);
	}
	return 0;
}

/* ---- on the node ---- */

static int add_names(struct module_call *c, struct value *args, struct err *err)
{
	struct value *names = value_new_list(c->arena);
	struct value *question = value_new_dict(c->arena);

	if (!argument_text(c, "regexp") && !argument_bool(c, "ignore_hidden"))
		return 0;
	value_dict_set(c->arena, question, "src", value_dict_get(args, "src"));
	value_dict_set(c->arena, question, "path", value_dict_get(args, "path"));
	value_dict_set(c->arena, question, "list", &value_true);
	const struct value *answer = runner_ask_node(c, "assemble", question, err);
	if (!answer || choose(c, value_dict_get(answer, "names"), names, err) < 0)
		return -1;
	value_dict_set(c->arena, args, "names", names);
	return 0;
}

static int assemble_there(
	struct module_call *c, const struct strbuf *delimiter, struct err *err)
{
	static const char *const forwarded[] = {
		"src", "backup", "validate", CONTENT_ATTRIBUTE_NAMES, NULL};
	static const char *const private_keys[] = {"differs", "need", "before", "diff"};
	struct value *args = forward_arguments(c, forwarded);

	value_dict_set(c->arena, args, "path", argument_value(c, "dest"));
	value_dict_set(c->arena, args, "delimiter",
		value_new_text(c->arena, VALUE_BYTES, delimiter->data, delimiter->len));
	if (add_names(c, args, err) < 0 || runner_node(c, "assemble", args, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(private_keys); i++)
		value_dict_remove(
			c->arena, c->result, value_new_string(c->arena, private_keys[i]));
	call_set_text(c, "src", argument_text(c, "src"));
	call_set_text(c, "msg", "OK");
	return 0;
}

/* ---- on this machine ---- */

static int list_here(const char *dir, struct strlist *names, struct err *err)
{
	if (directory_files(dir, names) == 0)
		return 0;
	return err_set(err, ERR_INPUT, "Source (%s) is not a directory", dir);
}

/* What was put together so far. */
struct whole {
	struct strbuf text;
	const struct strbuf *delimiter;
	bool started;   /* there is a fragment */
	bool open_line; /* the last one did not end its last line */
};

static void whole_release(struct whole *w)
{
	vault_wipe(&w->text);
}

/* What stands between two fragments. */
static void add_between(struct whole *w)
{
	if (w->open_line)
		strbuf_addch(&w->text, '\n');
	if (!w->started || w->delimiter->len == 0)
		return;
	strbuf_add(&w->text, w->delimiter->data, w->delimiter->len);
	if (w->delimiter->data[w->delimiter->len - 1] != '\n')
		strbuf_addch(&w->text, '\n');
}

static int add_file(struct module_call *c, const char *path, struct whole *w, struct err *err)
{
	const struct secrets *secrets = runner_run(c->runner)->o->secrets;
	AUTO(vault_wipe) struct strbuf text = STRBUF_INIT;
	int result = argument_bool(c, "decrypt") ? datafile_read(path, secrets, &text, err)
						 : file_read(path, WHOLE_MAX, &text, err);

	if (result < 0)
		return -1;
	if (text.len > WHOLE_MAX - w->text.len)
		return err_set(err, ERR_LIMIT, "more than %u bytes", WHOLE_MAX);
	add_between(w);
	strbuf_add(&w->text, text.data, text.len);
	w->started = true;
	w->open_line = text.len == 0 || text.data[text.len - 1] != '\n';
	return 0;
}

/* Adds the files of a directory that are meant. */
static int add_files(struct module_call *c, const char *dir, struct whole *w, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};
	AUTO(regex_cleanup) struct regex *re = NULL;

	if (list_here(dir, &names, err) < 0 ||
		(argument_text(c, "regexp") && !(re = compile(c, err))))
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		autofree char *path = path_join(dir, names.items[i]);
		int meant = is_meant(c, re, names.items[i], err);
		if (meant < 0 || (meant && add_file(c, path, w, err) < 0))
			return -1;
	}
	return 0;
}

static int assemble_here(struct module_call *c, const struct strbuf *delimiter, struct err *err)
{
	AUTO(whole_release) struct whole w = {.text = STRBUF_INIT, .delimiter = delimiter};
	autofree char *dir = runner_find(c, "files", argument_text(c, "src"), err);

	if (!dir || add_files(c, dir, &w, err) < 0)
		return -1;
	struct content content = {.dest = argument_text(c, "dest"),
		.source = dir,
		.data = w.text.data,
		.len = w.text.len,
		.follow = argument_bool(c, "follow")};
	return content_put(c, &content, err);
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf delimiter = STRBUF_INIT;
	const char *given = argument_text(c, "delimiter");

	if (given)
		unescape(given, &delimiter);
	if (argument_bool(c, "remote_src"))
		return assemble_there(c, &delimiter, err);
	return assemble_here(c, &delimiter, err);
}

const struct module module_assemble = {
	.name = "assemble",
	.arguments = arguments,
	.run = run,
};
