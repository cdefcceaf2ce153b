/* SPDX-License-Identifier: Apache-2.0 */
/* The recap of run-playbook: Ansible's table, then what Ansible does not know of. */
#include <stdlib.h>

#include "cli/play_text.h"

#define NAME_WIDTH 26

bool play_did_anything(const struct run_host *h)
{
	const struct host_counts *c = &h->counts;

	return c->ok || c->changed || c->unreachable || c->failed || c->skipped || c->rescued ||
	       c->ignored;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct run_host *const *)a)->name,
		(*(const struct run_host *const *)b)->name);
}

static void add_count(struct strbuf *out, const char *word, unsigned n, const char *color)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "%s=%-4u", word, n);
	strbuf_addch(out, ' ');
	if (n)
		cli_paint(out, color, text.data);
	else
		strbuf_addstr(out, text.data);
}

static void add_host(const struct run_host *h, struct strbuf *out)
{
	const struct host_counts *c = &h->counts;
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;

	cli_paint(&name,
		c->failed || c->unreachable ? PLAY_FAILED
		: c->changed                ? PLAY_CHANGED
					    : PLAY_OK,
		h->name);
	strbuf_addstr(out, name.data);
	for (size_t n = strlen(h->name); n < NAME_WIDTH; n++)
		strbuf_addch(out, ' ');
	strbuf_addstr(out, " :");
	add_count(out, "ok", c->ok, PLAY_OK);
	add_count(out, "changed", c->changed, PLAY_CHANGED);
	add_count(out, "unreachable", c->unreachable, PLAY_UNREACHABLE);
	add_count(out, "failed", c->failed, PLAY_FAILED);
	add_count(out, "skipped", c->skipped, PLAY_SKIPPED);
	add_count(out, "rescued", c->rescued, PLAY_OK);
	add_count(out, "ignored", c->ignored, PLAY_WARNING);
	strbuf_addch(out, '\n');
}

static bool was_taken_back(const struct show *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->run->hosts[i].undo != UNDO_NONE)
			return true;
	return false;
}

void play_recap(const struct show *s, struct strbuf *out)
{
	const struct run_host **hosts = xcalloc(s->count + 1, sizeof(struct run_host *));
	size_t count = 0;

	play_banner("PLAY RECAP", out);
	for (size_t i = 0; i < s->count; i++)
		if (play_did_anything(&s->run->hosts[i]))
			hosts[count++] = &s->run->hosts[i];
	qsort(hosts, count, sizeof(*hosts), by_name);
	for (size_t i = 0; i < count; i++)
		add_host(hosts[i], out);
	free(hosts);
	strbuf_addch(out, '\n');
	if (was_taken_back(s)) {
		show_errors(s, out);
		strbuf_addch(out, '\n');
	}
}
