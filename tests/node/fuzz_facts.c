/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of a node whose files in /proc, /sys and /etc have any content: they are told, or
 * they are not, and nothing is read or written beyond what is there. The input is a list of
 * files: a byte that chooses one, then its content up to a byte 0xff.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCK "/sys/block/sda/"
#define NET   "/sys/class/net/eth0/"

static const char *const paths[] = {"/proc/cpuinfo", "/proc/meminfo", "/proc/mounts",
	"/proc/self/mountinfo", "/proc/cmdline", "/proc/uptime", "/proc/1/cgroup",
	"/proc/1/environ", "/proc/modules", "/proc/sys/kernel/ostype", "/proc/self/status",
	"/etc/os-release", "/usr/lib/os-release", "/etc/lsb-release", "/etc/redhat-release",
	"/etc/debian_version", "/etc/resolv.conf", "/etc/selinux/config", "/etc/passwd",
	"/etc/group", "/etc/iscsi/initiatorname.iscsi", "/etc/nvme/hostnqn",
	"/etc/ssh/ssh_host_rsa_key.pub", "/sys/fs/selinux/enforce", BLOCK "size",
	BLOCK "queue/scheduler", BLOCK "queue/logical_block_size", BLOCK "sda1/start",
	BLOCK "device/model", NET "mtu", NET "flags", NET "address", NET "speed", NET "type",
	"/sys/class/dmi/id/chassis_type", "/sys/class/dmi/id/product_name",
	"/sys/devices/virtual/dmi/id/sys_vendor", "/etc/ansible/facts.d/own.fact"};

static const char *root(void)
{
	static char path[200];
	const char *tmp = getenv("TMPDIR");

	if (!*path)
		snprintf(path, sizeof(path), "%s/modelfleet-fuzz-facts.%d", tmp ? tmp : "/tmp",
			(int)getpid());
	return path;
}

static void write_file(const char *path, const void *data, size_t n)
{
	autofree char *whole = xasprintf("%s%s", root(), path);
	autofree char *directory = path_dirname(whole);

	if (path_mkdirs(directory, 0755, NULL) < 0 ||
		file_replace(whole, data, n, 0644, NULL) < 0)
		abort();
}

static void gather(void)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT, result = STRBUF_INIT;
	struct item_writer w;
	struct err err = {0};
	struct node n;

	item_begin(&w, &args);
	item_put_string(&w, "root", root());
	if (item_finish(&w, NULL) < 0)
		abort();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	node_init(&n, null, null);
	struct node_call c = {.node = &n,
		.args = item_parse(&arena, args.data, args.len, NULL),
		.arena = &arena,
		.out = &w,
		.until = DEADLINE_NEVER};
	item_begin(&w, &result);
	if (node_module_find("facts")->run(&c, &err) == 0 &&
		(item_finish(&w, NULL) < 0 ||
			!item_parse(&arena, result.data, result.len, NULL)))
		abort();
	node_release(&n);
	close(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	if (path_remove_tree(root(), NULL) < 0 || path_mkdirs(root(), 0700, NULL) < 0)
		abort();
	for (size_t files = 0; data < end && files < 8; files++) {
		const char *path = paths[*data++ % ARRAY_SIZE(paths)];
		const uint8_t *stop = memchr(data, 0xff, (size_t)(end - data));
		stop = stop ? stop : end;
		write_file(path, data, (size_t)(stop - data));
		data = stop < end ? stop + 1 : end;
	}
	gather();
	path_remove_tree(root(), NULL);
	return 0;
}
