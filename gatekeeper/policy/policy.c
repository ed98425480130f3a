/* The policy snapshot: counted owners, and what it is called. */
#include <stdlib.h>

#include "base/assert.h"
#include "policy/policy_internal.h"

struct policy *
policy_pin(struct policy *policy)
{
	(void)atomic_fetch_add(&policy->pins, 1);
	return policy;
}

void
policy_unpin(struct policy *policy)
{
	size_t pins;

	if (policy == NULL) {
		return;
	}
	pins = atomic_fetch_sub(&policy->pins, 1);
	GK_ASSERT(pins > 0);
	if (pins > 1) {
		return;
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		cel_program_free(policy->rules[i].when);
		cel_program_free(policy->rules[i].cost);
	}
	for (size_t i = 0; i < policy->file_count; i++) {
		const struct scope_of_file *file = policy->files[i];

		for (size_t k = 0; k < file->variable_count; k++) {
			cel_program_free(file->variables[k].program);
		}
	}
	for (size_t i = 0; i < policy->env_count; i++) {
		cel_env_free(policy->envs[i]);
	}
	free(policy->envs);
	actions_done(policy);
	cel_env_free(policy->env);
	index_done(&policy->index);
	gk_buf_done(&policy->bundle);
	gk_arena_done(&policy->arena);
	free(policy);
}

void
policy_unpinp(struct policy **policy)
{
	policy_unpin(*policy);
	*policy = NULL;
}

const char *
policy_bundle(const struct policy *policy, size_t *ret_n)
{
	*ret_n = policy->bundle.len;
	return gk_buf_text(&policy->bundle);
}

const char *
policy_digest(const struct policy *policy)
{
	return policy->digest;
}

size_t
policy_rule_count(const struct policy *policy)
{
	return policy->rule_count;
}
