/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what. Where no keys are configured everybody on this machine may do everything,
 * but not the web pages that its users look at: a request whose Host or Origin is another
 * machine's was made by one of these.
 */
#include "daemons/registryd/registryd.h"

/* "localhost:8080" of "localhost:8080" and of "http://localhost:8080". */
static bool is_this_machine(const char *said)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	const char *slashes = strstr(said, "://");
	const char *host = slashes ? slashes + 3 : said;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);
		if (strncasecmp(host, names[i], n) == 0 && (!host[n] || host[n] == ':'))
			return true;
	}
	return false;
}

static bool is_from_here(const struct http_call *call, struct http_answer *answer)
{
	static const char *const headers[] = {"Host", "Origin"};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		const char *said = http_call_header(call, headers[i]);
		if (!said || is_this_machine(said))
			continue;
		http_answer_problem(answer, 403,
			"%s is not localhost: without access.keys this service is for this "
			"machine alone",
			headers[i]);
		return false;
	}
	return true;
}

static bool refuse_credentials(
	struct http_call *call, const struct err *why, struct http_answer *answer)
{
	call->context = caller_new("unknown", ROLE_NOBODY, call);
	if (why->code == ERR_BUSY) {
		http_answer_problem(answer, 503, "%s", why->text);
		strlist_add(&answer->headers, "Retry-After: 2");
	} else {
		http_answer_problem(answer, 401, "%s", why->text);
		strlist_add(
			&answer->headers, "WWW-Authenticate: Bearer error=\"invalid_token\"");
	}
	return false;
}

static bool refuse_role(
	const struct caller *caller, enum role needed, struct http_answer *answer)
{
	if (caller->role == ROLE_NOBODY) {
		http_answer_problem(answer, 401,
			"this needs an API key (X-API-Key) or a token (Authorization: Bearer) "
			"with the role %s",
			role_name(needed));
		strlist_add(&answer->headers, "WWW-Authenticate: Bearer");
	} else {
		http_answer_problem(answer, 403, "this needs the role %s; yours is %s",
			role_name(needed), role_name(caller->role));
	}
	return false;
}

bool access_guard(void *data, struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	const struct api_about *about = call->route->about;
	struct err why = {0};

	if (r->local && !is_from_here(call, answer))
		return false;
	if (about->role == ROLE_NOBODY)
		return true;
	struct caller *caller = auth_caller(r->auth, call, &why);
	if (!caller)
		return refuse_credentials(call, &why, answer);
	call->context = caller;
	return caller->role >= about->role || refuse_role(caller, about->role, answer);
}

void access_done(void *data, const struct http_call *call, unsigned status, double seconds)
{
	struct registryd *r = data;
	struct caller *caller = call->context;
	const struct api_about *about = call->route ? call->route->about : NULL;

	if (status)
		metrics_count(r->metrics, call->route, status, seconds);
	if (status && caller && about->change && !caller->audited)
		audit_add(r->audit, &(struct audit_line){.caller = caller,
					    .method = call->method,
					    .path = call->path,
					    .status = status});
	caller_free(caller);
}
