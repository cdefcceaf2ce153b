/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions on the terminal. In a pause each key is read by itself: Ctrl+C does not end the
 * program then, but asks whether the play is to go on. Keys that were pressed before the pause
 * are thrown away.
 */
#include "cli/play_ask.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/site.h"

#define ANSWER_MAX   4096
#define KEEP_SECONDS 1
#define CLEAR_LINE   "\r\033[K"
#define INTERRUPT    0x03
#define BACKSPACE    0x08
#define DELETE       0x7f

static bool is_interactive(void)
{
	return isatty(STDIN_FILENO) && getpgrp() == tcgetpgrp(STDIN_FILENO);
}

static void print(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

/* ---- a question ---- */

static int ask(void *data, const struct run_question *q, struct strbuf *answer, struct err *err)
{
	char line[ANSWER_MAX];

	(void)data;
	if (!isatty(STDIN_FILENO))
		return 0;
	if (q->hidden)
		return site_prompt(NULL, q->text, answer, err) < 0 ? -1 : 1;
	print(q->text);
	print(": ");
	if (!fgets(line, sizeof(line), stdin))
		return errno == EINTR ? err_set(err, ERR_CANCELLED, "interrupted")
				      : err_set(err, ERR_INPUT, "%s: no answer", q->text);
	strbuf_add(answer, line, strcspn(line, "\n"));
	return 1;
}

/* ---- a pause ---- */

/* A pause under way. */
struct waiting {
	const struct run_pause *pause;
	struct strbuf *input;
	bool shows; /* what is typed stands on the terminal */
	deadline until;
	struct termios keys; /* of the terminal as it was */
};

/* The next key. 1, 0 when the time is over or the terminal is gone, -1 with err. */
static int read_key(struct waiting *w, unsigned char *key, struct err *err)
{
	for (;;) {
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		deadline next = deadline_min(w->until, deadline_in(KEEP_SECONDS));
		int ready = poll(&p, 1, deadline_poll_ms(next));
		if (ready > 0)
			return read(STDIN_FILENO, key, 1) == 1;
		if (w->pause->keep(w->pause->data, err) < 0)
			return -1;
		if (deadline_passed(w->until))
			return 0;
	}
}

/* After Ctrl+C: 0 to go on, -1 with err to end the play. */
static int ask_how_to_go_on(struct waiting *w, struct err *err)
{
	unsigned char key = 0;

	print(CLEAR_LINE);
	w->until = DEADLINE_NEVER;
	w->pause->say(w->pause->data, "Press 'C' to continue the play or 'A' to abort \r");
	while (tolower(key) != 'c' && tolower(key) != 'a') {
		int got = read_key(w, &key, err);
		if (got <= 0)
			return got < 0 ? -1 : err_set(err, ERR_INPUT, "user requested abort!");
	}
	print(CLEAR_LINE);
	return tolower(key) == 'c' ? 0 : err_set(err, ERR_INPUT, "user requested abort!");
}

/* Takes the last character away, of however many bytes. */
static void take_back(struct waiting *w)
{
	size_t n = w->input->len;

	while (n > 0 && ((unsigned char)w->input->data[n - 1] & 0xc0) == 0x80)
		n--;
	strbuf_truncate(w->input, n > 0 ? n - 1 : 0);
	print(CLEAR_LINE);
	if (w->shows)
		print(w->input->data);
}

/* 1 when the pause is over, 0 to read on, -1 with err. */
static int take_key(struct waiting *w, unsigned char key, struct err *err)
{
	if (key == INTERRUPT)
		return ask_how_to_go_on(w, err) < 0 ? -1 : 1;
	if (w->pause->seconds >= 0)
		return 0;
	if (key == '\r' || key == '\n') {
		print(CLEAR_LINE);
		return 1;
	}
	if (key == BACKSPACE || key == DELETE)
		take_back(w);
	else if (w->input->len < ANSWER_MAX)
		strbuf_addch(w->input, (char)key);
	return 0;
}

static int read_keys(struct waiting *w, struct err *err)
{
	unsigned char key;
	int over = 0;

	while (over == 0) {
		int got = read_key(w, &key, err);
		if (got <= 0)
			return got;
		over = take_key(w, key, err);
	}
	return over < 0 ? -1 : 0;
}

/* Single keys, Ctrl+C as one of them; output stays as it is. */
static void take_terminal(struct waiting *w)
{
	struct termios raw = w->keys;

	raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
	if (w->shows)
		raw.c_lflag |= ECHO;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
}

static int pause_for(
	void *data, const struct run_pause *q, struct strbuf *input, struct err *err)
{
	struct play_ask *a = data;
	struct waiting w = {.pause = q, .input = input, .shows = q->echo && q->seconds < 0};

	if (!is_interactive() || tcgetattr(STDIN_FILENO, &w.keys) < 0)
		return 0;
	pthread_mutex_lock(&a->lock);
	take_terminal(&w);
	q->begin(q->data);
	w.until = q->seconds < 0 ? DEADLINE_NEVER : deadline_in(q->seconds);
	int result = read_keys(&w, err);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &w.keys);
	pthread_mutex_unlock(&a->lock);
	return result < 0 ? -1 : 1;
}

void play_ask_init(struct play_ask *a)
{
	*a = (struct play_ask){.person = {.ask = ask, .pause = pause_for, .data = a},
		.lock = PTHREAD_MUTEX_INITIALIZER};
}

void play_ask_release(struct play_ask *a)
{
	pthread_mutex_destroy(&a->lock);
}
