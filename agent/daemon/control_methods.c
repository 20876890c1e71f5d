/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the bus interface, each run once its caller is authorised:
 * arguments in, answer or named error out. Who may is decided in control.c.
 */
#include "agent/daemon/control_methods.h"

#include <errno.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control.h"
#include "agent/daemon/control_answer.h"
#include "agent/daemon/control_grants.h"
#include "agent/daemon/control_logins.h"
#include "agent/daemon/health.h"
#include "agent/daemon/login_loop.h"
#include "agent/daemon/policy_offer.h"
#include "agent/daemon/tamper.h"

#define EVENTS_MAX 1000

DEFINE_CLEANUP(message, sd_bus_message *, sd_bus_message_unref);

static int run_status(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;

	int r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	r = answer_status(asked->daemon, reply);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int run_list_devices(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;

	int r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	r = answer_devices(asked->daemon, reply);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int run_explain(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;
	char ids[ANSWER_IDS_SIZE];
	const char *name;

	int r = sd_bus_message_read(asked->call, "s", &name);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	r = answer_explain(asked->daemon, name, reply, ids);
	if (r == -ENOENT)
		return sd_bus_reply_method_errorf(
			asked->call, CONTROL_BUS_NAME ".Error.NoSuchDevice",
			"no device '%s' is present", name);
	if (r == -ENOTUNIQ)
		return sd_bus_reply_method_errorf(
			asked->call, CONTROL_BUS_NAME ".Error.Ambiguous",
			"'%s' names several: %s", name, ids);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int run_events(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;
	uint64_t after;
	uint32_t max;

	int r = sd_bus_message_read(asked->call, "tu", &after, &max);
	if (r < 0)
		return r;
	if (max < 1 || max > EVENTS_MAX)
		return sd_bus_reply_method_errorf(
			asked->call, SD_BUS_ERROR_INVALID_ARGS,
			"max must be between 1 and %d", EVENTS_MAX);
	r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	r = answer_events(asked->daemon, after, max, reply);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int answer_policy(struct control_call *asked, int r)
{
	login_loop_turn(
		asked->daemon->logins); /* its part of it is in force too */
	if (r == BUNDLE_OK || r == BUNDLE_SAME)
		return sd_bus_reply_method_return(asked->call, NULL);
	return sd_bus_reply_method_errorf(
		asked->call, CONTROL_BUS_NAME ".Error.PolicyRejected", "%s",
		asked->daemon->pipeline.bundle.error);
}

static int run_reload(struct control_call *asked)
{
	return answer_policy(asked, daemon_reload(asked->daemon));
}

static int run_rotate_key(struct control_call *asked)
{
	int r = recorder_rotate_key(asked->daemon->recorder);

	return r < 0 ? r : sd_bus_reply_method_return(asked->call, NULL);
}

static int run_load_policy(struct control_call *asked)
{
	int fd; /* the message's */

	int r = sd_bus_message_read(asked->call, "h", &fd);
	if (r < 0)
		return r;
	return answer_policy(asked, policy_offer_fd(asked->daemon, fd));
}

static int run_confirm(struct control_call *asked)
{
	struct pipeline *pipeline = &asked->daemon->pipeline;
	const char *name;

	int r = sd_bus_message_read(asked->call, "s", &name);
	if (r < 0)
		return r;
	struct usb_entry *entry = devices_usb_named(&pipeline->devices, name);
	if (!entry)
		return sd_bus_reply_method_errorf(
			asked->call, CONTROL_BUS_NAME ".Error.NoSuchDevice",
			"no USB device '%s' is present", name);
	r = pipeline_confirm_keyboard(pipeline, entry, asked->uid);
	if (r == PIPELINE_NOT_HELD)
		return sd_bus_reply_method_errorf(
			asked->call, CONTROL_BUS_NAME ".Error.NotHeld",
			"'%s' does not wait for anybody", name);
	if (r < 0)
		return r;
	return sd_bus_reply_method_return(asked->call, NULL);
}

static int run_logins(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;

	int r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	r = answer_logins(asked->daemon, reply);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int run_login_mode(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;

	int r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	r = answer_login_mode(asked->daemon, reply);
	if (r < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static int run_set_login_mode(struct control_call *asked)
{
	const char *mode;
	uint32_t trial_s;

	int r = sd_bus_message_read(asked->call, "su", &mode, &trial_s);
	if (r < 0)
		return r;
	bool is_enforced = strcmp(mode, "enforce") == 0;
	if ((!is_enforced && strcmp(mode, "report") != 0) ||
	    trial_s > LOGIN_TRIAL_MAX_S)
		return sd_bus_reply_method_errorf(
			asked->call, SD_BUS_ERROR_INVALID_ARGS,
			"'enforce' or 'report', and at most %d seconds",
			LOGIN_TRIAL_MAX_S);
	r = login_loop_turn_switch(asked->daemon->logins, is_enforced, trial_s);
	if (r == LOGIN_SWITCH_NO_GLASS)
		return sd_bus_reply_method_errorf(
			asked->call, CONTROL_BUS_NAME ".Error.NoBreakGlass",
			"no 'login break-glass' line: nobody could come in "
			"when the factors fail");
	if (r < 0)
		return r;
	return sd_bus_reply_method_return(asked->call, NULL);
}

static int run_step_up(struct control_call *asked)
{
	struct logins *logins = login_loop_logins(asked->daemon->logins);

	if (logins_step_up(logins, asked->uid, clock_boot_ns()) != 0)
		return sd_bus_reply_method_errorf(
			asked->call, CONTROL_BUS_NAME ".Error.NotProven",
			"two factors were not proven by the person in front "
			"of this terminal");
	login_loop_turn(asked->daemon->logins); /* media are judged again */
	return sd_bus_reply_method_return(asked->call, NULL);
}

static int run_order(struct control_call *asked)
{
	int fd; /* the message's */

	int r = sd_bus_message_read(asked->call, "h", &fd);
	if (r < 0)
		return r;
	r = tamper_order_fd(asked->daemon, fd);
	if (r < 0)
		return r;
	if (r == TAMPER_OK)
		return sd_bus_reply_method_return(asked->call, NULL);
	return sd_bus_reply_method_errorf(asked->call,
					  CONTROL_BUS_NAME
					  ".Error.OrderRejected",
					  "%s", asked->daemon->tamper.error);
}

static int run_selftested(struct control_call *asked)
{
	struct record_selftest result = {0};

	int r = sd_bus_message_read(asked->call, "uuuus", &result.closed,
				    &result.users_only, &result.open,
				    &result.untested, &result.open_ways);
	if (r < 0)
		return r;
	health_tell_selftest(asked->daemon, &result);
	return sd_bus_reply_method_return(asked->call, NULL);
}

static int run_subscribe(struct control_call *asked)
{
	int r = control_subscribe(asked->daemon->control,
				  sd_bus_message_get_sender(asked->call),
				  asked->uid);

	if (r == -ENOBUFS)
		return sd_bus_reply_method_errorf(
			asked->call, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"too many programs are told already");
	return r < 0 ? r : sd_bus_reply_method_return(asked->call, NULL);
}

static const struct control_method methods[] = {
	{"Status", "jp.sekimori.agent.status", run_status},
	{"ListDevices", "jp.sekimori.agent.status", run_list_devices},
	{"Explain", "jp.sekimori.agent.status", run_explain},
	{"Events", "jp.sekimori.agent.events", run_events},
	{"Reload", "jp.sekimori.agent.manage", run_reload},
	{"RotateKey", "jp.sekimori.agent.manage", run_rotate_key},
	{"LoadPolicy", "jp.sekimori.agent.manage", run_load_policy},
	{"ConfirmKeyboard", "jp.sekimori.agent.confirm", run_confirm},
	{"Logins", "jp.sekimori.agent.status", run_logins},
	{"LoginMode", "jp.sekimori.agent.status", run_login_mode},
	{"SetLoginMode", "jp.sekimori.agent.manage", run_set_login_mode},
	{"StepUp", "jp.sekimori.agent.prove", run_step_up},
	{"Order", "jp.sekimori.agent.manage", run_order},
	{"Request", "jp.sekimori.agent.request", run_request},
	{"ListGrants", "jp.sekimori.agent.status", run_list_grants},
	{"EndGrant", "jp.sekimori.agent.request", run_end_grant},
	{"UseCode", "jp.sekimori.agent.request", run_use_code},
	{"Extend", "jp.sekimori.agent.request", run_extend},
	{"SelfTested", "jp.sekimori.agent.manage", run_selftested},
	{"Subscribe", "jp.sekimori.agent.status", run_subscribe},
};

const struct control_method *control_method(const char *member)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].member, member) == 0)
			return &methods[i];
	return NULL;
}
