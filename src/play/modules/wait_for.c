/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_for: until a port answers or falls silent, a file is there or gone, or time has passed.
 */
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/wait_search.h"
#include "play/runner.h"

static const char *const states[] = {
	"started", "present", "stopped", "absent", "drained", NULL};

static const struct argument arguments[] = {
	{.name = "host", .fallback = "127.0.0.1"},
	{.name = "port", .type = ARGUMENT_INT},
	{.name = "path", .type = ARGUMENT_PATH},
	{.name = "state", .fallback = "started", .choices = states},
	{.name = "search_regex"},
	{.name = "timeout", .type = ARGUMENT_INT, .fallback = "300"},
	{.name = "connect_timeout", .type = ARGUMENT_INT, .fallback = "5"},
	{.name = "delay", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "sleep", .type = ARGUMENT_INT, .fallback = "1"},
	{.name = "msg"},
	{.name = "exclude_hosts", .type = ARGUMENT_LIST},
	{.name = "active_connection_states",
		.type = ARGUMENT_LIST,
		.fallback = "ESTABLISHED,FIN_WAIT1,FIN_WAIT2,SYN_RECV,SYN_SENT,TIME_WAIT"},
	{0},
};

static const char *const forwarded[] = {"host", "port", "path", "state", "timeout",
	"connect_timeout", "delay", "sleep", "exclude_hosts", "active_connection_states", NULL};

static int check_given(struct module_call *c, struct err *err)
{
	const char *state = argument_text(c, "state");
	bool only_port = strcmp(state, "stopped") == 0 || strcmp(state, "drained") == 0;
	bool path = argument_text(c, "path") != NULL;
	double port = argument_number(c, "port", 1);

	if (path && argument_number(c, "port", 0) > 0)
		return err_set(err, ERR_INPUT,
			"port and path parameter can not both be passed to wait_for");
	if (path && only_port)
		return err_set(err, ERR_INPUT,
			"state=%s should only be used for checking a port in the wait_for "
			"module",
			state);
	if (argument_value(c, "exclude_hosts") && strcmp(state, "drained") != 0)
		return err_set(
			err, ERR_INPUT, "exclude_hosts should only be with state=drained");
	if (port < 1 || port > 65535)
		return err_set(err, ERR_INPUT, "port: expected 1 to 65535");
	return 0;
}

/* What the result of a wait that came to its end tells. */
static void complete_result(struct module_call *c)
{
	static const char *const told[] = {"state", "port", "path", "search_regex"};

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		const struct value *v = argument_value(c, told[i]);
		call_set(c, told[i], v ? v : &value_null);
	}
	if (value_dict_get(c->result, "match_groups"))
		return;
	call_set(c, "match_groups", value_new_list(c->arena));
	call_set(c, "match_groupdict", value_new_dict(c->arena));
}

static int ask(struct module_call *c, const char *regex, struct err *err)
{
	struct value *args = forward_arguments(c, forwarded);

	if (regex)
		value_dict_set(c->arena, args, "search", value_new_string(c->arena, regex));
	return runner_ask_node(c, "wait", args, err) ? 0 : -1;
}

static int run(struct module_call *c, struct err *err)
{
	const char *regex = argument_text(c, "search_regex");
	const char *state = argument_text(c, "state");
	const char *msg = argument_text(c, "msg");
	bool starting = strcmp(state, "started") == 0 || strcmp(state, "present") == 0;
	int64_t start = clock_ns();
	int rc;

	if (check_given(c, err) < 0)
		return -1;
	call_set_bool(c, "changed", false);
	if (starting && regex && !wait_is_plain(regex))
		rc = wait_search(c, err);
	else
		rc = ask(c, starting ? regex : NULL, err);
	call_set_int(c, "elapsed", (clock_ns() - start) / 1000000000);
	if (rc < 0 && msg && err->code == ERR_TIMEOUT)
		return err_set(err, ERR_TIMEOUT, "%s", msg);
	if (rc == 0)
		complete_result(c);
	return rc;
}

const struct module module_wait_for = {
	.name = "wait_for",
	.arguments = arguments,
	.run = run,
};
