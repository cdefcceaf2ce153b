/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run is made of while it runs. Private to the runner's files in this room.
 *
 * Who touches what: a `playing` and its batches are made by the thread that called
 * run_playbook and read by the workers; a batch's counters are atomic. A runner is its
 * worker's while a play runs. What a run shares (compiled template files, files of variables)
 * is behind the lock of run_shared.
 */
#ifndef PLAY_RUN_STATE_H
#define PLAY_RUN_STATE_H

#include <math.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/strmap.h"

#include "fleet/fleet.h"
#include "play/include.h"
#include "play/job.h"
#include "play/line.h"
#include "tree/hash.h"
#include "play/run.h"
#include "play/runner.h"

#include "template/template.h"

/* ---- what all hosts share ---- */

/* What was answered to a play's vars_prompt. */
struct prompted {
	struct prompted *next;
	const struct play *play;
	const struct value *answers;
};

struct run_shared {
	struct cancel hard; /* the second interrupt: stop now */
	size_t plays;       /* that were begun, of all playbooks */
	pthread_mutex_t lock;
	struct arena arena;
	struct strmap templates; /* path -> const struct template * */
	struct strmap vars;      /* path -> const struct value * */
	struct strmap files;     /* path -> struct shared_file * */
	struct strmap includes;  /* step and names -> struct included * */
	struct prompted
		*prompted; /* of plays that have begun; the run's own thread writes it */
	struct {
		struct parcel *items;
		size_t count; /* atomic */
		size_t cap;
	} parcels;
};

/* A file of this machine that is sent to nodes: looked at once for all of them. */
struct shared_file {
	struct stat st;
	uint8_t hash[TREE_HASH_SIZE];
	struct strbuf compressed; /* empty where that does not pay, or the file is large */
};

/* Makes the shared part of a run; NULL with err. */
struct run_shared *run_shared_new(struct err *err);
/* Frees it; NULL is fine. */
void run_shared_free(struct run_shared *s);
/* A template file (vault opened), read and compiled once for all hosts of a run. NULL with err.
 */
const struct template *run_shared_template(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err);
/* What is known of a file, which is looked at again when it has changed. NULL with err. */
const struct shared_file *run_shared_file(
	struct run_shared *s, const char *path, struct err *err);
/* A file of variables, read once. NULL with err. */
const struct value *run_shared_vars(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err);

/*
 * Parcels: variables that a host sets of another one (delegate_facts). A view is its own
 * thread's, so they lie in what all share until the other host begins its next task;
 * hostvars show them at once. The value lives as long as the run.
 */
void parcel_send(struct runner *from, const char *to, enum vars_level level, const char *name,
	const struct value *v);
/* Takes what was sent to a host. */
void parcels_take(struct runner *r);
/*
 * Adds what was sent to a host and not taken yet to a mapping of a level. `other` is the
 * host's runner, NULL where it is in no play.
 */
void parcels_show(struct run_shared *s, const char *host, const struct runner *other,
	enum vars_level level, struct arena *arena, struct value *into);

/* ---- hosts that are added ---- */

/*
 * The place of a host in a run, made where the inventory got the host meanwhile; *out is NULL
 * for a host that the run is not about. -1 with err. Between plays only.
 */
int run_admit(struct run *run, const struct host *host, struct run_host **out, struct err *err);
/* Frees what was made for them; their runners are gone. */
void run_part(struct run *run);

/* ---- a play under work ---- */

/* The hosts of one batch. */
struct batch {
	unsigned size;
	int failed;                /* atomic: hosts that failed or were lost */
	int over;                  /* atomic: a limit was met; see meet_end_batch */
	uint64_t over_at;          /* atomic, with `over`: the last place that is worked on */
	const struct value *magic; /* the variables that all its hosts share */

	/* How its hosts meet (meet.c). */
	bool begun;
	size_t first; /* of its hosts, in the play's order */
	pthread_mutex_t lock;
	int waiters; /* atomic */
	struct once *onces;
	struct throttled *throttles;
	struct arena arena;
};

struct playing {
	struct run *run;
	const struct play *play;
	const char *title;       /* the play's name, rendered; else its hosts */
	size_t number;           /* of the play, from 0 */
	size_t selected;         /* hosts that the pattern and the limit gave */
	struct value *all_names; /* of these */
	pthread_mutex_t names_lock;
	struct strlist added_names; /* of hosts that came to the inventory since; locked */
	struct arena arena;         /* of what the play's hosts share */
	struct fleet_host *fleet;
	struct run_host **hosts; /* in the play's order */
	size_t count;
	struct batch *batches; /* as many as hosts */
	struct fleet_batch *serial;
	size_t serial_count;
	double max_fail_percentage; /* negative: none */
	bool any_errors_fatal;
	bool force_handlers;
	bool gather;
	bool ended;             /* atomic: by meta: end_play */
	struct step **handlers; /* tasks only, blocks dissolved, in their order */
	size_t handler_count;
	struct line_transaction transaction; /* its id is a prefix: each host has its own */
	double soak;                         /* seconds */
};

/* Works a play's batches; the run's `stopped` tells whether it goes on. -1 with err. */
int play_run(struct playing *p, struct err *err);
/* Takes back the hosts of this run that have confirmed. */
int play_take_back(struct run *run, struct err *err);
/* Fills in a play's keywords and hosts. -1 with err when one of them is wrong. */
int playing_init(struct playing *p, struct run *run, const struct play *play, struct err *err);
/*
 * Asks for what the play's vars_prompt names, unless that was done, in the view of a runner
 * that renders the play's keywords; the answers are added there.
 */
int prompts_ask(struct playing *p, struct runner *r, struct err *err);
/* What was answered: a dict, or NULL when nothing was asked. */
const struct value *prompts_answers(const struct run *run, const struct play *play);
/* Frees it. */
void playing_release(struct playing *p);
/* The variables that a batch's hosts share. */
void playing_batch_magic(struct playing *p, unsigned batch);

/* ---- hosts that wait for each other ---- */

struct outcome;

/* Before a batch's workers start: its size is known. */
void meet_begin(struct playing *p, unsigned batch);
/* Frees what the batches hold. */
void meet_release(struct playing *p);
/* Tells which step a host works on. */
void meet_at(struct runner *r, const struct step *s);
/* Tells that a host has ended the play. */
void meet_end(struct runner *r);
/*
 * Begins a task with run_once: 1 when this host has to do it and tell meet_once_done; 0 with
 * the outcome that another had (its result lives as long as the play); -1 with err.
 */
int meet_once(struct runner *r, const struct step *s, struct outcome *out, struct err *err);
/* Ends a task that meet_once gave to this host. */
void meet_once_done(struct runner *r, const struct step *s, const struct outcome *out);
/* Waits until all others of the batch have come to where a host is, or have ended. */
int meet_all(struct runner *r, struct err *err);
/*
 * The same, and then for the hosts before it in the batch to have done the step: what they do
 * has an order. The step ends by meet_after.
 */
int meet_in_turn(struct runner *r, const struct step *s, struct err *err);
/* Ends a step that all hosts of the batch do before one goes on. */
int meet_after(struct runner *r, const struct step *s, struct err *err);
/* Begins a step that only so many hosts do at a time; each ends it by meet_throttle_done. */
int meet_throttle(struct runner *r, const struct step *s, double limit, struct err *err);
/* Lets the next one begin it. */
void meet_throttle_done(struct runner *r, const struct step *s);
/*
 * A limit was met where a host is: nobody begins a step that is further. Where hosts do not
 * wait for each other at their steps, nobody begins any.
 */
void meet_end_batch(struct runner *r);
/* True when a host must not begin a step (NULL: any) for that reason. */
bool meet_is_over(const struct runner *r, const struct step *s);
/* Tells that a host is out of the play, from where it is now. */
void meet_remove(struct runner *r);
/* Tells that the inventory got a host: the play counts it among all of its hosts. */
void meet_name(struct runner *r, const char *name);
/* The hosts that are left at the step that asks, and all of the play: a vars_live_fn. */
const struct value *meet_left(
	void *data, const char *name, struct arena *arena, struct err *err);
/* What another host has set or registered, up to the step that asks: a vars_others_fn. */
const struct value *meet_hostvars(void *data, const struct host *host, enum vars_level level,
	struct arena *arena, struct err *err);

/* ---- events ---- */

/* Hands an event to the listener; on the thread of run_playbook. */
void run_tell(const struct run *run, struct run_event e);
/* The listener of fleet_run: events of workers, as they were posted. data: a playing. */
void run_listen(void *data, const struct fleet_event *e);
/* What is done now and then on the thread of run_playbook while workers work. */
void run_tick(struct playing *p);
/* Posts an event of a host's worker; what it points to is copied. */
void runner_post(struct runner *r, struct run_event e);
/* Posts a warning. */
void runner_warn(struct runner *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* ---- one host ---- */

/* A line to another host, for delegate_to: what the host's own has, and its view. */
struct other_line {
	struct other_line *next;
	const char *name;
	struct connection connection;
	struct vars_view *view; /* the other host's */
	struct line line;
};

/* What became of one execution of a task. */
struct outcome {
	struct value *result; /* in the arena that was given */
	bool changed, failed, skipped, unreachable;
	bool ignored;         /* ignore_errors, ignore_unreachable */
	bool censored;        /* no_log */
	bool stopped;         /* an interrupt ended it */
	enum err_code code;   /* of a failure that was an error; else ERR_NONE */
	const char *label;    /* of a loop's item */
	const char *delegate; /* the host that was to do it; NULL: the runner's, or none */
};

/* One call of a task's module under way. */
struct execution {
	struct module_call call;
	struct line *line; /* NULL before it is asked for */
	bool has_ctx;
	bool lost;            /* the node went out of reach */
	bool changed_on_node; /* some module there said so */
	uint16_t ctx;
	double timeout;                  /* seconds that the task gives an attempt; 0: any */
	const char *delegate;            /* the host that it is done on; NULL: the runner's */
	bool delegated;                  /* delegate_to names a host, be it the runner's own */
	bool as_login;                   /* runner_move: whatever the task becomes */
	const struct value *environment; /* NULL: not rendered yet */
	double connect_timeout; /* seconds that the module gives a connection; 0: the run's */
	struct job_wish job;
};

#define WAY_KEYWORDS 6

struct runner {
	struct run_host *host;
	struct run *run;
	struct playing *playing; /* NULL between plays */
	struct batch *batch;
	struct fleet_worker *worker;
	struct arena arena;      /* what was registered and set */
	struct arena play_arena; /* what a play needs */
	struct line line;
	struct line_transaction transaction; /* of the present play */
	/* Whose keywords say how the line is reached: compared, not used. */
	const struct play *way_play;
	const struct value *way[WAY_KEYWORDS];
	struct other_line *others;
	struct execution *now;    /* the innermost call */
	const char *title;        /* of the present task, rendered */
	struct strlist to_notify; /* by the present task, if it changes something */
	struct {
		struct handler {
			const struct step *step;
			unsigned mentioned; /* see struct step; UINT_MAX: during the play */
			bool notified;
		} * items;
		size_t count, cap;
	} handlers;                  /* the play's, then those of roles that were included */
	struct role_state *roles;    /* of which tasks were done in this play */
	struct public_role *publics; /* included roles whose variables the whole play sees */
	struct includes *includes;   /* what the present task brings; in its arena */
	struct include_place place;  /* of the steps that it works on */
	bool facts_known;
	bool gathers;          /* the play has facts fetched when they are asked for */
	unsigned rescue_depth; /* rescue sections that would take a failure */

	/* How it meets others of its batch (meet.c). */
	uint64_t at;               /* atomic: where it is (meet_inside.h) */
	uint64_t removed_at;       /* atomic: where it went out of the play; 0: it is in it */
	size_t parcels;            /* looked at; under the lock of what all share */
	bool gone;                 /* atomic: it has ended the play */
	bool waiting;              /* for others; under the batch's lock */
	int wake_fd;               /* -1 before it is needed */
	unsigned flushes;          /* of handlers, so far */
	pthread_mutex_t vars_lock; /* others read what it sets */
	bool ended;                /* by meta: end_host, end_play */
	bool stopped;              /* by a limit or an interrupt */
	bool failed, lost;
	bool undoing;      /* nothing is counted, nothing recorded */
	bool facts_partly; /* only what all users see alike was fetched */
	bool gap_told;
	/* The last transaction that was confirmed: it can still be taken back. */
	const char *confirmed_id; /* NULL: none */
	const struct play *confirmed_play;
	struct strlist confirmed_users;
	struct err err;                /* the first failure */
	const struct step *step;       /* that it works on */
	const struct value *floor;     /* variables below all others */
	struct template_search search; /* where lookups find files */
	const char *searched;          /* the file whose steps these places are for, or NULL */
};

/* Makes a host's runner. */
struct runner *runner_new(struct run *run, struct run_host *host);
/* Ends its links and frees it; NULL is fine. */
void runner_free(struct runner *r);
/* The work of fleet_run: a host's way through a play. */
int runner_work(struct fleet_worker *w, void *data, struct err *err);
/* The work of the pass that takes back confirmed hosts. */
int runner_take_back(struct fleet_worker *w, void *data, struct err *err);

/* The line that a call goes over, opened: its host's, or the one that it is delegated to. */
struct line *runner_line(struct runner *r, struct execution *x, struct err *err);
/*
 * Makes a step's keywords, and the variables in place, those by which the host is reached; a
 * link that was opened in another way is closed. -1 with err.
 */
int runner_way(struct runner *r, const struct step *s, struct err *err);
/* The user that a step is done as; NULL: the login user. -1 with err. */
int runner_become(struct runner *r, const struct step *s, const char **user, struct err *err);
/* The variables of `environment`, the play's first, as one dict; NULL with err. */
const struct value *runner_environment(struct runner *r, struct execution *x, struct err *err);
/* Calls a module over the execution's line, which is open; its result, or NULL with err. */
const struct value *runner_call_node(struct runner *r, struct execution *x, const char *module,
	const struct value *args, uint8_t flags, uint16_t ctx, struct err *err);

/* The arguments with the task's environment, for modules that run programs; NULL with err. */
const struct value *runner_with_environment(struct runner *r, struct execution *x,
	const char *module, const struct value *args, struct err *err);

/* The value of ansible_search_path, made in the arena; NULL where no step is worked on. */
const struct value *runner_search_path(const struct runner *r, struct arena *arena);
/* Makes lookups find the files of a step. */
void runner_search(struct runner *r, const struct step *s);

/* ---- steps ---- */

/* A role that was included with `public`. */
struct public_role {
	struct public_role *next;
	const struct role_use *role;
};

/*
 * Reads what a task includes that was executed: r->includes, NULL for none. What cannot be
 * read makes the outcome a failure.
 */
void includes_prepare(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out);
/* How many files the present task brings; roles do not count. */
unsigned includes_files(const struct runner *r);
/* Works the steps that the task of includes_prepare brings. */
enum walk includes_walk(struct runner *r, const struct step *s);
/* Frees what was included in a run. */
void run_shared_forget_includes(struct run_shared *s);

/* What a host has done of a role in a play. */
struct role_state {
	struct role_state *next;
	const char *key; /* struct role_use's */
	bool ran;        /* some task of it was neither skipped nor out of reach */
	bool completed;
};

/* What a host has done of a role, made where it is new. */
struct role_state *runner_role(struct runner *r, const struct role_use *role);

enum walk {
	WALK_ON,
	WALK_FAILED, /* a rescue section may go on */
	WALK_GONE    /* unreachable, stopped, ended: nothing more is done */
};

/* Works a list of steps. */
enum walk walk_steps(struct runner *r, const struct steps *steps);
/* Runs one task. */
enum walk task_run(struct runner *r, const struct step *s);
/* Executes a task once: conditions, arguments, attempts. `arena` is for its result. */
void task_execute(
	struct runner *r, const struct step *s, struct arena *arena, struct outcome *out);
/* Renders the task's arguments into the call and makes them typed. -1 with err. */
int call_render_arguments(struct runner *r, struct module_call *c, struct err *err);
/* Runs a task over the items of its loop. */
void loop_run(struct runner *r, const struct step *s, const struct value *items,
	struct arena *arena, struct outcome *out);
/* The items of a task's loop; NULL with err. */
const struct value *loop_items(struct runner *r, const struct step *s, struct err *err);
/* Counts and tells what became of a task. */
enum walk task_end(struct runner *r, const struct step *s, const char *title,
	struct outcome *out, struct arena *arena);
/* Gathers facts, if the play does. */
enum walk facts_gather(struct runner *r);
/*
 * Runs a health check once more, for an undo or a soak: it counts as no task. 1 when it
 * passed, 0 when its conditions left it out, -1 with err.
 */
int task_check(struct runner *r, const struct step *s, struct err *err);
/* Does a `meta` task. */
enum walk meta_run(struct runner *r, const struct step *s);
/* False, with r->stopped, when no further task may begin. */
bool runner_goes_on(struct runner *r, const struct step *s);
/*
 * Sets the variables that a result's ansible_facts give: at the level of set_fact or
 * include_vars for these modules, else as facts. They are the host's, or with delegate_facts
 * those of the one that it was done on (NULL: itself).
 */
void result_publish_facts(struct runner *r, const struct step *s, const struct value *result,
	const char *delegate);
/* Sets what the task registers. */
void result_register(struct runner *r, const struct step *s, const struct outcome *out);
/* Both. */
void result_publish(struct runner *r, const struct step *s, const struct outcome *out);
/* A copy of a result as variables have it. */
struct value *result_to_register(struct arena *arena, const struct value *result);
/* The result as others may see it: censored where no_log says so. */
const struct value *result_for_show(struct arena *arena, const struct outcome *out);
/* A result's boolean, false when it is not there. */
bool result_is(const struct value *result, const char *key);
/* Makes an outcome of a failure before or in a module. */
void result_fail(struct outcome *out, struct arena *arena, const struct err *why);
/* Adds stdout_lines and stderr_lines, which a result of a node has. */
void result_add_lines(struct arena *arena, struct value *result);
/* Adds the keys that every result has. */
void result_complete(struct arena *arena, struct value *result);

/* Renders the names that a task notifies, for when it has changed something. */
int handlers_collect(struct runner *r, const struct value *names, struct err *err);
/* Notifies them. -1 with err: there is no such handler. */
int handlers_notify(struct runner *r, struct err *err);
/* Makes the handlers of the play, and of nothing else, those of the runner. */
void handlers_begin(struct runner *r);
/* Adds a handler, unless it is there. */
void handlers_add(struct runner *r, const struct step *handler);
/* Runs the handlers that were notified. */
enum walk handlers_run(struct runner *r);

/* ---- keywords ---- */

/* A keyword's value, rendered; NULL with err. */
const struct value *keyword_value(struct runner *r, const struct value *v, struct err *err);
/* A boolean; `otherwise` where v is NULL or null. -1 with err. */
int keyword_bool(
	struct runner *r, const struct value *v, bool otherwise, bool *out, struct err *err);
/* A number, likewise. */
int keyword_number(struct runner *r, const struct value *v, double otherwise, double *out,
	struct err *err);
/* A text, likewise; NULL for none. */
int keyword_text(struct runner *r, const struct value *v, const char **out, struct err *err);
/* The rendered value of an inherited keyword of a step, or NULL for none. */
int step_bool(struct runner *r, const struct step *s, enum play_attribute a, bool otherwise,
	bool *out, struct err *err);
/* All conditions of a list: 1, 0 with the one that does not hold, -1 with err. */
int conditions_hold(struct runner *r, const struct value *conditions,
	const struct value **which, struct err *err);
/* The conditions of a step and of the blocks around it. */
int step_conditions(
	struct runner *r, const struct step *s, const struct value **which, struct err *err);
/* A value as a boolean, as Ansible's words have it; -1 for what is none. */
int value_as_bool(const struct value *v);

/* ---- transactions ---- */

/* Makes sure of what a host has done: soak, check again, confirm. -1 with err. */
int transaction_confirm(struct runner *r, struct err *err);
/* Takes a host back after a failure, and checks it. */
void transaction_undo(struct runner *r, const char *id);
/* The same for a host that has confirmed, at the end of an aborted run. */
void transaction_take_back(struct runner *r);
/* Runs a play's health checks once. 1 healthy, 0 there are none, -1 with err. */
int transaction_check(struct runner *r, const struct play *play, struct err *err);
/* The token that begins and waits obey: the first interrupt counts. */
const struct cancel *runner_soft_cancel(const struct runner *r);

#endif
