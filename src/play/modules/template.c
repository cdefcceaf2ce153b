/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template: a file rendered with the host's variables, and brought to the node as copy does.
 *
 * The runner compiles a template once for all hosts.
 */
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/path.h"
#include "play/modules/content.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "template/template.h"

#define MANAGED "Ansible managed"

static const char *const newlines[] = {"\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n", NULL};

static const struct argument arguments[] = {
	{.name = "src", .required = true},
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	CONTENT_ATTRIBUTES,
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "validate"},
	{.name = "newline_sequence", .fallback = "\n", .choices = newlines},
	{.name = "block_start_string"},
	{.name = "block_end_string"},
	{.name = "variable_start_string"},
	{.name = "variable_end_string"},
	{.name = "comment_start_string"},
	{.name = "comment_end_string"},
	{.name = "trim_blocks", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "lstrip_blocks", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "output_encoding", .fallback = "utf-8"},
	{0},
};

static const char *newline_of(const char *written)
{
	for (size_t i = 3; newlines[i]; i++)
		if (strcmp(written, newlines[i]) == 0)
			return newlines[i - 3];
	return written;
}

static const char *either(const char *given, const char *otherwise)
{
	return given && *given ? given : otherwise;
}

/* The syntax that the task's arguments make; true when it is not the module's own. */
static bool read_syntax(struct module_call *c, struct template_syntax *s)
{
	const struct template_syntax *own = &template_syntax_file;

	*s = *own;
	s->block_start = either(argument_text(c, "block_start_string"), own->block_start);
	s->block_end = either(argument_text(c, "block_end_string"), own->block_end);
	s->variable_start =
		either(argument_text(c, "variable_start_string"), own->variable_start);
	s->variable_end = either(argument_text(c, "variable_end_string"), own->variable_end);
	s->comment_start = either(argument_text(c, "comment_start_string"), own->comment_start);
	s->comment_end = either(argument_text(c, "comment_end_string"), own->comment_end);
	s->newline = newline_of(argument_text(c, "newline_sequence"));
	s->trim_blocks = argument_bool(c, "trim_blocks");
	s->lstrip_blocks = argument_bool(c, "lstrip_blocks");
	return strcmp(s->block_start, own->block_start) != 0 ||
	       strcmp(s->block_end, own->block_end) != 0 ||
	       strcmp(s->variable_start, own->variable_start) != 0 ||
	       strcmp(s->variable_end, own->variable_end) != 0 ||
	       strcmp(s->comment_start, own->comment_start) != 0 ||
	       strcmp(s->comment_end, own->comment_end) != 0 ||
	       strcmp(s->newline, own->newline) != 0 || s->trim_blocks != own->trim_blocks ||
	       s->lstrip_blocks != own->lstrip_blocks;
}

static void set(struct module_call *c, struct value *locals, const char *name, const char *text)
{
	value_dict_set(c->arena, locals, name, value_new_string(c->arena, text));
}

/* A local time as Python's datetime prints it. */
static void set_time(
	struct module_call *c, struct value *locals, const char *name, const struct timespec *t)
{
	char day[32];
	struct tm tm;

	if (!localtime_r(&t->tv_sec, &tm))
		return;
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	const char *text = t->tv_nsec / 1000
				   ? arena_printf(c->arena, "%s.%06ld", day, t->tv_nsec / 1000)
				   : arena_strdup(c->arena, day);
	value_dict_set(c->arena, locals, name,
		value_new_text(c->arena, VALUE_DATETIME, text, strlen(text)));
}

static const char *owner_of(struct module_call *c, uid_t uid)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		return arena_strdup(c->arena, found->pw_name);
	return arena_printf(c->arena, "%u", (unsigned)uid);
}

/* The variables that only templates see, about the template itself. */
static const struct value *template_variables(
	struct module_call *c, const char *path, struct err *err)
{
	struct value *locals = value_new_dict(c->arena);
	struct utsname host;
	struct timespec now;
	struct stat st;

	if (stat(path, &st) < 0) {
		err_sys(err, "%s", path);
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	set(c, locals, "template_host", uname(&host) == 0 ? host.nodename : "");
	set(c, locals, "template_path", argument_text(c, "src"));
	set(c, locals, "template_fullpath", path);
	set(c, locals, "template_destpath", argument_text(c, "dest"));
	set(c, locals, "template_uid", owner_of(c, st.st_uid));
	set_time(c, locals, "template_mtime", &st.st_mtim);
	set_time(c, locals, "template_run_date", &now);
	set(c, locals, "ansible_managed", MANAGED);
	return locals;
}

static int check_encoding(struct module_call *c, struct err *err)
{
	const char *encoding = argument_text(c, "output_encoding");

	if (strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"output_encoding: found '%s'; only utf-8 is supported", encoding);
}

static int put(
	struct module_call *c, const char *path, const struct strbuf *text, struct err *err)
{
	const char *mode = argument_text(c, "mode");
	struct content content = {.dest = argument_text(c, "dest"),
		.name = path_basename(path),
		.source = path,
		.data = text->data,
		.len = text->len,
		.follow = argument_bool(c, "follow")};

	if (mode && strcmp(mode, "preserve") == 0) {
		content.mode = content_mode_of(c, path, err);
		if (!content.mode)
			return -1;
	}
	return content_put(c, &content, err);
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct template_syntax syntax;

	if (check_encoding(c, err) < 0)
		return -1;
	runner_phase(c->runner, "render");
	autofree char *path = runner_find(c, "templates", argument_text(c, "src"), err);
	const struct value *locals = path ? template_variables(c, path, err) : NULL;
	if (!locals)
		return -1;
	const struct template_syntax *own = read_syntax(c, &syntax) ? &syntax : NULL;
	if (runner_render(c, path, own, locals, &text, err) < 0)
		return -1;
	return put(c, path, &text, err);
}

const struct module module_template = {
	.name = "template",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
