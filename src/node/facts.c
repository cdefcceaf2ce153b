/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module facts: what is known of a node, with the names and values of Ansible's setup. One
 * table of collectors, in the order that they need each other.
 */
#include "node/facts.h"

#include "base/str.h"

const struct node_arg facts_args[] = {
	{"subset", ARG_LIST},
	{"fact_path", ARG_TEXT},
	{"timeout", ARG_NUMBER},
	{"root", ARG_TEXT},
	{NULL, 0},
};

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define PLATFORM     FACTS_NEEDS_PLATFORM
#define DISTRIBUTION FACTS_NEEDS_DISTRIBUTION

static const struct facts_collector collectors[] = {
	{"platform", true,
		IDS("architecture", "kernel", "kernel_version", "machine", "machine_id",
			"python_version", "system"),
		0, facts_platform},
	{"distribution", true,
		IDS("distribution_major_version", "distribution_release",
			"distribution_version", "os_family"),
		0, facts_distribution},
	{"lsb", true, NULL, 0, facts_lsb},
	{"selinux", true, NULL, 0, facts_selinux},
	{"apparmor", true, NULL, 0, facts_apparmor},
	{"chroot", false, IDS("is_chroot"), 0, facts_chroot},
	{"fips", true, NULL, 0, facts_fips},
	{"python", true, NULL, 0, NULL},
	{"caps", true, IDS("system_capabilities", "system_capabilities_enforced"), 0,
		facts_caps},
	{"pkg_mgr", true, NULL, DISTRIBUTION, facts_pkg_mgr},
	{"service_mgr", true, NULL, PLATFORM | DISTRIBUTION, facts_service_mgr},
	{"cmdline", true, NULL, 0, facts_cmdline},
	{"date_time", true, NULL, 0, facts_date_time},
	{"env", true, NULL, 0, facts_env},
	{"loadavg", false, NULL, 0, facts_loadavg},
	{"ssh_pub_keys", true,
		IDS("ssh_host_key_dsa_public", "ssh_host_key_ecdsa_public",
			"ssh_host_key_ed25519_public", "ssh_host_key_rsa_public",
			"ssh_host_pub_keys"),
		0, facts_ssh_keys},
	{"user", true,
		IDS("effective_group_ids", "effective_user_id", "real_user_id", "user_dir",
			"user_gecos", "user_gid", "user_id", "user_shell", "user_uid"),
		0, facts_user},
	{"virtual", false,
		IDS("virtualization_role", "virtualization_tech_guest",
			"virtualization_tech_host", "virtualization_type"),
		0, facts_virtual},
	{"hardware", false,
		IDS("devices", "mounts", "processor", "processor_cores", "processor_count"),
		PLATFORM, facts_hardware},
	{"dns", true, NULL, 0, facts_dns},
	{"fibre_channel_wwn", false, NULL, 0, facts_fibre_channel},
	{"iscsi", false, NULL, 0, facts_iscsi},
	{"nvme", false, NULL, 0, facts_nvme},
	{"network", false,
		IDS("all_ipv4_addresses", "all_ipv6_addresses", "default_ipv4", "default_ipv6",
			"interfaces"),
		PLATFORM | DISTRIBUTION, facts_network},
	{"local", true, NULL, 0, facts_local},
	/* Programs of others, which Ansible asks where they are installed; we never do. */
	{"facter", false, NULL, 0, NULL},
	{"ohai", false, NULL, 0, NULL},
};

int facts_hardware(struct facts *f, struct err *err)
{
	static const facts_collect parts[] = {
		facts_cpu, facts_memory, facts_dmi, facts_devices, facts_lvm, facts_mounts};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i](f, err) < 0)
			return -1;
	return 0;
}

static int collect(struct facts *f, uint32_t chosen, struct err *err)
{
	item_open_dict(f->out, "ansible_facts");
	for (size_t i = 0; i < ARRAY_SIZE(collectors); i++) {
		const struct facts_collector *c = &collectors[i];
		if (chosen >> i & 1 && c->collect && c->collect(f, err) < 0)
			return err_wrap(err, "facts of the kind %s", c->name);
	}
	item_close(f->out);
	return 0;
}

int node_facts(struct node_call *c, struct err *err)
{
	const char *const *subset = call_list(c, "subset", err);
	const char *root = call_text_or_null(c, "root");
	const char *local = call_text_or_null(c, "fact_path");
	struct facts f = facts_begin(c);
	uint32_t chosen;

	if (!subset ||
		facts_choose(collectors, ARRAY_SIZE(collectors), subset, &chosen, err) < 0)
		return -1;
	if (root)
		f.root = root;
	if (local)
		f.fact_path = call_expand(c, local);
	f.timeout = call_number(c, "timeout", 10);
	item_put_bool(c->out, "changed", false);
	int result = collect(&f, chosen, err);
	facts_end(&f);
	return result;
}
