/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/service.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemons/notify.h"

/* ---- the command line ---- */

static void print_option(
	const char *letter, const char *name, const char *argument, const char *help)
{
	autofree char *words =
		xasprintf("%s%s%s", name, argument ? "=" : "", argument ? argument : "");

	printf("%s--%-16s  %s\n", letter, words, help);
}

static void print_help(const struct service_about *about, const struct service_option *table)
{
	printf("usage: %s [OPTIONS]\n\n%s\n\noptions:\n", about->name, about->purpose);
	for (const struct service_option *o = table; o->name; o++)
		print_option("      ", o->name, o->argument, o->help);
	print_option("      ", "version", NULL, "print the version and exit");
	print_option("  -h, ", "help", NULL, "show this and exit");
}

/* Fills getopt's table: an option's code is its index, from 1. */
static void fill(const struct service_option *table, struct option *longs)
{
	int n = 0;

	for (; table[n].name; n++)
		longs[n] = (struct option){table[n].name,
			table[n].argument ? required_argument : no_argument, NULL, n + 1};
	longs[n] = (struct option){"version", no_argument, NULL, 'V'};
	longs[n + 1] = (struct option){"help", no_argument, NULL, 'h'};
	longs[n + 2] = (struct option){0};
}

static void take(const struct service_option *o)
{
	if (o->argument)
		*o->value = optarg;
	else
		*o->flag = true;
}

static int misused(const struct service_about *about)
{
	fprintf(stderr, "Try '%s --help'.\n", about->name);
	return SERVICE_USAGE;
}

bool service_parse(const struct service_about *about, const struct service_option *table,
	int argc, char **argv, int *exit_code)
{
	struct option longs[SERVICE_OPTIONS_MAX + 3];
	bool help = false, version = false;

	fill(table, longs);
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
		if (c == '?') {
			*exit_code = misused(about);
			return false;
		}
		help = help || c == 'h';
		version = version || c == 'V';
		if (c != 'h' && c != 'V')
			take(&table[c - 1]);
	}
	*exit_code = SERVICE_DONE;
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument '%s'\n", about->name, argv[optind]);
		*exit_code = misused(about);
		return false;
	}
	if (help)
		print_help(about, table);
	else if (version)
		printf("%s %s\n", about->name, about->version);
	return !help && !version;
}

/* ---- the configuration ---- */

static void format(const struct diag *d, struct strbuf *line)
{
	diag_format(d, line);
	strbuf_rtrim(line);
}

int service_findings(const struct diags *diags, struct err *err)
{
	const struct diag *first = NULL;

	for (size_t i = 0; i < diags->count; i++) {
		AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
		const struct diag *d = &diags->items[i];
		format(d, &line);
		log_line(d->level == DIAG_ERROR ? LOG_ERROR : LOG_WARNING, "%s", line.data);
		if (!first && d->level == DIAG_ERROR)
			first = d;
	}
	if (!first)
		return 0;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	format(first, &text);
	return err_set(err, ERR_INPUT, "%s", text.data);
}

bool service_looks_alike(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- signals ---- */

static struct service *running; /* for the handler, which gets nothing else */
static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

static void on_signal(int number)
{
	const uint64_t one = 1;
	int saved = errno;

	if (number == SIGHUP) {
		running->reload = 1;
		(void)!write(running->wake, &one, sizeof(one));
	} else {
		cancel_request(&running->cancel);
	}
	errno = saved;
}

int service_start(struct service *s, int wake, struct err *err)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	*s = (struct service){.wake = wake >= 0 ? dup(wake) : eventfd(0, EFD_CLOEXEC)};
	if (s->wake < 0)
		return err_sys(err, "eventfd");
	if (fd_set_nonblock(s->wake, true) < 0 || cancel_init(&s->cancel, err) < 0) {
		close(s->wake);
		return -1;
	}
	s->cancel.pulse = notify_alive;
	s->cancel.pulse_every = notify_interval();
	running = s;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	return 0;
}

void service_wait(struct service *s, deadline until)
{
	struct pollfd wake = {.fd = s->wake, .events = POLLIN};
	uint64_t count;

	(void)wait_fds(&wake, 1, until, &s->cancel, NULL);
	(void)!read(s->wake, &count, sizeof(count));
}

void service_release(struct service *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		signal(numbers[i], SIG_DFL);
	running = NULL;
	close(s->wake);
	cancel_release(&s->cancel);
}
