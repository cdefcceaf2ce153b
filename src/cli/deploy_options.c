/* SPDX-License-Identifier: Apache-2.0 */
/* The options of modelfleet deploy. */
#include "cli/deploy.h"

static const char epilogue[] =
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host failed or drifted,\n"
	"3 it went back, 4 a host was unreachable, 130 interrupted";

void deploy_read_options(const struct command *cmd, struct deploy *d, int argc, char **argv,
	struct strlist *rest)
{
	struct engine_options *e = &d->engine.o;
	struct deploy_options *o = &d->o;
	const struct option_spec options[] = {
		SITE_OPTIONS(&e->site),
		{'m', "models", OPTION_STRING, "A,B", "only these models", &o->models},
		{'t', "tags", OPTION_STRING, "A,B", "only these models, or tasks so tagged",
			&o->tags},
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&e->site.check},
		{'D', "diff", OPTION_FLAG, NULL, "show what changes in files", &e->site.diff},
		{0, "repair", OPTION_FLAG, NULL,
			"also put right what is newer or extra on a host", &o->repair},
		{0, "verify", OPTION_FLAG, NULL, "read every file on the hosts again",
			&o->verify},
		{0, "no-activate", OPTION_FLAG, NULL,
			"bring models, touch no config or service", &o->no_activate},
		{0, "limit-failed", OPTION_FLAG, NULL, "only hosts that the last run failed",
			&o->limit_failed},
		DEPLOY_ROLLOUT_OPTIONS(o),
		GROUP_CONNECTION,
		{0, "bwlimit", OPTION_STRING, "RATE",
			"bytes per second for all hosts together, e.g. 5M", &e->bwlimit},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [-l PATTERN] [OPTIONS]", epilogue, options, argc, argv,
		rest);
}

/* True for a number of hosts, and for a percentage of them. */
static bool is_batch(const char *word)
{
	char *end;

	double n = strtod(word, &end);
	if (strcmp(end, "%") == 0)
		return end > word && n > 0 && n <= 100;
	return *end == '\0' && strspn(word, "0123456789") == strlen(word) && n >= 1;
}

/* "1,25%,100%" as the list that `serial` takes. */
static int read_serial(struct deploy *d, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	struct arena *a = &d->run.arena;

	if (!d->o.serial)
		return 0;
	struct value *list = value_new_list(a);
	strlist_split(&words, d->o.serial, ",");
	for (size_t i = 0; i < words.count; i++) {
		if (!is_batch(words.items[i]))
			return err_set(err, ERR_USAGE,
				"--serial: found '%s', expected a number of hosts or a "
				"percentage of them, e.g. 1,25%%,100%%",
				words.items[i]);
		value_list_add(a, list, value_new_string(a, words.items[i]));
	}
	d->run.options.serial = list;
	return 0;
}

static int read_percentage(struct deploy *d, struct err *err)
{
	const char *text = d->o.max_fail_percentage;
	char *end;

	if (!text)
		return 0;
	double percent = strtod(text, &end);
	if (end == text || (*end && strcmp(end, "%") != 0) || !(percent >= 0) || percent > 100)
		return err_set(err, ERR_USAGE,
			"--max-fail-percentage: found '%s', expected a number from 0 to 100",
			text);
	d->run.options.max_fail_percentage = percent;
	return 0;
}

int deploy_apply_options(struct deploy *d, struct err *err)
{
	struct run_options *o = &d->run.options;
	double soak = 0;

	o->rollback_on_abort = d->o.rollback_on_abort;
	if (read_serial(d, err) < 0 || read_percentage(d, err) < 0 ||
		engine_read_seconds(d->o.soak, "soak", &soak, err) < 0 ||
		engine_read_seconds(
			d->o.confirm_timeout, "confirm-timeout", &o->confirm_timeout, err) < 0)
		return -1;
	if (soak > 0)
		o->soak = value_new_float(&d->run.arena, soak);
	o->sync.repair = d->o.repair;
	o->sync.rehash = d->o.verify;
	return 0;
}
