/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/datafile.h"

#include "base/fd.h"
#include "value/json.h"
#include "value/yaml.h"

int datafile_read(
	const char *path, const struct secrets *secrets, struct strbuf *out, struct err *err)
{
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;

	if (file_read(path, DATAFILE_MAX, out, err) < 0)
		return -1;
	if (!vault_is_encrypted(out->data, out->len))
		return 0;
	if (secrets_decrypt(secrets, out->data, out->len, &plain, err) < 0)
		return err_wrap(err, "%s", path);
	strbuf_clear(out);
	strbuf_add(out, plain.data, plain.len);
	return 0;
}

const char *datafile_key(struct arena *arena, const struct value *key)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (key->kind == VALUE_STRING)
		return key->text;
	if (json_write(key, NULL, &text, NULL) < 0)
		return value_kind_name(key);
	size_t quoted = text.len > 1 && text.data[0] == '"';
	return arena_strndup(arena, text.data + quoted, text.len - 2 * quoted);
}

/* The string of {"__ansible_vault": text} or {"__ansible_unsafe": text}, or NULL. */
static const struct value *marked_string(struct arena *arena, const struct value *dict)
{
	const struct value *vault = value_dict_get(dict, "__ansible_vault");
	const struct value *unsafe = value_dict_get(dict, "__ansible_unsafe");
	struct value *made;

	if (value_is_string(vault))
		made = value_new_text(arena, VALUE_VAULT, vault->text, vault->len);
	else if (value_is_string(unsafe))
		made = value_new_text(arena, VALUE_STRING, unsafe->text, unsafe->len);
	else
		return NULL;
	made->place = dict->place;
	made->tagged_unsafe = !vault;
	return made;
}

static const struct value *revive(struct arena *arena, const struct value *value);

static const struct value *revive_list(struct arena *arena, const struct value *list)
{
	struct value *made = value_new_list(arena);
	bool changed = false;

	made->place = list->place;
	for (size_t i = 0; i < list->count; i++) {
		const struct value *item = revive(arena, list->items[i]);
		changed = changed || item != list->items[i];
		value_list_add(arena, made, item);
	}
	return changed ? made : list;
}

static const struct value *revive_dict(struct arena *arena, const struct value *dict)
{
	const struct value *string = marked_string(arena, dict);
	struct value *made;
	bool changed = false;

	if (string)
		return string;
	made = value_new_dict(arena);
	made->place = dict->place;
	value_dict_foreach (p, dict) {
		const struct value *item = revive(arena, p->value);
		changed = changed || item != p->value;
		value_dict_set_value(arena, made, p->key, item);
	}
	return changed ? made : dict;
}

/* The value with all marked objects in it replaced; the value itself if there is none. */
static const struct value *revive(struct arena *arena, const struct value *value)
{
	if (value->kind == VALUE_DICT)
		return revive_dict(arena, value);
	if (value->kind == VALUE_LIST)
		return revive_list(arena, value);
	return value;
}

/* Copying every object to find a rare mark is dear; the text says whether there is one. */
static bool has_marks(const char *text, size_t len)
{
	static const char mark[] = "\"__ansible_";

	return memmem(text, len, mark, sizeof(mark) - 1) != NULL;
}

const struct value *datafile_parse_json(
	struct arena *arena, const char *text, size_t len, const char *file, struct err *err)
{
	const struct value *value = json_read(arena, text, len, file, NULL, NULL, err);

	if (value && has_marks(text, len))
		return revive(arena, value);
	return value;
}

/* True if the text may be JSON: it begins with an object or a list. */
static bool may_be_json(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]) && text[i] != '\0')
		i++;
	return i < len && (text[i] == '{' || text[i] == '[');
}

const struct value *datafile_parse(struct arena *arena, const char *text, size_t len,
	const char *file, struct diags *diags, struct err *err)
{
	static const struct yaml_options options = {
		.lenient_dates = true, .max_bytes = DATAFILE_MAX};

	if (may_be_json(text, len)) {
		const struct value *value = datafile_parse_json(arena, text, len, file, NULL);
		if (value)
			return value;
	}
	return yaml_read(arena, text, len, file, &options, diags, err);
}
