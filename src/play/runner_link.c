/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a call reaches its node: which host, as which user, over which line.
 */
#include "play/run_state.h"

#include "play/items.h"

/* A variable as text, or NULL where it is not defined. -1 with err. */
static int variable_text(
	struct vars_view *view, const char *name, const char **out, struct err *err)
{
	struct err why = {0};
	const struct value *v = vars_find(view, name, &why);

	*out = NULL;
	if (why.code)
		return err_set(err, why.code, "%s", why.text);
	if (v && value_is_string(v))
		*out = v->text;
	return 0;
}

/* Whether a step becomes another user: a variable, else the keyword, else the command line. */
static int becomes(struct runner *r, const struct step *s, bool *out, struct err *err)
{
	struct err why = {0};
	const struct value *v = vars_find(r->host->view, "ansible_become", &why);

	if (why.code)
		return err_set(err, why.code, "%s", why.text);
	if (!v)
		return step_bool(r, s, ATTRIBUTE_BECOME, r->host->connection.become, out, err);
	*out = value_as_bool(v) == 1;
	return 0;
}

int runner_become(struct runner *r, const struct step *s, const char **user, struct err *err)
{
	bool on = false;

	*user = NULL;
	if (becomes(r, s, &on, err) < 0)
		return err_wrap(err, "become");
	if (!on)
		return 0;
	if (variable_text(r->host->view, "ansible_become_user", user, err) < 0 ||
		(!*user && keyword_text(
				   r, step_attribute(s, ATTRIBUTE_BECOME_USER), user, err) < 0))
		return err_wrap(err, "become_user");
	if (!*user)
		*user = r->host->connection.become_user;
	return 0;
}

/* ---- the connection's keywords ---- */

/* A connection's keyword, unless a variable says it already. */
static int connection_keyword(struct runner *r, const struct step *s, enum play_attribute a,
	const char *variable, const char **out, struct err *err)
{
	if (variable_text(r->host->view, variable, out, err) < 0)
		return -1;
	if (*out)
		*out = NULL;
	else if (keyword_text(r, step_attribute(s, a), out, err) < 0)
		return -1;
	*out = arena_strdup(&r->arena, *out);
	return 0;
}

/*
 * Reads how the host is reached with the variables that are in place now, which may be those of
 * a play or a task. What it reads lives as long as the run.
 */
static int read_again(struct runner *r, struct err *err)
{
	const struct connection_defaults *defaults = r->host->connection.defaults;

	vars_view_enter(r->host->view, &r->arena);
	int result = connection_read(&r->host->connection, r->host->view, defaults, err);
	vars_view_leave(r->host->view);
	return result;
}

/* Brings the keywords of the task that opens the line into its connection. */
static int apply_keywords(struct runner *r, const struct step *s, struct err *err)
{
	struct link_options *o = &r->host->connection.link;
	const char *user, *method, *flags, *exe, *kind;
	double port;

	if (connection_keyword(r, s, ATTRIBUTE_REMOTE_USER, "ansible_user", &user, err) < 0 ||
		connection_keyword(r, s, ATTRIBUTE_BECOME_METHOD, "ansible_become_method",
			&method, err) < 0 ||
		connection_keyword(r, s, ATTRIBUTE_BECOME_FLAGS, "ansible_become_flags", &flags,
			err) < 0 ||
		connection_keyword(
			r, s, ATTRIBUTE_BECOME_EXE, "ansible_become_exe", &exe, err) < 0 ||
		connection_keyword(
			r, s, ATTRIBUTE_CONNECTION, "ansible_connection", &kind, err) < 0 ||
		keyword_number(r, step_attribute(s, ATTRIBUTE_PORT), 0, &port, err) < 0)
		return -1;
	if (user)
		o->user = user;
	if (method)
		o->become_method = method;
	if (flags)
		o->become_flags = flags;
	if (exe)
		o->become_exe = exe;
	if (kind && strcmp(kind, "local") == 0)
		o->transport = LINK_LOCAL;
	if (port >= 1 && port <= 65535 && o->port == 0)
		o->port = (unsigned)port;
	return 0;
}

static const enum play_attribute way_keywords[WAY_KEYWORDS] = {ATTRIBUTE_REMOTE_USER,
	ATTRIBUTE_PORT, ATTRIBUTE_CONNECTION, ATTRIBUTE_BECOME_METHOD, ATTRIBUTE_BECOME_FLAGS,
	ATTRIBUTE_BECOME_EXE};

/* True where a step's play and keywords are those of the task that was asked last. */
static bool says_the_same(const struct runner *r, const struct step *s)
{
	for (size_t i = 0; i < WAY_KEYWORDS; i++)
		if (r->way[i] != step_attribute(s, way_keywords[i]))
			return false;
	return r->way_play == s->play;
}

static void note_way(struct runner *r, const struct step *s)
{
	for (size_t i = 0; i < WAY_KEYWORDS; i++)
		r->way[i] = step_attribute(s, way_keywords[i]);
	r->way_play = s->play;
}

static bool is_same_way(const struct link_options *a, const struct link_options *b)
{
	return str_cmp0(a->user, b->user) == 0 && str_cmp0(a->address, b->address) == 0 &&
	       a->port == b->port && a->transport == b->transport &&
	       str_cmp0(a->become_method, b->become_method) == 0 &&
	       str_cmp0(a->become_flags, b->become_flags) == 0 &&
	       str_cmp0(a->become_exe, b->become_exe) == 0;
}

/* Leaves the way that the link was opened in, unless a transaction depends on it. */
static int leave_way(struct runner *r, struct err *err)
{
	if (r->line.begun.count > 0 && !r->undoing)
		return err_set(err, ERR_UNSUPPORTED,
			"a host is reached in one way within a transaction: put remote_user, "
			"port, connection, become_method, become_flags and become_exe at the "
			"play");
	line_close(&r->line);
	return 0;
}

int runner_way(struct runner *r, const struct step *s, struct err *err)
{
	struct connection *c = &r->host->connection;
	bool open = r->line.link != NULL;

	if (open && says_the_same(r, s))
		return 0;
	const struct connection former = *c;
	if (read_again(r, err) < 0 || apply_keywords(r, s, err) < 0 ||
		(open && !is_same_way(&former.link, &c->link) && leave_way(r, err) < 0)) {
		*c = former;
		return -1;
	}
	note_way(r, s);
	return 0;
}

/* ---- other hosts ---- */

/* The line to another host of the inventory, made at its first use. */
static struct line *other_line(struct runner *r, const char *name, struct err *err)
{
	for (struct other_line *o = r->others; o; o = o->next) {
		if (strcmp(o->name, name) != 0)
			continue;
		vars_view_refresh(o->view);
		return &o->line;
	}
	bool here = strcmp(name, RUNNER_HERE) == 0;
	const struct host *host =
		vars_site_stranger(r->run->o->vars, here ? "localhost" : name, err);
	if (!host)
		return NULL;
	struct other_line *o = xcalloc(1, sizeof(*o));
	o->name = here ? RUNNER_HERE : host->name;
	o->view = vars_view_new(r->run->o->vars, host);
	if (connection_read(&o->connection, o->view, r->host->connection.defaults, err) < 0) {
		vars_view_free(o->view);
		free(o);
		return NULL;
	}
	if (here)
		o->connection.link.transport = LINK_LOCAL;
	line_init(&o->line, &o->connection, r->run->o->sync.stall);
	o->next = r->others;
	r->others = o;
	return &o->line;
}

const struct value *runner_target_var(struct module_call *c, const char *name, struct err *err)
{
	const char *delegate = c->runner->now->delegate;

	if (!delegate)
		return vars_get(c->runner->host->view, name, err);
	if (!other_line(c->runner, delegate, err))
		return NULL;
	for (struct other_line *o = c->runner->others;; o = o->next)
		if (strcmp(o->name, delegate) == 0)
			return vars_get(o->view, name, err);
}

/* Opens a line: the first interrupt still ends that; later it is to finish what it began. */
static int open_line(
	struct runner *r, const struct execution *x, struct line *l, struct err *err)
{
	double seconds =
		x->connect_timeout > 0 ? x->connect_timeout : r->run->o->connect_timeout;
	deadline until = deadline_in(seconds > 0 ? seconds : 30);

	if (r->worker)
		until = deadline_min(until, fleet_deadline(r->worker));
	runner_phase(r, "connect");
	if (line_open(l, until, runner_soft_cancel(r), err) < 0)
		return -1;
	link_set_cancel(l->link, &r->run->shared->hard);
	if (l == &r->line) {
		r->host->connected = true;
		if (r->worker)
			fleet_reached(r->worker);
	}
	runner_phase(r, "task");
	return 0;
}

struct line *runner_line(struct runner *r, struct execution *x, struct err *err)
{
	struct line *l = x->delegate ? other_line(r, x->delegate, err) : &r->line;

	if (!l || (l == &r->line && runner_way(r, x->call.step, err) < 0))
		return NULL;
	x->line = l;
	if (l->link)
		return l;
	if (open_line(r, x, l, err) < 0) {
		x->lost = l->lost;
		return NULL;
	}
	return l;
}

/*
 * The ctx of a user (NULL: the login user) on the call's line, with the play's transaction
 * begun there: what an earlier run left unconfirmed is taken back before anything is looked at.
 */
static int user_ctx(
	struct runner *r, struct execution *x, const char *user, uint16_t *ctx, struct err *err)
{
	const struct line_transaction *t = NULL;
	struct line *l = x->line;

	if (l == &r->line && r->playing && !x->call.check && !r->undoing)
		t = &r->transaction;
	if (line_user(l, user, t, x->call.until, ctx, err) == 0)
		return 0;
	x->lost = l->lost || err->code == ERR_AUTH;
	return -1;
}

struct runner_place runner_place(const struct module_call *c)
{
	const struct execution *x = c->runner->now;

	return (struct runner_place){.host = x->delegate, .as_login = x->as_login};
}

bool runner_is_delegated(const struct module_call *c)
{
	return c->runner->now->delegated;
}

void runner_move(struct module_call *c, const struct runner_place *to)
{
	struct execution *x = c->runner->now;

	x->delegate = to->host;
	x->as_login = to->as_login;
	x->line = NULL;
	x->has_ctx = false;
}

/* The user that a call's questions are asked as; NULL: the login user. */
static int user_of(
	struct runner *r, const struct execution *x, const char **user, struct err *err)
{
	*user = NULL;
	return x->as_login ? 0 : runner_become(r, x->call.step, user, err);
}

/* The ctx of a call's user on its line. */
static int call_ctx(struct runner *r, struct execution *x, struct err *err)
{
	const char *user;

	if (x->has_ctx && x->line && x->line->link)
		return 0;
	if (!runner_line(r, x, err) || user_of(r, x, &user, err) < 0 ||
		user_ctx(r, x, user, &x->ctx, err) < 0)
		return -1;
	x->has_ctx = true;
	return 0;
}

int runner_link(struct module_call *c, struct link **link, uint16_t *ctx, struct err *err)
{
	struct execution *x = c->runner->now;

	if (call_ctx(c->runner, x, err) < 0 || line_settle(x->line, c->until, err) < 0)
		return -1;
	*link = x->line->link;
	*ctx = x->ctx;
	link_set_cancel(*link, runner_cancel(c->runner));
	return 0;
}

void runner_break_link(struct module_call *c, const struct err *why)
{
	struct execution *x = c->runner->now;

	if (x->line)
		line_abort(x->line);
	x->has_ctx = false;
	x->lost = why->code == ERR_UNREACHABLE;
}

/* ---- modules on the node ---- */

const struct value *runner_with_environment(struct runner *r, struct execution *x,
	const char *module, const struct value *args, struct err *err)
{
	static const char *const runners[] = {"apt", "apt_key", "apt_repository", "command",
		"ensure", "foreign", "git", "pty"};
	bool runs_one = false;

	for (size_t i = 0; i < ARRAY_SIZE(runners); i++)
		runs_one |= strcmp(module, runners[i]) == 0;
	if (!runs_one || value_dict_get(args, "environment"))
		return args;
	const struct value *env = runner_environment(r, x, err);
	if (!env || env->pair_count == 0)
		return env ? args : NULL;
	struct value *copy = value_new_dict(x->call.arena);
	value_dict_foreach (p, args)
		value_dict_set_value(x->call.arena, copy, p->key, p->value);
	value_dict_set(x->call.arena, copy, "environment", env);
	return copy;
}

/* Seconds that the node may work; 0: any. */
static double node_timeout(deadline until)
{
	if (until == DEADLINE_NEVER)
		return 0;
	double left = (double)(until - clock_ns()) / 1e9;
	return left < 0.001 ? 0.001 : left > WIRE_MODULE_TIMEOUT_MAX ? 0 : left;
}

const struct value *runner_call_node(struct runner *r, struct execution *x, const char *module,
	const struct value *args, uint8_t flags, uint16_t ctx, struct err *err)
{
	AUTO(strbuf_release) struct strbuf request = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct line_call call = {.module = module,
		.ctx = ctx,
		.flags = flags,
		.args = &request,
		.timeout = node_timeout(x->call.until),
		.until = x->call.until};

	args = runner_with_environment(r, x, module, args, err);
	if (!args || items_write(args, &request, err) < 0)
		return NULL;
	link_set_cancel(x->line->link, runner_cancel(r));
	if (line_module(x->line, &call, &answer, err) < 0) {
		x->lost = x->line->lost && !x->line->link;
		x->line->touched |= !(flags & FRAME_CHECK);
		return NULL;
	}
	const struct item *item = item_parse(x->call.arena, answer.data, answer.len, err);
	if (!item)
		return NULL;
	struct value *result = items_read(x->call.arena, item);
	if (!(flags & FRAME_CHECK) && result_is(result, "changed"))
		x->line->touched = true;
	return result;
}

static uint8_t call_flags(const struct module_call *c)
{
	return (uint8_t)((c->check ? FRAME_CHECK : 0) | (c->diff ? FRAME_DIFF : 0));
}

/* ---- looking before becoming ---- */

/*
 * Modules that any user may ask whether something would change: what they look at is there for
 * all, or they are refused. Becoming another user costs far more than a question.
 */
static bool can_probe(const char *module, const struct value *args)
{
	const char *path = value_text(value_dict_get(args, "path"));
	const char *src = value_text(value_dict_get(args, "src"));
	const struct value *content = value_dict_get(args, "content");

	if (strcmp(module, "service") == 0)
		return str_cmp0(value_text(value_dict_get(args, "manager")), "systemd") == 0;
	if (strcmp(module, "copy") != 0 && strcmp(module, "file") != 0)
		return false;
	/* A home is the user's own; a blob lies with the helper that it was sent to. */
	return path && *path == '/' && !(src && *src == '~') &&
	       !(content && content->kind == VALUE_INT) && !value_dict_get(args, "remote_src");
}

/*
 * Asks as the login user, where the task's user has no helper yet. NULL when something would
 * change, or when this user cannot tell: then the task's own user is asked.
 */
static const struct value *probe(
	struct runner *r, struct execution *x, const char *module, const struct value *args)
{
	struct err ignored = {0};
	const char *user;
	uint16_t ctx;

	if (x->has_ctx || !can_probe(module, args) ||
		runner_become(r, x->call.step, &user, &ignored) < 0 ||
		line_has_user(x->line, user) || user_ctx(r, x, NULL, &ctx, &ignored) < 0)
		return NULL;
	const struct value *result =
		runner_call_node(r, x, module, args, FRAME_CHECK, ctx, &ignored);
	return result && !result_is(result, "changed") && !result_is(result, "need") ? result
										     : NULL;
}

const struct value *runner_ask_node(struct module_call *c, const char *node_module,
	const struct value *args, struct err *err)
{
	struct execution *x = c->runner->now;
	const struct value *seen = NULL;

	if (!runner_line(c->runner, x, err))
		return NULL;
	seen = x->job.starts ? NULL : probe(c->runner, x, node_module, args);
	if (seen)
		return seen;

	if (call_ctx(c->runner, x, err) < 0)
		return NULL;
	if (x->job.starts)
		return job_start(c->runner, x, node_module, args, err);
	return runner_call_node(c->runner, x, node_module, args, call_flags(c), x->ctx, err);
}

int runner_node(struct module_call *c, const char *node_module, const struct value *args,
	struct err *err)
{
	const struct value *result = runner_ask_node(c, node_module, args, err);

	if (!result)
		return -1;
	value_dict_foreach (p, result)
		value_dict_set_value(c->arena, c->result, p->key, p->value);
	return 0;
}
