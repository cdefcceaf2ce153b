/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that write and read data: JSON, YAML, base64, digests.
 */
#include "base/base64.h"
#include "crypto/digest.h"
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"
#include "value/json.h"
#include "value/yaml.h"
#include "value/yaml_emit.h"

/* The object with nothing hidden in it; what was unsafe makes the result unsafe. */
static const struct value *whole(struct args *a, struct err *err)
{
	return resolve_all(a->ev, a->self, err);
}

static const struct value *write_json(
	struct args *a, struct json_write_options *options, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *v = whole(a, err);

	if (!v || json_write(v, options, &text, err) < 0)
		return NULL;
	return new_text(a->ev, &text, err);
}

/* Options that to_json and to_nice_json share with json.dumps. */
static int read_json_options(
	struct args *a, struct json_write_options *options, struct err *err)
{
	static const char *const ignored[] = {
		"preprocess_unsafe", "vault_to_text", "default", "cls", "profile"};

	value_dict_foreach (pair, a->named) {
		const char *name = pair->key->text;
		int64_t n = 0;
		bool known = false;
		for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
			known |= strcmp(name, ignored[i]) == 0;
		if (known)
			continue;
		int truth = op_truth(a->ev, pair->value, err);
		if (truth < 0)
			return -1;
		if (strcmp(name, "sort_keys") == 0) {
			options->sort_keys = truth;
		} else if (strcmp(name, "ensure_ascii") == 0) {
			options->ascii = truth;
		} else if (strcmp(name, "indent") == 0 && number_int64(pair->value, &n)) {
			options->indent = n > 0 && n <= 64 ? (unsigned)n : 0;
			options->empty_indent = n <= 0;
		} else if (strcmp(name, "indent") != 0 || truth) {
			args_fail(a, err, "the argument '%.60s' is not supported", name);
			return -1;
		}
	}
	return 0;
}

static const struct value *filter_to_json(struct args *a, struct err *err)
{
	struct json_write_options options = {.ascii = true};

	return read_json_options(a, &options, err) < 0 ? NULL : write_json(a, &options, err);
}

static const struct value *filter_to_nice_json(struct args *a, struct err *err)
{
	struct json_write_options options = {.ascii = true, .sort_keys = true, .indent = 4};
	int64_t indent;
	int sort = arg_bool(a, 1, true, err);

	if (sort < 0 || arg_int(a, 0, 4, &indent, err) < 0)
		return NULL;
	options.sort_keys = sort;
	options.indent = indent > 0 && indent <= 64 ? (unsigned)indent : 0;
	options.empty_indent = indent <= 0;
	return read_json_options(a, &options, err) < 0 ? NULL : write_json(a, &options, err);
}

/* JSON that can stand in HTML: <, >, & and ' as escapes. */
static const struct value *filter_tojson(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf safe = STRBUF_INIT;
	struct json_write_options options = {.ascii = true, .sort_keys = true};
	const struct value *v = whole(a, err);
	int64_t indent;

	if (!v || arg_int(a, 0, 0, &indent, err) < 0)
		return NULL;
	options.indent = indent > 0 && indent <= 64 ? (unsigned)indent : 0;
	if (json_write(v, &options, &text, err) < 0)
		return NULL;
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("<>&'", text.data[i]))
			strbuf_addf(&safe, "\\u%04x", (unsigned)text.data[i]);
		else
			strbuf_addch(&safe, text.data[i]);
	}
	return new_text(a->ev, &safe, err);
}

static const struct value *filter_from_json(struct args *a, struct err *err)
{
	const struct value *text = self_text(a, err);
	struct json_options options = {.unsafe = a->self->unsafe};

	if (!text)
		return NULL;
	if (!value_is_string(a->self))
		return args_fail(a, err, "a string is needed, not '%s'", type_name(a->self));
	return json_read(a->ev->arena, text->text, text->len, NULL, &options, NULL, err);
}

static const struct value *filter_from_yaml(struct args *a, struct err *err)
{
	struct yaml_options options = {.safe_loader = true, .unsafe = a->self->unsafe};

	if (!value_is_string(a->self))
		return a->self;
	eval_touch(a->ev, a->self);
	return yaml_read(a->ev->arena, a->self->text, a->self->len, NULL, &options, NULL, err);
}

static const struct value *filter_from_yaml_all(struct args *a, struct err *err)
{
	struct yaml_options options = {.safe_loader = true, .unsafe = a->self->unsafe};

	if (a->self->kind == VALUE_NULL)
		return value_new_list(a->ev->arena);
	if (!value_is_string(a->self))
		return a->self;
	eval_touch(a->ev, a->self);
	return yaml_read_all(
		a->ev->arena, a->self->text, a->self->len, NULL, &options, NULL, err);
}

/* The options of PyYAML's dump that templates may give. */
static int read_yaml_option(struct args *a, const char *name, const struct value *v,
	struct yaml_emit_options *options, struct err *err)
{
	int64_t n = 0;
	int truth = op_truth(a->ev, v, err);

	if (truth < 0)
		return -1;
	if (strcmp(name, "default_flow_style") == 0)
		options->flow = v->kind == VALUE_NULL ? YAML_FLOW_LEAVES
				: truth               ? YAML_FLOW
						      : YAML_BLOCK;
	else if (strcmp(name, "indent") == 0 && number_int64(v, &n))
		options->indent = n > 1 && n < 10 ? (int)n : 2;
	else if (strcmp(name, "width") == 0 && number_int64(v, &n))
		options->width = n > INT32_MAX ? -1 : (int)n;
	else if (strcmp(name, "width") == 0 && v->kind == VALUE_FLOAT)
		options->width = v->real > 1e9 ? -1 : (int)v->real;
	else if (strcmp(name, "sort_keys") == 0)
		options->sort_keys = truth;
	else if (strcmp(name, "allow_unicode") == 0)
		options->unicode = truth;
	else if (strcmp(name, "explicit_start") == 0)
		options->explicit_start = truth;
	else if (strcmp(name, "explicit_end") == 0)
		options->explicit_end = truth;
	else if (strcmp(name, "vault_to_text") != 0) {
		args_fail(a, err, "the argument '%.60s' is not supported", name);
		return -1;
	}
	return 0;
}

static const struct value *write_yaml(
	struct args *a, struct yaml_emit_options *options, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *v = whole(a, err);

	if (!v)
		return NULL;
	value_dict_foreach (pair, a->named) {
		if (read_yaml_option(a, pair->key->text, pair->value, options, err) < 0)
			return NULL;
	}
	if (yaml_emit(v, options, &text, err) < 0)
		return NULL;
	return new_text(a->ev, &text, err);
}

static const struct value *filter_to_yaml(struct args *a, struct err *err)
{
	struct yaml_emit_options options = {
		.flow = YAML_FLOW_LEAVES, .sort_keys = true, .unicode = true};

	return write_yaml(a, &options, err);
}

static const struct value *filter_to_nice_yaml(struct args *a, struct err *err)
{
	struct yaml_emit_options options = {
		.indent = 4, .flow = YAML_BLOCK, .sort_keys = true, .unicode = true};
	int64_t indent;

	if (arg_int(a, 0, 4, &indent, err) < 0)
		return NULL;
	options.indent = indent > 1 && indent < 10 ? (int)indent : 2;
	return write_yaml(a, &options, err);
}

static int read_alphabet(struct args *a, enum base64_alphabet *out, struct err *err)
{
	int url = arg_bool(a, 1, false, err);

	*out = url > 0 ? BASE64_URL : BASE64_STANDARD;
	return url;
}

static const struct value *filter_b64encode(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	enum base64_alphabet alphabet;

	if (!self || read_alphabet(a, &alphabet, err) < 0)
		return NULL;
	base64_encode(alphabet, self->text, self->len, &text);
	while (text.len % 4)
		strbuf_addch(&text, '=');
	return new_text(a->ev, &text, err);
}

static const struct value *filter_b64decode(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *self = self_text(a, err);
	enum base64_alphabet alphabet;

	if (!self || read_alphabet(a, &alphabet, err) < 0)
		return NULL;
	if (!base64_decode(alphabet, self->text, self->len, &text))
		return args_fail(a, err, "this is not base64");
	for (size_t i = 0, n; i < text.len; i += n) {
		n = utf8_len(text.data + i, text.len - i);
		if (n == 0)
			return args_fail(a, err, "the decoded bytes are not UTF-8 text");
	}
	return new_text(a->ev, &text, err);
}

static const struct value *digest(struct args *a, const char *name, struct err *err)
{
	const struct value *self = self_text(a, err);
	enum digest_kind kind;
	char hex[DIGEST_HEX_MAX];

	if (!self)
		return NULL;
	if (!digest_by_name(name, &kind))
		return args_fail(a, err, "unsupported hash type %.60s", name);
	if (digest_hex(kind, self->text, self->len, hex, err) < 0)
		return NULL;
	return value_new_string(a->ev->arena, hex);
}

static const struct value *filter_hash(struct args *a, struct err *err)
{
	const struct value *name = arg_string(a, 0, "sha1", err);

	return name ? digest(a, name->text, err) : NULL;
}

static const struct value *filter_sha1(struct args *a, struct err *err)
{
	return digest(a, "sha1", err);
}

static const struct value *filter_md5(struct args *a, struct err *err)
{
	return digest(a, "md5", err);
}

static const struct callable entries[] = {
	{"b64decode", filter_b64decode, "encoding urlsafe", 0},
	{"b64encode", filter_b64encode, "encoding urlsafe", 0},
	{"checksum", filter_sha1, NULL, 0},
	{"from_json", filter_from_json, "profile", 0},
	{"from_yaml", filter_from_yaml, NULL, 0},
	{"from_yaml_all", filter_from_yaml_all, NULL, 0},
	{"hash", filter_hash, "hashtype", 0},
	{"md5", filter_md5, NULL, 0},
	{"sha1", filter_sha1, NULL, 0},
	{"to_json", filter_to_json, "**", 0},
	{"to_nice_json", filter_to_nice_json, "indent sort_keys **", 0},
	{"to_nice_yaml", filter_to_nice_yaml, "indent **", 0},
	{"to_yaml", filter_to_yaml, "**", 0},
	{"tojson", filter_tojson, "indent", 0},
};

CALLABLES(filters_data, entries);
