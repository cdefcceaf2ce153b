/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs as JSON events, one a line. docs/reference/events.md describes each kind. What a deploy
 * adds (store, models, what became of each model) stands in deploy_json.c. Internal to cli/.
 */
#ifndef CLI_PLAY_JSON_H
#define CLI_PLAY_JSON_H

#include "cli/show.h"

extern const struct show_words play_words_json;

/* Begins an event of a kind. */
void json_event_begin(struct strbuf *out, const char *kind);
/* Ends it. */
void json_event_end(struct strbuf *out);
/* Appends a member; NULL is null. */
void json_event_text(struct strbuf *out, const char *key, const char *text);
/* Appends an error with its code, text and remedy. */
void json_event_error(struct strbuf *out, const char *key, const struct err *err);
/* Appends the event of what became of a model on a host (deploy_json.c). */
void json_event_model(struct strbuf *out, const char *host, const struct sync_result *r);
/* Appends the names of the run's hosts. */
void json_event_hosts(struct strbuf *out, const struct show *s);
/* Appends the numbers of hosts in each state. */
void json_event_states(struct strbuf *out, const struct show_totals *t);

/* Appends what an event says, but for the end of a host. */
void play_json_event(struct show *s, const struct run_event *e, struct strbuf *out);
/* Appends the end of a host. */
void play_json_host_end(struct show *s, const struct run_host *h, struct strbuf *out);

#endif
