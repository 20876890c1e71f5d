/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks sekimorid to be told (Subscribe) and prints the JSON of every Notice, a
 * line each, for so many seconds; also every Event, which nobody but root
 * should get: notice_listen SECONDS. Exit 3: it was refused.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define AGENT "jp.sekimori.Agent1"
#define PATH  "/jp/sekimori/Agent1"

static int on_signal(sd_bus_message *message, void *userdata,
		     sd_bus_error *error)
{
	const char *json;
	uint64_t seq;

	(void)userdata;
	(void)error;
	if (sd_bus_message_read(message, "ts", &seq, &json) < 0)
		return 0;
	printf("%s %s\n", sd_bus_message_get_member(message), json);
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	if (argc != 2 || sd_bus_open_system(&bus) < 0)
		return 1;
	time_t until = time(NULL) + strtol(argv[1], NULL, 10);
	(void)sd_bus_match_signal(bus, NULL, AGENT, PATH, AGENT, "Notice",
				  on_signal, NULL);
	(void)sd_bus_match_signal(bus, NULL, AGENT, PATH, AGENT, "Event",
				  on_signal, NULL);
	if (sd_bus_call_method(bus, AGENT, PATH, AGENT, "Subscribe", &error,
			       NULL, "") < 0) {
		printf("refused %s\n", error.name);
		return 3;
	}
	printf("subscribed\n");
	(void)fflush(stdout);
	while (time(NULL) < until) {
		int r = sd_bus_process(bus, NULL);
		if (r < 0)
			return 1;
		if (r == 0)
			(void)sd_bus_wait(bus, 500000);
	}
	sd_bus_flush_close_unref(bus);
	return 0;
}
