/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts that stand in one small file each: the resolver's configuration, and the names by
 * which storage networks know the node.
 */
#include "base/str.h"
#include "node/facts.h"

static bool is_comment(const char *line)
{
	return *line == '#' || *line == ';' || !*line;
}

/* "options timeout:1 rotate" as a dict. */
static void tell_options(struct facts *f, const char *const *words)
{
	item_open_dict(f->out, "options");
	for (; *words; words++) {
		size_t n = strcspn(*words, ":");
		const char *key = arena_strndup(f->arena, *words, n);
		if ((*words)[n] && (*words)[n + 1])
			facts_put(f, key, *words + n + 1);
		else
			item_put_bool(f->out, key, true);
	}
	item_close(f->out);
}

/* The words of the last line with a keyword, or NULL. */
static const char *const *last_line(
	const struct facts *f, const char *text, const char *keyword)
{
	const char *line, *const *last = NULL;

	while ((line = facts_next_line(f->arena, &text))) {
		const char *const *words = facts_words(f->arena, line);
		if (!is_comment(line) && *words && strcmp(*words, keyword) == 0)
			last = words;
	}
	return last;
}

/* What stands behind a keyword in its last line. */
static void tell_last(struct facts *f, const char *text, const char *keyword)
{
	const char *const *words = last_line(f, text, keyword);

	if (!words)
		return;
	item_open_list(f->out, keyword);
	while (*++words)
		facts_put(f, NULL, *words);
	item_close(f->out);
}

/* Each line may name one, or several. */
static void tell_name_servers(struct facts *f, const char *text)
{
	const char *line;
	bool any = false;

	while ((line = facts_next_line(f->arena, &text))) {
		const char *const *words = facts_words(f->arena, line);
		if (is_comment(line) || !*words || strcmp(*words, "nameserver") != 0)
			continue;
		if (!any)
			item_open_list(f->out, "nameservers");
		any = true;
		while (*++words)
			facts_put(f, NULL, *words);
	}
	if (any)
		item_close(f->out);
}

int facts_dns(struct facts *f, struct err *err)
{
	const char *text = facts_text_or_empty(f, "/etc/resolv.conf");
	const char *const *domain = last_line(f, text, "domain");
	const char *const *options = last_line(f, text, "options");

	(void)err;
	item_open_dict(f->out, "ansible_dns");
	tell_name_servers(f, text);
	if (domain && domain[1])
		facts_put(f, "domain", domain[1]);
	tell_last(f, text, "search");
	tell_last(f, text, "sortlist");
	if (options)
		tell_options(f, options + 1);
	item_close(f->out);
	return 0;
}

/* The first line of a file that begins with a text; "" where there is none. */
static const char *line_with(const struct facts *f, const char *path, const char *prefix)
{
	const char *text = facts_text_or_empty(f, path), *line;

	while ((line = facts_next_line(f->arena, &text)))
		if (!is_comment(line) && str_starts(line, prefix))
			return line;
	return "";
}

int facts_iscsi(struct facts *f, struct err *err)
{
	static const char key[] = "InitiatorName=";
	const char *line = line_with(f, "/etc/iscsi/initiatorname.iscsi", key);

	(void)err;
	facts_put(f, "ansible_iscsi_iqn", *line ? line + strlen(key) : "");
	return 0;
}

int facts_nvme(struct facts *f, struct err *err)
{
	(void)err;
	facts_put(f, "ansible_hostnqn", line_with(f, "/etc/nvme/hostnqn", "nqn."));
	return 0;
}

int facts_fibre_channel(struct facts *f, struct err *err)
{
	const char *const *ports = facts_names(f, "/sys/class/fc_host");

	(void)err;
	item_open_list(f->out, "ansible_fibre_channel_wwn");
	for (; *ports; ports++) {
		const char *name = facts_line(
			f, arena_printf(f->arena, "/sys/class/fc_host/%s/port_name", *ports));
		if (name && strlen(name) > 2)
			facts_put(f, NULL, name + 2); /* without its "0x" */
	}
	item_close(f->out);
	return 0;
}
