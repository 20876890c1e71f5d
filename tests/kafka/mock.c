/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock: librdkafka's mock cluster as a program, and a consumer of it. Prints the
 * brokers' addresses, then obeys lines: "down N", "up N" (broker), "deny"
 * (the next produce requests are refused), "large" (the same, as too large),
 * "read" prints all that came since, one line each: PARTITION KEY TERMINAL BODY,
 * then "end".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define BROKERS	   3
#define PARTITIONS 4
#define TOPIC	   "sekimori"
#define PRODUCE	   0 /* Kafka's ApiKey */
#define QUIET_MS   1500
#define ERRORS_MAX 100

static rd_kafka_t *new_client(rd_kafka_type_t type, const char *servers)
{
	char error[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;

	if (servers)
		(void)rd_kafka_conf_set(conf, "bootstrap.servers", servers,
					NULL, 0);
	if (type == RD_KAFKA_CONSUMER)
		(void)rd_kafka_conf_set(conf, "group.id", "mock", NULL, 0);
	(void)rd_kafka_conf_set(conf, "enable.auto.commit", "false", NULL, 0);
	(void)rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	rk = rd_kafka_new(type, conf, error, sizeof(error));
	if (!rk) {
		fprintf(stderr, "mock: %s\n", error);
		exit(1);
	}
	return rk;
}

static rd_kafka_t *new_consumer(const char *servers)
{
	rd_kafka_t *rk = new_client(RD_KAFKA_CONSUMER, servers);
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(PARTITIONS);

	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(list, TOPIC, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	(void)rd_kafka_poll_set_consumer(rk);
	(void)rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return rk;
}

static void print_message(const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers = NULL;
	const void *terminal = "?";
	size_t size = 1;

	if (rd_kafka_message_headers(m, &headers) == 0)
		(void)rd_kafka_header_get_last(headers, "terminal", &terminal,
					       &size);
	printf("%d %.*s %.*s %.*s\n", m->partition, (int)m->key_len,
	       (const char *)m->key, (int)size, (const char *)terminal,
	       (int)m->len, (const char *)m->payload);
}

static void read_all(rd_kafka_t *consumer)
{
	rd_kafka_message_t *m;
	int errors = 0;

	while (errors < ERRORS_MAX &&
	       (m = rd_kafka_consumer_poll(consumer, QUIET_MS))) {
		if (m->err)
			errors++; /* a broker that is down */
		else
			print_message(m);
		rd_kafka_message_destroy(m);
	}
	printf("end\n");
}

int main(void)
{
	rd_kafka_t *host = new_client(RD_KAFKA_PRODUCER, NULL);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host,
								     BROKERS);
	const char *servers = rd_kafka_mock_cluster_bootstraps(cluster);
	rd_kafka_t *consumer;
	char line[64];
	int broker;

	(void)rd_kafka_mock_topic_create(cluster, TOPIC, PARTITIONS, BROKERS);
	consumer = new_consumer(servers);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s\n", servers);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "down %d", &broker) == 1)
			(void)rd_kafka_mock_broker_set_down(cluster, broker);
		else if (sscanf(line, "up %d", &broker) == 1)
			(void)rd_kafka_mock_broker_set_up(cluster, broker);
		else if (strcmp(line, "deny\n") == 0)
			rd_kafka_mock_push_request_errors(
				cluster, PRODUCE, 1,
				RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
		else if (strcmp(line, "large\n") == 0)
			rd_kafka_mock_push_request_errors(
				cluster, PRODUCE, 1,
				RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
		else if (strcmp(line, "read\n") == 0)
			read_all(consumer);
	}
	rd_kafka_destroy(consumer);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}
