/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>

void err_clear(struct err *err)
{
	if (err) {
		err->code = ERR_NONE;
		err->sys = 0;
		err->text[0] = '\0';
	}
}

/* Ends a text that was cut with dots, behind its last whole UTF-8 character. */
static void mark_cut(struct err *err, int wanted)
{
	char *end = err->text + ERR_TEXT_MAX - 4;

	if (wanted < ERR_TEXT_MAX)
		return;
	for (int back = 0; back < 3 && ((unsigned char)*end & 0xc0) == 0x80; back++)
		end--;
	memcpy(end, "...", 4);
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->code = code;
	err->sys = 0;
	va_start(ap, fmt);
	mark_cut(err, vsnprintf(err->text, sizeof(err->text), fmt, ap));
	va_end(ap);
	return -1;
}

static enum err_code code_of_errno(int sys)
{
	switch (sys) {
	case ENOENT: return ERR_NOTFOUND;
	case EACCES:
	case EPERM: return ERR_DENIED;
	case ENOSPC:
	case EDQUOT: return ERR_NOSPACE;
	default: return ERR_SYSTEM;
	}
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int sys = errno;
	char reason[128];
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	autofree char *what = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(err, code_of_errno(sys), "%s: %s", what,
		strerror_r(sys, reason, sizeof(reason)));
	err->sys = sys;
	errno = sys;
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	autofree char *context = xvasprintf(fmt, ap);
	va_end(ap);
	autofree char *inner = xstrdup(err->text);
	mark_cut(err, snprintf(err->text, sizeof(err->text), "%s: %s", context, inner));
	return -1;
}

const char *err_code_name(enum err_code code)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
		[ERR_SYSTEM] = "system",
		[ERR_INPUT] = "input",
		[ERR_USAGE] = "usage",
		[ERR_NOTFOUND] = "not_found",
		[ERR_EXISTS] = "exists",
		[ERR_LIMIT] = "limit",
		[ERR_TIMEOUT] = "timeout",
		[ERR_CANCELLED] = "cancelled",
		[ERR_UNREACHABLE] = "unreachable",
		[ERR_AUTH] = "auth",
		[ERR_PROTOCOL] = "protocol",
		[ERR_INTEGRITY] = "integrity",
		[ERR_NOSPACE] = "no_space",
		[ERR_BUSY] = "busy",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_DENIED] = "denied",
	};

	if ((size_t)code >= ARRAY_SIZE(names))
		return "unknown";
	return names[code];
}
