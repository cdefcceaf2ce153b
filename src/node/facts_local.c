/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local facts: the files NAME.fact of a directory. What is executable is run, the rest is read;
 * the text goes to the engine, which reads JSON and INI.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "node/facts.h"

#define SUFFIX ".fact"

static int warn(struct facts *f, const char *text)
{
	strlist_add(&f->warnings, text);
	facts_put(f, "failed", text);
	return 0;
}

/* A program's output, or why there is none. -1 when the engine is gone. */
static int run_fact(struct facts *f, const char *path, struct err *err)
{
	const char *const argv[] = {path, NULL};
	struct call_program p = {.argv = argv, .until = deadline_in(f->timeout)};
	struct err why = {0};
	int result = call_run(f->call, &p, &why);

	if (result == 0 && p.status == 0)
		item_put_stringn(f->out, "text", p.out.data, p.out.len);
	else if (result == 0)
		warn(f, arena_printf(f->arena,
				"Failure executing fact script (%s), rc: %d, err: %s", path,
				p.status, p.err.data));
	else if (why.code != ERR_UNREACHABLE)
		warn(f, arena_printf(f->arena, "Could not execute fact script (%s): %s", path,
				why.text));
	call_program_release(&p);
	if (result < 0 && why.code == ERR_UNREACHABLE)
		return err_set(err, why.code, "%s", why.text);
	return 0;
}

static int tell_fact(struct facts *f, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct stat st;

	if (stat(path, &st) < 0)
		return warn(f, arena_printf(f->arena, "Could not stat fact (%s): %s", path,
				       strerror(errno)));
	if (st.st_mode & S_IXUSR && !*f->root)
		return run_fact(f, path, err);
	if (file_read(path, FACTS_FILE_MAX, &text, NULL) < 0)
		strbuf_clear(&text);
	strbuf_rtrim(&text);
	item_put_stringn(f->out, "text", text.data, text.len);
	return 0;
}

int facts_local(struct facts *f, struct err *err)
{
	int result = 0;

	item_open_dict(f->out, "ansible_local");
	for (const char *const *name = facts_names(f, f->fact_path); result == 0 && *name;
		name++) {
		const char *path = facts_pathf(f, "%s/%s", f->fact_path, *name);
		if (!str_ends(*name, SUFFIX))
			continue;
		item_open_dict(
			f->out, arena_strndup(f->arena, *name, strlen(*name) - strlen(SUFFIX)));
		facts_put(f, "path", path);
		result = tell_fact(f, path, err);
		item_close(f->out);
	}
	item_close(f->out);
	return result;
}
