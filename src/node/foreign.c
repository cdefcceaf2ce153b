/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module foreign: a module of somebody else's, a program that is brought along with its
 * arguments. Both lie in a directory of their own while it runs.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/spawn.h"
#include "node/module.h"
#include "node/scratch.h"

#define OUTPUT_CAP 1900000 /* bytes of each stream: two of them fit a result */
#define WORDS_MAX  100

const struct node_arg foreign_args[] = {
	{"module", ARG_TEXT | ARG_REQUIRED},
	{"name", ARG_TEXT | ARG_REQUIRED},
	{"file", ARG_CONTENT | ARG_REQUIRED},
	{"arguments", ARG_CONTENT},
	{"interpreters", ARG_LIST},
	{"options", ARG_LIST},
	{"environment", ARG_DICT},
	{"output_max", ARG_INT},
	{NULL, 0},
};

struct foreign {
	struct scratch scratch;
	const char *file, *arguments; /* their paths; arguments may be NULL */
	const char *interpreter;      /* NULL: the file is run itself */
};

/* True if a program can be run: a path, or a name that the path of programs has. */
static bool is_program(const char *name)
{
	AUTO(strlist_release) struct strlist directories = {0};
	const char *path = getenv("PATH");
	struct stat st;

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 && stat(name, &st) == 0 && S_ISREG(st.st_mode);
	strlist_split(&directories, path ? path : "/usr/bin:/bin", ":");
	for (size_t i = 0; i < directories.count; i++) {
		autofree char *full = xasprintf("%s/%s", directories.items[i], name);
		if (access(full, X_OK) == 0 && stat(full, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

/* The first of the interpreters that is here. One alone is taken as it is. */
static int choose(struct node_call *c, struct foreign *f, struct err *err)
{
	const char *const *names = call_list(c, "interpreters", err);

	if (!names)
		return -1;
	if (!names[0])
		return 0;
	f->interpreter = call_expand(c, names[0]);
	for (size_t i = 0; names[i]; i++) {
		f->interpreter = call_expand(c, names[i]);
		if (is_program(f->interpreter))
			return 0;
	}
	if (!names[1])
		return err_set(err, ERR_NOTFOUND,
			"%s, which is to run the module, is not on this host, or no program",
			names[0]);
	return err_set(err, ERR_NOTFOUND,
		"this host has no Python (looked for %s, %s and others), and the module is "
		"written in it; install python3, or name one in ansible_python_interpreter",
		names[0], names[1]);
}

static int put_files(struct node_call *c, struct foreign *f, struct err *err)
{
	struct change_content content;
	const char *name = call_text(c, "name", err);

	if (!name || call_content(c, "file", &content, err) < 0)
		return -1;
	f->file = scratch_put(&f->scratch, c->arena, name, &content, err);
	if (!f->file)
		return -1;
	if (chmod(f->file, 0700) < 0)
		return err_sys(err, "chmod %s", f->file);
	int given = call_content(c, "arguments", &content, err);
	if (given <= 0)
		return given;
	f->arguments = scratch_put(&f->scratch, c->arena, "args", &content, err);
	return f->arguments ? 0 : -1;
}

/* The interpreter, its options, the file, and the arguments' file. NULL with err. */
static const char *const *make_argv(
	struct node_call *c, const struct foreign *f, struct err *err)
{
	const char *const *options = call_list(c, "options", err);
	const char **argv = arena_array(c->arena, WORDS_MAX + 4, sizeof(*argv));
	size_t count = 0;

	if (!options)
		return NULL;
	if (f->interpreter)
		argv[count++] = f->interpreter;
	for (size_t i = 0; f->interpreter && options[i] && i < WORDS_MAX; i++)
		argv[count++] = options[i];
	argv[count++] = f->file;
	if (f->arguments)
		argv[count++] = f->arguments;
	return argv;
}

/* The task's variables; numbers and booleans have been made texts by the engine. */
static const char *const *make_environment(struct node_call *c)
{
	const struct item *dict = item_get(c->args, "environment");
	uint32_t count = dict && dict->type == ITEM_DICT ? dict->count : 0;
	const char **env = arena_array(c->arena, count + 1u, sizeof(*env));

	for (uint32_t i = 0; i < count; i++) {
		const struct item *v = &dict->items[i];
		const char *text = v->type == ITEM_STRING ? v->text : "";
		env[i] = arena_printf(c->arena, "%.*s=%.*s", (int)v->key_len, v->key,
			v->type == ITEM_STRING ? (int)v->len : 0, text);
	}
	return env;
}

static int run(struct node_call *c, const struct foreign *f, struct err *err)
{
	int64_t max = item_int(c->args, "output_max", OUTPUT_CAP);
	struct call_program p = {.argv = make_argv(c, f, err),
		.env = make_environment(c),
		.output_max = max > 0 && max < OUTPUT_CAP ? (size_t)max : OUTPUT_CAP};

	if (!p.argv)
		return -1;
	int result = call_run(c, &p, err);
	if (result == 0 && p.out_cut)
		result = err_set(
			err, ERR_LIMIT, "the module printed more than %zu bytes", p.output_max);
	if (result == 0) {
		item_put_bool(c->out, "changed", !c->check);
		item_put_int(c->out, "rc", p.status);
		item_put_stringn(c->out, "stdout", p.out.data, p.out.len);
		item_put_stringn(c->out, "stderr", p.err.data, p.err.len);
		if (f->interpreter)
			item_put_string(c->out, "interpreter", f->interpreter);
	}
	call_program_release(&p);
	return result;
}

int node_foreign(struct node_call *c, struct err *err)
{
	struct foreign f = {0};
	const char *module = call_text(c, "module", err);
	int result = -1;

	if (module && choose(c, &f, err) == 0 && put_files(c, &f, err) == 0 &&
		(c->check ||
			transaction_record_note(call_transaction(c),
				arena_printf(c->arena, "ran the module %s", module), err) == 0))
		result = run(c, &f, err);
	scratch_release(&f.scratch);
	return result;
}
