/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser's files share. Findings go to `diags`; reading goes on behind each of them,
 * so that one run tells all.
 */
#ifndef PLAY_PARSE_H
#define PLAY_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "inventory/secrets.h"
#include "play/keywords.h"
#include "play/playbook.h"
#include "value/found.h"

struct foreign_cache;

/* A file that is being read, and the one that imports it. */
struct parse_file {
	const char *path; /* as messages name it */
	const char *real; /* without links and dots, to see the same file again */
	const char *directory;
	const char *collection; /* whose playbook it is; NULL: of none, or it is no playbook */
	const struct parse_file *outer;
};

struct parser {
	struct playbook *playbook;
	struct arena *arena; /* the playbook's */
	struct arena
		scratch; /* of templates that are compiled only to see whether they can be */
	const struct playbook_options *options;
	struct diags *diags;
	const struct parse_file *file;
	struct steps *late; /* handlers of roles that are imported: behind the play's */
	unsigned depth;     /* blocks and imports around what is read now */
	bool full;          /* a limit was met and reported */
	struct foreign_cache *foreign; /* what was read of modules that are not ours; or NULL */
};

/* What a mapping's keywords are read into. */
struct target {
	enum keyword_where where;
	const char *title; /* for messages: "a play" */
	const struct value *source;
	struct place place;
	struct play *play;
	struct step *step;  /* of a block, task or handler; else NULL */
	struct steps *into; /* where imported or nested steps go; else NULL */
};

/* Makes room for one more element in the playbook's arena; helper of PARSE_PUSH. */
void *parse_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size);
/* VEC_PUSH for vectors that live in the arena. */
#define PARSE_PUSH(arena, v)                                                                   \
	((v)->items = parse_grow(                                                              \
		 (arena), (v)->items, (v)->count, &(v)->cap, sizeof(*(v)->items)),             \
		&(v)->items[(v)->count++])
/* Appends to a list of strings that lives in the arena. */
void parse_push_string(struct arena *a, struct strlist *l, const char *s);

/* A scalar's text as Python's str() gives it, in the arena; NULL for null and containers. */
const char *parse_text(struct parser *p, const struct value *v);
/* True if a value is a string with a template in it. */
bool parse_is_template(const struct value *v);
/* Reports templates in a value that do not compile. */
void parse_check_templates(struct parser *p, const struct value *v);
/* Reports a condition, or one in a list, that is none or does not compile. */
void parse_check_conditions(struct parser *p, const struct value *v);
/* Reports an expression without delimiters that does not compile. */
void parse_check_expression(struct parser *p, const struct value *v);
/* Adds the conditions that say something to a list. */
void parse_add_conditions(struct parser *p, struct conditions *to, const struct value *v);
/* Adds tags to a target's: a list, or a text that is split at commas. */
void parse_add_tags(struct parser *p, const struct target *t, const struct value *v);
/* Variables: a mapping, or a list of them melted into one; NULL after errors. */
const struct value *parse_vars(struct parser *p, const struct value *v);

/* Reports an error at a place, or at the place in the same file that its text begins with. */
void parse_report(struct parser *p, const struct place *at, const struct err *err);
/* Reads YAML or JSON; NULL after a finding at `at` (may be NULL) or inside the text. */
const struct value *parse_source(
	struct parser *p, const char *text, size_t n, const char *name, const struct place *at);
/* The same from a file, opened if it is a vault. */
const struct value *parse_read_file(struct parser *p, const char *path, const struct place *at);
/* Whether one more block or import may begin inside those around it; a finding if not. */
bool parse_deeper(struct parser *p, const struct place *at);
/* Begins to read a file; false after a finding: it is being read already, or too deep. */
bool parse_enter(
	struct parser *p, struct parse_file *f, const char *path, const struct place *at);
/* Ends what parse_enter began. */
void parse_leave(struct parser *p);

/* What an import_playbook says about the plays that it brings, with those around it. */
struct play_import {
	const struct play *with; /* its vars, tags and conditions */
	const struct play_import *outer;
};

/*
 * A value that may be a template, in the arena: rendered with what is known before any host is,
 * extra variables and those of the play and of the steps around. NULL after a finding.
 * `what` is for messages; play and around may be NULL.
 */
const struct value *parse_rendered(struct parser *p, const char *what, const struct value *v,
	const struct play *play, const struct step *around);
/* The same for a name: its text. */
const char *parse_imported(struct parser *p, const char *what, const struct value *v,
	const struct play *play, const struct step *around);

/* What is asked of a role at the place that brings it. */
struct role_request {
	const char *name;
	struct place place;     /* of the name */
	const char *tasks_from; /* NULL: main */
	const char *handlers_from, *vars_from, *defaults_from;
	const char *beside; /* where else to look: beside the role that depends on it */
	const struct role_use *parent;     /* the role that brings it; NULL: the play */
	const struct value *said, *params; /* see struct role_use; may be NULL */
	const struct value *definition;    /* the mapping that it is written in; may be NULL */
	struct steps *handlers;            /* where those of the role go */
	bool depended;                     /* by meta/main.yml of the parent */
	bool included; /* imported or included: may be repeated as that says */
	bool allow_duplicates;
	bool unchecked; /* arguments are not compared with meta/argument_specs.yml */
};

/*
 * Reads a role: its variables, then the roles that it depends on and its own tasks into the
 * block `frame`, whose keywords hold for all of them. NULL after a finding.
 */
const struct role_use *parse_role(
	struct parser *p, const struct role_request *request, struct step *frame);
/* Reads an import_role, `what` being the arguments behind it. */
void parse_import_role(struct parser *p, const struct value *v, const struct value *what,
	const struct target *around, struct steps *to);
/* Fills in what the arguments of import_role or include_role ask for. */
void parse_role_request(struct role_request *request, const struct value *args);
/* What a task that includes may say, and its `apply`. */
void parse_include(struct parser *p, struct target *t);
/* Reads a file of tasks into a block; `v` names it. */
void parse_tasks_file(
	struct parser *p, const char *path, const struct value *v, struct step *block);

/* Reads a play into the playbook; `import` is the innermost that brings it, or NULL. */
void parse_play(struct parser *p, const struct value *v, const struct play_import *import);
/* Reads a list of steps: of a play, or of a block. */
void parse_steps(struct parser *p, const struct value *list, const struct target *around,
	struct steps *to);
/* A new step, numbered; NULL when there are too many. */
struct step *parse_new_step(struct parser *p, enum step_kind kind, const struct target *around,
	const struct value *v);
/* Reads a task or handler. */
void parse_task(
	struct parser *p, const struct value *v, const struct target *around, struct steps *to);
/* Finds the module of a task and its arguments. */
void parse_action(struct parser *p, struct target *t);

/* What was found of an action. */
struct action {
	const char *name;         /* as written; NULL: none yet */
	struct place place;       /* of the name */
	const struct value *text; /* "src=a dest=b", or a bare string; NULL: none */
	const struct value *dict; /* or arguments as a mapping; NULL: none */
};

/* A string that was cut out of another, with its place. */
const struct value *parse_part(
	struct arena *a, const struct value *of, const char *text, size_t len);
/* What module_defaults say of the module of a task: a mapping, or NULL. */
const struct value *parse_defaults_of(struct parser *p, const struct step *s);
/* Adds what module_defaults say to the arguments of a task whose module was found. */
void parse_module_defaults(struct parser *p, const struct step *s, struct value *args);
/* Reads the arguments of a task whose module was found. */
void parse_arguments(struct parser *p, struct target *t, const struct action *found);

#endif
