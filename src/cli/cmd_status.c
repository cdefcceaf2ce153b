/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet fleet-status, also fleet-status: what every host has beside what it is to have,
 * and how its services are. Looks, and changes nothing: neither the site's lock nor a lease is
 * taken, so that it may run beside a deploy.
 */
#include "cli/status.h"
#include "cli/tell.h"

#define INTERVAL     5.0
#define INTERVAL_MIN 0.1

static const char epilogue[] =
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host differs,\n"
	"4 a host is away, 130 interrupted";

static void read_options(const struct command *cmd, struct status *s, const char **interval,
	int argc, char **argv, struct strlist *rest)
{
	struct engine_options *e = &s->engine.o;
	const struct option_spec options[] = {
		SITE_OPTIONS(&e->site),
		{'m', "models", OPTION_STRING, "A,B", "only these models", &s->models},
		{0, "verify", OPTION_FLAG, NULL, "have the hosts read every file again",
			&s->verify},
		{'a', "all", OPTION_FLAG, NULL, "every host by itself, with all its models",
			&s->all},
		{'w', "watch", OPTION_FLAG, NULL, "again and again, or --watch SECONDS",
			&s->watch},
		{0, "interval", OPTION_STRING, "SECONDS", "between two rounds (5)", interval},
		{0, "metrics", OPTION_STRING, "FILE", "write a textfile for node_exporter",
			&s->metrics},
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [OPTIONS] [HOST|GROUP...]", epilogue, options, argc,
		argv, rest);
}

/*
 * `--watch` may have a number of seconds behind it, which options with a value that may be left
 * out cannot have: it becomes --interval.
 */
static void split_watch(int argc, char **argv, struct strlist *out)
{
	double seconds;

	for (int i = 0; i < argc; i++) {
		bool attached = str_starts(argv[i], "--watch=");
		strlist_add(out, attached ? "--watch" : argv[i]);
		if (attached)
			strlist_addf(out, "--interval=%s", argv[i] + strlen("--watch="));
		else if (strcmp(argv[i], "--") == 0)
			while (++i < argc)
				strlist_add(out, argv[i]);
		else if (strcmp(argv[i], "--watch") == 0 && i + 1 < argc &&
			 engine_read_seconds(argv[i + 1], "watch", &seconds, NULL) == 0)
			strlist_addf(out, "--interval=%s", argv[++i]);
	}
}

static int read_interval(struct status *s, const char *text, struct err *err)
{
	s->interval = INTERVAL;
	if (text && !s->watch)
		return err_set(err, ERR_USAGE, "--interval is for --watch");
	if (engine_read_seconds(text, "watch", &s->interval, err) < 0)
		return -1;
	if (s->interval < INTERVAL_MIN)
		s->interval = INTERVAL_MIN;
	return 0;
}

static void print_round(const struct status *s, int code)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct status_page page = {
		.all = s->all,
		.width = status_terminal().ws_col,
		.now = time(NULL),
	};

	if (s->engine.o.json)
		status_add_json(s, code, &out);
	else
		status_add_page(s, &page, &out);
	fwrite(out.data, 1, out.len, stdout);
}

/* The exit code, or -1 with err. */
static int look(struct status *s, const struct strlist *words, struct err *err)
{
	if (engine_prepare(&s->engine, err) < 0 || status_prepare(s, words, err) < 0)
		return -1;
	s->tell = tell_open(&s->engine.site.config, &(struct tell_about){0});
	if (s->watch)
		return status_watch(s, words, err);
	if (status_round(s, err) < 0)
		return -1;
	int code = status_exit_code(s);
	print_round(s, code);
	return status_write_metrics(s, err) < 0 ? -1 : code;
}

static int run_status(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0}, words = {0};
	struct status s = {0};
	const char *interval = NULL;
	struct err err = {0};

	if (engine_init(&s.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	split_watch(argc, argv, &words);
	read_options(cmd, &s, &interval, (int)words.count, words.items, &rest);
	int code = read_interval(&s, interval, &err) < 0 ? cli_error(&err)
							 : engine_start(&s.engine);
	if (code == EXIT_OK) {
		code = look(&s, &rest, &err);
		if (code < 0)
			code = engine_fail(&err);
	}
	tell_close(s.tell);
	status_forget(&s);
	engine_release(&s.engine);
	return code;
}

const struct command cmd_status = {
	.name = "fleet-status",
	.link_name = "fleet-status",
	.summary = "Shows what every host has, and how its services are",
	.run = run_status,
	.arguments = "PATTERN...",
};
