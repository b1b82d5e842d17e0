/* Replicas for benchmarks: `replicas PORT...` answers on these ports of 127.0.0.1.

   POST /v1/chat/completions   events of 120 bytes, 20 a second, for a minute
   GET  /download              1 GiB
   anything else               a short JSON document

   Each event holds the time at which it was sent. Prints a line once it listens. */

#include "http.h"

#define PERIOD_MS 50 /* between two events of a stream */
#define EVENTS 1200
#define DOWNLOAD (1LL << 30)
#define FILE_SIZE (16LL << 20) /* of the file in memory that a download repeats */

static const char DOCUMENT[] =
    "{\"id\":\"bench\",\"object\":\"text_completion\",\"created\":1700000000,\"model\":\"bench\","
    "\"choices\":[{\"index\":0,\"text\":\"Hello\",\"finish_reason\":\"stop\"}],"
    "\"data\":[{\"id\":\"bench\",\"object\":\"model\"}],"
    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}";

struct client {
    int fd;
    int listens;
    char head[HEAD_LIMIT + 1];
    size_t held;
    int in_body;
    char kind; /* of answer: (s)hort, (e)vents, (d)ownload */
    struct body body;
    long long left; /* bytes of the download, or events of the stream */
    char unsent[EVENT_SIZE + 16];
    size_t unsent_size;
    struct client *next, **link; /* in the list of its millisecond */
};

static struct client *streams[PERIOD_MS];
static unsigned started;
static int poll_fd, file;
static char short_answer[1024];
static size_t short_size;

static void leave(struct client *client) {
    if (!client->link) return;
    *client->link = client->next;
    if (client->next) client->next->link = client->link;
    client->link = NULL;
}

static void end(struct client *client) {
    leave(client);
    close(client->fd);
    client->fd = -1;
}

/* What is written here fits into an empty socket buffer. */
static void put(struct client *client, const char *data, size_t size) {
    if (send(client->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) end(client);
}

static void send_file(struct client *client) {
    while (client->left > 0) {
        off_t at = (DOWNLOAD - client->left) % FILE_SIZE;
        long long size = FILE_SIZE - at < client->left ? FILE_SIZE - at : client->left;
        ssize_t sent = sendfile(client->fd, file, &at, (size_t)size);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent <= 0) {
            end(client);
            return;
        }
        client->left -= sent;
    }
    client->kind = 's';
}

static void start_download(struct client *client) {
    char head[128];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                        "Content-Length: %lld\r\n\r\n", DOWNLOAD);
    client->left = DOWNLOAD;
    put(client, head, (size_t)size);
    if (client->fd >= 0) send_file(client);
}

static void start_stream(struct client *client) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct client **list = &streams[started++ % PERIOD_MS];
    client->left = EVENTS;
    client->unsent_size = 0;
    put(client, head, sizeof head - 1);
    if (client->fd < 0) return;
    client->next = *list;
    client->link = list;
    if (*list) (*list)->link = &client->next;
    *list = client;
}

static void answer(struct client *client) {
    client->held = 0;
    client->in_body = 0;
    if (client->kind == 'e') start_stream(client);
    else if (client->kind == 'd') start_download(client);
    else put(client, short_answer, short_size);
}

static void begin(struct client *client) {
    client->in_body = 1;
    client->kind = 's';
    if (!strncmp(client->head, "POST /v1/chat/completions", 25)) client->kind = 'e';
    if (!strncmp(client->head, "GET /download", 13)) client->kind = 'd';
    body_start(&client->body, client->head, 0);
}

static size_t take_head(struct client *client, const char *data, size_t size) {
    size_t room = HEAD_LIMIT - client->held;
    size_t copied = size < room ? size : room, before = client->held;
    memcpy(client->head + before, data, copied);
    client->held += copied;
    size_t length = head_length(client->head, client->held);
    if (!length) {
        if (copied == room) end(client);
        return copied;
    }
    client->head[length] = 0;
    begin(client);
    return length - before;
}

static void feed(struct client *client, const char *data, size_t size) {
    struct slice payload;
    while (client->fd >= 0 && (size || client->in_body)) {
        if (client->in_body && client->body.step == ENDED) {
            answer(client);
            continue;
        }
        if (!size) return;
        size_t taken = client->in_body ? body_next(&client->body, data, size, &payload)
                                       : take_head(client, data, size);
        data += taken;
        size -= taken;
    }
}

static void receive(struct client *client) {
    char buffer[BUFFER_SIZE];
    while (client->fd >= 0) {
        ssize_t size = recv(client->fd, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) end(client);
        else feed(client, buffer, (size_t)size);
    }
}

/* Send what a full socket did not take. Returns whether nothing is left of it. */
static int flush(struct client *client) {
    if (!client->unsent_size) return 1;
    ssize_t sent = send(client->fd, client->unsent, client->unsent_size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) end(client);
        return 0;
    }
    client->unsent_size -= (size_t)sent;
    memmove(client->unsent, client->unsent + sent, client->unsent_size);
    return client->unsent_size == 0;
}

/* Send an event, unless the receiver has not yet taken the one before. */
static void send_event(struct client *client) {
    if (!flush(client)) return;
    if (client->left-- == 0) {
        leave(client);
        put(client, "0\r\n\r\n", 5);
        return;
    }
    int used = sprintf(client->unsent, "%x\r\n" EVENT_START "%020lld,\"text\":\"", EVENT_SIZE, now_ns());
    int head = 4; /* the size of the chunk, in front of the event */
    memset(client->unsent + used, 'x', (size_t)(EVENT_SIZE + head - used));
    memcpy(client->unsent + head + EVENT_SIZE - 4, "\"}\n\n\r\n", 6);
    client->unsent_size = (size_t)(head + EVENT_SIZE + 2);
    flush(client);
}

/* Send the events of all milliseconds since the last time. */
static void tick(int timer) {
    static unsigned long at;
    unsigned long long ticks = 0;
    if (read(timer, &ticks, sizeof ticks) < 0) return;
    for (unsigned long long count = 0; count < ticks; count++) {
        struct client *following;
        for (struct client *client = streams[at++ % PERIOD_MS]; client; client = following) {
            following = client->next;
            send_event(client);
        }
    }
}

static void admit(struct client *listener) {
    int one = 1, fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        if (!client) die("calloc");
        client->fd = fd;
        client->kind = 's';
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(poll_fd, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, client);
    }
}

static void listen_on(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client *listener = calloc(1, sizeof *listener);
    if (!listener) die("calloc");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) die("listen");
    listener->fd = fd;
    listener->listens = 1;
    watch(poll_fd, fd, EPOLLIN, listener);
}

static void react(struct client *client, unsigned events) {
    if (client->listens) {
        admit(client);
        return;
    }
    receive(client);
    if (client->fd >= 0 && client->kind == 'd' && (events & EPOLLOUT)) send_file(client);
    if (client->fd < 0) free(client);
}

int main(int count, char **arguments) {
    struct epoll_event events[BATCH];
    static int timer_mark;
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(0);
    file = memfd_create("download", 0);
    if (file < 0 || ftruncate(file, FILE_SIZE)) die("memfd");
    short_size = (size_t)sprintf(short_answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s", sizeof DOCUMENT - 1, DOCUMENT);
    for (int at = 1; at < count; at++) listen_on(atoi(arguments[at]));
    int timer = ticking(1000000);
    watch(poll_fd, timer, EPOLLIN, &timer_mark);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll_fd, events, BATCH, -1);
        for (int at = 0; at < ready; at++) {
            if (events[at].data.ptr == &timer_mark) tick(timer);
            else react(events[at].data.ptr, events[at].events);
        }
    }
}
