/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VERSION_BEGIN and VERSION_ABORT: a stage is opened, its manifest received, and what each
 * file needs is told.
 */
#include "node/plan.h"
#include "node/request.h"
#include "node/stage.h"

static int check_request(struct request *q, const struct wire_version_begin *b, struct err *err)
{
	if (root_check_version(b->version, err) < 0)
		return -1;
	if (b->stage >= WIRE_STAGES_MAX)
		return err_set(err, ERR_LIMIT, "stage %u: at most %d are open at once",
			b->stage, WIRE_STAGES_MAX);
	if (q->node->stages[b->stage])
		return err_set(err, ERR_EXISTS, "stage %u is open already", b->stage);
	if (b->flags & ~WIRE_BEGIN_UPDATE)
		return err_set(
			err, ERR_UNSUPPORTED, "unknown flags of a stage: 0x%02x", b->flags);
	if (b->manifest_len > MANIFEST_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a manifest of %u bytes; at most %u",
			b->manifest_len, MANIFEST_BYTES_MAX);
	for (unsigned i = 0; i < WIRE_STAGES_MAX; i++) {
		struct stage *s = q->node->stages[i];
		if (s && s->root == q->root && strcmp(s->version, b->version) == 0)
			return err_set(err, ERR_BUSY, "%s is open in stage %u", b->version, i);
	}
	return 0;
}

int op_begin(struct request *q, struct err *err)
{
	struct wire_version_begin b;

	if (wire_get_version_begin(q->frame, &b, err) < 0 || check_request(q, &b, err) < 0)
		return -1;
	struct stage *s = stage_new(q->root, b.version);
	s->number = b.stage;
	s->update = b.flags & WIRE_BEGIN_UPDATE;
	s->dry = q->frame->flags & FRAME_CHECK;
	s->expected = b.manifest_len;
	memcpy(s->digest, b.digest, sizeof(s->digest));
	q->node->stages[b.stage] = s;
	q->node->streaming = s;
	return 0;
}

int op_begin_piece(struct request *q, const uint8_t *data, size_t n, struct err *err)
{
	struct stage *s = q->node->streaming;

	if (n > s->expected - s->incoming.len)
		return err_set(err, ERR_LIMIT, "more than the %zu bytes of manifest announced",
			s->expected);
	strbuf_add(&s->incoming, data, n);
	return 0;
}

void op_begin_lose(struct node *n)
{
	n->stages[n->streaming->number] = NULL;
	stage_free(n->streaming);
	n->streaming = NULL;
}

/* All open stages together hold no more entries than one manifest may. */
static int check_entries(const struct node *n, const struct stage *added, struct err *err)
{
	size_t total = 0;

	for (unsigned i = 0; i < WIRE_STAGES_MAX; i++)
		total += n->stages[i] ? n->stages[i]->manifest.count : 0;
	if (total > MANIFEST_ENTRIES_MAX && total > added->manifest.count)
		return err_set(err, ERR_LIMIT,
			"the open stages hold %zu entries, at most %d: commit some first",
			total, MANIFEST_ENTRIES_MAX);
	return 0;
}

static int take_manifest(struct node *n, struct stage *s, struct err *err)
{
	if (s->incoming.len != s->expected)
		return err_set(err, ERR_PROTOCOL, "%zu of %zu bytes of manifest came",
			s->incoming.len, s->expected);
	int parsed = manifest_parse(&s->manifest, s->incoming.data, s->incoming.len, err);
	strbuf_release(&s->incoming);
	if (parsed < 0)
		return -1;
	if (memcmp(s->manifest.digest, s->digest, sizeof(s->digest)) != 0)
		return err_set(
			err, ERR_INTEGRITY, "the manifest has another digest than announced");
	s->entries = xcalloc(s->manifest.count + 1, sizeof(*s->entries));
	return check_entries(n, s, err);
}

/* What an entry's state means to the engine. */
static uint8_t plan_state(const struct stage_entry *e)
{
	switch (e->state) {
	case ENTRY_IN_PLACE: return WIRE_PLAN_PRESENT;
	case ENTRY_STAGED: return e->reused ? WIRE_PLAN_REUSED : WIRE_PLAN_PRESENT;
	case ENTRY_TWIN:
	case ENTRY_REUSABLE: return WIRE_PLAN_REUSED;
	case ENTRY_KEPT: return WIRE_PLAN_KEPT;
	case ENTRY_NEWER: return WIRE_PLAN_NEWER;
	default: return e->basis_version ? WIRE_PLAN_BASIS : WIRE_PLAN_SEND;
	}
}

static int tell_plan(struct request *q, const struct stage *s, struct err *err)
{
	for (size_t i = 0; i < s->manifest.count; i++) {
		const struct stage_entry *e = &s->entries[i];
		const struct manifest_entry *m = &s->manifest.entries[i];
		if (m->kind != MANIFEST_FILE)
			continue;
		struct wire_plan p = {.index = (uint32_t)i,
			.state = plan_state(e),
			.offset = e->offset,
			.basis_known = e->basis_known,
			.basis_size = e->basis_size,
			.basis_version = e->basis_version,
			.basis_path = m->path};
		memcpy(p.basis_hash, e->basis_hash, sizeof(p.basis_hash));
		if (request_room(q, 64 + WIRE_VERSION_MAX + strlen(m->path), err) < 0)
			return -1;
		wire_put_plan(&q->reply, &p);
	}
	return 0;
}

int op_begin_end(struct request *q, struct err *err)
{
	struct node *n = q->node;
	struct stage *s = n->streaming;

	request_about(q, s->version);
	q->total = 0;
	if (take_manifest(n, s, err) < 0 || plan_make(q, s, err) < 0 ||
		tell_plan(q, s, err) < 0)
		return -1;
	if (s->dry)
		op_begin_lose(n);
	n->streaming = NULL;
	return 0;
}

int op_abort(struct request *q, struct err *err)
{
	struct wire_version_end e;

	if (wire_get_version_end(q->frame, &e, err) < 0)
		return -1;
	if (e.flags & ~WIRE_ABORT_DISCARD)
		return err_set(
			err, ERR_UNSUPPORTED, "unknown flags of an abort: 0x%02x", e.flags);
	if (e.flags & WIRE_ABORT_DISCARD && stage_discard(q->stage, err) < 0)
		return -1;
	q->node->stages[e.stage] = NULL;
	stage_free(q->stage);
	return 0;
}
