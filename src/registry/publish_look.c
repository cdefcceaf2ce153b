/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing what is to be published with what a store has under that name.
 */
#include "registry/publish_private.h"

/* Two entries of one path, either of them NULL where it is not there. */
struct pair {
	const struct manifest_entry *ours, *theirs;
};

/* The word for a kind of entry. */
static const char *kind_word(unsigned kind)
{
	static const char *const words[] = {"a file", "a directory", "a link"};

	return words[kind];
}

/* Appends how two entries of one path differ; nothing when they do not. */
static void describe(const struct pair *p, struct strbuf *out)
{
	const struct manifest_entry *a = p->ours, *b = p->theirs;

	if (!b) {
		strbuf_addstr(out, "is not in the store's");
	} else if (!a) {
		strbuf_addstr(out, "is only in the store's");
	} else if (a->kind != b->kind) {
		strbuf_addf(
			out, "is %s there and %s here", kind_word(b->kind), kind_word(a->kind));
	} else if (a->size != b->size) {
		strbuf_addf(out, "has %llu bytes there and %llu here",
			(unsigned long long)b->size, (unsigned long long)a->size);
	} else if (memcmp(a->hash, b->hash, sizeof(a->hash)) != 0) {
		strbuf_addstr(out, "has other content");
	} else if (str_cmp0(a->target, b->target) != 0) {
		strbuf_addf(out, "leads to %s there and to %s here", b->target, a->target);
	} else if (a->mode != (b->mode & 0777)) {
		strbuf_addf(out, "has the permissions %04o there and %04o here",
			b->mode & 0777u, a->mode);
	}
}

static bool is_own(const struct manifest_entry *e)
{
	return strcmp(e->path, VERSION_MANIFEST) == 0;
}

/* The entries of the smallest path among those not yet compared. */
static struct pair next_pair(
	const struct manifest *ours, size_t *i, const struct manifest *theirs, size_t *k)
{
	struct pair p = {0};

	if (*k < theirs->count && is_own(&theirs->entries[*k]))
		(*k)++;
	if (*i < ours->count)
		p.ours = &ours->entries[*i];
	if (*k < theirs->count)
		p.theirs = &theirs->entries[*k];
	int order = p.ours && p.theirs ? strcmp(p.ours->path, p.theirs->path) : 0;
	if (order > 0)
		p.ours = NULL;
	if (order < 0)
		p.theirs = NULL;
	*i += p.ours != NULL;
	*k += p.theirs != NULL;
	return p;
}

static int compare(const struct publish_source *s, const struct manifest *theirs,
	const char *location, struct err *err)
{
	const struct publish_request *q = s->request;
	size_t i = 0, k = 0;

	for (;;) {
		AUTO(strbuf_release) struct strbuf what = STRBUF_INIT;
		struct pair p = next_pair(&s->manifest, &i, theirs, &k);
		if (!p.ours && !p.theirs)
			return 0;
		describe(&p, &what);
		if (what.len)
			return err_set(err, ERR_EXISTS,
				"%s has %s/%s already, with other content: %s %s; a version "
				"does not change, publish this as another one (--version)",
				location, q->model, q->version,
				p.ours ? p.ours->path : p.theirs->path, what.data);
	}
}

int publish_look(const struct publish_source *s, struct store *store, enum publish_outcome *out,
	struct err *err)
{
	const struct publish_request *q = s->request;
	AUTO(manifest_release) struct manifest there = {0};
	struct err why = {0};

	*out = PUBLISH_MADE;
	if (store_check_version(store, q->model, q->version, &why) < 0) {
		if (why.code == ERR_NOTFOUND)
			return 0;
		return err_set(err, why.code, "%s", why.text);
	}
	if (store_read_manifest(store, q->model, q->version, q->cancel, &there, err) < 0 ||
		compare(s, &there, store->location, err) < 0)
		return -1;
	*out = PUBLISH_THERE;
	return 0;
}
