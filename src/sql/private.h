/* SPDX-License-Identifier: Apache-2.0 */
/* What the two databases have in common, for this room only. */
#ifndef SQL_PRIVATE_H
#define SQL_PRIVATE_H

#include "base/str.h"
#include "base/strmap.h"
#include "sql/sql.h"

/* What a database does; see sql.h for what each means. -1 or NULL with err on failure. */
struct sql_ops {
	enum sql_kind kind;
	void (*close)(struct sql *sql);
	/* Makes the connection fit for a statement: reopens it where that is allowed. */
	int (*ready)(struct sql *sql, struct err *err);
	int (*script)(struct sql *sql, const char *text, struct err *err);
	int (*commit)(struct sql *sql, struct err *err);
	int (*start)(struct sql *sql, const char *statement, const struct sql_arg *args,
		size_t n, struct err *err);
	int (*step)(struct sql *sql, struct err *err);
	void (*stop)(struct sql *sql);
	int64_t (*changed)(const struct sql *sql);
	size_t (*columns)(const struct sql *sql);
	const char *(*column_name)(const struct sql *sql, int column);
	bool (*is_null)(const struct sql *sql, int column);
	int64_t (*column_int)(const struct sql *sql, int column);
	double (*column_real)(const struct sql *sql, int column);
	const char *(*column_text)(const struct sql *sql, int column, size_t *len);
	const void *(*column_blob)(struct sql *sql, int column, size_t *len);
	const char *begin[2]; /* by enum sql_access */
	int (*try_lock)(struct sql *sql, const char *name, struct err *err);
	void (*unlock)(struct sql *sql, const char *name);
	int (*listen)(struct sql *sql, const char *channel, struct err *err);
	int (*notify)(struct sql *sql, const char *channel, struct err *err);
	int (*heard)(struct sql *sql, struct err *err);
	int (*wait)(
		struct sql *sql, deadline until, const struct cancel *cancel, struct err *err);
};

struct sql_result {
	struct sql *sql;
	bool open;
};

/* The head of each connection; the databases put theirs behind it. */
struct sql {
	const struct sql_ops *ops;
	char *name;
	struct sql_result result;
	bool in_transaction;
	struct strmap locks; /* held, by name */
};

/* Opens what stands behind "sqlite:". */
struct sql *sqlite_open(const char *path, struct err *err);
/* Opens a URI of libpq's. */
struct sql *postgres_open(const char *uri, struct err *err);

#endif
