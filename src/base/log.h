/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The diagnostic log: what happens inside, for -v and for daemons. It is not the program's
 * output (cli/ prints that) and never holds a secret. The sink is set once at start; without
 * one nothing is logged. Thread-safe as far as the sink is.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/mem.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* Receives one line without its newline. */
typedef void (*log_sink)(enum log_level level, const char *line);

/* Sets the sink and the highest level that is logged. */
void log_setup(log_sink sink, enum log_level max);
/* True if a message of this level would be logged; for costly arguments. */
int log_enabled(enum log_level level);
/* Logs a line. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A sink that writes "level: line" to standard error. */
void log_to_stderr(enum log_level level, const char *line);

#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)
#define log_trace(...)   log_line(LOG_TRACE, __VA_ARGS__)

#endif
