/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run-playbook says on a pipe and on a terminal: the lines of ansible-playbook's default
 * output, so that scripts that read them go on working.
 *
 * Theory of operation. Ansible takes all hosts through a task before the next one begins; our
 * hosts run free of each other. So the lines are put in order here. Every task has a key: its
 * section of the play (pre_tasks, their handlers, tasks, ...) and its number. Every host of the
 * batch has a position, the key of the task it works on. What has come for keys that all hosts
 * have reached is printed; lines for later keys are held back as text. A batch that is over
 * prints what is left. Internal to cli/.
 */
#ifndef CLI_PLAY_TEXT_H
#define CLI_PLAY_TEXT_H

#include "cli/show.h"

/* The `data` of play_words_minimal and play_words_oneline; the caller's. */
struct play_lines {
	const char *tree; /* a directory that keeps each host's result; NULL: none */
};

/* Colours of Ansible's output. */
#define PLAY_OK          "0;32"
#define PLAY_CHANGED     "0;33"
#define PLAY_SKIPPED     "0;36"
#define PLAY_FAILED      "0;31"
#define PLAY_UNREACHABLE "1;31"
#define PLAY_DEBUG       "1;30"
#define PLAY_WARNING     "1;35"

extern const struct show_words play_words_text;
/* The same order, but results alone: Ansible's outputs "minimal" and "oneline". */
extern const struct show_words play_words_text_minimal, play_words_text_oneline;
/* Results in the order in which hosts end, as `ansible` and `ansible -o` print them. */
extern const struct show_words play_words_minimal, play_words_oneline;

/* How play_dump writes. All zero is what the default output has on one line. */
struct play_dump_options {
	bool indent;   /* a line for each member */
	bool one_line; /* those lines joined: what `ansible -o` prints */
	bool results;  /* of a loop its items' results, too */
	bool debug;    /* only what a debug task is to say */
	bool json;     /* whatever the settings say of results */
};
/* Appends an event's result as JSON, without what is told in another way (play_dump.c). */
void play_dump(const struct show *s, const struct run_event *e,
	const struct play_dump_options *o, struct strbuf *out);
/* Appends what is shown of a result as YAML, as s->results says (play_dump_yaml.c). */
void play_dump_yaml(const struct show *s, const struct value *result, struct strbuf *out);
/* Appends what --diff shows for the `diff` of a result, mappings as results are written. */
void play_dump_diff(const struct show *s, const struct value *diff, struct strbuf *out);
/* Whether any task of the run had an outcome on a host (play_recap.c). */
bool play_did_anything(const struct run_host *h);
/* Tells what a result warns of, each thing once a run (play_warnings.c). */
void play_warnings(struct show *s, const struct value *result, struct strbuf *out);
/* True if the event is of a loop whose items have results. */
bool play_is_loop(const struct run_event *e);

/* Appends what became of an attempt, an item or a task on a host (play_result.c). */
void play_result(struct show *s, const struct run_event *e, struct strbuf *out);
/* The same in the words of "minimal": nothing but what became of a task (play_lines.c). */
void play_line_minimal(struct show *s, const struct run_event *e, struct strbuf *out);
/* The same on one line. */
void play_line_oneline(struct show *s, const struct run_event *e, struct strbuf *out);
/* Appends where a task is written. */
void play_task_path(const struct step *task, struct strbuf *out);
/* Appends a heading: an empty line, the text, and stars up to the width of the output. */
void play_banner(const char *text, struct strbuf *out);
/* Appends the recap: a line with counts for each host that did anything (play_recap.c). */
void play_recap(const struct show *s, struct strbuf *out);

#endif
