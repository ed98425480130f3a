#ifndef GK_MAIN_INTERNAL_H
#define GK_MAIN_INTERNAL_H
/* What the files of this room share: the commands of main, and settings made from the configuration. */

#include "cli/cli.h"
#include "main/config.h"
#include "out/notify.h"
#include "out/ship.h"

#define GATEKEEPER_LOCK_WAIT_MS 5000

extern const struct cli_command main_serve;
extern const struct cli_command main_witness;
extern const struct cli_command main_signer;
extern const struct cli_command main_config;
extern const struct cli_command main_version;

/* Read the configuration that the command line asks for; ended with config_free(). */
enum gk_rc main_load(
    const struct cli *cli, struct config **ret, struct gk_err *err) GK_MUST_USE;

/* What the gate and commands are told of it; borrows config. */
void main_settings(const struct config *config, struct cli_settings *ret);

/* Where events are shipped to; borrows config. */
void main_ship_options(const struct config *config, struct ship_options *ret);

/*
 * Raise the soft limit of file descriptors to what max_connections needs.  Gives how many
 * connections there can be: fewer, and a warning in the log, where the hard limit is too low.
 */
int64_t main_descriptors(const struct config *config);

/* Who is told; borrows from. */
void main_notify_target(
    const struct config_target *from, struct notify_target *ret);
/* The same of all; targets has room for NOTIFY_TARGETS_MAX.  Borrows config. */
void main_notify_options(const struct config *config,
    struct notify_target *targets, struct notify_options *ret);

/* Log what an operator should change: who else can read or write what is ours. */
void main_warn(const struct config *config);

/*
 * The keys of the issuer that people sign in by, kept fresh by a thread of their
 * own where they come from a URL.  Nothing happens without sign_in.issuer.
 * Start: between http_open() and http_start(); keys in a file are read at once.
 * Errors: GK_E_INVALID, GK_E_IO (the file), GK_E_NOMEM.
 */
struct http;
struct http_sign_in;
struct sign_in;
enum gk_rc sign_in_new(const struct config *config,
    struct http_sign_in *ret_options, struct sign_in **ret,
    struct gk_err *err) GK_MUST_USE;
enum gk_rc sign_in_start(
    struct sign_in *sign_in, struct http *http, struct gk_err *err) GK_MUST_USE;
void sign_in_reload(struct sign_in *sign_in);
void sign_in_stop(struct sign_in *sign_in); /* before http_close() */
void sign_in_free(
    struct sign_in *sign_in); /* NULL is fine, after http_close() */

#endif
