/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking one host what it has. Nothing is changed there, and no lease is taken.
 *
 * Theory of operation. Models are compared by sync_host, as a deploy would. All other questions
 * are sent behind each other without waiting for answers, in two rounds: to the helper of the
 * login user, and, where services need root, to root's: it has transactions of its own, and
 * configs that nobody else may read. A question that the node answers with an error is a
 * problem of the host; whatever else fails breaks the line, and the host is away.
 */
#include "base/vec.h"
#include "cli/status_ask.h"
#include "fleet/fleet.h"
#include "play/items.h"

#define VAR_SERVICES "model_services"
#define VAR_BECOME   "model_become"
#define PING_SECONDS 5

/* ---- models ---- */

static void note_reading(void *worker, uint64_t done, uint64_t total)
{
	fleet_set_progress(worker, done, total);
}

/* True if an error says that the node is not there any more, or that we are to end. */
static bool is_away(const struct err *err)
{
	return err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT ||
	       err->code == ERR_CANCELLED || err->code == ERR_PROTOCOL;
}

static int compare_models(struct asker *a, struct fleet_worker *w, struct err *err)
{
	struct status_host *h = a->host;
	struct err why = {0};
	const struct sync_options o = {
		.ctx = a->ctx,
		.holder = "",
		.check = true,
		.look = true,
		.rehash = h->status->verify,
		.stall = h->status->engine.stall,
		.until = a->until,
		.cancel = a->cancel,
		.progress = h->status->verify ? note_reading : NULL,
		.progress_arg = w,
	};

	if (h->models->count == 0)
		return 0;
	if (sync_host(a->line->link, h->status->content, h->models, &o, &h->report, &why) < 0 &&
		is_away(&why))
		return err_set(err, why.code, "%s", why.text);
	return 0;
}

static void take_listed(struct status_host *h, const struct wire_list_item *item)
{
	bool staging = item->kind == WIRE_LISTED_STAGING;

	*VEC_PUSH(staging ? &h->staging : &h->there) = (struct status_version){
		.path = arena_strdup(&h->arena, item->version),
		.bytes = item->bytes,
		.written = item->written,
		.verified = item->kind == WIRE_LISTED_VERIFIED,
	};
}

static int by_path(const void *a, const void *b)
{
	const struct status_version *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* A node that never had a model has no directory for them: then the answer is an error. */
static int take_list(struct asker *a, const struct question *q, struct err *err)
{
	struct status_host *h = a->host;
	struct wire_list_item item;
	struct msg_reader reader;
	int more;

	if (q->why.code)
		return 0;
	msg_read(&reader, q->answer.data, q->answer.len);
	while ((more = wire_get_list_item(&reader, &item, err)) == 1)
		take_listed(h, &item);
	if (h->there.count)
		qsort(h->there.items, h->there.count, sizeof(*h->there.items), by_path);
	if (h->staging.count)
		qsort(h->staging.items, h->staging.count, sizeof(*h->staging.items), by_path);
	return more;
}

static int take_disk(struct asker *a, const struct question *q, struct err *err)
{
	const struct frame f = {.data = (const uint8_t *)q->answer.data, .len = q->answer.len};
	struct wire_disk disk;

	if (q->why.code)
		return 0;
	if (wire_get_disk(&f, &disk, err) < 0)
		return -1;
	a->host->disk_free = disk.bytes_free;
	a->host->disk_total = disk.bytes_total;
	return 0;
}

/* Everything of the root of models, which is closed then: a later round opens it again. */
static int ask_root(struct asker *a, struct err *err)
{
	const uint8_t root = ASK_ROOT;

	if (a->host->models->count == 0)
		return 0;
	if (ask_later(a, WIRE_LIST, a->ctx, &root, sizeof(root), take_list, NULL, err) < 0 ||
		ask_later(a, WIRE_DISK, a->ctx, &root, sizeof(root), take_disk, NULL, err) < 0)
		return -1;
	return ask_later(a, WIRE_ROOT_CLOSE, a->ctx, &root, sizeof(root), NULL, NULL, err);
}

/* ---- services ---- */

static const char *text_or(const struct value *dict, const char *key, const char *otherwise)
{
	const struct value *v = value_dict_get(dict, key);

	return v && value_is_string(v) ? v->text : otherwise;
}

/* The arguments of the node's module `service` that change nothing. */
static struct value *service_arguments(struct arena *a, const struct value *service)
{
	struct value *args = value_new_dict(a);
	struct value *units = value_new_list(a);
	const struct value *commands = value_dict_get(service, "commands");

	value_list_add(a, units, value_dict_get(service, "name"));
	value_dict_set(a, args, "manager",
		value_new_string(a, text_or(service, "manager", "systemd")));
	value_dict_set(a, args, "units", units);
	value_dict_set(a, args, "state", value_new_string(a, ""));
	if (commands && commands->kind == VALUE_DICT)
		value_dict_set(a, args, "commands", commands);
	return args;
}

static int take_service(struct asker *a, const struct question *q, struct err *err)
{
	struct status_host *h = a->host;
	struct status_service *s = &h->services.items[q->number];

	if (q->why.code) {
		s->error = arena_strdup(&h->arena, q->why.text);
		return 0;
	}
	const struct item *result = item_parse(&h->arena, q->answer.data, q->answer.len, err);
	const struct item *units = item_get(result, "units");
	if (!result)
		return -1;
	if (!units || units->type != ITEM_LIST || units->count == 0)
		return 0;
	const char *active = item_text(&h->arena, &units->items[0], "active");
	const char *sub = item_text(&h->arena, &units->items[0], "sub");
	s->active = active ? active : "";
	s->sub = sub ? sub : "";
	s->healthy = strcmp(s->active, "active") == 0;
	return 0;
}

static int ask_service(struct asker *a, const struct value *service, struct err *err)
{
	struct status_host *h = a->host;
	const char *name = text_or(service, "name", NULL);

	if (!name) {
		strlist_addf(&h->problems,
			VAR_SERVICES
			": found %s, expected a mapping with the name of a service",
			value_kind_name(service));
		return 0;
	}
	*VEC_PUSH(&h->services) =
		(struct status_service){.name = name, .active = "", .sub = ""};
	return ask_module(a, 0, "service", service_arguments(&h->arena, service), take_service,
		&(struct question){.number = h->services.count - 1}, err);
}

/* A list of the variables, or NULL; what is wrong with it is a problem of the host. */
static const struct value *list_of(struct status_host *h, const char *variable)
{
	struct err why = {0};
	const struct value *list = vars_find(h->view, variable, &why);

	if (list && list->kind == VALUE_LIST)
		return list;
	if (list && list->kind != VALUE_NULL)
		strlist_addf(&h->problems, "%s: found %s, expected a list", variable,
			value_kind_name(list));
	else if (why.code)
		strlist_add(&h->problems, why.text);
	return NULL;
}

static int ask_services(struct asker *a, struct err *err)
{
	const struct value *list = list_of(a->host, VAR_SERVICES);

	if (!list)
		return 0;
	value_list_foreach (service, list) {
		if (ask_service(a, service, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- transactions ---- */

static void take_transaction(struct status_host *h, const struct item *item)
{
	*VEC_PUSH(&h->transactions) = (struct status_transaction){
		.id = item_text(&h->arena, item, "id"),
		.state = item_text(&h->arena, item, "state"),
		.title = item_text(&h->arena, item, "title"),
		.outcome = item_text(&h->arena, item, "outcome"),
		.created = item_int(item, "created", 0),
	};
}

static int take_transactions(struct asker *a, const struct question *q, struct err *err)
{
	struct status_host *h = a->host;

	if (q->why.code) {
		strlist_addf(&h->problems, "transactions: %s", q->why.text);
		return 0;
	}
	/* The items point into what was parsed; their texts are copied by item_text. */
	const struct item *all = item_parse(&h->arena, q->answer.data, q->answer.len, err);
	const struct item *list = item_get(all, "transactions");
	if (!all)
		return -1;
	for (size_t i = 0; list && list->type == ITEM_LIST && i < list->count; i++)
		take_transaction(h, &list->items[i]);
	return 0;
}

static int ask_transactions(struct asker *a, uint16_t ctx, struct err *err)
{
	return ask_later(a, WIRE_TRANSACTION_LIST, ctx, NULL, 0, take_transactions, NULL, err);
}

/* ---- all of it ---- */

static int ask_as_login(struct asker *a, struct err *err)
{
	if (ask_root(a, err) < 0 || ask_services(a, err) < 0 || ask_configs(a, err) < 0 ||
		ask_transactions(a, 0, err) < 0)
		return -1;
	return ask_settle(a, err);
}

/* Who may not become root still sees all the rest. */
static int ask_as_root(struct asker *a, struct err *err)
{
	struct status_host *h = a->host;
	const struct value *become = vars_get(h->view, VAR_BECOME, NULL);
	struct err why = {0};
	uint16_t ctx = 0;

	if (become && !value_truthy(become))
		return ask_denied_configs(a, 0, err);
	if (line_user(a->line, h->connection.become_user, NULL, a->until, &ctx, &why) < 0 &&
		(!a->line->link || is_away(&why)))
		return err_set(err, why.code, "%s", why.text);
	if (ask_denied_configs(a, ctx, err) < 0 ||
		(ctx != 0 && ask_transactions(a, ctx, err) < 0))
		return -1;
	return ask_settle(a, err);
}

/* A line of an earlier round may be dead without our knowing: one that answers is used. */
static int open_line(struct asker *a, struct err *err)
{
	const struct frame ping = {.kind = WIRE_PING};
	struct status_host *h = a->host;
	const char *user = h->connection.become ? h->connection.become_user : NULL;
	deadline connected =
		deadline_min(a->until, deadline_in(h->status->engine.connect_timeout));
	struct frame pong;

	if (a->line->link &&
		link_call(a->line->link, &ping, &pong,
			deadline_min(connected, deadline_in(PING_SECONDS)), NULL) < 0)
		line_abort(a->line);
	if (a->line->link)
		link_set_cancel(a->line->link, a->cancel);
	if (line_open(a->line, connected, a->cancel, err) < 0)
		return -1;
	return line_user(a->line, user, NULL, connected, &a->ctx, err);
}

static int ask_all(struct asker *a, struct fleet_worker *w, struct err *err)
{
	if (open_line(a, err) < 0)
		return -1;
	fleet_reached(w);
	a->host->reached = true;
	if (compare_models(a, w, err) < 0 || ask_as_login(a, err) < 0)
		return -1;
	return ask_as_root(a, err);
}

int status_ask(struct fleet_worker *w, void *host, struct err *err)
{
	struct status_host *h = host;
	struct asker a = {.host = h,
		.line = &h->line,
		.until = fleet_deadline(w),
		.cancel = fleet_cancel(w),
		.stall = h->status->engine.stall};

	/* What the variables say is evaluated anew in each round, and forgotten after it. */
	vars_view_enter(h->view, &h->arena);
	int result = ask_all(&a, w, &h->err);
	vars_view_leave(h->view);
	ask_release(&a);
	if (result == 0 && h->status->watch)
		return 0;
	if (result < 0)
		line_abort(&h->line);
	else
		line_release(&h->line);
	return result < 0 ? err_set(err, h->err.code, "%s", h->err.text) : 0;
}

void status_clear(struct status_host *h)
{
	sync_report_release(&h->report);
	for (size_t i = 0; i < h->rows.count; i++)
		strlist_release(&h->rows.items[i].runs);
	strlist_release(&h->problems);
	free(h->there.items);
	free(h->staging.items);
	free(h->named.items);
	free(h->services.items);
	free(h->transactions.items);
	free(h->rows.items);
	free(h->extra.items);
	arena_release(&h->arena);
	*h = (struct status_host){.name = h->name,
		.view = h->view,
		.connection = h->connection,
		.line = h->line,
		.models = h->models,
		.status = h->status};
}
