/* Runs a fuzz target over files and folders named on the command line; no fuzzer needed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	static uint8_t bytes[2 << 20];
	FILE *f = fopen(path, "rbe");
	size_t n;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(bytes, n);
	return 1;
}

/* Every file of a folder; how many, -1 on error. */
static int
replay_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (dir == NULL) {
		perror(path);
		return -1;
	}
	while (count >= 0 && (entry = readdir(dir)) != NULL) {
		char file[4096];

		if (entry->d_name[0] == '.') {
			continue;
		}
		(void)snprintf(
		    file, sizeof(file), "%s/%s", path, entry->d_name);
		count = replay_file(file) < 0 ? -1 : count + 1;
	}
	(void)closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n;

		n = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)
			? replay_dir(argv[i])
			: replay_file(argv[i]);
		if (n < 0) {
			return EXIT_FAILURE;
		}
		total += n;
	}
	(void)printf("%d inputs replayed\n", total);
	return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
