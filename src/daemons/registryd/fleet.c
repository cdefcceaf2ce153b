/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"
#include "daemons/registryd/fleet_private.h"

#define FILE_NAME "fleet.db"

/* Where the fleet is kept that belongs to a registry; new memory. */
static char *place_of(const char *store)
{
	if (!str_starts(store, "json:"))
		return xstrdup(store);
	autofree char *dir = path_dirname(store + strlen("json:"));
	return xasprintf("sqlite:%s/" FILE_NAME, dir);
}

struct fleet *fleet_open(const char *store, struct err *err)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	f->uri = place_of(store);
	f->sql = sql_open(f->uri, err);
	if (f->sql && fleet_migrate(f->sql, err) == 0)
		return f;
	err_wrap(err, "the fleet's tables");
	fleet_close(f);
	return NULL;
}

void fleet_close(struct fleet *f)
{
	if (!f)
		return;
	sql_close(f->sql);
	pthread_mutex_destroy(&f->lock);
	free(f->uri);
	free(f);
}

struct sql *fleet_connect(const struct fleet *f, struct err *err)
{
	return sql_open(f->uri, err);
}

static int forget(struct sql *sql, const char *host, struct err *err)
{
	const struct sql_arg arg = sql_text(host);

	if (sql_change(sql, "DELETE FROM fleet_states WHERE host = $1", &arg, 1, err) < 0)
		return -1;
	int64_t gone = sql_change(sql, "DELETE FROM fleet_hosts WHERE host = $1", &arg, 1, err);
	if (gone == 0)
		return err_set(err, ERR_NOTFOUND, "nothing is known of a host %s", host);
	return gone < 0 ? -1 : 0;
}

int fleet_forget(struct fleet *f, const char *host, struct err *err)
{
	pthread_mutex_lock(&f->lock);
	int rc = sql_begin(f->sql, SQL_WRITING, err);
	if (rc == 0)
		rc = forget(f->sql, host, err);
	if (rc == 0)
		rc = sql_commit(f->sql, err);
	else
		sql_rollback(f->sql);
	pthread_mutex_unlock(&f->lock);
	return rc;
}
