/* SPDX-License-Identifier: Apache-2.0 */
/* A row for each error of Request and UseCode (jp.sekimori.Agent1.xml). */
#include "agent/notify/refusal.h"

#include <stddef.h>
#include <string.h>

#include "agent/notify/agent1.h"
#include "agent/notify/text.h"

#define ERROR_OF(name) AGENT1_NAME ".Error." name

const char *refusal_text(const char *name)
{
	static const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{ERROR_OF("Misspelt"),
		 N_("A letter of the number or the code is wrong.")},
		{ERROR_OF("NoSuchReceipt"),
		 N_("This receipt number is not, or no longer, of this "
		    "terminal. Plug the device in again for a new one.")},
		{ERROR_OF("WrongCode"),
		 N_("The code is not for this number and this terminal.")},
		{ERROR_OF("OverLimit"),
		 N_("Who made the code may not give so much.")},
		{ERROR_OF("Later"),
		 N_("Too many wrong codes. Please wait and try again later; "
		    "everything else works on.")},
		{ERROR_OF("NotAtWork"),
		 N_("Please log in, or unlock the screen, with two factors "
		    "first.")},
		{ERROR_OF("NoSuchDevice"),
		 N_("The device is not plugged in any more.")},
		{ERROR_OF("NotInLedger"),
		 N_("This medium is not in the ledger, or no longer.")},
		{ERROR_OF("TooMany"), N_("Too many requests are waiting.")},
		{"org.freedesktop.DBus.Error.AccessDenied",
		 N_("You may not do that on this terminal.")},
		{"org.freedesktop.DBus.Error.ServiceUnknown",
		 N_("The service of this terminal cannot be reached. Please "
		    "use the telephone.")},
	};

	for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return _(rows[i].text);
	return NULL;
}
