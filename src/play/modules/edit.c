/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/edit.h"

#include "play/diff.h"
#include "play/modules/content.h"
#include "play/modules/forward.h"
#include "play/modules/remote.h"
#include "play/runner.h"

#define ATTEMPTS 5 /* at a file that somebody else writes, too */

static const char *const attributes[] = {CONTENT_ATTRIBUTE_NAMES, NULL};

void edit_release(struct edit *e)
{
	strbuf_release(&e->before);
	strbuf_release(&e->after);
}

int edit_exclusive(
	struct module_call *c, const char *first, const char *second, struct err *err)
{
	if (!argument_value(c, first) || !argument_value(c, second))
		return 0;
	return err_set(
		err, ERR_INPUT, "parameters are mutually exclusive: %s|%s", first, second);
}

int edit_no_file(struct edit *e, int64_t rc, const char *what, struct err *err)
{
	call_set_int(e->call, "rc", rc);
	return err_set(err, ERR_INPUT, "%s", what);
}

static bool is_set(const struct value *answer, const char *key)
{
	const struct value *v = value_dict_get(answer, key);

	return v && value_truthy(v);
}

static struct value *arguments_for(struct edit *e, const struct value *more)
{
	struct arena *a = e->call->arena;
	struct value *args = value_new_dict(a);

	value_dict_set(a, args, "path", value_new_string(a, e->path));
	if (more)
		value_dict_foreach (p, more)
			value_dict_set_value(a, args, p->key, p->value);
	forward_into(e->call, args, attributes);
	return args;
}

/* Reads the file as it is. */
static int look(struct edit *e, struct err *err)
{
	struct value *args = arguments_for(e, e->asked);
	struct tree_sink sink = strbuf_sink(&e->before);
	struct remote_file file;

	strbuf_clear(&e->before);
	strbuf_clear(&e->after);
	e->changed = false;
	value_dict_set(e->call->arena, args, "hash", &value_true);
	if (remote_read(e->call, args, &sink, REMOTE_TEXT_MAX, &file, err) < 0)
		return -1;
	if (strcmp(file.kind, "directory") == 0)
		return edit_no_file(e, 256,
			arena_printf(e->call->arena, "Path %s is a directory !", e->path), err);
	if (strcmp(file.kind, "other") == 0)
		return err_set(err, ERR_INPUT, "Path %s is no file", e->path);
	e->exists = strcmp(file.kind, "file") == 0;
	e->hash = e->exists ? file.hash : NULL;
	e->attributes_differ = is_set(file.answer, "attributes_differ");
	e->answer = file.answer;
	return 0;
}

/* Puts the part that is new into the arguments. */
static int add_part(struct edit *e, struct value *args, struct err *err)
{
	struct arena *a = e->call->arena;
	const struct strbuf *from = &e->before, *to = &e->after;
	size_t shorter = from->len < to->len ? from->len : to->len;
	size_t head = 0, tail = 0;

	while (head < shorter && from->data[head] == to->data[head])
		head++;
	while (tail < shorter - head &&
		from->data[from->len - 1 - tail] == to->data[to->len - 1 - tail])
		tail++;
	value_dict_set(a, args, "at", value_new_int(a, (int64_t)head));
	value_dict_set(a, args, "cut", value_new_int(a, (int64_t)(from->len - head - tail)));
	if (e->hash)
		value_dict_set(a, args, "hash", value_new_string(a, e->hash));
	return runner_put_content(
		e->call, args, "content", to->data + head, to->len - head - tail, err);
}

/* Brings the change to the node: 1 when it is done, 0 when the file is another by now. */
static int put(struct edit *e, struct err *err)
{
	static const char *const passed[] = {"validate", NULL};
	struct arena *a = e->call->arena;
	struct value *args = arguments_for(e, e->written);

	value_dict_set(a, args, "follow", value_bool(!e->keep_link));
	value_dict_set(a, args, "create", value_bool(e->create));
	value_dict_set(a, args, "backup", value_bool(argument_bool(e->call, "backup")));
	forward_into(e->call, args, passed);
	if (e->changed && add_part(e, args, err) < 0)
		return -1;
	const struct value *answer = runner_ask_node(e->call, "edit", args, err);
	if (!answer)
		return -1;
	e->backup = value_text(value_dict_get(answer, "backup_file"));
	e->dressed = answer;
	return !is_set(answer, "stale");
}

int edit_run(struct edit *e, edit_change change, struct err *err)
{
	call_set_bool(e->call, "changed", false);
	for (int i = 0; i < ATTEMPTS; i++) {
		if (look(e, err) < 0)
			return -1;
		int result = change(e, err);
		if (result <= 0)
			return result;
		bool attributes_only = !e->changed && e->attributes_differ && e->exists;
		if (e->call->check || (!e->changed && !attributes_only))
			return 1;
		result = put(e, err);
		if (result != 0)
			return result;
	}
	return err_set(err, ERR_BUSY, "%s: somebody else keeps changing the file", e->path);
}

void edit_tell_file(const struct edit *e)
{
	static const char *const keys[] = {
		"uid", "gid", "owner", "group", "mode", "state", "size"};
	const struct value *answer = e->dressed ? e->dressed : e->answer;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct value *v = value_dict_get(answer, keys[i]);
		if (v)
			call_set(e->call, keys[i], v);
	}
}

/* In check mode a file that is not there has no attributes to speak of. */
static bool tells_attributes(const struct edit *e)
{
	return e->attributes_differ && (e->exists || (e->changed && !e->call->check));
}

void edit_tell(const struct edit *e)
{
	static const char *const why = "ownership, perms or SE linux context changed";
	bool also = tells_attributes(e);

	call_set_bool(e->call, "changed", e->changed || also);
	call_set_text(e->call, "msg",
		!also ? e->msg
		      : arena_printf(e->call->arena, "%s%s%s", e->msg,
				e->changed ? " and " : "", why));
}

const struct value *edit_diff(const struct edit *e, const char *header)
{
	struct diff_side before = {.header = header,
		.data = e->before.data,
		.len = e->before.len,
		.larger = e->before.len > DIFF_CONTENT_MAX};
	const struct strbuf *is = e->changed ? &e->after : &e->before;
	struct diff_side after = {.header = header,
		.data = is->data,
		.len = is->len,
		.larger = is->len > DIFF_CONTENT_MAX};

	if (!e->call->diff)
		before.len = after.len = 0;
	return diff_of_contents(e->call->arena, &before, &after);
}

void edit_tell_diff(const struct edit *e)
{
	struct arena *a = e->call->arena;
	const struct value *content = edit_diff(e, arena_printf(a, "%s (content)", e->path));
	const struct value *header =
		value_new_string(a, arena_printf(a, "%s (file attributes)", e->path));

	if (e->call->check && !e->exists) {
		call_set(e->call, "diff", content);
		return;
	}
	struct value *dress = value_new_dict(a);
	if (tells_attributes(e) && e->call->diff) {
		value_dict_set(
			a, dress, "before", value_dict_get(e->answer, "attributes_before"));
		value_dict_set(
			a, dress, "after", value_dict_get(e->answer, "attributes_after"));
	}
	value_dict_set(a, dress, "before_header", header);
	value_dict_set(a, dress, "after_header", header);
	struct value *list = value_new_list(a);
	value_list_add(a, list, content);
	value_list_add(a, list, dress);
	call_set(e->call, "diff", list);
}
