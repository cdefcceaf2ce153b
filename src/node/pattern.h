/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of file names with * ? [abc] [a-z] [!abc], as Python's glob and fnmatch take them:
 * no escapes, a slash is never matched, and a name that begins with a dot only by a pattern
 * that does. (The C library's own bring the user database into a static program.)
 */
#ifndef NODE_PATTERN_H
#define NODE_PATTERN_H

#include <stdbool.h>

/* True if one name (no slash in it) matches; the dot has no special meaning here. */
bool pattern_match(const char *pattern, const char *name);
/* True if a path with patterns in any of its components names something. */
bool pattern_exists(const char *pattern);

#endif
