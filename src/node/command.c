/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module command: a program by its arguments, or a line for a shell. Its exit status is
 * told, not judged.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/spawn.h"
#include "node/module.h"
#include "node/pattern.h"
#include "node/scratch.h"
#include "node/words.h"

#define OUTPUT_MAX (1u << 20) /* bytes of each stream, unless asked otherwise */
#define OUTPUT_CAP 1900000    /* two of them fit a result */

const struct node_arg command_args[] = {
	{"argv", ARG_LIST},
	{"line", ARG_TEXT},
	{"script", ARG_CONTENT},
	{"script_name", ARG_TEXT},
	{"shell", ARG_TEXT},
	{"chdir", ARG_TEXT},
	{"creates", ARG_TEXT},
	{"removes", ARG_TEXT},
	{"stdin", ARG_TEXT | ARG_BYTES},
	{"environment", ARG_DICT},
	{"output_max", ARG_INT},
	{"reads", ARG_BOOL},
	{"expand", ARG_BOOL},
	{"strip", ARG_BOOL},
	{NULL, 0},
};

struct command {
	const char *const *argv;
	const char *line;       /* NULL: argv is the command as it was given */
	struct scratch scratch; /* holds a script */
	struct call_program program;
	struct timespec start, end;
};

/* A script that came along gets a place; *path, for the line, is "$0". */
static int read_script(
	struct node_call *c, struct command *k, const char **path, struct err *err)
{
	const char *name = call_text_or_null(c, "script_name");
	struct change_content content;
	int given = call_content(c, "script", &content, err);

	if (given <= 0)
		return given;
	*path = scratch_put(&k->scratch, c->arena, name ? name : "script", &content, err);
	if (!*path)
		return -1;
	return chmod(*path, 0700) < 0 ? err_sys(err, "make %s executable", *path) : 0;
}

/* argv as it was given, or a shell with the line. */
static int read_argv(struct node_call *c, struct command *k, struct err *err)
{
	const char *shell = call_text_or_null(c, "shell");
	const char **argv;

	k->line = call_text_or_null(c, "line");
	k->argv = call_list(c, "argv", err);
	if (!k->argv)
		return -1;
	if (!k->line == !k->argv[0])
		return err_set(err, ERR_INPUT, "a command needs either \"argv\" or \"line\"");
	if (!k->line)
		return 0;
	argv = arena_array(c->arena, 5, sizeof(*argv));
	argv[0] = shell ? shell : "/bin/sh";
	argv[1] = "-c";
	argv[2] = k->line;
	k->argv = argv;
	return read_script(c, k, &argv[3], err);
}

/* The task's environment; numbers and booleans have been made texts by the engine. */
static int read_environment(struct node_call *c, struct command *k, struct err *err)
{
	k->program.env = call_environment(c, NULL, err);
	return k->program.env ? 0 : -1;
}

/* Ansible expands variables and homes in arguments, though there is no shell. */
static void expand_arguments(struct node_call *c, struct command *k)
{
	autofree char **env = spawn_environment(k->program.env);
	size_t count = 0;

	while (k->argv[count])
		count++;
	const char **expanded = arena_array(c->arena, count + 1, sizeof(*expanded));
	for (size_t i = 0; i < count; i++)
		expanded[i] = call_expand(c, words_expand(c->arena, k->argv[i], env));
	k->program.argv = expanded;
}

static int read_command(struct node_call *c, struct command *k, struct err *err)
{
	const struct item *input = item_get(c->args, "stdin");
	int64_t max = item_int(c->args, "output_max", OUTPUT_MAX);

	if (read_argv(c, k, err) < 0 || read_environment(c, k, err) < 0 ||
		call_path_or_null(c, "chdir", &k->program.cwd, err) < 0)
		return -1;
	if (max < 0 || max > OUTPUT_CAP)
		return err_set(err, ERR_LIMIT, "output_max is not within 0 and %d", OUTPUT_CAP);
	k->program.output_max = (size_t)max;
	if (k->line || !item_bool(c->args, "expand", true))
		k->program.argv = k->argv;
	else
		expand_arguments(c, k);
	if (input && input->type != ITEM_NULL) {
		k->program.input = input->text;
		k->program.input_len = input->len;
	}
	return 0;
}

/* True if a pattern names something; relative ones count from chdir. */
static bool names_something(struct node_call *c, const struct command *k, const char *pattern)
{
	pattern = call_expand(c, pattern);
	if (*pattern != '/' && k->program.cwd)
		pattern = arena_printf(c->arena, "%s/%s", k->program.cwd, pattern);
	return pattern_exists(pattern);
}

static void tell_cmd(struct node_call *c, const struct command *k)
{
	if (k->line) {
		item_put_string(c->out, "cmd", k->line);
		return;
	}
	item_open_list(c->out, "cmd");
	for (const char *const *word = k->argv; *word; word++)
		item_put_string(c->out, NULL, *word);
	item_close(c->out);
}

/* A result without a run: the keys that a run has as well, with nothing in them. */
static int tell_not_run(struct node_call *c, const struct command *k, int rc, bool changed,
	const char *says, const char *msg)
{
	item_put_bool(c->out, "changed", changed);
	item_put_int(c->out, "rc", rc);
	item_put_string(c->out, "stdout", says);
	item_put_string(c->out, "stderr", "");
	item_put_string(c->out, "msg", msg);
	item_put_null(c->out, "start");
	item_put_null(c->out, "end");
	item_put_null(c->out, "delta");
	tell_cmd(c, k);
	return 0;
}

/* creates and removes: true when the command is not to be run, which is told. */
static bool is_done(struct node_call *c, const struct command *k)
{
	static const struct {
		const char *key, *says;
		bool there;
	} conditions[] = {{"creates", "exists", true}, {"removes", "does not exist", false}};

	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		const char *pattern = call_text_or_null(c, conditions[i].key);
		if (!pattern || names_something(c, k, pattern) != conditions[i].there)
			continue;
		const char *says = conditions[i].says;
		tell_not_run(c, k, 0, false,
			arena_printf(c->arena, "skipped, since %s %s", pattern, says),
			arena_printf(c->arena, "%s not run command since '%s' %s",
				c->check ? "Would" : "Did", pattern, says));
		return true;
	}
	return false;
}

/* "2026-02-25 21:00:00.123456" in local time, without the fraction when it is zero: Python's
 * str() of a datetime. */
static void tell_time(struct node_call *c, const char *key, const struct timespec *t)
{
	char text[32];
	struct tm tm;
	long us = t->tv_nsec / 1000;

	localtime_r(&t->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	if (us)
		item_put_stringf(c->out, key, "%s.%06ld", text, us);
	else
		item_put_string(c->out, key, text);
}

/* "1 day, 0:00:01.003123": Python's str() of a timedelta. */
static void tell_delta(struct node_call *c, const struct command *k)
{
	int64_t us = (k->end.tv_sec - k->start.tv_sec) * 1000000LL + k->end.tv_nsec / 1000 -
		     k->start.tv_nsec / 1000;
	int64_t s = us / 1000000, days = s / 86400;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (us < 0) /* the clock was set back meanwhile */
		us = s = days = 0;
	if (days)
		strbuf_addf(&text, "%lld day%s, ", (long long)days, days == 1 ? "" : "s");
	strbuf_addf(&text, "%d:%02d:%02d", (int)(s % 86400 / 3600), (int)(s % 3600 / 60),
		(int)(s % 60));
	if (us % 1000000)
		strbuf_addf(&text, ".%06d", (int)(us % 1000000));
	item_put_string(c->out, "delta", text.data);
}

/* What a program printed, without the line ends at its end where that was asked for. */
static void tell_output(struct node_call *c, const char *key, const struct strbuf *b)
{
	size_t n = b->len;

	while (n > 0 && item_bool(c->args, "strip", false) &&
		(b->data[n - 1] == '\n' || b->data[n - 1] == '\r'))
		n--;
	item_put_stringn(c->out, key, b->data, n);
}

static void tell_run(struct node_call *c, const struct command *k)
{
	const struct call_program *p = &k->program;

	item_put_bool(c->out, "changed", true);
	item_put_int(c->out, "rc", p->status);
	tell_output(c, "stdout", &p->out);
	tell_output(c, "stderr", &p->err);
	item_put_bool(c->out, "stdout_cut", p->out_cut);
	item_put_bool(c->out, "stderr_cut", p->err_cut);
	item_put_string(c->out, "msg", p->status ? "non-zero return code" : "");
	tell_time(c, "start", &k->start);
	tell_time(c, "end", &k->end);
	tell_delta(c, k);
	tell_cmd(c, k);
}

/* A program that cannot be started is a result too: rc is then the system's error number. */
static int tell_start_failure(
	struct node_call *c, const struct command *k, const struct err *why, struct err *err)
{
	int number = why->code == ERR_NOTFOUND ? ENOENT : why->sys;

	if (number == 0 || (why->code != ERR_NOTFOUND && why->code != ERR_DENIED &&
				   why->code != ERR_SYSTEM)) {
		*err = *why;
		return -1;
	}
	return tell_not_run(c, k, number, false, "",
		arena_printf(c->arena, "[Errno %d] %s: b'%s'", number, strerror(number),
			k->argv[0]));
}

static int run(struct node_call *c, struct command *k, struct err *err)
{
	struct err why = {0};
	bool reads = item_bool(c->args, "reads", false);

	/* Not its words, which may hold secrets: notes stay on the node's disk. */
	if (!reads && transaction_record_note(call_transaction(c),
			      k->line ? "ran a line of the shell"
				      : arena_printf(c->arena, "ran %s", k->argv[0]),
			      err) < 0)
		return -1;
	clock_gettime(CLOCK_REALTIME, &k->start);
	int result = call_run(c, &k->program, &why);
	clock_gettime(CLOCK_REALTIME, &k->end);
	if (result == 0)
		tell_run(c, k);
	else
		result = tell_start_failure(c, k, &why, err);
	call_program_release(&k->program);
	return result;
}

static int run_or_tell(struct node_call *c, struct command *k, struct err *err)
{
	if (k->program.cwd && !path_is_dir(k->program.cwd))
		return err_set(err, ERR_NOTFOUND,
			"Unable to change directory before execution: %s is no directory",
			k->program.cwd);
	if (is_done(c, k))
		return 0;
	if (!c->check)
		return run(c, k, err);
	/* Whether something would change is only known where creates or removes ask for it. */
	bool asked = call_text_or_null(c, "creates") || call_text_or_null(c, "removes");
	item_put_bool(c->out, "skipped", !asked);
	return tell_not_run(c, k, 0, asked, "", "Command would have run if not in check mode");
}

int node_command(struct node_call *c, struct err *err)
{
	struct command k = {0};
	int result = read_command(c, &k, err) < 0 ? -1 : run_or_tell(c, &k, err);

	scratch_release(&k.scratch);
	return result;
}
