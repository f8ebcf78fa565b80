/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct arena *fixture_arena;

/* What the test and the go-between's process both see. */
static struct shared {
	volatile int seen[256];
	volatile int cuts_left;
	volatile int is_before;
	volatile int command;
	volatile int is_losing;
	char text[64];
} * shared;

static struct db *side;
static const char *server_socket;
static char proxy_socket[100];
static pid_t proxy_pid;

/* ---- the go-between ----------------------------------------------------------------------- */

static int connect_to_server(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server_socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Length of the first packet in data, with its header; the tests' packets are small. */
static size_t packet_length(const unsigned char *data)
{
	return 4 + (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16);
}

/* Says COM_STMT_CLOSE, which has no answer, for the statement of an execute packet. */
static bool close_statement(int server, const unsigned char *execute)
{
	unsigned char packet[9] = { 5, 0, 0, 0, 0x19 };

	memcpy(packet + 5, execute + 5, 4);
	return write(server, packet, sizeof(packet)) == (ssize_t)sizeof(packet);
}

/* Passes on one read from the client, packet by packet; false when the line is to end. */
static bool pass_on(int server, const unsigned char *data, size_t len)
{
	char answer[4096];

	while (len >= 5) {
		size_t packet = packet_length(data);
		bool is_cut;

		if (packet > len)
			packet = len;
		shared->seen[data[4]]++;
		is_cut = shared->cuts_left > 0 && data[4] == shared->command &&
			 (shared->text[0] == '\0' ||
			     memmem(data, packet, shared->text, strlen(shared->text)) != NULL);
		if (is_cut)
			shared->cuts_left--;
		if (is_cut && shared->is_before)
			return false;
		if (data[4] == COMMAND_EXECUTE && shared->is_losing) {
			shared->is_losing = 0;
			if (!close_statement(server, data))
				return false;
		}
		if (write(server, data, packet) != (ssize_t)packet)
			return false;
		if (is_cut) {
			(void)!read(server, answer, sizeof(answer));
			return false;
		}
		data += packet;
		len -= packet;
	}
	return true;
}

static void serve(int client)
{
	unsigned char data[65536];
	int server = connect_to_server();
	struct pollfd fds[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };

	while (server >= 0 && poll(fds, 2, -1) > 0) {
		ssize_t got;

		if (fds[0].revents != 0) {
			got = read(client, data, sizeof(data));
			if (got <= 0 || !pass_on(server, data, (size_t)got))
				break;
		}
		if (fds[1].revents != 0) {
			got = read(server, data, sizeof(data));
			if (got <= 0 || write(client, data, (size_t)got) != got)
				break;
		}
	}
	if (server >= 0)
		close(server);
	close(client);
}

static void proxy_start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(proxy_socket, sizeof(proxy_socket), "%s.proxy", server_socket);
	unlink(proxy_socket);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", proxy_socket);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 5) != 0)
		abort();
	proxy_pid = fork();
	if (proxy_pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			int client = accept(fd, NULL, NULL);

			if (client >= 0)
				serve(client);
		}
	}
	close(fd);
}

void proxy_cut(enum command command, const char *text, bool is_before, int times)
{
	snprintf(shared->text, sizeof(shared->text), "%s", text == NULL ? "" : text);
	shared->command = (int)command;
	shared->is_before = is_before;
	shared->cuts_left = times;
}

void proxy_lose_statement(void)
{
	shared->is_losing = 1;
}

int proxy_seen(enum command command)
{
	return shared->seen[command];
}

int proxy_seen_all(void)
{
	int all = 0;

	for (size_t i = 0; i < countof(shared->seen); i++)
		all += shared->seen[i];
	return all;
}

void proxy_reset(void)
{
	memset(shared, 0, sizeof(*shared));
}

/* ---- handles ------------------------------------------------------------------------------ */

static struct db *open_db(const char *path, bool scripts, const struct db_stmt *stmts, size_t count)
{
	struct db_config config = { .socket = path,
		.host = "",
		.name = "test",
		.user = "root",
		.password = "",
		.connect_timeout_s = 5,
		.read_timeout_s = 20,
		.scripts = scripts };
	struct db *db = NULL;

	assert_int_equal(db_new(&config, stmts, count, &db), ERR_OK);
	return db;
}

struct db *fixture_db(void)
{
	return open_db(server_socket, false, stmt_table, ST__MAX);
}

struct db *fixture_db_by_proxy(void)
{
	return open_db(proxy_socket, false, stmt_table, ST__MAX);
}

struct db *fixture_db_of(const struct db_stmt *stmts, size_t count)
{
	return open_db(server_socket, false, stmts, count);
}

struct db *fixture_db_for_scripts(void)
{
	return open_db(server_socket, true, NULL, 0);
}

void fixture_run(const char *sql)
{
	unsigned number = 0;
	enum err err = db_script(side, sql, &number);

	if (err != ERR_OK)
		fail_msg("statement %u: %s: %s", number, err_name(err), db_failure(side));
}

int64_t fixture_connection_id(struct db *db)
{
	struct row_me me;

	assert_int_equal(q_me(db, fixture_arena, &me), ERR_OK);
	return me.id;
}

void fixture_kill(struct db *db)
{
	char sql[64];
	int64_t id = fixture_connection_id(db);

	snprintf(sql, sizeof(sql), "KILL %lld", (long long)id);
	fixture_run(sql);
	/* The server closes the socket a moment after it has said yes. */
	usleep(100000);
}

struct uuid fixture_id(void)
{
	static uint32_t last;
	struct uuid id = { { 0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80 } };

	last++;
	id.b[14] = (uint8_t)(last >> 8);
	id.b[15] = (uint8_t)last;
	return id;
}

void fixture_crash_server(void)
{
	FILE *file = fopen(getenv("BONAFIDE_TEST_DB_PID"), "re");
	int pid = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (kill(pid, 0) == 0)
		usleep(10000);
}

void fixture_start_server(void)
{
	const char *program = getenv("BONAFIDE_TEST_DB_START");
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

bool fixture_open(void)
{
	server_socket = getenv("BONAFIDE_TEST_DB_SOCKET");
	if (server_socket == NULL || getenv("BONAFIDE_TEST_DB_START") == NULL) {
		fprintf(stderr, "run me as: tests/lib/with-mariadb %s\n",
		    program_invocation_short_name);
		return false;
	}
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || arena_new(64 << 20, &fixture_arena) != ERR_OK)
		abort();
	proxy_start();
	side = fixture_db_for_scripts();
	fixture_run("CREATE TABLE every (id BINARY(16) NOT NULL PRIMARY KEY, oid BINARY(16) NULL,"
		    " text MEDIUMTEXT NOT NULL, otext VARCHAR(5000) NULL, num BIGINT NOT NULL,"
		    " onum BIGINT NULL, flag TINYINT(1) NOT NULL, at DATETIME(3) NOT NULL,"
		    " oat DATETIME(3) NULL, bin VARBINARY(1000) NOT NULL, obin BLOB NULL)"
		    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;"
		    "CREATE TABLE digit (n INT NOT NULL); CREATE TABLE shifty (a INT NOT NULL);"
		    "INSERT INTO digit VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);"
		    "INSERT INTO shifty VALUES (7)");
	return true;
}

void fixture_close(void)
{
	fixture_run("DROP TABLE every, digit, shifty");
	db_free(&side);
	arena_free(&fixture_arena);
	kill(proxy_pid, SIGKILL);
	waitpid(proxy_pid, NULL, 0);
	munmap(shared, sizeof(*shared));
}
