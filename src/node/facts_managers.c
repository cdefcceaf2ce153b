/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What manages services and packages on the node.
 */
#include "base/path.h"
#include "base/str.h"
#include "node/facts.h"

/* What manages services where the first process does not tell. */
static const char *manager_by_files(const struct facts *f)
{
	const char *init = facts_link(f, "/sbin/init");
	bool systemctl = facts_program(f, "systemctl") != NULL;

	if (strcmp(f->distribution, "OpenWrt") == 0)
		return "openwrt_init";
	if (systemctl && (facts_exists(f, "/run/systemd/system/") ||
				 facts_exists(f, "/dev/.run/systemd/") ||
				 facts_exists(f, "/dev/.systemd/")))
		return "systemd";
	if (facts_program(f, "initctl") && facts_exists(f, "/etc/init/"))
		return "upstart";
	if (facts_exists(f, "/sbin/openrc"))
		return "openrc";
	if (systemctl && init && strcmp(path_basename(init), "systemd") == 0)
		return "systemd";
	return facts_exists(f, "/etc/init.d/") ? "sysvinit" : "service";
}

int facts_service_mgr(struct facts *f, struct err *err)
{
	static const struct {
		const char *process, *manager;
	} known[] = {{"procd", "openwrt_init"}, {"runit-init", "runit"}, {"svscan", "svc"},
		{"openrc-init", "openrc"}};
	const char *first = facts_line(f, "/proc/1/comm");

	(void)err;
	if (!first || strcmp(first, "init") == 0 || str_ends(first, "sh"))
		first = manager_by_files(f);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].process, first) == 0)
			first = known[i].manager;
	facts_put(f, "ansible_service_mgr", first);
	return 0;
}

/* RedHat's family has two, and its release says which is the official one. */
static const char *red_hat_manager(const struct facts *f)
{
	static const struct {
		const char *distribution;
		int64_t since; /* of dnf */
	} own[] = {{"Fedora", 23}, {"Amazon", 2022}};
	int64_t major, since = 8;

	if (facts_exists(f, "/run/ostree-booted"))
		return "atomic_container";
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(own[i].distribution, f->distribution) == 0)
			since = own[i].since;
	if (!parse_int(f->major_version, 0, INT32_MAX, &major))
		return "dnf";
	return major < since ? "yum" : "dnf";
}

int facts_pkg_mgr(struct facts *f, struct err *err)
{
	/* The last that is there counts. */
	static const struct {
		const char *path, *manager;
	} known[] = {{"/usr/bin/rpm-ostree", "atomic_container"}, {"/usr/bin/yum", "yum"},
		{"/usr/bin/dnf", "dnf"}, {"/usr/bin/apt-get", "apt"},
		{"/usr/bin/zypper", "zypper"}, {"/usr/sbin/urpmi", "urpmi"},
		{"/usr/bin/pacman", "pacman"}, {"/bin/opkg", "opkg"},
		{"/usr/local/bin/brew", "homebrew"}, {"/sbin/apk", "apk"},
		{"/usr/bin/emerge", "portage"}, {"/usr/bin/xbps-install", "xbps"},
		{"/usr/bin/swupd", "swupd"}, {"/usr/sbin/sorcery", "sorcery"}};
	const char *found = "unknown";

	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (facts_exists(f, known[i].path))
			found = known[i].manager;
	/* Other managers may be installed beside the one that the system uses. */
	if (strcmp(f->family, "RedHat") == 0)
		found = red_hat_manager(f);
	else if (strcmp(f->family, "Debian") == 0)
		found = "apt";
	facts_put(f, "ansible_pkg_mgr", found);
	return 0;
}
