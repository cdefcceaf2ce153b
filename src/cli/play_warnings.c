/* SPDX-License-Identifier: Apache-2.0 */
/* What a result warns of, in Ansible's words. */
#include <ctype.h>

#include "cli/play_text.h"

static const char *text_of(const struct value *deprecation, const char *key)
{
	const char *text = value_text(value_dict_get(deprecation, key));

	return text && *text ? text : NULL;
}

static void add_when(const struct value *deprecation, struct strbuf *line)
{
	const char *date = text_of(deprecation, "date");
	const char *version = text_of(deprecation, "version");
	const char *from = text_of(deprecation, "collection_name");

	if (from)
		strbuf_addf(line, " from %s",
			strcmp(from, "ansible.builtin") == 0 ? "ansible-core" : from);
	if (date)
		strbuf_addf(line, " in a release after %s.", date);
	else if (version)
		strbuf_addf(line, " in version %s.", version);
	else
		strbuf_addstr(line, " in a future release.");
}

static void deprecate(struct show *s, const struct value *deprecation, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	const char *text = text_of(deprecation, "msg");

	if (!text)
		return;
	strbuf_addf(&line, "[DEPRECATION WARNING]: %s", text);
	while (isspace((unsigned char)line.data[line.len - 1]))
		strbuf_truncate(&line, line.len - 1);
	if (!strchr("!?.", line.data[line.len - 1]))
		strbuf_addch(&line, '.');
	strbuf_addstr(&line, " This feature will be removed");
	add_when(deprecation, &line);
	strbuf_addstr(&line, " Deprecation warnings can be disabled by setting "
			     "deprecation_warnings=False in ansible.cfg.");
	show_aside(s, line.data, out);
}

static const struct value *list_of(const struct value *result, const char *key)
{
	const struct value *list = value_dict_get(result, key);

	return list && list->kind == VALUE_LIST ? list : NULL;
}

void play_warnings(struct show *s, const struct value *result, struct strbuf *out)
{
	const struct value *warnings = list_of(result, "warnings");
	const struct value *deprecations = list_of(result, "deprecations");

	if (warnings)
		value_list_foreach (item, warnings)
			if (value_text(item))
				show_warn(s, value_text(item), out);
	if (deprecations && !s->hides_deprecations)
		value_list_foreach (item, deprecations)
			if (item->kind == VALUE_DICT)
				deprecate(s, item, out);
}
