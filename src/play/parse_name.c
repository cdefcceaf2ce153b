/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of files and roles that are imported while the playbook is read, and tags. A template
 * in one sees extra variables, those of the play (and its vars_files whose names are plain),
 * and those of the steps and the roles around: no host has been chosen yet.
 */
#include "base/path.h"
#include "play/parse.h"
#include "play/role.h"
#include "template/template.h"

static void add_files(struct parser *p, struct vars_view *view, const struct play *play)
{
	const struct value *files = play->vars_files;

	for (size_t i = 0; files && i < files->count; i++) {
		const struct value *name = files->items[i];
		if (!value_is_string(name) || parse_is_template(name))
			continue;
		autofree char *path = path_join(play->directory, name->text);
		const struct value *v =
			path_exists(path)
				? parse_read_file(p, arena_strdup(p->arena, path), &name->place)
				: NULL;
		if (v && v->kind == VALUE_DICT)
			vars_view_add(view, VARS_PLAY_FILE, name->text, v);
	}
}

static void add_steps(struct vars_view *view, const struct step *s)
{
	if (s->outer)
		add_steps(view, s->outer);
	if (s->vars && s->vars->kind == VALUE_DICT)
		vars_view_add(view, VARS_BLOCK, step_title(s), s->vars);
}

static void add_scope(struct parser *p, struct vars_view *view, const struct play *play,
	const struct step *around)
{
	struct value *magic = value_new_dict(p->arena);

	if (play) {
		value_dict_set(p->arena, magic, "playbook_dir",
			value_new_string(p->arena, play->directory));
		if (play->vars && play->vars->kind == VALUE_DICT)
			vars_view_add(view, VARS_PLAY, play->name, play->vars);
		add_files(p, view, play);
	}
	if (around && around->role) {
		vars_view_add(view, VARS_MAGIC, "role", role_magic(around->role, p->arena));
		role_add_own(view, around->role);
	}
	if (around)
		add_steps(view, around);
	vars_view_add(view, VARS_MAGIC, "play", magic);
}

static const struct value *render(
	struct parser *p, struct vars_view *view, const char *what, const struct value *v)
{
	struct err err = {0};
	const struct value *result = vars_render(view, v->text, &v->place, &err);

	if (result)
		return value_copy(p->arena, result);
	diag_error(p->diags, &v->place,
		"%s: the name cannot be rendered: %s; variables of hosts are not known when "
		"a playbook is read, only extra variables and those of the play",
		what, err.text);
	return NULL;
}

const struct value *parse_rendered(struct parser *p, const char *what, const struct value *v,
	const struct play *play, const struct step *around)
{
	const struct playbook_options *o = p->options;

	if (!parse_is_template(v))
		return v;
	if (!o->vars || !o->inventory) {
		diag_error(p->diags, &v->place,
			"%s: found a template, expected a plain name: there are no variables "
			"here to render it with",
			what);
		return NULL;
	}
	struct vars_view *view = vars_view_new(o->vars, o->inventory->localhost);
	add_scope(p, view, play, around);
	const struct value *result = render(p, view, what, v);
	vars_view_free(view);
	return result;
}

const char *parse_imported(struct parser *p, const char *what, const struct value *v,
	const struct play *play, const struct step *around)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *result = parse_rendered(p, what, v, play, around);
	struct err err = {0};

	if (result == v || !result)
		return result ? parse_text(p, v) : NULL;
	if (template_str(result, &text, &err) == 0)
		return arena_strdup(p->arena, text.data);
	diag_error(p->diags, &v->place, "%s: %s", what, err.text);
	return NULL;
}
