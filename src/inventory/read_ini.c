/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI inventories: sections of hosts, [group:children] and [group:vars].
 *
 * Not the INI of configuration files: host lines are words of a shell with key=value behind
 * the name, variable values are Python literals where they can be, and a section may name a
 * child that is declared only later. Hosts before the first section are ungrouped.
 */
#include <ctype.h>

#include "base/vec.h"
#include "inventory/build.h"
#include "inventory/literal.h"
#include "inventory/words.h"

enum section { SECTION_HOSTS, SECTION_CHILDREN, SECTION_VARS };

/* A group that was named before it was declared. */
struct pending {
	const char *name;
	enum section section; /* that named it */
	unsigned line;
	struct group_list parents; /* for SECTION_CHILDREN */
};

struct pending_list {
	struct pending *items;
	size_t count;
	size_t cap;
};

struct ini {
	struct builder *b;
	struct place place; /* the line being read */
	struct group *group;
	enum section section;
	struct pending_list pending;
	const char *line; /* without white space around it */
	size_t len;
	struct err *err;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

/* The error of a line: "file:line: text". */
static int ini_error(struct ini *ini)
{
	return err_wrap(ini->err, "%s:%u", ini->place.file, ini->place.line);
}

static struct pending *find_pending(struct ini *ini, const char *name)
{
	for (size_t i = 0; i < ini->pending.count; i++)
		if (!strcmp(ini->pending.items[i].name, name))
			return &ini->pending.items[i];
	return NULL;
}

static struct pending *add_pending(struct ini *ini, const char *name, enum section section)
{
	struct pending *p = VEC_PUSH(&ini->pending);

	*p = (struct pending){.name = arena_strdup(ini->b->inventory->arena, name),
		.section = section,
		.line = ini->place.line};
	return p;
}

static void remove_pending(struct ini *ini, struct pending *p)
{
	size_t i = (size_t)(p - ini->pending.items);

	free(p->parents.items);
	ini->pending.count--;
	memmove(p, p + 1, (ini->pending.count - i) * sizeof(*p));
}

/* A group is declared: those that waited for it become its parents. */
static int resolve_pending(struct ini *ini, struct group *group)
{
	struct pending *p = find_pending(ini, group->name);

	if (!p)
		return 0;
	for (size_t i = 0; i < p->parents.count; i++)
		if (build_child(ini->b, p->parents.items[i], group, ini->err) < 0)
			return ini_error(ini);
	remove_pending(ini, p);
	return 0;
}

/* Length of a group's name at s: no colon, no closing bracket, no white space. */
static size_t name_len(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] != ':' && s[i] != ']' && !is_space(s[i]))
		i++;
	return i;
}

/* True if nothing but white space and a comment follows. */
static bool only_comment(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_space(s[i]))
		i++;
	return i == n || s[i] == '#';
}

static int section_kind(struct ini *ini, const char *word, size_t len)
{
	static const struct {
		const char *word;
		enum section section;
	} kinds[] = {
		{"hosts", SECTION_HOSTS},
		{"children", SECTION_CHILDREN},
		{"vars", SECTION_VARS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].word) == len && !memcmp(kinds[i].word, word, len)) {
			ini->section = kinds[i].section;
			return 0;
		}
	err_set(ini->err, ERR_INPUT,
		"section %.*s has an unknown type '%.*s'; expected hosts, children or vars",
		(int)ini->len, ini->line, (int)len, word);
	return ini_error(ini);
}

static int enter_section(struct ini *ini, const char *name, size_t len)
{
	autofree char *text = xstrndup(name, len);
	bool known = strmap_has(&ini->b->inventory->groups, text);

	ini->group = build_group(ini->b, text, &ini->place, ini->err);
	if (!ini->group)
		return ini_error(ini);
	if (ini->section != SECTION_VARS)
		return resolve_pending(ini, ini->group);
	if (!known && !find_pending(ini, ini->group->name))
		add_pending(ini, ini->group->name, SECTION_VARS);
	return 0;
}

/* 1 if the line is a section's header and was taken, 0 if it is something else, -1 */
static int read_header(struct ini *ini)
{
	const char *s = ini->line + 1, *end = ini->line + ini->len;
	size_t len, kind_len = 0;

	if (ini->line[0] != '[')
		return 0;
	len = name_len(s, (size_t)(end - s));
	const char *rest = s + len;
	const char *kind = rest + 1;
	if (len > 0 && rest < end && *rest == ':') {
		while (kind + kind_len < end &&
			(isalnum((unsigned char)kind[kind_len]) || kind[kind_len] == '_'))
			kind_len++;
		rest = kind_len > 0 ? kind + kind_len : end;
	}
	if (len == 0 || rest >= end || *rest != ']' ||
		!only_comment(rest + 1, (size_t)(end - rest) - 1)) {
		if (ini->line[ini->len - 1] != ']')
			return 0;
		err_set(ini->err, ERR_INPUT,
			"section header '%.*s' is wrong; expected [NAME], [NAME:children] or "
			"[NAME:vars] without spaces",
			(int)ini->len, ini->line);
		return ini_error(ini);
	}
	ini->section = SECTION_HOSTS;
	if (kind_len > 0 && section_kind(ini, kind, kind_len) < 0)
		return -1;
	return enter_section(ini, s, len) < 0 ? -1 : 1;
}

/* A value: a Python literal if it is one, else the text. */
static const struct value *ini_value(struct ini *ini, const char *text, size_t len)
{
	struct arena *arena = ini->b->inventory->arena;
	const struct value *literal = literal_parse(arena, text, len, &ini->place);
	struct value *string;

	if (literal && literal->kind != VALUE_BYTES)
		return literal;
	string = literal ? value_new_stringn(arena, literal->text, literal->len)
			 : value_new_stringn(arena, text, len);
	string->place = ini->place;
	return string;
}

/* The key=value words behind a host's name. */
static int host_vars(struct ini *ini, const struct words *words, struct var_table *vars)
{
	struct arena *arena = ini->b->inventory->arena;
	unsigned indent = ini->place.column;

	for (size_t i = 1; i < words->count; i++) {
		char *text = words->items[i].text, *equals = strchr(text, '=');
		if (!equals) {
			err_set(ini->err, ERR_INPUT,
				"expected key=value behind the host, found '%s'", text);
			return ini_error(ini);
		}
		ini->place.column = indent + (unsigned)words->items[i].offset;
		*VEC_PUSH(vars) = (struct inventory_var){
			.name = arena_strndup(arena, text, (size_t)(equals - text)),
			.value = ini_value(ini, equals + 1, strlen(equals + 1)),
			.place = ini->place};
	}
	ini->place.column = indent;
	return 0;
}

/* The names that a pattern stands for, checked before anything is added. */
static int host_names(
	struct ini *ini, const char *pattern, struct strlist *names, int64_t *port)
{
	if (build_expand(pattern, names, port, ini->err) < 0)
		return ini_error(ini);
	if (str_ends(pattern, ":") && *port < 0) {
		err_set(ini->err, ERR_INPUT, "host '%s' ends in ':' but has no port behind it",
			pattern);
		return ini_error(ini);
	}
	if (strlist_has(names, "---")) {
		err_set(ini->err, ERR_INPUT, "'---' begins a YAML file, not a host");
		return ini_error(ini);
	}
	return 0;
}

static int add_host(
	struct ini *ini, const char *name, int64_t port, const struct var_table *vars)
{
	if (!build_host(ini->b, name, ini->group, port, &ini->place, ini->err))
		return ini_error(ini);
	for (size_t i = 0; i < vars->count; i++)
		if (build_var(ini->b, name, vars->items[i].name, vars->items[i].value,
			    &vars->items[i].place, ini->err) < 0)
			return ini_error(ini);
	return 0;
}

static int read_host(struct ini *ini)
{
	AUTO(words_release) struct words words = {0};
	AUTO(strlist_release) struct strlist names = {0};
	struct var_table vars = {0};
	int64_t port = -1;
	int rc;

	if (words_split(&words, ini->line, ini->len, ini->err) < 0)
		return ini_error(ini);
	if (words.count == 0)
		return 0;
	rc = host_names(ini, words.items[0].text, &names, &port);
	if (rc == 0)
		rc = host_vars(ini, &words, &vars);
	for (size_t i = 0; i < names.count && rc == 0; i++)
		rc = add_host(ini, names.items[i], port, &vars);
	free(vars.items);
	return rc;
}

static int read_child(struct ini *ini)
{
	size_t len = name_len(ini->line, ini->len);
	struct group *child;

	if (len == 0 || !only_comment(ini->line + len, ini->len - len)) {
		err_set(ini->err, ERR_INPUT, "expected a group's name, found '%.*s'",
			(int)ini->len, ini->line);
		return ini_error(ini);
	}
	autofree char *name = xstrndup(ini->line, len);
	child = strmap_get(&ini->b->inventory->groups, name);
	if (child) {
		if (build_child(ini->b, ini->group, child, ini->err) < 0)
			return ini_error(ini);
		return 0;
	}
	struct pending *p = find_pending(ini, name);
	if (!p)
		p = add_pending(ini, name, SECTION_CHILDREN);
	*VEC_PUSH(&p->parents) = ini->group;
	return 0;
}

static int read_var(struct ini *ini)
{
	const char *equals = memchr(ini->line, '=', ini->len);
	const char *end = ini->line + ini->len;

	if (!equals) {
		err_set(ini->err, ERR_INPUT, "expected key=value, found '%.*s'", (int)ini->len,
			ini->line);
		return ini_error(ini);
	}
	size_t key_len = (size_t)(equals - ini->line);
	while (key_len > 0 && is_space(ini->line[key_len - 1]))
		key_len--;
	autofree char *key = xstrndup(ini->line, key_len);
	const char *text = equals + 1;
	while (text < end && is_space(*text))
		text++;
	const struct value *value = ini_value(ini, text, (size_t)(end - text));
	if (build_var(ini->b, ini->group->name, key, value, &ini->place, ini->err) < 0)
		return ini_error(ini);
	return 0;
}

static int read_line(struct ini *ini)
{
	int header = read_header(ini);

	if (header != 0)
		return header < 0 ? -1 : 0;
	switch (ini->section) {
	case SECTION_CHILDREN: return read_child(ini);
	case SECTION_VARS: return read_var(ini);
	case SECTION_HOSTS:
	default: return read_host(ini);
	}
}

static int check_pending(struct ini *ini)
{
	if (ini->pending.count == 0)
		return 0;
	struct pending *p = &ini->pending.items[0];
	ini->place.line = p->line;
	if (p->section == SECTION_VARS)
		err_set(ini->err, ERR_INPUT, "[%s:vars] is about a group that is not declared",
			p->name);
	else
		err_set(ini->err, ERR_INPUT, "[%s:children] names '%s', which is not declared",
			p->parents.items[p->parents.count - 1]->name, p->name);
	return ini_error(ini);
}

/* Bytes of the line break at s, or 0: all that Python's splitlines breaks at. */
static size_t line_break(const char *s, size_t n)
{
	if (s[0] == '\r')
		return n > 1 && s[1] == '\n' ? 2 : 1;
	if ((s[0] >= '\n' && s[0] <= '\f') || (s[0] >= 0x1c && s[0] <= 0x1e))
		return 1;
	if (n > 1 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	if (n > 2 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}

static bool is_utf8(const char *s, size_t n)
{
	for (size_t len; n > 0; s += len, n -= len) {
		len = utf8_len(s, n);
		if (len == 0)
			return false;
	}
	return true;
}

/* Cuts white space and reads what is left, unless it is empty or a comment. */
static int read_raw_line(struct ini *ini, const char *s, size_t n)
{
	size_t indent = 0;

	while (indent < n && is_space(s[indent]))
		indent++;
	while (n > indent && is_space(s[n - 1]))
		n--;
	ini->line = s + indent;
	ini->len = n - indent;
	ini->place.column = (unsigned)indent + 1;
	if (ini->len == 0 || ini->line[0] == '#' || ini->line[0] == ';')
		return 0;
	if (!is_utf8(ini->line, ini->len) || memchr(ini->line, '\0', ini->len)) {
		err_set(ini->err, ERR_INPUT, "the line is not UTF-8 text");
		return ini_error(ini);
	}
	return read_line(ini);
}

static int read_text(struct ini *ini, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		const char *eol = s;
		size_t brk = 0;
		while (eol < end && (brk = line_break(eol, (size_t)(end - eol))) == 0)
			eol++;
		ini->place.line++;
		if (read_raw_line(ini, s, (size_t)(eol - s)) < 0)
			return -1;
		s = eol + brk;
	}
	return check_pending(ini);
}

int ini_read_text(
	struct builder *b, const char *text, size_t len, const char *file, struct err *err)
{
	struct ini ini = {.b = b,
		.place.file = file,
		.group = b->inventory->ungrouped,
		.section = SECTION_HOSTS,
		.err = err};
	int rc = read_text(&ini, text, len);

	while (ini.pending.count > 0)
		remove_pending(&ini, &ini.pending.items[ini.pending.count - 1]);
	free(ini.pending.items);
	return rc;
}

static int ini_read(struct builder *b, const char *source, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (datafile_read(source, b->options->secrets, &text, err) < 0)
		return -1;
	return ini_read_text(b, text.data, text.len, source, err);
}

const struct reader reader_ini = {"ini", build_is_readable, ini_read};
