/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink and level are process-wide: they are set once by main before any thread starts,
 * and every room may log without being handed a logger.
 */
#include "base/log.h"

static log_sink current_sink;
static enum log_level current_max;

void log_setup(log_sink sink, enum log_level max)
{
	current_sink = sink;
	current_max = max;
}

int log_enabled(enum log_level level)
{
	return current_sink && level <= current_max;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	autofree char *line = xvasprintf(fmt, ap);
	va_end(ap);
	current_sink(level, line);
}

void log_to_stderr(enum log_level level, const char *line)
{
	static const char *const names[] = {"error", "warning", "info", "debug", "trace"};

	fprintf(stderr, "%s: %s\n", names[level], line);
}
