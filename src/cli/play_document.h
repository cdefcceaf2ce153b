/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as one JSON document, printed at the end of each playbook: the shape of Ansible's
 * output "json". It differs in that tasks of `meta` have no entry, results have no
 * `invocation`, and `taken_back` says which hosts went back, where any did. Internal to cli/.
 */
#ifndef CLI_PLAY_DOCUMENT_H
#define CLI_PLAY_DOCUMENT_H

#include "cli/show.h"

extern const struct show_words play_words_document;

#endif
