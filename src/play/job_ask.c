/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a job: its file on the node, as a result. */
#include "play/job.h"

#include "base/path.h"
#include "play/foreign.h"
#include "play/modules/remote.h"
#include "play/run_state.h"

#define DIRECTORY "~/.ansible_async"

/* The directory of the files: as the host's variables, the environment or nobody says. */
static const char *directory_of(struct module_call *c, struct err *err)
{
	struct err why = {0};
	const struct value *v = runner_target_var(c, "ansible_async_dir", &why);
	const char *given = getenv("ANSIBLE_ASYNC_DIR");

	if (!v && why.code != ERR_NONE && why.code != ERR_NOTFOUND) {
		err_set(err, why.code, "%s", why.text);
		return NULL;
	}
	if (value_text(v) && *value_text(v))
		return value_text(v);
	return given && *given ? given : DIRECTORY;
}

const struct value *job_directory(struct module_call *c, struct err *err)
{
	const char *directory = directory_of(c, err);

	return directory ? value_new_string(c->arena, directory) : NULL;
}

static void set_missing(struct module_call *c)
{
	call_set_text(c, "msg", "could not find job");
	call_set_bool(c, "started", true);
	call_set_bool(c, "finished", true);
	call_set_bool(c, "failed", true);
}

/* The keys that every answer has. */
static void prepare(struct module_call *c, const char *id)
{
	call_set_bool(c, "started", false);
	call_set_bool(c, "finished", false);
	call_set_text(c, "stdout", "");
	call_set_text(c, "stderr", "");
	call_set_text(c, "ansible_job_id", id);
}

static int read_file(struct module_call *c, const char *path, struct strbuf *text,
	struct remote_file *file, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	struct tree_sink sink = strbuf_sink(text);

	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	return remote_read(c, args, &sink, REMOTE_TEXT_MAX, file, err);
}

void job_states_as_bool(struct module_call *c)
{
	static const char *const keys[] = {"started", "finished"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct value *v = value_dict_get(c->result, keys[i]);
		if (v)
			call_set_bool(c, keys[i], value_truthy(v));
	}
}

/* Makes what the file says the result. */
static void take(struct module_call *c, const char *id, const struct strbuf *text)
{
	struct value *base = c->result;
	const char *msg = arena_printf(c->arena, "Could not parse job output: %s", text->data);

	c->result = value_new_dict(c->arena);
	bool read = foreign_take_object(c, text->data, text->len);
	if (!read) {
		call_set_text(c, "msg", msg);
		call_set_bool(c, "failed", true);
	}
	if (!value_dict_get(c->result, "started")) {
		call_set_bool(c, "finished", true);
		call_set_text(c, "ansible_job_id", id);
	}
	job_states_as_bool(c);
	value_dict_foreach (p, base)
		if (!value_dict_get(c->result, p->key->text))
			value_dict_set_value(c->arena, c->result, p->key, p->value);
}

int job_ask(struct module_call *c, const char *id, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *directory = directory_of(c, err);
	struct remote_file file = {0};

	prepare(c, id);
	call_set_bool(c, "started", true);
	if (!directory)
		return -1;
	const char *path = arena_printf(c->arena, "%s/%s", directory, id);
	call_set_text(c, "results_file", path);
	if (!path_is_component(id)) {
		set_missing(c);
		return 0;
	}
	if (read_file(c, path, &text, &file, err) < 0)
		return -1;
	const char *named = value_text(value_dict_get(file.answer, "named"));
	if (named)
		call_set_text(c, "results_file", named);
	if (strcmp(file.kind, "file") != 0)
		set_missing(c);
	else
		take(c, id, &text);
	return 0;
}

int job_forget(struct module_call *c, const char *id, struct err *err)
{
	struct value *args = value_new_dict(c->arena);
	const char *directory = directory_of(c, err);

	prepare(c, id);
	if (!directory)
		return -1;
	const char *path = arena_printf(c->arena, "%s/%s", directory, id);
	call_set_text(c, "erased", path);
	if (!path_is_component(id)) {
		set_missing(c);
		return 0;
	}
	value_dict_set(c->arena, args, "path", value_new_string(c->arena, path));
	value_dict_set(c->arena, args, "state", value_new_string(c->arena, "absent"));
	const struct value *answer = runner_ask_node(c, "file", args, err);
	if (!answer)
		return -1;
	const char *named = value_text(value_dict_get(answer, "path"));
	if (named)
		call_set_text(c, "erased", named);
	if (!result_is(answer, "changed"))
		set_missing(c);
	return 0;
}
