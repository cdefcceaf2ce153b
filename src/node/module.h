/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper's modules: coarse operations that MODULE names, found in one const table
 * (modules.c). The engine has templated and validated the arguments; a module here looks at
 * the node, does the least that is needed, and tells what it did. It decides nothing.
 *
 * Every change of the file system goes through node/change.h, which records it in the open
 * transaction first. What cannot be undone (a command) says MODULE_NO_UNDO in the table.
 */
#ifndef NODE_MODULE_H
#define NODE_MODULE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/change.h"
#include "node/node.h"
#include "wire/item.h"

struct pollfd;

struct node_call {
	struct node *node;
	const struct item *args; /* the top dict */
	struct arena *arena;     /* of this call */
	struct item_writer *out; /* the result, an open dict; holds at least `changed` at the
				    end */
	bool check;              /* change nothing, say what would be */
	bool diff;
	deadline until;
	struct request *request; /* for signs of life: request_progress */
	bool alone;              /* in a job: no engine hears it, none has to be there */
};

enum node_module_flag {
	MODULE_READS = 0,        /* changes nothing */
	MODULE_CHANGES = 1 << 0, /* goes through change.h: can be undone */
	MODULE_NO_UNDO = 1 << 1, /* changes what no transaction can take back */
	MODULE_NO_CHECK = 1 << 2 /* refused with FRAME_CHECK: cannot tell what it would do */
};

/* What an argument may be; null stands for one that is not given. */
enum node_arg_type {
	ARG_TEXT = 1 << 0,
	ARG_BOOL = 1 << 1,
	ARG_INT = 1 << 2,
	ARG_NUMBER = 1 << 3, /* with a fraction or without */
	ARG_BYTES = 1 << 4,
	ARG_LIST = 1 << 5,
	ARG_DICT = 1 << 6,
	ARG_CONTENT = ARG_BYTES | ARG_INT, /* see call_content */
	ARG_REQUIRED = 1 << 7
};

struct node_arg {
	const char *name;
	unsigned types; /* of enum node_arg_type */
};

struct node_module {
	const char *name;
	unsigned flags;
	/* 0 with the result filled in; -1 with err: the module failed. */
	int (*run)(struct node_call *c, struct err *err);
	/* All that it takes, ended by an entry without a name. Checked before `run` is called.
	 */
	const struct node_arg *args;
};

/* The module with a name, or NULL. */
const struct node_module *node_module_find(const char *name);

/* Whether what the call was given is what the module's table says; -1 with err. */
int node_module_check(struct node_call *c, const struct node_module *m, struct err *err);

/* The transaction that this call's changes belong to, or NULL. */
struct transaction *call_transaction(struct node_call *c);
/* An argument that has to be there; NULL with ERR_INPUT naming it. */
const char *call_text(struct node_call *c, const char *key, struct err *err);
/* An argument that may be missing; NULL then. */
const char *call_text_or_null(struct node_call *c, const char *key);
/* A number with a fraction or without, else `otherwise`. */
double call_number(struct node_call *c, const char *key, double otherwise);
/* A path argument, absolute or below "~" or "~NAME", which is expanded; NULL with err when it
 * is missing or relative. */
const char *call_path(struct node_call *c, const char *key, struct err *err);
/* The same for one that may be missing: *path is NULL then. */
int call_path_or_null(struct node_call *c, const char *key, const char **path, struct err *err);
/* A text with a leading "~" or "~NAME" expanded; NULL gives NULL. */
const char *call_expand(struct node_call *c, const char *text);
/* Content: bytes, or the number of a blob. 1 with it, 0 when the argument is not given. */
int call_content(
	struct node_call *c, const char *key, struct change_content *content, struct err *err);
/* The texts of a list argument, NULL-terminated; an absent one is empty. NULL with err. */
const char *const *call_list(struct node_call *c, const char *key, struct err *err);
/*
 * "NAME=value" of the argument `environment` behind those of `first` (NULL: none),
 * NULL-terminated; NULL with err.
 */
const char *const *call_environment(
	struct node_call *c, const char *const *first, struct err *err);
/*
 * To be called at least once a second by whatever waits: sends a sign of life, and looks
 * whether the engine is still there (ERR_UNREACHABLE). A NULL call is always fine.
 */
int call_tick(struct node_call *c, struct err *err);
/* Sleeps until a point of time, ticking. */
int call_sleep(struct node_call *c, deadline until, struct err *err);
/* wait_fds with ticks: the number of ready descriptors, or -1 with err. */
int call_wait(struct node_call *c, struct pollfd *fds, unsigned count, deadline until,
	struct err *err);

/*
 * Runs a program in a session of its own, with the login's umask, and waits for its end,
 * ticking. What it leaves running in the background is not waited for. `argv` is
 * NULL-terminated and looked up in the PATH that the program will have; output beyond
 * `output_max` is dropped and `cut` is set.
 */
struct call_program {
	const char *const *argv;
	const char *const *env; /* NAME=value, added to ours; NULL: none */
	const char *cwd;
	const void *input;
	size_t input_len;
	size_t output_max; /* of each stream; 0: 1 MiB */
	deadline until;    /* 0: the call's */
	bool unkillable; /* it goes on to its end when the engine is gone: a package manager */
	struct strbuf out; /* filled in */
	struct strbuf err;
	bool out_cut, err_cut;
	int status; /* exit code; 128 + signal */
};
/*
 * Returns 0 when the program ran to its end, -1 with err: ERR_NOTFOUND or ERR_DENIED when it
 * could not be started (err->sys holds errno), ERR_TIMEOUT or ERR_UNREACHABLE when it was
 * killed with its whole session. `out` and `err` hold what it printed until then. The call
 * may be NULL: nobody waits for signs of life.
 */
int call_run(struct node_call *c, struct call_program *p, struct err *err);
/* Frees what a program printed. */
void call_program_release(struct call_program *p);
/* The end of what a program printed, of its errors if there are any: for an error's text. NULL
 * when it printed nothing. */
const char *call_program_says(struct arena *a, const struct call_program *p);

/* The tables of arguments of the modules below. */
extern const struct node_arg read_args[], edit_args[], tempfile_args[], find_args[],
	assemble_args[], unarchive_args[];
extern const struct node_arg stat_args[], file_args[], copy_args[], slurp_args[],
	command_args[], foreign_args[], wait_args[], facts_args[], service_args[], watch_args[],
	apt_args[], pip_args[];
extern const struct node_arg group_args[];
extern const struct node_arg user_args[];
extern const struct node_arg sysctl_args[];
extern const struct node_arg cron_args[];
extern const struct node_arg mount_args[];
extern const struct node_arg pty_args[];
extern const struct node_arg hostname_args[], apt_key_args[];

/* The modules of the table; their arguments and results are in wire/MODULES.md. */
int node_stat(struct node_call *c, struct err *err);
/* file: states of a path. */
int node_file(struct node_call *c, struct err *err);
/* copy: content under a path, as Ansible writes it. */
int node_copy(struct node_call *c, struct err *err);
/* slurp: a file's content. */
int node_slurp(struct node_call *c, struct err *err);
/* read: a piece of a file, and whether its attributes are as asked. */
int node_read(struct node_call *c, struct err *err);
/* edit: a part of a file that the engine has seen, replaced. */
int node_edit(struct node_call *c, struct err *err);
/* tempfile: a file or a directory with a name that nobody has. */
int node_tempfile(struct node_call *c, struct err *err);
/* find: files below directories that answer a description. */
int node_find(struct node_call *c, struct err *err);
/* assemble: the files of a directory as one. */
int node_assemble(struct node_call *c, struct err *err);
/* unarchive: a tar archive below a directory. */
int node_unarchive(struct node_call *c, struct err *err);
/* command: a program or a shell's line. */
int node_command(struct node_call *c, struct err *err);
/* foreign: a module of somebody else's, brought along. */
int node_foreign(struct node_call *c, struct err *err);
/* The tables of read_files, signature, tree and tree_apply. */
extern const struct node_arg read_files_args[], signature_args[], tree_args[],
	tree_apply_args[];
/* signature: of a file that a delta may be made against. */
int node_signature(struct node_call *c, struct err *err);
/* read_files: the content of small files. */
int node_read_files(struct node_call *c, struct err *err);
/* tree: what lies below a directory. */
int node_tree(struct node_call *c, struct err *err);
/* tree_apply: changes to it. */
int node_tree_apply(struct node_call *c, struct err *err);
/* wait: until a port or a path is as asked. */
int node_wait(struct node_call *c, struct err *err);
/* facts: what templates ask about a node. */
int node_facts(struct node_call *c, struct err *err);
extern const struct node_arg service_facts_args[], package_facts_args[], mount_facts_args[],
	getent_args[];
/* service_facts: all services. */
int node_service_facts(struct node_call *c, struct err *err);
/* package_facts: all that is installed. */
int node_package_facts(struct node_call *c, struct err *err);
/* mount_facts: what is mounted, or would be. */
int node_mount_facts(struct node_call *c, struct err *err);
/* getent: what a database of names has. */
int node_getent(struct node_call *c, struct err *err);
/* service: a unit's state, through a service manager. */
int node_service(struct node_call *c, struct err *err);
/* watch: whether units stay up. */
int node_watch(struct node_call *c, struct err *err);
/* apt: packages of Debian. */
int node_apt(struct node_call *c, struct err *err);
/* git: a working tree or a bare repository at a version. */
int node_git(struct node_call *c, struct err *err);
extern const struct node_arg git_args[];
/* apt_repository: a line among the sources of packages. */
int node_apt_repository(struct node_call *c, struct err *err);
extern const struct node_arg apt_repository_args[];
/* ensure: a state that programs of the node tell and make. */
int node_ensure(struct node_call *c, struct err *err);
extern const struct node_arg ensure_args[];
/* pip: packages of Python. */
int node_pip(struct node_call *c, struct err *err);
/* group: a group of the system. */
int node_group(struct node_call *c, struct err *err);
/* user: an account of the system, its home and its key. */
int node_user(struct node_call *c, struct err *err);
/* sysctl: a value of the kernel, and the file that sets it. */
int node_sysctl(struct node_call *c, struct err *err);
/* cron: jobs and variables of a crontab. */
int node_cron(struct node_call *c, struct err *err);
/* mount: entries of fstab, and what is mounted. */
int node_mount(struct node_call *c, struct err *err);
/* apt_key: keys that apt trusts. */
int node_apt_key(struct node_call *c, struct err *err);
/* hostname: the name of the node, now and after a boot. */
int node_hostname(struct node_call *c, struct err *err);
/* pty: a program on a terminal, which the engine talks with. */
int node_pty(struct node_call *c, struct err *err);
/* job: another module's work, in a process that outlives the helper. */
int node_job(struct node_call *c, struct err *err);
extern const struct node_arg job_args[];

#endif
