/* SPDX-License-Identifier: Apache-2.0 */
/* t_proc.c: signal flags, the three ways to a listening socket, secret files, privileges. */
#include "base.h"
#include "clock.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
	char directory[64];
	char path[96];
	char reason[256];
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory), "/tmp/t_proc.XXXXXX");
	if (mkdtemp(place->directory) == NULL)
		return -1;
	(void)snprintf(place->path, sizeof(place->path), "%s/it", place->directory);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;
	int left;

	(void)unlink(place->path);
	left = rmdir(place->directory);
	free(place);
	return left;
}

/* Runs body in a child and wants exit status 0: for what cannot be undone. */
static void in_child(void (*body)(struct place *place), struct place *place)
{
	int status = 1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		body(place);
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

/* In a child cmocka's assertions would run the rest of the tests there. */
#define CHILD_WANTS(condition) \
	do { \
		if (!(condition)) { \
			(void)fprintf(stderr, "child, line %d: %s\n", __LINE__, #condition); \
			_exit(1); \
		} \
	} while (0)

static void test_signals(void **state)
{
	static const int signals[] = { SIGUSR1, SIGHUP };
	static const int bad[] = { 0 };
	struct sigaction action;

	(void)state;
	assert_int_equal(proc_signals_install(bad, 1), ERR_IO);
	assert_int_equal(proc_signals_install(signals, countof(signals)), ERR_OK);
	assert_false(proc_signal_seen(SIGUSR1));
	assert_false(proc_signal_take(SIGUSR1));
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGPIPE), 0);
	assert_true(proc_signal_seen(SIGUSR1));
	assert_false(proc_signal_seen(SIGHUP));
	assert_true(proc_signal_take(SIGUSR1));
	assert_false(proc_signal_take(SIGUSR1));
	assert_false(proc_signal_seen(-1));
	assert_false(proc_signal_take(10000));
	assert_int_equal(raise(SIGHUP), 0);
	proc_signals_reset();
	assert_false(proc_signal_seen(SIGHUP));
	assert_int_equal(sigaction(SIGHUP, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
}

static void test_sleep_ends_at_a_signal(void **state)
{
	static const int signals[] = { SIGALRM };
	int64_t start = clock_mono_ms();

	(void)state;
	proc_sleep_ms(30);
	assert_in_range(clock_mono_ms() - start, 29, 5000);
	proc_sleep_ms(0);
	proc_sleep_ms(-1);
	assert_int_equal(proc_signals_install(signals, 1), ERR_OK);
	start = clock_mono_ms();
	(void)alarm(1);
	proc_sleep_ms(20000);
	assert_in_range(clock_mono_ms() - start, 500, 10000);
	assert_true(proc_signal_take(SIGALRM));
	proc_signals_reset();
}

static struct listen_config config_for(const char *address)
{
	return (
	    struct listen_config){ .address = address, .mode = 0660, .group = "", .backlog = 5 };
}

static enum err try_listen(struct place *place, const char *address, int *ret_fd)
{
	struct listen_config config = config_for(address);
	bool inherited = true;
	enum err err =
	    proc_listen(&config, ret_fd, &inherited, place->reason, sizeof(place->reason));

	assert_true(err != ERR_OK || !inherited);
	return err;
}

static int connect_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void test_listen_on_path(void **state)
{
	struct place *place = *state;
	struct stat st;
	mode_t mask = umask(077);
	int fd = -1, other = -1, peer;

	assert_int_equal(try_listen(place, place->path, &fd), ERR_OK);
	assert_int_equal(umask(mask), 077);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	peer = connect_path(place->path);
	assert_true(peer >= 0);
	(void)close(peer);
	/* A live one is refused and left alone. */
	assert_int_equal(try_listen(place, place->path, &other), ERR_CONFIG);
	assert_non_null(strstr(place->reason, "another program is listening there"));
	peer = connect_path(place->path);
	assert_true(peer >= 0);
	(void)close(peer);
	/* A stale one is replaced. */
	(void)close(fd);
	assert_int_equal(connect_path(place->path), -1);
	assert_int_equal(try_listen(place, place->path, &fd), ERR_OK);
	peer = connect_path(place->path);
	assert_true(peer >= 0);
	(void)close(peer);
	(void)close(fd);
}

/* Connections wait until nobody accepts any more: still alive. */
static void test_listen_full_backlog_is_alive(void **state)
{
	struct place *place = *state;
	struct listen_config config = config_for(place->path);
	int fd = -1, other = -1, peers[64];
	size_t count = 0;
	bool inherited;
	int flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	config.backlog = 1;
	assert_int_equal(proc_listen(&config, &fd, &inherited, NULL, 0), ERR_OK);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place->path);
	while (count < countof(peers)) {
		peers[count] = socket(AF_UNIX, flags, 0);
		if (connect(peers[count++], (struct sockaddr *)&address, sizeof(address)) != 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(try_listen(place, place->path, &other), ERR_CONFIG);
	while (count > 0)
		(void)close(peers[--count]);
	(void)close(fd);
}

static void test_listen_refuses(void **state)
{
	struct place *place = *state;
	struct listen_config config = config_for(place->path);
	char large[200];
	bool inherited;
	int fd = open(place->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)close(fd);
	fd = -1;
	assert_int_equal(try_listen(place, place->path, &fd), ERR_CONFIG);
	assert_non_null(strstr(place->reason, "exists and is not a socket"));
	assert_int_equal(access(place->path, F_OK), 0);
	(void)unlink(place->path);
	config.group = "no-such-group-here";
	assert_int_equal(
	    proc_listen(&config, &fd, &inherited, place->reason, sizeof(place->reason)),
	    ERR_CONFIG);
	assert_non_null(strstr(place->reason, "no group \"no-such-group-here\""));
	memset(large, 'x', sizeof(large));
	large[0] = '/';
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(try_listen(place, large, &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, "/nonexistent/it", &fd), ERR_IO);
	assert_non_null(strstr(place->reason, "No such file"));
	assert_int_equal(try_listen(place, "relative/path", &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, "", &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, "127.0.0.1:", &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, "127.0.0.1:65536", &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, "127.0.0.1:0", &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, ":9000", &fd), ERR_CONFIG);
	assert_int_equal(try_listen(place, "::1:9000", &fd), ERR_CONFIG);
	assert_int_equal(fd, -1);
}

/* A port of 127.0.0.1 that is free just now. */
static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static void test_listen_on_port(void **state)
{
	struct place *place = *state;
	char address[32];
	int fd = -1, other = -1;

	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", free_port());
	assert_int_equal(try_listen(place, address, &fd), ERR_OK);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(try_listen(place, address, &other), ERR_IO);
	assert_non_null(strstr(place->reason, "Address already in use"));
	(void)close(fd);
	(void)snprintf(address, sizeof(address), "[127.0.0.1]:%d", free_port());
	assert_int_equal(try_listen(place, address, &fd), ERR_OK);
	(void)close(fd);
}

/* The child gets a listening socket as this descriptor and must prefer it. */
static int plain_listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHILD_WANTS(fd >= 0 && listen(fd, 5) == 0);
	return fd;
}

static void body_systemd(struct place *place)
{
	struct listen_config config = config_for(place->path);
	char pid[24];
	bool inherited = false;
	int fd = plain_listener();
	int got = -1;

	CHILD_WANTS(fd == 3 || dup2(fd, 3) == 3);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	CHILD_WANTS(proc_listen(&config, &got, &inherited, NULL, 0) == ERR_OK);
	CHILD_WANTS(got == 3 && inherited && getenv("LISTEN_PID") == NULL);
	CHILD_WANTS(fcntl(3, F_GETFD) == FD_CLOEXEC && (fcntl(3, F_GETFL) & O_NONBLOCK) != 0);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	CHILD_WANTS(proc_listen(&config, &got, &inherited, NULL, 0) == ERR_CONFIG);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	CHILD_WANTS(dup2(2, 3) == 3);
	CHILD_WANTS(proc_listen(&config, &got, &inherited, NULL, 0) == ERR_CONFIG);
	/* Meant for somebody else. */
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	CHILD_WANTS(proc_listen(&config, &got, &inherited, NULL, 0) == ERR_OK && !inherited);
	(void)unlink(place->path);
}

static void body_fd_0(struct place *place)
{
	struct listen_config config = config_for(place->path);
	bool inherited = false;
	int got = -1;

	CHILD_WANTS(dup2(plain_listener(), 0) == 0);
	CHILD_WANTS(proc_listen(&config, &got, &inherited, NULL, 0) == ERR_OK);
	CHILD_WANTS(got == 0 && inherited && (fcntl(0, F_GETFL) & O_NONBLOCK) != 0);
	CHILD_WANTS(access(place->path, F_OK) != 0);
}

static void test_listen_inherited(void **state)
{
	in_child(body_systemd, *state);
	in_child(body_fd_0, *state);
}

static void body_group(struct place *place)
{
	struct listen_config config = config_for(place->path);
	struct stat st;
	bool inherited;
	int fd = -1;

	config.group = "nogroup";
	config.mode = 0620;
	CHILD_WANTS(proc_listen(&config, &fd, &inherited, NULL, 0) == ERR_OK);
	CHILD_WANTS(stat(place->path, &st) == 0 && (st.st_mode & 0777) == 0620);
	CHILD_WANTS(st.st_gid == 65534);
}

static void body_drop(struct place *place)
{
	(void)place;
	CHILD_WANTS(proc_drop_user("") == ERR_OK && geteuid() == 0);
	CHILD_WANTS(proc_drop_user("no-such-user-here") == ERR_CONFIG && geteuid() == 0);
	CHILD_WANTS(proc_drop_user("nobody") == ERR_OK);
	CHILD_WANTS(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534);
	CHILD_WANTS(setuid(0) != 0);
	/* Not root any more: nothing to do. */
	CHILD_WANTS(proc_drop_user("no-such-user-here") == ERR_OK);
}

static const char *login_name(const char *sudo, const char *doas)
{
	static char name[64];

	(void)unsetenv("SUDO_USER");
	(void)unsetenv("DOAS_USER");
	if (sudo != NULL)
		(void)setenv("SUDO_USER", sudo, 1);
	if (doas != NULL)
		(void)setenv("DOAS_USER", doas, 1);
	proc_login_name(name, sizeof(name));
	return name;
}

static void body_login(struct place *place)
{
	(void)place;
	CHILD_WANTS(strcmp(login_name(NULL, NULL), "root") == 0);
	CHILD_WANTS(strcmp(login_name("nobody", NULL), "nobody") == 0);
	CHILD_WANTS(strcmp(login_name(NULL, "nobody"), "nobody") == 0);
	CHILD_WANTS(strcmp(login_name("no-such-user-here", NULL), "root") == 0);
	CHILD_WANTS(strcmp(login_name("", NULL), "root") == 0);
	/* Whoever is not root says nothing by the environment. */
	CHILD_WANTS(proc_drop_user("nobody") == ERR_OK);
	CHILD_WANTS(strcmp(login_name("root", "daemon"), "nobody") == 0);
}

static void body_nameless(struct place *place)
{
	(void)place;
	CHILD_WANTS(setuid(54321) == 0);
	CHILD_WANTS(strcmp(login_name("root", NULL), "uid 54321") == 0);
}

static void test_as_root(void **state)
{
	if (geteuid() != 0)
		skip();
	in_child(body_group, *state);
	in_child(body_drop, *state);
	in_child(body_login, *state);
	in_child(body_nameless, *state);
}

static void body_harden(struct place *place)
{
	struct rlimit limit;

	(void)place;
	CHILD_WANTS(proc_harden() == ERR_OK);
	CHILD_WANTS(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	CHILD_WANTS(prctl(PR_GET_DUMPABLE) == 0);
	CHILD_WANTS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHILD_WANTS(proc_die_with_parent(SIGKILL) == ERR_OK);
	CHILD_WANTS(proc_die_with_parent(9999) == ERR_IO);
}

static void test_harden(void **state)
{
	in_child(body_harden, *state);
}

static void test_pid_file_and_memory(void **state)
{
	struct place *place = *state;
	char text[32] = "";
	char wanted[32];
	int fd;

	assert_int_equal(proc_pid_file(""), ERR_OK);
	assert_int_equal(proc_pid_file(NULL), ERR_OK);
	assert_int_equal(proc_pid_file("/nonexistent/pid"), ERR_IO);
	assert_int_equal(proc_pid_file(place->path), ERR_OK);
	fd = open(place->path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	(void)snprintf(wanted, sizeof(wanted), "%ld\n", (long)getpid());
	assert_string_equal(text, wanted);
	assert_true(proc_rss_kib() > 500);
	proc_notify("READY=1");
}

static void put(const char *path, const char *text, size_t len, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static enum err read_secret(
    struct place *place, const char *text, size_t len, mode_t mode, char out[8])
{
	put(place->path, text, len, mode);
	memset(out, 'x', 8);
	return proc_read_secret(place->path, out, 8, place->reason, sizeof(place->reason));
}

static void test_read_secret(void **state)
{
	static const char zero[8];
	struct place *place = *state;
	char out[8];

	assert_int_equal(read_secret(place, "s3cret\n", 7, 0640, out), ERR_OK);
	assert_string_equal(out, "s3cret");
	assert_int_equal(read_secret(place, "s3crets", 7, 0400, out), ERR_OK);
	assert_string_equal(out, "s3crets");
	assert_int_equal(read_secret(place, "s3crets\n", 8, 0400, out), ERR_OK);
	assert_string_equal(out, "s3crets");
	assert_int_equal(read_secret(place, "s3crets!", 8, 0400, out), ERR_FULL);
	assert_memory_equal(out, zero, sizeof(zero));
	assert_non_null(strstr(place->reason, "longer than 7 bytes"));
	assert_int_equal(read_secret(place, "s3crets!\n", 9, 0400, out), ERR_FULL);
	assert_int_equal(read_secret(place, "", 0, 0400, out), ERR_CONFIG);
	assert_int_equal(read_secret(place, "\n", 1, 0400, out), ERR_CONFIG);
	assert_int_equal(read_secret(place, "a\nb", 3, 0400, out), ERR_CONFIG);
	assert_int_equal(read_secret(place, "a\0b", 3, 0400, out), ERR_CONFIG);
	assert_null(strstr(place->reason, "a\nb"));
	assert_int_equal(read_secret(place, "a", 1, 0644, out), ERR_CONFIG);
	assert_non_null(strstr(place->reason, "mode 0644 lets others in"));
	assert_int_equal(read_secret(place, "a", 1, 0620, out), ERR_CONFIG);
	assert_int_equal(proc_read_secret("/nonexistent/x", out, sizeof(out), place->reason,
			     sizeof(place->reason)),
	    ERR_IO);
	assert_int_equal(proc_read_secret("/tmp", out, sizeof(out), NULL, 0), ERR_CONFIG);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_sleep_ends_at_a_signal),
		WITH_PLACE(test_listen_on_path),
		WITH_PLACE(test_listen_full_backlog_is_alive),
		WITH_PLACE(test_listen_refuses),
		WITH_PLACE(test_listen_on_port),
		WITH_PLACE(test_listen_inherited),
		WITH_PLACE(test_as_root),
		WITH_PLACE(test_harden),
		WITH_PLACE(test_pid_file_and_memory),
		WITH_PLACE(test_read_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
