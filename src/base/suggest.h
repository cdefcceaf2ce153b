/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean ...?": the candidate that a misspelt word is nearest to, by the edit distance
 * that counts an exchange of two neighbours as one (optimal string alignment).
 */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* Words longer than this are compared by equality only. */
#define SUGGEST_WORD_MAX 128

struct suggestion {
	const char *word;  /* the best candidate so far, NULL when none is near enough */
	unsigned distance; /* of that candidate */
};

/* Insertions, deletions, changes and exchanges of neighbours from a to b, case ignored. */
unsigned edit_distance(const char *a, const char *b);
/*
 * Weighs one more candidate. Near enough is a distance of at most a third of the typed word's
 * length, rounded up. Among equally near candidates the first stays. Start with {0}.
 */
void suggest_add(struct suggestion *s, const char *typed, const char *candidate);

#endif
