/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blockinfile: some lines between two markers.
 *
 * As in Ansible's module, text and patterns are bytes, and a line may also end with "\r".
 */
#include "play/modules/content.h"
#include "play/modules/edit.h"
#include "play/modules/modules.h"
#include "play/modules/text_lines.h"
#include "play/runner.h"
#include "text/regex.h"

static const char *const path_aliases[] = {"dest", "destfile", "name", NULL};
static const char *const block_aliases[] = {"content", NULL};
static const char *const states[] = {"absent", "present", NULL};

static const struct argument arguments[] = {
	{.name = "path", .type = ARGUMENT_PATH, .required = true, .aliases = path_aliases},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "marker", .fallback = "# {mark} ANSIBLE MANAGED BLOCK"},
	{.name = "block", .fallback = "", .aliases = block_aliases},
	{.name = "insertafter"},
	{.name = "insertbefore"},
	{.name = "create", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "validate"},
	{.name = "marker_begin", .fallback = "BEGIN"},
	{.name = "marker_end", .fallback = "END"},
	CONTENT_ATTRIBUTES,
	{0},
};

/* Where the block is, or goes. */
struct block_place {
	size_t at; /* in front of this line */
	bool found;
	size_t end; /* of a block that is there: behind its last line */
};

/* A marker's line: {mark} in it is one of the two words. */
static struct text_line marker_line(struct module_call *c, const char *word)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const char *marker = argument_text(c, "marker"), *mark;

	while ((mark = strstr(marker, "{mark}"))) {
		strbuf_add(&line, marker, (size_t)(mark - marker));
		strbuf_addstr(&line, argument_text(c, word));
		marker = mark + strlen("{mark}");
	}
	strbuf_addf(&line, "%s\n", marker);
	return (struct text_line){arena_strndup(c->arena, line.data, line.len), line.len};
}

static bool is_line(const struct text_line *a, const struct text_line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* The block between the last lines that are markers, in whichever order they stand. */
static void find_block(struct block_place *p, const struct text_lines *lines,
	const struct text_line *begin, const struct text_line *end)
{
	ptrdiff_t first = -1, last = -1;

	for (size_t i = 0; i < lines->count; i++) {
		if (is_line(&lines->items[i], begin))
			first = (ptrdiff_t)i;
		if (is_line(&lines->items[i], end))
			last = (ptrdiff_t)i;
	}
	p->found = first >= 0 && last >= 0;
	if (!p->found)
		return;
	p->at = (size_t)(first < last ? first : last);
	p->end = (size_t)(first < last ? last : first) + 1;
}

/* True for a pattern that begins with (?m) among its flags: it is about the whole text. */
static bool is_multiline(const char *pattern)
{
	if (!str_starts(pattern, "(?"))
		return false;
	size_t n = strspn(pattern + 2, "aiLmsux");
	return pattern[2 + n] == ')' && memchr(pattern + 2, 'm', n);
}

static size_t count_lines(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n';
	return count;
}

/* The number of the line that a pattern finds: 1 with it, 0 for none, -1 with err. */
static int find_line(const struct edit *e, const struct text_lines *lines, const char *pattern,
	bool after, size_t *line, struct err *err)
{
	AUTO(regex_cleanup)
	struct regex *re =
		regex_compile(pattern, strlen(pattern), REGEX_BYTES | REGEX_ASCII, err);
	struct regex_result match;
	int found = 0, rc = 0;

	if (!re)
		return err_wrap(err, "Invalid regular expression");
	if (is_multiline(pattern)) {
		found = regex_exec(
			re, REGEX_SEARCH, e->before.data, e->before.len, 0, &match, err);
		if (found > 0)
			*line = count_lines(e->before.data,
				after ? match.spans[0].end : match.spans[0].start);
		return found;
	}
	for (size_t i = 0; rc >= 0 && i < lines->count; i++) {
		rc = regex_exec(re, REGEX_SEARCH, lines->items[i].text, lines->items[i].len, 0,
			NULL, err);
		if (rc > 0) {
			*line = i;
			found = 1;
		}
	}
	return rc < 0 ? -1 : found;
}

/* Where a new block goes. */
static int find_place(const struct edit *e, const struct text_lines *lines,
	struct block_place *p, struct err *err)
{
	const char *after = argument_text(e->call, "insertafter");
	const char *before = argument_text(e->call, "insertbefore");
	size_t line = 0;

	if (before && strcmp(before, "BOF") == 0) {
		p->at = 0;
		return 0;
	}
	p->at = lines->count;
	if ((!after && !before) || (after && strcmp(after, "EOF") == 0))
		return 0;
	int found = find_line(e, lines, after ? after : before, after != NULL, &line, err);
	if (found > 0)
		p->at = line + (after != NULL);
	if (p->at > lines->count)
		p->at = lines->count;
	return found < 0 ? -1 : 0;
}

/* Puts the block with its markers in front of a line. */
static void insert_block(struct edit *e, struct text_lines *lines, size_t at,
	const struct text_line *begin, const struct text_line *end)
{
	const char *text = argument_text(e->call, "block");
	struct text_lines block = {0};

	struct text_line whole = text_line_ended(e->call->arena, text, strlen(text));
	text_lines_insert(lines, at++, *begin);
	text_lines_split(&block, whole.text, whole.len, true);
	for (size_t i = 0; i < block.count; i++)
		text_lines_insert(lines, at++, block.items[i]);
	text_lines_insert(lines, at, *end);
	text_lines_release(&block);
}

static bool wants_block(struct module_call *c)
{
	return strcmp(argument_text(c, "state"), "present") == 0 &&
	       *argument_text(c, "block") != 0;
}

static int rewrite(struct edit *e, struct text_lines *lines, struct err *err)
{
	struct module_call *c = e->call;
	struct text_line begin = marker_line(c, "marker_begin");
	struct text_line end = marker_line(c, "marker_end");
	struct block_place p = {0};

	find_block(&p, lines, &begin, &end);
	if (!p.found && find_place(e, lines, &p, err) < 0)
		return -1;
	if (p.found)
		text_lines_remove(lines, p.at, p.end);
	if (p.at > 0) {
		struct text_line *above = &lines->items[p.at - 1];
		*above = text_line_ended(c->arena, above->text, above->len);
	}
	if (wants_block(c))
		insert_block(e, lines, p.at, &begin, &end);
	return 0;
}

static int change(struct edit *e, struct err *err)
{
	AUTO(text_lines_release) struct text_lines lines = {0};
	struct module_call *c = e->call;
	bool present = strcmp(argument_text(c, "state"), "present") == 0;

	if (!e->exists && !e->create)
		return edit_no_file(e, 257,
			arena_printf(c->arena, "Path %s does not exist !", e->path), err);
	if (!e->exists && !present) {
		call_set_text(c, "msg", arena_printf(c->arena, "File %s not present", e->path));
		return 0;
	}
	text_lines_split(&lines, e->before.data, e->before.len, true);
	if (rewrite(e, &lines, err) < 0)
		return -1;
	text_lines_join(&lines, &e->after);
	e->changed = !e->exists || e->after.len != e->before.len ||
		     memcmp(e->after.data, e->before.data, e->after.len) != 0;
	e->msg = !e->changed      ? ""
		 : !e->exists     ? "File created"
		 : wants_block(c) ? "Block inserted"
				  : "Block removed";
	return 1;
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(edit_release)
	struct edit e = {.call = c,
		.path = argument_text(c, "path"),
		.create = argument_bool(c, "create"),
		.before = STRBUF_INIT,
		.after = STRBUF_INIT};

	if (edit_exclusive(c, "insertbefore", "insertafter", err) < 0)
		return -1;
	int result = edit_run(&e, change, err);
	if (result <= 0)
		return result;
	edit_tell(&e);
	edit_tell_diff(&e);
	if (e.backup)
		call_set_text(c, "backup_file", e.backup);
	return 0;
}

const struct module module_blockinfile = {
	.name = "blockinfile",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
