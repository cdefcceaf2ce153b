/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about what confines processes: SELinux, AppArmor, capabilities, FIPS, a chroot.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/str.h"
#include "node/facts.h"

/* The value of KEY=value in SELinux's configuration. */
static const char *selinux_setting(const struct facts *f, const char *key)
{
	const char *text = facts_text_or_empty(f, "/etc/selinux/config"), *line;

	while ((line = facts_next_line(f->arena, &text))) {
		const char *value = facts_value(line, key, '=');
		if (value)
			return value;
	}
	return "unknown";
}

int facts_selinux(struct facts *f, struct err *err)
{
	const char *enforce = facts_text(f, "/sys/fs/selinux/enforce");
	const char *version = facts_text(f, "/sys/fs/selinux/policyvers");
	int64_t n;

	(void)err;
	item_open_dict(f->out, "ansible_selinux");
	facts_put(f, "status", enforce ? "enabled" : "disabled");
	if (enforce) {
		if (version && parse_int(version, 0, INT32_MAX, &n))
			item_put_int(f->out, "policyvers", n);
		facts_put(f, "config_mode", selinux_setting(f, "SELINUX"));
		facts_put(f, "mode", strcmp(enforce, "1") == 0 ? "enforcing" : "permissive");
		facts_put(f, "type", selinux_setting(f, "SELINUXTYPE"));
	}
	item_close(f->out);
	return 0;
}

int facts_apparmor(struct facts *f, struct err *err)
{
	bool enabled = facts_exists(f, "/sys/kernel/security/apparmor");

	(void)err;
	item_open_dict(f->out, "ansible_apparmor");
	facts_put(f, "status", enabled ? "enabled" : "disabled");
	item_close(f->out);
	return 0;
}

int facts_fips(struct facts *f, struct err *err)
{
	const char *enabled = facts_text_or_empty(f, "/proc/sys/crypto/fips_enabled");

	(void)err;
	item_put_bool(f->out, "ansible_fips", strcmp(enabled, "1") == 0);
	return 0;
}

int facts_chroot(struct facts *f, struct err *err)
{
	const char *named = getenv("debian_chroot");
	struct stat own, first;
	bool is_chroot = named && *named;

	(void)err;
	if (stat(facts_path(f, "/"), &own) < 0)
		return 0;
	/* Who may not see the first process's root goes by the number of a root directory. */
	if (!is_chroot && stat(facts_path(f, "/proc/1/root/."), &first) == 0)
		is_chroot = own.st_ino != first.st_ino || own.st_dev != first.st_dev;
	else if (!is_chroot)
		is_chroot = own.st_ino != 2 && own.st_ino != 128 && own.st_ino != 256;
	item_put_bool(f->out, "ansible_is_chroot", is_chroot);
	return 0;
}

/* A set of capabilities of our process, by its name in /proc. */
static uint64_t capability_set(const char *status, struct arena *a, const char *name)
{
	const char *line;

	while ((line = facts_next_line(a, &status))) {
		const char *value = facts_value(line, name, ':');
		if (value)
			return strtoull(value, NULL, 16);
	}
	return 0;
}

/*
 * "=ep" and "=" as capsh says them for all and none of the capabilities; NULL for what is in
 * between.
 */
static const char *plain_capabilities(const struct facts *f)
{
	const char *status = facts_text_or_empty(f, "/proc/self/status");
	uint64_t effective = capability_set(status, f->arena, "CapEff");
	uint64_t permitted = capability_set(status, f->arena, "CapPrm");
	uint64_t inherited = capability_set(status, f->arena, "CapInh");
	int64_t last;

	if (effective != permitted || inherited)
		return NULL;
	if (!effective)
		return "=";
	if (!parse_int(facts_text_or_empty(f, "/proc/sys/kernel/cap_last_cap"), 0, 62, &last))
		return NULL;
	return effective == (UINT64_C(2) << last) - 1 ? "=ep" : NULL;
}

/* What stands behind "Current:" in the output of capsh; NULL when it cannot be had. */
static int current_capabilities(struct facts *f, const char **current, struct err *err)
{
	const char *const argv[] = {"capsh", "--print", NULL};
	const char *said, *line;

	*current = *f->root ? NULL : plain_capabilities(f);
	if (*current)
		return 0;
	if (facts_run(f, argv, &said, err) < 0)
		return -1;
	while (said && (line = facts_next_line(f->arena, &said))) {
		*current = facts_value(line, "Current", ':');
		if (*current)
			break;
	}
	return 0;
}

/* The sets behind the first "=", as Ansible cuts them: at commas. */
static void tell_sets(struct facts *f, const char *current)
{
	const char *at = strchr(current, '=');
	size_t all = at ? strcspn(at + 1, "=") : 0;

	item_open_list(f->out, "ansible_system_capabilities");
	for (const char *end = at ? at + 1 + all : NULL; at && strcmp(current, "=ep") != 0;) {
		size_t n = strcspn(++at, ",");
		if (at + n > end)
			n = (size_t)(end - at);
		item_put_stringn(f->out, NULL, at, n);
		at = at + n < end ? at + n : NULL;
	}
	item_close(f->out);
}

int facts_caps(struct facts *f, struct err *err)
{
	const char *current = NULL;

	if (facts_program(f, "capsh") && current_capabilities(f, &current, err) < 0)
		return -1;
	if (!current) {
		facts_put(f, "ansible_system_capabilities", "N/A");
		facts_put(f, "ansible_system_capabilities_enforced", "N/A");
		return 0;
	}
	tell_sets(f, current);
	facts_put(f, "ansible_system_capabilities_enforced",
		strcmp(current, "=ep") == 0 ? "False" : "True");
	return 0;
}
