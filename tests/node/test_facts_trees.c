/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of other systems: each is a tree of the files that tell them, and what is expected of
 * it as JSON. The texts are as these systems have them, shortened.
 */
#include "node/module_call.h"

#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/world.h"
#include "value/json.h"

#define KERNEL(machine_)                                                                       \
	{                                                                                      \
		"/proc/sys/kernel/arch", machine_ "\n"                                         \
	}
#define DMI "/sys/devices/virtual/dmi/id/"
#define NET "/sys/class/net/"

struct file {
	const char *path, *text; /* "-> TARGET" is a link, NULL a directory */
};

struct expected {
	const char *fact;
	const char *json; /* NULL: there is none */
};

struct tree {
	const char *name;
	struct file files[40];
	struct expected facts[24];
};

static const struct tree trees[] = {
	{"alpine",
		{KERNEL("x86_64"),
			{"/etc/os-release", "NAME=\"Alpine Linux\"\nID=alpine\n"
					    "VERSION_ID=3.18.4\n"
					    "PRETTY_NAME=\"Alpine Linux v3.18\"\n"},
			{"/etc/alpine-release", "3.18.4\n"}, {"/sbin/openrc", "x"},
			{"/sbin/apk", "x"}, {"/proc/1/comm", "init\n"}, {"/etc/init.d", NULL},
			{"/proc/sys/kernel/hostname", "edge.example.org\n"}},
		{{"distribution", "\"Alpine\""}, {"distribution_version", "\"3.18.4\""},
			{"distribution_major_version", "\"3\""}, {"os_family", "\"Alpine\""},
			{"distribution_file_path", "\"/etc/alpine-release\""},
			{"distribution_release", "\"NA\""}, {"service_mgr", "\"openrc\""},
			{"pkg_mgr", "\"apk\""}, {"hostname", "\"edge\""},
			{"nodename", "\"edge.example.org\""}, {"domain", "\"example.org\""},
			{"lsb", "{}"}, {"apparmor", "{\"status\": \"disabled\"}"}}},
	{"ubuntu",
		{KERNEL("x86_64"),
			{"/etc/os-release",
				"PRETTY_NAME=\"Ubuntu 22.04.3 LTS\"\n"
				"NAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\n"
				"VERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n"},
			{"/etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n"
					     "DISTRIB_CODENAME=jammy\n"
					     "DISTRIB_DESCRIPTION=\"Ubuntu 22.04.3 LTS\"\n"},
			{"/proc/1/comm", "systemd\n"}, {"/usr/bin/apt-get", "x"},
			{"/usr/bin/dnf", "x"}, {"/sys/kernel/security/apparmor", NULL}},
		{{"distribution", "\"Ubuntu\""}, {"distribution_version", "\"22.04\""},
			{"distribution_major_version", "\"22\""},
			{"distribution_minor_version", NULL},
			{"distribution_release", "\"jammy\""}, {"os_family", "\"Debian\""},
			{"service_mgr", "\"systemd\""}, {"pkg_mgr", "\"apt\""},
			{"apparmor", "{\"status\": \"enabled\"}"},
			{"lsb", "{\"id\": \"Ubuntu\", \"description\": \"Ubuntu 22.04.3 LTS\", "
				"\"codename\": \"jammy\", \"release\": \"22.04\", "
				"\"major_release\": \"22\"}"}}},
	{"red hat with selinux",
		{KERNEL("x86_64"),
			{"/etc/os-release", "NAME=\"Red Hat Enterprise Linux\"\n"
					    "ID=\"rhel\"\nVERSION_ID=\"9.2\"\n"
					    "PRETTY_NAME=\"Red Hat Enterprise Linux "
					    "9.2 (Plow)\"\n"},
			{"/etc/redhat-release",
				"Red Hat Enterprise Linux release 9.2 (Plow)\n"},
			{"/usr/bin/yum", "x"}, {"/usr/bin/dnf", "x"},
			{"/sys/fs/selinux/enforce", "1"}, {"/sys/fs/selinux/policyvers", "33"},
			{"/etc/selinux/config",
				"# x\nSELINUX=permissive\nSELINUXTYPE=targeted\n"}},
		{{"distribution", "\"RedHat\""}, {"distribution_version", "\"9.2\""},
			{"distribution_release", "\"Plow\""}, {"os_family", "\"RedHat\""},
			{"distribution_file_path", "\"/etc/redhat-release\""},
			{"pkg_mgr", "\"dnf\""},
			{"selinux", "{\"status\": \"enabled\", \"policyvers\": 33, "
				    "\"config_mode\": \"permissive\", \"mode\": \"enforcing\", "
				    "\"type\": \"targeted\"}"}}},
	{"centos 7",
		{KERNEL("x86_64"),
			{"/etc/os-release", "NAME=\"CentOS Linux\"\nID=\"centos\"\n"
					    "VERSION_ID=\"7\"\n"},
			{"/etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n"},
			{"/usr/bin/yum", "x"}},
		{{"distribution", "\"CentOS\""}, {"os_family", "\"RedHat\""},
			{"pkg_mgr", "\"yum\""}}},
	{"a distribution that nobody knows",
		{KERNEL("riscv64"), {"/usr/lib/os-release", "NAME=Nova\nID=nova\n"
							    "ID_LIKE=\"starlight ubuntu\"\n"}},
		{{"distribution", "\"Nova\""}, {"os_family", "\"Debian\""},
			{"distribution_version", "\"NA\""}, {"architecture", "\"riscv64\""},
			{"userspace_bits", "\"64\""}, {"userspace_architecture", NULL},
			{"pkg_mgr", "\"apt\""}, {"service_mgr", "\"service\""}}},
	{"raspberry pi",
		{KERNEL("aarch64"),
			{"/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"
					    "VERSION_CODENAME=bookworm\n"},
			{"/etc/debian_version", "12.4\n"},
			{"/proc/cpuinfo",
				"processor\t: 0\nBogoMIPS\t: 108.00\nCPU part\t: 0xd0b\n\n"
				"processor\t: 1\nBogoMIPS\t: 108.00\n\n"
				"processor\t: 2\n\nprocessor\t: 3\n\n"
				"Revision\t: c04170\nModel\t\t: Raspberry Pi 5 Model B Rev "
				"1.0\n"},
			{"/proc/meminfo",
				"MemTotal: 8245248 kB\nMemFree: 1048576 kB\n"
				"Buffers: 1024 kB\nCached: 2048 kB\nSwapCached: 0 kB\n"
				"SwapTotal: 102400 kB\nSwapFree: 51200 kB\n"},
			{"/proc/uptime", "1234.56 4000.00\n"}},
		{{"distribution", "\"Debian\""}, {"distribution_version", "\"12.4\""},
			{"distribution_minor_version", "\"4\""},
			{"processor", "[\"0\", \"1\", \"2\", \"3\"]"}, {"processor_count", "4"},
			{"processor_cores", "1"}, {"processor_threads_per_core", "1"},
			{"processor_vcpus", "4"}, {"processor_nproc", "4"},
			{"memtotal_mb", "8052"}, {"swapfree_mb", "50"},
			{"uptime_seconds", "1234"},
			{"memory_mb", "{\"real\": {\"total\": 8052, \"used\": 7028, \"free\": "
				      "1024}, \"nocache\": {\"free\": 1027, \"used\": 7025}, "
				      "\"swap\": {\"total\": 100, \"free\": 50, \"used\": 50, "
				      "\"cached\": 0}}"},
			{"product_name", "\"NA\""}, {"virtualization_type", "\"NA\""}}},
	{"an old arm board and its 32 bits",
		{KERNEL("armv7l"),
			{"/proc/cpuinfo", "Processor\t: ARMv7 Processor rev 10 (v7l)\n"
					  "processor\t: 0\nBogoMIPS\t: 1581.05\n\n"
					  "processor\t: 1\nBogoMIPS\t: 1581.05\n"}},
		{{"processor", "[\"ARMv7 Processor rev 10 (v7l)\", \"0\", \"1\"]"},
			{"processor_count", "2"}, {"architecture", "\"armv7l\""},
			{"userspace_bits", "\"32\""}, {"distribution", NULL}}},
	{"two sockets with threads",
		{KERNEL("x86_64"),
			{"/proc/cpuinfo", "processor: 0\nvendor_id: GenuineIntel\nmodel name: "
					  "Xeon\nphysical id: 0\nsiblings: 4\ncore id: 0\ncpu "
					  "cores: 2\n\nprocessor: 1\nvendor_id: "
					  "GenuineIntel\nmodel name: Xeon\nphysical id: "
					  "1\nsiblings: 4\ncore id: 0\ncpu cores: 2\n"},
			{DMI "product_name", "PowerEdge R640\n"}, {DMI "chassis_type", "23\n"},
			{DMI "bios_date", "03/01/2022\n"}, {DMI "sys_vendor", "Dell Inc.\n"},
			{"/proc/modules", "kvm_intel 1 0 - Live\nkvm 1 1 kvm_intel, Live\n"}},
		{{"processor_count", "2"}, {"processor_cores", "2"},
			{"processor_threads_per_core", "2"}, {"processor_vcpus", "8"},
			{"product_name", "\"PowerEdge R640\""},
			{"form_factor", "\"Rack Mount Chassis\""},
			{"bios_date", "\"03/01/2022\""}, {"board_serial", "\"NA\""},
			{"virtualization_type", "\"kvm\""}, {"virtualization_role", "\"host\""},
			{"virtualization_tech_host", "[\"kvm\"]"},
			{"virtualization_tech_guest", "[]"}}},
	{"a guest of qemu",
		{{DMI "product_name", "Standard PC (Q35 + ICH9, 2009)\n"},
			{DMI "sys_vendor", "QEMU\n"}, {DMI "chassis_type", "99\n"}},
		{{"virtualization_type", "\"kvm\""}, {"virtualization_role", "\"guest\""},
			{"form_factor", "\"unknown (99)\""}}},
	{"a container of docker",
		{{"/proc/1/cgroup", "12:cpu:/docker/0123abcd\n"}, {"/.dockerenv", ""},
			{DMI "sys_vendor", "Google\n"}},
		{{"virtualization_type", "\"docker\""}, {"virtualization_role", "\"guest\""},
			{"virtualization_tech_guest", "[\"docker\", \"container\", \"kvm\"]"}}},
	{"disks",
		{{"/sys/block/sda", "-> ../devices/pci0000:00/0000:00:1f.2/ata1/block/sda"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/size",
				"976773168\n"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/device/model",
				"Samsung SSD 860 \n"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/queue/scheduler",
				"none [mq-deadline] kyber\n"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/queue/"
			 "logical_block_size",
				"4096\n"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/sda1/size",
				"2048\n"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/sda1/start",
				"34\n"},
			{"/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/sda1/holders/"
			 "dm-0/dm/name",
				"vg-root\n"},
			{"/dev/disk/by-uuid/1234-ABCD", "-> ../../sda1"},
			{"/dev/disk/by-id/wwn-0x5002538e", "-> ../../sda"},
			{"/sys/block/dm-0/slaves/sda1", NULL}, {"/sys/block/dm-0/size", "0\n"}},
		{{"device_links",
			 "{\"ids\": {\"sda\": [\"wwn-0x5002538e\"]}, \"uuids\": {\"sda1\": "
			 "[\"1234-ABCD\"]}, \"labels\": {}, \"masters\": {\"sda1\": "
			 "[\"dm-0\"]}}"},
			{"devices.sda.size", "\"465.76 GB\""},
			{"devices.sda.model", "\"Samsung SSD 860\""},
			{"devices.sda.wwn", "\"0x5002538e\""}, {"devices.sda.host", "\"\""},
			{"devices.sda.vendor", "null"}, {"devices.sda.virtual", "1"},
			{"devices.sda.scheduler_mode", "\"mq-deadline\""},
			{"devices.sda.sectorsize", "\"4096\""},
			{"devices.sda.partitions.sda1.size", "\"1.00 MB\""},
			{"devices.sda.partitions.sda1.start", "\"34\""},
			{"devices.sda.partitions.sda1.uuid", "\"1234-ABCD\""},
			{"devices.sda.partitions.sda1.sectorsize", "512"},
			{"devices.sda.partitions.sda1.holders", "[\"vg-root\"]"},
			{"devices.sda.partitions.sda1.links.masters", "[\"dm-0\"]"},
			{"devices.dm-0.size", "\"0.00 Bytes\""}}},
	{"mounts",
		{{"/proc/mounts", "proc /proc proc rw 0 0\n/dev/sda1 /a\\040b ext4 rw 0 0\n"
				  "server:/export /srv nfs rw 0 0\n/dev/sdb1 /srv xfs ro 0 0\n"
				  "broken line\n"},
			{"/proc/self/mountinfo",
				"30 1 8:1 /part /a\\040b rw - ext4 /dev/sda1 rw\n"},
			{"/dev/disk/by-uuid/1234-ABCD", "-> ../../sda1"}},
		{{"mounts", "[{\"mount\": \"/a b\", \"device\": \"/dev/sda1\", \"fstype\": "
			    "\"ext4\", \"options\": \"rw,bind\", \"uuid\": \"1234-ABCD\"}, "
			    "{\"mount\": \"/srv\", \"device\": \"/dev/sdb1\", \"fstype\": "
			    "\"xfs\", \"options\": \"ro\", \"uuid\": \"N/A\"}]"}}},
	{"a command line, a resolver and names of storage",
		{{"/proc/cmdline", "root=/dev/sda1 console=tty0 quiet console=ttyS0 "
				   "a=\"b c\" quiet=2\n"},
			{"/etc/resolv.conf",
				"# none\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"
				"search a.example b.example\ndomain c.example\n"
				"options rotate timeout:1\nsortlist 192.0.2.0\n"},
			{"/etc/iscsi/initiatorname.iscsi",
				"## x\nInitiatorName=iqn.1993-08.org.debian:01:1\n"},
			{"/etc/nvme/hostnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n"},
			{"/sys/class/fc_host/host1/port_name", "0x21000014ff52a9bb\n"},
			{"/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa AAAAB3 root@x\n"},
			{"/etc/ssh_host_dsa_key.pub", "ssh-dss AAAAB3 root@x\n"},
			{"/proc/sys/crypto/fips_enabled", "1\n"}},
		{{"cmdline",
			 "{\"root\": \"/dev/sda1\", \"console\": \"ttyS0\", \"quiet\": \"2\", "
			 "\"a\": \"\\\"b c\\\"\"}"},
			{"proc_cmdline", "{\"root\": \"/dev/sda1\", \"console\": [\"tty0\", "
					 "\"ttyS0\"], \"quiet\": [true, \"2\"], \"a\": \"\\\"b "
					 "c\\\"\"}"},
			{"dns", "{\"nameservers\": [\"192.0.2.1\", \"192.0.2.2\"], \"domain\": "
				"\"c.example\", \"search\": [\"a.example\", \"b.example\"], "
				"\"sortlist\": [\"192.0.2.0\"], \"options\": {\"rotate\": "
				"true, "
				"\"timeout\": \"1\"}}"},
			{"iscsi_iqn", "\"iqn.1993-08.org.debian:01:1\""},
			{"hostnqn", "\"nqn.2014-08.org.nvmexpress:uuid:1\""},
			{"fibre_channel_wwn", "[\"21000014ff52a9bb\"]"},
			{"ssh_host_key_rsa_public", "\"AAAAB3\""},
			{"ssh_host_key_rsa_public_keytype", "\"ssh-rsa\""},
			{"ssh_host_key_dsa_public", NULL}, {"fips", "true"}}},
	{"interfaces without addresses",
		{{NET "bond0/type", "1\n"}, {NET "bond0/bonding/slaves", "eth0 eth1\n"},
			{NET "bond0/bonding/mode", "802.3ad 4\n"},
			{NET "bond0/bonding/miimon", "100\n"},
			{NET "bond0/bonding/lacp_rate", "slow 0\n"},
			{NET "bond0/bonding/primary", "eth0\n"},
			{NET "bond0/bonding/all_slaves_active", "0\n"},
			{NET "br-lan/type", "1\n"}, {NET "br-lan/brif/veth1", NULL},
			{NET "br-lan/bridge/bridge_id", "8000.1\n"},
			{NET "br-lan/bridge/stp_state", "1\n"}, {NET "eth0/type", "1\n"},
			{NET "eth0/address", "02:00:00:00:00:01\n"}, {NET "eth0/mtu", "1500\n"},
			{NET "eth0/operstate", "up\n"}, {NET "eth0/flags", "0x1103\n"},
			{NET "eth0/speed", "1000\n"},
			{NET "eth0/device", "-> ../../0000:00:03.0"},
			{NET "eth0/bonding_slave/perm_hwaddr", "02:00:00:00:00:02\n"},
			{NET "eth0.7/type", "1\n"}, {NET "wg0/type", "65534\n"},
			{NET "can0/type", "280\n"}, {NET "lo/type", "772\n"},
			{NET "lo/address", "00:00:00:00:00:00\n"},
			{NET "bonding_masters", "bond0\n"}},
		{{"interfaces",
			 "[\"bond0\", \"br-lan\", \"can0\", \"eth0\", \"eth0.7\", \"lo\", "
			 "\"wg0\"]"},
			{"bond0", "{\"device\": \"bond0\", \"type\": \"bonding\", \"slaves\": "
				  "[\"eth0\", \"eth1\"], \"mode\": \"802.3ad\", \"miimon\": "
				  "\"100\", \"lacp_rate\": \"slow\", \"primary\": \"eth0\", "
				  "\"all_slaves_active\": false}"},
			{"br_lan", "{\"device\": \"br-lan\", \"type\": \"bridge\", "
				   "\"interfaces\": [\"veth1\"], \"id\": \"8000.1\", \"stp\": "
				   "true}"},
			{"eth0",
				"{\"device\": \"eth0\", \"macaddress\": \"02:00:00:00:00:01\", "
				"\"mtu\": 1500, \"active\": true, \"type\": \"ether\", "
				"\"pciid\": \"0000:00:03.0\", \"perm_macaddress\": "
				"\"02:00:00:00:00:02\", \"speed\": 1000, \"promisc\": true}"},
			{"lo", "{\"device\": \"lo\", \"type\": \"loopback\"}"},
			{"wg0", "{\"device\": \"wg0\", \"type\": \"tunnel\"}"},
			{"can0", "{\"device\": \"can0\", \"type\": \"unknown\"}"},
			{"default_ipv4", "{}"}, {"default_ipv6", "{}"},
			{"all_ipv4_addresses", "[]"}}},
};

static void put_file(const char *root, const struct file *f)
{
	autofree char *path = xasprintf("%s%s", root, f->path);
	autofree char *directory = path_dirname(path);

	assert_int_equal(path_mkdirs(f->text ? directory : path, 0755, NULL), 0);
	if (f->text && strncmp(f->text, "-> ", 3) == 0)
		assert_int_equal(symlink(f->text + 3, path), 0);
	else if (f->text)
		assert_int_equal(file_replace(path, f->text, strlen(f->text), 0755, NULL), 0);
}

/* A member by the keys of a path: names may have dots, so a longest key is tried first. */
static const struct value *find(const struct value *dict, const char *path)
{
	const struct value *whole = value_dict_get(dict, path);

	for (size_t n = strlen(path); !whole && n-- > 1;) {
		if (path[n] != '.')
			continue;
		autofree char *key = xstrndup(path, n);
		const struct value *member = value_dict_get(dict, key);
		if (member)
			return find(member, path + n + 1);
	}
	return whole;
}

static unsigned check_fact(
	const struct tree *t, const struct value *facts, const struct expected *e)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *path = xasprintf("ansible_%s", e->fact);
	const struct value *told = find(facts, path);
	const struct value *wanted =
		e->json ? json_read(&arena, e->json, strlen(e->json), NULL, NULL, NULL, NULL)
			: NULL;

	assert_true(wanted || !e->json);
	if ((!told && !wanted) || (told && wanted && value_equal(told, wanted)))
		return 0;
	if (told)
		json_write(told, NULL, &text, NULL);
	print_message("%s: %s is %s, not %s\n", t->name, e->fact, told ? text.data : "missing",
		e->json ? e->json : "missing");
	return 1;
}

static void systems_are_told_by_their_files(void **state)
{
	struct world *w = *state;
	unsigned wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		autofree char *root = xasprintf("%s/tree%zu", w->dir, i);
		struct module_result r;
		assert_int_equal(path_mkdirs(root, 0755, NULL), 0);
		for (const struct file *f = trees[i].files; f->path; f++)
			put_file(root, f);
		assert_int_equal(
			module_call(&w->client, &r, "facts", 0, "{\"root\": \"%s\"}", root),
			ERR_NONE);
		const struct value *facts = value_dict_get(r.value, "ansible_facts");
		for (const struct expected *e = trees[i].facts; e->fact; e++)
			wrong += check_fact(&trees[i], facts, e);
		module_result_release(&r);
	}
	assert_int_equal(wrong, 0);
}

/* What is read must not end the helper, whatever it is. */
static void garbage_is_survived(void **state)
{
	static const char *const paths[] = {"/proc/cpuinfo", "/proc/meminfo", "/proc/mounts",
		"/proc/cmdline", "/etc/os-release", "/etc/resolv.conf", "/etc/lsb-release",
		"/proc/self/mountinfo", "/sys/block/sda/queue/scheduler", "/sys/block/sda/size",
		NET "eth0/mtu", NET "eth0/flags", DMI "chassis_type", "/proc/1/cgroup",
		"/etc/ssh/ssh_host_rsa_key.pub", "/proc/uptime", "/sys/fs/selinux/enforce",
		"/sys/fs/selinux/policyvers", NET "b/bonding/mode"};
	static const char *const texts[] = {"", "\n", ":", "=", "[", "\\", "\"", "a\n:\n=b\n",
		" ", "99999999999999999999", "-1", "\\777 \\400 x y z", "/docker-", "(", ")",
		"\xff\xfe"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		autofree char *root = xasprintf("%s/garbage%zu", w->dir, i);
		struct module_result r;
		for (size_t k = 0; k < ARRAY_SIZE(paths); k++)
			put_file(root, &(struct file){paths[k], texts[i]});
		assert_int_equal(
			module_call(&w->client, &r, "facts", 0, "{\"root\": \"%s\"}", root),
			ERR_NONE);
		module_result_release(&r);
	}
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(systems_are_told_by_their_files),
		WORLD_TEST(garbage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
