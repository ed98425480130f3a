/* The operator at this machine: who may open the data directory may act on it. */
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_internal.h"

void
cli_local_init(struct cli_local *local, uid_t uid)
{
	*local = (struct cli_local){0};
	(void)snprintf(local->id, sizeof(local->id), "local:%u", (unsigned)uid);
	local->can[0] = "operator";
	local->can[1] = "auditor";
	local->tenants[0] = "*";
	local->identity.id = local->id;
	local->identity.kind = IDENTITY_SERVICE;
	local->identity.can = local->can;
	local->identity.can_count = GK_COUNT(local->can);
	local->identity.tenants = local->tenants;
	local->identity.tenant_count = GK_COUNT(local->tenants);
}

void
cli_admin_path(const char *data_dir, char *ret_path, size_t room)
{
	(void)snprintf(ret_path, room, "%s/admin.sock", data_dir);
}

void
cli__alert(void *ctx, const char *event, const char *text)
{
	struct cli *cli = ctx;

	(void)fprintf(cli->err, "gatekeeper: %s: %s\n", event, text);
}
