/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/pattern.h"

#include <ctype.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/suggest.h"
#include "base/vec.h"
#include "text/glob.h"
#include "text/regex.h"

/* What selecting hosts needs at hand. */
struct matcher {
	const struct inventory *inventory;
	const char *mismatch; /* host_pattern_mismatch */
	struct diags *diags;
	struct err *err;
};

/* A position or a span of positions behind a term: [n], [a:b], [a:]. */
struct subscript {
	bool given;
	bool span;
	int64_t start;
	int64_t end; /* -1: the last */
};

static int add_term(struct strlist *terms, const char *s, size_t n, struct err *err)
{
	while (n > 0 && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	if (n == 0)
		return 0;
	if (terms->count >= PATTERN_MAX_TERMS)
		return err_set(err, ERR_LIMIT, "a host pattern has more than %d terms",
			PATTERN_MAX_TERMS);
	autofree char *term = xstrndup(s, n);
	strlist_add(terms, term);
	return 0;
}

static int split_at_commas(const char *pattern, struct strlist *terms, struct err *err)
{
	for (const char *p = pattern;; p++) {
		size_t n = strcspn(p, ",");
		if (add_term(terms, p, n, err) < 0)
			return -1;
		p += n;
		if (!*p)
			return 0;
	}
}

/* Splits at colons and white space outside brackets; single brackets vanish. */
static int split_at_colons(const char *pattern, struct strlist *terms, struct err *err)
{
	const char *start = pattern, *p = pattern;

	while (*p) {
		const char *close = *p == '[' ? strchr(p, ']') : NULL;
		if (close) {
			p = close + 1;
		} else if (strchr(":[]", *p) || isspace((unsigned char)*p)) {
			if (add_term(terms, start, (size_t)(p - start), err) < 0)
				return -1;
			start = ++p;
		} else {
			p++;
		}
	}
	return add_term(terms, start, (size_t)(p - start), err);
}

int pattern_split(const char *pattern, struct strlist *terms, struct err *err)
{
	AUTO(strbuf_release) struct strbuf host = STRBUF_INIT;
	int64_t port;

	if (strchr(pattern, ','))
		return split_at_commas(pattern, terms, err);
	if (address_split(pattern, true, &host, &port))
		return add_term(terms, pattern, strlen(pattern), err);
	return split_at_colons(pattern, terms, err);
}

/* Reads digits with an optional minus up to `stop`; false if there is something else. */
static bool subscript_number(const char *s, const char *stop, bool minus, int64_t *out)
{
	autofree char *text = xstrndup(s, (size_t)(stop - s));
	const char *digits = minus && *text == '-' ? text + 1 : text;

	if (!isdigit((unsigned char)*digits) || strspn(digits, "0123456789") != strlen(digits))
		return false;
	return parse_int(text, -INT32_MAX, INT32_MAX, out);
}

/* Takes a subscript off a term. Regular expressions have none; theirs are sets. */
static char *split_subscript(struct matcher *m, const char *term, struct subscript *sub)
{
	size_t n = strlen(term);
	const char *open = strrchr(term, '['), *end = term + n - 1;
	const char *separator;

	*sub = (struct subscript){0};
	if (*term == '~' || !open || open == term || *end != ']')
		return xstrdup(term);
	if (subscript_number(open + 1, end, true, &sub->start)) {
		sub->given = true;
		return xstrndup(term, (size_t)(open - term));
	}
	separator = strpbrk(open + 1, ":-");
	if (!separator || separator > end ||
		!subscript_number(open + 1, separator, false, &sub->start))
		return xstrdup(term);
	sub->end = -1;
	if (separator + 1 < end && !subscript_number(separator + 1, end, false, &sub->end))
		return xstrdup(term);
	if (*separator == '-')
		diag_warning(m->diags, NULL, "write %s with a colon: [%lld:%lld]", term,
			(long long)sub->start, (long long)sub->end);
	sub->given = true;
	sub->span = sub->end != 0; /* Ansible takes [3:0] for [3] */
	return xstrndup(term, (size_t)(open - term));
}

static int apply_subscript(struct matcher *m, const char *term, const struct subscript *sub,
	struct host_list *hosts)
{
	int64_t count = (int64_t)hosts->count, first = sub->start, last = sub->start;

	if (!sub->given || count == 0)
		return 0;
	if (sub->span) {
		last = sub->end < 0 || sub->end >= count ? count - 1 : sub->end;
	} else {
		first += first < 0 ? count : 0;
		if (first < 0 || first >= count)
			return err_set(m->err, ERR_INPUT,
				"pattern '%s' asks for a position that is not there: it "
				"matches %lld hosts",
				term, (long long)count);
		last = first;
	}
	hosts->count = 0;
	for (int64_t i = first; i <= last; i++)
		hosts->items[hosts->count++] = hosts->items[i];
	return 0;
}

/* A term ready to be compared with names. */
struct name_test {
	const char *glob;
	struct regex *re; /* instead of glob */
};

static int name_test_init(struct matcher *m, struct name_test *test, const char *term)
{
	*test = (struct name_test){.glob = term};
	if (*term != '~')
		return 0;
	test->re = regex_compile(term + 1, strlen(term + 1), 0, m->err);
	return test->re ? 0 : err_wrap(m->err, "host pattern '%s'", term);
}

static bool name_test_matches(const struct name_test *test, const char *name)
{
	if (!test->re)
		return glob_match(test->glob, name);
	return regex_exec(test->re, REGEX_MATCH, name, strlen(name), 0, NULL, NULL) > 0;
}

/* "did you mean" for a term that matches nothing. */
static void suggest(struct matcher *m, const char *term, struct strbuf *out)
{
	struct suggestion s = {0};

	strmap_foreach (e, &m->inventory->groups)
		suggest_add(&s, term, e->key);
	strmap_foreach (e, &m->inventory->hosts)
		suggest_add(&s, term, e->key);
	if (s.word)
		strbuf_addf(out, "; did you mean '%s'?", s.word);
}

static int no_match(struct matcher *m, const char *term)
{
	AUTO(strbuf_release) struct strbuf hint = STRBUF_INIT;

	suggest(m, term, &hint);
	if (!strcmp(m->mismatch, "error"))
		return err_set(
			m->err, ERR_INPUT, "no host or group matches '%s'%s", term, hint.data);
	if (!strcmp(m->mismatch, "warning"))
		diag_warning(
			m->diags, NULL, "no host or group matches '%s'%s", term, hint.data);
	return 0;
}

static bool is_localhost_name(const char *s)
{
	return !strcmp(s, "localhost") || !strcmp(s, "127.0.0.1") || !strcmp(s, "::1");
}

/*
 * All hosts of the groups that match. Hosts are matched by name too, unless a plain word
 * already named a group. A host may come several times: subscripts count it each time.
 */
static bool collect_matches(
	struct matcher *m, const struct name_test *test, struct host_list *out)
{
	const struct inventory *inventory = m->inventory;
	bool group_matched = false;

	strmap_foreach (e, &inventory->groups) {
		if (!name_test_matches(test, e->key))
			continue;
		group_matched = true;
		inventory_group_hosts(inventory, e->value, out);
	}
	if (group_matched && !test->re && !strpbrk(test->glob, ".?*["))
		return true;
	strmap_foreach (e, &inventory->hosts)
		if (name_test_matches(test, e->key))
			*VEC_PUSH(out) = e->value;
	return group_matched;
}

static int match_names(struct matcher *m, const char *term, struct host_list *out)
{
	struct name_test test;
	bool group_matched;

	if (name_test_init(m, &test, term) < 0)
		return -1;
	group_matched = collect_matches(m, &test, out);
	regex_free(test.re);
	if (out->count == 0 && is_localhost_name(term))
		*VEC_PUSH(out) = m->inventory->localhost;
	if (out->count > 0 || group_matched || !strcmp(term, "all"))
		return 0;
	return no_match(m, term);
}

/* The hosts of one term, its "&" or "!" left aside. */
static int match_term(struct matcher *m, const char *term, struct host_list *out)
{
	struct subscript sub;

	if (*term == '&' || *term == '!')
		term++;
	if (!*term)
		return err_set(m->err, ERR_INPUT, "a host pattern has '&' or '!' with no name");
	autofree char *name = split_subscript(m, term, &sub);
	if (match_names(m, name, out) < 0)
		return -1;
	return apply_subscript(m, term, &sub, out);
}

/* A set of hosts; the implicit localhost has the place behind all others. */
struct host_set {
	bool *has;
	size_t size;
};

static size_t host_slot(const struct host_set *set, const struct host *host)
{
	return host->implicit ? set->size - 1 : host->index;
}

static void host_set_init(
	struct host_set *set, const struct inventory *inventory, const struct host_list *hosts)
{
	set->size = inventory->hosts.count + 1;
	set->has = xcalloc(set->size, sizeof(bool));
	for (size_t i = 0; hosts && i < hosts->count; i++)
		set->has[host_slot(set, hosts->items[i])] = true;
}

static void keep_hosts(const struct inventory *inventory, struct host_list *hosts,
	const struct host_list *others, bool if_in)
{
	struct host_set set;
	size_t kept = 0;

	host_set_init(&set, inventory, others);
	for (size_t i = 0; i < hosts->count; i++)
		if (set.has[host_slot(&set, hosts->items[i])] == if_in)
			hosts->items[kept++] = hosts->items[i];
	hosts->count = kept;
	free(set.has);
}

static void remove_duplicates(const struct inventory *inventory, struct host_list *hosts)
{
	struct host_set set;
	size_t kept = 0;

	host_set_init(&set, inventory, NULL);
	for (size_t i = 0; i < hosts->count; i++) {
		bool *has = &set.has[host_slot(&set, hosts->items[i])];
		if (!*has)
			hosts->items[kept++] = hosts->items[i];
		*has = true;
	}
	hosts->count = kept;
	free(set.has);
}

static int apply_term(struct matcher *m, const char *term, struct host_list *hosts)
{
	struct host *host = strmap_get(&m->inventory->hosts, term);
	struct host_list matched = {0};
	int rc;

	if (host) {
		*VEC_PUSH(hosts) = host;
		return 0;
	}
	rc = match_term(m, term, &matched);
	if (rc == 0 && (*term == '&' || *term == '!'))
		keep_hosts(m->inventory, hosts, &matched, *term == '&');
	for (size_t i = 0; rc == 0 && *term != '&' && *term != '!' && i < matched.count; i++)
		*VEC_PUSH(hosts) = matched.items[i];
	free(matched.items);
	return rc;
}

/* Applies the terms that begin with `sign` (0: with neither & nor !). */
static int apply_signed(
	struct matcher *m, const struct strlist *terms, char sign, struct host_list *hosts)
{
	for (size_t i = 0; i < terms->count; i++) {
		char c = terms->items[i][0];
		bool same = sign ? c == sign : c != '&' && c != '!';
		if (same && c != '\0' && apply_term(m, terms->items[i], hosts) < 0)
			return -1;
	}
	return 0;
}

static int apply_terms(struct matcher *m, const struct strlist *terms, struct host_list *hosts)
{
	bool regular = false;

	for (size_t i = 0; i < terms->count; i++)
		regular = regular || !strchr("&!", terms->items[i][0]);
	if (!regular && apply_term(m, "all", hosts) < 0)
		return -1;
	if (apply_signed(m, terms, 0, hosts) < 0 || apply_signed(m, terms, '&', hosts) < 0 ||
		apply_signed(m, terms, '!', hosts) < 0)
		return -1;
	remove_duplicates(m->inventory, hosts);
	return 0;
}

/* The lines of --limit @FILE, each a term. */
static int read_limit_file(const char *path, struct strlist *terms, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (path_is_dir(path))
		return err_set(
			err, ERR_INPUT, "--limit @%s: it is a directory, not a file", path);
	if (file_read(path, PATTERN_MAX_FILE, &text, err) < 0)
		return err_wrap(err, "--limit @%s", path);
	for (const char *p = text.data; *p;) {
		size_t n = strcspn(p, "\n");
		if (add_term(terms, p, n, err) < 0)
			return -1;
		p += n + (p[n] == '\n');
	}
	return 0;
}

static int limit_terms(const char *limit, struct strlist *out, struct err *err)
{
	AUTO(strlist_release) struct strlist terms = {0};

	if (pattern_split(limit, &terms, err) < 0)
		return -1;
	for (size_t i = 0; i < terms.count; i++) {
		if (terms.items[i][0] != '@')
			strlist_add(out, terms.items[i]);
		else if (read_limit_file(terms.items[i] + 1, out, err) < 0)
			return -1;
	}
	return 0;
}

static struct matcher make_matcher(const struct inventory *inventory,
	const struct config *config, struct diags *diags, struct err *err)
{
	return (struct matcher){.inventory = inventory,
		.mismatch = config_text(config, CONFIG_HOST_PATTERN_MISMATCH),
		.diags = diags,
		.err = err};
}

int pattern_hosts(const struct inventory *inventory, const struct config *config,
	const char *pattern, struct host_list *out, struct diags *diags, struct err *err)
{
	struct matcher m = make_matcher(inventory, config, diags, err);
	AUTO(strlist_release) struct strlist terms = {0};

	if (pattern_split(pattern, &terms, err) == 0 && apply_terms(&m, &terms, out) == 0)
		return 0;
	out->count = 0;
	return -1;
}

int pattern_select(const struct inventory *inventory, const struct config *config,
	const char *pattern, const char *limit, struct host_list *out, struct diags *diags,
	struct err *err)
{
	struct matcher m = make_matcher(inventory, config, diags, err);
	AUTO(strlist_release) struct strlist terms = {0};
	struct host_list allowed = {0};
	int rc;

	if (pattern_hosts(inventory, config, pattern, out, diags, err) < 0)
		return -1;
	if (!limit)
		return 0;
	rc = limit_terms(limit, &terms, err);
	if (rc == 0 && terms.count == 0)
		return 0; /* an empty --limit limits nothing */
	if (rc == 0)
		rc = apply_terms(&m, &terms, &allowed);
	if (rc == 0)
		keep_hosts(inventory, out, &allowed, true);
	else
		out->count = 0;
	free(allowed.items);
	return rc;
}
