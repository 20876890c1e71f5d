/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pam_cost SERVICE USER COUNT: the median milliseconds of a whole transaction
 * (start, auth, account, session open and close, end) of a stack that asks
 * nothing. Two stacks that differ in one line show what the line costs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <security/pam_appl.h>

#define COUNT_MAX 1000

static int converse(int count, const struct pam_message **messages,
		    struct pam_response **ret_responses, void *data)
{
	(void)messages;
	(void)data;
	*ret_responses = calloc((size_t)count, sizeof(**ret_responses));
	return *ret_responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double run_once(const char *service, const char *user)
{
	const struct pam_conv conv = {converse, NULL};
	pam_handle_t *pamh = NULL;
	double start = now_ms();

	if (pam_start(service, user, &conv, &pamh) != PAM_SUCCESS)
		exit(2);
	int r = pam_authenticate(pamh, PAM_SILENT);
	if (r == PAM_SUCCESS)
		r = pam_acct_mgmt(pamh, PAM_SILENT);
	if (r == PAM_SUCCESS)
		r = pam_open_session(pamh, PAM_SILENT);
	if (r == PAM_SUCCESS)
		r = pam_close_session(pamh, PAM_SILENT);
	if (r != PAM_SUCCESS) {
		fprintf(stderr, "%s\n", pam_strerror(pamh, r));
		exit(1);
	}
	pam_end(pamh, r);
	return now_ms() - start;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double times[COUNT_MAX];
	int count = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;

	if (count < 1 || count > COUNT_MAX)
		return 64;
	for (int i = 0; i < count; i++)
		times[i] = run_once(argv[1], argv[2]);
	qsort(times, (size_t)count, sizeof(*times), by_size);
	printf("%.3f\n", times[count / 2]);
	return 0;
}
