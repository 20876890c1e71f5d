/* SPDX-License-Identifier: Apache-2.0 */
/* GLib's loop with two sources: the bus, and the board's clock. */
#include "agent/notify/follow.h"

#include <stdio.h>
#include <string.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <libnotify/notify.h>

#include "agent/notify/agent1.h"
#include "agent/notify/board.h"
#include "agent/notify/text.h"

#define DESKTOP_FILE "sekimori-notify"
#define US_PER_MS    1000

struct follow {
	GMainLoop *loop;
	GDBusProxy *agent;
	struct board board;
	char *contact; /* NULL: not known yet */
	const char *self;
	const char *translations; /* NULL: the installed ones */
	guint timer;		  /* 0: nothing waits */
	bool has_markup;
};

static uint64_t mono_now_ms(void)
{
	return (uint64_t)g_get_monotonic_time() / US_PER_MS;
}

/* --- bubbles --------------------------------------------------------------- */

/* What a window is opened with; the texts are its own. */
struct request {
	const struct follow *follow;
	char *device;
	char *name;
	char *ref;
};

static void request_free(void *userdata)
{
	struct request *request = userdata;

	g_free(request->device);
	g_free(request->name);
	g_free(request->ref);
	g_free(request);
}

static void on_request(NotifyNotification *bubble, char *action, void *userdata)
{
	const struct request *request = userdata;
	const struct follow *follow = request->follow;
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();
	/* The file first: FILE_AND_ARGV_ZERO */
	g_strv_builder_add_many(words, follow->self, "sekimori-notify",
				"--request", "--device", request->device,
				"--name", request->name, "--ref", request->ref,
				NULL);
	if (follow->translations)
		g_strv_builder_add_many(words, "--translations",
					follow->translations, NULL);
	g_auto(GStrv) argv = g_strv_builder_end(words);
	g_autoptr(GError) error = NULL;

	(void)bubble;
	(void)action;
	if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_FILE_AND_ARGV_ZERO, NULL,
			   NULL, NULL, &error))
		g_warning("the window was not opened: %s", error->message);
}

static void add_buttons(struct follow *follow, NotifyNotification *bubble,
			const struct notice *notice)
{
	notify_notification_clear_actions(bubble);
	if (!notice->can_request)
		return;
	struct request *request = g_new0(struct request, 1);
	request->follow = follow;
	request->device = g_strdup(notice->device);
	request->name = g_strdup(notice->name);
	request->ref = g_strdup(notice->ref);
	notify_notification_add_action(bubble, "request",
				       _("Ask for permission…"), on_request,
				       request, request_free);
}

static NotifyUrgency urgency_of(enum notice_kind kind)
{
	switch (kind) {
	case NOTICE_BLOCKED:
	case NOTICE_WAITS:
	case NOTICE_ENDING:
	case NOTICE_LOGIN:
		/* Stays until it was seen, also while others are silenced */
		return NOTIFY_URGENCY_CRITICAL;
	default:
		return NOTIFY_URGENCY_NORMAL;
	}
}

static const char *icon_of(enum notice_kind kind)
{
	switch (kind) {
	case NOTICE_GRANTED:
	case NOTICE_RESUMED:
		return "emblem-ok";
	case NOTICE_ENDING:
	case NOTICE_ENDED:
	case NOTICE_SUSPENDED:
		return "appointment-soon";
	default:
		return "security-high";
	}
}

static void show(struct follow *follow, struct board_slot *slot)
{
	char title[NOTICE_TITLE_SIZE];
	char body[NOTICE_BODY_SIZE];
	g_autoptr(GError) error = NULL;

	board_texts(slot, title, body);
	/* A device may be called "<b>": it is a name, not markup */
	g_autofree char *safe = follow->has_markup
					? g_markup_escape_text(body, -1)
					: g_strdup(body);
	const char *icon = icon_of(slot->notice.kind);
	if (!slot->bubble)
		slot->bubble = notify_notification_new(title, safe, icon);
	else
		(void)notify_notification_update(slot->bubble, title, safe,
						 icon);
	NotifyNotification *bubble = slot->bubble;
	notify_notification_set_urgency(bubble, urgency_of(slot->notice.kind));
	notify_notification_set_hint(bubble, "desktop-entry",
				     g_variant_new_string(DESKTOP_FILE));
	add_buttons(follow, bubble, &slot->notice);
	if (!notify_notification_show(bubble, &error)) {
		g_warning("not shown: %s: %s", title, error->message);
		/* The service may only be starting: once more, later */
		slot->is_due = true;
	}
}

static gboolean on_timer(void *userdata);

static void show_due(struct follow *follow)
{
	struct board_slot *slot;
	uint64_t wait_ms = 0;

	/* One that failed is due again, but not before its quiet time */
	while ((slot = board_next(&follow->board, mono_now_ms(), &wait_ms)))
		show(follow, slot);
	if (wait_ms > 0 && follow->timer == 0)
		follow->timer = g_timeout_add((guint)wait_ms, on_timer, follow);
}

static gboolean on_timer(void *userdata)
{
	struct follow *follow = userdata;

	follow->timer = 0;
	show_due(follow);
	return G_SOURCE_REMOVE;
}

/* --- bus ------------------------------------------------------------------- */

static void take_notice(struct follow *follow, GVariant *parameters)
{
	struct notice notice;
	const char *json;
	guint64 seq;
	void *old = NULL;

	if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(ts)")))
		return;
	g_variant_get(parameters, "(t&s)", &seq, &json);
	notice_make(span_str(json), follow->contact, &notice);
	if (notice.kind == NOTICE_NONE)
		return;
	(void)board_add(&follow->board, &notice, mono_now_ms(), &old);
	g_clear_object((GObject **)&old);
	show_due(follow);
}

static void on_status(GObject *source, GAsyncResult *result, void *userdata)
{
	struct follow *follow = userdata;
	g_autoptr(GVariant) reply =
		g_dbus_proxy_call_finish(G_DBUS_PROXY(source), result, NULL);
	g_autoptr(GVariant) status = NULL;
	char *contact = NULL;

	/* else blocks are told without whom to call */
	if (!reply || !g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})")))
		return;
	status = g_variant_get_child_value(reply, 0);
	if (!g_variant_lookup(status, "contact", "s", &contact))
		return;
	g_free(follow->contact);
	follow->contact = contact;
}

static void ask(struct follow *follow, const char *method,
		GAsyncReadyCallback on_reply)
{
	g_dbus_proxy_call(follow->agent, method, NULL, G_DBUS_CALL_FLAGS_NONE,
			  AGENT1_TIMEOUT_MS, NULL, on_reply, follow);
}

static void on_subscribed(GObject *source, GAsyncResult *result, void *userdata)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply =
		g_dbus_proxy_call_finish(G_DBUS_PROXY(source), result, &error);

	(void)userdata;
	if (!reply)
		g_warning("sekimorid does not tell us of blocks: %s",
			  error->message);
}

static void on_signal(GDBusProxy *agent, const char *sender, const char *signal,
		      GVariant *parameters, void *userdata)
{
	(void)agent;
	(void)sender;
	if (strcmp(signal, "Notice") == 0)
		take_notice(userdata, parameters);
	else if (strcmp(signal, "StatusChanged") == 0)
		ask(userdata, "Status", on_status);
}

/* Also after the daemon was restarted: it has forgotten who listens. */
static void greet(struct follow *follow)
{
	g_autofree char *owner = g_dbus_proxy_get_name_owner(follow->agent);

	if (!owner)
		return;
	ask(follow, "Subscribe", on_subscribed);
	ask(follow, "Status", on_status);
}

static void on_owner(GObject *agent, GParamSpec *property, void *userdata)
{
	(void)agent;
	(void)property;
	greet(userdata);
}

static void listen_to(struct follow *follow)
{
	g_signal_connect(follow->agent, "g-signal", G_CALLBACK(on_signal),
			 follow);
	g_signal_connect(follow->agent, "notify::g-name-owner",
			 G_CALLBACK(on_owner), follow);
	greet(follow);
}

/* --- life ------------------------------------------------------------------ */

static gboolean on_end(void *userdata)
{
	struct follow *follow = userdata;

	g_main_loop_quit(follow->loop);
	return G_SOURCE_CONTINUE;
}

static bool can_markup(void)
{
	GList *caps = notify_get_server_caps();
	bool has = g_list_find_custom(caps, "body-markup",
				      (GCompareFunc)g_strcmp0) != NULL;

	g_list_free_full(caps, g_free);
	return has;
}

int follow_run(const char *self, const char *translations)
{
	struct follow follow = {.self = self, .translations = translations};
	g_autoptr(GError) error = NULL;

	if (!notify_init(_("Media and device control"))) {
		fprintf(stderr, "sekimori-notify: no session to notify\n");
		return 1;
	}
	/* There need be no sekimorid yet */
	follow.agent = g_dbus_proxy_new_for_bus_sync(
		G_BUS_TYPE_SYSTEM,
		G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES |
			G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
		NULL, AGENT1_NAME, AGENT1_PATH, AGENT1_INTERFACE, NULL, &error);
	if (!follow.agent) {
		fprintf(stderr, "sekimori-notify: no system bus: %s\n",
			error->message);
		notify_uninit();
		return 1;
	}
	follow.has_markup = can_markup();
	follow.loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGTERM, on_end, &follow);
	g_unix_signal_add(SIGINT, on_end, &follow);
	listen_to(&follow);
	g_main_loop_run(follow.loop);

	for (size_t i = 0; i < BOARD_SLOTS; i++)
		g_clear_object((GObject **)&follow.board.slots[i].bubble);
	g_main_loop_unref(follow.loop);
	g_object_unref(follow.agent);
	g_free(follow.contact);
	notify_uninit();
	return 0;
}
