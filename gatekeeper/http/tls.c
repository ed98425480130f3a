/* Certificates: loaded and checked at start, swapped for new connections on reload. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/digest.h"
#include "http/http_internal.h"

#define TLS_FILE_MAX ((size_t)256 * 1024)

/* One loading of the files. */
struct tls_set {
	struct tls_set *older;
	gnutls_certificate_credentials_t credentials;
	struct gk_buf cert, key;
};

/*
 * A set stays until the end, because sessions that began with it may still
 * use it: some kilobytes for each reload.
 */
struct tls {
	char *cert_path, *key_path, *ca_path; /* owned; ca_path NULL: none */
	_Atomic(struct tls_set *) newest;
	pthread_mutex_t lock; /* of reloading */
};

static void
tls_closep(FILE **f)
{
	if (*f != NULL) {
		(void)fclose(*f);
	}
}

static enum gk_rc
tls_read(const char *path, const char *option, struct gk_buf *ret,
    struct gk_err *err)
{
	GK_AUTO(tls_closep) FILE *f = fopen(path, "rbe");
	enum gk_rc rc = GK_OK;

	if (f == NULL) {
		rc = GK_FAIL(err, GK_E_INVALID, "can't read %s: %m", path);
		gk_err_where(err, "%s", option);
		return rc;
	}
	for (;;) {
		char *at;
		size_t n;

		GK_TRY(gk_buf_reserve(ret, 4096, &at, err));
		n = fread(at, 1, 4096, f);
		if (n == 0) {
			break;
		}
		ret->len += n;
		ret->bytes[ret->len] = '\0';
	}
	if (ferror(f)) {
		rc = GK_FAIL(err, GK_E_IO, "can't read %s: %m", path);
		gk_err_where(err, "%s", option);
	}
	return rc;
}

static void
tls_set_free(struct tls_set *set)
{
	if (set->credentials != NULL) {
		gnutls_certificate_free_credentials(set->credentials);
	}
	if (set->key.bytes != NULL) {
		digest_wipe(set->key.bytes, set->key.len);
	}
	gk_buf_done(&set->cert);
	gk_buf_done(&set->key);
	free(set);
}

static void
tls_set_freep(struct tls_set **set)
{
	if (*set != NULL) {
		tls_set_free(*set);
	}
}

static gnutls_datum_t
tls_datum(struct gk_buf *buf)
{
	return (gnutls_datum_t){
	    .data = (unsigned char *)buf->bytes, .size = (unsigned)buf->len};
}

static enum gk_rc
tls_load_key(struct tls *tls, struct tls_set *set, struct gk_err *err)
{
	gnutls_datum_t cert, key;
	int rc;

	GK_TRY(tls_read(tls->cert_path, "tls.cert", &set->cert, err));
	GK_TRY(tls_read(tls->key_path, "tls.key", &set->key, err));
	cert = tls_datum(&set->cert);
	key = tls_datum(&set->key);
	rc = gnutls_certificate_set_x509_key_mem2(
	    set->credentials, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc < 0) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "the certificate %s with the key %s: %s", tls->cert_path,
		    tls->key_path, gnutls_strerror(rc));
		gk_err_where(err, "tls.cert");
		return GK_E_INVALID;
	}
	return GK_OK;
}

static enum gk_rc
tls_load_ca(struct tls *tls, struct tls_set *set, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf ca = GK_BUF_INIT(TLS_FILE_MAX);
	gnutls_datum_t pem;
	int rc;

	if (tls->ca_path == NULL) {
		return GK_OK;
	}
	GK_TRY(tls_read(tls->ca_path, "tls.client_ca", &ca, err));
	pem = tls_datum(&ca);
	rc = gnutls_certificate_set_x509_trust_mem(
	    set->credentials, &pem, GNUTLS_X509_FMT_PEM);
	if (rc <= 0) {
		(void)GK_FAIL(err, GK_E_INVALID,
		    "%s holds no certificate of an authority%s%s", tls->ca_path,
		    rc < 0 ? ": " : "", rc < 0 ? gnutls_strerror(rc) : "");
		gk_err_where(err, "tls.client_ca");
		return GK_E_INVALID;
	}
	return GK_OK;
}

enum gk_rc
http__tls_reload(struct tls *tls, struct gk_err *err)
{
	GK_AUTO(tls_set_freep)
	struct tls_set *set = calloc(1, sizeof(*set));

	if (set == NULL ||
	    gnutls_certificate_allocate_credentials(&set->credentials) != 0) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for certificates");
	}
	set->cert.cap = TLS_FILE_MAX;
	set->key.cap = TLS_FILE_MAX;
	GK_TRY(tls_load_key(tls, set, err));
	GK_TRY(tls_load_ca(tls, set, err));
	(void)pthread_mutex_lock(&tls->lock);
	set->older = atomic_load(&tls->newest);
	atomic_store(&tls->newest, GK_TAKE(set));
	(void)pthread_mutex_unlock(&tls->lock);
	return GK_OK;
}

void
http__tls_free(struct tls *tls)
{
	struct tls_set *set, *older;

	if (tls == NULL) {
		return;
	}
	for (set = atomic_load(&tls->newest); set != NULL; set = older) {
		older = set->older;
		tls_set_free(set);
	}
	(void)pthread_mutex_destroy(&tls->lock);
	free(tls->cert_path);
	free(tls->key_path);
	free(tls->ca_path);
	free(tls);
}

static void
tls_freep(struct tls **tls)
{
	http__tls_free(*tls);
}

enum gk_rc
http__tls_new(const char *cert, const char *key, const char *client_ca,
    struct tls **ret, struct gk_err *err)
{
	GK_AUTO(tls_freep) struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL || pthread_mutex_init(&tls->lock, NULL) != 0) {
		free(GK_TAKE(tls));
		return GK_FAIL(err, GK_E_NOMEM, "no memory for certificates");
	}
	tls->cert_path = strdup(cert);
	tls->key_path = strdup(key);
	tls->ca_path = client_ca == NULL ? NULL : strdup(client_ca);
	if (tls->cert_path == NULL || tls->key_path == NULL ||
	    (client_ca != NULL && tls->ca_path == NULL)) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for certificates");
	}
	GK_TRY(http__tls_reload(tls, err));
	*ret = GK_TAKE(tls);
	return GK_OK;
}

const char *
http__tls_cert(const struct tls *tls)
{
	return gk_buf_text(&atomic_load(&tls->newest)->cert);
}

const char *
http__tls_key(const struct tls *tls)
{
	return gk_buf_text(&atomic_load(&tls->newest)->key);
}

bool
http__tls_begin(struct tls *tls, void *session)
{
	struct tls_set *set = atomic_load(&tls->newest);

	if (gnutls_credentials_set(
		session, GNUTLS_CRD_CERTIFICATE, set->credentials) != 0) {
		return false;
	}
	if (tls->ca_path != NULL) {
		/* without a good one, the handshake ends */
		gnutls_certificate_server_set_request(
		    session, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert(session, NULL, 0);
	}
	return true;
}

bool
http__tls_verified(const struct tls *tls, void *session)
{
	/* what a client's certificate must be good for */
	unsigned char oid[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st purpose = {
	    .type = GNUTLS_DT_KEY_PURPOSE_OID,
	    .data = oid,
	};
	unsigned status = 0;

	if (tls->ca_path == NULL) {
		return true;
	}
	return gnutls_certificate_verify_peers(session, &purpose, 1, &status) ==
		   0 &&
	       status == 0;
}
