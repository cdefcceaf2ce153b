/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replace: all matches of a pattern in a file, or in a part of it.
 */
#include "play/modules/content.h"
#include "play/modules/edit.h"
#include "play/modules/modules.h"
#include "play/runner.h"
#include "text/regex.h"

static const char *const path_aliases[] = {"dest", "destfile", "name", NULL};

static const struct argument arguments[] = {
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "regexp", .required = true},
	{.name = "replace", .fallback = ""},
	{.name = "after"},
	{.name = "before"},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "validate"},
	{.name = "encoding", .fallback = "utf-8"},
	CONTENT_ATTRIBUTES,
	{0},
};

static const char *text_if_any(struct module_call *c, const char *name)
{
	const char *text = argument_text(c, name);

	return text && *text ? text : NULL;
}

/* The pattern of the part between `after` and `before`; NULL when all is meant. */
static const char *section_pattern(struct module_call *c)
{
	const char *after = text_if_any(c, "after"), *before = text_if_any(c, "before");

	if (after && before)
		return arena_printf(c->arena, "%s(?P<subsection>.*?)%s", after, before);
	if (after)
		return arena_printf(c->arena, "%s(?P<subsection>.*)", after);
	return before ? arena_printf(c->arena, "(?P<subsection>.*)%s", before) : NULL;
}

/* The part that is worked on: 1 with it, 0 when there is none, -1 with err. */
static int find_section(
	struct edit *e, const char *pattern, struct regex_span *section, struct err *err)
{
	struct regex_result match;

	*section = (struct regex_span){.end = e->before.len, .set = true};
	if (!pattern)
		return 1;
	AUTO(regex_cleanup)
	struct regex *re = regex_compile(pattern, strlen(pattern), REGEX_DOTALL, err);
	if (!re)
		return err_wrap(err, "after, before");
	int found = regex_exec(re, REGEX_SEARCH, e->before.data, e->before.len, 0, &match, err);
	int group = regex_group_number(re, "subsection");
	if (found > 0 && group > 0)
		*section = match.spans[group];
	return found;
}

/* Makes the text of what stands around the section and of what it becomes. */
static int substitute(struct edit *e, const struct regex_span *section, struct err *err)
{
	const char *regexp = argument_text(e->call, "regexp");
	const char *text = argument_text(e->call, "replace");
	size_t len = section->end - section->start;
	AUTO(regex_cleanup)
	struct regex *re = regex_compile(regexp, strlen(regexp), REGEX_MULTILINE, err);

	if (!re)
		return err_wrap(err, "regexp");
	strbuf_add(&e->after, e->before.data, section->start);
	int count = regex_sub(re, e->before.data + section->start, len, text, strlen(text), 0,
		&e->after, err);
	if (count < 0)
		return err_wrap(err, "replace");
	strbuf_add(&e->after, e->before.data + section->end, e->before.len - section->end);
	e->changed =
		count > 0 && (e->after.len != e->before.len ||
				     memcmp(e->after.data, e->before.data, e->after.len) != 0);
	if (e->changed)
		e->msg = arena_printf(e->call->arena, "%d replacements made", count);
	return 0;
}

static int change(struct edit *e, struct err *err)
{
	struct module_call *c = e->call;
	const char *pattern = section_pattern(c);
	struct regex_span section;

	e->msg = "";
	if (!e->exists)
		return edit_no_file(e, 257,
			arena_printf(c->arena, "Path %s does not exist !", e->path), err);
	int found = find_section(e, pattern, &section, err);
	if (found < 0)
		return -1;
	if (found == 0) {
		call_set_int(c, "rc", 0);
		call_set_text(c, "msg",
			arena_printf(c->arena,
				"Pattern for before/after params did not match the given file: "
				"%s",
				pattern));
		return 0;
	}
	return substitute(e, &section, err) < 0 ? -1 : 1;
}

static int check_encoding(struct module_call *c, struct err *err)
{
	const char *encoding = argument_text(c, "encoding");

	if (strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0 ||
		strcasecmp(encoding, "ascii") == 0)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "encoding: found '%s'; only utf-8 is supported",
		encoding);
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(edit_release)
	struct edit e = {.call = c,
		.path = argument_text(c, "path"),
		.before = STRBUF_INIT,
		.after = STRBUF_INIT};

	if (check_encoding(c, err) < 0)
		return -1;
	int result = edit_run(&e, change, err);
	if (result <= 0)
		return result;
	edit_tell(&e);
	call_set_int(c, "rc", 0);
	if (e.changed && c->diff)
		call_set(c, "diff", edit_diff(&e, e.path));
	if (e.backup)
		call_set_text(c, "backup_file", e.backup);
	return 0;
}

const struct module module_replace = {
	.name = "replace",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
