/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way through a play's steps: blocks with their rescue and always sections.
 */
#include "play/run_state.h"

#include "play/role.h"

bool runner_goes_on(struct runner *r, const struct step *s)
{
	if (r->undoing)
		return cancel_level(&r->run->shared->hard) == 0;
	if (cancel_level(r->run->o->cancel) > 0 || meet_is_over(r, s))
		r->stopped = true;
	return !r->stopped && !r->ended;
}

/* Runs the rescue section: when it succeeds, the failure never was. */
static enum walk rescue(struct runner *r, const struct block *b)
{
	r->failed = false;
	err_clear(&r->err);
	return walk_steps(r, &b->rescue);
}

struct role_state *runner_role(struct runner *r, const struct role_use *role)
{
	struct role_state *state = r->roles;

	while (state && strcmp(state->key, role->key) != 0)
		state = state->next;
	if (!state) {
		state = ARENA_NEW(&r->play_arena, struct role_state);
		*state = (struct role_state){
			.next = r->roles, .key = arena_strdup(&r->play_arena, role->key)};
		r->roles = state;
	}
	return state;
}

/* A role's own tasks: once, unless it may be done again, or nothing of it was done yet. */
static enum walk walk_role(struct runner *r, const struct step *s)
{
	struct role_state *state = runner_role(r, s->role);

	if (state->completed && !s->role->allow_duplicates)
		return WALK_ON;
	enum walk result = walk_steps(r, &s->block->block);
	if (result == WALK_ON && state->ran)
		state->completed = true;
	return result;
}

static enum walk walk_block(struct runner *r, const struct step *s)
{
	const struct block *b = s->block;
	bool rescues = b->rescue.count > 0;

	r->rescue_depth += rescues;
	enum walk result = walk_steps(r, &b->block);
	r->rescue_depth -= rescues;
	if (result == WALK_FAILED && rescues)
		result = rescue(r, b);
	if (result == WALK_GONE || b->always.count == 0)
		return result;
	enum walk always = walk_steps(r, &b->always);
	return always == WALK_ON ? result : always;
}

enum walk walk_steps(struct runner *r, const struct steps *steps)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct step *s = steps->items[i];
		enum walk result = s->role_body            ? walk_role(r, s)
				   : s->kind == STEP_BLOCK ? walk_block(r, s)
							   : task_run(r, s);
		if (result != WALK_ON)
			return result;
	}
	return WALK_ON;
}
