/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet's tables, the same on both databases. Times are texts of RFC 3339 in UTC.
 *
 * The number of the last event is a row of its own, which every batch changes first: so batches
 * follow each other, and a number that can be seen has none below it that cannot yet.
 */
#include "daemons/registryd/fleet_private.h"

static const char tables[] =
	"CREATE TABLE fleet_clock (id BIGINT PRIMARY KEY, last BIGINT NOT NULL);"
	"INSERT INTO fleet_clock (id, last) VALUES (1, 0);"
	"CREATE TABLE fleet_hosts (host TEXT PRIMARY KEY, state TEXT NOT NULL, health TEXT, "
	"error TEXT, seen TEXT NOT NULL);"
	"CREATE TABLE fleet_states (host TEXT NOT NULL, model TEXT NOT NULL, version TEXT, "
	"wanted TEXT, state TEXT NOT NULL, drift BIGINT NOT NULL DEFAULT 0, "
	"drifted TEXT NOT NULL DEFAULT '[]', error TEXT, rollout TEXT, seen TEXT NOT NULL, "
	"PRIMARY KEY (host, model));"
	"CREATE TABLE fleet_rollouts (id TEXT PRIMARY KEY, number BIGINT NOT NULL, name TEXT, "
	"person TEXT, playbook TEXT, state TEXT NOT NULL, exit_code BIGINT, "
	"taken BIGINT NOT NULL DEFAULT 0, started TEXT NOT NULL, ended TEXT, "
	"heard TEXT NOT NULL);"
	"CREATE INDEX fleet_rollouts_number ON fleet_rollouts (number);"
	"CREATE TABLE fleet_rollout_hosts (rollout TEXT NOT NULL, place BIGINT NOT NULL, "
	"host TEXT NOT NULL, state TEXT NOT NULL, phase TEXT, models TEXT NOT NULL DEFAULT '', "
	"error TEXT, PRIMARY KEY (rollout, host));"
	"CREATE TABLE fleet_events (number BIGINT PRIMARY KEY, name TEXT NOT NULL, "
	"data TEXT NOT NULL);";

int fleet_migrate(struct sql *sql, struct err *err)
{
	static const struct sql_migration steps[] = {{.both = tables}};

	return sql_migrate(sql, "fleet", steps, ARRAY_SIZE(steps), err);
}
