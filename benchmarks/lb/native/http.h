/* What replicas.c and load.c share: the framing of HTTP/1.1 messages, and the clock. */

#pragma once

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LIMIT 8192
#define BUFFER_SIZE (64 * 1024)
#define BATCH 256 /* events taken from epoll at once */

/* An event of a stream is this long, and begins with the time at which it was sent. */
#define EVENT_SIZE 120
#define EVENT_START "data: {\"at\":"

enum step { DATA, SIZE, SIZE_REST, DATA_END, TRAILER, ENDED };

/* Where in the body of a message we are. */
struct body {
    enum step step;
    int chunked;
    long long left;
    int line;
};

struct slice {
    const char *data;
    size_t size;
};

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* Length of a head that is complete, with its empty line; 0 if it is not. */
static size_t head_length(const char *data, size_t size) {
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

/* Value of a field of a head that ends with NUL, or NULL; `name` is "\r\nName:". */
static const char *field(const char *head, const char *name) {
    const char *found = strcasestr(head, name);
    if (!found) return NULL;
    found += strlen(name);
    return found + strspn(found, " ");
}

/* Begin the body that a head announces; one without any framing is `unframed` bytes long. */
static void body_start(struct body *body, const char *head, long long unframed) {
    const char *coding = field(head, "\r\nTransfer-Encoding:");
    const char *length = field(head, "\r\nContent-Length:");
    memset(body, 0, sizeof *body);
    if (coding && !strncasecmp(coding, "chunked", 7)) {
        body->chunked = 1;
        body->step = SIZE;
        return;
    }
    body->left = length ? atoll(length) : unframed;
    body->step = body->left ? DATA : ENDED;
}

static size_t body_data(struct body *body, const char *data, size_t size, struct slice *payload) {
    size_t taken = (long long)size < body->left ? size : (size_t)body->left;
    payload->data = data;
    payload->size = taken;
    body->left -= (long long)taken;
    if (body->left == 0) body->step = body->chunked ? DATA_END : ENDED;
    return taken;
}

/* Take what comes next: some payload, or one byte of framing. Returns how much was taken. */
static size_t body_next(struct body *body, const char *data, size_t size, struct slice *payload) {
    payload->size = 0;
    if (body->step == DATA) return body_data(body, data, size, payload);
    unsigned char byte = (unsigned char)*data;
    if (body->step == SIZE && isxdigit(byte)) {
        body->left = body->left * 16 + (isdigit(byte) ? byte - '0' : tolower(byte) - 'a' + 10);
    } else if (body->step == SIZE) {
        body->step = SIZE_REST;
    } else if (body->step == TRAILER && byte != '\n') {
        body->line += byte != '\r';
    } else if (byte == '\n') {
        if (body->step == SIZE_REST) body->step = body->left ? DATA : TRAILER;
        else if (body->step == DATA_END) body->step = SIZE;
        else if (body->line == 0) body->step = ENDED;
        body->line = 0;
    }
    return 1;
}

/* A timer that fires each `period_ns`. */
static int ticking(long long period_ns) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct timespec period = {period_ns / 1000000000LL, period_ns % 1000000000LL};
    struct itimerspec times = {period, period};
    if (timer < 0 || timerfd_settime(timer, 0, &times, NULL)) die("timerfd");
    return timer;
}

static void watch(int poll, int fd, unsigned events, void *what) {
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}
