/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "play/convert.h"
#include "play/modules/health_check.h"
#include "play/runner.h"
#include "play/tunnel.h"
#include "text/regex.h"

#define BODY_MAX       (4u << 20) /* bytes of an answer that the pattern is looked for in */
#define OUTPUT_MAX     4096       /* bytes of what a command prints */
#define SAYS_MAX       200        /* bytes of it in a reason */
#define PORT_TIME      2.0        /* seconds of one question; units are looked at in between */
#define URL_TIME       10.0
#define COMMAND_TIME   60.0
#define KILL_AFTER     "2" /* seconds after SIGTERM */
#define STATUS_TIMEOUT 124 /* of timeout(1) */

/* Errors that say nothing about the service: the node, or the operator, is the reason. */
static bool ends_all(const struct err *err)
{
	return err->code == ERR_UNREACHABLE || err->code == ERR_AUTH ||
	       err->code == ERR_CANCELLED || err->code == ERR_PROTOCOL;
}

/* Whole seconds for one question, at least one. */
static int64_t seconds_for(deadline until, double most)
{
	double left = (double)(until - clock_ns()) / 1e9;

	return left > most ? (int64_t)most : left > 1 ? (int64_t)left : 1;
}

/* Asks the node; NULL is a reason (0) or an error that ends all (-1), in *result. */
static const struct value *ask_node(struct module_call *c, const char *module,
	const struct value *args, struct err *reason, struct err *err, int *result)
{
	const struct value *answer = runner_ask_node(c, module, args, reason);

	*result = answer ? 1 : 0;
	if (!answer && ends_all(reason))
		*result = err_set(err, reason->code, "%s", reason->text);
	return answer;
}

int probe_port(struct module_call *c, deadline until, struct err *reason, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	int64_t seconds = seconds_for(until, PORT_TIME);
	const char *host = argument_text(c, "host");
	int result;

	value_dict_set(c->arena, args, "host", value_new_string(c->arena, host));
	value_dict_set(c->arena, args, "port", argument_value(c, "port"));
	value_dict_set(c->arena, args, "state", value_new_string(c->arena, "started"));
	value_dict_set(c->arena, args, "timeout", value_new_int(c->arena, seconds));
	value_dict_set(c->arena, args, "connect_timeout", value_new_int(c->arena, seconds));
	const struct value *answer = ask_node(c, "wait", args, reason, err, &result);
	const struct value *failed = answer ? value_dict_get(answer, "failed") : NULL;
	if (!failed || !value_truthy(failed))
		return result;
	err_set(reason, ERR_TIMEOUT, "%s:%.0f takes no connection", host,
		argument_number(c, "port", 0));
	return 0;
}

static bool is_wanted(const struct module_call *c, int status)
{
	const struct value *codes = argument_value(c, "status");

	value_list_foreach (code, codes) {
		if (code->kind == VALUE_INT && code->integer == status)
			return true;
	}
	return false;
}

/* 1 when the pattern is in the body, or none was asked for. */
static int has_body(const struct module_call *c, const struct strbuf *body, struct err *reason,
	struct err *err)
{
	const char *pattern = argument_text(c, "body");

	if (!pattern)
		return 1;
	AUTO(regex_cleanup)
	struct regex *re = regex_compile(pattern, strlen(pattern), 0, err);
	if (!re)
		return err_wrap(err, "body");
	int found = regex_exec(re, REGEX_SEARCH, body->data, body->len, 0, NULL, err);
	if (found == 0)
		err_set(reason, ERR_NOTFOUND, "%s: \"%s\" is not in the %zu bytes of its body",
			argument_text(c, "url"), pattern, body->len);
	return found;
}

static int judge(struct module_call *c, const struct http_response *r, struct err *reason,
	struct err *err)
{
	if (!is_wanted(c, r->status)) {
		err_set(reason, ERR_NOTFOUND, "%s answers %d %s", argument_text(c, "url"),
			r->status, r->reason);
		return 0;
	}
	return has_body(c, &r->body, reason, err);
}

static int read_headers(struct module_call *c, struct strlist *headers, struct err *err)
{
	const struct value *given = argument_value(c, "headers");

	if (!given || given->kind != VALUE_DICT)
		return 0;
	value_dict_foreach (p, given) {
		const struct value *text = value_to_text(c->arena, p->value);
		if (!value_is_string(p->key) || !text)
			return err_set(err, ERR_INPUT, "headers: expected names and texts");
		strlist_addf(headers, "%s: %s", p->key->text, text->text);
	}
	return 0;
}

int probe_url(struct module_call *c, deadline until, struct err *reason, struct err *err)
{
	AUTO(strlist_release) struct strlist headers = {0};
	AUTO(http_response_release) struct http_response response = {0};
	struct tunnel tunnel = {.call = c};

	if (read_headers(c, &headers, err) < 0)
		return -1;
	struct http_client *client =
		http_client_new(&(struct http_options){.connector = &tunnel_connector,
			.connector_data = &tunnel,
			.cancel = runner_cancel(c->runner)});
	struct http_request request = {.url = argument_text(c, "url"),
		.headers = (const char *const *)headers.items,
		.tls = {.insecure = !argument_bool(c, "validate_certs")},
		.body_max = BODY_MAX,
		.decompress = true,
		.until = deadline_min(until, deadline_in(URL_TIME))};
	int result = http_perform(client, &request, &response, reason);
	bool broken =
		result < 0 && (reason->code == ERR_CANCELLED || reason->code == ERR_INPUT ||
				      tunnel_is_broken(&tunnel));
	http_client_free(client);
	if (broken)
		return err_set(err, reason->code, "%s", reason->text);
	return result < 0 ? 0 : judge(c, &response, reason, err);
}

/* The end of what a command printed, on one line. */
static const char *says(struct arena *a, const struct value *answer)
{
	const char *keys[] = {"stderr", "stdout"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *text = value_text(value_dict_get(answer, keys[i]));
		size_t n = text ? strlen(text) : 0;
		while (n > 0 && strchr(" \r\n", text[n - 1]))
			n--;
		size_t from = n > SAYS_MAX ? n - SAYS_MAX : 0;
		if (n > 0)
			return arena_printf(a, ": %.*s", (int)(n - from), text + from);
	}
	return "";
}

int probe_command(struct module_call *c, deadline until, struct err *reason, struct err *err)
{
	const char *line = argument_text(c, "command");
	int64_t seconds = seconds_for(until, COMMAND_TIME);
	const char *const words[] = {"timeout", "-k", KILL_AFTER,
		arena_printf(c->arena, "%lld", (long long)seconds), "/bin/sh", "-c", line};
	struct value *argv = value_new_list(c->arena);
	struct value *args = value_new_dict(c->arena);
	int result;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		value_list_add(c->arena, argv, value_new_string(c->arena, words[i]));
	value_dict_set(c->arena, args, "argv", argv);
	value_dict_set(c->arena, args, "output_max", value_new_int(c->arena, OUTPUT_MAX));
	const struct value *answer = ask_node(c, "command", args, reason, err, &result);
	if (!answer)
		return result;
	const struct value *rc = value_dict_get(answer, "rc");
	if (rc && rc->kind == VALUE_INT && rc->integer == 0)
		return 1;
	if (rc && rc->kind == VALUE_INT && rc->integer == STATUS_TIMEOUT)
		err_set(reason, ERR_TIMEOUT, "%s did not end in %lld s", line,
			(long long)seconds);
	else
		err_set(reason, ERR_SYSTEM, "%s ends with %lld%s", line,
			rc && rc->kind == VALUE_INT ? (long long)rc->integer : -1LL,
			says(c->arena, answer));
	return 0;
}
