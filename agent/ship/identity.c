/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the three files; writing them is enroll.c's. */
#include "agent/ship/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/ship/limits.h"
#include "agent/ship/settings.h"

#include "agent/base/banned.h"

void identity_fini(struct identity *identity)
{
	if (identity->key_pem)
		explicit_bzero(identity->key_pem, strlen(identity->key_pem));
	cleanup_free(&identity->key_pem);
	cleanup_free(&identity->cert_pem);
	cleanup_free(&identity->ca_pem);
	*identity = (struct identity){0};
}

int identity_load(int state_fd, struct identity *ret_identity)
{
	_cleanup_identity_ struct identity identity = {0};

	int r = read_small_file(state_fd, IDENTITY_CERT, PEM_FILE_MAX,
				&identity.cert_pem, NULL);
	if (r == 0)
		r = read_small_file(state_fd, IDENTITY_KEY, PEM_FILE_MAX,
				    &identity.key_pem, NULL);
	if (r == 0)
		r = read_small_file(state_fd, IDENTITY_CA, PEM_FILE_MAX,
				    &identity.ca_pem, NULL);
	if (r == 0)
		r = pki_check_pair(identity.cert_pem, identity.key_pem,
				   &identity.life);
	if (r == 0)
		r = pki_read_uri(identity.cert_pem, identity.uri);
	if (r == 0)
		r = pki_check_ca(identity.ca_pem);
	if (r < 0)
		return r;

	*ret_identity = identity;
	memset(&identity, 0, sizeof(identity)); /* moved out */
	return 0;
}

int identity_host_id(int root_fd, char ret_id[HEX_SIZE(FRAME_ID_SIZE)])
{
	uint8_t id[FRAME_ID_SIZE];
	char text[HEX_SIZE(FRAME_ID_SIZE) + 1];

	int r = read_line_file(root_fd, TERMINAL_PATH, text, sizeof(text));
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (hex_decode(text, strlen(text), id, sizeof(id)) < 0)
		return -EBADMSG;
	hex_encode(id, sizeof(id), ret_id);
	return 0;
}

bool identity_is_of(const struct identity *identity, const char *host_id)
{
	const char *last = strrchr(identity->uri, ':');

	return last && strcmp(last + 1, host_id) == 0;
}

int64_t identity_renew_at_s(const struct identity *identity)
{
	const struct pki_life *life = &identity->life;

	return life->not_before_s +
	       (life->not_after_s - life->not_before_s) / 3 * 2;
}

struct pki_life identity_clock(const struct identity *identity)
{
	return (struct pki_life){
		.not_before_s = identity->life.not_before_s - DAY_S,
		.not_after_s = identity->life.not_after_s +
			       RENEW_GRACE_DAYS * DAY_S,
	};
}

bool identity_clock_is_plausible(const struct identity *identity, int64_t now_s)
{
	const struct pki_life clock = identity_clock(identity);

	return now_s >= clock.not_before_s && now_s <= clock.not_after_s;
}
