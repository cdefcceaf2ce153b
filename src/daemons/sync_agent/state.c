/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "value/json.h"

void state_release(struct state *s)
{
	free(s->pending.items);
	free(s->former.items);
	free(s->blocked.items);
	*s = (struct state){0};
}

struct block *state_block(const struct state *s, const char *file)
{
	for (size_t i = 0; i < s->blocked.count; i++)
		if (strcmp(s->blocked.items[i].file, file) == 0)
			return &s->blocked.items[i];
	return NULL;
}

void state_set_block(struct state *s, const struct block *block)
{
	struct block *there = state_block(s, block->file);

	if (there && block->version)
		*there = *block;
	else if (there)
		*there = s->blocked.items[--s->blocked.count];
	else if (block->version)
		*VEC_PUSH(&s->blocked) = *block;
}

void state_drop_former(struct state *s, size_t index)
{
	s->former.count--;
	memmove(&s->former.items[index], &s->former.items[index + 1],
		(s->former.count - index) * sizeof(*s->former.items));
}

/* ---- reading ---- */

static const char *text_of(struct arena *a, const struct value *v, const char *name)
{
	return arena_strdup(a, value_text(value_dict_get(v, name)));
}

static uint64_t number_of(const struct value *v, const char *name)
{
	const struct value *member = value_dict_get(v, name);

	return member && member->kind == VALUE_INT ? (uint64_t)member->integer : 0;
}

/* A name in .former/ that is no way out of it. */
static const char *kept_of(struct arena *a, const struct value *v)
{
	const char *kept = text_of(a, v, "kept");

	return kept && path_is_component(kept) ? kept : NULL;
}

static bool record_of(
	struct arena *a, const struct value *v, const char *name, struct record *r)
{
	const struct value *member = value_dict_get(v, name);
	const char *file = text_of(a, member, "file");

	*r = (struct record){0};
	return file && path_is_contained(file) && record_read(a, file, member, r);
}

static bool take_pending(struct arena *a, const struct value *v, struct state *s)
{
	struct pending p = {.kept = kept_of(a, v), .inode = number_of(v, "inode")};

	if (!record_of(a, v, "next", &p.next))
		return false;
	if (!record_of(a, v, "last", &p.last))
		p.last = (struct record){0};
	*VEC_PUSH(&s->pending) = p;
	return true;
}

static bool take_former(struct arena *a, const struct value *v, struct state *s)
{
	struct former f = {.kept = kept_of(a, v)};

	if (!f.kept || !record_of(a, v, "record", &f.record))
		return false;
	*VEC_PUSH(&s->former) = f;
	return true;
}

static bool take_block(struct arena *a, const struct value *v, struct state *s)
{
	struct block b = {.file = text_of(a, v, "file"),
		.name = text_of(a, v, "name"),
		.version = text_of(a, v, "version"),
		.run_id = text_of(a, v, "run_id"),
		.reason = text_of(a, v, "reason")};

	if (!b.file || !b.name || !b.version || !b.run_id || !b.reason)
		return false;
	*VEC_PUSH(&s->blocked) = b;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct arena *a, const struct value *v, struct state *s);
} lists[] = {
	{"pending", take_pending},
	{"former", take_former},
	{"blocked", take_block},
};

int state_read(struct arena *a, const char *models_dir, struct state *s, struct err *err)
{
	static const struct json_options options = {
		.unsafe = true, .strict_numbers = true, .max_bytes = MANIFEST_MAX_BYTES};
	autofree char *path = path_join(models_dir, STATE_FILE);
	struct err why = {0};

	*s = (struct state){0};
	const struct value *v = json_read_file(a, path, &options, NULL, &why);
	if (!v && why.code == ERR_NOTFOUND)
		return 0;
	if (!v)
		return err_set(err, why.code, "%s", why.text);
	s->kept = number_of(v, "kept");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct value *list = value_dict_get(v, lists[i].name);
		if (!list || list->kind != VALUE_LIST)
			continue;
		value_list_foreach (item, list)
			if (!lists[i].take(a, item, s))
				return err_set(err, ERR_INPUT,
					"%s: %s has an item that is none", path, lists[i].name);
	}
	return 0;
}

/* ---- writing ---- */

static void put_text(struct arena *a, struct value *v, const char *name, const char *text)
{
	if (text)
		value_dict_set(a, v, name, value_new_string(a, text));
}

static void put_record(
	struct arena *a, struct value *v, const char *name, const struct record *r)
{
	if (!r->version)
		return;
	struct value *member = record_value(a, r);
	put_text(a, member, "file", r->file);
	value_dict_set(a, v, name, member);
}

static struct value *pending_value(struct arena *a, const struct pending *p)
{
	struct value *v = value_new_dict(a);

	put_record(a, v, "next", &p->next);
	put_record(a, v, "last", &p->last);
	put_text(a, v, "kept", p->kept);
	value_dict_set(a, v, "inode", value_new_int(a, (int64_t)p->inode));
	return v;
}

static struct value *former_value(struct arena *a, const struct former *f)
{
	struct value *v = value_new_dict(a);

	put_record(a, v, "record", &f->record);
	put_text(a, v, "kept", f->kept);
	return v;
}

static struct value *block_value(struct arena *a, const struct block *b)
{
	struct value *v = value_new_dict(a);

	put_text(a, v, "file", b->file);
	put_text(a, v, "name", b->name);
	put_text(a, v, "version", b->version);
	put_text(a, v, "run_id", b->run_id);
	put_text(a, v, "reason", b->reason);
	return v;
}

int state_write(const char *models_dir, const struct state *s, struct err *err)
{
	static const struct json_write_options options = {.indent = 2};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(arena_release) struct arena a = {0};
	autofree char *path = path_join(models_dir, STATE_FILE);
	struct value *v = value_new_dict(&a), *pending = value_new_list(&a),
		     *former = value_new_list(&a), *blocked = value_new_list(&a);

	for (size_t i = 0; i < s->pending.count; i++)
		value_list_add(&a, pending, pending_value(&a, &s->pending.items[i]));
	for (size_t i = 0; i < s->former.count; i++)
		value_list_add(&a, former, former_value(&a, &s->former.items[i]));
	for (size_t i = 0; i < s->blocked.count; i++)
		value_list_add(&a, blocked, block_value(&a, &s->blocked.items[i]));
	value_dict_set(&a, v, "pending", pending);
	value_dict_set(&a, v, "former", former);
	value_dict_set(&a, v, "blocked", blocked);
	value_dict_set(&a, v, "kept", value_new_int(&a, (int64_t)s->kept));
	if (json_write(v, &options, &text, err) < 0)
		return -1;
	strbuf_addch(&text, '\n');
	return file_replace(path, text.data, text.len, 0600, err);
}
