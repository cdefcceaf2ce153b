/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords that mean something only in one of their values. */
#include "play/readers.h"

void read_debugger(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	const char *word = value_text(v);
	char found[FOUND_MAX];

	(void)t;
	(void)k;
	if (v->kind == VALUE_NULL || (word && strcmp(word, "never") == 0))
		return;
	diag_error(p->diags, &v->place,
		"debugger: found %s, expected never; there is no debugger for tasks yet",
		found_text(v, found));
}
