/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/store_file.h"

#include "daemons/registryd/store.h"
#include "value/json.h"

void registry_frame_release(struct registry_frame *frame)
{
	free(frame->head);
	free(frame->tail);
	*frame = (struct registry_frame){0};
}

/* Two of one name and version, or two in production, contradict each other. */
static int check_alone(const struct entry_list *list, const struct entry *fields,
	const struct place *at, struct err *err)
{
	if (entry_list_find(list, fields->model_name, fields->version))
		return place_fail(at, err, ERR_INPUT, "version %lld of %s stands here again",
			(long long)fields->version, fields->model_name);
	const struct entry *other = fields->status == ENTRY_PRODUCTION
					    ? entry_list_production(list, fields->model_name)
					    : NULL;
	if (other)
		return place_fail(at, err, ERR_INPUT,
			"version %lld of %s is in production, and version %lld already is",
			(long long)fields->version, fields->model_name,
			(long long)other->version);
	return 0;
}

static int read_entries(
	struct arena *a, const struct value *models, struct entry_list *list, struct err *err)
{
	struct entry fields;

	if (models->count > ENTRY_STORE_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %u entries", models->place.file,
			ENTRY_STORE_MAX);
	value_list_foreach (item, models) {
		if (entry_read(a, item, &fields, err) < 0 ||
			check_alone(list, &fields, &item->place, err) < 0)
			return -1;
		entry_list_add(list, entry_new(&fields, list->last + 1, true, item));
	}
	return 0;
}

/* A member of the object on a line of its own; "models" has a mark instead of its value. */
static void add_member(struct strbuf *out, const struct value_pair *p, bool first)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct json_write_options options = {.indent = 2};

	strbuf_addstr(out, first ? "\n  " : ",\n  ");
	strbuf_addjson(out, p->key->text, p->key->len);
	strbuf_addstr(out, ": ");
	if (entry_key_is(p->key, "models"))
		return;
	json_write(p->value, &options, &text, NULL);
	for (const char *c = text.data; *c; c++) {
		strbuf_addch(out, *c);
		if (*c == '\n')
			strbuf_addstr(out, "  ");
	}
}

static void read_frame(const struct value *top, struct registry_frame *frame)
{
	struct strbuf text = STRBUF_INIT;

	registry_frame_release(frame);
	strbuf_addch(&text, '{');
	value_dict_foreach (p, top) {
		add_member(&text, p, p == top->pairs);
		if (entry_key_is(p->key, "models"))
			frame->head = strbuf_detach(&text, NULL);
	}
	strbuf_addstr(&text, "\n}\n");
	frame->tail = strbuf_detach(&text, NULL);
}

static const struct value *read_top(
	struct arena *a, const char *text, size_t n, const char *file, struct err *err)
{
	const struct json_options options = {.duplicates_are_errors = true,
		.strict_numbers = true,
		.number_texts = true,
		.max_bytes = REGISTRY_FILE_MAX,
		.max_nodes = REGISTRY_FILE_NODES};
	const struct value *top = json_read(a, text, n, file, &options, NULL, err);
	const struct value *models = value_dict_get(top, "models");

	if (!top || (models && models->kind == VALUE_LIST))
		return top;
	place_fail(models ? &models->place : &top->place, err, ERR_INPUT,
		"expected an object with a list that is called models");
	return NULL;
}

struct entry_list *registry_file_read(const char *text, size_t n, const char *file,
	struct registry_frame *frame, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct value *top = read_top(&arena, text, n, file, err);

	if (!top)
		return NULL;
	struct entry_list *list = entry_list_new();
	if (read_entries(&arena, value_dict_get(top, "models"), list, err) < 0) {
		entry_list_unref(list);
		return NULL;
	}
	read_frame(top, frame);
	return list;
}

int registry_file_write(const struct entry_list *list, const struct registry_frame *frame,
	struct strbuf *out, struct err *err)
{
	strbuf_addstr(out, frame->head);
	strbuf_addch(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		strbuf_addstr(out, i ? ",\n    " : "\n    ");
		strbuf_addstr(out, list->items[i]->file_text);
	}
	strbuf_addstr(out, list->count ? "\n  ]" : "]");
	strbuf_addstr(out, frame->tail);
	if (out->len > REGISTRY_FILE_MAX)
		return err_set(err, ERR_LIMIT,
			"the registry would be larger than %u bytes; use sqlite: or "
			"postgresql:",
			REGISTRY_FILE_MAX);
	return 0;
}
