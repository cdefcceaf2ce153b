/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run-playbook and adhoc take from Ansible's settings where the command line is silent,
 * and what they say of options that have no meaning here.
 */
#include "base/log.h"
#include "cli/play_document.h"
#include "cli/play_settings.h"
#include "cli/play_text.h"

#define DOCUMENT_INDENT_MAX 64 /* spaces; more are none */

/* The outputs by Ansible's names. */
static const struct output {
	const char *name;
	const struct show_words *words;
	bool headed; /* results as RESULTS_HEADED, whatever callback_result_format says */
} outputs[] = {
	{"default", &play_words_text, false},
	{"ansible.builtin.default", &play_words_text, false},
	{"minimal", &play_words_text_minimal, false},
	{"ansible.builtin.minimal", &play_words_text_minimal, false},
	{"oneline", &play_words_text_oneline, false},
	{"ansible.builtin.oneline", &play_words_text_oneline, false},
	{"json", &play_words_document, false},
	{"ansible.posix.json", &play_words_document, false},
	{"yaml", &play_words_text, true},
	{"community.general.yaml", &play_words_text, true},
};

void play_settings_words(const struct config *config, struct show *s)
{
	const char *name = config_text(config, CONFIG_STDOUT_CALLBACK);
	AUTO(strbuf_release) struct strbuf origin = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		if (strcmp(outputs[i].name, name) != 0)
			continue;
		s->words = outputs[i].words;
		if (outputs[i].headed)
			s->results = RESULTS_HEADED;
		return;
	}
	config_explain(config, CONFIG_STDOUT_CALLBACK, &origin);
	log_warning("%s: there is no output '%s' here; taken is 'default', others are "
		    "'minimal', 'oneline', 'json' and 'yaml', and --json has events",
		origin.data, name);
	s->words = &play_words_text;
}

static enum show_results read_format(const struct config *config)
{
	const char *name = config_text(config, CONFIG_RESULT_FORMAT);
	AUTO(strbuf_release) struct strbuf origin = STRBUF_INIT;

	if (strcmp(name, "yaml") == 0)
		return RESULTS_YAML;
	if (strcmp(name, "json") == 0)
		return RESULTS_JSON;
	config_explain(config, CONFIG_RESULT_FORMAT, &origin);
	log_warning("%s: results are written as 'json' or 'yaml', not as '%s'; taken is 'json'",
		origin.data, name);
	return RESULTS_JSON;
}

static void say_unused(const char *option, const char *value, const char *why)
{
	if (value)
		log_info("--%s has no meaning here: %s", option, why);
}

static void say_what_is_unused(const struct engine_options *o)
{
	say_unused("scp-extra-args", o->scp_extra_args, "files go through the helper");
	say_unused("sftp-extra-args", o->sftp_extra_args, "files go through the helper");
}

static void set_places(struct play_run *p)
{
	const struct config *c = &p->engine->site.config;

	p->places = (struct play_places){.first = p->engine->o.module_path,
		.modules = config_text(c, CONFIG_LIBRARY),
		.utils = config_text(c, CONFIG_MODULE_UTILS),
		.actions = config_text(c, CONFIG_ACTION_PLUGINS),
		.collections = config_text(c, CONFIG_COLLECTIONS_PATH)};
	p->options.places = &p->places;
	p->options.interpreter = config_text(c, CONFIG_INTERPRETER_PYTHON);
	p->options.verbosity = p->engine->o.site.verbosity;
}

void play_settings_apply(struct play_run *p)
{
	struct engine *e = p->engine;
	const struct config *config = &e->site.config;
	struct show *s = &p->show;

	say_what_is_unused(&e->o);
	set_places(p);
	e->o.site.diff = e->o.site.diff || config_bool(config, CONFIG_DIFF_ALWAYS);
	if (config_bool(config, CONFIG_FORCE_HANDLERS))
		p->options.force_handlers = true;
	s->hides_skipped = !config_bool(config, CONFIG_DISPLAY_SKIPPED_HOSTS);
	s->hides_deprecations = !config_bool(config, CONFIG_DEPRECATION_WARNINGS);
	s->hides_ok = !config_bool(config, CONFIG_DISPLAY_OK_HOSTS);
	s->marks_check = e->o.site.check && config_bool(config, CONFIG_CHECK_MODE_MARKERS);
	if (config_text(config, CONFIG_PRETTY_RESULTS)) {
		s->pretty = config_bool(config, CONFIG_PRETTY_RESULTS);
		s->plain = !s->pretty;
	}
	s->results = read_format(config);
	int64_t indent = config_int(config, CONFIG_JSON_INDENT, 0);
	s->document_indent = indent > 0 && indent <= DOCUMENT_INDENT_MAX ? (unsigned)indent : 0;
	s->tells_stats = config_bool(config, CONFIG_SHOW_CUSTOM_STATS);
	s->failures_apart = config_bool(config, CONFIG_DISPLAY_FAILED_STDERR);
	s->paths_of_failures = config_bool(config, CONFIG_SHOW_TASK_PATH_ON_FAILURE);
	s->unreachable_first = true;
}

void play_settings_tell(const struct engine *e)
{
	const char *file = e->site.config.file;

	if (e->o.site.verbosity < 1 || e->o.json)
		return;
	if (file)
		printf("Using %s as config file\n", file);
	else
		printf("No config file found; using defaults\n");
}
