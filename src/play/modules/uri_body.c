/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/uri_body.h"

#include <ctype.h>

#include "base/fd.h"
#include "http/client.h"
#include "play/convert.h"
#include "play/runner.h"
#include "value/json.h"

static int raw(
	struct module_call *c, const struct value *v, struct strbuf *out, struct err *err)
{
	const struct value *text = value_is_textual(v) ? v : value_to_text(c->arena, v);

	if (!text)
		return err_set(err, ERR_INPUT, "body: found what has no text");
	strbuf_add(out, text->text, text->len);
	return 0;
}

/* A text is taken for JSON that is written already. */
static int json(
	struct module_call *c, const struct value *v, struct strbuf *out, struct err *err)
{
	static const struct json_write_options options = {.ascii = true};

	if (value_is_string(v))
		return raw(c, v, out, err);
	return json_write(v, &options, out, err) < 0 ? err_wrap(err, "body") : 0;
}

/* As application/x-www-form-urlencoded has it: a space is a plus. */
static void encode(struct strbuf *out, const struct value *text)
{
	for (size_t i = 0; i < text->len; i++) {
		unsigned char b = (unsigned char)text->text[i];
		if (isalnum(b) || strchr("_.-~", b))
			strbuf_addch(out, (char)b);
		else if (b == ' ')
			strbuf_addch(out, '+');
		else
			strbuf_addf(out, "%%%02X", b);
	}
}

static int add_field(struct module_call *c, const struct value *key, const struct value *value,
	struct strbuf *out, struct err *err)
{
	if (value->kind == VALUE_LIST || value->kind == VALUE_TUPLE) {
		value_list_foreach (item, value)
			if (add_field(c, key, item, out, err) < 0)
				return -1;
		return 0;
	}
	const struct value *name = value_to_text(c->arena, key);
	const struct value *text = value_to_text(c->arena, value);
	if (!name || !text)
		return err_set(err, ERR_INPUT,
			"failed to parse body as form_urlencoded: found %s, expected a text",
			value_kind_name(name ? value : key));
	if (out->len)
		strbuf_addch(out, '&');
	encode(out, name);
	strbuf_addch(out, '=');
	encode(out, text);
	return 0;
}

/* A mapping, or a list of pairs; a text is taken for a form that is encoded already. */
static int form(
	struct module_call *c, const struct value *v, struct strbuf *out, struct err *err)
{
	if (value_is_string(v))
		return raw(c, v, out, err);
	if (v->kind == VALUE_DICT) {
		value_dict_foreach (p, v)
			if (add_field(c, p->key, p->value, out, err) < 0)
				return -1;
		return 0;
	}
	for (size_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
		const struct value *pair = v->items[i];
		if ((pair->kind != VALUE_LIST && pair->kind != VALUE_TUPLE) || pair->count != 2)
			return err_set(err, ERR_INPUT,
				"failed to parse body as form_urlencoded: expected pairs");
		if (add_field(c, pair->items[0], pair->items[1], out, err) < 0)
			return -1;
	}
	return v->kind == VALUE_LIST ? 0
				     : err_set(err, ERR_INPUT,
					       "failed to parse body as form_urlencoded: found "
					       "%s, expected a "
					       "mapping",
					       value_kind_name(v));
}

static const struct {
	const char *name, *type;
	int (*write)(struct module_call *c, const struct value *v, struct strbuf *out,
		struct err *err);
} formats[] = {
	{"raw", NULL, raw},
	{"json", "application/json", json},
	{"form-urlencoded", "application/x-www-form-urlencoded", form},
};

/* A file of the node. */
static int slurp(struct module_call *c, const char *path, struct strbuf *out, struct err *err)
{
	struct value *args = value_new_dict(c->arena);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	const struct value *answer = runner_ask_node(c, "slurp", args, err);
	const struct value *content = answer ? value_dict_get(answer, "content") : NULL;
	if (!answer)
		return -1;
	if (!content || !value_is_textual(content))
		return err_set(err, ERR_PROTOCOL, "src: the node sent no content");
	strbuf_add(out, content->text, content->len);
	return 0;
}

int uri_body_file(struct module_call *c, const char *src, struct strbuf *out, struct err *err)
{
	if (argument_bool(c, "remote_src"))
		return slurp(c, src, out, err);
	autofree char *path = runner_find(c, "files", src, err);
	return path ? file_read(path, HTTP_BODY_MAX, out, err) : -1;
}

int uri_body(struct module_call *c, struct strbuf *out, const char **type, struct err *err)
{
	const struct value *body = argument_value(c, "body");
	const char *format = argument_text(c, "body_format");
	const char *src = argument_text(c, "src");
	bool given = body && body->kind != VALUE_NULL;

	*type = NULL;
	if (src && given)
		return err_set(err, ERR_INPUT, "src and body are mutually exclusive");
	if (src)
		return uri_body_file(c, src, out, err) < 0 ? -1 : 1;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, format) != 0)
			continue;
		*type = formats[i].type;
		if (!given)
			return 0;
		return formats[i].write(c, body, out, err) < 0 ? -1 : 1;
	}
	if (!given)
		return 0;
	*type = uri_multipart(c, body, out, err);
	return *type ? 1 : -1;
}
