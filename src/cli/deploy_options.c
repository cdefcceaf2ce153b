/* SPDX-License-Identifier: Apache-2.0 */
/* The options of modelfleet deploy. */
#include "cli/deploy_command.h"

static const char epilogue[] =
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host failed or drifted,\n"
	"4 a host was unreachable, 130 interrupted";

void deploy_read_options(const struct command *cmd, struct deploy *d, int argc, char **argv,
	struct strlist *rest)
{
	struct engine_options *e = &d->engine.o;
	struct deploy_options *o = &d->o;
	const struct option_spec options[] = {
		SITE_OPTIONS(&e->site),
		{'m', "models", OPTION_STRING, "A,B", "only these models", &o->models},
		{'t', "tags", OPTION_STRING, "A,B", "only these models", &o->tags},
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&e->site.check},
		{0, "repair", OPTION_FLAG, NULL,
			"also put right what is newer or extra on a host", &o->repair},
		{0, "verify", OPTION_FLAG, NULL, "read every file on the hosts again",
			&o->verify},
		{0, "limit-failed", OPTION_FLAG, NULL, "only hosts that the last run failed",
			&o->limit_failed},
		{0, "bwlimit", OPTION_STRING, "RATE",
			"bytes per second for all hosts together, e.g. 5M", &e->bwlimit},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [-l PATTERN] [OPTIONS]", epilogue, options, argc, argv,
		rest);
}
