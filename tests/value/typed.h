/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text that tells kinds apart, the same from C and from tests/value/expect.py.
 */
#ifndef TESTS_VALUE_TYPED_H
#define TESTS_VALUE_TYPED_H

#include "base/str.h"
#include "value/value.h"

/* Appends a value: null, true, i:1, f:1.5, s:"x", b:68656c, d:2026-01-02, t:..., v:"...", [],
 * (), {}. */
void typed_add(struct strbuf *out, const struct value *v);
/* Appends a text as a value of kind s is appended. */
void typed_add_text(struct strbuf *out, const struct strbuf *text);

#endif
