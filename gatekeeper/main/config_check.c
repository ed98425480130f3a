/* What no key of the configuration can tell alone: keys that need each other, addresses, places. */
#include <string.h>

#include "gate/gate.h"
#include "main/config_internal.h"
#include "out/ship.h"

bool
config_listen_ok(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	unsigned port = 0;
	size_t digits;

	if (strncmp(listen, "unix:", 5) == 0) {
		return listen[5] != '\0';
	}
	if (colon == NULL || colon == listen) {
		return false;
	}
	if (listen[0] == '['
		? colon[-1] != ']'
		: memchr(listen, ':', (size_t)(colon - listen)) != NULL) {
		return false;
	}
	digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > 5 || colon[1 + digits] != '\0') {
		return false;
	}
	for (size_t i = 1; i <= digits; i++) {
		port = port * 10 + (unsigned)(colon[i] - '0');
	}
	return port <= 65535;
}

bool
config_listen_local(const char *listen)
{
	return strncmp(listen, "unix:", 5) == 0 ||
	       strncmp(listen, "127.", 4) == 0 ||
	       strncmp(listen, "[::1]:", 6) == 0 ||
	       strncmp(listen, "localhost:", 10) == 0;
}

static enum gk_rc
check_retention(const struct config *config, struct gk_err *err)
{
	for (size_t i = 0; i < config->retention_openings.count; i++) {
		enum gk_rc rc = gate_retention_rule_check(
		    config->retention_openings.items[i], err);

		if (rc != GK_OK) {
			gk_err_context(err, "audit.retention_openings");
			gk_err_where(err, "%s",
			    config->from[CONFIG_ID_retention_openings]);
			return rc;
		}
	}
	return GK_OK;
}

/* Only an actor's id decides nothing by itself: the other ids say who may see what, and whose run it is. */
static enum gk_rc
check_pseudonymize(const struct config *config, struct gk_err *err)
{
	static const char *const others[] = {"tenant_id", "agent_id", "run_id",
	    "caller", "person", "actor", "actor_id"};

	for (size_t i = 0; i < config->pseudonymize.count; i++) {
		const char *field = config->pseudonymize.items[i];
		const char *hint = "";

		if (strcmp(field, "actor.id") == 0) {
			continue;
		}
		for (size_t k = 0; k < GK_COUNT(others); k++) {
			if (strcmp(field, others[k]) == 0) {
				hint = k < 5 ? ": it says who may see what, "
					       "or who answers for it"
					     : ": write actor.id";
			}
		}
		(void)GK_FAIL(err, GK_E_INVALID,
		    "audit.pseudonymize: only actor.id can be kept as a "
		    "pseudonym, not '%.64s'%s",
		    field, hint);
		gk_err_where(err, "%s", config->from[CONFIG_ID_pseudonymize]);
		return GK_E_INVALID;
	}
	return GK_OK;
}

enum gk_rc
config__check(const struct config *config, struct gk_err *err)
{
	const struct {
		bool wrong;
		enum config_id id;
		const char *text;
	} checks[] = {
	    {!config_listen_ok(config->listen), CONFIG_ID_listen,
		"listen: expected HOST:PORT, [IPv6]:PORT or unix:PATH"},
	    {config->signer != NULL &&
		    (strncmp(config->signer, "unix:", 5) != 0 ||
			config->signer[5] == '\0'),
		CONFIG_ID_signer, "signer: expected unix:PATH"},
	    {config->tls_cert != NULL && config->tls_key == NULL,
		CONFIG_ID_tls_cert, "tls.cert needs tls.key"},
	    {config->tls_key != NULL && config->tls_cert == NULL,
		CONFIG_ID_tls_key, "tls.key needs tls.cert"},
	    {config->tls_client_ca != NULL && config->tls_cert == NULL,
		CONFIG_ID_tls_client_ca,
		"tls.client_ca needs tls.cert and tls.key"},
	    {!config_listen_local(config->listen) && config->tls_cert == NULL &&
		    !config->insecure_http,
		CONFIG_ID_listen,
		"listen: this address isn't loopback: set tls.cert and "
		"tls.key, "
		"or insecure_http: true if tokens may cross the network in "
		"clear"},
	    {config->sign_in_issuer != NULL &&
		    (config->sign_in_audience == NULL ||
			(config->sign_in_jwks_url == NULL) ==
			    (config->sign_in_jwks_file == NULL)),
		CONFIG_ID_sign_in_issuer,
		"sign_in.issuer needs sign_in.audience, and one of "
		"sign_in.jwks_url and sign_in.jwks_file"},
	    {config->sign_in_jwks_url != NULL &&
		    strncmp(config->sign_in_jwks_url, "https://", 8) != 0,
		CONFIG_ID_sign_in_jwks_url,
		"sign_in.jwks_url: expected https://…"},
	    {config->sign_in_issuer == NULL && config->sign_in_audience != NULL,
		CONFIG_ID_sign_in_audience,
		"sign_in.audience needs sign_in.issuer"},
	    {config->export_syslog != NULL &&
		    !ship_syslog_ok(config->export_syslog),
		CONFIG_ID_export_syslog,
		"export.syslog: expected tls://HOST:PORT, tcp://HOST:PORT or "
		"unix:PATH"},
	    {config->export_syslog_ca_file != NULL &&
		    (config->export_syslog == NULL ||
			strncmp(config->export_syslog, "tls://", 6) != 0),
		CONFIG_ID_export_syslog_ca_file,
		"export.syslog_ca_file needs an export.syslog of tls://"},
	    {config->export_https != NULL &&
		    !ship_https_ok(config->export_https),
		CONFIG_ID_export_https,
		"export.https: expected https://HOST[:PORT]/PATH"},
	    {config->export_https_token_file != NULL &&
		    config->export_https == NULL,
		CONFIG_ID_export_https_token_file,
		"export.https_token_file needs export.https"},
	};

	for (size_t i = 0; i < GK_COUNT(checks); i++) {
		if (checks[i].wrong) {
			(void)GK_FAIL(err, GK_E_INVALID, "%s", checks[i].text);
			gk_err_where(err, "%s", config->from[checks[i].id]);
			return GK_E_INVALID;
		}
	}
	GK_TRY(check_pseudonymize(config, err));
	return check_retention(config, err);
}
