/* Writes the value twice, once of them by a cast. */
enum decision { DECISION_STOP, DECISION_ALLOW };

enum decision
judge(int word)
{
	return word > 0 ? (enum decision)word : DECISION_ALLOW;
}
