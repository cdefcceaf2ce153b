/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling model-registryd what a run does, where the setting registry_url names one: JSON
 * events in batches, by a thread of its own. A run is never slowed down or failed by that: what
 * waits is bounded, a registry that does not answer is given up, and the end waits for
 * TELL_LAST seconds at most. What could not be told is one warning. Internal to cli/.
 */
#ifndef CLI_TELL_H
#define CLI_TELL_H

#include "cli/show.h"
#include "inventory/config.h"

#define TELL_WAITING (4u << 20)   /* bytes that may wait */
#define TELL_BATCH   (512u << 10) /* bytes of events that go together, */
#define TELL_EVENTS  500u         /* and how many */
#define TELL_PAUSE   0.2          /* seconds that events wait for others */
#define TELL_TRIES   3u
#define TELL_ANSWER  5.0  /* seconds that an answer may take */
#define TELL_LAST    5.0  /* seconds that the end waits */
#define TELL_ALIVE   30.0 /* seconds after which a silent rollout says that it lives */

struct tell;

/* What is told about; all may be NULL. The strings outlive it. */
struct tell_about {
	const char *rollout; /* its id; NULL: a look at hosts */
	const char *name;
};

/*
 * Begins; NULL where no service is set, or where it cannot be told, which is a warning. The
 * config outlives it.
 */
struct tell *tell_open(const struct config *config, const struct tell_about *about);
/* Adds lines, each a JSON object with its newline. NULL is fine: nobody is told. */
void tell_add(struct tell *tell, const struct strbuf *lines);
/* Tells what waits, warns if not all was told, and frees it. NULL is fine. */
void tell_close(struct tell *tell);

/* ---- runs (play_tell.c) ---- */

/* What a run is and which hosts it has; each of these does nothing where s->tell is NULL. */
void play_tell_begin(struct show *s);
/* How a host gets on, and what became of its models. */
void play_tell_event(struct show *s, const struct run_event *e);
/* How the run ended. */
void play_tell_end(struct show *s, int exit_code);

#endif
