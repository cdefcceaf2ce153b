/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host's way through a play: what modules may ask of it.
 *
 * A runner belongs to its host's thread. It keeps the host's variables (with what was
 * registered and set), its links (one connection, a helper for each user), the handlers that
 * were notified, and the transaction, if the play has one.
 */
#ifndef PLAY_RUNNER_H
#define PLAY_RUNNER_H

#include "link/link.h"
#include "play/module.h"
#include "play/playbook.h"
#include "play/run.h"
#include "vars/vars.h"
#include "wire/item.h"

struct template_syntax;

/* The host that a call is for. */
const struct run_host *runner_host(const struct runner *r);
/* The run that a runner belongs to. */
const struct run *runner_run(const struct runner *r);
/* The host's variables, with those of the play, the task and the loop in place. */
struct vars_view *runner_vars(struct runner *r);
/* Tells that the inventory got a host: see `ansible_play_hosts_all`. */
void runner_added(struct runner *r, const char *name);
/* Tells what the host is at: one of the phases of RUN_PHASE, a string constant. */
void runner_phase(struct runner *r, const char *phase);
/* How far it is, in bytes: for a live display, costs no event. */
void runner_progress(struct runner *r, uint64_t done, uint64_t total);
/* When the host's time is up. */
deadline runner_deadline(const struct runner *r);
/* What became of the host's models (run_host's report): for sync_models, which fills it. */
struct sync_report *runner_sync_report(struct runner *r);
/* The cancel token that waits of this runner obey; NULL while it undoes. */
const struct cancel *runner_cancel(const struct runner *r);

/*
 * The link to the node, opened at the first call, and the ctx of the helper for the call's
 * become keywords, with the play's transaction begun there. ERR_UNREACHABLE and ERR_AUTH make
 * the host unreachable.
 */
int runner_link(struct module_call *c, struct link **link, uint16_t *ctx, struct err *err);
/*
 * Closes that link at once: for a module whose conversation failed half-way, so that what is on
 * its way is not taken for the answer to something else. The next use opens it again;
 * ERR_UNREACHABLE makes the host unreachable.
 */
void runner_break_link(struct module_call *c, const struct err *why);
/*
 * Runs a module's half on the node: args is a dict of plain values; check and diff are the
 * call's. The members of the node's result are set in call->result, as unsafe values.
 */
int runner_node(struct module_call *c, const char *node_module, const struct value *args,
	struct err *err);
/* The same, with the result alone in a new dict of the call's arena instead. NULL with err. */
const struct value *runner_ask_node(struct module_call *c, const char *node_module,
	const struct value *args, struct err *err);
/* Where a call's questions go: at first to the host that the task is done on. */
struct runner_place runner_place(const struct module_call *c);
/* True if the task has delegate_to, be it with its own host. */
bool runner_is_delegated(const struct module_call *c);
/*
 * Makes them go elsewhere from now on, for a module that works on two hosts. Only what happens
 * on the play's own host belongs to its transaction.
 */
void runner_move(struct module_call *c, const struct runner_place *to);
/* True where the module's question to the node becomes a job (play/job.h). */
bool runner_is_job(const struct module_call *c);
/*
 * Brings content to the node as a blob for the next module there, and adds it to `args` under
 * `key` (as bytes where it is small). Sent once for one content.
 */
int runner_put_content(struct module_call *c, struct value *args, const char *key,
	const void *data, size_t n, struct err *err);
/* The same for a file of this machine, in pieces, compressed where that pays. */
int runner_put_file(struct module_call *c, struct value *args, const char *key,
	const char *path, struct err *err);
/* The same for an open file of so many bytes, of which the hash is known. */
int runner_put_fd(struct module_call *c, struct value *args, const char *key, int fd,
	uint64_t size, const uint8_t *hash, struct err *err);
/* Content that is sent to many: hashed and compressed once. The data is the arena's. */
struct run_pack;
/* Makes a pack of a copy of n bytes; NULL with err. */
const struct run_pack *run_pack_make(
	struct arena *arena, const void *data, size_t n, struct err *err);
/* The same as runner_put_content for a pack. */
int runner_put_pack(struct module_call *c, struct value *args, const char *key,
	const struct run_pack *pack, struct err *err);

/*
 * A variable of the host that does the call, which is another one with delegate_to; evaluated.
 * NULL where it is not defined, or with err.
 */
const struct value *runner_target_var(struct module_call *c, const char *name, struct err *err);

/*
 * Finds a file of the playbook: `kind` is "templates", "files" or "tasks". New memory; NULL
 * with ERR_NOTFOUND that lists where it was looked for.
 */
char *runner_find(struct module_call *c, const char *kind, const char *name, struct err *err);
/*
 * Renders a template file's text with the host's variables, as the template module does; in its
 * syntax, or in another one if `syntax` is not NULL.
 */
int runner_render(struct module_call *c, const char *path, const struct template_syntax *syntax,
	const struct value *locals, struct strbuf *out, struct err *err);

/* Sets a member of the result. */
void call_set(struct module_call *c, const char *key, const struct value *v);
/* Sets a text. */
void call_set_text(struct module_call *c, const char *key, const char *text);
/* Sets a boolean. */
void call_set_bool(struct module_call *c, const char *key, bool b);
/* Sets a number. */
void call_set_int(struct module_call *c, const char *key, int64_t i);

#endif
