/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#define COLUMN 30

static void add_line(struct strbuf *out, const char *left, const char *help)
{
	if (strlen(left) + 1 < COLUMN)
		strbuf_addf(out, "%-*s%s\n", COLUMN, left, help);
	else
		strbuf_addf(out, "%s\n%*s%s\n", left, COLUMN, "", help);
}

static void add_option(struct strbuf *out, const struct option_spec *o)
{
	AUTO(strbuf_release) struct strbuf left = STRBUF_INIT;

	if (o->letter)
		strbuf_addf(&left, "  -%c", o->letter);
	else
		strbuf_addstr(&left, "    ");
	if (o->name)
		strbuf_addf(&left, "%s --%s", o->letter ? "," : " ", o->name);
	if (o->value)
		strbuf_addf(&left, " %s", o->value);
	add_line(out, left.data, o->help);
}

/* The options of one group; NULL: those of none. Returns how many there are. */
static size_t add_group(
	struct strbuf *out, const struct option_spec *options, const char *group)
{
	const char *at = NULL;
	size_t count = 0;

	for (const struct option_spec *o = options; o->help; o++) {
		if (o->kind == OPTION_GROUP) {
			at = o->value;
		} else if (str_cmp0(at, group) == 0 && *o->help) {
			add_option(out, o);
			count++;
		}
	}
	return count;
}

/* True where a group begins for the first time. */
static bool begins_group(const struct option_spec *options, const struct option_spec *o)
{
	if (o->kind != OPTION_GROUP || !o->value)
		return false;
	for (const struct option_spec *before = options; before < o; before++)
		if (before->kind == OPTION_GROUP && str_cmp0(before->value, o->value) == 0)
			return false;
	return true;
}

enum fold { FOLD_NOTHING, FOLD_GROUPS, FOLD_UNDER_TITLES };

static void add_groups(struct strbuf *out, const struct option_spec *options, enum fold fold)
{
	for (const struct option_spec *o = options; o->help; o++) {
		if (!begins_group(options, o))
			continue;
		if (fold == FOLD_GROUPS) {
			autofree char *left = xasprintf("      --help=%s", o->value);
			add_line(out, left, o->help);
			continue;
		}
		if (fold == FOLD_UNDER_TITLES)
			strbuf_addf(out, "\n%s: %s:\n", o->value, o->help);
		add_group(out, options, o->value);
	}
}

static void add_page(const struct help_page *p, enum fold fold, struct strbuf *out)
{
	const char *name = p->cmd->link_name ? p->cmd->link_name : p->cmd->name;

	strbuf_addf(out, "usage: %s%s %s\n\n%s.\n\noptions:\n",
		p->cmd->link_name ? "" : "modelfleet ", name, p->usage, p->cmd->summary);
	add_group(out, p->options, NULL);
	if (fold == FOLD_NOTHING)
		add_groups(out, p->options, fold);
	if (fold == FOLD_GROUPS) {
		add_line(out, "  -h, --help[=all]", "show this, or all options, and exit");
		add_groups(out, p->options, fold);
	} else {
		add_line(out, "  -h, --help", "show this and exit");
	}
	if (fold == FOLD_UNDER_TITLES)
		add_groups(out, p->options, fold);
	if (p->epilogue)
		strbuf_addf(out, "\n%s\n", p->epilogue);
}

static size_t count_lines(const struct strbuf *text)
{
	size_t count = 0;

	for (size_t i = 0; i < text->len; i++)
		count += text->data[i] == '\n';
	return count;
}

int help_add(const struct help_page *page, const char *topic, struct strbuf *out)
{
	if (topic && strcmp(topic, "all") != 0)
		return *topic && add_group(out, page->options, topic) ? 0 : -1;
	if (topic) {
		add_page(page, FOLD_UNDER_TITLES, out);
		return 0;
	}
	AUTO(strbuf_release) struct strbuf whole = STRBUF_INIT;
	add_page(page, FOLD_NOTHING, &whole);
	if (count_lines(&whole) <= HELP_LINES)
		strbuf_add(out, whole.data, whole.len);
	else
		add_page(page, FOLD_GROUPS, out);
	return 0;
}
