/* SPDX-License-Identifier: Apache-2.0 */
#include "history/move.h"

#include "base/vec.h"
#include "history/identity.h"

#define HOSTS_NAMED 20 /* in a commit's message; more are counted */

void move_release(struct move *m)
{
	for (size_t i = 0; i < m->edits.count; i++)
		registry_edit_release(&m->edits.items[i]);
	free(m->edits.items);
	strlist_release(&m->paths);
	strbuf_release(&m->hosts);
	*m = (struct move){.hosts = STRBUF_INIT};
}

/* Takes over an edit that was prepared, or releases it. */
static int take_edit(struct move *m, struct registry_edit *e, int prepared)
{
	if (prepared < 0) {
		registry_edit_release(e);
		return -1;
	}
	strlist_add(&m->paths, e->path);
	*VEC_PUSH(&m->edits) = *e;
	return 0;
}

int move_version(struct move *m, const struct model *model, const char *to, struct err *err)
{
	struct registry_edit e = {0};

	m->model = model->name;
	m->from = model->current;
	m->to = to;
	return take_edit(m, &e, registry_edit_move(&e, model, to, err));
}

int move_pin(struct move *m, const char *host, const char *path, const char *model,
	const char *version, struct err *err)
{
	struct registry_edit e = {0};

	m->model = model;
	m->to = version;
	if (take_edit(m, &e, registry_edit_pin(&e, path, model, version, err)) < 0)
		return err_wrap(err, "host %s", host);
	if (!m->hosts.data)
		strbuf_init(&m->hosts);
	strbuf_addf(&m->hosts, "%s%s", m->hosts.len ? ", " : "", host);
	return 0;
}

int move_check(const struct move *m, struct err *err)
{
	return git_commit_check(&m->paths, err);
}

/* ---- the message ---- */

/* The first hosts, and how many more. */
static void add_hosts(const struct move *m, struct strbuf *out)
{
	AUTO(strlist_release) struct strlist names = {0};

	strlist_split(&names, m->hosts.data, ",");
	for (size_t i = 0; i < names.count && i < HOSTS_NAMED; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", names.items[i]);
	if (names.count > HOSTS_NAMED)
		strbuf_addf(out, " and %zu more", names.count - HOSTS_NAMED);
}

static bool is_pin(const struct move *m)
{
	return m->hosts.len > 0;
}

static void add_subject(const struct move *m, struct strbuf *out)
{
	AUTO(strlist_release) struct strlist hosts = {0};

	strbuf_addf(out, "%s %s", m->what ? m->what : "Move", m->model);
	if (m->to)
		strbuf_addf(out, " to %s", m->to);
	if (!is_pin(m))
		return;
	strlist_split(&hosts, m->hosts.data, ",");
	if (hosts.count == 1)
		strbuf_addf(out, " on %s", hosts.items[0]);
	else
		strbuf_addf(out, " on %zu hosts", hosts.count);
}

static void add_trailer(struct strbuf *out, const char *name, const char *value)
{
	if (value)
		strbuf_addf(out, "%s: %s\n", name, value);
}

static void add_trailers(
	const struct move *m, const char *from, const char *to, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf hosts = STRBUF_INIT;
	autofree char *user = identity_user();
	autofree char *admin = identity_host();
	autofree char *by = xasprintf("%s@%s", user, admin);

	add_trailer(out, "Model", m->model);
	add_trailer(out, "From-Version", from);
	add_trailer(out, "To-Version", to);
	if (is_pin(m)) {
		add_hosts(m, &hosts);
		add_trailer(out, "Hosts", hosts.data);
	}
	add_trailer(out, "Changed-By", by);
}

static void add_why(const char *why, struct strbuf *out)
{
	if (why && *why)
		strbuf_addf(out, "%s\n\n", why);
}

static void make_message(const struct move *m, struct strbuf *out)
{
	add_subject(m, out);
	strbuf_addstr(out, "\n\n");
	add_why(m->why, out);
	add_trailers(m, m->from, m->to, out);
}

static void make_undo_message(const struct move *m, const char *why, struct strbuf *out)
{
	strbuf_addstr(out, "Take back \"");
	add_subject(m, out);
	strbuf_addstr(out, "\"\n\n");
	add_why(why, out);
	strbuf_addf(out, "This takes back commit %s.\n\n", m->commit);
	add_trailers(m, m->to, m->from, out);
}

/* ---- writing and committing ---- */

typedef int (*edit_step)(const struct registry_edit *e, struct err *err);

/* Takes back what was done to the first n files; err is told what could not be. */
static void take_back(struct move *m, size_t n, edit_step back, struct err *err)
{
	while (n-- > 0) {
		struct err failed = {0};
		if (back(&m->edits.items[n], &failed) == 0)
			continue;
		struct err first = err ? *err : (struct err){0};
		err_set(err, first.code,
			"%s; and what was written before could not be taken "
			"back: %s",
			first.text, failed.text);
	}
}

/* Does a step to all files, or to none. */
static int for_all(struct move *m, edit_step step, edit_step back, struct err *err)
{
	for (size_t i = 0; i < m->edits.count; i++) {
		if (step(&m->edits.items[i], err) == 0)
			continue;
		take_back(m, i, back, err);
		return -1;
	}
	return 0;
}

int move_commit(struct move *m, const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf message = STRBUF_INIT;

	make_message(m, &message);
	if (move_check(m, err) < 0 ||
		for_all(m, registry_edit_write, registry_edit_undo, err) < 0)
		return -1;
	if (git_commit_files(&m->paths, message.data, m->commit, cancel, err) == 0)
		return 0;
	take_back(m, m->edits.count, registry_edit_undo, err);
	return -1;
}

int move_undo(struct move *m, const char *why, const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf message = STRBUF_INIT;

	make_undo_message(m, why, &message);
	if (git_commit_check(&m->paths, err) < 0 ||
		for_all(m, registry_edit_undo, registry_edit_write, err) < 0)
		return -1;
	if (git_commit_files(&m->paths, message.data, m->undone, cancel, err) == 0)
		return 0;
	take_back(m, m->edits.count, registry_edit_write, err);
	return -1;
}
