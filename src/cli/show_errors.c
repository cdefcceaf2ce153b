/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, told once for all hosts that it went wrong on. */
#include "base/strmap.h"
#include "cli/show.h"

#define HOSTS_MAX 8 /* hosts that are named for one error */

/* Hosts with the same error and the same way back, in order of appearance. */
struct same_error {
	const struct run_host *first;
	struct strlist names;
};

static void free_same_error(void *value)
{
	struct same_error *same = value;

	strlist_release(&same->names);
	free(same);
}

static bool has_error(enum show_state state)
{
	return state == SHOW_FAILED || state == SHOW_UNREACHABLE || state == SHOW_ROLLED_BACK;
}

static void group_errors(const struct show *s, struct strmap *groups)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct run_host *h = &s->run->hosts[i];
		if (!has_error(show_state(s, h)))
			continue;
		autofree char *key =
			xasprintf("%d %s\n%s", (int)h->undo, show_why(s, h), h->undo_err.text);
		struct same_error *same = strmap_get(groups, key);
		if (!same) {
			same = xcalloc(1, sizeof(*same));
			same->first = h;
			strmap_set(groups, key, same);
		}
		strlist_add(&same->names, h->name);
	}
}

static void add_error(const struct show *s, const struct same_error *same, struct strbuf *out)
{
	const struct run_host *h = same->first;
	const char *remedy = show_remedy(h->err.code);

	strbuf_addf(out, "  %zu host%s: %s\n    ", same->names.count,
		same->names.count == 1 ? "" : "s",
		h->err.code ? show_why(s, h) : "done, and taken back with the others");
	for (size_t i = 0; i < same->names.count && i < HOSTS_MAX; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", same->names.items[i]);
	if (same->names.count > HOSTS_MAX)
		strbuf_addf(out, " and %zu more", same->names.count - HOSTS_MAX);
	strbuf_addch(out, '\n');
	if (h->undo != UNDO_NONE) {
		strbuf_addf(out, "    %s", show_undo_text(h->undo));
		if (h->undo_err.code)
			strbuf_addf(out, ": %s", h->undo_err.text);
		strbuf_addch(out, '\n');
	}
	if (remedy)
		strbuf_addf(out, "    %s\n", remedy);
}

void show_errors(const struct show *s, struct strbuf *out)
{
	struct strmap groups = {0};

	group_errors(s, &groups);
	strmap_foreach (e, &groups)
		add_error(s, e->value, out);
	strmap_release(&groups, free_same_error);
}
