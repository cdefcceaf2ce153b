/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/modules.h"

#include <string.h>

/* In the order of their names. A row is added with the module's file. */
static const struct module *const modules[] = {
	&module_add_host,
	&module_apt,
	&module_apt_key,
	&module_apt_repository,
	&module_assemble,
	&module_assert,
	&module_async_status,
	&module_authorized_key,
	&module_blockinfile,
	&module_command,
	&module_copy,
	&module_cron,
	&module_deb822_repository,
	&module_debconf,
	&module_debug,
	&module_dpkg_selections,
	&module_expect,
	&module_fail,
	&module_fetch,
	&module_file,
	&module_find_files,
	&module_firewalld,
	&module_gather_facts,
	&module_get_url,
	&module_getent,
	&module_git,
	&module_group,
	&module_group_by,
	&module_health_check,
	&module_hostname,
	&module_include_role,
	&module_include_tasks,
	&module_include_vars,
	&module_iptables,
	&module_known_hosts,
	&module_lineinfile,
	&module_meta,
	&module_mount,
	&module_mount_facts,
	&module_package,
	&module_package_facts,
	&module_pause,
	&module_ping,
	&module_pip,
	&module_raw,
	&module_reboot,
	&module_replace,
	&module_script,
	&module_service,
	&module_service_facts,
	&module_set_fact,
	&module_set_stats,
	&module_setup,
	&module_shell,
	&module_slurp,
	&module_stat,
	&module_sync_models,
	&module_synchronize,
	&module_sysctl,
	&module_systemd,
	&module_tempfile,
	&module_template,
	&module_unarchive,
	&module_uri,
	&module_user,
	&module_validate_argument_spec,
	&module_wait_for,
	&module_wait_for_connection,
};

/*
 * Modules that a playbook of Ansible's may name and that are not in the table: they are told
 * from misspelt names. Those with a collection are known by their short names, too.
 */
static const char *const known[] = {
	"add_host",
	"apt",
	"apt_key",
	"apt_repository",
	"assemble",
	"assert",
	"async_status",
	"blockinfile",
	"command",
	"copy",
	"cron",
	"deb822_repository",
	"debconf",
	"debug",
	"dnf",
	"dnf5",
	"dpkg_selections",
	"expect",
	"fail",
	"fetch",
	"file",
	"find",
	"gather_facts",
	"get_url",
	"getent",
	"git",
	"group",
	"group_by",
	"hostname",
	"include",
	"include_role",
	"include_tasks",
	"include_vars",
	"import_role",
	"iptables",
	"known_hosts",
	"lineinfile",
	"meta",
	"mount_facts",
	"package",
	"package_facts",
	"pause",
	"ping",
	"pip",
	"raw",
	"reboot",
	"replace",
	"rpm_key",
	"script",
	"service",
	"service_facts",
	"set_fact",
	"set_stats",
	"setup",
	"shell",
	"slurp",
	"stat",
	"subversion",
	"systemd",
	"systemd_service",
	"sysvinit",
	"tempfile",
	"template",
	"unarchive",
	"uri",
	"user",
	"validate_argument_spec",
	"wait_for",
	"wait_for_connection",
	"yum",
	"yum_repository",
	"ansible.posix.acl",
	"ansible.posix.at",
	"ansible.posix.authorized_key",
	"ansible.posix.firewalld",
	"ansible.posix.mount",
	"ansible.posix.patch",
	"ansible.posix.seboolean",
	"ansible.posix.selinux",
	"ansible.posix.synchronize",
	"ansible.posix.sysctl",
	"community.general.alternatives",
	"community.general.archive",
	"community.general.capabilities",
	"community.general.filesystem",
	"community.general.ini_file",
	"community.general.locale_gen",
	"community.general.lvg",
	"community.general.lvol",
	"community.general.make",
	"community.general.modprobe",
	"community.general.npm",
	"community.general.parted",
	"community.general.snap",
	"community.general.timezone",
	"community.general.ufw",
	"community.general.xml",
};

const char *module_short_name(const char *name)
{
	static const char *const prefixes[] = {"ansible.builtin.", "ansible.legacy."};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(name, prefixes[i]))
			return name + strlen(prefixes[i]);
	return name;
}

/* The part behind the last dot. */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

bool module_known(const char *name)
{
	const char *wanted = module_short_name(name);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i], wanted) == 0 ||
			(wanted == name && strcmp(last_part(known[i]), name) == 0))
			return true;
	return false;
}

const struct module *module_at(size_t i)
{
	return i < ARRAY_SIZE(modules) ? modules[i] : NULL;
}

static bool has_name(const struct module *m, const char *name)
{
	if (strcmp(m->name, name) == 0)
		return true;
	for (size_t i = 0; m->aliases && m->aliases[i]; i++)
		if (strcmp(m->aliases[i], name) == 0)
			return true;
	return false;
}

const struct module *module_find(const char *name)
{
	const char *wanted = module_short_name(name);

	if (wanted != name && !module_known(name))
		return NULL; /* our own modules are in none of Ansible's collections */
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (has_name(modules[i], wanted))
			return modules[i];
	return NULL;
}
