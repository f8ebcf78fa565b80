/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c: the table as rows, the rules across settings, the password file. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "cidr.h"
#include "delivery_flow.h"
#include "egress.h"
#include "limits.h"
#include "mime.h"
#include "proc.h"
#include "s3.h"
#include "str.h"

#ifndef BONAFIDE_SYSCONFDIR
#define BONAFIDE_SYSCONFDIR "/etc"
#endif
#ifndef BONAFIDE_LOCALSTATEDIR
#define BONAFIDE_LOCALSTATEDIR "/var"
#endif
#ifndef BONAFIDE_PKGDATADIR
#define BONAFIDE_PKGDATADIR "/usr/share/bonafide"
#endif
#ifndef BONAFIDE_RUNSTATEDIR
#define BONAFIDE_RUNSTATEDIR "/run"
#endif

#define SETTINGS_MEMORY 262144
#define PASSWORD_SIZE 512
#define REASON_SIZE 512
#define TOKEN_NAME_MAX 255
#define REGION_MAX 40
#define PREFIX_MAX 200

const struct conf_row settings_rows[] = {
#define CONF(type, key, initial, min, max, choices, reload, manual) \
	{ CONF_##type, #key, offsetof(struct settings, key), initial, min, max, choices, reload, \
		manual },
#include "conf.def"
#undef CONF
};
const size_t settings_row_count = countof(settings_rows);

/* https, or http to this very machine; nothing behind the host but an optional port and path. */
static bool url_usable(const char *url)
{
	static const char *const loopback[] = { "http://127.0.0.1", "http://localhost",
		"http://[::1]" };

	if (strncmp(url, "https://", 8) == 0)
		return url[8] != '\0' && strpbrk(url, "?#@ ") == NULL;
	for (size_t i = 0; i < countof(loopback); i++) {
		size_t len = strlen(loopback[i]);
		if (strncmp(url, loopback[i], len) == 0 &&
		    (url[len] == '\0' || url[len] == ':' || url[len] == '/'))
			return strpbrk(url, "?#@ ") == NULL;
	}
	return false;
}

static void check_url(const char *key, const char *url, struct buf *complaints)
{
	if (url[0] != '\0' && !url_usable(url))
		buf_printf(complaints,
		    "%s must be an https address without query (http only for this machine)\n",
		    key);
}

static void check_smile(const struct settings *s, struct buf *complaints)
{
	check_url("smile_url", s->smile_url, complaints);
	if (s->smile_partner_id[0] != '\0' && s->smile_api_key_file[0] == '\0')
		buf_adds(complaints, "smile_partner_id is set but smile_api_key_file is not\n");
	if (s->smile_partner_id[0] == '\0' && s->smile_api_key_file[0] != '\0')
		buf_adds(complaints, "smile_api_key_file is set but smile_partner_id is not\n");
	if (s->smile_retry_min_s > s->smile_retry_max_s)
		buf_adds(complaints, "smile_retry_min_s must not exceed smile_retry_max_s\n");
}

static void check_webhooks(const struct settings *s, struct buf *complaints)
{
	struct egress *egress = NULL;
	char reason[REASON_SIZE] = "";

	if (delivery_schedule_check(s->webhook_schedule_s, NULL) != ERR_OK)
		buf_adds(complaints, "webhook_schedule_s must be up to 32 numbers of seconds, 0 to "
				     "604800, with commas between\n");
	if (s->webhook_timeout_s >= s->lease_s)
		buf_adds(complaints, "webhook_timeout_s must be less than lease_s\n");
	if (egress_new(s->egress_allow, &egress, reason, sizeof(reason)) != ERR_OK)
		buf_printf(complaints, "egress_allow: %s\n", reason);
	egress_free(&egress);
}

static void check_proxies(const struct settings *s, struct buf *complaints)
{
	struct cidr_list list;
	char reason[REASON_SIZE] = "";

	if (cidr_list_parse(s->trusted_proxies, &list, reason, sizeof(reason)) != ERR_OK)
		buf_printf(complaints, "trusted_proxies: %s\n", reason);
}

/* What tokens say about themselves: it must fit them (LIMIT_JWS_PAYLOAD), and be text. */
static void check_token_name(
    const char *key, const char *text, bool may_miss, struct buf *complaints)
{
	size_t len = strlen(text);

	if (len > TOKEN_NAME_MAX || !utf8_valid(text, len))
		buf_printf(complaints, "%s must be at most 255 bytes of UTF-8\n", key);
	if (len == 0 && !may_miss)
		buf_printf(complaints, "%s must not be empty\n", key);
}

static bool is_loopback(const char *host)
{
	struct ip ip;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (ip_parse(host, &ip) != ERR_OK)
		return false;
	if (ip.bits == 32)
		return ip.bytes[0] == 127;
	return memcmp(ip.bytes, (const unsigned char[16]){ [15] = 1 }, sizeof(ip.bytes)) == 0;
}

/* A host's name or address, fit for an address of libcurl's. */
static bool host_usable(const char *host)
{
	struct ip ip;

	return ip_parse(host, &ip) == ERR_OK ||
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
		   strlen(host);
}

static void check_mail(const struct settings *s, struct buf *complaints)
{
	bool has_user = s->smtp_user[0] != '\0';
	struct mime_mailbox from = { .address = "" };

	if (s->mail_from[0] != '\0' &&
	    (mime_mailbox_parse(s->mail_from, &from) != ERR_OK || !mime_is_ascii(from.address)))
		buf_adds(complaints, "mail_from must be an address such as no-reply@example.org or "
				     "Example <no-reply@example.org>\n");
	if (has_user != (s->smtp_password_file[0] != '\0'))
		buf_printf(complaints, "%s is set but %s is not\n",
		    has_user ? "smtp_user" : "smtp_password_file",
		    has_user ? "smtp_password_file" : "smtp_user");
	if (s->smtp_host[0] == '\0')
		return;
	if (!host_usable(s->smtp_host))
		buf_adds(complaints, "smtp_host must be a host's name or an address\n");
	if (s->mail_from[0] == '\0')
		buf_adds(complaints, "smtp_host is set but mail_from is not\n");
	if (s->public_url[0] == '\0')
		buf_adds(complaints, "smtp_host is set but public_url is not\n");
	if (has_user && strcmp(s->smtp_tls, "none") == 0 && !is_loopback(s->smtp_host))
		buf_adds(
		    complaints, "smtp_tls = none would send the password of smtp_user in clear\n");
}

/* Letters, digits and hyphens: what a region's name is made of, and what a signature takes. */
static bool region_usable(const char *region)
{
	size_t len = strlen(region);

	return len > 0 && len <= REGION_MAX &&
	       strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
		   len;
}

/* A prefix is the beginning of a key: with something behind it, it must be one. */
static bool prefix_usable(const char *prefix)
{
	char key[LIMIT_SETTING + 2];

	(void)snprintf(key, sizeof(key), "%s0", prefix);
	return s3_key_ok(key) && strlen(prefix) <= PREFIX_MAX;
}

static void check_bucket(const struct settings *s, struct buf *complaints)
{
	const struct {
		const char *key, *value;
	} needed[] = {
		{ "s3_endpoint", s->s3_endpoint },
		{ "s3_bucket", s->s3_bucket },
		{ "s3_access_key_file", s->s3_access_key_file },
		{ "s3_secret_key_file", s->s3_secret_key_file },
	};
	bool is_used = strcmp(s->media_store, "s3") == 0;
	size_t len = strlen(s->s3_endpoint);

	for (size_t i = 0; i < countof(needed); i++)
		if (needed[i].value[0] == '\0' && (is_used || s->s3_bucket[0] != '\0'))
			buf_printf(complaints, "%s but %s is not set\n",
			    is_used ? "media_store is s3" : "s3_bucket is set", needed[i].key);
	check_url("s3_endpoint", s->s3_endpoint, complaints);
	if (len > 0 && s->s3_endpoint[len - 1] == '/')
		buf_adds(complaints, "s3_endpoint must not end in a slash\n");
	if (s->s3_bucket[0] != '\0' && !s3_bucket_ok(s->s3_bucket))
		buf_adds(complaints, "s3_bucket must be 3 to 63 small letters, digits, dots and "
				     "hyphens\n");
	if (!region_usable(s->s3_region))
		buf_adds(complaints, "s3_region must be up to 40 letters, digits and hyphens\n");
	if (!prefix_usable(s->s3_prefix))
		buf_adds(complaints,
		    "s3_prefix must be up to 200 letters, digits, dots, hyphens and "
		    "slashes, without a slash or a dot in front\n");
	if (s->s3_bucket[0] != '\0' && s->s3_timeout_s >= s->request_timeout_s)
		buf_adds(complaints, "s3_timeout_s must be less than request_timeout_s\n");
	if (is_used && !s3_can_sign())
		buf_adds(complaints, "media_store = s3 needs libcurl 7.88 or later\n");
}

/* Rules that no single row can state. */
static void check_across(const struct settings *s, struct buf *complaints)
{
	check_smile(s, complaints);
	check_webhooks(s, complaints);
	check_proxies(s, complaints);
	check_token_name("jwt_issuer", s->jwt_issuer, true, complaints);
	check_token_name("jwt_audience", s->jwt_audience, false, complaints);
	check_mail(s, complaints);
	check_url("age_estimator_url", s->age_estimator_url, complaints);
	check_bucket(s, complaints);
	check_url("public_url", s->public_url, complaints);
	if (s->public_url[0] != '\0' && s->public_url[strlen(s->public_url) - 1] == '/')
		buf_adds(complaints, "public_url must not end in a slash\n");
	if (s->db_host[0] == '\0' && s->db_socket[0] == '\0')
		buf_adds(complaints, "one of db_host and db_socket must be set\n");
	if (s->listen[0] == '\0')
		buf_adds(complaints, "listen must not be empty\n");
}

static enum err read_password(struct settings *s, struct buf *complaints)
{
	char reason[REASON_SIZE] = "";
	char *password = arena_alloc(s->arena, PASSWORD_SIZE);

	if (password == NULL)
		return ERR_NOMEM;
	s->db_password = password;
	if (s->db_password_file[0] == '\0')
		return ERR_OK;
	enum err err =
	    proc_read_secret(s->db_password_file, password, PASSWORD_SIZE, reason, sizeof(reason));
	if (err != ERR_OK)
		buf_printf(complaints, "db_password_file: %s\n", reason);
	return err == ERR_OK ? ERR_OK : ERR_CONFIG;
}

enum err settings_read(const char *path, struct settings **ret_settings, struct buf *complaints)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	size_t before = complaints->len;
	enum err err = ERR_NOMEM;

	if (settings == NULL)
		return err;
	err = arena_new(SETTINGS_MEMORY, &settings->arena);
	if (err == ERR_OK)
		err = conf_read(
		    settings_rows, settings_row_count, path, settings->arena, settings, complaints);
	if (err == ERR_OK) {
		settings->path = arena_strdup(settings->arena, path == NULL ? "" : path);
		check_across(settings, complaints);
		err = read_password(settings, complaints);
	}
	if (err == ERR_OK && complaints->len > before)
		err = ERR_CONFIG;
	if (err == ERR_OK && arena_overflowed(settings->arena))
		err = ERR_NOMEM;
	if (err == ERR_OK)
		*ret_settings = settings;
	else
		settings_free(&settings);
	return err;
}

void settings_free(struct settings **settings)
{
	if (settings == NULL || *settings == NULL)
		return;
	arena_free(&(*settings)->arena); /* wipes the password */
	free(*settings);
	*settings = NULL;
}

struct db_config settings_db(const struct settings *settings)
{
	return (struct db_config){ .socket = settings->db_socket,
		.host = settings->db_host,
		.port = (unsigned)settings->db_port,
		.name = settings->db_name,
		.user = settings->db_user,
		.password = settings->db_password,
		.connect_timeout_s = (unsigned)settings->db_connect_timeout_s,
		.read_timeout_s = (unsigned)settings->db_read_timeout_s };
}

void settings_diff_restart(
    const struct settings *old, const struct settings *fresh, struct buf *ret_lines)
{
	char before[LIMIT_SETTING], after[LIMIT_SETTING];

	for (size_t i = 0; i < settings_row_count; i++) {
		const struct conf_row *row = &settings_rows[i];
		if (row->reload != CONF_RESTARTS)
			continue;
		conf_value_text(row, old, before, sizeof(before));
		conf_value_text(row, fresh, after, sizeof(after));
		if (strcmp(before, after) != 0)
			buf_printf(ret_lines, "%s changed; it takes effect at the next restart\n",
			    row->key);
	}
}
