/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that change accounts. A login that is not root's may have a PATH without the
 * directories of the system's own programs, so they are looked for there, too.
 */
#include <unistd.h>

#include "base/path.h"
#include "node/tools.h"

static const char *const directories[] = {
	"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin"};
static const char *const environment[] = {
	"LC_ALL=C.UTF-8", "LANGUAGE=", "DISPLAY=", "WAYLAND_DISPLAY=", NULL};

/* The path of a program, or NULL. */
static const char *find_program(struct arena *a, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		const char *path = arena_printf(a, "%s/%s", directories[i], name);
		if (access(path, X_OK) == 0 && !path_is_dir(path))
			return path;
	}
	return NULL;
}

int tools_need(struct node_call *c, const char *program, struct err *err)
{
	if (find_program(c->arena, program))
		return 0;
	return err_set(err, ERR_NOTFOUND, "Failed to find required executable \"%s\"", program);
}

static int run(struct tools *r, const struct strlist *argv, const char *input, struct err *err)
{
	struct arena *a = r->call->arena;
	const char **words = arena_array(a, argv->count + 1, sizeof(*words));
	AUTO(call_program_release)
	struct call_program p = {.argv = words,
		.env = environment,
		.input = input,
		.input_len = input ? strlen(input) : 0};

	for (size_t i = 0; i < argv->count; i++)
		words[i] = argv->items[i];
	words[0] = find_program(a, argv->items[0]);
	if (!words[0])
		return tools_need(r->call, argv->items[0], err);
	if (call_run(r->call, &p, err) < 0)
		return -1;
	r->rc = p.status;
	strbuf_add(&r->out, p.out.data, p.out.len);
	strbuf_add(&r->err, p.err.data, p.err.len);
	return 0;
}

int tools_run(struct tools *r, const struct strlist *argv, const char *input, struct err *err)
{
	/* The last word is whom it is about; the others may be secrets. */
	const char *note = arena_printf(r->call->arena, "ran %s for %s", argv->items[0],
		input ? "an account" : argv->items[argv->count - 1]);

	r->ran = true;
	r->rc = 0;
	if (r->call->check)
		return 0;
	if (transaction_record_note(call_transaction(r->call), note, err) < 0)
		return -1;
	return run(r, argv, input, err);
}

int tools_ask(struct tools *r, const struct strlist *argv, struct err *err)
{
	return run(r, argv, NULL, err);
}

int tools_feed(struct tools *r, const struct strlist *argv, const char *input, struct err *err)
{
	return run(r, argv, input, err);
}

void tools_release(struct tools *r)
{
	strbuf_release(&r->out);
	strbuf_release(&r->err);
}

void tools_tell_failure(struct tools *r, const char *name, bool rc)
{
	struct item_writer *out = r->call->out;

	item_put_bool(out, "changed", false);
	item_put_bool(out, "failed", true);
	item_put_string(out, "name", name);
	item_put_stringn(out, "msg", r->err.data, r->err.len);
	if (rc)
		item_put_int(out, "rc", r->rc);
}

void tools_tell_output(struct tools *r)
{
	if (r->out.len > 0)
		item_put_stringn(r->call->out, "stdout", r->out.data, r->out.len);
	if (r->err.len > 0)
		item_put_stringn(r->call->out, "stderr", r->err.data, r->err.len);
}
