/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reboot: a host is booted again, and waited for until it answers from another boot. Other
 * hosts of its batch go on meanwhile.
 *
 * Whatever goes wrong while the host goes down and comes up (connections that end, are refused
 * or time out, logins that are not let in yet) is tried again until the time is over.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/run_state.h"

#define FIRST_PAUSE 0.5 /* seconds between two tries, each next one twice as long, */
#define LAST_PAUSE  4.0 /* up to this */
#define TRY_TIME    60  /* seconds until a host that does not answer is asked anew */

static const struct argument arguments[] = {
	{.name = "boot_time_command", .fallback = "cat /proc/sys/kernel/random/boot_id"},
	{.name = "connect_timeout", .type = ARGUMENT_INT},
	{.name = "msg", .fallback = "Reboot initiated by Ansible"},
	{.name = "post_reboot_delay", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "pre_reboot_delay", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "reboot_command"},
	{.name = "reboot_timeout", .type = ARGUMENT_INT, .fallback = "600"},
	{.name = "search_paths",
		.type = ARGUMENT_LIST,
		.fallback = "/sbin,/bin,/usr/sbin,/usr/bin,/usr/local/sbin"},
	{.name = "test_command", .fallback = "whoami"},
	{0},
};

/* What a line of the shell printed and how it ended. */
struct said {
	int64_t rc;
	const char *out, *err;
};

static const char *text_of(const struct value *answer, const char *key)
{
	const char *text = value_text(value_dict_get(answer, key));

	return text ? text : "";
}

/* Runs a line on the host, as the task's user. */
static int run_line(
	struct module_call *c, const char *line, bool reads, struct said *said, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "line", value_new_string(c->arena, line));
	value_dict_set(c->arena, args, "reads", value_bool(reads));
	value_dict_set(c->arena, args, "strip", &value_true);
	const struct value *answer = runner_ask_node(c, "command", args, err);
	if (!answer)
		return -1;
	const struct value *rc = value_dict_get(answer, "rc");
	*said = (struct said){.rc = rc && rc->kind == VALUE_INT ? rc->integer : -1,
		.out = text_of(answer, "stdout"),
		.err = text_of(answer, "stderr")};
	return 0;
}

/* What tells this boot from others; NULL with err. */
static const char *boot_id(struct module_call *c, struct err *err)
{
	struct said said;

	if (run_line(c, argument_text(c, "boot_time_command"), true, &said, err) < 0)
		return NULL;
	if (said.rc == 0)
		return said.out;
	err_set(err, ERR_SYSTEM,
		"%s: failed to get host boot time info, rc: %lld, stdout: %s, stderr: %s",
		c->step->task->module_name, (long long)said.rc, said.out, said.err);
	return NULL;
}

/* ---- the command ---- */

/* The path of a program in the search paths; NULL where none has it, or with err. */
static const char *find_program(struct module_call *c, const char *name, struct err *err)
{
	struct value *args = value_new_dict(c->arena), *patterns = value_new_list(c->arena);

	value_list_add(c->arena, patterns, value_new_string(c->arena, name));
	value_dict_set(c->arena, args, "paths", argument_value(c, "search_paths"));
	value_dict_set(c->arena, args, "patterns", patterns);
	value_dict_set(c->arena, args, "file_type", value_new_string(c->arena, "any"));
	const struct value *answer = runner_ask_node(c, "find", args, err);
	const struct value *files = answer ? value_dict_get(answer, "files") : NULL;
	if (!files || files->kind != VALUE_LIST || files->count == 0)
		return NULL;
	const struct value *first = files->items[0]; /* a list that begins with the path */
	return first->kind == VALUE_LIST && first->count ? value_text(first->items[0]) : NULL;
}

/* "[/sbin, /bin]" for a message. */
static const char *paths_text(struct module_call *c)
{
	const struct value *paths = argument_value(c, "search_paths");
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	value_list_foreach (path, paths)
		strbuf_addf(&text, "%s'%s'", text.len ? ", " : "",
			value_text(path) ? value_text(path) : "");
	return arena_printf(c->arena, "[%s]", text.data);
}

/* The words behind the program: those that were given, or when and why. */
static const char *words_of(struct module_call *c, const char *program, const char *given)
{
	double delay = argument_number(c, "pre_reboot_delay", 0);
	AUTO(strbuf_release) struct strbuf words = STRBUF_INIT;

	if (given)
		return given;
	if (strcmp(program, "shutdown") != 0)
		return "";
	strbuf_addf(&words, "-r %d ", delay > 0 ? (int)(delay / 60) : 0);
	strbuf_addshell(&words, argument_text(c, "msg"));
	return arena_strdup(c->arena, words.data);
}

/*
 * The line that boots the host: `reboot_command`, else shutdown, else (where a host has none,
 * as Alpine) reboot. NULL with err.
 */
static const char *reboot_line(struct module_call *c, struct err *err)
{
	const char *given = argument_text(c, "reboot_command");
	size_t n = given ? strcspn(given, " ") : 0;
	const char *program = given ? arena_strndup(c->arena, given, n) : "shutdown";
	const char *words = given && given[n] ? given + n + 1 : given ? "" : NULL;
	struct err why = {0};

	const char *path = *program == '/' ? program : find_program(c, program, &why);
	if (!path && !given && why.code == ERR_NONE) {
		path = find_program(c, "reboot", &why);
		program = path ? "reboot" : program;
	}
	if (path)
		return arena_printf(c->arena, "%s %s", path, words_of(c, program, words));
	if (why.code != ERR_NONE)
		err_set(err, why.code, "%s", why.text);
	else
		err_set(err, ERR_NOTFOUND, "Unable to find command \"%s\" in search paths: %s",
			program, paths_text(c));
	return NULL;
}

/* Boots it. A connection that ends before it has answered is what is to be expected. */
static int boot(struct module_call *c, const char *line, struct err *err)
{
	struct said said = {0};
	struct err why = {0};

	if (run_line(c, line, false, &said, &why) < 0 && why.code != ERR_UNREACHABLE)
		return err_set(err, why.code, "%s", why.text);
	c->runner->now->lost = false;
	if (said.rc == 0)
		return 0;
	call_set_bool(c, "rebooted", false);
	return err_set(err, ERR_SYSTEM, "Reboot command failed. Error was: '%s, %s'", said.out,
		said.err);
}

/* ---- waiting ---- */

/* Whether the host answers from another boot: 1, 0, or -1 with err. */
static int is_another_boot(struct module_call *c, const char *former, struct err *err)
{
	const char *id = boot_id(c, err);

	return id ? *id && strcmp(id, former) != 0 : -1;
}

/* Whether the test command succeeds. */
static int passes_test(struct module_call *c, const char *former, struct err *err)
{
	struct said said;

	(void)former;
	if (run_line(c, argument_text(c, "test_command"), true, &said, err) < 0)
		return -1;
	return said.rc == 0;
}

/* Leaves the line to a host that is going down, or is not up yet; the next use opens another.
 */
static void leave(struct module_call *c)
{
	static const struct err why = {.code = ERR_CANCELLED};

	runner_break_link(c, &why);
	c->runner->now->lost = false;
}

/* Tries until something holds: 0, or -1 with err when the time is over. */
static int wait_for(struct module_call *c, const char *what,
	int (*holds)(struct module_call *c, const char *former, struct err *err),
	const char *former, struct err *err)
{
	double limit = argument_number(c, "reboot_timeout", 0), pause = FIRST_PAUSE;
	deadline whole = c->until;
	deadline end = deadline_min(deadline_in(limit > 0 ? limit : 0), whole);

	while (!deadline_passed(end)) {
		struct err why = {0};
		c->until = deadline_min(end, deadline_in(TRY_TIME));
		int is = holds(c, former, &why);
		c->until = whole;
		if (is > 0)
			return 0;
		leave(c);
		if (why.code == ERR_CANCELLED)
			return err_set(err, why.code, "%s", why.text);
		deadline next = deadline_min(end, deadline_in(pause));
		if (wait_until(next, runner_soft_cancel(c->runner), err) < 0)
			return -1;
		pause = pause * 2 < LAST_PAUSE ? pause * 2 : LAST_PAUSE;
	}
	return err_set(err, ERR_TIMEOUT, "Timed out waiting for %s (timeout=%g)", what, limit);
}

static int come_back(struct module_call *c, const char *former, struct err *err)
{
	double delay = argument_number(c, "post_reboot_delay", 0);

	leave(c);
	if (delay > 0 && wait_until(deadline_in(delay), runner_soft_cancel(c->runner), err) < 0)
		return -1;
	call_set_bool(c, "rebooted", true);
	if (wait_for(c, "last boot time check", is_another_boot, former, err) < 0 ||
		wait_for(c, "post-reboot test command", passes_test, former, err) < 0)
		return -1;
	call_set_bool(c, "changed", true);
	return 0;
}

static int run_it(struct module_call *c, struct err *err)
{
	const char *former = boot_id(c, err);

	if (!former) {
		call_set_bool(c, "reboot", false);
		return -1;
	}
	const char *line = reboot_line(c, err);
	if (!line)
		return -1;
	int64_t start = clock_ns();
	int result = boot(c, line, err);
	if (result == 0)
		result = come_back(c, former, err);
	call_set_int(c, "elapsed", (clock_ns() - start) / 1000000000);
	return result;
}

static int run(struct module_call *c, struct err *err)
{
	struct execution *x = c->runner->now;

	x->connect_timeout = argument_number(c, "connect_timeout", 0);
	call_set_bool(c, "changed", false);
	const struct line *line = runner_line(c->runner, x, err);
	if (!line)
		return -1;
	if (line->connection->link.transport == LINK_LOCAL) {
		call_set_int(c, "elapsed", 0);
		call_set_bool(c, "rebooted", false);
		return err_set(err, ERR_UNSUPPORTED,
			"Running %s with local connection would reboot the control node.",
			c->step->task->module_name);
	}
	if (!c->check)
		return run_it(c, err);
	call_set_bool(c, "changed", true);
	call_set_int(c, "elapsed", 0);
	call_set_bool(c, "rebooted", true);
	return 0;
}

const struct module module_reboot = {
	.name = "reboot",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_ENDS_TRANSACTION,
	.run = run,
};
