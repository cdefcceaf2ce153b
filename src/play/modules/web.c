/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/web.h"

#include "play/convert.h"
#include "play/runner.h"

/* A task's headers, which are a mapping of texts, numbers and booleans. */
static int add_headers(struct web *w, struct err *err)
{
	const struct value *headers = argument_value(w->call, "headers");

	if (!headers || headers->kind != VALUE_DICT)
		return 0;
	value_dict_foreach (p, headers) {
		const struct value *text = value_to_text(w->call->arena, p->value);
		if (!value_is_string(p->key) || !text)
			return err_set(err, ERR_INPUT, "headers: expected names and texts");
		strlist_addf(&w->headers, "%s: %s", p->key->text, text->text);
	}
	return 0;
}

void web_add_header(struct web *w, const char *name, const char *value)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < w->headers.count; i++)
		if (strncasecmp(w->headers.items[i], name, n) == 0 &&
			w->headers.items[i][n] == ':')
			return;
	strlist_addf(&w->headers, "%s: %s", name, value);
}

/* The texts of a list argument. */
static void read_texts(struct module_call *c, const char *name, struct strlist *texts)
{
	const struct value *list = argument_value(c, name);

	for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
		if (value_text(list->items[i]))
			strlist_add(texts, value_text(list->items[i]));
}

static void read_ciphers(struct web *w)
{
	AUTO(strlist_release) struct strlist names = {0};

	read_texts(w->call, "ciphers", &names);
	for (size_t i = 0; i < names.count; i++)
		strbuf_addf(&w->ciphers, "%s%s", i ? ":" : "", names.items[i]);
	if (names.count > 0)
		w->request.tls.ciphers = w->ciphers.data;
}

int web_begin(struct web *w, struct module_call *c, struct err *err)
{
	const struct cancel *cancel = runner_cancel(c->runner);

	*w = (struct web){.call = c,
		.tunnel = {.call = c},
		.ciphers = STRBUF_INIT,
		.started = clock_ns()};
	w->request = (struct http_request){.url = argument_text(c, "url"),
		.user = argument_text(c, "url_username"),
		.password = argument_text(c, "url_password"),
		.basic_first = argument_bool(c, "force_basic_auth"),
		.tls = {.insecure = !argument_bool(c, "validate_certs"),
			.ca_path = argument_text(c, "ca_path"),
			.client_cert = argument_text(c, "client_cert"),
			.client_key = argument_text(c, "client_key")},
		.unix_socket = argument_text(c, "unix_socket"),
		.until = c->until,
		.connect_timeout = argument_number(c, "timeout", 10),
		.stall = argument_number(c, "timeout", 10),
		.decompress = argument_bool(c, "decompress")};
	w->client = http_client_new(&(struct http_options){.connector = &tunnel_connector,
		.connector_data = &w->tunnel,
		.cancel = cancel,
		.user_agent = argument_text(c, "http_agent")});
	read_ciphers(w);
	read_texts(c, "unredirected_headers", &w->unredirected);
	if (argument_bool(c, "use_gssapi"))
		return err_set(err, ERR_UNSUPPORTED,
			"use_gssapi: a ticket of the host's cannot be used from here");
	return add_headers(w, err);
}

int web_ask(struct web *w, struct http_response *response, struct err *err)
{
	w->request.headers = (const char *const *)w->headers.items;
	w->request.unredirected = (const char *const *)w->unredirected.items;
	err_clear(&w->failure);
	if (http_perform(w->client, &w->request, response, &w->failure) == 0)
		return 0;
	if (w->failure.code != ERR_CANCELLED && !tunnel_is_broken(&w->tunnel))
		return 1;
	return err_set(err, w->failure.code, "%s", w->failure.text);
}

void web_end(struct web *w)
{
	http_client_free(w->client);
	strlist_release(&w->headers);
	strlist_release(&w->unredirected);
	strbuf_release(&w->ciphers);
}

void web_set_text(struct module_call *c, const char *key, const char *text, size_t n)
{
	AUTO(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t step;

	for (size_t i = 0; i < n; i += step)
		strbuf_addutf8(&clean, utf8_decode(text + i, n - i, &step));
	struct value *v = value_new_stringn(c->arena, clean.data, clean.len);
	v->unsafe = true;
	call_set(c, key, v);
}

const char *web_words(struct module_call *c, const struct http_response *r)
{
	const char *length = http_header_get(r, "Content-Length");

	if (r->status < 300)
		return arena_printf(c->arena, "OK (%s bytes)", length ? length : "unknown");
	return arena_printf(c->arena, "HTTP Error %d: %s", r->status, r->reason);
}

int64_t web_elapsed(const struct web *w)
{
	return (clock_ns() - w->started) / 1000000000;
}

const char *web_file_name(struct module_call *c, const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;
	size_t end = path ? strcspn(path, "?#") : 0;
	size_t start = end;

	while (start && path[start - 1] != '/')
		start--;
	return start == end ? "index.html" : arena_strndup(c->arena, path + start, end - start);
}
