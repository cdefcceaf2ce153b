/* SPDX-License-Identifier: Apache-2.0 */
/* Ansible's settings about runs and what is shown of them. Internal to cli/. */
#ifndef CLI_PLAY_SETTINGS_H
#define CLI_PLAY_SETTINGS_H

#include "cli/play_run.h"

/* Sets what the settings say of a run and its output, once the site is loaded. */
void play_settings_apply(struct play_run *p);
/*
 * Sets the output that stdout_callback names, after play_settings_apply; a warning and the
 * usual one where there is none.
 */
void play_settings_words(const struct config *config, struct show *s);
/* With -v, the line that says which ansible.cfg is used. */
void play_settings_tell(const struct engine *e);
/*
 * Where the settings ask for it, writes the hosts that failed a playbook into a file, and a
 * line that says so into `note` (play_retry.c). A failure is a warning.
 */
void play_retry_write(const struct play_run *p, const char *playbook, struct strbuf *note);

#endif
