/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `cron`: jobs and variables of a user's crontab, which `crontab` reads and writes,
 * or of a file of cron's, which is written here. A transaction takes both back.
 */
#include "node/cron.h"

#include <ctype.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/change.h"
#include "node/tools.h"
#include "node/users.h"

#define CRON_FILES    "/etc/cron.d"
#define CRON_FILE_MAX (4u << 20)

const struct node_arg cron_args[] = {
	{"name", ARG_TEXT | ARG_REQUIRED},
	{"state", ARG_TEXT},
	{"user", ARG_TEXT},
	{"job", ARG_TEXT},
	{"cron_file", ARG_TEXT},
	{"backup", ARG_BOOL},
	{"minute", ARG_TEXT},
	{"hour", ARG_TEXT},
	{"day", ARG_TEXT},
	{"month", ARG_TEXT},
	{"weekday", ARG_TEXT},
	{"special_time", ARG_TEXT},
	{"disabled", ARG_BOOL},
	{"env", ARG_BOOL},
	{"insertafter", ARG_TEXT},
	{"insertbefore", ARG_TEXT},
	{0},
};

struct cron_work {
	struct node_call *call;
	const char *name, *user, *job, *after, *before;
	const char *given_file, *file; /* NULL: a user's crontab */
	bool present, env, changed;
	bool removed; /* the file went with its last job */
	const char *warnings[2];
	size_t warned;
	struct cron_table table;
};

static void warn(struct cron_work *w, const char *text)
{
	w->warnings[w->warned++] = text;
}

/* ---- reading ---- */

static int check_file_name(struct cron_work *w, struct err *err)
{
	const char *name = path_basename(w->given_file);

	if (strcmp(w->given_file, "/etc/crontab") == 0)
		return err_set(err, ERR_INPUT,
			"Will not manage /etc/crontab via cron_file, see documentation.");
	w->file = *w->given_file == '/'
			  ? w->given_file
			  : arena_printf(w->call->arena, CRON_FILES "/%s", w->given_file);
	while (isalnum((unsigned char)*name) || *name == '_' || *name == '-')
		name++;
	if (*name || !*path_basename(w->given_file))
		warn(w, arena_printf(w->call->arena,
				"Filename portion of cron_file (\"%s\") should consist solely "
				"of upper- and lower-case letters, digits, underscores, and "
				"hyphens",
				path_basename(w->given_file)));
	return 0;
}

static int read_work(struct cron_work *w, struct err *err)
{
	struct node_call *c = w->call;
	const char *state = call_text_or_null(c, "state");

	w->name = call_text(c, "name", err);
	if (!w->name)
		return -1;
	w->user = call_text_or_null(c, "user");
	w->job = call_text_or_null(c, "job");
	w->after = call_text_or_null(c, "insertafter");
	w->before = call_text_or_null(c, "insertbefore");
	w->given_file = call_expand(c, call_text_or_null(c, "cron_file"));
	w->present = !state || strcmp(state, "present") == 0;
	w->env = item_bool(c->args, "env", false);
	if (strpbrk(w->name, "\r\n") || (w->user && strpbrk(w->user, " \t\r\n")))
		return err_set(err, ERR_INPUT, "name and user have no line breaks in them");
	return w->given_file && *w->given_file ? check_file_name(w, err) : 0;
}

/* The words of `crontab` for the user, with one more. */
static void crontab_words(struct cron_work *w, const char *last, struct strlist *argv)
{
	struct user me;

	strlist_add(argv, "crontab");
	if (w->user && !(user_by_uid(getuid(), &me) && strcmp(me.name, w->user) == 0)) {
		strlist_add(argv, "-u");
		strlist_add(argv, w->user);
	}
	strlist_add(argv, last);
}

static int read_file(struct cron_work *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (path_exists(w->file) && file_read(w->file, CRON_FILE_MAX, &text, err) < 0)
		return -1;
	cron_table_read(&w->table, text.data, false);
	return 0;
}

static int read_table(struct cron_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools t = TOOLS_INIT(w->call);

	if (w->file)
		return read_file(w, err);
	crontab_words(w, "-l", &argv);
	if (tools_ask(&t, &argv, err) < 0)
		return -1;
	if (t.rc > 1) /* 1 means that there are no jobs */
		return err_set(err, ERR_SYSTEM, "Unable to read crontab: %s", t.err.data);
	cron_table_read(&w->table, t.out.data, true);
	return 0;
}

/* ---- what is wanted ---- */

static const char *field(struct cron_work *w, const char *name)
{
	const char *given = call_text_or_null(w->call, name);

	return given ? given : "*";
}

static int check_wanted(struct cron_work *w, struct err *err)
{
	static const char *const times[] = {"minute", "hour", "day", "month", "weekday"};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		if (call_text_or_null(w->call, "special_time") &&
			strcmp(field(w, times[i]), "*") != 0)
			return err_set(err, ERR_INPUT,
				"You must specify time and date fields or special time.");
	}
	if (w->present && w->file && (!w->user || !*w->user))
		return err_set(err, ERR_INPUT,
			"To use cron_file=... parameter you must specify user=... as well");
	if (w->present && !w->job)
		return err_set(err, ERR_INPUT,
			"You must specify 'job' to install a new cron job or variable");
	if (w->present && (w->after || w->before) && !w->env)
		return err_set(err, ERR_INPUT,
			"Insertafter and insertbefore parameters are valid only with env=yes");
	if (w->env && strchr(w->name, ' '))
		return err_set(err, ERR_INPUT, "Invalid name for environment variable");
	return 0;
}

/* The line of the job: its time, in a file its user, and its command without line ends. */
static const char *job_line(struct cron_work *w)
{
	struct arena *a = w->call->arena;
	const char *special = call_text_or_null(w->call, "special_time");
	const char *off = item_bool(w->call->args, "disabled", false) ? "#" : "";
	const char *job = w->job + strspn(w->job, "\r\n");
	size_t n = strlen(job);

	while (n > 0 && (job[n - 1] == '\n' || job[n - 1] == '\r'))
		n--;
	job = arena_strndup(a, job, n);
	if (strpbrk(job, "\r\n"))
		warn(w, "Job should not contain line breaks");
	if (w->file)
		job = arena_printf(a, "%s %s", w->user, job);
	if (special)
		return arena_printf(a, "%s@%s %s", off, special, job);
	return arena_printf(a, "%s%s %s %s %s %s %s", off, field(w, "minute"), field(w, "hour"),
		field(w, "day"), field(w, "month"), field(w, "weekday"), job);
}

static int set_env(struct cron_work *w, struct err *err)
{
	const char *other = w->after ? w->after : w->before;
	const char *line =
		w->present ? arena_printf(w->call->arena, "%s=\"%s\"", w->name, w->job) : NULL;

	if (!line || cron_table_find_env(&w->table, w->name) >= 0) {
		w->changed = cron_table_set_env(&w->table, w->name, line);
		return 0;
	}
	long at = other ? cron_table_find_env(&w->table, other) : 0;
	if (at < 0)
		return err_set(err, ERR_NOTFOUND, "Variable named '%s' not found.", other);
	cron_table_insert(&w->table, (size_t)at + (w->after != NULL), line);
	w->changed = true;
	return 0;
}

static void set_job(struct cron_work *w)
{
	const char *line = w->present ? job_line(w) : NULL;

	w->changed = cron_table_set_job(&w->table, w->name, line);
	w->removed = !w->present && w->changed && w->file && cron_table_is_empty(&w->table);
}

/* What is there ends without a line end: cron would not read its last line. */
static bool needs_line_end(const struct cron_work *w)
{
	const struct strbuf *b = &w->table.existing;

	return b->len > 0 && b->data[b->len - 1] != '\n' && b->data[b->len - 1] != '\r';
}

/* ---- writing ---- */

/* A user's table is a file of cron's; where that is found a transaction puts it back. */
static int record_spool(struct cron_work *w, struct err *err)
{
	static const char *const spools[] = {
		"/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron"};
	struct transaction *t = call_transaction(w->call);
	struct user me;

	if (!w->user && !user_by_uid(getuid(), &me))
		me.name[0] = '\0';
	const char *name = w->user ? w->user : me.name;
	for (size_t i = 0; i < ARRAY_SIZE(spools); i++) {
		if (path_is_component(name) && access(spools[i], W_OK | X_OK) == 0)
			return transaction_record_path(
				t, arena_printf(w->call->arena, "%s/%s", spools[i], name), err);
	}
	return transaction_record_note(
		t, arena_printf(w->call->arena, "changed the crontab of %s", name), err);
}

static int write_user_table(struct cron_work *w, const struct strbuf *text, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools t = TOOLS_INIT(w->call);

	crontab_words(w, "-", &argv);
	if (record_spool(w, err) < 0 || tools_feed(&t, &argv, text->data, err) < 0)
		return -1;
	return t.rc == 0 ? 0 : err_set(err, ERR_SYSTEM, "%s", t.err.data);
}

static int write_file(struct cron_work *w, const char *path, const struct strbuf *text,
	mode_t mode, struct err *err)
{
	struct change_write write = {.call = w->call,
		.path = path,
		.content = {.data = text->data, .len = text->len},
		.attributes = {.has_mode = mode != 0, .mode = mode},
		.umask = 022};

	return change_write(call_transaction(w->call), &write, err);
}

/* What is there before the change, in a file of its own. */
static int back_up(struct cron_work *w, const struct strbuf *before, struct err *err)
{
	uint32_t number = 0;

	if (!w->changed || !item_bool(w->call->args, "backup", false))
		return 0;
	(void)!getrandom(&number, sizeof(number), 0);
	const char *path = arena_printf(w->call->arena, "/tmp/crontab%08x", number);
	if (write_file(w, path, before, 0600, err) < 0)
		return err_wrap(err, "backup");
	if (!w->removed)
		item_put_string(w->call->out, "backup_file", path);
	return 0;
}

static int apply(struct cron_work *w, const struct strbuf *before, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!w->changed || w->call->check)
		return 0;
	if (back_up(w, before, err) < 0)
		return -1;
	if (w->removed)
		return change_remove(call_transaction(w->call), w->file, err);
	cron_table_render(&w->table, &text);
	return w->file ? write_file(w, w->file, &text, 0, err)
		       : write_user_table(w, &text, err);
}

/* ---- telling ---- */

static void tell_jobs(struct cron_work *w)
{
	struct item_writer *out = w->call->out;

	item_open_list(out, "jobs");
	for (size_t i = 0; i < w->table.lines.count; i++) {
		if (str_starts(w->table.lines.items[i], CRON_MARK))
			item_put_string(out, NULL, w->table.lines.items[i] + strlen(CRON_MARK));
	}
	item_close(out);
}

static void tell_variables(struct cron_work *w)
{
	struct item_writer *out = w->call->out;

	item_open_list(out, "envs");
	for (size_t i = 0; i < w->table.lines.count; i++) {
		const char *line = w->table.lines.items[i];
		size_t name = strcspn(line, "="), word = strcspn(line, " \t\v\f");
		if (line[name] && name > 0 && name < word)
			item_put_stringn(out, NULL, line, name);
	}
	item_close(out);
}

static void tell_warnings(struct cron_work *w)
{
	if (w->warned == 0)
		return;
	item_open_list(w->call->out, "warnings");
	for (size_t i = 0; i < w->warned; i++)
		item_put_string(w->call->out, NULL, w->warnings[i]);
	item_close(w->call->out);
}

static void tell_diff(struct cron_work *w)
{
	struct item_writer *out = w->call->out;
	AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;
	const char *what =
		w->file   ? w->file
		: w->user ? arena_printf(w->call->arena, "crontab for user \"%s\"", w->user)
			  : "crontab";

	if (!w->removed)
		cron_table_render(&w->table, &after);
	item_open_dict(out, "diff");
	item_put_string(out, "before", w->table.existing.data);
	item_put_string(out, "before_header", what);
	item_put_string(out, "after", after.data);
	item_put_string(out, "after_header", w->removed ? "/dev/null" : what);
	item_close(out);
}

static void tell(struct cron_work *w)
{
	struct item_writer *out = w->call->out;

	item_put_bool(out, "changed", w->changed);
	if (w->removed)
		item_put_string(out, "state", "absent");
	else {
		tell_jobs(w);
		tell_variables(w);
		tell_warnings(w);
	}
	if (w->file)
		item_put_string(out, "cron_file", w->given_file);
	if (w->call->diff && w->changed)
		tell_diff(w);
}

static int work(struct cron_work *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;

	if (read_table(w, err) < 0 || check_wanted(w, err) < 0)
		return -1;
	cron_table_render(&w->table, &before);
	if (w->env && set_env(w, err) < 0)
		return -1;
	if (!w->env)
		set_job(w);
	w->changed |= needs_line_end(w);
	if (apply(w, &before, err) < 0)
		return -1;
	tell(w);
	return 0;
}

int node_cron(struct node_call *c, struct err *err)
{
	struct cron_work w = {.call = c, .table = {.existing = STRBUF_INIT}};
	int result = read_work(&w, err) < 0 ? -1 : work(&w, err);

	cron_table_release(&w.table);
	return result;
}
