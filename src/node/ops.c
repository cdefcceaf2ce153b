/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request.h"

#define SMALL 8192 /* enough for any request without content: two paths and numbers */

static const struct op ops[] = {
	{WIRE_HELLO, OP_ANYWHERE, 0, 0, .handle = op_hello},
	{WIRE_PING, OP_ANYWHERE, 0, 0, .handle = op_ping},
	{WIRE_ECHO, OP_ANYWHERE, 0, FRAME_PAYLOAD_MAX, .handle = op_echo},
	{WIRE_BECOME, OP_ANYWHERE, 0, FRAME_PAYLOAD_MAX, .handle = op_become},
	{WIRE_COPY_SELF, OP_ANYWHERE, 0, SMALL, .handle = op_copy_self},
	{WIRE_PRUNE_HELPERS, OP_ANYWHERE, 0, SMALL, .handle = op_prune_helpers},
	{WIRE_ROOT_OPEN, OP_ANYWHERE, 0, SMALL, .handle = op_root_open},
	{WIRE_ROOT_CLOSE, OP_ROOT_READ, 0, SMALL, .handle = op_root_close},
	{WIRE_DISK, OP_ROOT_READ, 0, SMALL, .handle = op_disk},
};

const struct op *op_find(uint8_t kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].kind == kind)
			return &ops[i];
	}
	return NULL;
}
