/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on roots: ROOT_OPEN, ROOT_CLOSE, DISK.
 */
#include "node/request.h"
#include "node/stage.h"
#include "node/session.h"

int op_root_open(struct request *q, struct err *err)
{
	struct wire_root_open o;
	struct wire_disk disk;
	char home[1024];

	if (wire_get_root_open(q->frame, &o, err) < 0)
		return -1;
	if (o.root >= WIRE_ROOTS_MAX)
		return err_set(err, ERR_LIMIT, "root %u: at most %d roots are open at once",
			o.root, WIRE_ROOTS_MAX);
	if (q->node->roots[o.root])
		return err_set(err, ERR_EXISTS, "root %u is open already", o.root);
	request_about(q, o.path);
	session_home(home);
	struct root *r = root_open(&o, home, err);
	if (!r)
		return -1;
	if (root_disk(r, &disk, err) < 0) {
		root_close(r);
		return -1;
	}
	q->node->roots[o.root] = r;
	wire_put_disk(&q->reply, &disk);
	return 0;
}

int op_root_close(struct request *q, struct err *err)
{
	if (request_only_root(q, "a ROOT_CLOSE request", err) < 0)
		return -1;
	for (unsigned i = 0; i < WIRE_STAGES_MAX; i++) {
		struct stage *s = q->node->stages[i];
		if (s && stage_root(s) == q->root)
			return err_set(err, ERR_BUSY, "stage %u of this root is open", i);
	}
	q->node->roots[q->frame->data[0]] = NULL;
	root_close(q->root);
	return 0;
}

int op_disk(struct request *q, struct err *err)
{
	struct wire_disk disk;

	if (request_only_root(q, "a DISK request", err) < 0 ||
		root_disk(q->root, &disk, err) < 0)
		return -1;
	wire_put_disk(&q->reply, &disk);
	return 0;
}
