/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules' entries, one file a module or a family of them; play/modules.c lists them in
 * the table that module_find searches.
 */
#ifndef PLAY_MODULES_MODULES_H
#define PLAY_MODULES_MODULES_H

#include "play/module.h"

extern const struct module module_add_host;
extern const struct module module_apt;
extern const struct module module_apt_key;
extern const struct module module_apt_repository;
extern const struct module module_assemble;
extern const struct module module_assert;
extern const struct module module_async_status;
extern const struct module module_authorized_key;
extern const struct module module_blockinfile;
extern const struct module module_command;
extern const struct module module_copy;
extern const struct module module_cron;
extern const struct module module_deb822_repository;
extern const struct module module_debconf;
extern const struct module module_debug;
extern const struct module module_dpkg_selections;
extern const struct module module_expect;
extern const struct module module_fail;
extern const struct module module_fetch;
extern const struct module module_file;
extern const struct module module_firewalld;
extern const struct module module_find_files; /* module_find looks modules up */
extern const struct module module_gather_facts;
extern const struct module module_get_url;
extern const struct module module_getent;
extern const struct module module_git;
extern const struct module module_group;
extern const struct module module_group_by;
extern const struct module module_health_check;
extern const struct module module_hostname;
extern const struct module module_include_vars;
extern const struct module module_iptables;
extern const struct module module_known_hosts;
extern const struct module module_lineinfile;
extern const struct module module_import_role; /* not in the table: the parser does it */
extern const struct module module_include_role;
extern const struct module module_include_tasks;
extern const struct module module_meta;
extern const struct module module_mount;
extern const struct module module_mount_facts;
extern const struct module module_package;
extern const struct module module_package_facts;
extern const struct module module_pause;
extern const struct module module_ping;
extern const struct module module_pip;
extern const struct module module_reboot;
extern const struct module module_replace;
extern const struct module module_raw;
extern const struct module module_script;
extern const struct module module_service;
extern const struct module module_service_facts;
extern const struct module module_set_fact;
extern const struct module module_set_stats;
extern const struct module module_setup;
extern const struct module module_shell;
extern const struct module module_slurp;
extern const struct module module_stat;
extern const struct module module_sync_models;
extern const struct module module_sysctl;
extern const struct module module_synchronize;
extern const struct module module_systemd;
extern const struct module module_tempfile;
extern const struct module module_template;
extern const struct module module_unarchive;
extern const struct module module_uri;
extern const struct module module_user;
extern const struct module module_validate_argument_spec;
extern const struct module module_wait_for;
extern const struct module module_wait_for_connection;

#endif
