/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enroll: gets this terminal its client certificate, EST-shaped (RFC 7030):
 * the CA is fetched and must have the pinned digest, then a request with the
 * one-time token, later renewals under the certificate itself.
 */
#pragma once

#include "agent/base/log.h"
#include "agent/ship/identity.h"
#include "agent/ship/settings.h"

struct enroll_options {
	const char *collector; /* https://HOST:PORT */
	const char *token;     /* may carry the pin: TOKEN.PIN */
	const char *pin;       /* NULL when ca_file or the token has it */
	const char *ca_file;   /* NULL, or a PEM file to trust */
	const char *tenant;    /* NULL: agent.conf's */
};

/*
 * Enrols and writes key, CA and certificate to the state directory, then, as
 * root, the address to agent.conf. As root the network part runs in a child
 * that has become the directory's owner. Returns 0, or -errno after having
 * logged what was wrong; the files of an earlier enrolment then still stand.
 */
int enroll_run(int root_fd, const struct enroll_options *options,
	       const struct log *log)
	__attribute__((nonnull, warn_unused_result));

/*
 * Renews the certificate for the same key and name and replaces client.crt.
 * Returns 0, -EACCES when the collector refuses, -EAGAIN when it cannot be
 * reached now, or -errno; logged by the caller.
 */
int enroll_renew(int state_fd, const struct settings *settings,
		 const struct identity *identity)
	__attribute__((nonnull, warn_unused_result));
