/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineinfile: a line that is in a file, or is not.
 *
 * Patterns and lines are bytes, as in Ansible's module: what is no UTF-8 goes through as it
 * is.
 */
#include "play/modules/content.h"
#include "play/modules/edit.h"
#include "play/modules/modules.h"
#include "play/modules/text_lines.h"
#include "play/runner.h"
#include "text/regex.h"

static const char *const path_aliases[] = {"dest", "destfile", "name", NULL};
static const char *const regexp_aliases[] = {"regex", NULL};
static const char *const line_aliases[] = {"value", NULL};
static const char *const states[] = {"absent", "present", NULL};

static const struct argument arguments[] = {
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "regexp", .aliases = regexp_aliases},
	{.name = "search_string"},
	{.name = "line", .aliases = line_aliases},
	{.name = "insertafter"},
	{.name = "insertbefore"},
	{.name = "backrefs", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "create", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "firstmatch", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "validate"},
	CONTENT_ATTRIBUTES,
	{0},
};

/* The arguments, read once for each look at the file. */
struct line_task {
	struct edit *edit;
	struct regex *regexp; /* NULL: not given */
	struct regex *insert; /* of insertafter or insertbefore; NULL: none, BOF or EOF */
	const char *search;   /* NULL: not given */
	const char *line;     /* without an end, as a rule */
	size_t line_len;
	bool after, before;    /* which of the two was given */
	bool at_begin, at_end; /* BOF, EOF */
	bool backrefs, first;
	struct text_lines lines;
};

/* What was found in the file. */
struct finding {
	ptrdiff_t line;   /* that the pattern matches, or that is the line itself; -1: none */
	ptrdiff_t insert; /* where insertafter or insertbefore put the line; -1: nowhere */
	bool matched;     /* by regexp or search_string */
};

static void task_release(struct line_task *t)
{
	regex_free(t->regexp);
	regex_free(t->insert);
	text_lines_release(&t->lines);
}

static struct regex *compile(const char *pattern, struct err *err)
{
	struct regex *re =
		regex_compile(pattern, strlen(pattern), REGEX_BYTES | REGEX_ASCII, err);

	if (!re)
		err_wrap(err, "Invalid regular expression");
	return re;
}

/* Where a line goes: a pattern, or a word for an end of the file. */
static int read_places(struct line_task *t, struct err *err)
{
	struct module_call *c = t->edit->call;
	const char *after = argument_text(c, "insertafter");
	const char *before = argument_text(c, "insertbefore");
	const char *place;

	if (!after && !before)
		after = "EOF";
	t->after = after && *after;
	t->before = before && *before;
	t->at_begin =
		(before && strcmp(before, "BOF") == 0) || (after && strcmp(after, "BOF") == 0);
	t->at_end = after && strcmp(after, "EOF") == 0;
	place = after ? after : before;
	if (t->at_begin || t->at_end)
		return 0;
	t->insert = compile(place, err);
	return t->insert ? 0 : -1;
}

static int task_read(struct line_task *t, struct edit *e, struct err *err)
{
	struct module_call *c = e->call;
	const char *regexp = argument_text(c, "regexp");

	*t = (struct line_task){.edit = e,
		.search = argument_text(c, "search_string"),
		.line = argument_text(c, "line"),
		.backrefs = argument_bool(c, "backrefs"),
		.first = argument_bool(c, "firstmatch")};
	t->line_len = t->line ? strlen(t->line) : 0;
	text_lines_split(&t->lines, e->before.data, e->before.len, false);
	if (regexp && !(t->regexp = compile(regexp, err)))
		return -1;
	return read_places(t, err);
}

static int search(const struct regex *re, const struct text_line *line,
	struct regex_result *match, struct err *err)
{
	return regex_exec(re, REGEX_SEARCH, line->text, line->len, 0, match, err);
}

/* Whether a line has what regexp or search_string look for; else, in a removal, is the line. */
static int matches(struct line_task *t, const struct text_line *line, struct err *err)
{
	if (t->regexp)
		return search(t->regexp, line, NULL, err);
	if (t->search)
		return memmem(line->text, line->len, t->search, strlen(t->search)) != NULL;
	return 0;
}

/* The last line that matches, or the first one. */
static int find_match(struct line_task *t, struct finding *f, struct err *err)
{
	for (size_t i = 0; i < t->lines.count; i++) {
		int found = matches(t, &t->lines.items[i], err);
		if (found < 0)
			return -1;
		if (!found)
			continue;
		f->line = (ptrdiff_t)i;
		f->matched = true;
		if (t->first)
			break;
	}
	return 0;
}

/* The line itself, and where it would go. */
static int find_place(struct line_task *t, struct finding *f, struct err *err)
{
	for (size_t i = 0; i < t->lines.count; i++) {
		const struct text_line *line = &t->lines.items[i];
		if (text_line_is(line, t->line, t->line_len)) {
			f->line = (ptrdiff_t)i;
			continue;
		}
		int found = t->insert ? search(t->insert, line, NULL, err) : 0;
		if (found < 0)
			return -1;
		if (!found || !(t->after || t->before))
			continue;
		f->insert = (ptrdiff_t)i + t->after;
		if (t->first)
			break;
	}
	return 0;
}

static void insert(struct line_task *t, size_t at)
{
	struct arena *a = t->edit->call->arena;
	const char *text = arena_printf(a, "%s\n", t->line);

	text_lines_insert(&t->lines, at, (struct text_line){text, t->line_len + 1});
	t->edit->changed = true;
	t->edit->msg = "line added";
}

/* At the end of a file whose last line may have none. */
static void append(struct line_task *t)
{
	const struct text_line *last =
		t->lines.count ? &t->lines.items[t->lines.count - 1] : NULL;

	if (last && !text_line_has_end(last) && last->text[last->len - 1] != '\r')
		text_lines_insert(&t->lines, t->lines.count, (struct text_line){"\n", 1});
	insert(t, t->lines.count);
}

/* What the line becomes: as it is written, or with groups of the match filled in. */
static int expand(struct line_task *t, const struct finding *f, const struct text_line *old,
	struct strbuf *text, struct err *err)
{
	struct regex_result match;

	if (!t->backrefs || !f->matched) {
		strbuf_add(text, t->line, t->line_len);
		return 0;
	}
	if (search(t->regexp, old, &match, err) < 0)
		return -1;
	if (regex_expand(t->regexp, old->text, &match, t->line, t->line_len, text, err) < 0)
		return err_wrap(err, "line");
	return 0;
}

/* The line that was found becomes the one that is wanted. */
static int replace(struct line_task *t, const struct finding *f, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct text_line *old = &t->lines.items[f->line];

	if (expand(t, f, old, &text, err) < 0)
		return -1;
	struct text_line wanted = text_line_ended(t->edit->call->arena, text.data, text.len);
	if (wanted.text == text.data)
		wanted.text = arena_memdup(t->edit->call->arena, text.data, text.len);
	if (wanted.len == old->len && memcmp(wanted.text, old->text, old->len) == 0)
		return 0;
	*old = wanted;
	t->edit->changed = true;
	t->edit->msg = "line replaced";
	return 0;
}

/* Behind a line that insertafter found, unless it is there already. */
static void insert_after(struct line_task *t, size_t at)
{
	size_t neighbour = at == t->lines.count ? at - 1 : at;

	if (!text_line_is(&t->lines.items[neighbour], t->line, t->line_len))
		insert(t, at);
}

static int place_line(struct line_task *t, struct finding *f, struct err *err)
{
	if (find_match(t, f, err) < 0 || (!f->matched && find_place(t, f, err) < 0))
		return -1;
	if (f->line >= 0)
		return replace(t, f, err);
	if (t->backrefs)
		return 0;
	if (t->at_begin)
		insert(t, 0);
	else if (t->at_end || f->insert < 0)
		append(t);
	else if (t->after)
		insert_after(t, (size_t)f->insert);
	else
		insert(t, (size_t)f->insert);
	return 0;
}

static int make_present(struct line_task *t, struct err *err)
{
	struct finding f = {.line = -1, .insert = -1};
	struct edit *e = t->edit;

	if (!e->exists && !e->create)
		return edit_no_file(e, 257,
			arena_printf(
				e->call->arena, "Destination %s does not exist !", e->path),
			err);
	return place_line(t, &f, err) < 0 ? -1 : 1;
}

static int make_absent(struct line_task *t, struct err *err)
{
	struct module_call *c = t->edit->call;
	size_t kept = 0, found;

	if (!t->edit->exists) {
		call_set_text(c, "msg", "file not present");
		return 0;
	}
	for (size_t i = 0; i < t->lines.count; i++) {
		const struct text_line *line = &t->lines.items[i];
		int gone = t->regexp || t->search ? matches(t, line, err)
						  : text_line_is(line, t->line, t->line_len);
		if (gone < 0)
			return -1;
		if (!gone)
			t->lines.items[kept++] = *line;
	}
	found = t->lines.count - kept;
	t->lines.count = kept;
	t->edit->changed = found > 0;
	if (found > 0)
		t->edit->msg = arena_printf(c->arena, "%zu line(s) removed", found);
	call_set_int(c, "found", (int64_t)found);
	return 1;
}

static int change(struct edit *e, struct err *err)
{
	AUTO(task_release) struct line_task t = {0};
	bool present = strcmp(argument_text(e->call, "state"), "present") == 0;

	e->msg = "";
	if (task_read(&t, e, err) < 0)
		return -1;
	int result = present ? make_present(&t, err) : make_absent(&t, err);
	if (e->changed)
		text_lines_join(&t.lines, &e->after);
	return result;
}

static int check_given(struct module_call *c, struct err *err)
{
	bool present = strcmp(argument_text(c, "state"), "present") == 0;
	const char *regexp = argument_text(c, "regexp");

	if (edit_exclusive(c, "insertbefore", "insertafter", err) < 0 ||
		edit_exclusive(c, "regexp", "search_string", err) < 0)
		return -1;
	if (argument_bool(c, "backrefs") && argument_text(c, "search_string"))
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: backrefs|search_string");
	if (present && argument_bool(c, "backrefs") && !regexp)
		return err_set(err, ERR_INPUT, "regexp is required with backrefs=true");
	if (present && !argument_text(c, "line"))
		return err_set(err, ERR_INPUT, "line is required with state=present");
	if (!present && !regexp && !argument_text(c, "search_string") &&
		!argument_text(c, "line"))
		return err_set(err, ERR_INPUT,
			"one of line, search_string, or regexp is required with state=absent");
	return 0;
}

/* Ansible warns of what matches every line. */
static void warn_of_empty(struct module_call *c)
{
	const char *regexp = argument_text(c, "regexp");
	const char *text = argument_text(c, "search_string");

	if (!(regexp && !*regexp) && !(text && !*text))
		return;
	struct value *warnings = value_new_list(c->arena);
	value_list_add(c->arena, warnings,
		value_new_stringf(c->arena,
			"The %s is an empty string, which will match every line in the file. "
			"This may have unintended consequences, such as replacing the last "
			"line in the file rather than appending.%s",
			regexp ? "regular expression" : "search string",
			regexp ? " If this is desired, use '^' to match every line in the file "
				 "and avoid this warning."
			       : ""));
	call_set(c, "warnings", warnings);
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(edit_release)
	struct edit e = {.call = c,
		.path = argument_text(c, "path"),
		.create = argument_bool(c, "create"),
		.before = STRBUF_INIT,
		.after = STRBUF_INIT};

	if (check_given(c, err) < 0)
		return -1;
	warn_of_empty(c);
	int result = edit_run(&e, change, err);
	if (result <= 0)
		return result;
	edit_tell(&e);
	edit_tell_diff(&e);
	call_set_text(c, "backup", e.backup ? e.backup : "");
	return 0;
}

const struct module module_lineinfile = {
	.name = "lineinfile",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
