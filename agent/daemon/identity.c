/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.id, both key pairs and the facts about this machine.
 */
#include "agent/daemon/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#define ID_FILE "terminal.id"
#define PEM_MAX 4096

DEFINE_CLEANUP(bio, BIO *, BIO_free);

static EVP_PKEY *free_key(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
	return NULL;
}
DEFINE_CLEANUP(key, EVP_PKEY *, free_key);

struct key_kind {
	const char *file;
	const char *public_file;
	const char *type; /* OpenSSL's name */
	const char *curve;
};
static const struct key_kind host_kind = {"host.key", HOST_PUBLIC, "ED25519",
					  NULL};
static const struct key_kind code_kind = {"code.key", "code.pub", "EC",
					  "P-256"};

static int load_id(int state_fd, struct identity *identity)
{
	char text[HEX_SIZE(FRAME_ID_SIZE) + 1];
	int r = read_line_file(state_fd, ID_FILE, text, sizeof(text));

	if (r == -ENOENT) {
		if (getrandom(identity->host_id, FRAME_ID_SIZE, 0) !=
		    FRAME_ID_SIZE)
			return -EIO;
		hex_encode(identity->host_id, FRAME_ID_SIZE,
			   identity->host_id_hex);
		int n = snprintf(text, sizeof(text), "%s\n",
				 identity->host_id_hex);
		identity->is_first = true;
		return write_atomic(state_fd, ID_FILE, text, (size_t)n, 0644);
	}
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (hex_decode(text, strlen(text), identity->host_id, FRAME_ID_SIZE))
		return -EBADMSG;
	hex_encode(identity->host_id, FRAME_ID_SIZE, identity->host_id_hex);
	return 0;
}

static int save_pem(int state_fd, const char *name, BIO *bio, mode_t mode)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	if (len <= 0)
		return -ENOMEM;
	return write_atomic(state_fd, name, text, (size_t)len, mode);
}

int identity_save_public(int state_fd, const char *name, EVP_PKEY *key)
{
	_cleanup_(cleanup_bio) BIO *public = BIO_new(BIO_s_mem());

	if (!public || !PEM_write_bio_PUBKEY(public, key))
		return -ENOMEM;
	return save_pem(state_fd, name, public, 0644);
}

/* The public half first: a key without it is made again at the next start,
 * a public half without its key would be believed. */
static int save_key(int state_fd, const struct key_kind *kind, EVP_PKEY *key)
{
	_cleanup_(cleanup_bio) BIO *private = BIO_new(BIO_s_secmem());

	if (!private ||
	    !PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL))
		return -ENOMEM;
	int r = identity_save_public(state_fd, kind->public_file, key);
	return r < 0 ? r : save_pem(state_fd, kind->file, private, 0600);
}

int identity_save_host_key(int state_fd, EVP_PKEY *key)
{
	return save_key(state_fd, &host_kind, key);
}

static int make_key(int state_fd, const struct key_kind *kind,
		    EVP_PKEY **ret_key)
{
	_cleanup_(cleanup_key) EVP_PKEY *key =
		kind->curve
			? EVP_PKEY_Q_keygen(NULL, NULL, kind->type, kind->curve)
			: EVP_PKEY_Q_keygen(NULL, NULL, kind->type);

	if (!key)
		return -ENOMEM;
	int r = save_key(state_fd, kind, key);
	if (r < 0)
		return r;
	*ret_key = TAKE_PTR(key);
	return 0;
}

static int load_key(int state_fd, const struct key_kind *kind,
		    EVP_PKEY **ret_key)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_small_file(state_fd, kind->file, PEM_MAX, &text, &size);

	if (r == -ENOENT)
		return make_key(state_fd, kind, ret_key);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	_cleanup_(cleanup_bio) BIO *bio = BIO_new_mem_buf(text, (int)size);
	if (!bio)
		return -ENOMEM;
	_cleanup_(cleanup_key)
		EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	explicit_bzero(text, size);
	if (!key || !EVP_PKEY_is_a(key, kind->type))
		return -EBADMSG;
	*ret_key = TAKE_PTR(key);
	return 0;
}

void identity_fini(struct identity *identity)
{
	identity->key = free_key(identity->key);
	identity->code_key = free_key(identity->code_key);
}

int identity_load(int state_fd, struct identity *ret_identity)
{
	struct identity identity = {0};

	int r = load_id(state_fd, &identity);
	if (r < 0)
		return r;
	r = load_key(state_fd, &host_kind, &identity.key);
	if (r == 0)
		r = load_key(state_fd, &code_kind, &identity.code_key);
	if (r == 0 && jws_point(identity.code_key, identity.code_point) < 0)
		r = -EBADMSG;
	if (r < 0) {
		identity_fini(&identity);
		return r;
	}
	*ret_identity = identity;
	return 0;
}

/* VALUE of KEY=VALUE or KEY="VALUE" in os-release(5). */
static void take_os_line(const char *text, const char *key, char *ret,
			 size_t size)
{
	size_t key_len = strlen(key);

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, key, key_len) != 0 || line[key_len] != '=')
			continue;
		const char *value = line + key_len + 1;
		size_t len = strcspn(value, "\n");
		if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
			value++;
			len -= 2;
		}
		(void)snprintf(ret, size, "%.*s", (int)len, value);
		return;
	}
}

static void read_os_release(struct terminal *terminal, int root_fd)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	/* /etc/os-release is a link to this one, and links are refused */
	if (read_small_file(root_fd, "usr/lib/os-release", 16384, &text,
			    &size) < 0 &&
	    read_small_file(root_fd, "etc/os-release", 16384, &text, &size) < 0)
		return;
	take_os_line(text, "NAME", terminal->os_name,
		     sizeof(terminal->os_name));
	take_os_line(text, "VERSION_ID", terminal->os_version,
		     sizeof(terminal->os_version));
}

void terminal_init(struct terminal *terminal, int root_fd,
		   const struct config *config)
{
	struct utsname name;

	memset(terminal, 0, sizeof(*terminal));
	terminal->config = config;
	memset(terminal->uid, '0', sizeof(terminal->uid) - 1);
	(void)snprintf(terminal->os_name, IDENTITY_TEXT_MAX, "unknown");
	(void)snprintf(terminal->hostname, IDENTITY_TEXT_MAX, "unknown");
	if (uname(&name) == 0) {
		(void)snprintf(terminal->hostname, IDENTITY_TEXT_MAX, "%s",
			       name.nodename);
		(void)snprintf(terminal->kernel, IDENTITY_TEXT_MAX, "%s",
			       name.release);
	}
	if (read_line_file(root_fd, "proc/sys/kernel/random/boot_id",
			   terminal->boot_uid, sizeof(terminal->boot_uid)) < 0)
		terminal->boot_uid[0] = '\0';
	read_os_release(terminal, root_fd);

	terminal->record = (struct record_terminal){
		.uid = terminal->uid,
		.hostname = terminal->hostname,
		.tenant = config->tenant,
		.org = config->organisation,
		.unit = config->unit,
		.zone = terminal->zone,
		.asset = config->asset,
		.contact = config->contact,
		.os_name = terminal->os_name,
		.os_version = terminal->os_version,
		.kernel = terminal->kernel,
		.boot_uid = terminal->boot_uid,
		.version = SEKIMORI_VERSION,
	};
}

void terminal_set_id(struct terminal *terminal, const struct identity *identity)
{
	memcpy(terminal->uid, identity->host_id_hex, sizeof(terminal->uid));
}

void terminal_set_zone(struct terminal *terminal, const char *zone)
{
	(void)snprintf(terminal->zone, sizeof(terminal->zone), "%s", zone);
}
