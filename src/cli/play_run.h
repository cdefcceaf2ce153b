/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Playbooks on an engine: what deploy-models and run-playbook share. Playbooks are read, their
 * hosts chosen, models resolved where a task syncs them, the store locked, the run written
 * into the journal; then the plays are run and shown. Internal to cli/.
 */
#ifndef CLI_PLAY_RUN_H
#define CLI_PLAY_RUN_H

#include "cli/engine.h"
#include "cli/show.h"
#include "play/playbook.h"
#include "play/run.h"
#include "registry/reports.h"

struct play_run {
	struct engine *engine;
	struct arena arena;
	const char *journal_name; /* "deploy" or "playbook" */
	struct playbook *books;
	size_t book_count;
	const char *models, *model_tags; /* which models; NULL: all */
	struct host_list hosts;          /* that some play may touch */
	unsigned *plays;                 /* of each of them, how many plays have it */
	bool syncs;                      /* a task syncs models */
	bool keeps_retries;              /* the settings may ask for files of failed hosts */
	bool needs_hosts;                /* where there are none, nothing is run */
	bool with_models_only;           /* hosts that have no models take no part */
	struct registry_site registry;   /* where it syncs */
	struct vars_view **views;        /* of the hosts, where it does not */
	struct content *content;
	struct reports reports; /* of all hosts, while the run goes on */
	bool reports_known;     /* they could be read, and are written */
	struct strlist
		*reports_added; /* by host of the run: models of which it got a version */
	const struct resolve_suppose *suppose; /* of a check; NULL: as the site says */
	const char *start_at;                  /* --start-at-task; NULL: at the first */
	struct play_places places;
	struct run_options options;
	struct run run;
	struct show show;
};

/* Makes a run with options as written in the playbooks. Released in every case. */
void play_run_init(struct play_run *p, struct engine *engine, const char *journal_name);
/* Frees all but the engine. */
void play_run_release(struct play_run *p);
/* Reads the playbooks; -1, its findings printed, when there are errors among them. */
int play_run_read(struct play_run *p, const struct strlist *paths);
/* The same for one playbook whose text is known. */
int play_run_read_text(struct play_run *p, const char *name, const char *text, size_t n);
/*
 * Takes the words of --tags, once the playbooks are read: tags of tasks select tasks. Where
 * models are synced, any other word is a model's name, and an error if there is no such model.
 */
void play_run_tag(struct play_run *p, const struct strlist *words);
/*
 * Finds the task to start at in the playbooks that were read; -1 with err when there is none of
 * that name.
 */
int play_run_start_at(struct play_run *p, struct err *err);
/*
 * Chooses the hosts: those of the plays' patterns that the limit leaves. -1 with err.
 */
int play_run_choose(struct play_run *p, struct err *err);
/* Of the hosts chosen keeps those that are named. */
void play_run_keep(struct play_run *p, const struct strlist *names);
/*
 * Finds out all that can be wrong without touching a host but the one that keeps the store:
 * the engine's options, connections, models, manifests. -1 with err, or without it when
 * findings that were printed say what is wrong.
 */
int play_run_prepare(struct play_run *p, struct err *err);
/* Locks, runs, writes the journal. The exit code, or -1 with err. */
int play_run_go(struct play_run *p, struct err *err);

/*
 * Notes in the store what the hosts may run from now on (play_reports.c). What goes wrong is
 * logged: it keeps no host from being deployed to.
 */
void play_reports_before(struct play_run *p);
/* Notes what they run once all is done. */
void play_reports_after(struct play_run *p);
/* Frees what the two above hold. */
void play_reports_release(struct play_run *p);

/* The hosts of one play (play_hosts.c); `out` is freed by the caller. */
int play_hosts(struct play_run *p, const struct play *play, struct host_list *out,
	struct diags *d, struct err *err);
/* The same, with all that it may choose once somebody has answered to its vars_prompt. */
int play_possible_hosts(struct play_run *p, const struct play *play, struct host_list *out,
	struct diags *d, struct err *err);
/* The pattern of a play as its hosts are chosen by, for people; new memory. NULL with err. */
char *play_pattern(struct play_run *p, const struct play *play, struct err *err);

/* A play's name, as written where it cannot be rendered; new memory. */
char *play_title(struct play_run *p, const struct play *play);

/* Appends every tag that a task of the playbook has, each once. */
void play_tags(const struct playbook *book, struct strlist *out);
/* Calls a function for each task of a list, those in blocks included, in their order. */
void play_walk(const struct steps *list, void (*visit)(void *data, const struct step *task),
	void *data);

#endif
