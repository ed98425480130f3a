/* A header without a guard. */
enum twice { ONCE };
