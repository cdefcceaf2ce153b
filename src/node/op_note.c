/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NOTE_READ, NOTE_WRITE: small files of the engine's in the root's own directory, for a store
 * that lies on a node.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/request.h"

struct note_stream {
	uint8_t root; /* its number: it may be closed meanwhile */
	char *name;
	size_t expected;
	struct strbuf incoming;
};

void note_stream_free(struct note_stream *s)
{
	if (!s)
		return;
	strbuf_release(&s->incoming);
	free(s->name);
	free(s);
}

/* A note's name cannot be that of a file of our own: those have other endings. */
static int get_note(struct request *q, struct wire_note *n, struct err *err)
{
	if (wire_get_note(q->frame, n, err) < 0)
		return -1;
	request_about(q, n->name);
	if (!path_is_component(n->name) || *n->name == '.' || !str_ends(n->name, ".json"))
		return err_set(err, ERR_INPUT, "\"%s\" cannot be a note: NAME.json", n->name);
	if (n->len > WIRE_NOTE_MAX)
		return err_set(err, ERR_LIMIT, "a note of %u bytes; at most %u", n->len,
			WIRE_NOTE_MAX);
	return 0;
}

int op_note_read(struct request *q, struct err *err)
{
	struct wire_note n;
	struct stat st;
	uint8_t piece[16384];
	ssize_t got;

	if (get_note(q, &n, err) < 0)
		return -1;
	autofree char *path = xasprintf(ROOT_FLEET "/%s", n.name);
	autofd int fd = beneath_open(q->root->fd, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return root_error(q->root, path, err);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)WIRE_NOTE_MAX)
		return err_set(err, ERR_LIMIT, "%s/%s is no file of at most %u bytes",
			q->root->path, path, WIRE_NOTE_MAX);
	/* Written notes are replaced, so this one keeps its length. */
	while ((got = fd_read_full(fd, piece, sizeof(piece))) > 0)
		if (request_bytes(q, piece, (size_t)got, err) < 0)
			return -1;
	return got < 0 ? err_sys(err, "read %s/%s", q->root->path, path) : 0;
}

int op_note_write(struct request *q, struct err *err)
{
	struct wire_note n;

	if (get_note(q, &n, err) < 0)
		return -1;
	struct note_stream *s = xcalloc(1, sizeof(*s));
	s->root = n.root;
	s->name = xstrdup(n.name);
	s->expected = n.len;
	strbuf_init(&s->incoming);
	q->node->note = s;
	return 0;
}

int op_note_write_piece(struct request *q, const uint8_t *data, size_t n, struct err *err)
{
	struct note_stream *s = q->node->note;

	if (n > s->expected - s->incoming.len)
		return err_set(
			err, ERR_LIMIT, "more than the %zu bytes announced", s->expected);
	strbuf_add(&s->incoming, data, n);
	return 0;
}

/* Writes beside the note, syncs, and renames. */
static int replace_note(
	const struct note_stream *s, const struct root *r, const char *path, struct err *err)
{
	autofree char *temporary = xasprintf(ROOT_FLEET "/.%s", s->name);
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	int root = r->fd;
	autofd int fd = beneath_open(root, temporary, flags, 0644);

	if (fd < 0 || fd_write_all(fd, s->incoming.data, s->incoming.len) < 0 ||
		fsync(fd) < 0 || beneath_rename(root, temporary, root, path, 0) < 0 ||
		beneath_sync_dir(root, ROOT_FLEET) < 0) {
		err_sys(err, "write %s/%s", r->path, path);
		beneath_remove(root, temporary);
		return -1;
	}
	return 0;
}

int op_note_write_end(struct request *q, struct err *err)
{
	struct note_stream *s = q->node->note;
	const struct root *root = q->node->roots[s->root];
	autofree char *path = xasprintf(ROOT_FLEET "/%s", s->name);

	if (!root || root->lock_fd < 0)
		return err_set(err, ERR_NOTFOUND, "root %u is not open any more", s->root);
	if (s->incoming.len != s->expected)
		return err_set(err, ERR_PROTOCOL, "%zu of %zu bytes of a note came",
			s->incoming.len, s->expected);
	if (replace_note(s, root, path, err) < 0)
		return -1;
	op_note_write_lose(q->node);
	return 0;
}

void op_note_write_lose(struct node *n)
{
	note_stream_free(n->note);
	n->note = NULL;
}
