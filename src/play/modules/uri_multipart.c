/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a form: a field is a text, or a mapping of `filename`, `content` and
 * `mime_type`. Files are written in base64, as Ansible writes them.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "base/path.h"
#include "crypto/hmac.h"
#include "play/modules/uri_body.h"

#define BASE64_LINE 76 /* characters */

/* Types of files by the ends of their names; others are octets. */
static const struct {
	const char *end, *type;
} types[] = {{".css", "text/css"}, {".csv", "text/csv"}, {".gif", "image/gif"},
	{".htm", "text/html"}, {".html", "text/html"}, {".jpeg", "image/jpeg"},
	{".jpg", "image/jpeg"}, {".js", "text/javascript"}, {".json", "application/json"},
	{".mp4", "video/mp4"}, {".pdf", "application/pdf"}, {".png", "image/png"},
	{".py", "text/x-python"}, {".sh", "application/x-sh"}, {".svg", "image/svg+xml"},
	{".tar", "application/x-tar"}, {".txt", "text/plain"}, {".wav", "audio/x-wav"},
	{".xml", "text/xml"}, {".zip", "application/zip"}};

/* One field, read. */
struct part {
	const char *name, *filename, *type;
	const struct value *content;
};

static const char *type_of(const char *filename)
{
	for (size_t i = 0; filename && i < ARRAY_SIZE(types); i++)
		if (str_ends(filename, types[i].end))
			return types[i].type;
	return "application/octet-stream";
}

static int read_part(const struct value *v, struct part *p, struct err *err)
{
	if (value_is_string(v)) {
		p->type = "text/plain";
		p->content = v;
		return 0;
	}
	if (v->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT,
			"value must be a string, or mapping, cannot be %s", value_kind_name(v));
	p->filename = value_text(value_dict_get(v, "filename"));
	p->content = value_dict_get(v, "content");
	p->type = value_text(value_dict_get(v, "mime_type"));
	if (p->content && (!value_is_textual(p->content) || p->content->len == 0))
		p->content = NULL;
	if (!p->content && !p->filename)
		return err_set(
			err, ERR_INPUT, "at least one of filename or content must be provided");
	if (!p->type)
		p->type = type_of(p->filename);
	return 0;
}

/* A parameter's value in quotes; what would end the line or the quotes is escaped. */
static void add_quoted(struct strbuf *out, const char *text)
{
	strbuf_addch(out, '"');
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			strbuf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
		else
			strbuf_addf(
				out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	strbuf_addch(out, '"');
}

static int add_file(
	struct module_call *c, const struct part *p, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf data = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (uri_body_file(c, p->filename, &data, err) < 0)
		return -1;
	base64_encode(BASE64_STANDARD, data.data, data.len, &text);
	for (size_t at = 0; at < text.len; at += BASE64_LINE) {
		size_t n = text.len - at < BASE64_LINE ? text.len - at : BASE64_LINE;
		strbuf_add(out, text.data + at, n);
		strbuf_addstr(out, "\r\n");
	}
	return 0;
}

static int add_part(struct module_call *c, const struct part *p, const char *boundary,
	struct strbuf *out, struct err *err)
{
	if (strpbrk(p->type, "\r\n"))
		return err_set(err, ERR_INPUT, "mime_type: found more than one line");
	strbuf_addf(out, "--%s\r\n", boundary);
	if (!p->content)
		strbuf_addstr(out, "Content-Transfer-Encoding: base64\r\n");
	strbuf_addf(out, "Content-Type: %s\r\nContent-Disposition: form-data; name=", p->type);
	add_quoted(out, p->name);
	if (p->filename) {
		strbuf_addstr(out, "; filename=");
		add_quoted(out, path_basename(p->filename));
	}
	strbuf_addstr(out, "\r\n\r\n");
	if (!p->content)
		return add_file(c, p, out, err);
	strbuf_add(out, p->content->text, p->content->len);
	strbuf_addstr(out, "\r\n");
	return 0;
}

static const char *make_boundary(struct arena *a, struct err *err)
{
	unsigned char random[16];
	char hex[2 * sizeof(random) + 1];

	if (crypto_random(random, sizeof(random), err) < 0)
		return NULL;
	hex_encode(random, sizeof(random), hex);
	return arena_printf(a, "form-%s", hex);
}

const char *uri_multipart(
	struct module_call *c, const struct value *body, struct strbuf *out, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};
	const char *boundary = make_boundary(c->arena, err);

	if (!boundary)
		return NULL;
	if (body->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT, "body must be mapping, cannot be %s",
			value_kind_name(body));
		return NULL;
	}
	value_dict_foreach (p, body)
		if (value_is_string(p->key))
			strlist_add(&names, p->key->text);
	strlist_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		struct part part = {.name = names.items[i]};
		if (read_part(value_dict_get(body, names.items[i]), &part, err) < 0 ||
			add_part(c, &part, boundary, out, err) < 0) {
			err_wrap(err, "failed to parse body as form-multipart");
			return NULL;
		}
	}
	strbuf_addf(out, "--%s--\r\n", boundary);
	return arena_printf(c->arena, "multipart/form-data; boundary=\"%s\"", boundary);
}
