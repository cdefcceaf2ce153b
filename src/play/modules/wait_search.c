/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/wait_search.h"

#include "play/modules/forward.h"
#include "play/runner.h"
#include "play/tunnel.h"
#include "text/regex.h"

#define PORT_MS 1000u /* how long one look at a port's words lasts */

bool wait_is_plain(const char *expression)
{
	return strpbrk(expression, "\\^$.|?*+()[]{}") == NULL;
}

/* A group of the match as a value; null when it took no part. */
static const struct value *group(
	struct module_call *c, const struct strbuf *text, const struct regex_span *span)
{
	if (!span->set)
		return &value_null;
	struct value *v =
		value_new_stringn(c->arena, text->data + span->start, span->end - span->start);
	v->unsafe = true;
	return v;
}

static void tell_match(struct module_call *c, const struct regex *re, const struct strbuf *text,
	const struct regex_result *match)
{
	struct value *groups = value_new_list(c->arena);
	struct value *named = value_new_dict(c->arena);

	for (unsigned i = 1; i <= regex_group_count(re); i++) {
		const struct value *v = group(c, text, &match->spans[i]);
		const char *name = regex_group_name(re, i);
		value_list_add(c->arena, groups, v);
		if (name)
			value_dict_set(c->arena, named, name, v);
	}
	call_set(c, "match_groups", groups);
	call_set(c, "match_groupdict", named);
}

/* 1 when the text matches; the result is told then. */
static int matches(struct module_call *c, const struct regex *re, const struct strbuf *text,
	struct err *err)
{
	struct regex_result *match = ARENA_NEW(c->arena, struct regex_result);
	int rc = regex_exec(re, REGEX_SEARCH, text->data, text->len, 0, match, err);

	if (rc > 0)
		tell_match(c, re, text, match);
	return rc;
}

/* Looks into the file once: 1 found, 0 not (yet), -1 with err. */
static int look_at_path(struct module_call *c, const struct regex *re, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *path = argument_text(c, "path");
	struct value *args = value_new_dict(c->arena);
	int is = node_path_kind(c, path, err);

	if (is < 0)
		return -1;
	if (is != NODE_PATH_OTHER)
		return 0;
	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	value_dict_set(c->arena, args, "max", value_new_int(c->arena, WAIT_SEARCH_MAX));
	const struct value *answer = runner_ask_node(c, "slurp", args, err);
	const struct value *content = answer ? value_dict_get(answer, "content") : NULL;
	if (!answer)
		return -1;
	if (content && value_is_textual(content))
		strbuf_add(&text, content->text, content->len);
	return matches(c, re, &text, err);
}

/* Reads what the port says until it matches, ends or the time is up. */
static int listen_to(struct module_call *c, void *connection, const struct regex *re,
	deadline until, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	bool ended = false;

	while (!ended && !deadline_passed(until) && text.len < WAIT_SEARCH_MAX) {
		if (tunnel_connector.exchange(connection, "", 0, PORT_MS, &text, &ended, err) <
			0)
			return -1;
		int rc = matches(c, re, &text, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Connects once: 1 found, 0 not (yet), -1 with err. */
static int look_at_port(
	struct module_call *c, const struct regex *re, deadline until, struct err *err)
{
	struct tunnel tunnel = {.call = c};
	struct err failure = {0};
	deadline connect = deadline_in(argument_number(c, "connect_timeout", 5));
	void *connection = tunnel_connector.open(&tunnel, argument_text(c, "host"),
		(unsigned)argument_number(c, "port", 0), deadline_min(connect, until),
		&failure);
	int rc = 0;

	if (connection) {
		rc = listen_to(c, connection, re, until, &failure);
		tunnel_connector.close(connection);
	}
	if (rc > 0)
		return 1;
	if (failure.code == ERR_CANCELLED || tunnel_is_broken(&tunnel))
		return err_set(err, failure.code, "%s", failure.text);
	return 0;
}

static int timed_out(struct module_call *c, struct err *err)
{
	const char *regex = argument_text(c, "search_regex");
	const char *path = argument_text(c, "path");

	if (path)
		return err_set(err, ERR_TIMEOUT,
			"Timeout when waiting for search string %s in %s", regex, path);
	return err_set(err, ERR_TIMEOUT, "Timeout when waiting for search string %s in %s:%d",
		regex, argument_text(c, "host"), (int)argument_number(c, "port", 0));
}

static int wait_with(struct module_call *c, const struct regex *re, struct err *err)
{
	const struct cancel *cancel = runner_cancel(c->runner);
	deadline until =
		deadline_min(c->until, deadline_in(argument_number(c, "timeout", 300)));
	double pause = argument_number(c, "sleep", 1);
	deadline begin = deadline_in(argument_number(c, "delay", 0));

	if (wait_until(deadline_min(begin, until), cancel, err) < 0)
		return -1;
	for (;;) {
		int rc = argument_text(c, "path") ? look_at_path(c, re, err)
						  : look_at_port(c, re, until, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			return 0;
		if (deadline_passed(until))
			return timed_out(c, err);
		if (wait_until(deadline_min(deadline_in(pause), until), cancel, err) < 0)
			return -1;
	}
}

int wait_search(struct module_call *c, struct err *err)
{
	const char *text = argument_text(c, "search_regex");
	AUTO(regex_cleanup)
	struct regex *re = regex_compile(text, strlen(text), REGEX_MULTILINE, err);

	if (!re)
		return err_wrap(err, "Invalid regular expression");
	return wait_with(c, re, err);
}
