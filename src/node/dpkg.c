/* SPDX-License-Identifier: Apache-2.0 */
#include "node/dpkg.h"

#include <ctype.h>
#include <string.h>

#include "base/fd.h"

/* The fields of one package that matter. */
struct stanza {
	struct dpkg_package package;
	char *status; /* "install ok installed" */
	char *provides;
};

static bool field_is(const char *line, size_t n, const char *name)
{
	size_t length = strlen(name);

	return n > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

static char *field_value(struct arena *a, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	const char *at = colon + 1, *end = line + n;

	while (at < end && isspace((unsigned char)*at))
		at++;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	return arena_strndup(a, at, (size_t)(end - at));
}

static void read_line(struct arena *a, struct stanza *s, const char *line, size_t n)
{
	if (field_is(line, n, "Package"))
		s->package.name = field_value(a, line, n);
	else if (field_is(line, n, "Architecture"))
		s->package.architecture = field_value(a, line, n);
	else if (field_is(line, n, "Version"))
		s->package.version = field_value(a, line, n);
	else if (field_is(line, n, "Status"))
		s->status = field_value(a, line, n);
	else if (field_is(line, n, "Provides"))
		s->provides = field_value(a, line, n);
}

/* "a (= 1), b" as names. */
static void add_provided(struct dpkg_status *s, const char *provides)
{
	struct strlist names = {0};

	strlist_split(&names, provides, ",");
	for (size_t i = 0; i < names.count; i++) {
		names.items[i][strcspn(names.items[i], " (")] = '\0';
		strmap_set(&s->provided, names.items[i], s);
	}
	strlist_release(&names);
}

static void add_package(struct dpkg_status *s, struct stanza *stanza)
{
	struct dpkg_package *p = &stanza->package;

	if (!p->name || !stanza->status)
		return;
	p->installed = str_ends(stanza->status, " installed");
	p->has_files = !str_ends(stanza->status, " not-installed");
	p->version = p->version ? p->version : "";
	p->architecture = p->architecture ? p->architecture : "";
	struct dpkg_package *kept = arena_memdup(&s->arena, p, sizeof(*p));
	const struct dpkg_package *other = strmap_get(&s->packages, p->name);
	if (!other || (!other->installed && p->installed))
		strmap_set(&s->packages, p->name, kept);
	strmap_set(
		&s->packages, arena_printf(&s->arena, "%s:%s", p->name, p->architecture), kept);
	if (p->installed && stanza->provides)
		add_provided(s, stanza->provides);
}

void dpkg_status_parse(struct dpkg_status *s, const char *text, size_t n)
{
	const char *at = text, *end = text + n;
	struct stanza stanza = {0};

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);
		if (length == 0) {
			add_package(s, &stanza);
			stanza = (struct stanza){0};
		} else {
			read_line(&s->arena, &stanza, at, length);
		}
		at += length + 1;
	}
	add_package(s, &stanza);
}

int dpkg_status_read(struct dpkg_status *s, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, DPKG_STATUS_MAX, &text, err) < 0)
		return err_wrap(err, "what dpkg has installed");
	dpkg_status_parse(s, text.data, text.len);
	return 0;
}

void dpkg_status_release(struct dpkg_status *s)
{
	strmap_release(&s->packages, NULL);
	strmap_release(&s->provided, NULL);
	arena_release(&s->arena);
}

const struct dpkg_package *dpkg_find(const struct dpkg_status *s, const char *name)
{
	return strmap_get(&s->packages, name);
}

const char *dpkg_installed_version(const struct dpkg_status *s, const char *name)
{
	const struct dpkg_package *p = dpkg_find(s, name);

	return p && p->installed ? p->version : NULL;
}

/* Where a character that is no digit sorts: "~" before the end, letters before the rest. */
static int weight(char c)
{
	if (c == '~')
		return -1;
	if (!c || isdigit((unsigned char)c))
		return 0;
	return isalpha((unsigned char)c) ? c : c + 256;
}

/* Compares parts without digits and moves behind them. */
static int compare_words(const char **a, const char **b, const char *a_end, const char *b_end)
{
	for (;;) {
		char x = *a < a_end ? **a : '\0', y = *b < b_end ? **b : '\0';
		bool more_x = x && !isdigit((unsigned char)x);
		bool more_y = y && !isdigit((unsigned char)y);
		if (!more_x && !more_y)
			return 0;
		if (weight(x) != weight(y))
			return weight(x) - weight(y);
		*a += 1;
		*b += 1;
	}
}

static const char *skip_zeros(const char *at, const char *end)
{
	while (at < end && *at == '0')
		at++;
	return at;
}

static size_t count_digits(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && isdigit((unsigned char)at[n]))
		n++;
	return n;
}

/* Compares numbers of any length and moves behind them. */
static int compare_numbers(const char **a, const char **b, const char *a_end, const char *b_end)
{
	*a = skip_zeros(*a, a_end);
	*b = skip_zeros(*b, b_end);
	size_t x = count_digits(*a, a_end), y = count_digits(*b, b_end);
	int order = x != y ? (x < y ? -1 : 1) : memcmp(*a, *b, x);
	*a += x;
	*b += y;
	return order;
}

static int compare_parts(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		int order = compare_words(&a, &b, a_end, b_end);
		if (order == 0)
			order = compare_numbers(&a, &b, a_end, b_end);
		if (order != 0)
			return order;
	}
	return 0;
}

/* A version in its parts: epoch, upstream version, revision. */
struct version {
	const char *epoch, *epoch_end, *upstream, *upstream_end, *revision, *revision_end;
};

static struct version split_version(const char *text)
{
	struct version v = {.epoch = text, .epoch_end = text, .upstream = text};
	const char *colon = strchr(text, ':');
	const char *end = text + strlen(text);

	if (colon) {
		v.epoch_end = colon;
		v.upstream = colon + 1;
	}
	const char *dash = strrchr(v.upstream, '-');
	v.upstream_end = dash ? dash : end;
	v.revision = dash ? dash + 1 : end;
	v.revision_end = end;
	return v;
}

int dpkg_compare_versions(const char *a, const char *b)
{
	struct version x = split_version(a), y = split_version(b);
	int order = compare_parts(x.epoch, x.epoch_end, y.epoch, y.epoch_end);

	if (order == 0)
		order = compare_parts(x.upstream, x.upstream_end, y.upstream, y.upstream_end);
	return order ? order
		     : compare_parts(x.revision, x.revision_end, y.revision, y.revision_end);
}
