/* SPDX-License-Identifier: Apache-2.0 */
#include "play/include.h"

#include "base/path.h"
#include "play/parse.h"
#include "play/readers.h"
#include "play/role.h"

uint64_t include_place_of(const struct include_place *at, unsigned index)
{
	static const struct {
		unsigned shift, bits;
	} levels[] = {{30, 15}, {18, 12}, {8, 10}, {0, 8}};

	if (at->depth >= ARRAY_SIZE(levels))
		return at->base;
	uint64_t most = (UINT64_C(1) << levels[at->depth].bits) - 1;
	uint64_t number = at->offset + index + 1;
	return at->base + ((number < most ? number : most) << levels[at->depth].shift);
}

/* ---- reading ---- */

/* A block inside another one, without keywords. */
static struct step *new_block(struct parser *p, const struct step *by, const struct step *outer)
{
	const struct target around = {.where = by->handler ? KEYWORD_HANDLER : KEYWORD_TASK,
		.play = (struct play *)(uintptr_t)by->play};
	const struct value at = {.kind = VALUE_NULL, .place = by->place};
	struct step *s = parse_new_step(p, STEP_BLOCK, &around, &at);

	if (s) {
		s->outer = outer;
		s->role = by->role;
	}
	return s;
}

/*
 * The block around what is included. It stands where the include stands, and has its variables,
 * but not its other keywords: those of `apply` hold.
 */
static struct step *new_frame(struct parser *p, const struct step *by)
{
	struct step *params = new_block(p, by, by->outer);
	struct step *frame = new_block(p, by, params);

	params->vars = by->vars;
	params->include_params = true;
	*PARSE_PUSH(p->arena, &params->block->block) = frame;
	if (by->task->apply) {
		struct target t = {.where = KEYWORD_BLOCK,
			.title = "apply",
			.source = by->task->apply,
			.place = by->task->apply->place,
			.play = (struct play *)(uintptr_t)by->play,
			.step = frame};
		keywords_read(p, &t, NULL);
	}
	return frame;
}

static void read_tasks(struct parser *p, const struct include_request *q, struct step *frame)
{
	const struct value at = {.kind = VALUE_NULL, .place = q->by->place};

	parse_tasks_file(p, q->path, &at, frame);
}

static void read_role(struct parser *p, const struct include_request *q, struct step *frame,
	struct included *in)
{
	struct role_request r = {.place = q->by->place,
		.parent = q->by->role,
		.said = q->by->vars,
		.handlers = p->late,
		.included = true};
	const struct value *public = value_dict_get(q->role, "public");

	parse_role_request(&r, q->role);
	in->role = parse_role(p, &r, frame);
	in->public = public && value_truthy(public);
}

int include_read(struct included *in, const struct include_request *q,
	const struct playbook_options *o, struct diags *d)
{
	struct parser parser = {.playbook = &in->book,
		.arena = &in->book.arena,
		.options = o,
		.diags = d,
		.late = &in->handlers};
	struct parse_file file;
	size_t errors = d->errors;

	*in = (struct included){0};
	in->book.path = q->by->play->place.file;
	in->book.directory = q->by->play->directory;
	/* Names are relative to the file that includes, which may include itself. */
	autofree char *directory = q->by->place.file ? path_dirname(q->by->place.file) : NULL;
	file = (struct parse_file){.path = "", .real = "", .directory = directory};
	parser.file = &file;
	struct step *frame = new_frame(&parser, q->by);
	in->block = frame->outer;
	if (q->path)
		read_tasks(&parser, q, frame);
	else
		read_role(&parser, q, frame, in);
	arena_release(&parser.scratch);
	return d->errors > errors ? -1 : 0;
}

void included_release(struct included *in)
{
	playbook_release(&in->book);
}
