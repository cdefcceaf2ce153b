/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of playbooks as it is shown. Workers tell events; show_listen, on the thread that owns
 * the terminal, keeps what is known of each host and lets the run's words turn events into
 * text: Ansible's lines, a deploy's lines, or JSON. The text goes out as it is, or, on a
 * terminal, above a block of lines that tells of the hosts in work. Internal to cli/.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "base/str.h"
#include "cli/cli.h"
#include "play/run.h"

/* What is known of a host, beside what the run itself keeps. */
struct shown_host {
	int64_t started_ns;       /* of its first play; 0: not begun */
	int64_t ended_ns;         /* of the last play that it ended */
	const char *phase;        /* a string constant; NULL before the first */
	const char *failed_phase; /* the one that it failed in; NULL while it did not */
	const char *task;         /* the title of the task it works on; owned */
	char *item_error;         /* why an item of its task failed; NULL: none did */
	bool in_work;             /* in a play now */
	unsigned plays;           /* that it still has to do */
	bool done;                /* with the whole run */
	bool told;                /* the words have said what became of it */
	bool reported;            /* the registry was told that, too */
};

/* What became of a host in words that scripts may rely on; see show_state_name. */
enum show_state {
	SHOW_NOT_RUN, /* its turn did not come */
	SHOW_UNCHANGED,
	SHOW_CHANGED,
	SHOW_DRIFTED,
	SHOW_FAILED,
	SHOW_UNREACHABLE,
	SHOW_ROLLED_BACK, /* failed, and was taken back */
	SHOW_INTERRUPTED,
	SHOW_STATES
};

/* How results are written within the text of a run. */
enum show_results {
	RESULTS_JSON,
	RESULTS_YAML,  /* callback_result_format = yaml */
	RESULTS_HEADED /* stdout_callback = yaml: "changed=false", then YAML */
};

struct show;

/* The text of a run. Each function appends to `out` what is to be printed, if anything. */
struct show_words {
	void (*begin)(struct show *s, struct strbuf *out);
	/* Around each playbook of the run; may be NULL. */
	void (*book_begin)(struct show *s, struct strbuf *out);
	void (*book_end)(struct show *s, const char *note, struct strbuf *out);
	void (*event)(struct show *s, const struct run_event *e, struct strbuf *out);
	void (*end)(struct show *s, int exit_code, struct strbuf *out);
	/* Frees `data`; may be NULL. Also called where the run never began. */
	void (*release)(struct show *s);
};

struct show {
	struct run *run;
	struct tell *tell; /* who tells a registry of the run; NULL: nobody (tell.h) */
	const struct show_words *words;
	void *data;     /* the words' own */
	bool live;      /* a block of hosts in work below the text */
	bool parked;    /* a person is asked: there is no block meanwhile */
	unsigned drawn; /* how many lines of the terminal the block takes now */
	int verbosity;
	bool hides_skipped, hides_ok; /* Ansible's settings display_*_hosts are off */
	bool hides_deprecations;      /* deprecation_warnings is off */
	bool tells_stats;             /* show_custom_stats */
	bool pretty, plain;           /* callback_format_pretty says yes, or no */
	enum show_results results;
	unsigned document_indent; /* json_indent: of the document that is the run's text */
	bool failures_apart;      /* display_failed_stderr */
	bool paths_of_failures;   /* show_task_path_on_failure */
	struct strbuf *apart;     /* where failures are told at present; NULL: as the rest */
	struct strlist asides;    /* lines that were told, none of them again */
	bool marks_check;         /* a check says so in its headings */
	bool unreachable_first;   /* of two exit codes the one of a host out of reach counts */
	const char *run_id;       /* of the journal; NULL: none */
	const struct cancel *cancel;
	int64_t started_ns;
	struct shown_host *hosts; /* as run->hosts, and as much room */
	size_t count;
};

/* How many hosts the run may come to have. */
size_t show_room(const struct show *s);
/* Makes what is known of the hosts of s->run: nothing yet. */
void show_init(struct show *s);
/* Begins to show the run. */
void show_begin(struct show *s);
/* Says that the playbook s->run->playbook begins. */
void show_book_begin(struct show *s);
/* Says that it has ended; `note` is text of whole lines that stands in front, or "". */
void show_book_end(struct show *s, const char *note);
/* Says how the run ended. */
void show_end(struct show *s, int exit_code);
/* Frees what it holds; also one that never began. */
void show_release(struct show *s);
/* A run_listener whose data is a struct show. */
void show_listen(void *show, const struct run_event *e);
/*
 * A line beside the run's text, the first time that it comes; where it does not tear the live
 * display: on standard error, else above the block.
 */
void show_aside(struct show *s, const char *line, struct strbuf *out);
/* A warning as such a line. */
void show_warn(struct show *s, const char *text, struct strbuf *out);

/* True if an event ends its host's part in the whole run, and its outcome will not change. */
bool show_ends_host(const struct show *s, const struct run_event *e);
/* What is known of a host of the run. */
struct shown_host *show_host(const struct show *s, const struct run_host *h);
/* What became of a host so far. */
enum show_state show_state(const struct show *s, const struct run_host *h);
/* The word for a state in events: "unchanged", "rolled_back" ... */
const char *show_state_name(enum show_state state);
/* True if a step (NULL: none) is a task of this module. */
bool show_is_module(const struct step *s, const char *module);
/* Why a host failed, in words: of a loop, what its first item that failed says. */
const char *show_why(const struct show *s, const struct run_host *h);
/* Seconds that a host took. */
double show_seconds(const struct show *s, const struct run_host *h);

/* Counts over all hosts, for recaps. */
struct show_totals {
	unsigned states[SHOW_STATES];
	uint64_t bytes;       /* of models' files, on the links */
	uint64_t bytes_saved; /* not sent thanks to deltas, compression and reuse */
	double seconds;
};
/* Sums up the hosts. */
void show_sum(const struct show *s, struct show_totals *t);
/* The exit code of a run, by the gravest of its hosts. */
int show_exit_code(const struct show *s);
/* What became of a host that was taken back, in words: "went back, healthy again" ... */
const char *show_undo_text(enum undo_outcome undo);
/* What a person can do about an error, or NULL. */
const char *show_remedy(enum err_code code);

/*
 * Appends the errors of hosts that were not done, equal ones together with their hosts and a
 * remedy (show_errors.c).
 */
void show_errors(const struct show *s, struct strbuf *out);

/* Erases the block of hosts in work (show_live.c). */
void show_live_erase(struct show *s, struct strbuf *out);
/* Draws it again. */
void show_live_draw(struct show *s, struct strbuf *out);

#endif
