/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node is a guest in, or a host for. Many signs are looked at in a fixed order: the
 * first decides on type and role, and each adds to the lists of techniques.
 */
#include "base/fd.h"
#include "base/str.h"
#include "node/facts.h"

struct virtual
{
	struct facts *f;
	const char *type, *role; /* NULL before anything was found */
	struct strlist guest, host;
};

#define DMI "/sys/devices/virtual/dmi/id/"

static void add(struct strlist *l, const char *name)
{
	if (!strlist_has(l, name))
		strlist_add(l, name);
}

static void decide(struct virtual *v, const char *type, const char *role)
{
	if (!v->type) {
		v->type = type;
		v->role = role;
	}
}

static void is_guest(struct virtual *v, const char *technique)
{
	add(&v->guest, technique);
	decide(v, technique, "guest");
}

static void is_host(struct virtual *v, const char *technique)
{
	add(&v->host, technique);
	decide(v, technique, "host");
}

/* "/docker/" or "/docker-HEX.scope" in a line. */
static bool names_docker(const char *line)
{
	for (const char *at = line; (at = strstr(at, "/docker")); at++) {
		const char *rest = at + strlen("/docker");
		size_t hex = *rest == '-' ? strspn(rest + 1, "0123456789abcdef") : 0;
		if (*rest == '/' || (hex && str_starts(rest + 1 + hex, ".scope")))
			return true;
	}
	return false;
}

static void look_at_cgroups(struct virtual *v)
{
	const char *text = facts_text_or_empty(v->f, "/proc/1/cgroup"), *line;

	while ((line = facts_next_line(v->f->arena, &text))) {
		if (names_docker(line))
			is_guest(v, "docker");
		if (strstr(line, "/lxc/") || strstr(line, "/machine.slice/machine-lxc"))
			is_guest(v, "lxc");
		if (strstr(line, "/system.slice/containerd.service"))
			is_guest(v, "containerd");
	}
}

/* The environment of the first process, which only root may read. */
static void look_at_environment(struct virtual *v)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(facts_path(v->f, "/proc/1/environ"), FACTS_FILE_MAX, &text, NULL) < 0)
		return;
	for (const char *at = text.data; at < text.data + text.len; at += strlen(at) + 1) {
		if (strstr(at, "container=lxc"))
			is_guest(v, "lxc");
		if (strstr(at, "container=podman"))
			is_guest(v, "podman");
		if (str_starts(at, "container=") && at[strlen("container=")])
			is_guest(v, "container");
	}
}

static void look_at_containers(struct virtual *v)
{
	static const char *const kinds[] = {"docker", "lxc", "podman", "openvz", "containerd"};
	const char *systemd = facts_line(v->f, "/run/systemd/container");
	bool any = systemd != NULL;

	if (facts_exists(v->f, "/proc/vz") && !facts_exists(v->f, "/proc/lve")) {
		if (facts_exists(v->f, "/proc/bc"))
			is_host(v, "openvz");
		else
			is_guest(v, "openvz");
	}
	if (systemd)
		is_guest(v, systemd);
	if (facts_exists(v->f, "/.dockerenv") || facts_exists(v->f, "/.dockerinit"))
		is_guest(v, "docker");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		any |= strlist_has(&v->guest, kinds[i]);
	if (any)
		add(&v->guest, "container");
	if (!facts_exists(v->f, "/proc/xen"))
		return;
	if (strstr(facts_text_or_empty(v->f, "/proc/xen/capabilities"), "control_d"))
		is_host(v, "xen");
	else
		decide(v, "xen", "guest");
}

/* What the firmware says is a guest in something. In the order that they are looked at. */
static const struct {
	const char *file, *text, *technique;
} firmware[] = {
	{DMI "product_name", "KVM", "kvm"},
	{DMI "product_name", "KVM Server", "kvm"},
	{DMI "product_name", "Bochs", "kvm"},
	{DMI "product_name", "AHV", "kvm"},
	{DMI "sys_vendor", "oVirt", "oVirt"},
	{DMI "product_family", "RHV", "RHV"},
	{DMI "product_name", "RHEV Hypervisor", "RHEV"},
	{DMI "product_name", "VMware Virtual Platform", "VMware"},
	{DMI "product_name", "VMware7,1", "VMware"},
	{DMI "product_name", "OpenStack Compute", "openstack"},
	{DMI "product_name", "OpenStack Nova", "openstack"},
	{DMI "bios_vendor", "Xen", "xen"},
	{DMI "bios_vendor", "innotek GmbH", "virtualbox"},
	{DMI "bios_vendor", "Amazon EC2", "kvm"},
	{DMI "bios_vendor", "DigitalOcean", "kvm"},
	{DMI "bios_vendor", "Hetzner", "kvm"},
	{DMI "sys_vendor", "QEMU", "kvm"},
	{DMI "sys_vendor", "Amazon EC2", "kvm"},
	{DMI "sys_vendor", "DigitalOcean", "kvm"},
	{DMI "sys_vendor", "Google", "kvm"},
	{DMI "sys_vendor", "Scaleway", "kvm"},
	{DMI "sys_vendor", "Nutanix", "kvm"},
	{DMI "sys_vendor", "KubeVirt", "KubeVirt"},
	{DMI "sys_vendor", "Microsoft Corporation", "VirtualPC"},
	{DMI "sys_vendor", "Parallels Software International Inc.", "parallels"},
	{DMI "sys_vendor", "OpenStack Foundation", "openstack"},
};

static void look_at_firmware(struct virtual *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(firmware); i++) {
		const char *text = facts_text(v->f, firmware[i].file);
		bool red_hat = str_starts(firmware[i].technique, "RH");
		if (text && strcmp(text, firmware[i].text) == 0 &&
			(!red_hat || strcmp(facts_text_or_empty(v->f, DMI "sys_vendor"),
					     "Red Hat") == 0))
			is_guest(v, firmware[i].technique);
	}
}

static void look_at_processors(struct virtual *v)
{
	static const struct {
		const char *key, *text, *technique;
	} signs[] = {{"model name", "QEMU Virtual CPU", "kvm"},
		{"vendor_id", "User Mode Linux", "uml"}, {"model name", "UML", "uml"},
		{"machine", "CHRP IBM pSeries (emulated by qemu)", "kvm"},
		{"vendor_id", "PowerVM Lx86", "powervm_lx86"}};
	const char *text = facts_text_or_empty(v->f, "/proc/cpuinfo"), *line;

	while ((line = facts_next_line(v->f->arena, &text))) {
		for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
			if (str_starts(line, signs[i].key) && strstr(line, signs[i].text))
				is_guest(v, signs[i].technique);
	}
}

static void look_at_kernel(struct virtual *v)
{
	const char *text = facts_text_or_empty(v->f, "/proc/modules"), *line;
	bool kvm = false, virtualbox = false, virtio = false;

	while ((line = facts_next_line(v->f->arena, &text))) {
		kvm |= str_starts(line, "kvm ");
		virtualbox |= str_starts(line, "vboxdrv ");
		virtio |= str_starts(line, "virtio ");
	}
	if (kvm)
		is_host(v, "kvm");
	if (virtualbox)
		is_host(v, "virtualbox");
	/* Ansible counts a guest of virtio among the hosts of kvm. */
	if (virtio) {
		add(&v->host, "kvm");
		decide(v, "kvm", "guest");
	}
	if (facts_exists(v->f, "/dev/kvm"))
		is_host(v, "kvm");
	decide(v, "NA", "NA");
}

static void tell_list(struct facts *f, const char *key, const struct strlist *l)
{
	item_open_list(f->out, key);
	for (size_t i = 0; i < l->count; i++)
		facts_put(f, NULL, l->items[i]);
	item_close(f->out);
}

int facts_virtual(struct facts *f, struct err *err)
{
	struct virtual v = {.f = f};

	(void)err;
	look_at_cgroups(&v);
	look_at_environment(&v);
	look_at_containers(&v);
	look_at_firmware(&v);
	look_at_processors(&v);
	look_at_kernel(&v);
	facts_put(f, "ansible_virtualization_type", v.type);
	facts_put(f, "ansible_virtualization_role", v.role);
	tell_list(f, "ansible_virtualization_tech_guest", &v.guest);
	tell_list(f, "ansible_virtualization_tech_host", &v.host);
	strlist_release(&v.guest);
	strlist_release(&v.host);
	return 0;
}
