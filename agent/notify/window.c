/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ways under one heading. Every field has a visible label that is also its
 * name for screen readers; what comes of a button is a status line, which they
 * read out. A code is checked for slips of the pen while it is typed, and its
 * scope shown, before anything is sent.
 */
#include "agent/notify/window.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <gtk/gtk.h>

#include "agent/notify/agent1.h"
#include "agent/notify/refusal.h"
#include "agent/notify/scope.h"
#include "agent/notify/text.h"
#include "policy/code.h"

#define SPACE	  12
#define NOTE_MAX  80 /* characters; 240 bytes of Japanese */
#define APP_ID	  "jp.sekimori.Notify"
#define WIDTH	  520
#define TEXT_SIZE 256

static const struct {
	const char *word; /* of the grant */
	const char *text;
} reasons[] = {
	{"data-return", N_("Returned or delivered data")},
	{"data-exchange", N_("Data for the prefecture or an agency")},
	{"maintenance", N_("Maintenance by a contractor")},
	{"emergency", N_("Disaster or emergency")},
	{"other", N_("Other (please write below)")},
};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static const struct {
	const char *word;
	const char *text;
} accesses[] = {
	{"read-only", N_("Read only")},
	{"read-write", N_("Read and write")},
	{"authorise", N_("Use of the device")},
};
#define ACCESSES (sizeof(accesses) / sizeof(accesses[0]))

static const unsigned minutes[] = {15, 30, 60, 120, 240, 480};
#define MINUTES (sizeof(minutes) / sizeof(minutes[0]))

struct window {
	const struct window_about *about;
	GDBusConnection *bus; /* NULL: there is none */
	GtkWidget *access;
	GtkWidget *reason;
	GtkWidget *duration;
	GtkWidget *note;
	GtkWidget *send;
	GtkWidget *sent; /* status line */
	GtkWidget *receipt;
	GtkWidget *code;
	GtkWidget *use;
	GtkWidget *scope; /* status line */
	GtkWidget *contact;
};

/* --- parts ----------------------------------------------------------------- */

static GtkWidget *new_line(const char *text)
{
	GtkWidget *label = gtk_label_new(text);

	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_wrap(GTK_LABEL(label), TRUE);
	return label;
}

/* Its changes are spoken. */
static GtkWidget *new_status_line(void)
{
	GtkWidget *label = g_object_new(GTK_TYPE_LABEL, "accessible-role",
					GTK_ACCESSIBLE_ROLE_STATUS, "xalign",
					0.0, "wrap", TRUE, NULL);

	gtk_widget_set_visible(label, FALSE);
	return label;
}

static void say(GtkWidget *line, const char *text)
{
	gtk_label_set_text(GTK_LABEL(line), text);
	gtk_accessible_update_property(GTK_ACCESSIBLE(line),
				       GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
	gtk_widget_set_visible(line, text[0] != '\0');
}

static GtkWidget *new_heading(const char *text)
{
	GtkWidget *label = new_line(text);

	gtk_widget_add_css_class(label, "heading");
	gtk_widget_set_margin_top(label, SPACE);
	return label;
}

/* A field below its predecessor, its label before it and tied to it. */
static void add_field(GtkGrid *grid, int row, const char *text,
		      GtkWidget *field)
{
	GtkWidget *label = gtk_label_new_with_mnemonic(text);

	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_mnemonic_widget(GTK_LABEL(label), field);
	gtk_widget_set_hexpand(field, TRUE);
	gtk_accessible_update_relation(GTK_ACCESSIBLE(field),
				       GTK_ACCESSIBLE_RELATION_LABELLED_BY,
				       label, NULL, -1);
	gtk_grid_attach(grid, label, 0, row, 1, 1);
	gtk_grid_attach(grid, field, 1, row, 1, 1);
}

static GtkGrid *new_grid(GtkBox *box)
{
	GtkWidget *grid = gtk_grid_new();

	gtk_grid_set_row_spacing(GTK_GRID(grid), SPACE / 2);
	gtk_grid_set_column_spacing(GTK_GRID(grid), SPACE);
	gtk_box_append(box, grid);
	return GTK_GRID(grid);
}

static GtkWidget *new_choice(const char *const *texts)
{
	return gtk_drop_down_new_from_strings(texts);
}

static unsigned chosen(GtkWidget *choice)
{
	return gtk_drop_down_get_selected(GTK_DROP_DOWN(choice));
}

static const char *text_of(GtkWidget *entry)
{
	return gtk_editable_get_text(GTK_EDITABLE(entry));
}

/* --- asking ---------------------------------------------------------------- */

static void call(struct window *window, const char *method, GVariant *arguments,
		 GAsyncReadyCallback on_reply)
{
	if (!window->bus)
		return;
	g_dbus_connection_call(
		window->bus, AGENT1_NAME, AGENT1_PATH, AGENT1_INTERFACE, method,
		arguments, NULL,
		G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
		AGENT1_TIMEOUT_MS, NULL, on_reply, window);
}

/* The answer, or the reason why there is none in `line`. */
static GVariant *finish(GObject *source, GAsyncResult *result, GtkWidget *line)
{
	g_autoptr(GError) error = NULL;
	GVariant *reply = g_dbus_connection_call_finish(
		G_DBUS_CONNECTION(source), result, &error);

	if (reply)
		return reply;
	g_autofree char *name = g_dbus_error_get_remote_error(error);
	const char *words = refusal_text(name);
	g_dbus_error_strip_remote_error(error);
	g_autofree char *text = g_strdup_printf(_("It was not accepted: %s"),
						words ? words : error->message);
	say(line, text);
	return NULL;
}

static void on_requested(GObject *source, GAsyncResult *result, void *userdata)
{
	struct window *window = userdata;
	g_autoptr(GVariant) reply = finish(source, result, window->sent);

	gtk_widget_set_sensitive(window->send, reply == NULL);
	if (reply)
		say(window->sent,
		    _("Your request was sent. You will be told of the answer; "
		      "the device can stay plugged in."));
}

static void on_send(GtkButton *button, void *userdata)
{
	struct window *window = userdata;
	GVariantBuilder request;

	g_variant_builder_init(&request, G_VARIANT_TYPE("a{sv}"));
	g_variant_builder_add(&request, "{sv}", "device",
			      g_variant_new_string(window->about->device));
	g_variant_builder_add(&request, "{sv}", "access",
			      g_variant_new_string(
				      accesses[chosen(window->access)].word));
	g_variant_builder_add(&request, "{sv}", "minutes",
			      g_variant_new_uint32(
				      minutes[chosen(window->duration)]));
	g_variant_builder_add(&request, "{sv}", "reason",
			      g_variant_new_string(
				      reasons[chosen(window->reason)].word));
	if (text_of(window->note)[0])
		g_variant_builder_add(&request, "{sv}", "note",
				      g_variant_new_string(
					      text_of(window->note)));
	gtk_widget_set_sensitive(GTK_WIDGET(button), FALSE);
	say(window->sent, _("Sending…"));
	call(window, "Request", g_variant_new("(a{sv})", &request),
	     on_requested);
}

/* --- by telephone ---------------------------------------------------------- */

static void on_used(GObject *source, GAsyncResult *result, void *userdata)
{
	struct window *window = userdata;
	g_autoptr(GVariant) reply = finish(source, result, window->scope);

	if (!reply) {
		gtk_widget_set_sensitive(window->use, TRUE);
		return;
	}
	gtk_editable_set_text(GTK_EDITABLE(window->code), "");
	say(window->scope, _("The code was accepted."));
}

static void on_use(GtkButton *button, void *userdata)
{
	struct window *window = userdata;

	gtk_widget_set_sensitive(GTK_WIDGET(button), FALSE);
	call(window, "UseCode",
	     g_variant_new("(ss)", text_of(window->receipt),
			   text_of(window->code)),
	     on_used);
}

/* Both texts as far as they go: what is wrong with them, or the scope. */
static void on_typed(GtkEditable *editable, void *userdata)
{
	struct window *window = userdata;
	char text[TEXT_SIZE] = "";
	bool is_ready = scope_of_typed(text_of(window->receipt),
				       text_of(window->code), text,
				       sizeof(text));

	(void)editable;
	gtk_widget_set_sensitive(window->use, is_ready && window->bus);
	say(window->scope, text);
}

/* --- the window ------------------------------------------------------------ */

static void add_about(struct window *window, GtkBox *box)
{
	const struct window_about *about = window->about;
	g_autofree char *title =
		about->name[0]
			? g_strdup_printf(_("“%s” needs permission"),
					  about->name)
			: g_strdup(_("Permission for a device or medium"));
	GtkWidget *line = new_line(title);

	gtk_widget_add_css_class(line, "title-2");
	gtk_box_append(box, line);
	if (!about->ref[0])
		return;
	g_autofree char *number = g_strdup_printf(_("Receipt number: %s"),
						  about->ref);
	line = new_line(number);
	gtk_widget_add_css_class(line, "title-3");
	gtk_label_set_selectable(GTK_LABEL(line), TRUE);
	gtk_box_append(box, line);
}

static GtkWidget *new_durations(void)
{
	char texts[MINUTES][32];
	const char *list[MINUTES + 1] = {NULL};

	for (size_t i = 0; i < MINUTES; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), _("%u minutes"),
			       minutes[i]);
		list[i] = texts[i];
	}
	return new_choice(list);
}

static void add_request(struct window *window, GtkBox *box)
{
	const char *what[ACCESSES + 1] = {NULL};
	const char *why[REASONS + 1] = {NULL};

	for (size_t i = 0; i < ACCESSES; i++)
		what[i] = _(accesses[i].text);
	for (size_t i = 0; i < REASONS; i++)
		why[i] = _(reasons[i].text);
	gtk_box_append(box, new_heading(_("Ask on-line")));
	GtkGrid *grid = new_grid(box);
	window->access = new_choice(what);
	window->reason = new_choice(why);
	window->duration = new_durations();
	gtk_drop_down_set_selected(GTK_DROP_DOWN(window->duration), 1);
	window->note = gtk_entry_new();
	gtk_entry_set_max_length(GTK_ENTRY(window->note), NOTE_MAX);
	add_field(grid, 0, _("_What for"), window->reason);
	add_field(grid, 1, _("_Access"), window->access);
	add_field(grid, 2, _("_How long"), window->duration);
	add_field(grid, 3, _("_Note"), window->note);
	window->send = gtk_button_new_with_mnemonic(_("_Send request"));
	gtk_widget_add_css_class(window->send, "suggested-action");
	gtk_widget_set_halign(window->send, GTK_ALIGN_END);
	gtk_widget_set_sensitive(window->send,
				 window->bus && window->about->device[0]);
	g_signal_connect(window->send, "clicked", G_CALLBACK(on_send), window);
	gtk_box_append(box, window->send);
	window->sent = new_status_line();
	gtk_box_append(box, window->sent);
}

static void add_telephone(struct window *window, GtkBox *box)
{
	gtk_box_append(box, new_heading(_("By telephone")));
	window->contact = new_line(
		_("Call the helpdesk, read out the receipt number, and type "
		  "the code that you are told."));
	gtk_box_append(box, window->contact);
	GtkGrid *grid = new_grid(box);
	window->receipt = gtk_entry_new();
	gtk_editable_set_text(GTK_EDITABLE(window->receipt),
			      window->about->ref);
	window->code = gtk_entry_new();
	gtk_entry_set_placeholder_text(GTK_ENTRY(window->code),
				       "XXXX-XXXX-XXXXX");
	gtk_entry_set_max_length(GTK_ENTRY(window->code), 40);
	add_field(grid, 0, _("_Receipt number"), window->receipt);
	add_field(grid, 1, _("_Code"), window->code);
	g_signal_connect(window->receipt, "changed", G_CALLBACK(on_typed),
			 window);
	g_signal_connect(window->code, "changed", G_CALLBACK(on_typed), window);
	window->scope = new_status_line();
	gtk_box_append(box, window->scope);
	window->use = gtk_button_new_with_mnemonic(_("_Use code"));
	gtk_widget_set_halign(window->use, GTK_ALIGN_END);
	gtk_widget_set_sensitive(window->use, FALSE);
	g_signal_connect(window->use, "clicked", G_CALLBACK(on_use), window);
	gtk_box_append(box, window->use);
}

static void on_status(GObject *source, GAsyncResult *result, void *userdata)
{
	struct window *window = userdata;
	g_autoptr(GVariant)
		reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source),
						      result, NULL);
	g_autoptr(GVariant) status = NULL;
	g_autofree char *contact = NULL;

	if (!reply || !g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})")))
		return;
	status = g_variant_get_child_value(reply, 0);
	if (!g_variant_lookup(status, "contact", "s", &contact))
		return;
	g_autofree char *text = g_strdup_printf(
		_("Call %s, read out the receipt number, and type the code "
		  "that you are told."),
		contact);
	gtk_label_set_text(GTK_LABEL(window->contact), text);
}

static void on_activate(GtkApplication *app, void *userdata)
{
	struct window *window = userdata;
	GtkWidget *top = gtk_application_window_new(app);
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACE / 2);

	/* Without a bus the window says so by its buttons; it still shows the
	 * number to read out */
	window->bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
	gtk_window_set_title(GTK_WINDOW(top), _("Ask for permission"));
	gtk_window_set_default_size(GTK_WINDOW(top), WIDTH, -1);
	gtk_window_set_icon_name(GTK_WINDOW(top), "security-high");
	gtk_widget_set_margin_top(box, SPACE);
	gtk_widget_set_margin_bottom(box, SPACE);
	gtk_widget_set_margin_start(box, SPACE);
	gtk_widget_set_margin_end(box, SPACE);
	add_about(window, GTK_BOX(box));
	add_request(window, GTK_BOX(box));
	add_telephone(window, GTK_BOX(box));
	gtk_window_set_child(GTK_WINDOW(top), box);
	call(window, "Status", NULL, on_status);
	if (!window->bus)
		say(window->sent, _("The service of this terminal cannot be "
				    "reached. Please use the telephone."));
	/* Else the number would be selected: it is the first that can be */
	gtk_widget_grab_focus(window->reason);
	gtk_window_present(GTK_WINDOW(top));
}

int window_run(const struct window_about *about)
{
	struct window window = {.about = about};
	/* Each block may have a window of its own */
	GtkApplication *app = gtk_application_new(APP_ID,
						  G_APPLICATION_NON_UNIQUE);

	g_signal_connect(app, "activate", G_CALLBACK(on_activate), &window);
	int status = g_application_run(G_APPLICATION(app), 0, NULL);
	g_clear_object(&window.bus);
	g_object_unref(app);
	return status;
}
