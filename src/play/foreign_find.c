/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a module's name to what is sent: library/ beside the playbook and in its role, then
 * Ansible's own modules, collections, and the names that lead to others (plugin_routing of
 * Ansible and of collections).
 */
#include <ctype.h>

#include "base/fd.h"
#include "base/path.h"
#include "play/foreign.h"
#include "play/parse.h"
#include "play/runner.h"
#include "value/yaml.h"

#define REDIRECTS_MAX 10
#define BUILTIN       "ansible.builtin."

/* A file of plugin_routing, read once for a playbook. */
struct routing {
	struct routing *next;
	const char *path;
	const struct value *routes; /* NULL: there are none */
};

struct foreign_cache {
	struct foreign *modules;
	struct routing *routings;
};

/* A name that is being looked for. */
struct search {
	struct parser *parser;
	struct foreign_places places;
	const struct place *place;
	const char *name;   /* as written */
	const char *target; /* where that leads to */
	char *path;         /* the file; NULL: not found */
	char *action;       /* an action plugin of that name; NULL: none */
	const char *python; /* the module's dotted name there */
	const struct module *ours;
	bool looks_only; /* nothing is reported */
};

static void search_init(
	struct search *s, struct parser *p, const char *name, const struct place *place)
{
	*s = (struct search){.parser = p, .place = place, .name = name, .target = name};
	foreign_places_list(
		&s->places, p->options->places, p->file->directory, p->playbook->directory);
}

static void search_release(struct search *s)
{
	foreign_places_release(&s->places);
	free(s->path);
	free(s->action);
}

static struct foreign_cache *cache_of(struct parser *p)
{
	if (!p->foreign)
		p->foreign = ARENA_NEW(p->arena, struct foreign_cache);
	return p->foreign;
}

/* ---- names that lead to others ---- */

/* plugin_routing of a file; NULL where there is none, or it cannot be read. */
static const struct value *read_routing(struct parser *p, const char *path)
{
	struct foreign_cache *cache = cache_of(p);
	struct err ignored = {0};

	for (const struct routing *r = cache->routings; r; r = r->next)
		if (strcmp(r->path, path) == 0)
			return r->routes;
	struct routing *r = ARENA_NEW(p->arena, struct routing);
	*r = (struct routing){.next = cache->routings, .path = arena_strdup(p->arena, path)};
	cache->routings = r;
	if (path_exists(path))
		r->routes =
			value_dict_get(yaml_read_file(p->arena, r->path, NULL, NULL, &ignored),
				"plugin_routing");
	return r->routes;
}

/* Where a name of a kind ("modules", "action") leads to, or NULL. */
static const char *redirect_of(
	const struct value *routes, const char *kind, const char *name, const char *key)
{
	const struct value *entry = value_dict_get(value_dict_get(routes, kind), name);

	return value_text(value_dict_get(entry, key));
}

/* A module that its collection has removed: what it says about that, or NULL. */
static const char *removal_of(const struct value *routes, const char *name)
{
	const struct value *entry = value_dict_get(value_dict_get(routes, "modules"), name);
	const struct value *tombstone = value_dict_get(entry, "tombstone");
	const char *text = value_text(value_dict_get(tombstone, "warning_text"));

	return tombstone && !text ? "it was removed from its collection" : text;
}

static int resolve(struct search *s, unsigned depth);

/* Follows what the routing says: 1 when the search is over, 0 when it says nothing, -1 after
 * a finding. */
static int follow(
	struct search *s, const struct value *routes, const char *name, unsigned depth)
{
	const char *to = redirect_of(routes, "modules", name, "redirect");
	const char *removed = removal_of(routes, name);

	if (removed && !to) {
		if (!s->looks_only)
			diag_error(s->parser->diags, s->place, "the module \"%s\": %s", s->name,
				removed);
		return -1;
	}
	if (!to || strcmp(to, s->target) == 0 || depth >= REDIRECTS_MAX)
		return 0;
	s->target = to;
	s->ours = module_find(to);
	if (s->ours)
		return 1;
	return resolve(s, depth + 1) < 0 ? -1 : 1;
}

/* ---- files ---- */

static char *python_file(const char *directory, const char *name)
{
	autofree char *file = xasprintf("%s.py", name);
	autofree char *path = path_join(directory, file);

	return path_exists(path) ? STEAL(path) : NULL;
}

/* A name of Ansible's own collection, or none: library/, Ansible's modules, their routing. */
static int resolve_short(struct search *s, const char *name, unsigned depth)
{
	bool builtin = str_starts(s->target, BUILTIN);

	for (size_t i = 0; !builtin && !s->path && i < s->places.libraries.count; i++)
		s->path = foreign_file_in(s->places.libraries.items[i], name);
	for (size_t i = 0; !builtin && !s->action && i < s->places.actions.count; i++)
		s->action = python_file(s->places.actions.items[i], name);
	s->python = arena_printf(s->parser->arena, "ansible.modules.%s", name);
	if (!s->places.ansible)
		return 0;
	autofree char *modules = path_join(s->places.ansible, "modules");
	autofree char *actions = path_join(s->places.ansible, "plugins/action");
	autofree char *routing =
		path_join(s->places.ansible, "config/ansible_builtin_runtime.yml");
	bool own = s->path != NULL;
	if (!s->path)
		s->path = python_file(modules, name);
	if (!s->action && path_is_component(name) && s->path && !own)
		s->action = python_file(actions, name);
	return s->path ? 0 : follow(s, read_routing(s->parser, routing), name, depth);
}

/* A module of a collection. */
static int resolve_in_collection(struct search *s, const char *leaf, unsigned depth)
{
	struct arena *arena = s->parser->arena;
	const char *collection =
		arena_strndup(arena, s->target, (size_t)(leaf - 1 - s->target));
	autofree char *directory = foreign_collection(&s->places, collection);

	if (!directory)
		return 0;
	autofree char *modules = path_join(directory, "plugins/modules");
	autofree char *actions = path_join(directory, "plugins/action");
	autofree char *runtime = path_join(directory, "meta/runtime.yml");
	const struct value *routes = read_routing(s->parser, runtime);
	int led = follow(s, routes, leaf, depth);
	if (led != 0)
		return led;
	const char *action = redirect_of(routes, "action", leaf, "redirect");
	s->path = foreign_file_in(modules, leaf);
	s->action = action ? xstrdup(action) : python_file(actions, leaf);
	s->python = arena_printf(
		arena, "ansible_collections.%s.plugins.modules.%s", collection, leaf);
	return 0;
}

/* Looks for s->target; -1 after a finding. */
static int resolve(struct search *s, unsigned depth)
{
	const char *name = module_short_name(s->target);
	const char *dot = name == s->target ? strchr(name, '.') : NULL;

	dot = dot ? strchr(dot + 1, '.') : NULL;
	if (dot)
		return resolve_in_collection(s, dot + 1, depth);
	return path_is_component(name) ? resolve_short(s, name, depth) : 0;
}

/* ---- a module's file ---- */

/* Python's name for the helpers, where a very old module has a mark in their place. */
static void replace_mark(struct strbuf *text)
{
	static const char mark[] = "#<<INCLUDE_ANSIBLE_MODULE_COMMON>>";
	static const char import[] = "from ansible.module_utils.basic import *";
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const char *at = text->data, *found;

	while ((found = strstr(at, mark))) {
		strbuf_add(&out, at, (size_t)(found - at));
		strbuf_addstr(&out, import);
		at = found + strlen(mark);
	}
	strbuf_addstr(&out, at);
	strbuf_clear(text);
	strbuf_add(text, out.data, out.len);
}

/* The words behind "#!" of the first line, or NULL. */
static const char *interpreter_of(struct arena *arena, const char *text)
{
	if (!str_starts(text, "#!"))
		return NULL;
	text += strlen("#!");
	text += strspn(text, " \t");
	size_t n = strcspn(text, "\r\n");
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	return n > 0 ? arena_strndup(arena, text, n) : NULL;
}

/* The version of the Ansible that is here, as its release.py says. */
static const char *version_of(struct arena *arena, const struct foreign_places *places)
{
	static const char mark[] = "__version__ = '";
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *at = NULL;

	if (places->ansible) {
		autofree char *path = path_join(places->ansible, "release.py");
		if (file_read(path, 65536, &text, NULL) == 0)
			at = strstr(text.data, mark);
	}
	if (!at)
		return "2.14.0";
	at += strlen(mark);
	return arena_strndup(arena, at, strcspn(at, "'"));
}

/* Makes what is sent of a file's text. */
static int make_pack(
	struct search *s, struct foreign *f, const struct strbuf *text, struct err *err)
{
	AUTO(strbuf_release) struct strbuf archive = STRBUF_INIT;
	const struct foreign_python m = {.places = &s->places,
		.name = s->python,
		.path = f->path,
		.text = text->data,
		.len = text->len};

	if (f->style == FOREIGN_PYTHON && foreign_python_pack(&m, &archive, err) < 0)
		return -1;
	const struct strbuf *sent = f->style == FOREIGN_PYTHON ? &archive : text;
	f->pack = run_pack_make(s->parser->arena, sent->data, sent->len, err);
	return f->pack ? 0 : -1;
}

static int read_style(struct search *s, struct foreign *f, struct strbuf *text, struct err *err)
{
	f->style = foreign_style_of(text->data, text->len);
	if (f->style == FOREIGN_POWERSHELL)
		return err_set(err, ERR_UNSUPPORTED,
			"it is written in PowerShell, for Windows, which is not supported");
	if (f->style == FOREIGN_PYTHON)
		replace_mark(text);
	if (f->style != FOREIGN_BINARY)
		f->interpreter = interpreter_of(s->parser->arena, text->data);
	if (f->style == FOREIGN_BINARY || f->style == FOREIGN_PYTHON || f->interpreter)
		return 0;
	return err_set(err, ERR_INPUT,
		"its first line names no interpreter; expected one like \"#!/bin/sh\"");
}

/* Reads a module's file into an entry; NULL with err. */
static struct foreign *load(struct search *s, struct err *err)
{
	static const struct argument none[] = {{0}};
	struct arena *arena = s->parser->arena;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct foreign *f = ARENA_NEW(arena, struct foreign);

	f->path = arena_strdup(arena, s->path);
	f->file_name = path_basename(f->path);
	if (file_read(f->path, FOREIGN_MAX_BYTES, &text, err) < 0)
		return NULL;
	if (read_style(s, f, &text, err) < 0 || make_pack(s, f, &text, err) < 0) {
		if (!strstr(err->text, f->path))
			err_wrap(err, "%s", f->path);
		return NULL;
	}
	f->data = arena_strndup(arena, text.data, text.len);
	f->len = text.len;
	f->ansible_version = version_of(arena, &s->places);
	f->module = (struct module){.name = arena_strdup(arena, s->name),
		.arguments = none,
		.flags = MODULE_ANY_ARGUMENT | MODULE_CANNOT_UNDO | MODULE_JOB |
			 (foreign_checks(f->style, text.data, text.len) ? MODULE_CHECKS : 0),
		.run = foreign_run};
	return f;
}

/* The entry of a file, read at its first use in a playbook. */
static int take_file(struct search *s, const struct module **module)
{
	struct foreign_cache *cache = cache_of(s->parser);
	struct err err = {0};

	for (struct foreign *f = cache->modules; f; f = f->next)
		if (strcmp(f->path, s->path) == 0 && strcmp(f->module.name, s->name) == 0) {
			*module = &f->module;
			return 1;
		}
	struct foreign *f = load(s, &err);
	if (!f) {
		diag_error(s->parser->diags, s->place, "the module \"%s\" cannot be run: %s",
			s->name, err.text);
		return -1;
	}
	f->next = cache->modules;
	cache->modules = f;
	*module = &f->module;
	return 1;
}

static int refuse_action(struct search *s)
{
	diag_error(s->parser->diags, s->place,
		"the module \"%s\" is not supported yet: a part of it runs inside Ansible (the "
		"action plugin %s)",
		s->name, s->action);
	return -1;
}

static int find(struct search *s, const struct module **module)
{
	if (resolve(s, 0) < 0)
		return -1;
	*module = s->ours;
	if (s->ours)
		return 1;
	if (s->action)
		return refuse_action(s);
	return s->path ? take_file(s, module) : 0;
}

int foreign_find(struct parser *p, const char *name, const struct place *place,
	const struct module **module)
{
	struct search s;

	search_init(&s, p, name, place);
	int result = find(&s, module);
	search_release(&s);
	return result;
}

bool foreign_exists(struct parser *p, const char *name)
{
	struct search s;

	search_init(&s, p, name, NULL);
	s.looks_only = true;
	bool found = resolve(&s, 0) < 0 || s.ours || s.path || s.action;
	search_release(&s);
	return found;
}

const char *foreign_path(struct parser *p, const char *name)
{
	struct search s;

	search_init(&s, p, name, NULL);
	s.looks_only = true;
	const char *path =
		resolve(&s, 0) == 0 && s.path ? arena_strdup(p->arena, s.path) : NULL;
	search_release(&s);
	return path;
}

/* Modules that Ansible runs through an action of the same name, which are ours either way. */
static bool has_action(const char *name)
{
	static const char *const names[] = {"add_host", "assemble", "assert", "async_status",
		"command", "copy", "debug", "fail", "fetch", "gather_facts", "group_by",
		"include_vars", "meta", "package", "pause", "raw", "reboot", "script",
		"service", "set_fact", "set_stats", "shell", "sync_models", "health_check",
		"template", "unarchive", "uri", "validate_argument_spec",
		"wait_for_connection"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool foreign_overrides(struct parser *p, const char *name)
{
	bool found = false;
	struct search s;

	if (strchr(name, '.') || has_action(name))
		return false;
	search_init(&s, p, name, NULL);
	for (size_t i = 0; !found && i < s.places.libraries.count; i++) {
		autofree char *path = foreign_file_in(s.places.libraries.items[i], name);
		found = path != NULL;
	}
	search_release(&s);
	return found;
}

const struct foreign *foreign_of(const struct module *m)
{
	return m->run == foreign_run ? (const struct foreign *)m : NULL;
}
