/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server of a test program's own, by postgres_server.py. */
#ifndef TESTS_SQL_POSTGRES_SERVER_H
#define TESTS_SQL_POSTGRES_SERVER_H

/* What a test program returns that could not run all it has for want of a server. */
#define POSTGRES_SERVER_SKIPPED 77

/* Starts it; NULL where there is none to be had, after printing why. The URI is static. */
const char *postgres_server_start(void);
/* Makes a new database on it: its URI, to be freed. */
char *postgres_server_database(void);
/* "restart", "crash", "stop" or "start"; returns when it is done, fails the test otherwise. */
void postgres_server_do(const char *command);
/* Ends it, if it was started. */
void postgres_server_end(void);

#endif
