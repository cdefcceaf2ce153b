/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Argument specs as meta/argument_specs.yml of a role has them, in Ansible's format: a mapping
 * of names to what an argument must be (type, elements, required, default, choices, aliases,
 * options).
 */
#ifndef PLAY_ARGUMENT_SPEC_H
#define PLAY_ARGUMENT_SPEC_H

#include "value/value.h"

/*
 * Compares arguments with a spec. Returns a list of texts in Ansible's words, one for each
 * thing that is wrong, made in the arena; empty when all is well.
 */
struct value *argument_spec_check(
	struct arena *arena, const struct value *spec, const struct value *given);

#endif
