/* SPDX-License-Identifier: Apache-2.0 */
/* Playbooks: whatever the text is, it is read or refused, and what was read holds together. */
#include "play/module.h"
#include "play/playbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_steps(
	const struct playbook *p, const struct steps *steps, const struct step *outer);

static void check_step(const struct playbook *p, const struct step *s, const struct step *outer)
{
	if (!s->play || s->index >= p->step_count || (!s->handler && s->outer != outer))
		abort();
	for (int a = 0; a < ATTRIBUTE_COUNT; a++)
		step_attribute(s, (enum play_attribute)a);
	step_selected(s, &s->tags, NULL);
	if (s->kind == STEP_TASK) {
		if (!s->task->module || !s->task->args || !*step_title(s))
			abort();
		return;
	}
	check_steps(p, &s->block->block, s);
	check_steps(p, &s->block->rescue, s);
	check_steps(p, &s->block->always, s);
}

static void check_steps(
	const struct playbook *p, const struct steps *steps, const struct step *outer)
{
	for (size_t i = 0; i < steps->count; i++)
		check_step(p, steps->items[i], outer);
}

static void check_play(const struct playbook *p, const struct play *play)
{
	if (!play->hosts || !play->name || !play->directory)
		abort();
	check_steps(p, &play->pre_tasks, NULL);
	check_steps(p, &play->tasks, NULL);
	check_steps(p, &play->post_tasks, NULL);
	check_steps(p, &play->handlers, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct playbook p;
	struct diags d = {0};

	/* Modules of an Ansible that is installed here would make it slow. */
	setenv("MODELFLEET_ANSIBLE", "", 1);
	if (size > 8192)
		return 0;
	/* No import finds anything there. */
	int rc = playbook_parse_text(
		&p, "fuzz", "/nonexistent", (const char *)data, size, NULL, &d);
	if ((rc < 0) != (d.errors > 0))
		abort();
	for (size_t i = 0; rc == 0 && i < p.count; i++)
		check_play(&p, p.plays[i]);
	playbook_release(&p);
	diags_release(&d);
	return 0;
}
