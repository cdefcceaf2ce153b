/* SPDX-License-Identifier: Apache-2.0 */
#include "base/object.h"

#include <ctype.h>
#include <string.h>

struct object_span object_strip(const char *start, const char *end)
{
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	return (struct object_span){start, end};
}

bool object_find(const char *text, size_t n, struct object_span *found)
{
	const char *end = text + n;

	*found = (struct object_span){0};
	for (const char *line = text, *next; line < end; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		next = stop ? stop + 1 : end;
		struct object_span s = object_strip(line, stop ? stop : end);
		if (s.start == s.end)
			continue;
		if (!found->start && *s.start == '{')
			found->start = s.start;
		if (found->start && s.end[-1] == '}')
			found->end = s.end;
	}
	return found->start && found->end;
}
