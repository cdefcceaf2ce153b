/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences of texts, for --diff: the `diff` of a result, and the unified form that people
 * read.
 *
 * The algorithm is the linear-space form of Myers, "An O(ND) Difference Algorithm and Its
 * Variations" (Algorithmica 1, 1986, section 4b): a shortest edit script, found by searching
 * from both ends for the middle of its path. A search that would cost too much is ended, and
 * the parts are shown as replaced.
 *
 * The form of the text is that of diff -u, with Ansible's headers: "--- before: PATH".
 */
#ifndef PLAY_DIFF_H
#define PLAY_DIFF_H

#include "base/str.h"
#include "value/value.h"

/* Contents larger than this are not compared (Ansible's max_file_size_for_diff). */
#define DIFF_CONTENT_MAX 104448u
#define DIFF_CONTEXT     3u

/* One side of a difference of files. An all-zero one is a file that is not there. */
struct diff_side {
	const char *header; /* a path; NULL: none is shown */
	const char *data;   /* NULL: not there */
	size_t len;
	bool larger; /* than DIFF_CONTENT_MAX: data is not looked at */
};

/*
 * The `diff` of a result, for two contents of a file: `before`, `after` with their headers, or
 * src_binary, dst_binary, src_larger, dst_larger where a side cannot be shown. The texts are
 * unsafe.
 */
const struct value *diff_of_contents(
	struct arena *arena, const struct diff_side *before, const struct diff_side *after);
/*
 * Appends what --diff shows for a `diff`: a mapping or a list of mappings, whose `before` and
 * `after` are texts or mappings (shown as JSON). Nothing when nothing differs.
 */
void diff_format(const struct value *diff, struct strbuf *out);
/* Appends the unified difference of two texts under headers; false when they are equal. */
bool diff_unified(const char *before_header, const char *before, size_t before_len,
	const char *after_header, const char *after, size_t after_len, struct strbuf *out);

#endif
