/*
 * A line between two network namespaces, for measuring. It owns one TUN device in each of them and carries packets from one to the other; there is
 * no other way across. Each direction is a drop-tail queue in bytes, a serialiser, a loss process, and a delay, in this order:
 *
 *   TUN -> [queue, at most queue_bytes] -> [rate_bits] -> loss -> [delay_us, some by reorder_us longer] -> TUN
 *
 * Times are computed, not waited for: a packet leaves the queue at max(arrival, end of the packet before) + size / rate, whenever the process gets to
 * run, so a busy machine adds jitter of its own to the delivery but never takes from the rate. Sizes are those of IP packets; a TUN device asks
 * for no checksum or segmentation offload, so every packet is whole and its checksum right.
 *
 *   emulator NAMESPACE_A NAMESPACE_B [SEED]
 *
 * Standard input takes one command a line; its end ends the process, and with it both devices:
 *   set ab|ba|both KEY=NUMBER...   keys: rate_bits (0: no limit), delay_us, queue_bytes, loss_ppm, reorder_ppm, reorder_us
 *   cut | restore                  no packet leaves either queue while the line is cut
 * Standard output gives one JSON object a line: {"ready":true}, then every 100 ms the counters of both directions since the start. `t` is in
 * milliseconds since 1970.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500
#define SAMPLE_NS 10000000LL
#define SAMPLES_PER_LINE 10
/* Packets taken from one device before the other direction and the clock get their turn. */
#define BURST 64
/* While packets come, the process sleeps this long between two looks: one wake-up for several packets, and the browsers keep their cores. */
#define TICK_NS 250000

enum flow { UDP, TCP, OTHER, FLOWS };
static const char *flow_names[FLOWS] = {"udp", "tcp", "other"};

struct packet {
  struct packet *next;
  int64_t due_ns; /* end of serialisation while queued, delivery afterwards */
  int size;
  enum flow flow;
  uint8_t bytes[];
};

struct fifo {
  struct packet *head, *tail;
};

struct direction {
  const char *name;
  int from, to;
  int64_t rate_bits, delay_ns, queue_limit, reorder_ns;
  uint32_t loss_ppm, reorder_ppm;
  struct fifo queue, line, detour;
  int64_t queue_bytes, free_at_ns;
  uint64_t in_bytes[FLOWS], out_bytes[FLOWS], in_packets[FLOWS], out_packets[FLOWS];
  uint64_t overflowed[FLOWS], lost[FLOWS], cut_off[FLOWS];
  int largest[FLOWS];
  double samples_ms[SAMPLES_PER_LINE];
};

static bool is_cut;
static uint64_t random_state;

static void fail(const char *what) {
  fprintf(stderr, "emulator: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t clock_ns(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* xorshift64*, so that one seed gives one series of losses. */
static bool happens(uint32_t ppm) {
  if (ppm == 0) return false;
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (random_state * 2685821657736338717ULL >> 32) % 1000000 < ppm;
}

static void push(struct fifo *fifo, struct packet *packet) {
  packet->next = NULL;
  if (fifo->head) fifo->tail->next = packet;
  else fifo->head = packet;
  fifo->tail = packet;
}

static struct packet *pop(struct fifo *fifo) {
  struct packet *packet = fifo->head;
  fifo->head = packet->next;
  return packet;
}

static enum flow flow_of(const uint8_t *bytes) {
  int protocol = bytes[0] >> 4 == 6 ? bytes[6] : bytes[9];
  return protocol == 17 ? UDP : protocol == 6 ? TCP : OTHER;
}

/* Moves what has left the queue by now onto the line, or into nothing. */
static void depart(struct direction *d, int64_t now) {
  while (d->queue.head && d->queue.head->due_ns <= now) {
    struct packet *packet = pop(&d->queue);
    d->queue_bytes -= packet->size;
    if (is_cut || happens(d->loss_ppm)) {
      (is_cut ? d->cut_off : d->lost)[packet->flow]++;
      free(packet);
      continue;
    }
    bool late = happens(d->reorder_ppm);
    packet->due_ns += d->delay_ns + (late ? d->reorder_ns : 0);
    push(late ? &d->detour : &d->line, packet);
  }
}

static void deliver_from(struct direction *d, struct fifo *fifo, int64_t now) {
  while (fifo->head && fifo->head->due_ns <= now) {
    struct packet *packet = pop(fifo);
    if (write(d->to, packet->bytes, packet->size) == packet->size) {
      d->out_bytes[packet->flow] += packet->size;
      d->out_packets[packet->flow]++;
    }
    free(packet);
  }
}

static void deliver(struct direction *d, int64_t now) {
  deliver_from(d, &d->line, now);
  deliver_from(d, &d->detour, now);
}

static bool take_one(struct direction *d) {
  uint8_t bytes[MTU];
  ssize_t size = read(d->from, bytes, sizeof bytes);
  if (size <= 0) {
    if (size == 0 || errno == EAGAIN || errno == EINTR) return false;
    fail("reading a device");
  }
  int64_t now = clock_ns(CLOCK_MONOTONIC);
  enum flow flow = flow_of(bytes);
  d->in_bytes[flow] += size;
  d->in_packets[flow]++;
  if (size > d->largest[flow]) d->largest[flow] = size;
  depart(d, now);
  if (d->queue_limit && d->queue_bytes + size > d->queue_limit) {
    d->overflowed[flow]++;
    return true;
  }
  struct packet *packet = malloc(sizeof *packet + size);
  if (!packet) fail("memory");
  memcpy(packet->bytes, bytes, size);
  packet->size = size;
  packet->flow = flow;
  if (d->free_at_ns < now) d->free_at_ns = now;
  if (d->rate_bits) d->free_at_ns += size * 8000000000LL / d->rate_bits;
  packet->due_ns = d->free_at_ns;
  d->queue_bytes += size;
  push(&d->queue, packet);
  return true;
}

static int64_t earliest(const struct direction *d, int64_t until) {
  const struct fifo *fifos[] = {&d->queue, &d->line, &d->detour};
  for (int i = 0; i < 3; i++)
    if (fifos[i]->head && fifos[i]->head->due_ns < until) until = fifos[i]->head->due_ns;
  return until;
}

static void set(struct direction *d, const char *key, long long value) {
  if (!strcmp(key, "rate_bits")) d->rate_bits = value;
  else if (!strcmp(key, "delay_us")) d->delay_ns = value * 1000;
  else if (!strcmp(key, "queue_bytes")) d->queue_limit = value;
  else if (!strcmp(key, "loss_ppm")) d->loss_ppm = value;
  else if (!strcmp(key, "reorder_ppm")) d->reorder_ppm = value;
  else if (!strcmp(key, "reorder_us")) d->reorder_ns = value * 1000;
  else fprintf(stderr, "emulator: unknown setting %s\n", key);
}

static void obey(char *line, struct direction directions[2]) {
  char *rest = line, *word = strtok_r(rest, " \n", &rest);
  if (!word) return;
  if (!strcmp(word, "cut") || !strcmp(word, "restore")) {
    is_cut = *word == 'c';
  } else if (!strcmp(word, "set") && (word = strtok_r(rest, " \n", &rest))) {
    bool both = !strcmp(word, "both");
    for (char *pair; (pair = strtok_r(rest, " \n", &rest));) {
      char *value = strchr(pair, '=');
      if (!value) continue;
      *value++ = 0;
      for (int i = 0; i < 2; i++)
        if (both || !strcmp(word, directions[i].name)) set(&directions[i], pair, atoll(value));
    }
  } else {
    fprintf(stderr, "emulator: unknown command %s\n", word);
  }
}

/* @returns false at the end of the input. */
static bool read_commands(struct direction directions[2]) {
  static char buffer[4096];
  static size_t used;
  ssize_t size = read(STDIN_FILENO, buffer + used, sizeof buffer - 1 - used);
  if (size <= 0) return false;
  used += size;
  buffer[used] = 0;
  for (char *end; (end = strchr(buffer, '\n'));) {
    *end = 0;
    obey(buffer, directions);
    used -= end + 1 - buffer;
    memmove(buffer, end + 1, used + 1);
  }
  return true;
}

static void print_counters(const char *name, const uint64_t *counters) {
  printf(",\"%s\":{", name);
  for (int flow = 0; flow < FLOWS; flow++) printf("%s\"%s\":%" PRIu64, flow ? "," : "", flow_names[flow], counters[flow]);
  printf("}");
}

static void report(const struct direction directions[2]) {
  printf("{\"t\":%.3f,\"cut\":%s", clock_ns(CLOCK_REALTIME) / 1e6, is_cut ? "true" : "false");
  for (int i = 0; i < 2; i++) {
    const struct direction *d = &directions[i];
    printf(",\"%s\":{\"queueMs\":[", d->name);
    for (int s = 0; s < SAMPLES_PER_LINE; s++) printf("%s%.2f", s ? "," : "", d->samples_ms[s]);
    printf("],\"queueBytes\":%" PRId64, d->queue_bytes);
    print_counters("inBytes", d->in_bytes);
    print_counters("outBytes", d->out_bytes);
    print_counters("inPackets", d->in_packets);
    print_counters("outPackets", d->out_packets);
    print_counters("overflowed", d->overflowed);
    print_counters("lost", d->lost);
    print_counters("cutOff", d->cut_off);
    printf(",\"largestPacket\":{\"udp\":%d,\"tcp\":%d}}", d->largest[UDP], d->largest[TCP]);
  }
  printf("}\n");
  if (fflush(stdout)) exit(0); /* nobody reads any more */
}

static int open_device(const char *namespace) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", namespace);
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET)) fail(path);
  close(space);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "line");
  if (ioctl(device, TUNSETIFF, &request)) fail("TUNSETIFF");
  return device;
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: emulator NAMESPACE_A NAMESPACE_B [SEED]\n");
    return 2;
  }
  random_state = count > 3 ? strtoull(arguments[3], NULL, 10) * 2 + 1 : 88172645463325253ULL;
  int a = open_device(arguments[1]), b = open_device(arguments[2]);
  struct direction directions[2] = {{.name = "ab", .from = a, .to = b}, {.name = "ba", .from = b, .to = a}};
  /* The line is the world, not a program of it: it goes before the browsers where that is allowed. */
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
  prctl(PR_SET_TIMERSLACK, 1UL);
  prctl(PR_SET_PDEATHSIG, 9 /* with whoever started it */);
  printf("{\"ready\":true}\n");
  fflush(stdout);

  int64_t next_sample = clock_ns(CLOCK_MONOTONIC) + SAMPLE_NS;
  int samples = 0, taken = 0;
  struct pollfd watched[3] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  for (;;) {
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 2; i++) {
      depart(&directions[i], now);
      deliver(&directions[i], now);
    }
    for (; next_sample <= now; next_sample += SAMPLE_NS) {
      for (int i = 0; i < 2; i++) {
        struct direction *d = &directions[i];
        d->samples_ms[samples] = d->queue.head && d->free_at_ns > now ? (d->free_at_ns - now) / 1e6 : 0;
      }
      if (++samples == SAMPLES_PER_LINE) {
        report(directions);
        samples = 0;
      }
    }
    int64_t wait = earliest(&directions[1], earliest(&directions[0], next_sample)) - clock_ns(CLOCK_MONOTONIC);
    if (wait < TICK_NS) wait = TICK_NS;
    if (taken > 0) clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, TICK_NS}, NULL);
    struct timespec timeout = {0, taken > 0 ? 0 : wait};
    if (ppoll(watched, 3, &timeout, NULL) < 0 && errno != EINTR) fail("poll");
    taken = 0;
    for (int i = 0; i < 2; i++)
      for (int burst = 0; watched[i].revents && burst < BURST && take_one(&directions[i]); burst++) taken++;
    if (watched[2].revents && !read_commands(directions)) return 0;
  }
}
