/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell-like patterns: for names as Python's fnmatch has them (inventory patterns), and for
 * paths below a version directory (initial_only, exclude).
 *
 * In both, `?` is one character, `*` any number, `[a-z]` one of a set, `[!a-z]` one not in it,
 * and there is no escape: `[*]` is a star. Characters are UTF-8; a byte that is not part of
 * valid UTF-8 counts as one character. Matching takes at most pattern times text steps.
 */
#ifndef TEXT_GLOB_H
#define TEXT_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define GLOB_MAX_PATTERN 4096 /* bytes of a path pattern */

/* True if text matches as fnmatch.fnmatchcase(text, pattern) says. `*` crosses slashes. */
bool glob_match(const char *pattern, const char *text);
/* The same over bytes that no NUL ends. */
bool glob_match_n(const char *pattern, size_t pattern_len, const char *text, size_t len);
/* True if s has a character that is special in a pattern: one of * ? [ */
bool glob_is_pattern(const char *s);

/* True if every [ of a pattern of n bytes is closed; without its ] it stands for itself. */
bool glob_sets_closed(const char *pattern, size_t n);

/*
 * True if a path pattern covers a path (relative, without "." and ".." components):
 *
 *   - `*`, `?` and sets never match a slash;
 *   - a component `**` matches any number of components, none too; at the end of the
 *     pattern at least one: `a/` + `**` covers what is in a, and not a itself;
 *   - a pattern without a slash is matched against the last component, at any depth: `*.log`;
 *   - a pattern with one is matched against the whole path from the version's root; a leading
 *     slash only anchors: `/labels.txt`;
 *   - a pattern that covers a directory covers all below it: `cache` or `cache/` covers
 *     `cache/a/b`. With a trailing slash it covers only directories, so `path` itself needs
 *     `is_dir`.
 */
bool glob_path_match(const char *pattern, const char *path, bool is_dir);
/*
 * Checks a path pattern from a file: not empty, at most GLOB_MAX_PATTERN bytes, no empty, "."
 * or ".." component, `**` only as a whole component, every `[` closed. -1 with ERR_INPUT.
 */
int glob_path_check(const char *pattern, struct err *err);

#endif
