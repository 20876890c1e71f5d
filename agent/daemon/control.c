/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus: connecting when there is one, asking polkit, handing out answers.
 * Every question to another process is asynchronous.
 */
#include "agent/daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "agent/base/cleanup.h"
#include "agent/daemon/console.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control_methods.h"
#include "agent/daemon/login_loop.h"
#include "agent/daemon/notices.h"

#define BUS_NAME   CONTROL_BUS_NAME
#define BUS_PATH   "/jp/sekimori/Agent1"
#define BUS_SOCKET "unix:path=/run/dbus/system_bus_socket"

#define PUBLISH_MAX	   256
#define REQUESTS_MAX	   64 /* at the bus driver: it answers at once */
#define ASKING_MAX	   48 /* at polkit: a person may be asked */
#define ASKING_OF_USER_MAX 8
#define RECONNECT_US	   (1000ULL * 1000)
#define POLKIT_INTERACTIVE 1u
#define POLKIT_TIMEOUT_US  (120ULL * 1000 * 1000)

struct control {
	struct daemon *daemon;
	sd_bus *bus;
	sd_event_source *reconnect;
	bool is_connected;
	uint64_t published_seq;
	struct notices notices;
	struct console console;
	unsigned int request_count;
	/* Who waits for polkit: no user may hold up the others */
	uint32_t asking[ASKING_MAX];
	unsigned int asking_count;
};

/* A call on its way through the bus driver and polkit. */
struct request {
	struct control *control;
	const struct control_method *method;
	sd_bus_message *call;
	bool is_asking; /* counted in control.asking, not in request_count */
	uint32_t uid;	/* the caller's, once the bus has told */
};

DEFINE_CLEANUP(message, sd_bus_message *, sd_bus_message_unref);

/* --- who may -------------------------------------------------------------- */

static bool start_asking(struct control *control, uint32_t uid)
{
	unsigned int of_user = 0;

	for (unsigned int i = 0; i < control->asking_count; i++)
		of_user += control->asking[i] == uid;
	if (of_user >= ASKING_OF_USER_MAX ||
	    control->asking_count >= ASKING_MAX)
		return false;
	control->asking[control->asking_count++] = uid;
	return true;
}

static void stop_asking(struct control *control, uint32_t uid)
{
	for (unsigned int i = 0; i < control->asking_count; i++) {
		if (control->asking[i] != uid)
			continue;
		control->asking[i] = control->asking[--control->asking_count];
		return;
	}
}

static struct request *request_free(struct request *request)
{
	if (!request)
		return NULL;
	if (request->is_asking)
		stop_asking(request->control, request->uid);
	else
		request->control->request_count--;
	sd_bus_message_unref(request->call);
	free(request);
	return NULL;
}

static void request_destroy(void *userdata)
{
	request_free(userdata);
}

static void refuse(struct request *request, const char *name, const char *why)
{
	/* A caller that has gone needs no answer */
	(void)sd_bus_reply_method_errorf(request->call, name, "%s", why);
}

static void run(struct request *request)
{
	struct control_call asked = {
		.daemon = request->control->daemon,
		.call = request->call,
		.uid = request->uid,
	};
	int r = request->method->run(&asked);

	if (r < 0) /* as above */
		(void)sd_bus_reply_method_errno(request->call, r, NULL);
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct request *request = userdata;
	int authorized = 0, challenge = 0;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
	    sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
		refuse(request, SD_BUS_ERROR_ACCESS_DENIED,
		       "polkit gave no answer");
	else if (authorized)
		run(request);
	else if (challenge)
		refuse(request, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
		       "authentication is required");
	else
		refuse(request, SD_BUS_ERROR_ACCESS_DENIED, "not authorised");
	return 0;
}

/* The request now belongs to the slot, which frees it when it is done. */
static void hand_over(sd_bus_slot *slot)
{
	(void)sd_bus_slot_set_destroy_callback(slot, request_destroy);
	(void)sd_bus_slot_set_floating(slot, 1); /* fails for a dead bus only */
	sd_bus_slot_unref(slot);
}

static int ask_polkit(struct request *request)
{
	_cleanup_(cleanup_message) sd_bus_message *question = NULL;
	struct control *control = request->control;
	sd_bus_slot *slot = NULL;
	bool interactive = sd_bus_message_get_allow_interactive_authorization(
				   request->call) > 0;

	int r = sd_bus_message_new_method_call(
		control->bus, &question, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority",
		"org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
	if (r < 0)
		return r;
	r = sd_bus_message_append(question, "(sa{sv})sa{ss}us",
				  "system-bus-name", 1, "name", "s",
				  sd_bus_message_get_sender(request->call),
				  request->method->action, 0,
				  interactive ? POLKIT_INTERACTIVE : 0, "");
	if (r < 0)
		return r;
	r = sd_bus_call_async(control->bus, &slot, question, on_polkit, request,
			      POLKIT_TIMEOUT_US);
	if (r < 0)
		return r;
	hand_over(slot);
	return 0;
}

static struct request *request_new(struct control *control,
				   const struct control_method *method,
				   sd_bus_message *call)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->control = control;
	request->method = method;
	request->call = sd_bus_message_ref(call);
	return request;
}

static struct request *request_arrived(struct control *control,
				       const struct control_method *method,
				       sd_bus_message *call)
{
	struct request *request = NULL;

	if (control->request_count < REQUESTS_MAX)
		request = request_new(control, method, call);
	if (request)
		control->request_count++;
	return request;
}

/* The same request once more, now in its user's share of questions. */
static struct request *request_asking(const struct request *arrived,
				      uint32_t uid)
{
	struct control *control = arrived->control;

	if (!start_asking(control, uid))
		return NULL;
	struct request *request = request_new(control, arrived->method,
					      arrived->call);
	if (!request) {
		stop_asking(control, uid);
		return NULL;
	}
	request->is_asking = true;
	request->uid = uid;
	return request;
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct request *request = userdata;
	uint32_t uid;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_read(reply, "u", &uid) < 0) {
		refuse(request, SD_BUS_ERROR_ACCESS_DENIED,
		       "the caller is not known");
		return 0;
	}
	request->uid = uid;
	if (uid == 0) {
		run(request);
		return 0;
	}
	struct request *next = request_asking(request, uid);
	if (!next) {
		refuse(request, SD_BUS_ERROR_LIMITS_EXCEEDED,
		       "too many requests of this user wait for polkit");
	} else if (ask_polkit(next) < 0) {
		request_free(next);
		refuse(request, SD_BUS_ERROR_ACCESS_DENIED,
		       "polkit cannot be asked");
	}
	return 0;
}

/* Every method comes here: uid 0, or what polkit says. */
static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	const struct control_method *method =
		control_method(sd_bus_message_get_member(call));
	sd_bus_slot *slot = NULL;

	if (!method)
		return -ENOENT;
	struct request *request = request_arrived(control, method, call);
	if (!request)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					"too many requests");
	int r = sd_bus_call_method_async(
		control->bus, &slot, "org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus",
		"GetConnectionUnixUser", on_uid, request, "s",
		sd_bus_message_get_sender(call));
	if (r < 0) {
		request_free(request);
		return r;
	}
	hand_over(slot);
	return 1;
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Status", "", "a{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListDevices", "", "aa{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Explain", "s", "a{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Events", "tu", "a(ts)", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Reload", "", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("RotateKey", "", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("LoadPolicy", "h", "", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ConfirmKeyboard", "s", "", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Logins", "", "aa{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("LoginMode", "", "a{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SetLoginMode", "su", "", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StepUp", "", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Order", "h", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Request", "a{sv}", "s", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListGrants", "", "aa{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("EndGrant", "s", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("UseCode", "ss", "a{sv}", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Extend", "sus", "s", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SelfTested", "uuuus", "", on_call,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Subscribe", "", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("Event", "ts", 0),
	SD_BUS_SIGNAL("Notice", "ts", 0),
	SD_BUS_SIGNAL("StatusChanged", "", 0),
	SD_BUS_VTABLE_END,
};

/* --- connection ----------------------------------------------------------- */

static int connect_bus(struct control *control);

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)usec;
	control->bus = sd_bus_close_unref(control->bus);
	int r = connect_bus(control);
	if (r < 0)
		log_error(control->daemon->log, "no D-Bus: %s", errno_text(r));
	return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata,
			   sd_bus_error *error)
{
	struct control *control = userdata;

	(void)message;
	(void)error;
	control->is_connected = false;
	login_loop_set_bus(control->daemon->logins, NULL);
	(void)failure_raise(&control->daemon->failures, FAILURE_BUS,
			    "disconnected");
	/* Not from inside the bus's own callback */
	if (sd_event_source_set_time_relative(control->reconnect,
					      RECONNECT_US) < 0 ||
	    sd_event_source_set_enabled(control->reconnect, SD_EVENT_ONESHOT) <
		    0)
		log_error(control->daemon->log, "cannot reconnect to D-Bus");
	return 0;
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);

	(void)error;
	if (refusal) {
		(void)failure_raise(&control->daemon->failures, FAILURE_BUS,
				    refusal->message);
		log_error(control->daemon->log, "no name on D-Bus: %s",
			  refusal->message ? refusal->message : "refused");
		return 0;
	}
	struct recorder_status status;
	recorder_status(control->daemon->recorder, &status);
	control->published_seq = status.spool.durable_seq;
	control->is_connected = true;
	login_loop_set_bus(control->daemon->logins, control->bus);
	failure_clear(&control->daemon->failures, FAILURE_BUS);
	log_info(control->daemon->log, "on D-Bus as " BUS_NAME);
	return 0;
}

/* systemd-logind: true before the machine sleeps, false when it is back. What
 * was plugged, unplugged or switched meanwhile may have come without a word. */
static int on_sleep(sd_bus_message *message, void *userdata,
		    sd_bus_error *error)
{
	struct control *control = userdata;
	int is_going = 1;

	(void)error;
	if (sd_bus_message_read(message, "b", &is_going) < 0 || is_going)
		return 0;
	log_info(control->daemon->log, "back from sleep, comparing");
	events_reconcile(control->daemon);
	return 0;
}

static int set_up(struct control *control, sd_bus *bus)
{
	int r = sd_bus_set_address(bus, BUS_SOCKET);
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(bus, 1);
	if (r < 0)
		return r;
	/* At our start there is no bus for many seconds */
	r = sd_bus_set_watch_bind(bus, 1);
	if (r < 0)
		return r;
	r = sd_bus_start(bus);
	if (r < 0)
		return r;
	r = sd_bus_attach_event(bus, control->daemon->loop,
				SD_EVENT_PRIORITY_IDLE);
	if (r < 0)
		return r;
	r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_NAME, vtable,
				     control);
	if (r < 0)
		return r;
	r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", NULL,
				"org.freedesktop.DBus.Local", "Disconnected",
				on_disconnected, control);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(bus, NULL, "org.freedesktop.login1",
				      "/org/freedesktop/login1",
				      "org.freedesktop.login1.Manager",
				      "PrepareForSleep", on_sleep, NULL,
				      control);
	if (r < 0)
		return r;
	return sd_bus_request_name_async(bus, NULL, BUS_NAME, 0, on_name,
					 control);
}

static int connect_bus(struct control *control)
{
	sd_bus *bus = NULL;

	int r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = set_up(control, bus);
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	control->bus = bus;
	return 0;
}

int control_new(struct daemon *daemon, struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return -ENOMEM;
	control->daemon = daemon;
	(void)failure_raise(&daemon->failures, FAILURE_BUS,
			    "not connected yet");
	int r = sd_event_add_time_relative(daemon->loop, &control->reconnect,
					   CLOCK_MONOTONIC, 0, 0, on_reconnect,
					   control);
	if (r == 0)
		r = sd_event_source_set_enabled(control->reconnect,
						SD_EVENT_OFF);
	if (r == 0)
		r = connect_bus(control);
	if (r < 0) {
		control_free(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

struct control *control_free(struct control *control)
{
	if (!control)
		return NULL;
	sd_bus_close_unref(control->bus);
	sd_event_source_disable_unref(control->reconnect);
	free(control);
	return NULL;
}

void control_status_changed(struct control *control)
{
	if (control->is_connected)
		/* Nobody may be listening */
		(void)sd_bus_emit_signal(control->bus, BUS_PATH, BUS_NAME,
					 "StatusChanged", NULL);
}

int control_subscribe(struct control *control, const char *name, uint32_t uid)
{
	return notices_add(&control->notices, name, uid);
}

static int publish(uint64_t seq, const char *json, size_t size, void *userdata)
{
	struct control *control = userdata;
	_cleanup_free_ char *text = strndup(json, size);

	if (!text)
		return -ENOMEM;
	int r = sd_bus_emit_signal(control->bus, BUS_PATH, BUS_NAME, "Event",
				   "ts", seq, text);
	if (r < 0)
		return r;
	notices_send(&control->notices, control->bus, seq, text);
	console_tell(&control->console, control->daemon->dev_fd, text);
	control->published_seq = seq;
	return 0;
}

void control_publish(struct control *control)
{
	if (!control->is_connected)
		return;
	int r = recorder_each(control->daemon->recorder, control->published_seq,
			      PUBLISH_MAX, publish, control);
	if (r < 0)
		log_debug(control->daemon->log, "events not published: %s",
			  errno_text(r));
}
