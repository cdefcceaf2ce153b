/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/config_file.h"

#include <ctype.h>

struct parser {
	struct config_entries *entries;
	struct strmap sections;
	const char *file;
	unsigned line;
	char *section;              /* NULL before the first */
	struct config_entry *entry; /* the one that indented lines continue */
	size_t indent;              /* of the line that the entry began in */
	struct err *err;
};

static int parse_error(struct parser *p, const char *what)
{
	return err_set(p->err, ERR_INPUT, "%s:%u: %s", p->file, p->line, what);
}

/* The length of a line without its comment. */
static size_t without_comment(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && isspace((unsigned char)s[i]))
		i++;
	if (i < n && (s[i] == '#' || s[i] == ';'))
		return 0;
	for (i = 0; i < n; i++)
		if (s[i] == ';' && (i == 0 || isspace((unsigned char)s[i - 1])))
			return i;
	return n;
}

static int enter_section(struct parser *p, const char *s, size_t n)
{
	size_t close = n;

	while (close > 1 && s[close - 1] != ']')
		close--;
	if (close <= 2)
		return parse_error(p, "expected [SECTION]");
	free(p->section);
	p->section = xstrndup(s + 1, close - 2);
	p->entry = NULL;
	if (strmap_has(&p->sections, p->section) && strcmp(p->section, "DEFAULT") != 0)
		return parse_error(p, "the section is there already");
	strmap_set(&p->sections, p->section, NULL);
	return 0;
}

static int add_entry(struct parser *p, const char *s, size_t n)
{
	size_t delimiter = 0, key_len;

	while (delimiter < n && s[delimiter] != '=' && s[delimiter] != ':')
		delimiter++;
	if (delimiter == n)
		return parse_error(p, "expected KEY = VALUE");
	for (key_len = delimiter; key_len > 0 && isspace((unsigned char)s[key_len - 1]);)
		key_len--;
	if (key_len == 0)
		return parse_error(p, "a key is missing before the =");
	autofree char *name = xasprintf("%s.%.*s", p->section, (int)key_len, s);
	for (char *c = name + strlen(p->section); *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strmap_has(&p->entries->map, name))
		return parse_error(p, "the key is there already");
	for (delimiter++; delimiter < n && isspace((unsigned char)s[delimiter]);)
		delimiter++;
	p->entry = xcalloc(1, sizeof(*p->entry));
	strbuf_init(&p->entry->value);
	strbuf_add(&p->entry->value, s + delimiter, n - delimiter);
	p->entry->line = p->line;
	strmap_set(&p->entries->map, name, p->entry);
	return 0;
}

static int parse_line(struct parser *p, const char *s, size_t n)
{
	size_t indent = 0, len = without_comment(s, n);
	bool comment = len < n;

	while (indent < len && isspace((unsigned char)s[indent]))
		indent++;
	while (len > indent && isspace((unsigned char)s[len - 1]))
		len--;
	if (indent == len) {
		if (p->entry && !comment)
			strbuf_addch(&p->entry->value, '\n');
		return 0;
	}
	if (p->entry && indent > p->indent) {
		strbuf_addch(&p->entry->value, '\n');
		strbuf_add(&p->entry->value, s + indent, len - indent);
		return 0;
	}
	p->indent = indent;
	if (s[indent] == '[')
		return enter_section(p, s + indent, len - indent);
	if (!p->section)
		return parse_error(p, "a setting stands before the first [SECTION]");
	return add_entry(p, s + indent, len - indent);
}

int config_entries_parse(struct config_entries *entries, const char *text, size_t len,
	const char *file, struct err *err)
{
	struct parser p = {.entries = entries, .file = file, .err = err};
	const char *end = text + len;
	int rc = 0;

	if (memchr(text, '\0', len))
		return err_set(err, ERR_INPUT, "%s: the file holds a NUL byte", file);
	while (text < end && rc == 0) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			eol = end;
		p.line++;
		rc = parse_line(&p, text, (size_t)(eol - text));
		text = eol + 1;
	}
	free(p.section);
	strmap_release(&p.sections, NULL);
	strmap_foreach (e, &entries->map)
		strbuf_rtrim(&((struct config_entry *)e->value)->value);
	return rc;
}

const struct config_entry *config_entries_get(
	const struct config_entries *entries, const char *section, const char *key)
{
	autofree char *name = xasprintf("%s.%s", section, key);
	autofree char *fallback = xasprintf("DEFAULT.%s", key);
	const struct config_entry *entry = strmap_get(&entries->map, name);

	return entry ? entry : strmap_get(&entries->map, fallback);
}

static void free_entry(void *value)
{
	struct config_entry *entry = value;

	strbuf_release(&entry->value);
	free(entry);
}

void config_entries_release(struct config_entries *entries)
{
	strmap_release(&entries->map, free_entry);
}
