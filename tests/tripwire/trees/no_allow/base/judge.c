/* Names the enum's value without writing it: none of these lines allows anything. */
enum decision { DECISION_STOP, DECISION_ALLOW };

static const char *const words[] = {[DECISION_ALLOW] = "DECISION_ALLOW"};

int
judge(enum decision decision)
{
	switch (decision) {
	case DECISION_ALLOW: /* return DECISION_ALLOW; */
		return words[decision] == words[0];
	case DECISION_STOP:
		break;
	}
	return decision == DECISION_ALLOW || DECISION_ALLOW != decision;
}
