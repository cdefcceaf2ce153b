/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static int fold(char c)
{
	return tolower((unsigned char)c);
}

/* Three rows of the distance matrix are enough: this one, the last, and the one before. */
unsigned edit_distance(const char *a, const char *b)
{
	unsigned rows[3][SUGGEST_WORD_MAX + 1];
	size_t n = strlen(a);
	size_t m = strlen(b);

	if (n > SUGGEST_WORD_MAX || m > SUGGEST_WORD_MAX)
		return strcmp(a, b) == 0 ? 0 : UINT_MAX;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *last = rows[(i + 2) % 3];
		const unsigned *before = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned cost = fold(a[i - 1]) != fold(b[j - 1]);
			row[j] = min3(row[j - 1] + 1, last[j] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
				fold(a[i - 2]) == fold(b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return rows[n % 3][m];
}

void suggest_add(struct suggestion *s, const char *typed, const char *candidate)
{
	size_t n = strlen(typed), m = strlen(candidate), most = (n + 2) / 3;

	/* Words are no nearer than their lengths, which are cheaper to compare. */
	if ((n > m ? n - m : m - n) > most)
		return;
	unsigned distance = edit_distance(typed, candidate);
	if (distance > most)
		return;
	if (s->word && s->distance <= distance)
		return;
	s->word = candidate;
	s->distance = distance;
}
