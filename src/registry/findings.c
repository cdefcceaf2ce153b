/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/findings.h"

#define HOSTS_NAMED 3

struct finding {
	struct diag diag;     /* owns file and text */
	struct strlist hosts; /* the first HOSTS_NAMED */
	size_t host_count;
	const char *last_host; /* a host with several equal findings counts once */
	size_t order;
};

static struct finding *find(struct findings *f, const struct diag *d)
{
	autofree char *key = xasprintf("%d %s:%u:%u %s", (int)d->level, d->file ? d->file : "",
		d->line, d->column, d->text);
	struct finding *found = strmap_get(&f->by_key, key);

	if (found)
		return found;
	found = xcalloc(1, sizeof(*found));
	found->diag = *d;
	found->diag.file = xstrdup(d->file);
	found->diag.text = xstrdup(d->text);
	found->order = f->by_key.count;
	strmap_set(&f->by_key, key, found);
	return found;
}

void findings_copy(struct findings *f, const struct diags *d, const char *host)
{
	for (size_t i = 0; i < d->count; i++) {
		struct finding *found = find(f, &d->items[i]);
		if (!host || (found->last_host && strcmp(found->last_host, host) == 0))
			continue;
		found->last_host = host;
		if (found->host_count++ < HOSTS_NAMED)
			strlist_add(&found->hosts, host);
	}
}

void findings_take(struct findings *f, struct diags *d, const char *host)
{
	findings_copy(f, d, host);
	diags_release(d);
}

static int by_place(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;
	int files = str_cmp0(x->diag.file, y->diag.file);

	if (files != 0)
		return files;
	if (x->diag.line != y->diag.line)
		return x->diag.line < y->diag.line ? -1 : 1;
	if (x->diag.column != y->diag.column)
		return x->diag.column < y->diag.column ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* " (host a)", " (hosts a, b, c and 7 more)". */
static void add_hosts(const struct finding *f, struct strbuf *out)
{
	strbuf_addf(out, " (host%s ", f->host_count > 1 ? "s" : "");
	for (size_t i = 0; i < f->hosts.count; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", f->hosts.items[i]);
	if (f->host_count > f->hosts.count)
		strbuf_addf(out, " and %zu more", f->host_count - f->hosts.count);
	strbuf_addch(out, ')');
}

static void emit(const struct finding *f, size_t host_count, struct diags *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct place at = {f->diag.file, f->diag.line, f->diag.column};

	strbuf_addstr(&text, f->diag.text);
	if (f->host_count > 0 && (f->host_count < host_count || !at.file))
		add_hosts(f, &text);
	if (f->diag.level == DIAG_ERROR)
		diag_error(out, &at, "%s", text.data);
	else
		diag_warning(out, &at, "%s", text.data);
}

void findings_emit(const struct findings *f, size_t host_count, struct diags *out)
{
	size_t n = f->by_key.count;
	autofree struct finding **sorted = xcalloc(n, sizeof(struct finding *));

	for (size_t i = 0; i < n; i++)
		sorted[i] = f->by_key.entries[i].value;
	if (n > 1)
		qsort(sorted, n, sizeof(struct finding *), by_place);
	for (size_t i = 0; i < n; i++)
		emit(sorted[i], host_count, out);
}

static void finding_free(void *value)
{
	struct finding *f = value;

	free(f->diag.file);
	free(f->diag.text);
	strlist_release(&f->hosts);
	free(f);
}

void findings_release(struct findings *f)
{
	strmap_release(&f->by_key, finding_free);
}
