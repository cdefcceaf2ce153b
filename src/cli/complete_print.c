/* SPDX-License-Identifier: Apache-2.0 */
/* What completion tells the shells. */
#include "cli/complete.h"

static bool is_shown(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

void complete_offer(struct completion *c, const char *word, const char *help)
{
	AUTO(strbuf_release) struct strbuf whole = STRBUF_INIT, out = STRBUF_INIT;

	if (!str_starts(word, c->partial) || !*word || !is_shown(word) ||
		c->offered >= COMPLETE_OFFERS)
		return;
	strbuf_addf(&whole, "%s%s", c->lead.data, word);
	if (c->shell == COMPLETE_BASH && c->taken <= whole.len)
		complete_quote(whole.data + c->taken, c->quote, &out);
	else
		strbuf_addstr(&out, whole.data);
	printf("w\t%s\t%s\n", out.data, help && is_shown(help) ? help : "");
	c->offered++;
}

void complete_offer_files(struct completion *c, const char *suffixes)
{
	(void)c;
	printf("f\t%s\n", suffixes);
}

void complete_offer_directories(struct completion *c)
{
	(void)c;
	printf("d\n");
}

void complete_last_part(struct completion *c, const char *separators)
{
	const char *last = c->partial;

	for (const char *at = c->partial; *at; at++)
		if (strchr(separators, *at))
			last = at + 1;
	strbuf_add(&c->lead, c->partial, (size_t)(last - c->partial));
	c->partial = last;
}
