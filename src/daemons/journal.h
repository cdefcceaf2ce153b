/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's log, on standard error: lines for people and the journal, or JSON. */
#ifndef DAEMONS_JOURNAL_H
#define DAEMONS_JOURNAL_H

#include <stdbool.h>

/* Sets the log up: errors to information, with priorities where systemd's journal reads. */
void journal_setup(bool json);
/* The same with lines for people that begin "[INFO] ", where no journal reads. */
void journal_setup_brackets(bool json);

#endif
