/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any sequence of requests against a root of its own: the helper must answer or refuse each,
 * stay below the root, and release all in the end. The input is a list of frames, each with
 * kind, flags, u16 length, payload. What starts processes or opens other roots is left out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/path.h"
#include "node/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *root_path(void)
{
	static char path[64]; /* one for the process: inputs run one after the other */

	if (!*path)
		snprintf(
			path, sizeof(path), "/tmp/modelfleet-fuzz-node.%d/root", (int)getpid());
	return path;
}

static void open_root(struct node *n)
{
	uint8_t buffer[256];
	struct msg_writer w;
	struct frame f = {.id = 1, .kind = WIRE_ROOT_OPEN};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_root_open(
		&w, &(struct wire_root_open){.flags = WIRE_ROOT_CREATE | WIRE_ROOT_LEASE,
			    .mode = 0755,
			    .path = root_path(),
			    .holder = "fuzz"});
	f.data = buffer;
	f.len = w.len;
	if (node_dispatch(n, &f, NULL) < 0 || !n->roots[0])
		abort();
}

static bool is_harmless(uint8_t kind)
{
	/* Modules, transactions and tunnels concern the whole machine. */
	if (kind >= WIRE_MODULE)
		return kind == WIRE_BLOB_PUT || kind == WIRE_BLOB_DROP;
	return kind != WIRE_BECOME && kind != WIRE_COPY_SELF && kind != WIRE_PRUNE_HELPERS &&
	       kind != WIRE_ROOT_OPEN && kind != WIRE_MANIFEST_MAKE;
}

/* The parent of the root holds the root and nothing else: nobody got out. */
static void expect_confined(void)
{
	autofree char *parent = path_dirname(root_path());

	path_remove_tree(root_path(), NULL);
	if (rmdir(parent) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node n;
	struct err err = {0};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	uint32_t id = 2;

	node_init(&n, null, null);
	open_root(&n);
	while (size >= 4) {
		size_t len = (size_t)(data[2] | data[3] << 8) % FRAME_PAYLOAD_MAX;
		len = len < size - 4 ? len : size - 4;
		/* DATA belongs to the request before it. */
		struct frame f = {.id = data[0] == WIRE_DATA ? id - 1 : id++,
			.kind = data[0],
			.flags = data[1],
			.data = data + 4,
			.len = len};
		if (is_harmless(f.kind) && node_dispatch(&n, &f, &err) < 0)
			break;
		data += 4 + len;
		size -= 4 + len;
	}
	node_release(&n);
	close(null);
	expect_confined();
	return 0;
}
