/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A playbook, parsed: plain structures that say what was written, nothing evaluated.
 *
 * playbook_parse checks everything that can be known without a host: keywords, modules and
 * their argument names, task files that are imported, structure. What we do not support is
 * refused here, by name, file and line, all of it in one run.
 *
 * A playbook is immutable once parsed and read by all hosts' runners at once. All memory is
 * its arena's, that of string lists too: they are never released by themselves.
 *
 * import_tasks leaves a block with the import's keywords around the imported steps;
 * import_playbook with `when` leaves a block around each list of a play's tasks.
 */
#ifndef PLAY_PLAYBOOK_H
#define PLAY_PLAYBOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/mem.h"
#include "inventory/secrets.h"
#include "value/value.h"

struct module;
struct role_use;
struct vars_site;

#define PLAYBOOK_MAX_BYTES (4u << 20) /* of one file */
#define PLAYBOOK_MAX_STEPS 20000      /* tasks, handlers and blocks, imported ones too */
#define PLAYBOOK_MAX_DEPTH 40         /* blocks and imports inside one another */

/*
 * Keywords whose value a task inherits from the blocks around it and from its play, nearest
 * first. Values are as written: templates are rendered per host when the task runs. A null
 * stands for the default again, whatever the blocks around say.
 */
enum play_attribute {
	ATTRIBUTE_BECOME,
	ATTRIBUTE_BECOME_USER,
	ATTRIBUTE_BECOME_METHOD,
	ATTRIBUTE_BECOME_FLAGS,
	ATTRIBUTE_REMOTE_USER,
	ATTRIBUTE_PORT,
	ATTRIBUTE_CONNECTION,
	ATTRIBUTE_CHECK_MODE,
	ATTRIBUTE_DIFF,
	ATTRIBUTE_NO_LOG,
	ATTRIBUTE_IGNORE_ERRORS,
	ATTRIBUTE_IGNORE_UNREACHABLE,
	ATTRIBUTE_ANY_ERRORS_FATAL,
	ATTRIBUTE_ENVIRONMENT, /* a list of mappings (or templates for one), the play's first */
	ATTRIBUTE_TIMEOUT,
	ATTRIBUTE_RUN_ONCE,
	ATTRIBUTE_THROTTLE,
	ATTRIBUTE_BECOME_EXE,
	ATTRIBUTE_DELEGATE_FACTS, /* not of a play */
	/*
	 * Arguments that modules have where a task does not give them: a mapping of our names
	 * of modules to mappings, with those of the blocks and the play around it.
	 */
	ATTRIBUTE_MODULE_DEFAULTS,
	ATTRIBUTE_DELEGATE_TO, /* not of a play */
	ATTRIBUTE_NOTIFY,      /* not of a play */
	ATTRIBUTE_COLLECTIONS, /* where short names are looked for; of no role that is used */
	ATTRIBUTE_COUNT
};

enum step_kind { STEP_TASK, STEP_BLOCK };

struct steps {
	struct step **items;
	size_t count, cap;
};

/* Strings and booleans that must all hold; empty ones are left out. */
struct conditions {
	const struct value **items;
	size_t count, cap;
};

/* A task, a handler or a block. */
struct step {
	enum step_kind kind;
	struct place place;
	const char *name;         /* as written, may be a template; NULL when it has none */
	const struct step *outer; /* the block around it; NULL directly in the play */
	const struct play *play;
	const struct role_use *role; /* the role that it is of, or NULL */
	const char *title;           /* for people: "ROLE : NAME"; see step_title */
	unsigned index;              /* order in the playbook (or the included file), from 0 */
	unsigned mentioned;          /* a handler: the index at which its role came last */
	const struct value *attributes[ATTRIBUTE_COUNT]; /* own ones; NULL: not written */
	const struct value *vars;                        /* a dict or NULL */
	struct conditions when; /* own ones; those of the blocks around it count, too */
	struct strlist tags;    /* own ones; those of blocks and play count, too */
	bool handler;
	bool role_body; /* a block that is a role's own tasks: done once, unless the role may
			   be repeated */
	bool include_params; /* a block whose vars were written beside an include */
	union {
		struct task *task;
		struct block *block;
	};
};

struct block {
	struct steps block, rescue, always;
};

struct task {
	const struct module *module;
	const char *module_name;          /* as written */
	const struct value *args;         /* a dict of arguments, as written; NULL: none */
	const struct value *free_form;    /* a string, for modules that take one; else NULL */
	const struct value *variable;     /* a template that gives further arguments; or NULL */
	const struct value *defaults;     /* module_defaults, where it does; else in args */
	const struct value *loop;         /* a list or a template for one; NULL: no loop */
	const char *loop_lookup;          /* "items" for with_items, ...; NULL: `loop:` */
	const struct value *loop_control; /* a dict or NULL */
	const char *register_name;        /* or NULL */
	struct strlist listen;            /* handlers: topics besides the name */
	const struct value *until, *retries, *delay;
	const struct value *async, *poll;
	const struct value *changed_when, *failed_when; /* NULL: the module's word */
	const struct value *apply; /* of an include: keywords for what it brings; or NULL */
};

/*
 * A play's transaction: what it changes on a host is confirmed at its end, or taken back.
 * Ours, not Ansible's:
 *
 *     transaction: true
 *     transaction: {confirm_timeout: 120, soak: 300}
 */
struct play_transaction {
	const struct value *enabled;         /* NULL: the play has none */
	const struct value *confirm_timeout; /* seconds; NULL: PLAY_CONFIRM_TIMEOUT */
	const struct value *soak; /* seconds that hosts of the first batch are watched */
};
#define PLAY_CONFIRM_TIMEOUT 120

struct role_uses {
	const struct role_use **items;
	size_t count, cap;
};

struct play {
	struct place place;
	const char *name;          /* as written, else its hosts */
	const char *directory;     /* of its file: an imported playbook has its own */
	const char *collection;    /* whose playbook its file is, "NAMESPACE.NAME"; or NULL */
	const struct value *hosts; /* a string or a list of patterns, as written */
	const struct value *attributes[ATTRIBUTE_COUNT];
	const struct value *vars;       /* a dict or NULL */
	const struct value *vars_files; /* a list or NULL */
	const struct value *prompts;    /* vars_prompt: a list of dicts or NULL */
	/* Of the import that brought the play: facts are gathered where all of them hold. */
	struct conditions when;
	const struct value *gather_facts;
	const struct value *gather_subset, *gather_timeout, *fact_path;
	bool free; /* strategy: hosts are apart even where they could observe each other */
	const struct value *serial; /* a number, a percentage, or a list of them */
	const struct value *max_fail_percentage;
	const struct value *force_handlers;
	const struct value *order;
	struct play_transaction transaction;
	struct strlist tags;
	/* Roles' steps are the first of `tasks`; their handlers are before the play's. */
	struct steps pre_tasks, tasks, post_tasks, handlers;
	/* Roles whose variables the whole play sees: those of `roles`, then imported ones. */
	struct role_uses roles;
};

struct playbook {
	struct arena arena;
	const char *path;       /* as it was given */
	const char *directory;  /* where its files, templates and tasks are looked for */
	const char *collection; /* whose playbook it is, "NAMESPACE.NAME"; NULL: nobody's */
	struct play **plays;
	size_t count, cap;
	unsigned step_count; /* of all plays: steps are numbered below it */
};

/*
 * Where what is not ours lies: directories between colons. NULL: what Ansible's variables of
 * the environment say, else its places.
 */
struct play_places {
	const char *first; /* modules, looked for before all others */
	const char *modules, *utils, *actions;
	const char *collections;
};

/* What a playbook is read with; all may be NULL. */
struct playbook_options {
	const struct secrets *secrets;
	/*
	 * What templates in names of imported files and roles are rendered with, besides the
	 * play's own variables. NULL: such names are refused.
	 */
	const struct vars_site *vars;
	const struct inventory *inventory;
	const char *roles_path; /* where roles lie, between colons; NULL: Ansible's places */
	const struct play_places *places;
};

/*
 * The file of a playbook that is named "NAMESPACE.NAME.PLAYBOOK", in the collections that are
 * installed; directories between NAME and PLAYBOOK have dots, too. NULL where there is none:
 * the name is that of a file. New memory.
 */
char *playbook_of_collection(const char *name, const struct play_places *places);
/*
 * Reads a playbook file (vault opened). Findings are appended to d; -1 when there is an error
 * among them. The playbook is released by the caller in either case.
 */
int playbook_parse(
	struct playbook *p, const char *path, const struct secrets *secrets, struct diags *d);
/* The same from text in memory; `directory` is where imports are looked for. */
int playbook_parse_text(struct playbook *p, const char *name, const char *directory,
	const char *text, size_t n, const struct secrets *secrets, struct diags *d);
/* The same with more options. */
int playbook_parse_text_with(struct playbook *p, const char *name, const char *directory,
	const char *text, size_t n, const struct playbook_options *o, struct diags *d);
/* playbook_parse with more options. */
int playbook_parse_with(struct playbook *p, const char *path, const struct playbook_options *o,
	struct diags *d);
/* Frees everything; an all-zero playbook is fine. */
void playbook_release(struct playbook *p);

/* The value of an inherited keyword for a step: its own, its blocks', its play's; or NULL. */
const struct value *step_attribute(const struct step *s, enum play_attribute a);
/*
 * Whether a step runs with these --tags (NULL or empty: all) and --skip-tags (or NULL), with
 * Ansible's words always, never, tagged, untagged and all. A block runs when a step in it does.
 */
bool step_selected(
	const struct step *s, const struct strlist *tags, const struct strlist *skip);
/* The step's name for people: its name, else its module's; with "ROLE : " in front. */
const char *step_title(const struct step *s);

#endif
