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
	{WIRE_LIST, OP_ROOT_READ, 0, SMALL, .handle = op_list},
	{WIRE_LINKED, OP_ROOT_READ, 0, SMALL, .handle = op_linked},
	{WIRE_VERSION_USAGE, OP_ROOT_READ, 0, SMALL, .handle = op_version_usage},
	{WIRE_VERSION_CHECK, OP_ROOT_READ, FRAME_CHECK, SMALL, .handle = op_version_check},
	{WIRE_VERSION_BEGIN, OP_ROOT_WRITE, FRAME_CHECK, SMALL, .handle = op_begin,
		.piece = op_begin_piece, .end = op_begin_end, .lose = op_begin_lose},
	{WIRE_FILE_PUT, OP_STAGE, FRAME_LAST, FRAME_PAYLOAD_MAX, .handle = op_put,
		.piece = op_put_piece, .end = op_put_end, .lose = op_put_lose},
	{WIRE_VERSION_COMMIT, OP_STAGE, 0, SMALL, .handle = op_commit},
	{WIRE_VERSION_ABORT, OP_STAGE, 0, SMALL, .handle = op_abort},
	{WIRE_VERSION_REMOVE, OP_ROOT_WRITE, 0, SMALL, .handle = op_version_remove},
	{WIRE_EXTRA_REMOVE, OP_ROOT_WRITE, 0, SMALL, .handle = op_extra_remove},
	{WIRE_STAGING_REMOVE, OP_ROOT_WRITE, 0, SMALL, .handle = op_staging_remove},
	{WIRE_TRASH_EMPTY, OP_ROOT_WRITE, 0, SMALL, .handle = op_trash_empty},
	{WIRE_NOTE_READ, OP_ROOT_READ, 0, SMALL, .handle = op_note_read},
	{WIRE_NOTE_WRITE, OP_ROOT_WRITE, 0, SMALL, .handle = op_note_write,
		.piece = op_note_write_piece, .end = op_note_write_end,
		.lose = op_note_write_lose},
	{WIRE_SIGNATURE, OP_ROOT_READ, 0, SMALL, .handle = op_signature},
	{WIRE_MANIFEST_MAKE, OP_ROOT_READ, 0, SMALL, .handle = op_manifest_make},
	{WIRE_FILE_READ, OP_ROOT_READ, 0, SMALL, .handle = op_file_read},
	{WIRE_MANIFEST_REHASH, OP_ROOT_READ, 0, SMALL, .handle = op_manifest_rehash},
	{WIRE_MODULE, OP_ANYWHERE, FRAME_CHECK | FRAME_DIFF, SMALL, .handle = op_module,
		.piece = op_module_piece, .end = op_module_end, .lose = op_module_lose},
	{WIRE_BLOB_PUT, OP_ANYWHERE, 0, SMALL, .handle = op_blob_put,
		.piece = op_blob_put_piece, .end = op_blob_put_end, .lose = op_blob_put_lose},
	{WIRE_BLOB_DROP, OP_ANYWHERE, 0, SMALL, .handle = op_blob_drop},
	{WIRE_TUNNEL_OPEN, OP_ANYWHERE, 0, SMALL, .handle = op_tunnel_open},
	{WIRE_TUNNEL_EXCHANGE, OP_ANYWHERE, 0, FRAME_PAYLOAD_MAX, .handle = op_tunnel_exchange},
	{WIRE_TUNNEL_CLOSE, OP_ANYWHERE, 0, SMALL, .handle = op_tunnel_close},
	{WIRE_TRANSACTION_BEGIN, OP_ANYWHERE, 0, SMALL, .handle = op_transaction_begin},
	{WIRE_TRANSACTION_CONFIRM, OP_ANYWHERE, 0, SMALL, .handle = op_transaction_confirm},
	{WIRE_TRANSACTION_UNDO, OP_ANYWHERE, 0, SMALL, .handle = op_transaction_undo},
	{WIRE_TRANSACTION_LIST, OP_ANYWHERE, 0, SMALL, .handle = op_transaction_list},
};

const struct op *op_find(uint8_t kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].kind == kind)
			return &ops[i];
	}
	return NULL;
}
