/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of this machine: where a playbook's are found, how they are rendered, and how content
 * comes to a node.
 */
#include "play/run_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "inventory/datafile.h"
#include "inventory/paths.h"
#include "play/role.h"
#include "tree/compress.h"
#include "tree/hash.h"

#define INLINE_MAX 16384u /* bytes of content that go with the arguments */

/* ---- finding ---- */

static void add_once(struct strlist *l, const char *s)
{
	if (!strlist_has(l, s))
		strlist_add(l, s);
}

/* Adds the places below one directory where a kind of file may lie. */
static void add_places(
	struct strlist *places, const char *dir, const char *kind, const char *name)
{
	autofree char *below = path_join(dir, kind);
	autofree char *first = path_join(below, name);
	autofree char *second = path_join(dir, name);

	add_once(places, first);
	add_once(places, second);
}

/*
 * Where a step's files lie: in its role, then in those that brought the role; beside its own
 * file (for tasks/ and handlers/, above these); beside the playbook.
 */
static void list_directories(const struct step *s, struct strlist *directories)
{
	for (const struct role_use *role = s->role; role; role = role->parent)
		add_once(directories, role->path);
	if (s->place.file) {
		autofree char *dir = path_dirname(s->place.file);
		const char *base = path_basename(dir);
		if (strcmp(base, "tasks") == 0 || strcmp(base, "handlers") == 0) {
			autofree char *parent = path_dirname(dir);
			add_once(directories, parent);
		}
		add_once(directories, dir);
	}
	add_once(directories, s->play->directory);
}

static void list_places(
	const struct step *s, const char *kind, const char *name, struct strlist *places)
{
	AUTO(strlist_release) struct strlist directories = {0};

	if (*name == '/') {
		strlist_add(places, name);
		return;
	}
	list_directories(s, &directories);
	for (size_t i = 0; i < directories.count; i++)
		add_places(places, directories.items[i], kind, name);
}

const struct value *runner_search_path(const struct runner *r, struct arena *arena)
{
	const struct step *s = r->step;
	AUTO(strlist_release) struct strlist directories = {0};
	struct value *list = value_new_list(arena);

	if (!s)
		return NULL;
	for (const struct role_use *role = s->role; role; role = role->parent)
		add_once(&directories, role->path);
	if (s->place.file) {
		autofree char *dir = path_dirname(s->place.file);
		add_once(&directories, path_absolute(arena, dir, NULL));
	}
	add_once(&directories, path_absolute(arena, s->play->directory, NULL));
	for (size_t i = 0; i < directories.count; i++)
		value_list_add(arena, list, value_new_string(arena, directories.items[i]));
	return list;
}

void runner_search(struct runner *r, const struct step *s)
{
	r->step = s;
	if (r->searched && r->searched == s->place.file && !s->role)
		return;
	strlist_release(&r->search.paths);
	list_directories(s, &r->search.paths);
	r->searched = s->role ? NULL : s->place.file;
}

char *runner_find(struct module_call *c, const char *kind, const char *name, struct err *err)
{
	AUTO(strlist_release) struct strlist places = {0};
	AUTO(strbuf_release) struct strbuf looked = STRBUF_INIT;
	autofree char *expanded = path_expand_home(name);

	list_places(c->step, kind, expanded, &places);
	for (size_t i = 0; i < places.count; i++) {
		if (path_exists(places.items[i]))
			return xstrdup(places.items[i]);
		strbuf_addf(&looked, "%s%s", i ? ", " : "", places.items[i]);
	}
	err_set(err, ERR_NOTFOUND, "could not find %s; looked for %s", name, looked.data);
	return NULL;
}

/* ---- rendering ---- */

/* A file that is written in a syntax of the task's own. */
static const struct template *compile_with(struct runner *r, struct template_context *ctx,
	const char *path, const struct template_syntax *syntax, struct err *err)
{
	AUTO(vault_wipe) struct strbuf source = STRBUF_INIT;
	const struct place at = {.file = path, .line = 1, .column = 1};

	if (datafile_read(path, r->run->o->secrets, &source, err) < 0)
		return NULL;
	return template_cache_get(ctx->cache, source.data, source.len, &at, syntax, err);
}

int runner_render(struct module_call *c, const char *path, const struct template_syntax *syntax,
	const struct value *locals, struct strbuf *out, struct err *err)
{
	struct runner *r = c->runner;
	struct template_context *ctx = vars_view_context(r->host->view);
	const struct template *t =
		syntax ? compile_with(r, ctx, path, syntax, err)
		       : run_shared_template(r->run->shared, path, r->run->o->secrets, err);

	if (!t)
		return -1;
	/* What a template includes lies beside it. */
	strlist_release(&r->search.paths);
	autofree char *dir = path_dirname(path);
	strlist_add(&r->search.paths, dir);
	strlist_add(&r->search.paths, c->step->play->directory);
	r->searched = NULL;
	return template_render(ctx, t, locals, out, err);
}

/* ---- environment ---- */

/* Adds the pairs of one mapping. */
static int add_environment(
	struct value *all, struct arena *arena, const struct value *v, struct err *err)
{
	if (v->kind == VALUE_NULL || (value_is_string(v) && v->len == 0))
		return 0;
	if (v->kind == VALUE_LIST) {
		value_list_foreach (item, v)
			if (add_environment(all, arena, item, err) < 0)
				return -1;
		return 0;
	}
	if (v->kind != VALUE_DICT)
		return err_set(err, ERR_INPUT, "environment: found %s, expected a mapping",
			value_kind_name(v));
	value_dict_foreach (p, v) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		if (template_str(p->value, &text, err) < 0)
			return -1;
		value_dict_set_value(
			arena, all, p->key, value_new_stringn(arena, text.data, text.len));
	}
	return 0;
}

/* Those of the steps around go first. */
static int collect_environment(struct runner *r, const struct value *const *attributes,
	struct value *all, struct arena *arena, struct err *err)
{
	const struct value *v = attributes[ATTRIBUTE_ENVIRONMENT];

	if (!v)
		return 0;
	v = keyword_value(r, v, err);
	return v ? add_environment(all, arena, v, err) : -1;
}

static int environment_of_step(struct runner *r, const struct step *s, struct value *all,
	struct arena *arena, struct err *err)
{
	if (s->outer) {
		if (environment_of_step(r, s->outer, all, arena, err) < 0)
			return -1;
	} else if (collect_environment(r, s->play->attributes, all, arena, err) < 0) {
		return -1;
	}
	return collect_environment(r, s->attributes, all, arena, err);
}

const struct value *runner_environment(struct runner *r, struct execution *x, struct err *err)
{
	struct arena *arena = x->call.arena;
	struct value *all;

	if (x->environment)
		return x->environment;
	all = value_new_dict(arena);
	if (environment_of_step(r, x->call.step, all, arena, err) < 0)
		return NULL;
	x->environment = all;
	return all;
}

/* ---- content ---- */

/* Makes sure of the line and its helper before something is put there. */
static struct line *line_for(struct module_call *c, uint16_t *ctx, struct err *err)
{
	struct link *link;

	if (runner_link(c, &link, ctx, err) < 0)
		return NULL;
	return c->runner->now->line;
}

/* Puts content and names its number in the arguments. */
static int put(struct module_call *c, struct value *args, const char *key,
	const struct line_content *content, struct err *err)
{
	unsigned number;
	uint16_t ctx;
	struct line *l = line_for(c, &ctx, err);

	if (!l)
		return -1;
	if (line_put(l, ctx, content, c->until, &number, err) < 0) {
		c->runner->now->lost = l->lost && !l->link;
		return -1;
	}
	value_dict_set(c->arena, args, key, value_new_int(c->arena, number));
	return 0;
}

struct memory {
	const char *data;
	size_t len;
};

static ssize_t read_memory(void *data, void *buffer, size_t n, uint64_t offset, struct err *err)
{
	const struct memory *m = data;
	size_t left = m->len - (size_t)offset, take = n < left ? n : left;

	(void)err;
	memcpy(buffer, m->data + offset, take);
	return (ssize_t)take;
}

/* Compresses content where that pays; else leaves `out` empty. */
static int compress(const void *data, size_t n, struct strbuf *out, struct err *err)
{
	struct tree_sink sink = strbuf_sink(out);
	size_t sample = n < COMPRESS_SAMPLE_SIZE ? n : COMPRESS_SAMPLE_SIZE;

	if (!compress_pays(data, sample))
		return 0;
	struct compressor *z = compressor_new(COMPRESS_LEVEL, &sink);
	int result = compressor_feed(z, data, n, err) < 0 || compressor_end(z, err) < 0;
	compressor_free(z);
	return result ? -1 : 0;
}

int runner_put_content(struct module_call *c, struct value *args, const char *key,
	const void *data, size_t n, struct err *err)
{
	AUTO(strbuf_release) struct strbuf small = STRBUF_INIT;
	struct memory m = {data, n};
	struct line_content content = {.size = n, .read = read_memory, .data = &m};

	if (n <= INLINE_MAX) {
		value_dict_set(
			c->arena, args, key, value_new_text(c->arena, VALUE_BYTES, data, n));
		return 0;
	}
	struct tree_hash *h = tree_hash_new();
	tree_hash_add(h, data, n);
	tree_hash_get(h, content.hash);
	tree_hash_free(h);
	if (compress(data, n, &small, err) < 0)
		return -1;
	if (small.len > 0) {
		m = (struct memory){small.data, small.len};
		content.compressed = true;
	}
	return put(c, args, key, &content, err);
}

struct run_pack {
	const void *raw;
	size_t len;
	struct memory sent;
	bool compressed;
	uint8_t hash[TREE_HASH_SIZE];
};

const struct run_pack *run_pack_make(
	struct arena *arena, const void *data, size_t n, struct err *err)
{
	AUTO(strbuf_release) struct strbuf small = STRBUF_INIT;
	struct run_pack *p = ARENA_NEW(arena, struct run_pack);
	struct tree_hash *h = tree_hash_new();

	tree_hash_add(h, data, n);
	tree_hash_get(h, p->hash);
	tree_hash_free(h);
	if (n > INLINE_MAX && compress(data, n, &small, err) < 0)
		return NULL;
	p->len = n;
	p->compressed = small.len > 0;
	p->sent.len = small.len > 0 ? small.len : n;
	p->sent.data = arena_strndup(arena, small.len > 0 ? small.data : data, p->sent.len);
	p->raw = p->compressed ? NULL : p->sent.data;
	return p;
}

int runner_put_pack(struct module_call *c, struct value *args, const char *key,
	const struct run_pack *p, struct err *err)
{
	struct memory m = p->sent;
	struct line_content content = {
		.size = p->len, .compressed = p->compressed, .read = read_memory, .data = &m};

	if (p->len <= INLINE_MAX)
		return runner_put_content(c, args, key, p->raw, p->len, err);
	memcpy(content.hash, p->hash, sizeof(content.hash));
	return put(c, args, key, &content, err);
}

static ssize_t read_file(void *data, void *buffer, size_t n, uint64_t offset, struct err *err)
{
	const int *fd = data;
	ssize_t got = pread(*fd, buffer, n, (off_t)offset);

	return got < 0 ? err_sys(err, "cannot read") : got;
}

int runner_put_fd(struct module_call *c, struct value *args, const char *key, int fd,
	uint64_t size, const uint8_t *hash, struct err *err)
{
	struct line_content content = {.size = size, .read = read_file, .data = &fd};

	memcpy(content.hash, hash, sizeof(content.hash));
	return put(c, args, key, &content, err);
}

/* Sends a file's content, compressed where that pays. */
static int put_shared(struct module_call *c, struct value *args, const char *key,
	const char *path, const struct shared_file *f, struct err *err)
{
	struct memory m = {f->compressed.data, f->compressed.len};
	struct line_content content = {.size = (uint64_t)f->st.st_size};

	memcpy(content.hash, f->hash, sizeof(content.hash));
	if (m.len > 0) {
		content.compressed = true;
		content.read = read_memory;
		content.data = &m;
		return put(c, args, key, &content, err);
	}
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot open");
	content.read = read_file;
	content.data = &fd;
	return put(c, args, key, &content, err);
}

int runner_put_file(struct module_call *c, struct value *args, const char *key,
	const char *path, struct err *err)
{
	const struct shared_file *f = run_shared_file(c->runner->run->shared, path, err);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!f)
		return -1;
	if (f->st.st_size > INLINE_MAX) {
		if (put_shared(c, args, key, path, f, err) < 0)
			return err_wrap(err, "%s", path);
		return 0;
	}
	if (file_read(path, INLINE_MAX, &text, err) < 0)
		return -1;
	return runner_put_content(c, args, key, text.data, text.len, err);
}
