/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser accepts exactly what the writer writes: an accepted text comes out the same.
 * The digest is set right first, so that the fuzzer gets behind it.
 */
#include "tree/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const uint8_t *data, size_t size)
{
	struct strbuf out = STRBUF_INIT;
	struct manifest m;

	if (manifest_parse(&m, data, size, NULL) < 0)
		return;
	manifest_write(&m, &out);
	if (out.len != size || memcmp(out.data, data, size) != 0)
		abort();
	strbuf_release(&out);
	manifest_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	expect_same(data, size);
	/* The same text with every digest tried that an error may mean is too dear: entries
	 * are added by hand instead, path and target taken from the input. */
	struct manifest m = {0};
	const uint8_t *end = data + size;
	for (const uint8_t *p = data; p < end;) {
		const uint8_t *stop = memchr(p, 0, (size_t)(end - p));
		if (!stop)
			break;
		unsigned kind = *p % 3;
		manifest_add(
			&m, &(struct manifest_entry){.kind = (uint8_t)kind,
				    .path = (const char *)p + (*p != 0),
				    .target = kind == MANIFEST_LINK ? (const char *)p : NULL,
				    .mode = 0644});
		p = stop + 1;
	}
	if (manifest_finish(&m, NULL) == 0) {
		struct strbuf text = STRBUF_INIT;
		struct manifest again;
		manifest_write(&m, &text);
		if (text.len <= MANIFEST_BYTES_MAX &&
			manifest_parse(&again, text.data, text.len, NULL) < 0)
			abort();
		expect_same((const uint8_t *)text.data, text.len);
		if (text.len <= MANIFEST_BYTES_MAX)
			manifest_release(&again);
		strbuf_release(&text);
	}
	manifest_release(&m);
	return 0;
}
