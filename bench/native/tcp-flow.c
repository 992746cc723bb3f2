/*
 * One TCP flow that is always full, as a yardstick and as somebody else on the line.
 *
 *   tcp-flow receive PORT                     takes one connection after the other until it is ended
 *   tcp-flow send HOST PORT CONTROL SECONDS   CONTROL: cubic, bbr, reno as the kernel has them
 *
 * The receiver prints one JSON object a line, every 100 ms while a connection lasts: {"t": ms since 1970, "bytes": of this connection so far}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[256 * 1024];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double clock_ms(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void receive_from(int connection) {
  unsigned long long bytes = 0;
  double next = clock_ms(CLOCK_MONOTONIC);
  struct pollfd watched = {.fd = connection, .events = POLLIN};
  for (;;) {
    if (poll(&watched, 1, 100) > 0) {
      ssize_t size = read(connection, buffer, sizeof buffer);
      if (size <= 0) return;
      bytes += size;
    }
    if (clock_ms(CLOCK_MONOTONIC) < next) continue;
    next += 100;
    printf("{\"t\":%.3f,\"bytes\":%llu}\n", clock_ms(CLOCK_REALTIME), bytes);
    fflush(stdout);
  }
}

static _Noreturn void receive(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4)) fail("listen");
  printf("{\"ready\":true}\n");
  fflush(stdout);
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) fail("accept");
    receive_from(connection);
    close(connection);
  }
}

static int send_to(const char *host, int port, const char *control, double seconds) {
  int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (setsockopt(connection, IPPROTO_TCP, TCP_CONGESTION, control, strlen(control))) fail(control);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  if (connect(connection, (struct sockaddr *)&address, sizeof address)) fail("connect");
  double end = clock_ms(CLOCK_MONOTONIC) + seconds * 1000;
  struct pollfd watched = {.fd = connection, .events = POLLOUT};
  for (double now; (now = clock_ms(CLOCK_MONOTONIC)) < end;)
    if (poll(&watched, 1, (int)(end - now) + 1) > 0 && send(connection, buffer, sizeof buffer, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) fail("send");
  /* Ends at once: what still waits in the socket is not sent, so that the line is free from now on. */
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  close(connection);
  return 0;
}

int main(int count, char **arguments) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (count == 3 && !strcmp(arguments[1], "receive")) receive(atoi(arguments[2]));
  if (count == 6 && !strcmp(arguments[1], "send"))
    return send_to(arguments[2], atoi(arguments[3]), arguments[4], atof(arguments[5]));
  fprintf(stderr, "usage: tcp-flow receive PORT | tcp-flow send HOST PORT CONTROL SECONDS\n");
  return 2;
}
