/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/verify.h"

#include "base/vec.h"

void verify_report_release(struct verify_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].path);
		free(r->items[i].text);
	}
	free(r->items);
	*r = (struct verify_report){0};
}

void verify_add(
	struct verify_report *r, enum verify_kind kind, const char *path, const char *fmt, ...)
{
	va_list ap;

	if (r->count >= VERIFY_FINDINGS_MAX) {
		r->dropped++;
		return;
	}
	va_start(ap, fmt);
	*VEC_PUSH(r) = (struct verify_finding){
		.kind = kind, .path = xstrdup(path), .text = xvasprintf(fmt, ap)};
	va_end(ap);
}

enum verify_state verify_state(const struct verify_report *r)
{
	if (r->gone)
		return VERIFY_GONE;
	if (r->count)
		return VERIFY_ROTTED;
	if (r->described || (r->files && r->remembered == r->files))
		return VERIFY_SOUND;
	return VERIFY_UNKNOWN;
}

const char *verify_kind_name(enum verify_kind k)
{
	static const char *const names[] = {
		[VERIFY_CHANGED] = "changed",
		[VERIFY_MISSING] = "missing",
		[VERIFY_EXTRA] = "extra",
		[VERIFY_UNREADABLE] = "unreadable",
		[VERIFY_MANIFEST] = "manifest",
	};

	return names[k];
}

const char *verify_state_name(enum verify_state s)
{
	static const char *const names[] = {
		[VERIFY_SOUND] = "sound",
		[VERIFY_ROTTED] = "rotted",
		[VERIFY_UNKNOWN] = "unverifiable",
		[VERIFY_GONE] = "gone",
	};

	return names[s];
}

/* ---- against manifest.yaml ---- */

/* An error about manifest.yaml without that name in front: the finding says it. */
static const char *without_name(const char *text)
{
	size_t n = strlen(VERSION_MANIFEST);

	return strncmp(text, VERSION_MANIFEST, n) == 0 ? text + n + strspn(text + n, ": ")
						       : text;
}

/* Reads manifest.yaml; true if it is sound and belongs here. */
static bool read_own(struct verify_check *v, const char *model, const char *version,
	const struct strbuf *text)
{
	struct err why = {0};

	if (version_manifest_parse(&v->own, VERSION_MANIFEST, text->data, text->len, &why) <
		0) {
		verify_add(v->report, VERIFY_MANIFEST, VERSION_MANIFEST, "is broken: %s",
			without_name(why.text));
		return false;
	}
	if (strcmp(v->own.model, model) == 0 && strcmp(v->own.version, version) == 0)
		return true;
	verify_add(v->report, VERIFY_MANIFEST, VERSION_MANIFEST, "belongs to %s/%s",
		v->own.model, v->own.version);
	return false;
}

void verify_begin(struct verify_check *v, struct verify_report *report, const char *model,
	const char *version, const struct strbuf *text)
{
	*v = (struct verify_check){.report = report};
	report->described = text && read_own(v, model, version, text);
	v->seen = xcalloc(v->own.count + 1, sizeof(*v->seen));
}

/* What manifest.yaml says of a path, which is then accounted for; NULL where it says nothing.
 */
static const struct version_file *account(struct verify_check *v, const char *path)
{
	const struct version_file *f = version_manifest_find(&v->own, path);

	if (f)
		v->seen[f - v->own.items] = true;
	return f;
}

static void compare(
	struct verify_check *v, const struct manifest_entry *e, const struct version_file *f)
{
	struct verify_report *r = v->report;

	if (e->kind != (f->link ? MANIFEST_LINK : MANIFEST_FILE))
		verify_add(r, VERIFY_CHANGED, e->path, "is %s, was %s",
			e->kind == MANIFEST_DIR    ? "a directory"
			: e->kind == MANIFEST_LINK ? "a link"
						   : "a file",
			f->link ? "a link" : "a file");
	else if (f->link && strcmp(f->link, e->target) != 0)
		verify_add(r, VERIFY_CHANGED, e->path, "leads to %s, led to %s", e->target,
			f->link);
	else if (!f->link && e->size != f->size)
		verify_add(r, VERIFY_CHANGED, e->path, "has %llu bytes, had %llu",
			(unsigned long long)e->size, (unsigned long long)f->size);
	else if (!f->link && memcmp(e->hash, f->hash, sizeof(e->hash)) != 0)
		verify_add(r, VERIFY_CHANGED, e->path, "holds other content than it did");
}

void verify_entry(struct verify_check *v, const struct manifest_entry *e)
{
	if (!v->report->described || strcmp(e->path, VERSION_MANIFEST) == 0)
		return;
	const struct version_file *f = account(v, e->path);
	if (f)
		compare(v, e, f);
	else if (e->kind != MANIFEST_DIR)
		verify_add(v->report, VERIFY_EXTRA, e->path, "is not part of the version");
}

void verify_unreadable(struct verify_check *v, const char *path, const char *why)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < v->own.count; i++) {
		const char *below = v->own.items[i].path;
		if (strncmp(below, path, n) == 0 && (!below[n] || below[n] == '/'))
			v->seen[i] = true;
	}
	verify_add(v->report, VERIFY_UNREADABLE, path, "cannot be read: %s", why);
}

void verify_missing(struct verify_check *v)
{
	for (size_t i = 0; v->report->described && i < v->own.count; i++)
		if (!v->seen[i])
			verify_add(
				v->report, VERIFY_MISSING, v->own.items[i].path, "is missing");
}

void verify_check_release(struct verify_check *v)
{
	version_manifest_release(&v->own);
	free(v->seen);
	v->seen = NULL;
}
