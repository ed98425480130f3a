/* From the configuration's words to what the gate and the commands are told. */
#include <string.h>

#include "main/main_internal.h"

enum gk_rc
main_load(const struct cli *cli, struct config **ret, struct gk_err *err)
{
	const char *sets[CLI_GIVEN_MAX];
	struct config_source source = {cli_flag(cli, "config", 0), sets, 0};

	while (source.set_count < GK_COUNT(sets)) {
		const char *set = cli_flag(cli, "set", source.set_count);

		if (set == NULL) {
			break;
		}
		sets[source.set_count++] = set;
	}
	return config_load(&source, ret, err);
}

void
main_settings(const struct config *config, struct cli_settings *ret)
{
	*ret = (struct cli_settings){
	    .file = config->file,
	    .listen = config->listen,
	    .host = config->hosts.items[0],
	    .tls = config->tls_cert != NULL,
	    .gate =
		{
		    .data_dir = config->data_dir,
		    .policy_dir = config->policy_dir,
		    .origin = config->origin,
		    .signer = config->signer == NULL
				  ? NULL
				  : config->signer + strlen("unix:"),
		    .version = GATEKEEPER_VERSION,
		    .run_idle_us = config->run_idle_us,
		    .max_clock_gap_us = config->max_clock_gap_us,
		    .result_grace_us = config->result_grace_us,
		    .queue = (size_t)config->queue,
		    .runs_per_identity = (size_t)config->runs_per_identity,
		    .asks_per_hour = config->approvals_per_hour,
		    .admission_per_s = config->admission_rate,
		    .admission_burst = config->admission_burst,
		    .condition_fuel = (uint64_t)config->condition_fuel,
		    .condition_bytes = (size_t)config->condition_bytes,
		    .retention_days = config->retention_days,
		    .retention_openings = config->retention_openings.items,
		    .retention_openings_count =
			config->retention_openings.count,
		    .redact_fields = config->redact_fields.items,
		    .redact_count = config->redact_fields.count,
		    .show_fields = config->show_fields.items,
		    .show_count = config->show_fields.count,
		    .pseudonymize_actors = config->pseudonymize.count > 0,
		    .space_warn_bytes = (uint64_t)config->space_warn_bytes,
		    .space_stop_bytes = (uint64_t)config->space_stop_bytes,
		    .reserve_bytes = (uint64_t)config->space_reserve_bytes,
		    .witness =
			{
			    .policy = config->witness_policy,
			    .every_us = config->witness_every_us,
			    .every_events =
				(uint64_t)config->witness_every_events,
			    .stop = strcmp(config->witness_unreachable,
					"stop") == 0,
			    .grace_us = config->witness_grace_us,
			},
		    .lock_wait_ms = GATEKEEPER_LOCK_WAIT_MS,
		    .publish_log = config->publish_log,
		    .watch_policy = config->watch_policy,
		},
	};
}

void
main_ship_options(const struct config *config, struct ship_options *ret)
{
	*ret = (struct ship_options){
	    .data_dir = config->data_dir,
	    .version = GATEKEEPER_VERSION,
	    .file_path = config->export_file,
	    .file_format = format_find(config->export_file_format),
	    .syslog_address = config->export_syslog,
	    .syslog_ca_file = config->export_syslog_ca_file,
	    .syslog_format = format_find(config->export_syslog_format),
	    .https_url = config->export_https,
	    .https_format = format_find(config->export_https_format),
	    .https_token_file = config->export_https_token_file,
	    .https_ca_file = config->export_https_ca_file,
	    .batch = (size_t)config->export_batch,
	    .max_backoff_us = config->export_max_backoff_us,
	    .flush_us = config->export_flush_us,
	    .openings = config->export_openings,
	    .from_now = strcmp(config->export_from, "now") == 0,
	};
}

void
main_notify_options(const struct config *config, struct notify_target *targets,
    struct notify_options *ret)
{
	*ret = (struct notify_options){
	    .data_dir = config->data_dir,
	    .version = GATEKEEPER_VERSION,
	    .console_url = config->notify_console_url,
	    .targets = targets,
	    .target_count = config->notify_targets.count,
	    .max_backoff_us = config->notify_max_backoff_us,
	    .give_up_us = config->notify_give_up_us,
	    .flush_us = config->notify_flush_us,
	};
	for (size_t i = 0; i < config->notify_targets.count; i++) {
		main_notify_target(
		    &config->notify_targets.items[i], &targets[i]);
	}
}
