/* SPDX-License-Identifier: Apache-2.0 */
#include "play/playbook.h"

#include "play/module.h"

const struct value *step_attribute(const struct step *s, enum play_attribute a)
{
	for (const struct step *at = s; at; at = at->outer) {
		if (at->attributes[a])
			return at->attributes[a];
	}
	return s->play->attributes[a];
}

const char *step_title(const struct step *s)
{
	if (s->name)
		return s->name;
	return s->kind == STEP_TASK ? s->task->module_name : "block";
}
