/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lsb_release tells, where it is installed, else /etc/lsb-release.
 */
#include "base/str.h"
#include "node/facts.h"

struct lsb {
	const char *id, *release, *description, *codename;
};

static const char *unquoted(const struct facts *f, const char *text)
{
	static const char quotes[] = "'\"\\";

	text += strspn(text, quotes);
	size_t n = strlen(text);
	while (n > 0 && strchr(quotes, text[n - 1]))
		n--;
	return arena_strndup(f->arena, text, n);
}

/* Takes the fields of a text; `names` are as in struct lsb. */
static void take(const struct facts *f, struct lsb *lsb, const char *text,
	const char *const names[4], char separator)
{
	const char **fields[] = {&lsb->id, &lsb->release, &lsb->description, &lsb->codename};
	const char *line;

	while ((line = facts_next_line(f->arena, &text))) {
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			const char *value = facts_value(line, names[i], separator);
			if (value)
				*fields[i] = unquoted(f, value);
		}
	}
}

int facts_lsb(struct facts *f, struct err *err)
{
	static const char *const spoken[] = {
		"Distributor ID", "Release", "Description", "Codename"};
	static const char *const written[] = {
		"DISTRIB_ID", "DISTRIB_RELEASE", "DISTRIB_DESCRIPTION", "DISTRIB_CODENAME"};
	const char *const argv[] = {"lsb_release", "-a", NULL};
	const char *said = NULL;
	struct lsb lsb = {0};

	if (facts_program(f, "lsb_release") && facts_run(f, argv, &said, err) < 0)
		return -1;
	if (said)
		take(f, &lsb, said, spoken, ':');
	else
		take(f, &lsb, facts_text_or_empty(f, "/etc/lsb-release"), written, '=');
	item_open_dict(f->out, "ansible_lsb");
	if (lsb.id)
		facts_put(f, "id", lsb.id);
	if (lsb.description)
		facts_put(f, "description", lsb.description);
	if (lsb.codename)
		facts_put(f, "codename", lsb.codename);
	if (lsb.release) {
		facts_put(f, "release", lsb.release);
		item_put_stringn(
			f->out, "major_release", lsb.release, strcspn(lsb.release, "."));
	}
	item_close(f->out);
	return 0;
}
