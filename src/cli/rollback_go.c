/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Between looking and locking another operator may have moved the model.
 * The edits were prepared from what the files said when they were looked at, and a file that
 * says something else is not written: then the command ends, and the person looks again. From
 * the commit on the registry is the truth: whatever happens later, even to this process, any
 * deploy goes on from there.
 */
#include <poll.h>
#include <strings.h>
#include <unistd.h>

#include "cli/rollback.h"
#include "history/commit.h"

#define ANSWER_MAX 100
#define ID_SHOWN   10 /* characters of a commit's id */

/* ---- before anything is written ---- */

static int read_answer(struct rollback *r, char *out, size_t size, struct err *err)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	size_t n = 0;

	while (n + 1 < size) {
		if (wait_fds(&input, 1, DEADLINE_NEVER, &r->deploy.engine.cancel, err) < 0)
			return -1;
		ssize_t got = read(STDIN_FILENO, out + n, 1);
		if (got <= 0 || out[n] == '\n')
			break;
		n++;
	}
	out[n] = '\0';
	return 0;
}

/* 0 when the person says yes. */
static int ask(struct rollback *r, struct err *err)
{
	char answer[ANSWER_MAX];

	if (!isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE,
			"nothing was changed: there is no terminal to ask on; with --yes it is "
			"done without asking");
	fprintf(stderr, "Go on? [y/N] ");
	if (read_answer(r, answer, sizeof(answer), err) < 0)
		return -1;
	if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
		return 0;
	return err_set(err, ERR_INPUT, "nothing was changed");
}

/* What may have changed since the look: somebody may have removed the version. */
static int look_again(struct rollback *r, struct err *err)
{
	const struct rollback_plan *p = &r->plan;

	if (p->to && store_check_version(r->look.store, p->model->name, p->to, err) < 0)
		return -1;
	return move_check(&p->move, err);
}

static int commit(struct rollback *r, struct err *err)
{
	struct move *m = &r->plan.move;

	if (rollback_lock(r, err) < 0 || look_again(r, err) < 0 ||
		move_commit(m, &r->deploy.engine.cancel, err) < 0)
		return err_wrap(err, "nothing was changed");
	rollback_say(r, "move_commit", m->commit, "committed as %.*s\n", ID_SHOWN, m->commit);
	return 0;
}

/* A push that fails is no reason to leave hosts as they are: the commit stands. */
static void push(struct rollback *r)
{
	const struct move *m = &r->plan.move;
	struct err err = {0};

	if (!r->o.push)
		return;
	if (git_push_branch(m->edits.items[0].path, &r->deploy.engine.cancel, &err) == 0)
		rollback_say(r, "move_push", m->commit, "pushed\n");
	else
		fprintf(stderr, "modelfleet: warning: the commit %.*s was not pushed: %s\n",
			ID_SHOWN, m->commit, err.text);
}

/* ---- the deploy ---- */

/* Deploys the model as the site says now. The exit code. */
static int deploy_model(struct rollback *r)
{
	struct deploy *d = &r->deploy;
	struct err err = {0};

	d->o.models = r->plan.model->name;
	d->engine.o.site.limit = r->o.hosts;
	d->engine.store = r->look.store;
	int code = deploy_renew(d);
	if (code != EXIT_OK)
		return code;
	code = deploy(d, &err);
	return code < 0 ? engine_fail(&err) : code;
}

/* Hosts that could not be reached run what they ran; they are no reason to undo the others. */
static bool is_failure(const struct rollback *r, int code)
{
	const struct show *s = &r->deploy.run.show;
	struct show_totals t;

	if (code == EXIT_CANNOT_RUN)
		return true;
	if (code == EXIT_INTERRUPTED || s->count == 0)
		return false;
	show_sum(s, &t);
	return t.states[SHOW_FAILED] > 0 || t.states[SHOW_ROLLED_BACK] > 0;
}

/* Why the move is undone, for the commit's message. */
static void describe_failure(const struct rollback *r, int code, struct strbuf *out)
{
	const struct show *s = &r->deploy.run.show;
	const char *separator = "";

	if (code == EXIT_CANNOT_RUN) {
		strbuf_addstr(out, "the deploy could not run");
		return;
	}
	strbuf_addstr(out, "the deploy failed on ");
	for (size_t i = 0; i < s->count; i++) {
		const struct run_host *h = &s->run->hosts[i];
		enum show_state state = show_state(s, h);
		if (state != SHOW_FAILED && state != SHOW_ROLLED_BACK)
			continue;
		strbuf_addf(out, "%s%s", separator, h->name);
		separator = ", ";
	}
}

/* The gravest of two exit codes, as cli.h orders them. */
static int graver(int a, int b)
{
	static const int order[] = {EXIT_INTERRUPTED, EXIT_CANNOT_RUN, EXIT_HOST_FAILED,
		EXIT_UNREACHABLE, EXIT_ROLLED_BACK};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_OK;
}

/* A second commit says what the registry said before, and the hosts follow it. */
static int undo(struct rollback *r, int code)
{
	AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;
	struct move *m = &r->plan.move;
	bool touched = code != EXIT_CANNOT_RUN;
	struct err err = {0};

	describe_failure(r, code, &why);
	if (move_undo(m, why.data, &r->deploy.engine.cancel, &err) < 0) {
		cli_error(&err);
		rollback_show_state(r, false);
		return code;
	}
	rollback_say(r, "move_undo", m->undone, "\n%s: undone by commit %.*s\n", why.data,
		ID_SHOWN, m->undone);
	push(r);
	if (!touched)
		return EXIT_CANNOT_RUN;
	code = deploy_model(r);
	rollback_note_state(r, true);
	if (code != EXIT_OK)
		rollback_show_state(r, true);
	return graver(code, EXIT_ROLLED_BACK);
}

int rollback_check(struct rollback *r, struct err *err)
{
	const struct rollback_plan *p = &r->plan;
	const struct resolve_suppose suppose = {.model = p->model->name,
		.version = p->to,
		.hosts = r->o.hosts ? &p->selected : NULL};
	struct deploy *d = &r->deploy;

	d->o.models = p->model->name;
	d->engine.o.site.limit = r->o.hosts;
	d->engine.store = r->look.store;
	int code = deploy_renew(d);
	if (code != EXIT_OK)
		return code;
	d->run.suppose = &suppose;
	return deploy(d, err);
}

int rollback_go(struct rollback *r, struct err *err)
{
	if ((!r->o.yes && ask(r, err) < 0) || commit(r, err) < 0)
		return -1;
	push(r);
	if (r->o.no_deploy) {
		rollback_show_way_on(r);
		return EXIT_OK;
	}
	int code = deploy_model(r);
	rollback_note_state(r, false);
	if (r->o.undo_on_failure && is_failure(r, code))
		return undo(r, code);
	if (code != EXIT_OK)
		rollback_show_state(r, false);
	return code;
}
