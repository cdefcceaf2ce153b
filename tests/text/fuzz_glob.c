/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern on the first line, a path on the rest. What stands for itself matches itself.
 */
#include "base/str.h"
#include "text/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *newline = size ? memchr(text, '\n', size) : NULL;
	struct err err = {0};

	if (!newline || size > 4000)
		return 0;
	autofree char *pattern = xstrndup(text, (size_t)(newline - text));
	autofree char *path = xstrndup(newline + 1, size - (size_t)(newline + 1 - text));
	glob_match(pattern, path);
	if (!glob_is_pattern(path) && !glob_match(path, path))
		abort();
	if (glob_path_check(pattern, &err) == 0)
		glob_path_match(pattern, path, false);
	else if (err.code != ERR_INPUT)
		abort();
	return 0;
}
