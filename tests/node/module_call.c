/* SPDX-License-Identifier: Apache-2.0 */
#include "node/module_call.h"

#include "tree/hash.h"
#include "value/json.h"

/* A JSON value as an item. */
static void put(struct item_writer *w, const char *key, const struct value *v)
{
	const struct value *bytes = value_dict_get(v, "$bytes");

	if (bytes) {
		item_put_bytes(w, key, bytes->text, bytes->len);
		return;
	}
	switch (v->kind) {
	case VALUE_NULL: item_put_null(w, key); break;
	case VALUE_BOOL: item_put_bool(w, key, v->boolean); break;
	case VALUE_INT: item_put_int(w, key, v->integer); break;
	case VALUE_FLOAT: item_put_float(w, key, v->real); break;
	case VALUE_STRING: item_put_stringn(w, key, v->text, v->len); break;
	case VALUE_LIST:
		item_open_list(w, key);
		for (size_t i = 0; i < v->count; i++)
			put(w, NULL, v->items[i]);
		item_close(w);
		break;
	case VALUE_DICT:
		item_open_dict(w, key);
		for (size_t i = 0; i < v->pair_count; i++)
			put(w, v->pairs[i].key->text, v->pairs[i].value);
		item_close(w);
		break;
	default: fail_msg("a JSON value of kind %u", v->kind);
	}
}

/* An item as a value. */
static const struct value *take(struct arena *a, const struct item *i)
{
	struct value *made;

	switch (i->type) {
	case ITEM_NULL: return &value_null;
	case ITEM_FALSE: return &value_false;
	case ITEM_TRUE: return &value_true;
	case ITEM_INT: return value_new_int(a, i->integer);
	case ITEM_FLOAT: return value_new_float(a, i->real);
	case ITEM_STRING: return value_new_stringn(a, i->text, i->len);
	case ITEM_BYTES:
		made = value_new_dict(a);
		value_dict_set(a, made, "$bytes", value_new_stringn(a, i->text, i->len));
		return made;
	case ITEM_LIST:
		made = value_new_list(a);
		for (uint32_t k = 0; k < i->count; k++)
			value_list_add(a, made, take(a, &i->items[k]));
		return made;
	default:
		made = value_new_dict(a);
		for (uint32_t k = 0; k < i->count; k++)
			value_dict_set(a, made,
				arena_strndup(a, i->items[k].key, i->items[k].key_len),
				take(a, &i->items[k]));
		return made;
	}
}

static void args_from_json(const char *json, struct strbuf *out)
{
	AUTO(arena_release) struct arena arena = {0};
	struct item_writer w;
	struct err err = {0};
	const struct value *v =
		json_read(&arena, json, strlen(json), "arguments", NULL, NULL, &err);

	if (!v || v->kind != VALUE_DICT)
		fail_msg("%s: %s", json, err.text);
	item_begin(&w, out);
	for (size_t i = 0; i < v->pair_count; i++)
		put(&w, v->pairs[i].key->text, v->pairs[i].value);
	assert_int_equal(item_finish(&w, &err), 0);
}

uint32_t module_send(struct client *c, const char *module, uint8_t flags, double timeout,
	const void *args, size_t n)
{
	uint8_t buffer[1024];
	struct msg_writer w;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_module(
		&w, &(struct wire_module){
			    .name = module, .args_len = (uint32_t)n, .timeout = timeout});
	uint32_t id = client_send(c, WIRE_MODULE, flags, w.data, w.len);
	client_stream(c, id, args, n);
	return id;
}

void module_result_take(struct module_result *r, struct answer *a)
{
	struct err err = {0};

	*r = (struct module_result){.code = a->code, .events = a->events};
	snprintf(r->text, sizeof(r->text), "%s", a->text);
	if (a->code == ERR_NONE) {
		char *data = arena_memdup(&r->arena, a->data.data, a->data.len);
		const struct item *top = item_parse(&r->arena, data, a->data.len, &err);
		assert_non_null(top);
		r->value = take(&r->arena, top);
		assert_non_null(value_dict_get(r->value, "changed"));
	}
	answer_release(a);
}

static enum err_code call(struct client *c, struct module_result *r, const char *module,
	uint8_t flags, double timeout, const char *json)
{
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT;
	struct answer a;

	args_from_json(json, &args);
	uint32_t id = module_send(c, module, flags, timeout, args.data, args.len);
	assert_true(client_answer(c, id, &a));
	module_result_take(r, &a);
	return r->code;
}

enum err_code module_call(struct client *c, struct module_result *r, const char *module,
	uint8_t flags, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *json = xvasprintf(fmt, ap);
	va_end(ap);
	return call(c, r, module, flags, 0, json);
}

enum err_code module_call_for(struct client *c, struct module_result *r, double timeout,
	const char *module, const char *json)
{
	return call(c, r, module, 0, timeout, json);
}

void module_result_release(struct module_result *r)
{
	arena_release(&r->arena);
}

static const struct value *member(
	const struct module_result *r, const char *key, enum value_kind kind)
{
	const struct value *v = value_dict_get(r->value, key);

	if (!v || v->kind != kind)
		fail_msg("the result has no such \"%s\" (error: %s)", key, r->text);
	return v;
}

const char *module_text(const struct module_result *r, const char *key)
{
	return member(r, key, VALUE_STRING)->text;
}

int64_t module_int(const struct module_result *r, const char *key)
{
	return member(r, key, VALUE_INT)->integer;
}

bool module_bool(const struct module_result *r, const char *key)
{
	return member(r, key, VALUE_BOOL)->boolean;
}

enum err_code module_blob(struct client *c, uint16_t number, const void *data, size_t n)
{
	struct wire_blob_put put = {.blob = number, .size = n};
	struct tree_hash *h = tree_hash_new();
	uint8_t buffer[64];
	struct msg_writer w;
	struct answer a;

	tree_hash_add(h, data, n);
	tree_hash_get(h, put.hash);
	tree_hash_free(h);
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_blob_put(&w, &put);
	uint32_t id = client_send(c, WIRE_BLOB_PUT, 0, w.data, w.len);
	client_stream(c, id, data, n);
	assert_true(client_answer(c, id, &a));
	answer_release(&a);
	return a.code;
}
