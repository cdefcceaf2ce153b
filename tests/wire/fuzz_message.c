/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reader of fields over arbitrary payloads; the first byte chooses it. What was read
 * is written again and must give the same bytes.
 */
#include "wire/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROUND_TRIP(name, type)                                                                 \
	static void try_##name(const struct frame *f, struct msg_writer *w)                    \
	{                                                                                      \
		struct type value;                                                             \
		if (wire_get_##name(f, &value, NULL) == 0)                                     \
			wire_put_##name(w, &value);                                            \
		else                                                                           \
			w->overflow = true;                                                    \
	}

ROUND_TRIP(progress, wire_progress)
ROUND_TRIP(hello, wire_hello)
ROUND_TRIP(become, wire_become)
ROUND_TRIP(root_open, wire_root_open)
ROUND_TRIP(disk, wire_disk)
ROUND_TRIP(version_check, wire_version_check)
ROUND_TRIP(version_begin, wire_version_begin)
ROUND_TRIP(version_end, wire_version_end)
ROUND_TRIP(committed, wire_committed)
ROUND_TRIP(version_ref, wire_version_ref)
ROUND_TRIP(rehash, wire_rehash)
ROUND_TRIP(range, wire_range)
ROUND_TRIP(usage, wire_usage)
ROUND_TRIP(freed, wire_freed)
ROUND_TRIP(note, wire_note)
ROUND_TRIP(module, wire_module)
ROUND_TRIP(blob_put, wire_blob_put)
ROUND_TRIP(tunnel_open, wire_tunnel_open)
ROUND_TRIP(tunnel_exchange, wire_tunnel_exchange)

#define RECORDS(name, type)                                                                    \
	static void try_##name(const struct frame *f, struct msg_writer *w)                    \
	{                                                                                      \
		struct msg_reader r;                                                           \
		struct type value;                                                             \
		int more;                                                                      \
		msg_read(&r, f->data, f->len);                                                 \
		while ((more = wire_get_##name(&r, &value, NULL)) > 0)                         \
			wire_put_##name(w, &value);                                            \
		w->overflow |= more < 0;                                                       \
	}

RECORDS(drift, wire_drift)
RECORDS(plan, wire_plan)
RECORDS(list_item, wire_list_item)
RECORDS(linked, wire_linked)

typedef void (*try_reader)(const struct frame *f, struct msg_writer *w);
static const try_reader readers[] = {try_progress, try_hello, try_become, try_root_open,
	try_disk, try_version_check, try_version_begin, try_version_end, try_committed,
	try_version_ref, try_rehash, try_range, try_drift, try_plan, try_list_item, try_module,
	try_blob_put, try_tunnel_open, try_tunnel_exchange, try_usage, try_freed, try_note,
	try_linked};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer w;
	struct wire_error e;

	if (size == 0 || size - 1 > FRAME_PAYLOAD_MAX)
		return 0;
	struct frame f = {.data = data + 1, .len = size - 1};
	wire_get_error(&f, &e, NULL);
	msg_begin(&w, buffer, sizeof(buffer));
	readers[data[0] % ARRAY_SIZE(readers)](&f, &w);
	if (!w.overflow && (w.len != f.len || memcmp(buffer, f.data, f.len) != 0))
		abort();
	return 0;
}
