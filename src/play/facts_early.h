/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAY_FACTS_EARLY_H
#define PLAY_FACTS_EARLY_H

#include <stdbool.h>

/* True if something beside a playbook may ask for the facts of other hosts. */
bool facts_may_be_read_by_others(const char *playbook);

#endif
