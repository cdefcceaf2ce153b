/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a folder of corpus files: NAME.KIND with the frozen answer NAME.KIND.expected, and
 * asks the live oracle (expect.py) about all of them at once where it can run.
 */
#ifndef TESTS_VALUE_CORPUS_H
#define TESTS_VALUE_CORPUS_H

#include "base/str.h"

/* Appends the answer of our reader for a text: typed text, or "error". */
typedef void (*corpus_answer)(const char *text, size_t len, struct strbuf *out);

/* Compares every file of corpus/KIND with its frozen answer; fails the test with a list. */
void corpus_check_frozen(const char *kind, corpus_answer answer);
/* Compares every file with what the oracle says now; skips the test without python3-yaml. */
void corpus_check_live(const char *kind, corpus_answer answer);

#endif
