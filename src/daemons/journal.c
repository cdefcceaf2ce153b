/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

static const char *const names[] = {"error", "warning", "info", "debug", "trace"};
/* As syslog(3) has them. */
static const int priorities[] = {3, 4, 6, 7, 7};

static void write_json(enum log_level level, const char *line)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	char now[32];

	clock_rfc3339(time(NULL), now);
	strbuf_addf(
		&out, "{\"time\": \"%s\", \"level\": \"%s\", \"message\": ", now, names[level]);
	strbuf_addjson(&out, line, strlen(line));
	fprintf(stderr, "%s}\n", out.data);
}

/* One line, whatever a server has put into it: a line of its own making could look like ours.
 */
static void write_line(const char *prefix, const char *line)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (; *line; line++) {
		unsigned char c = (unsigned char)*line;
		if (c < ' ' || c == 0x7f)
			strbuf_addf(&out, "\\x%02x", c);
		else
			strbuf_addch(&out, *line);
	}
	fprintf(stderr, "%s%s\n", prefix, out.len ? out.data : "");
}

static void write_journal(enum log_level level, const char *line)
{
	char prefix[8];

	snprintf(prefix, sizeof(prefix), "<%d>", priorities[level]);
	write_line(prefix, line);
}

static void write_plain(enum log_level level, const char *line)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "%s: ", names[level]);
	write_line(prefix, line);
}

static void write_brackets(enum log_level level, const char *line)
{
	static const char *const prefixes[] = {
		"[ERROR] ", "[WARNING] ", "[INFO] ", "[DEBUG] ", "[TRACE] "};

	write_line(prefixes[level], line);
}

static void setup(bool json, log_sink sink)
{
	if (json)
		sink = write_json;
	else if (getenv("JOURNAL_STREAM"))
		sink = write_journal;
	log_setup(sink, LOG_INFO);
}

void journal_setup(bool json)
{
	setup(json, write_plain);
}

void journal_setup_brackets(bool json)
{
	setup(json, write_brackets);
}
