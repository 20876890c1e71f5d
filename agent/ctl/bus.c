/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus: D-Bus errors by name, each with the next step for the person who reads
 * it. Must not start the daemon by itself: a terminal whose daemon is down has
 * to look like one.
 */
#include "agent/ctl/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/text.h"

/* polkit may be asking for a password meanwhile. */
#define CALL_TIMEOUT_US UINT64_C(120000000)

static int open_address(const char *address, sd_bus **ret_bus)
{
	sd_bus *bus = NULL;

	int r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret_bus = bus;
	return 0;
}

int bus_open(struct ctl *ctl)
{
	if (ctl->bus)
		return CTL_OK;

	int r = ctl->bus_address ? open_address(ctl->bus_address, &ctl->bus)
				 : sd_bus_open_system(&ctl->bus);
	if (r >= 0)
		return CTL_OK;
	fprintf(ctl->err, _("The system bus cannot be reached: %s\n"),
		strerror(-r));
	fprintf(ctl->err, _("Without it the daemon cannot be asked. Start it:\n"
			    "  sudo systemctl start dbus.socket\n"));
	return CTL_NOT_RUNNING;
}

static int tell_not_running(const struct ctl *ctl)
{
	fprintf(ctl->err, _("The daemon sekimorid is not running.\n"
			    "Start it, and see why it stopped:\n"
			    "  sudo systemctl start sekimorid\n"
			    "  sudo journalctl -b -u sekimorid\n"));
	return CTL_NOT_RUNNING;
}

static int tell_not_allowed(const struct ctl *ctl, const char *message)
{
	fputs(_("Not authorised"), ctl->err);
	fputs(": ", ctl->err);
	text_print(ctl->err, message);
	fputc('\n', ctl->err);
	fprintf(ctl->err,
		_("Status and devices are for the person at the terminal; "
		  "events and changes\nare for administrators. "
		  "Run it again with sudo, or at the terminal itself.\n"));
	return CTL_FAILED;
}

static void tell_message(const struct ctl *ctl, const char *message)
{
	text_print_lines(ctl->err, message);
	fputc('\n', ctl->err);
}

bool bus_is_absent(const sd_bus_error *error)
{
	return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
				      SD_BUS_ERROR_NAME_HAS_NO_OWNER,
				      SD_BUS_ERROR_DISCONNECTED);
}

int bus_tell(const struct ctl *ctl, const sd_bus_error *error, int r)
{
	const char *message = error->message ? error->message : strerror(-r);

	if (bus_is_absent(error))
		return tell_not_running(ctl);
	if (sd_bus_error_has_names(
		    error, SD_BUS_ERROR_ACCESS_DENIED,
		    SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		return tell_not_allowed(ctl, message);
	if (sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY,
				   SD_BUS_ERROR_TIMEOUT)) {
		fprintf(ctl->err, _("The daemon does not answer. Look at it:\n"
				    "  sudo journalctl -b -u sekimorid\n"));
		return CTL_FAILED;
	}
	if (sd_bus_error_has_name(error, BUS_NAME ".Error.NoSuchDevice") ||
	    sd_bus_error_has_name(error, BUS_NAME ".Error.Ambiguous")) {
		tell_message(ctl, message);
		fprintf(ctl->err,
			_("See what is known: sekimorictl devices\n"));
		return CTL_FAILED;
	}
	if (sd_bus_error_has_name(error, BUS_NAME ".Error.NotHeld")) {
		tell_message(ctl, message);
		fprintf(ctl->err, _("It is not a keyboard that waits, or it "
				    "was confirmed already.\n"));
		return CTL_FAILED;
	}
	if (sd_bus_error_has_name(error, BUS_NAME ".Error.PolicyRejected")) {
		tell_message(ctl, message);
		fprintf(ctl->err, _("The policy in force is unchanged.\n"));
		return CTL_FAILED;
	}
	if (sd_bus_error_has_name(error, BUS_NAME ".Error.OrderRejected")) {
		tell_message(ctl, message);
		fprintf(ctl->err, _("Nothing was changed.\n"));
		return CTL_FAILED;
	}
	fputs(_("The daemon refused"), ctl->err);
	fputs(": ", ctl->err);
	tell_message(ctl, message);
	return CTL_FAILED;
}

int bus_tell_garbled(const struct ctl *ctl)
{
	fprintf(ctl->err,
		_("The daemon's answer cannot be understood: are sekimorictl "
		  "and sekimorid of\nthe same version? Restart the daemon "
		  "after an upgrade:\n  sudo systemctl restart sekimorid\n"));
	return CTL_FAILED;
}

int bus_new_call(struct ctl *ctl, const char *member, sd_bus_message **ret_call)
{
	_cleanup_message_ sd_bus_message *call = NULL;

	int r = sd_bus_message_new_method_call(ctl->bus, &call, BUS_NAME,
					       BUS_PATH, BUS_INTERFACE, member);
	if (r < 0)
		return r;
	/* A script, or the completion, must not make polkit ask for a password. */
	r = sd_bus_message_set_allow_interactive_authorization(
		call, isatty(STDIN_FILENO));
	if (r < 0)
		return r;
	*ret_call = TAKE_PTR(call);
	return 0;
}

int bus_send(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply,
	     sd_bus_error *ret_error)
{
	int r = sd_bus_call(ctl->bus, call, CALL_TIMEOUT_US, ret_error,
			    ret_reply);
	return r < 0 ? r : 0;
}

int bus_call(struct ctl *ctl, const char *member, sd_bus_message **ret_reply,
	     const char *types, ...)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

	int r = bus_open(ctl);
	if (r != CTL_OK)
		return r;
	r = bus_new_call(ctl, member, &call);
	if (r >= 0 && types) {
		va_list args;

		va_start(args, types);
		r = sd_bus_message_appendv(call, types, args);
		va_end(args);
	}
	if (r >= 0)
		r = bus_send(ctl, call, ret_reply, &error);
	return r < 0 ? bus_tell(ctl, &error, r) : CTL_OK;
}
