/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jinja2 templates, with the meaning that Jinja2 3.1 and ansible-core 2.19 give them.
 *
 * Compiling and evaluating are apart. A compiled template is immutable and lives in the arena
 * it was compiled into: any number of threads may evaluate it at once. It outlives the contexts
 * that it is evaluated in, and the results, which may share its constants. A context belongs to
 * one thread at a time; it says where variables come from and holds what was evaluated.
 *
 *     struct template_context ctx;
 *     template_context_init(&ctx, &arena);
 *     ctx.lookup = my_lookup;
 *     ctx.data = my_variables;
 *     const struct value *v = template_value(&ctx, raw, err);
 *     template_context_release(&ctx);
 *
 * Laziness. What `lookup` gives is a value as it was written: strings in it that hold
 * templates are evaluated when, and only when, an expression comes to them, in the same
 * context; each once until template_context_forget. A value that needs itself is an error
 * that names the loop.
 *
 * Types. A string that is one expression keeps the expression's type ("{{ 1 + 1 }}" is the
 * integer 2); everything else is text. `native` off gives Jinja2's own behaviour: always text.
 *
 * Trust. An `unsafe` string, or one written with !unsafe, is never templated. A result that
 * used one is unsafe as a whole, and so is every result that looks like a template: nothing
 * that came out of a template is templated again.
 *
 * Errors are "file:line:column: what; remedy". ERR_NOTFOUND: something undefined was used;
 * ERR_INPUT: syntax, types, values; ERR_LIMIT: a limit was met; others from callbacks.
 *
 * Stack: evaluation recurses; the default limits keep it below 256 KiB without sanitizers.
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/regex.h"
#include "value/value.h"

/* Size of one template's source that is accepted. */
#define TEMPLATE_MAX_SOURCE (16u << 20)

/*
 * How a template is written. A first line "#jinja2: trim_blocks: False, ..." overrides it for
 * that template. Strings are never NULL, except the two line prefixes (NULL: none).
 */
struct template_syntax {
	const char *block_start, *block_end;       /* {% %} */
	const char *variable_start, *variable_end; /* {{ }} */
	const char *comment_start, *comment_end;   /* {# #} */
	const char *line_statement, *line_comment;
	const char *newline;        /* what line ends become: "\n", "\r\n" or "\r" */
	bool trim_blocks;           /* the newline behind a block goes */
	bool lstrip_blocks;         /* white space before a block on its line goes */
	bool keep_trailing_newline; /* false: one newline at the very end goes */
	bool restore_newlines;      /* newlines at the end that rendering lost come back */
	bool literal_backslashes;   /* in strings of {{ }}, a backslash is only a backslash */
};

/* Strings in YAML, as Ansible sees them. */
extern const struct template_syntax template_syntax_yaml;
/* Template files, as Ansible's template module sees them. */
extern const struct template_syntax template_syntax_file;
/* Jinja2's own defaults. */
extern const struct template_syntax template_syntax_jinja;

struct template;

/*
 * Compiles n bytes of source into the arena. `at` is where the text begins (may be NULL; its
 * file name must live as long as the arena). Returns NULL with err at a syntax error.
 */
const struct template *template_compile(struct arena *arena, const char *source, size_t n,
	const struct place *at, const struct template_syntax *syntax, struct err *err);
/* Compiles one bare expression, as `when` has it: no delimiters, backslashes escape. */
const struct template *template_compile_expression(struct arena *arena, const char *source,
	size_t n, const struct place *at, struct err *err);

/* True if a text is wrapped in delimiters, e.g. a condition that a template gives. */
bool template_is_whole(const char *text, size_t n);
/* True if a text holds a template, or something that tries to be one. Cheap. */
bool template_is_in(const char *text, size_t n);
/* The same for a value: a string to be templated, or a container that holds one. */
bool template_is_in_value(const struct value *v);

/*
 * Compiled templates of many strings and files, shared by threads (it locks inside). Free it
 * when no context uses it any more.
 */
struct template_cache;
/* An empty cache. */
struct template_cache *template_cache_new(void);
/* Frees the cache and all that was compiled into it; NULL is fine. */
void template_cache_free(struct template_cache *cache);
/* The compiled form of a text, compiled at most once for a text, place and syntax; a syntax
 * that is none of the three above is copied. */
const struct template *template_cache_get(struct template_cache *cache, const char *source,
	size_t n, const struct place *at, const struct template_syntax *syntax,
	struct err *err);

/* Limits of one evaluation; 0 means the default. */
struct template_limits {
	uint64_t steps; /* nodes evaluated: 50 million */
	unsigned depth; /* expressions, calls and templates inside one another: 400 */
	size_t output;  /* bytes of one string: 64 MiB */
	size_t memory;  /* bytes taken from the arena: 512 MiB */
};

/*
 * How lookups and tests reach files and programs. Each function may be NULL: then what needs
 * it is ERR_UNSUPPORTED. `template_files_local` does it on this machine.
 */
struct template_files {
	/*
	 * Finds a file as Ansible searches one: `kind` is "files", "templates" or "vars". The
	 * path in new memory, or NULL with err (ERR_NOTFOUND).
	 */
	char *(*find)(void *data, const char *kind, const char *name, struct err *err);
	/* Reads a file (vault files opened) of at most max bytes. */
	int (*read)(
		void *data, const char *path, size_t max, struct strbuf *out, struct err *err);
	/* Runs a shell command; its output, or an error when it fails. */
	int (*run)(void *data, const char *command, size_t max, struct strbuf *out,
		struct err *err);
};

extern const struct template_files template_files_local;
/* What template_files_local takes as `files_data`. */
struct template_search {
	struct strlist paths; /* each also with "files", "templates", "vars" behind it */
	deadline until;       /* for programs; 0 means never */
	const struct cancel *cancel;
};

struct template_state;

/*
 * Where evaluation happens. Fill it with template_context_init, then set what is needed;
 * nothing below `state` is for callers.
 */
struct template_context {
	struct arena *arena; /* results and what is cached; outlives the context */
	/*
	 * The value of a variable as written; asked for once until template_context_forget.
	 * NULL with err untouched: undefined; NULL with err filled: evaluation fails with it.
	 * May be NULL: there are no variables.
	 */
	const struct value *(*lookup)(
		void *data, const struct value_key *name, struct err *err);
	/* All variable names, for lookup('varnames') and vars; may be NULL. A list of strings.
	 */
	const struct value *(*names)(void *data, struct err *err);
	/* Opens a VALUE_VAULT to a string; NULL: such values are errors. */
	const struct value *(*open_vault)(
		void *data, const struct value *vault, struct err *err);
	/*
	 * A template for include, import and extends by its name, `parent` the file that asks.
	 * NULL: found by `files`, compiled with the parent's syntax.
	 */
	const struct template *(*load)(
		void *data, const char *name, const char *parent, struct err *err);
	void *data;
	const struct template_files *files; /* may be NULL */
	void *files_data;
	/* NULL: the context compiles for itself, and results live no longer than it does. */
	struct template_cache *cache;
	struct template_limits limits;
	bool native; /* results keep their type; on by default */
	/* A condition may be any value and counts by its truth, as before ansible-core 2.19. */
	bool any_condition;
	struct template_state *state;
};

/* A context without variables, native, with default limits. */
void template_context_init(struct template_context *ctx, struct arena *arena);
/* Forgets what variables evaluated to; after a variable changed. */
void template_context_forget(struct template_context *ctx);
/* Frees what the context holds beside its arena. */
void template_context_release(struct template_context *ctx);

/*
 * Evaluates every template inside a value: strings, items of lists, values of mappings (not
 * their keys, as in Ansible). Values without templates are returned as they are. NULL with err.
 */
const struct value *template_value(
	struct template_context *ctx, const struct value *v, struct err *err);
/*
 * Evaluates a compiled template. `locals` (a dict, or NULL) go before the context's
 * variables; they are not templated.
 */
const struct value *template_evaluate(struct template_context *ctx,
	const struct template *template, const struct value *locals, struct err *err);
/* The same to text, as the template module writes it: None is empty. Appends to out. */
int template_render(struct template_context *ctx, const struct template *template,
	const struct value *locals, struct strbuf *out, struct err *err);
/*
 * A condition of when, until, failed_when: a boolean, or a string with an expression (or with
 * a template that gives one). 1 or 0; -1 with err, also when the result is not a boolean.
 */
int template_condition(struct template_context *ctx, const struct value *condition,
	const struct value *locals, struct err *err);
/* Calls a lookup by name with terms (a list) as `with_NAME` does; the list that it gives. */
const struct value *template_lookup(struct template_context *ctx, const char *name,
	const struct value *terms, struct err *err);

/* True for the value of `omit`: an argument that counts as not given. */
bool template_is_omit(const struct value *v);

/*
 * A mapping whose members are found when asked for, e.g. hostvars. What `get` returns is
 * final: it is not templated again. NULL with err untouched: no such member.
 */
struct template_mapping {
	const struct value *(*get)(void *data, const char *key, struct err *err);
	const struct value *(*keys)(void *data, struct err *err); /* a list of strings */
};
/* Makes such a mapping; `mapping` and `data` outlive it. */
const struct value *template_new_mapping(
	struct arena *arena, const struct template_mapping *mapping, void *data);

/* Python's str() and repr() of a value; -1 with err for what has none. */
int template_str(const struct value *v, struct strbuf *out, struct err *err);
/* The quoted form, as in lists. */
int template_repr(const struct value *v, struct strbuf *out, struct err *err);

/*
 * Appends the line of a source that a place names, and a caret below its column: for showing
 * errors. Nothing is appended when the place is not in the source.
 */
void template_caret(
	const char *source, size_t n, unsigned line, unsigned column, struct strbuf *out);

/* What there is, for documentation and completeness checks: i from 0 until NULL. */
enum template_kind { TEMPLATE_FILTER, TEMPLATE_TEST, TEMPLATE_GLOBAL, TEMPLATE_LOOKUP };
/* The name of entry i of a table, in the table's order, or NULL behind the last. */
const char *template_entry(enum template_kind kind, size_t i);

#endif
