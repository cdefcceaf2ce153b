/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How templates are written: the ready-made syntaxes, and the "#jinja2:" line that changes one.
 */
#ifndef TEMPLATE_SYNTAX_H
#define TEMPLATE_SYNTAX_H

#include "template/lexer.h"

/*
 * If the source begins with "#jinja2:", takes that line off the input and returns a syntax
 * with its options; otherwise the given one. NULL with err when an option is wrong.
 */
const struct template_syntax *syntax_header(struct arena *arena, struct lexer_input *in,
	const struct template_syntax *syntax, struct err *err);

#endif
