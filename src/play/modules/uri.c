/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uri: an HTTP request, seen from the node.
 */
#include <ctype.h>

#include "play/convert.h"
#include "play/modules/content.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/uri_body.h"
#include "play/modules/web.h"
#include "play/runner.h"
#include "value/json.h"

static const char *const user_aliases[] = {"user", NULL};
static const char *const password_aliases[] = {"password", NULL};
static const char *const force_aliases[] = {"thirsty", NULL};
static const char *const formats[] = {"raw", "json", "form-urlencoded", "form-multipart", NULL};
static const char *const follows[] = {"safe", "all", "yes", "none", "no", NULL};
static const enum http_redirects redirects[] = {HTTP_REDIRECTS_SAFE, HTTP_REDIRECTS_ALL,
	HTTP_REDIRECTS_ALL, HTTP_REDIRECTS_NONE, HTTP_REDIRECTS_NONE};

static const struct argument arguments[] = {
	WEB_ARGUMENTS(user_aliases, password_aliases),
	{.name = "method", .fallback = "GET"},
	{.name = "body", .type = ARGUMENT_RAW},
	{.name = "body_format", .fallback = "raw", .choices = formats},
	{.name = "src", .type = ARGUMENT_PATH},
	{.name = "remote_src", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "status_code",
		.type = ARGUMENT_LIST,
		.fallback = "200",
		.elements = ARGUMENT_INT},
	{.name = "return_content", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "follow_redirects", .fallback = "safe", .choices = follows},
	{.name = "timeout", .type = ARGUMENT_INT, .fallback = "30"},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "false", .aliases = force_aliases},
	{.name = "creates", .type = ARGUMENT_PATH},
	{.name = "removes", .type = ARGUMENT_PATH},
	{.name = "dest", .type = ARGUMENT_PATH},
	CONTENT_ATTRIBUTES,
	{0},
};

/* An answer as the result tells it. */
struct answer {
	int status; /* -1: there was none */
	const char *words;
	struct http_response response;
};

/* True, with the result filled in, when `creates` or `removes` says that nothing is to do. */
static int is_done(struct module_call *c, struct err *err)
{
	static const struct {
		const char *name, *says;
		bool there;
	} conditions[] = {{"creates", "exists", true}, {"removes", "does not exist", false}};

	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		const char *path = argument_text(c, conditions[i].name);
		int is = path ? node_path_kind(c, path, err) : 0;
		if (is < 0)
			return -1;
		if (!path || (is != NODE_PATH_ABSENT) != conditions[i].there)
			continue;
		call_set_text(c, "stdout",
			arena_printf(
				c->arena, "skipped, since '%s' %s", path, conditions[i].says));
		return 1;
	}
	return 0;
}

static bool is_wanted(const struct module_call *c, int status)
{
	const struct value *codes = argument_value(c, "status_code");

	value_list_foreach (code, codes)
		if (code->kind == VALUE_INT && code->integer == status)
			return true;
	return false;
}

/* A header's name as a variable: lower case, "_" for "-". */
static const char *key_of(struct module_call *c, const char *name)
{
	char *key = arena_strdup(c->arena, name);

	for (char *p = key; *p; p++)
		*p = (char)(*p == '-' ? '_' : tolower((unsigned char)*p));
	return key;
}

/* Every header is a key; those that occur several times are joined. */
static void set_headers(struct module_call *c, const struct http_response *r)
{
	for (size_t i = 0; i < r->headers.count; i++) {
		const struct http_header *h = &r->headers.items[i];
		const char *key = key_of(c, h->name);
		const char *was = value_text(value_dict_get(c->result, key));
		const char *text =
			was ? arena_printf(c->arena, "%s, %s", was, h->value) : h->value;
		web_set_text(c, key, text, strlen(text));
	}
}

static void set_cookies(struct module_call *c, const struct http_response *r)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct value *cookies = value_new_dict(c->arena);

	for (size_t i = 0; i < r->headers.count; i++) {
		const struct http_header *h = &r->headers.items[i];
		size_t name = strcspn(h->value, "=;");
		if (strcasecmp(h->name, "Set-Cookie") != 0 || h->value[name] != '=')
			continue;
		size_t len = strcspn(h->value + name + 1, ";");
		struct value *v = value_new_stringn(c->arena, h->value + name + 1, len);
		v->unsafe = true;
		value_dict_set(c->arena, cookies, arena_strndup(c->arena, h->value, name), v);
		strbuf_addf(
			&line, "%s%.*s=%s", line.len ? "; " : "", (int)name, h->value, v->text);
	}
	call_set(c, "cookies", cookies);
	web_set_text(c, "cookies_string", line.data, line.len);
}

/* True for a type that holds JSON: its part behind the slash, or its suffix, says so. */
static bool is_json(const struct http_response *r)
{
	const char *type = http_header_get(r, "Content-Type");
	const char *slash = type ? strchr(type, '/') : NULL;
	size_t n = slash ? strcspn(slash, "; \t") : 0;
	const char *plus = slash ? memchr(slash, '+', n) : NULL;

	if (!slash)
		return false;
	const char *word = plus ? plus + 1 : slash + 1;
	size_t len = (size_t)(slash + n - word);
	return (len == 4 && strncasecmp(word, "json", 4) == 0) ||
	       (len == 10 && strncasecmp(word, "javascript", 10) == 0);
}

static void set_content(struct module_call *c, const struct http_response *r)
{
	static const struct json_options foreign = {.unsafe = true};

	if (argument_bool(c, "return_content"))
		web_set_text(c, "content", r->body.data, r->body.len);
	if (!is_json(r))
		return;
	const struct value *v =
		json_read(c->arena, r->body.data, r->body.len, NULL, &foreign, NULL, NULL);
	if (v)
		call_set(c, "json", v);
}

/* Writes the body to `dest`; the result's other keys stay. */
static int write_dest(struct module_call *c, const struct http_response *r, struct err *err)
{
	struct content content = {.dest = argument_text(c, "dest"),
		.name = web_file_name(c, r->url),
		.data = r->body.data,
		.len = r->body.len};

	if (content_put(c, &content, err) < 0)
		return -1;
	const struct value *dest = value_dict_get(c->result, "dest");
	if (dest)
		call_set(c, "path", dest);
	return 0;
}

static void judge(struct module_call *c, const struct answer *a)
{
	AUTO(strbuf_release) struct strbuf codes = STRBUF_INIT;
	const struct value *wanted = argument_value(c, "status_code");

	if (is_wanted(c, a->status)) {
		call_set_text(c, "msg", a->words);
		return;
	}
	value_list_foreach (code, wanted)
		strbuf_addf(&codes, "%s%lld", codes.len ? ", " : "", (long long)code->integer);
	call_set_bool(c, "failed", true);
	const char *msg = arena_printf(c->arena, "Status code was %d and not [%s]: %s",
		a->status, codes.data, a->words);
	web_set_text(c, "msg", msg, strlen(msg));
}

static int tell(struct web *w, const struct answer *a, struct err *err)
{
	struct module_call *c = w->call;
	const struct http_response *r = &a->response;
	const char *url = a->status < 0 ? w->request.url : r->url;

	if (a->status >= 0)
		set_headers(c, r);
	if (a->status >= 200 && a->status < 300)
		set_cookies(c, r);
	call_set_bool(c, "redirected", a->status >= 0 && r->redirects > 0);
	web_set_text(c, "url", url, strlen(url));
	call_set_int(c, "status", a->status);
	call_set_int(c, "elapsed", web_elapsed(w));
	call_set_bool(c, "changed", false);
	if (a->status >= 0)
		set_content(c, r);
	if (argument_text(c, "dest") && is_wanted(c, a->status) && a->status != 304 &&
		write_dest(c, r, err) < 0)
		return -1;
	judge(c, a);
	return 0;
}

static int read_method(struct web *w, struct err *err)
{
	const char *given = argument_text(w->call, "method");
	char *method = arena_strdup(w->call->arena, given);

	for (char *p = method; *p; p++) {
		*p = (char)toupper((unsigned char)*p);
		if (!isupper((unsigned char)*p))
			*method = 0;
	}
	if (!*method)
		return err_set(err, ERR_INPUT,
			"Parameter 'method' needs to be a single word in uppercase, like GET "
			"or POST.");
	w->request.method = method;
	return 0;
}

static enum http_redirects read_follow(const struct module_call *c)
{
	const char *word = argument_text(c, "follow_redirects");
	size_t i = 0;

	while (follows[i + 1] && strcmp(word, follows[i]) != 0)
		i++;
	return redirects[i];
}

static int ask(struct web *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	struct answer a = {.status = -1};
	const char *type;

	if (read_method(w, err) < 0)
		return -1;
	int has_body = uri_body(w->call, &body, &type, err);
	if (has_body < 0)
		return -1;
	if (has_body) {
		w->request.body = body.data;
		w->request.body_len = body.len;
	}
	if (type)
		web_add_header(w, "Content-Type", type);
	if (argument_bool(w->call, "force"))
		web_add_header(w, "Cache-Control", "no-cache");
	w->request.redirects = read_follow(w->call);
	int rc = web_ask(w, &a.response, err);
	if (rc == 0) {
		a.status = a.response.status;
		a.words = web_words(w->call, &a.response);
	} else if (rc > 0) {
		a.words = arena_printf(w->call->arena, "Request failed: %s", w->failure.text);
	}
	if (rc >= 0)
		rc = tell(w, &a, err);
	http_response_release(&a.response);
	return rc;
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(web_end) struct web w;

	call_set_bool(c, "changed", false);
	if (web_begin(&w, c, err) < 0)
		return -1;
	int done = is_done(c, err);
	if (done)
		return done < 0 ? -1 : 0;
	return ask(&w, err);
}

const struct module module_uri = {
	.name = "uri",
	.arguments = arguments,
	.run = run,
};
