/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules that are not ours: programs that follow Ansible's rules for modules, found where
 * Ansible finds them, sent to the node and run there.
 *
 * Everything that can go wrong on this machine goes wrong while the playbook is read: a file
 * is found and read, its kind is seen, and what a Python module imports is gathered into one
 * archive that the node's Python runs. `struct module` is the first member, so that a task
 * points to it as to any other module.
 */
#ifndef PLAY_FOREIGN_H
#define PLAY_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "play/module.h"

struct parser;
struct play_places;

#define FOREIGN_MAX_BYTES (16u << 20) /* of a module's file */

/* How a module is told its arguments, and what is sent. */
enum foreign_style {
	FOREIGN_PYTHON,   /* imports Ansible's helpers: an archive, arguments as JSON */
	FOREIGN_JSON,     /* says WANT_JSON: the name of a file of JSON */
	FOREIGN_PAIRS,    /* anything else: the name of a file of NAME=VALUE */
	FOREIGN_BINARY,   /* a program: as FOREIGN_JSON, run without an interpreter */
	FOREIGN_EMBEDDED, /* has a place in its text that JSON is put into */
	FOREIGN_POWERSHELL
};

/* The text that FOREIGN_EMBEDDED has where its arguments go. */
#define FOREIGN_EMBEDDED_MARK "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"

struct foreign {
	struct module module; /* first */
	struct foreign *next; /* of the same playbook */
	const char *path;
	const char *file_name; /* on the node */
	enum foreign_style style;
	const char *interpreter;     /* the first line's, with its words; NULL: none */
	const struct run_pack *pack; /* what is sent */
	const char *data;            /* the file, for FOREIGN_EMBEDDED */
	size_t len;
	const char *ansible_version; /* of what the helpers were taken from, or ours */
};

/* The entry of a task's module, or NULL when the module is one of our own. */
const struct foreign *foreign_of(const struct module *m);

/*
 * Looks for a module by the name that a playbook has for it. 1 with the module, which may be
 * one of ours that another name leads to; 0 when there is no such file; -1 after a finding at
 * `place`: it is there and cannot be run.
 */
int foreign_find(struct parser *p, const char *name, const struct place *place,
	const struct module **module);
/* True if a name would be found, whether or not it could be run. */
bool foreign_exists(struct parser *p, const char *name);
/* The file that a name leads to, in the arena of the parser; NULL when there is none. */
const char *foreign_path(struct parser *p, const char *name);
/* True for a file of the user's own that Ansible takes in place of its module of that name. */
bool foreign_overrides(struct parser *p, const char *name);

/* Runs one: the `run` of its entry. */
int foreign_run(struct module_call *c, struct err *err);
/*
 * Makes the JSON object that n bytes of text hold the call's result, without what only
 * Ansible's own actions may say. False, with nothing set, where there is none.
 */
bool foreign_take_object(struct module_call *c, const char *text, size_t n);
/*
 * Reads what a module printed into a call's result: the JSON object between whatever else
 * stands there. A module that printed none has failed, and the result says so.
 */
int foreign_read_result(struct module_call *c, const struct value *answer);

/* The kind of a module by its content. */
enum foreign_style foreign_style_of(const char *data, size_t n);
/* True if a module looks at whether it runs in check mode. */
bool foreign_checks(enum foreign_style style, const char *data, size_t n);

/* ---- where modules lie (foreign_places.c) ---- */

/* Directories, each list in the order in which it is searched. */
struct foreign_places {
	struct strlist libraries; /* of single modules */
	struct strlist utils;     /* of their helpers: what ansible.module_utils.NAME may be */
	struct strlist actions;   /* of action plugins */
	struct strlist collections; /* that hold NAMESPACE/NAME */
	char *ansible;              /* Ansible's own package; NULL: not on this machine */
};

/*
 * Lists the places for a file of a playbook: `file_directory` is where that file lies,
 * `playbook_directory` where the playbook does. `said` may be NULL.
 */
void foreign_places_list(struct foreign_places *f, const struct play_places *said,
	const char *file_directory, const char *playbook_directory);
/* Lists those of collections alone, and of them those that are beside no playbook. */
void foreign_places_installed(struct foreign_places *f, const struct play_places *said);
/* Frees them. */
void foreign_places_release(struct foreign_places *f);
/* A module's file in a directory, or in one below it: NAME, NAME.py, or another ending. NULL
 * when there is none; new memory. */
char *foreign_file_in(const char *directory, const char *name);
/* The directory of a collection, "NAMESPACE.NAME"; NULL when there is none; new memory. */
char *foreign_collection(const struct foreign_places *f, const char *name);

/* ---- what Python modules import (foreign_imports.c, foreign_python.c) ---- */

/* One import of a module: "a.b" of `import a.b`, "a.b.c" of `from a.b import c`. */
struct foreign_import {
	const char *name; /* relative ones made whole */
	size_t needed; /* of its bytes: what has to be a module; the rest may be a name in it */
	unsigned line;
	bool optional; /* it stands inside something: the program may go on without it */
};
struct foreign_imports {
	struct foreign_import *items;
	size_t count, cap;
};
/*
 * Reads the import statements of a Python program. `package` is the dotted name of the package
 * that it is in. Lines that are no Python are passed over: Python itself will complain.
 */
void foreign_imports_read(const char *text, const char *package, struct arena *arena,
	struct foreign_imports *out);
/* Frees the list; names are the arena's. */
void foreign_imports_release(struct foreign_imports *l);

/* A Python module with all that it imports, as an archive that Python can run. */
struct foreign_python {
	const struct foreign_places *places;
	const char *name; /* dotted, as Python will know it */
	const char *path; /* for messages */
	const char *text;
	size_t len;
};
/* Makes the archive; -1 with err naming the file and the line of an import without a file. */
int foreign_python_pack(const struct foreign_python *m, struct strbuf *out, struct err *err);

#endif
