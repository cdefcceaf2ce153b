/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of single scalars, for the editor and the emitter. Private to value/.
 */
#ifndef VALUE_YAML_TEXT_H
#define VALUE_YAML_TEXT_H

#include "base/str.h"
#include "value/value.h"

enum yaml_quotes { YAML_QUOTES_NONE, YAML_QUOTES_SINGLE, YAML_QUOTES_DOUBLE };

/* Appends a float as PyYAML does: 1.0e+16, .inf, -.inf, .nan. */
void yaml_add_float(struct strbuf *out, double d);
/*
 * Appends a scalar on one line, so that it is read back as it is. A STRING or DATE takes the
 * quotes wished for, if they can hold it; other kinds are plain. False for what is no scalar.
 */
bool yaml_add_scalar(struct strbuf *out, const struct value *v, enum yaml_quotes wish);

#endif
