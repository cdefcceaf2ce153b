/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host patterns, as `hosts:` and --limit take them.
 *
 * A pattern is a list of terms between commas (or colons). A term is a group or host name, a
 * glob, ~REGEX, `all`, or `*`; `&term` keeps only what it matches too, `!term` takes it away.
 * Plain terms are applied first, then `&`, then `!`, whatever their order. A subscript picks by
 * position: g[0], g[-1], g[1:3] (both ends included), g[2:]. The order of hosts is the order of
 * the terms, and within a group that of inventory_group_hosts.
 * Source: Ansible's documentation "Patterns: targeting hosts and groups", checked against 2.14.
 */
#ifndef INVENTORY_PATTERN_H
#define INVENTORY_PATTERN_H

#include "base/diag.h"
#include "base/err.h"
#include "inventory/inventory.h"

/* Limits on a pattern and on a --limit @file. */
#define PATTERN_MAX_TERMS 100000
#define PATTERN_MAX_FILE  (16u << 20)

/* Splits a pattern into its terms; "a:b", "a,b", ranges and IPv6 addresses are told apart. */
int pattern_split(const char *pattern, struct strlist *terms, struct err *err);
/*
 * Fills `out` (empty at first; freed by the caller) with the hosts that a pattern matches, each
 * once; it is empty after an error. A term that matches nothing is a warning in `diags` or an
 * error, by host_pattern_mismatch; a subscript out of range and a bad regular expression are
 * errors.
 */
int pattern_hosts(const struct inventory *inventory, const struct config *config,
	const char *pattern, struct host_list *out, struct diags *diags, struct err *err);
/*
 * The same, kept to those that --limit allows. `limit` may be NULL; its terms may be @FILE,
 * a file with one term a line.
 */
int pattern_select(const struct inventory *inventory, const struct config *config,
	const char *pattern, const char *limit, struct host_list *out, struct diags *diags,
	struct err *err);

/*
 * Expands a host range: "node[01:50]", "[a:f]-rack", steps as a third number, several ranges.
 * At most `max` names (ERR_LIMIT). A text without brackets gives itself.
 */
int range_expand(const char *text, size_t max, struct strlist *out, struct err *err);
/*
 * Splits "host:22", "[::1]:22" or "host" into name and port (-1: none). Returns false when the
 * text is no address, host name or range of these; then the caller takes it as it stands.
 */
bool address_split(const char *text, bool ranges, struct strbuf *host, int64_t *port);
/* True if the text is an IPv4 or IPv6 address. */
bool address_is_ip(const char *text);

#endif
