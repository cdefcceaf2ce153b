/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Python module and the helpers that it imports, as one archive: `python ARCHIVE ARGUMENTS`
 * runs its __main__.py, which hands the arguments over and runs the module as a program.
 *
 * Helpers are modules below ansible.module_utils (the user's own, then Ansible's) and below
 * ansible_collections. What they import is gathered in turn.
 */
#include "base/fd.h"
#include "base/path.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "play/foreign.h"
#include "play/zip.h"

#define UTILS      "ansible.module_utils"
#define COLLECTION "ansible_collections"
#define BASIC      UTILS ".basic"

/* Reads the arguments, tells the module where it may put temporary files, and runs it. */
static const char main_text[] =
	"import json, os, runpy, sys\n"
	"archive, path = os.path.abspath(sys.argv[0]), os.path.abspath(sys.argv[1])\n"
	"with open(path, 'rb') as f:\n"
	"    arguments = json.loads(f.read().decode('utf-8'))\n"
	"arguments['ANSIBLE_MODULE_ARGS']['_ansible_tmpdir'] = os.path.dirname(path)\n"
	"from ansible.module_utils import basic\n"
	"basic._ANSIBLE_ARGS = json.dumps(arguments).encode('utf-8')\n"
	"basic._ANSIBLE_PROFILE = 'legacy'\n"
	"sys.argv = [archive]\n"
	"runpy.run_module('%s', {'_module_fqn': '%s', '_modlib_path': archive}, '__main__', "
	"True)\n";

/* What was asked for and not found, for the message. */
struct wanted {
	const char *name; /* dotted */
	size_t needed;
	const char *by; /* the file that imports it, and where */
	unsigned line;
	bool optional;
};

struct packing {
	const struct foreign_places *places;
	struct arena arena;
	struct zip zip;
	struct strmap done; /* names of files in the archive, and dotted names looked at */
	struct {
		struct wanted *items;
		size_t count, cap;
	} queue;
};

/* Puts a file into the archive, once. */
static int put(struct packing *p, const char *name, const void *data, size_t n, struct err *err)
{
	if (strmap_has(&p->done, name))
		return 0;
	strmap_set(&p->done, name, NULL);
	return zip_add(&p->zip, name, data, n, err);
}

/* Notes what a program imports of what the archive may hold. */
static void note_imports(
	struct packing *p, const char *text, const char *package, const char *path)
{
	struct foreign_imports imports = {0};

	foreign_imports_read(text, package, &p->arena, &imports);
	for (size_t i = 0; i < imports.count; i++) {
		const struct foreign_import *m = &imports.items[i];
		if (!str_starts(m->name, UTILS) && !str_starts(m->name, COLLECTION "."))
			continue;
		*VEC_PUSH(&p->queue) = (struct wanted){.name = m->name,
			.needed = m->needed,
			.by = path,
			.line = m->line,
			.optional = m->optional};
	}
	foreign_imports_release(&imports);
}

/* ---- files of dotted names ---- */

/* A name's path in the archive: dots become slashes. */
static char *path_of(const char *name, size_t n)
{
	char *path = xstrndup(name, n);

	for (char *c = path; *c; c++)
		if (*c == '.')
			*c = '/';
	return path;
}

/* The first directory that holds `relative` as a module or a package: the file; or NULL. */
static char *file_below(const char *directory, const char *relative, bool *package)
{
	autofree char *base = path_join(directory, relative);
	autofree char *module = xasprintf("%s.py", base);
	autofree char *init = path_join(base, "__init__.py");

	*package = path_exists(init);
	if (*package)
		return STEAL(init);
	if (path_exists(module))
		return STEAL(module);
	/* A package needs no __init__.py in Python 3. */
	*package = path_is_dir(base);
	return *package ? STEAL(base) : NULL;
}

/* The file of a helper below ansible.module_utils. */
static char *utils_file(struct packing *p, const char *relative, bool *package)
{
	const struct foreign_places *f = p->places;
	char *found = NULL;

	for (size_t i = 0; !found && i < f->utils.count; i++)
		found = file_below(f->utils.items[i], relative, package);
	if (found || !f->ansible)
		return found;
	autofree char *own = path_join(f->ansible, "module_utils");
	return file_below(own, relative, package);
}

/* The file of a name below ansible_collections. */
static char *collection_file(struct packing *p, const char *relative, bool *package)
{
	const struct strlist *roots = &p->places->collections;
	char *found = NULL;

	for (size_t i = 0; !found && i < roots->count; i++)
		found = file_below(roots->items[i], relative, package);
	return found;
}

/* The file of the first n bytes of a name; NULL when there is none. */
static char *find_module(struct packing *p, const char *name, size_t n, bool *package)
{
	autofree char *path = path_of(name, n);

	*package = true;
	if (strcmp(path, "ansible") == 0 || strcmp(path, "ansible/module_utils") == 0 ||
		strcmp(path, COLLECTION) == 0)
		return xstrdup("");
	if (str_starts(path, "ansible/module_utils/"))
		return utils_file(p, path + strlen("ansible/module_utils/"), package);
	if (str_starts(path, COLLECTION "/"))
		return collection_file(p, path + strlen(COLLECTION "/"), package);
	return NULL;
}

/* Adds one module: its file, or an empty package; what it imports is noted. */
static int add_module(struct packing *p, const char *name, size_t n, const char *file,
	bool package, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = path_of(name, n);
	autofree char *entry = xasprintf("%s%s.py", path, package ? "/__init__" : "");
	const char *kept = arena_strdup(&p->arena, file);

	if (strmap_has(&p->done, entry))
		return 0;
	if (*file && !path_is_dir(file)) {
		if (file_read(file, FOREIGN_MAX_BYTES, &text, err) < 0)
			return -1;
		const char *dot = package ? NULL : memrchr(name, '.', n);
		const char *in = arena_strndup(&p->arena, name, dot ? (size_t)(dot - name) : n);
		note_imports(p, text.data, in, kept);
	}
	return put(p, entry, text.data, text.len, err);
}

static int missing(const struct packing *p, const struct wanted *w, struct err *err)
{
	if (!p->places->ansible && str_starts(w->name, UTILS))
		return err_set(err, ERR_NOTFOUND,
			"%s:%u imports %s, which is a part of Ansible, and Ansible was not "
			"found on this machine; install ansible-core here (not on the hosts), "
			"or say in MODELFLEET_ANSIBLE which directory holds its package",
			w->by, w->line, w->name);
	return err_set(err, ERR_NOTFOUND,
		"%s:%u imports %s, of which no file was found; put it into module_utils/ "
		"beside the playbook, or install the collection that has it",
		w->by, w->line, w->name);
}

/* Adds the modules along a dotted name, as far as there are files. */
static int add_wanted(struct packing *p, const struct wanted *w, struct err *err)
{
	size_t n = 0;

	if (strmap_has(&p->done, w->name))
		return 0;
	strmap_set(&p->done, w->name, NULL);
	for (;;) {
		n += strcspn(w->name + n, ".");
		bool package;
		autofree char *file = find_module(p, w->name, n, &package);
		if (!file && n <= w->needed && !w->optional) {
			/* What a package makes up when it is imported, like six.moves. */
			bool made_up =
				n > strlen(UTILS) + 1 &&
				memchr(w->name + strlen(UTILS) + 1, '.', n - strlen(UTILS) - 1);
			return made_up && str_starts(w->name, UTILS ".") ? 0
									 : missing(p, w, err);
		}
		if (!file)
			return 0;
		if (add_module(p, w->name, n, file, package, err) < 0)
			return -1;
		if (!package || w->name[n] == '\0')
			return 0;
		n++;
	}
}

/* Adds the packages around the module itself, which are empty, and the module. */
static int add_itself(struct packing *p, const struct foreign_python *m, struct err *err)
{
	const char *end = strrchr(m->name, '.');
	autofree char *path = path_of(m->name, strlen(m->name));
	autofree char *entry = xasprintf("%s.py", path);

	for (const char *dot = strchr(m->name, '.'); dot; dot = strchr(dot + 1, '.'))
		if (add_module(p, m->name, (size_t)(dot - m->name), "", true, err) < 0)
			return -1;
	const char *package =
		arena_strndup(&p->arena, m->name, end ? (size_t)(end - m->name) : 0);
	note_imports(p, m->text, package, m->path);
	return put(p, entry, m->text, m->len, err);
}

static int pack(struct packing *p, const struct foreign_python *m, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, main_text, m->name, m->name);
	if (put(p, "__main__.py", text.data, text.len, err) < 0 || add_itself(p, m, err) < 0)
		return -1;
	*VEC_PUSH(&p->queue) = (struct wanted){
		.name = BASIC, .needed = strlen(BASIC), .by = m->path, .line = 1};
	for (size_t i = 0; i < p->queue.count; i++) {
		const struct wanted w = p->queue.items[i];
		if (add_wanted(p, &w, err) < 0)
			return -1;
	}
	return 0;
}

int foreign_python_pack(const struct foreign_python *m, struct strbuf *out, struct err *err)
{
	struct packing p = {.places = m->places, .zip = ZIP_INIT};
	int result = pack(&p, m, err);

	zip_end(&p.zip);
	if (result == 0)
		strbuf_add(out, p.zip.data.data, p.zip.data.len);
	zip_release(&p.zip);
	strmap_release(&p.done, NULL);
	free(p.queue.items);
	arena_release(&p.arena);
	return result;
}
