/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's errors by their SQLSTATE: five characters, of which two are the class.
 * https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
#include "sql/postgres.h"

static const struct {
	const char *state; /* or what it begins with; longer ones first */
	enum err_code means;
} states[] = {
	{"23505", ERR_EXISTS},      /* unique_violation */
	{"25006", ERR_DENIED},      /* read_only_sql_transaction */
	{"42501", ERR_DENIED},      /* insufficient_privilege */
	{"53100", ERR_NOSPACE},     /* disk_full */
	{"53300", ERR_BUSY},        /* too_many_connections */
	{"55P03", ERR_BUSY},        /* lock_not_available */
	{"57014", ERR_TIMEOUT},     /* query_canceled, by statement_timeout */
	{"57P01", ERR_UNREACHABLE}, /* admin_shutdown */
	{"57P02", ERR_UNREACHABLE}, /* crash_shutdown */
	{"57P03", ERR_UNREACHABLE}, /* cannot_connect_now */
	{"57P05", ERR_UNREACHABLE}, /* idle_session_timeout */
	{"08", ERR_UNREACHABLE}, {"22", ERR_INPUT}, {"23", ERR_INPUT}, {"28", ERR_AUTH},
	{"3D", ERR_NOTFOUND}, /* no such database */
	{"40", ERR_BUSY},     /* not serializable, deadlock */
	{"42", ERR_INPUT}, {"54", ERR_LIMIT},
	{"P0", ERR_INPUT}, /* raised by a function of the database */
};

static enum err_code code_of_state(const char *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (str_starts(state, states[i].state))
			return states[i].means;
	return ERR_SYSTEM;
}

/* The library's texts end with newlines, and have some inside. */
static char *one_line(const char *text)
{
	char *line = xstrdup(text);

	for (char *c = line; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	for (size_t n = strlen(line); n > 0 && line[n - 1] == ' '; n--)
		line[n - 1] = '\0';
	return line;
}

int postgres_fail(
	struct postgres *p, const PGresult *result, const char *doing, struct err *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = state ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
				 : PQerrorMessage(p->conn);
	enum err_code code = state ? code_of_state(state) : ERR_SYSTEM;
	autofree char *line = one_line(text ? text : "");

	if (PQstatus(p->conn) == CONNECTION_BAD && (!state || code == ERR_SYSTEM))
		code = ERR_UNREACHABLE;
	return err_set(err, code, "%s: %s: %s", p->sql.name, doing, line);
}
