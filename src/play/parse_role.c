/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: of a play, of other roles' dependencies, and imported ones. Each becomes a block with
 * the keywords that stand beside the role. In it are the blocks of its dependencies, then one
 * with its own tasks.
 */
#include "base/path.h"
#include "play/collections.h"
#include "play/module.h"
#include "play/parse.h"
#include "play/readers.h"
#include "play/role.h"
#include "value/json.h"

/* ---- files ---- */

/* Files of variables melted into one mapping. */
static const struct value *read_variables(
	struct parser *p, const struct role_use *use, const char *subdir, const char *from)
{
	AUTO(strlist_release) struct strlist files = {0};
	struct value *all = value_new_dict(p->arena);
	char found[FOUND_MAX];

	role_files(use->path, subdir, from, true, &files);
	for (size_t i = 0; i < files.count; i++) {
		const struct place at = {.file = arena_strdup(p->arena, files.items[i])};
		const struct value *v = parse_read_file(p, at.file, &at);
		if (!v || v->kind == VALUE_NULL)
			continue;
		if (v->kind == VALUE_DICT)
			value_dict_foreach (pair, v)
				value_dict_set_value(p->arena, all, pair->key, pair->value);
		else
			diag_error(p->diags, &v->place,
				"found %s, expected a mapping of variables",
				found_text(v, found));
	}
	return all;
}

/* The one file of a directory of the role, in the arena; NULL when there is none. */
static const char *only_file(
	struct parser *p, const struct role_use *use, const char *subdir, const char *from)
{
	AUTO(strlist_release) struct strlist files = {0};

	role_files(use->path, subdir, from, false, &files);
	return files.count ? arena_strdup(p->arena, files.items[0]) : NULL;
}

/* Reports a name of ..._from that no file of the role has. */
static void check_from(struct parser *p, const struct role_request *q,
	const struct role_use *use, const char *subdir, const char *from)
{
	AUTO(strlist_release) struct strlist files = {0};

	if (!from)
		return;
	role_files(use->path, subdir, from, true, &files);
	if (files.count == 0)
		diag_error(p->diags, &q->place, "the role '%s' has no file %s/%s", use->name,
			subdir, from);
}

/* ---- what a role is ---- */

static void add_json(struct strbuf *key, const struct value *v)
{
	static const struct json_write_options options = {
		.sort_keys = true, .mark_vault = true, .mark_unsafe = true};

	strbuf_addch(key, '\n');
	if (v)
		json_write(v, &options, key, NULL);
}

/* What tells a use from others of the same role: Ansible's rule for what was done already. */
static const char *make_key(struct parser *p, const struct role_request *q)
{
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	const char *const from[] = {
		q->tasks_from, q->handlers_from, q->vars_from, q->defaults_from};

	strbuf_addf(&key, "%s\n%d", q->name, q->included);
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		strbuf_addf(&key, "\n%s", from[i] ? from[i] : "");
	add_json(&key, q->params);
	add_json(&key, q->said);
	add_json(&key, q->definition ? value_dict_get(q->definition, "when") : NULL);
	add_json(&key, q->definition ? value_dict_get(q->definition, "tags") : NULL);
	return arena_strdup(p->arena, key.data);
}

/* True if a role is among those that depend on it. */
static bool depends_on_itself(const struct role_use *use)
{
	for (const struct role_use *by = use; by->depended; by = by->parent)
		if (strcmp(by->parent->path, use->path) == 0)
			return true;
	return false;
}

/* What a role is called: by its whole name, if it is of a collection. */
static const char *role_name(struct parser *p, const char *written, const char *collection)
{
	if (collection && !str_starts(written, collection))
		return arena_printf(p->arena, "%s.%s", collection, written);
	return arena_strdup(p->arena, *written == '/' ? path_basename(written) : written);
}

static struct role_use *new_use(
	struct parser *p, const struct role_request *q, const struct step *frame)
{
	AUTO(strbuf_release) struct strbuf looked = STRBUF_INIT;
	const char *collection;
	autofree char *path = collections_role(p, frame, q->name, &collection, &looked);
	struct role_use *use = ARENA_NEW(p->arena, struct role_use);

	if (!path)
		path = role_find(q->name, p->options->roles_path, frame->play->directory,
			q->beside, &looked);

	if (!path) {
		diag_error(p->diags, &q->place, "the role '%s' was not found; looked for %s",
			q->name, looked.data);
		return NULL;
	}
	*use = (struct role_use){
		.name = role_name(p, q->name, collection),
		.collection = collection,
		.path = arena_strdup(p->arena, path),
		.key = make_key(p, q),
		.parent = q->parent,
		.depended = q->depended,
		.allow_duplicates = q->included && q->allow_duplicates,
		.said = q->said,
		.params = q->params,
	};
	if (!depends_on_itself(use))
		return use;
	diag_error(p->diags, &q->place, "the role '%s' depends on itself", q->name);
	return NULL;
}

/* ---- meta/main.yml ---- */

static void read_dependencies(struct parser *p, const struct value *list,
	const struct role_request *q, struct role_use *use, struct step *frame);

static void read_duplicates(struct parser *p, struct role_use *use, const struct value *v)
{
	static const struct keyword as_bool = {
		.name = "allow_duplicates", .type = KEYWORD_BOOL};
	const struct value_pair pair = {.value = v};

	if (v->kind != VALUE_NULL && keyword_check(p, &as_bool, &pair))
		use->allow_duplicates = value_truthy(v) &&
					strcmp(value_text(v) ? value_text(v) : "", "no") != 0;
}

static const struct value *read_meta(struct parser *p, const struct role_use *use)
{
	static const char *const known[] = {"allow_duplicates", "argument_specs", "collections",
		"dependencies", "galaxy_info", "standalone"};
	const char *path = only_file(p, use, "meta", NULL);
	const struct place at = {.file = path};
	const struct value *meta = path ? parse_read_file(p, path, &at) : NULL;
	char found[FOUND_MAX];

	if (!meta || meta->kind == VALUE_NULL)
		return NULL;
	if (meta->kind != VALUE_DICT) {
		diag_error(p->diags, &meta->place, "found %s, expected a mapping",
			found_text(meta, found));
		return NULL;
	}
	value_dict_foreach (pair, meta) {
		bool is_known = false;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= value_is_string(pair->key) &&
				    strcmp(pair->key->text, known[i]) == 0;
		if (!is_known)
			diag_error(p->diags, &pair->key->place, "%s is no key of a role's meta",
				found_text(pair->key, found));
	}
	return meta;
}

/* The argument specs: of their own file, else of meta/main.yml. */
static const struct value *read_specs(
	struct parser *p, const struct role_use *use, const struct value *meta)
{
	AUTO(strlist_release) struct strlist files = {0};

	role_files(use->path, "meta", "argument_specs", false, &files);
	if (files.count == 0)
		return value_dict_get(meta, "argument_specs");
	const struct place at = {.file = arena_strdup(p->arena, files.items[0])};
	return value_dict_get(parse_read_file(p, at.file, &at), "argument_specs");
}

/* ---- tasks and handlers ---- */

static void set(struct parser *p, struct value *dict, const char *key, const struct value *v)
{
	value_dict_set(p->arena, dict, key, v);
}

/* The arguments of the task that compares a role's arguments with its spec. */
static struct value *validation(struct parser *p, const struct role_use *use,
	const struct value *spec, const char *entry)
{
	struct arena *a = p->arena;
	struct value *context = value_new_dict(a), *args = value_new_dict(a);
	const struct value *options = value_dict_get(spec, "options");

	set(p, context, "type", value_new_string(a, "role"));
	set(p, context, "name", value_new_string(a, use->name));
	set(p, context, "argument_spec_name", value_new_string(a, entry));
	set(p, context, "path", value_new_string(a, use->path));
	set(p, args, "argument_spec", options ? options : value_new_dict(a));
	set(p, args, "provided_arguments", use->params);
	set(p, args, "validate_args_context", context);
	return args;
}

/* The task that checks a role's arguments goes before all others, whatever the tags. */
static void add_validation(struct parser *p, const struct role_use *use,
	const struct value *specs, const char *entry, const struct target *around,
	struct steps *to)
{
	const struct value *spec = value_dict_get(specs, entry);
	const char *short_text = value_text(value_dict_get(spec, "short_description"));
	struct value *task = value_new_dict(p->arena);

	if (!spec || spec->kind != VALUE_DICT || spec->count == 0)
		return;
	task->place = spec->place;
	set(p, task, "name",
		value_new_string(p->arena,
			arena_printf(p->arena, "Validating arguments against arg spec '%s'%s%s",
				entry, short_text ? " - " : "", short_text ? short_text : "")));
	set(p, task, "ansible.builtin.validate_argument_spec", validation(p, use, spec, entry));
	set(p, task, "tags", value_new_string(p->arena, "always"));
	parse_task(p, task, around, to);
}

/* Reads a list of steps from a file of the role. */
static void read_steps(struct parser *p, const char *path, const struct target *around,
	const struct place *at, struct steps *to)
{
	struct parse_file file;

	if (!path || !parse_enter(p, &file, path, at))
		return;
	const struct value *list = parse_read_file(p, path, at);
	if (list && list->kind != VALUE_NULL)
		parse_steps(p, list, around, to);
	parse_leave(p);
}

static void read_tasks(struct parser *p, const struct role_request *q,
	const struct role_use *use, const struct value *specs, struct step *frame)
{
	struct target around = {.where = KEYWORD_TASK, .play = (struct play *)frame->play};
	const struct value v = {.kind = VALUE_NULL, .place = q->place};

	around.step = frame;
	struct step *body = parse_new_step(p, STEP_BLOCK, &around, &v);
	if (!body)
		return;
	body->role_body = true;
	around.step = body;
	*PARSE_PUSH(p->arena, &frame->block->block) = body;
	if (specs && !q->unchecked)
		add_validation(p, use, specs, q->tasks_from ? q->tasks_from : "main", &around,
			&body->block->block);
	check_from(p, q, use, "tasks", q->tasks_from);
	read_steps(p, only_file(p, use, "tasks", q->tasks_from), &around, &q->place,
		&body->block->block);
}

/*
 * Handlers of a role that was used alike before are there already; of several with one name,
 * they are now those that were mentioned last. True if the list has some.
 */
static bool mention_handlers(
	const struct parser *p, const struct steps *handlers, const struct role_use *use)
{
	bool found = false;

	for (size_t i = 0; i < handlers->count; i++) {
		struct step *h = handlers->items[i];
		if (!h->role || strcmp(h->role->key, use->key) != 0)
			continue;
		h->mentioned = p->playbook->step_count;
		found = true;
	}
	return found;
}

static void read_handlers(struct parser *p, const struct role_request *q,
	const struct role_use *use, struct step *frame)
{
	const struct target around = {
		.where = KEYWORD_HANDLER, .play = (struct play *)frame->play, .step = frame};

	check_from(p, q, use, "handlers", q->handlers_from);
	if (mention_handlers(p, q->handlers, use))
		return;
	read_steps(p, only_file(p, use, "handlers", q->handlers_from), &around, &q->place,
		q->handlers);
}

/* Short names in a role: its own collection, those of its meta, none of the play's. */
static void set_collections(struct parser *p, const struct role_use *use,
	const struct value *meta, struct step *frame)
{
	const struct value *said = value_dict_get(meta, "collections");
	struct value *all = value_new_list(p->arena);

	if (use->collection)
		value_list_add(p->arena, all, value_new_string(p->arena, use->collection));
	if (said && said->kind == VALUE_LIST)
		value_list_foreach (one, said)
			value_list_add(p->arena, all, one);
	frame->attributes[ATTRIBUTE_COLLECTIONS] = all;
}

const struct role_use *parse_role(
	struct parser *p, const struct role_request *q, struct step *frame)
{
	struct role_use *use = new_use(p, q, frame);
	const struct value *meta, *v;

	if (!use || !parse_deeper(p, &q->place))
		return NULL;
	frame->role = use;
	if (!use->params)
		use->params = value_new_dict(p->arena);
	check_from(p, q, use, "vars", q->vars_from);
	check_from(p, q, use, "defaults", q->defaults_from);
	use->vars = read_variables(p, use, "vars", q->vars_from);
	use->defaults = read_variables(p, use, "defaults", q->defaults_from);
	meta = read_meta(p, use);
	v = value_dict_get(meta, "allow_duplicates");
	if (v && !q->included)
		read_duplicates(p, use, v);
	set_collections(p, use, meta, frame);
	v = value_dict_get(meta, "dependencies");
	if (v && v->kind != VALUE_NULL)
		read_dependencies(p, v, q, use, frame);
	read_tasks(p, q, use, read_specs(p, use, meta), frame);
	read_handlers(p, q, use, frame);
	p->depth--;
	return use;
}

/* ---- lists of roles ---- */

/* Keys beside a role that are no keywords are its parameters. */
static bool is_parameter(struct target *t, const char *name)
{
	(void)t;
	(void)name;
	return true;
}

/* A role's name in a list: a text, or the member `role` or `name` of a mapping. */
static const struct value *name_of(const struct value *v)
{
	const struct value *name = v;

	if (v->kind == VALUE_DICT) {
		name = value_dict_get(v, "role");
		if (!name)
			name = value_dict_get(v, "name");
	}
	return name && (value_is_string(name) || name->kind == VALUE_INT) ? name : NULL;
}

/* Reads what a mapping says of a role besides its name. */
static void read_mapping(
	struct parser *p, const struct value *v, struct step *frame, struct role_request *q)
{
	struct value *params = value_new_dict(p->arena);
	struct target t = {.where = KEYWORD_ROLE,
		.title = "a role",
		.source = v,
		.place = v->place,
		.play = (struct play *)frame->play,
		.step = frame};

	keywords_read(p, &t, is_parameter);
	q->definition = v;
	q->said = frame->vars;
	frame->vars = NULL;
	value_dict_foreach (pair, v)
		if (value_is_string(pair->key) && !keyword_find(pair->key->text, KEYWORD_ROLE))
			value_dict_set_value(p->arena, params, pair->key, pair->value);
	q->params = params;
}

/* Reads one entry of a list of roles into a block of its own. */
static const struct role_use *read_entry(struct parser *p, const struct value *v,
	const struct role_request *like, const struct target *around, struct steps *to)
{
	const struct value *name = name_of(v);
	struct role_request q = *like;
	char found[FOUND_MAX];

	if (!name) {
		diag_error(p->diags, &v->place,
			"roles: found %s, expected a role's name, or a mapping with \"role\"",
			found_text(v, found));
		return NULL;
	}
	if (value_is_string(v) && strchr(v->text, ',')) {
		diag_error(p->diags, &v->place, "roles: found %s, expected a role's name",
			found_text(v, found));
		return NULL;
	}
	q.name = parse_imported(p, "roles", name, around->play, around->step);
	q.place = name->place;
	struct step *frame = parse_new_step(p, STEP_BLOCK, around, v);
	if (!q.name || !frame)
		return NULL;
	if (v->kind == VALUE_DICT)
		read_mapping(p, v, frame, &q);
	*PARSE_PUSH(p->arena, to) = frame;
	return parse_role(p, &q, frame);
}

static void read_dependencies(struct parser *p, const struct value *list,
	const struct role_request *q, struct role_use *use, struct step *frame)
{
	autofree char *beside = path_dirname(use->path);
	const struct role_request like = {.beside = arena_strdup(p->arena, beside),
		.parent = use,
		.handlers = q->handlers,
		.depended = true};
	const struct target around = {
		.where = KEYWORD_TASK, .play = (struct play *)frame->play, .step = frame};
	char found[FOUND_MAX];

	if (list->kind != VALUE_LIST) {
		diag_error(p->diags, &list->place, "dependencies: found %s, expected a list",
			found_text(list, found));
		return;
	}
	for (size_t i = 0; i < list->count && !p->full; i++) {
		const struct role_use *on =
			read_entry(p, list->items[i], &like, &around, &frame->block->block);
		if (on)
			*PARSE_PUSH(p->arena, &use->dependencies) = on;
	}
}

void read_roles(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	const struct role_request like = {.handlers = &t->play->handlers};
	const struct target around = {.where = KEYWORD_TASK, .play = t->play};
	char found[FOUND_MAX];

	(void)k;
	if (v->kind == VALUE_NULL)
		return;
	if (v->kind != VALUE_LIST) {
		diag_error(p->diags, &v->place, "roles: found %s, expected a list",
			found_text(v, found));
		return;
	}
	for (size_t i = 0; i < v->count && !p->full; i++) {
		const struct role_use *use =
			read_entry(p, v->items[i], &like, &around, &t->play->tasks);
		if (use)
			*PARSE_PUSH(p->arena, &t->play->roles) = use;
	}
}
