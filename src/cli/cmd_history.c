/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet history: who changed which version when, and which runs brought it to hosts.
 */
#include "base/clock.h"
#include "cli/history.h"

static const char epilogue[] =
	"What was committed comes from the git log of the files that say versions and\n"
	"pins, what was done from this machine's journal of runs.\n"
	"exit codes: 0 done, 1 could not run";

struct history_words {
	const char *count, *since, *color;
};

static void read_options(const struct command *cmd, struct history *h,
	struct history_words *words, int argc, char **argv, struct strlist *rest)
{
	const struct option_spec options[] = {
		{'n', "entries", OPTION_STRING, "N", "the newest N entries (50)",
			&words->count},
		{0, "since", OPTION_STRING, "DATE", "nothing older, e.g. 2026-01-31",
			&words->since},
		SITE_WHOLE_OPTIONS(&h->site_options),
		{0, "json", OPTION_FLAG, NULL, "one JSON event a line", &h->json},
		{0, "color", OPTION_STRING, "WHEN", "auto, always or never", &words->color},
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [OPTIONS] [MODEL]", epilogue, options, argc, argv, rest);
}

/* A day (its first second, UTC) or a moment. */
static bool parse_since(const char *text, time_t *out)
{
	autofree char *moment =
		xasprintf("%s%s", text, clock_is_date(text) ? "T00:00:00Z" : "");

	return clock_parse_rfc3339(moment, out);
}

static int apply(struct history *h, const struct history_words *words,
	const struct strlist *rest, struct err *err)
{
	int64_t n = HISTORY_ENTRIES;

	if (rest->count > 1)
		return err_set(
			err, ERR_USAGE, "found the argument '%s' behind MODEL", rest->items[1]);
	if (words->count && !parse_int(words->count, 1, HISTORY_ENTRIES_MAX, &n))
		return err_set(err, ERR_USAGE,
			"-n: found '%s', expected a number of entries from 1 to %d",
			words->count, HISTORY_ENTRIES_MAX);
	if (words->since && !parse_since(words->since, &h->since))
		return err_set(err, ERR_USAGE,
			"--since: found '%s', expected a day as YYYY-MM-DD or a moment as "
			"YYYY-MM-DDTHH:MM:SSZ",
			words->since);
	if (words->color && !cli_set_color(words->color))
		return err_set(err, ERR_USAGE,
			"--color: found '%s', expected auto, always or never", words->color);
	h->model = rest->count ? rest->items[0] : NULL;
	h->max = (size_t)n;
	cli_verbosity(h->site_options.verbosity);
	return 0;
}

bool history_wants(const struct history *h, const char *model, time_t t)
{
	return t >= h->since && (!h->model || !model || strcmp(h->model, model) == 0);
}

/* Newest first; what was done behind what was committed in the same second. */
static int compare(const void *a, const void *b)
{
	const struct history_entry *x = a;
	const struct history_entry *y = b;

	if (x->time != y->time)
		return x->time < y->time ? 1 : -1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? 1 : -1;
	int by_id = strcmp(y->id, x->id);
	return by_id ? by_id : str_cmp0(x->model, y->model);
}

static void entry_release(struct history_entry *e)
{
	free(e->who);
	free(e->id);
	free(e->summary);
	free(e->file);
	free(e->model);
	free(e->from);
	free(e->to);
	strlist_release(&e->hosts);
	journal_run_release(&e->run);
}

static void history_release(struct history *h)
{
	for (size_t i = 0; i < h->entries.count; i++)
		entry_release(&h->entries.items[i]);
	free(h->entries.items);
	diags_release(&h->diags);
	site_release(&h->site);
	site_options_release(&h->site_options);
	arena_release(&h->arena);
}

static int look(struct history *h)
{
	int code = site_load(&h->site, &h->site_options);

	if (code != EXIT_OK)
		return code;
	history_read_git(h);
	history_read_runs(h);
	if (h->entries.count)
		qsort(h->entries.items, h->entries.count, sizeof(*h->entries.items), compare);
	cli_print_diags(&h->diags);
	history_print(h);
	return EXIT_OK;
}

static int run_history(const struct command *cmd, int argc, char **argv)
{
	AUTO(history_release) struct history h = {0};
	AUTO(strlist_release) struct strlist rest = {0};
	struct history_words words = {0};
	struct err err = {0};

	read_options(cmd, &h, &words, argc, argv, &rest);
	if (apply(&h, &words, &rest, &err) < 0)
		return cli_error(&err);
	site_default_playbook_dir(&h.site_options, &h.arena);
	return look(&h);
}

const struct command cmd_history = {
	.name = "history",
	.link_name = NULL,
	.summary = "Says who changed which version when",
	.run = run_history,
	.arguments = "MODEL",
};
