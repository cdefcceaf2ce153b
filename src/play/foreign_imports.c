/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The import statements of a Python program, without a parser of Python: statements are cut at
 * line ends and semicolons outside strings and brackets, and those that begin with `import` or
 * `from` are read.
 */
#include <ctype.h>

#include "base/vec.h"
#include "play/foreign.h"

#define STATEMENT_MAX 65536u

struct reader {
	const char *at;
	unsigned line;
	const char *package;
	struct arena *arena;
	struct foreign_imports *out;
};

/* A statement without comments, its line ends blanked. */
struct statement {
	struct strbuf text;
	unsigned line;
	bool inner; /* it is indented, or stands behind another one on its line */
};

static char step(struct reader *r)
{
	if (*r->at == '\n')
		r->line++;
	return *r->at++;
}

/* Passes over a string literal, three quotes or one at either end. */
static void skip_string(struct reader *r)
{
	char quote = *r->at;
	bool is_long = r->at[1] == quote && r->at[2] == quote;
	size_t n = is_long ? 3 : 1;

	for (size_t i = 0; i < n; i++)
		step(r);
	while (*r->at) {
		if (*r->at == '\\' && r->at[1]) {
			step(r);
		} else if (*r->at == quote &&
			   (!is_long || (r->at[1] == quote && r->at[2] == quote))) {
			for (size_t i = 0; i < n; i++)
				step(r);
			return;
		} else if (*r->at == '\n' && !is_long) {
			return;
		}
		step(r);
	}
}

/* Takes a character outside strings and comments; brackets are counted. */
static void take(struct reader *r, struct statement *s, int *depth)
{
	char c = step(r);

	if (strchr("([{", c))
		(*depth)++;
	else if (strchr(")]}", c) && *depth > 0)
		(*depth)--;
	if (s->text.len < STATEMENT_MAX)
		strbuf_addch(&s->text, isspace((unsigned char)c) || strchr("()", c) ? ' ' : c);
}

/* Reads the next statement; false at the end. */
static bool next_statement(struct reader *r, struct statement *s)
{
	int depth = 0;

	strbuf_clear(&s->text);
	s->inner = r->line > 0 && *r->at == ';';
	if (*r->at == ';' || *r->at == '\n')
		step(r);
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\f') {
		s->inner = true;
		step(r);
	}
	s->line = r->line;
	while (*r->at && (depth > 0 || !strchr("\n;", *r->at))) {
		if (*r->at == '#') {
			r->at += strcspn(r->at, "\n");
		} else if (*r->at == '\\' && r->at[1] == '\n') {
			step(r);
			step(r);
		} else if (strchr("'\"", *r->at)) {
			skip_string(r);
		} else {
			take(r, s, &depth);
		}
	}
	return *r->at || s->text.len > 0;
}

/* The next word of a statement; "," is one. Empty at its end. */
static const char *word(struct reader *r, const char **at)
{
	const char *start;

	while (**at == ' ')
		(*at)++;
	start = *at;
	if (**at == ',')
		(*at)++;
	else
		*at += strcspn(*at, " ,");
	return arena_strndup(r->arena, start, (size_t)(*at - start));
}

static void add(struct reader *r, const struct statement *s, const char *name, size_t needed)
{
	*VEC_PUSH(r->out) = (struct foreign_import){
		.name = name, .needed = needed, .line = s->line, .optional = s->inner};
}

/* import a.b as c, d */
static void read_import(struct reader *r, const struct statement *s, const char *at)
{
	while (*at) {
		const char *name = word(r, &at);
		if (*name)
			add(r, s, name, strlen(name));
		while (*at && strcmp(word(r, &at), ",") != 0)
			;
	}
}

/* The whole name of a module that begins with dots, or NULL where there are too many. */
static const char *whole_name(struct reader *r, const char *name)
{
	size_t dots = strspn(name, "."), n = strlen(r->package);

	if (dots == 0)
		return name;
	for (; dots > 1; dots--) {
		while (n > 0 && r->package[n - 1] != '.')
			n--;
		if (n == 0)
			return NULL;
		n--;
	}
	name += strspn(name, ".");
	return arena_printf(r->arena, "%.*s%s%s", (int)n, r->package, *name ? "." : "", name);
}

/* from a.b import c as d, e */
static void read_from(struct reader *r, const struct statement *s, const char *at)
{
	const char *name = word(r, &at), *next = word(r, &at);

	/* from . import a; from .. module_utils import b */
	while (*next && strcmp(next, "import") != 0) {
		name = arena_printf(r->arena, "%s%s", name, next);
		next = word(r, &at);
	}
	name = whole_name(r, name);
	if (!name || strcmp(next, "import") != 0)
		return;
	while (*at) {
		const char *member = word(r, &at);
		if (strcmp(member, "*") == 0)
			add(r, s, name, strlen(name));
		else if (*member)
			add(r, s, arena_printf(r->arena, "%s.%s", name, member), strlen(name));
		while (*at && strcmp(word(r, &at), ",") != 0)
			;
	}
}

void foreign_imports_read(
	const char *text, const char *package, struct arena *arena, struct foreign_imports *out)
{
	struct reader r = {
		.at = text, .line = 1, .package = package, .arena = arena, .out = out};
	struct statement s = {.text = STRBUF_INIT};

	while (next_statement(&r, &s)) {
		const char *at = s.text.data;
		const char *first = word(&r, &at);
		if (strcmp(first, "import") == 0)
			read_import(&r, &s, at);
		else if (strcmp(first, "from") == 0)
			read_from(&r, &s, at);
	}
	strbuf_release(&s.text);
}

void foreign_imports_release(struct foreign_imports *l)
{
	free(l->items);
	*l = (struct foreign_imports){0};
}
