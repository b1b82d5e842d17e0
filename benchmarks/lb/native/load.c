/* Load for benchmarks: `load MODE PORT COUNT SECONDS REQUEST_FILE`, against 127.0.0.1.

   closed    COUNT connections; each sends its next request when the last one is answered
   paced     COUNT requests per second, at even distances
   streams   COUNT streams of events that begin with the time at which they were sent
   download  COUNT answers, one after the other; SECONDS is how long it may take

   Prints a line of JSON when it is under way, from where on it measures, and one with figures when
   SECONDS are over. Then it sends nothing new and goes on reading until its standard input ends. */

#include "http.h"

#define WARM_UP_NS 500000000LL
#define OPENING_NS 20000000000LL /* for all streams to begin */
#define PACED_CONNECTIONS 32
#define LONGEST_LINE (EVENT_SIZE + 8)

enum mode { CLOSED, PACED, STREAMS, DOWNLOAD };

struct connection {
    int fd;
    int busy;
    int in_body;
    int last; /* of its connection, says the answer */
    int begun; /* a stream of which something has come */
    char head[HEAD_LIMIT + 1];
    size_t held;
    struct body body;
    long long sent_at;
    char line[LONGEST_LINE + 1];
    size_t line_size;
};

static enum mode mode;
static struct connection *connections;
static int connection_count, per_second, poll_fd, port;
static char request[HEAD_LIMIT];
static size_t request_size;
static long long seconds_ns;

static int measuring, over;
static long long began_at, measured_at, received;
static long answers, errors, events, begun;
static unsigned *delays; /* microseconds */
static size_t delay_count, delay_room;

static void take_note(long long since) {
    if (!measuring) return;
    if (delay_count == delay_room) {
        delay_room = delay_room ? delay_room * 2 : 65536;
        delays = realloc(delays, delay_room * sizeof *delays);
        if (!delays) die("realloc");
    }
    delays[delay_count++] = (unsigned)((now_ns() - since) / 1000);
}

static void failed(struct connection *connection) {
    if (measuring && !over) errors++;
    connection->last = 1;
}

static void hang_up(struct connection *connection) {
    if (connection->fd >= 0) close(connection->fd);
    connection->fd = -1;
    connection->busy = connection->in_body = 0;
    connection->held = 0;
}

static void dial(struct connection *connection) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    connection->last = 0;
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) {
        failed(connection);
        hang_up(connection);
        return;
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    watch(poll_fd, connection->fd, EPOLLIN, connection);
}

static void ask(struct connection *connection) {
    if (over) return;
    if (connection->fd < 0) dial(connection);
    if (connection->fd < 0) return;
    connection->busy = 1;
    connection->sent_at = now_ns();
    if (send(connection->fd, request, request_size, MSG_NOSIGNAL) == (ssize_t)request_size) return;
    failed(connection);
    hang_up(connection);
}

static void answered(struct connection *connection) {
    connection->busy = connection->in_body = 0;
    connection->held = 0;
    if (mode == STREAMS) failed(connection); /* none of them ends so soon */
    if (measuring && !over) answers++;
    if (mode != STREAMS) take_note(connection->sent_at);
    if (connection->last) hang_up(connection);
    if (mode == CLOSED || (mode == DOWNLOAD && answers < connection_count)) ask(connection);
}

static void take_line(struct connection *connection) {
    const char *start = EVENT_START;
    if (!strncmp(connection->line, start, strlen(start))) {
        begun += !connection->begun;
        connection->begun = 1;
        if (!over) take_note(atoll(connection->line + strlen(start)));
        if (measuring && !over) events++;
    }
    connection->line_size = 0;
}

static void take_payload(struct connection *connection, struct slice payload) {
    if (measuring && !over) received += (long long)payload.size;
    if (mode != STREAMS) return;
    for (size_t at = 0; at < payload.size; at++) {
        if (payload.data[at] == '\n') {
            connection->line[connection->line_size] = 0;
            take_line(connection);
        } else if (connection->line_size < LONGEST_LINE) {
            connection->line[connection->line_size++] = payload.data[at];
        }
    }
}

static size_t take_head(struct connection *connection, const char *data, size_t size) {
    size_t room = HEAD_LIMIT - connection->held, before = connection->held;
    size_t copied = size < room ? size : room;
    memcpy(connection->head + before, data, copied);
    connection->held += copied;
    size_t length = head_length(connection->head, connection->held);
    if (!length) {
        if (copied == room) hang_up(connection);
        return copied;
    }
    connection->head[length] = 0;
    const char *ending = field(connection->head, "\r\nConnection:");
    if (ending && !strncasecmp(ending, "close", 5)) connection->last = 1;
    if (strncmp(connection->head, "HTTP/1.1 200", 12)) failed(connection);
    body_start(&connection->body, connection->head, LLONG_MAX);
    connection->in_body = 1;
    return length - before;
}

static void feed(struct connection *connection, const char *data, size_t size) {
    struct slice payload = {0};
    while (size && connection->fd >= 0) {
        size_t taken = 0;
        if (!connection->in_body) taken = take_head(connection, data, size);
        else taken = body_next(&connection->body, data, size, &payload);
        data += taken;
        size -= taken;
        if (payload.size) take_payload(connection, payload);
        payload.size = 0;
        if (connection->in_body && connection->body.step == ENDED) answered(connection);
    }
}

/* The plain body of a download is counted without being copied. */
static int skips(struct connection *connection) {
    return mode == DOWNLOAD && connection->in_body && !connection->body.chunked &&
           connection->body.left > BUFFER_SIZE;
}

static void receive(struct connection *connection) {
    static char buffer[BUFFER_SIZE];
    int skip = skips(connection);
    long long most = skip ? connection->body.left - 1 : BUFFER_SIZE;
    ssize_t size = recv(connection->fd, skip ? NULL : buffer, (size_t)most, skip ? MSG_TRUNC : 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size > 0 && skip) {
        connection->body.left -= size;
        received += size;
    } else if (size > 0) {
        feed(connection, buffer, (size_t)size);
    } else {
        if (connection->busy) failed(connection);
        hang_up(connection);
        if (mode == CLOSED) ask(connection);
    }
}

static void ask_on_a_free_one(void) {
    for (int at = 0; at < connection_count; at++) {
        if (!connections[at].busy) {
            ask(&connections[at]);
            return;
        }
    }
    if (measuring && !over) errors++; /* all of them wait: this is no longer a low rate */
}

static int compare(const void *left, const void *right) {
    unsigned a = *(const unsigned *)left, b = *(const unsigned *)right;
    return (a > b) - (a < b);
}

static unsigned quantile(double share) {
    return delay_count ? delays[(size_t)(share * (double)(delay_count - 1))] : 0;
}

static void report(void) {
    double seconds = (double)(now_ns() - measured_at) / 1e9;
    over = 1;
    qsort(delays, delay_count, sizeof *delays, compare);
    printf("{\"seconds\": %.6f, \"answers\": %ld, \"errors\": %ld, \"events\": %ld, "
           "\"streams\": %ld, \"received\": %lld, \"p50_us\": %u, \"p99_us\": %u}\n",
           seconds, answers, errors, events, begun, received, quantile(0.5), quantile(0.99));
    fflush(stdout);
}

static void measure(void) {
    measuring = 1;
    measured_at = now_ns();
    received = 0;
    puts("{\"under_way\": true}");
    fflush(stdout);
}

static int is_under_way(long long now) {
    if (mode == DOWNLOAD) return 1;
    if (mode == STREAMS) return begun == connection_count || now - began_at > OPENING_NS;
    return now - began_at > WARM_UP_NS;
}

static void tick(void) {
    long long now = now_ns();
    if (!measuring && is_under_way(now)) measure();
    if (!measuring || over) return;
    int done = mode == DOWNLOAD && (answers >= connection_count || errors);
    if (done || now - measured_at >= seconds_ns) report();
    else if (mode == CLOSED) {
        for (int at = 0; at < connection_count; at++)
            if (connections[at].fd < 0) ask(&connections[at]);
    }
}

static void read_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    request_size = fread(request, 1, sizeof request, file);
    fclose(file);
}

static void start(void) {
    int opened = mode == DOWNLOAD ? 1 : connection_count;
    connections = calloc((size_t)opened, sizeof *connections);
    if (!connections) die("calloc");
    for (int at = 0; at < opened; at++) connections[at].fd = -1;
    began_at = now_ns();
    if (mode == DOWNLOAD) measure();
    for (int at = 0; at < opened && mode != PACED; at++) ask(&connections[at]);
}

static enum mode mode_named(const char *name) {
    static const char *names[] = {"closed", "paced", "streams", "download"};
    for (int at = 0; at < 4; at++)
        if (!strcmp(names[at], name)) return (enum mode)at;
    fprintf(stderr, "%s is none of closed, paced, streams, download\n", name);
    exit(2);
}

int main(int count, char **arguments) {
    static int tick_mark, pace_mark, input_mark;
    struct epoll_event ready[BATCH];
    unsigned long long expired;
    if (count != 6) exit(2);
    mode = mode_named(arguments[1]);
    port = atoi(arguments[2]);
    connection_count = atoi(arguments[3]);
    seconds_ns = (long long)(atof(arguments[4]) * 1e9);
    read_request(arguments[5]);
    if (mode == PACED) {
        per_second = connection_count;
        connection_count = PACED_CONNECTIONS;
    }
    poll_fd = epoll_create1(0);
    int timer = ticking(2000000), pace = mode == PACED ? ticking(1000000000LL / per_second) : -1;
    watch(poll_fd, timer, EPOLLIN, &tick_mark);
    if (pace >= 0) watch(poll_fd, pace, EPOLLIN, &pace_mark);
    watch(poll_fd, 0, EPOLLIN, &input_mark);
    start();
    for (;;) {
        int found = epoll_wait(poll_fd, ready, BATCH, -1);
        for (int at = 0; at < found; at++) {
            void *what = ready[at].data.ptr;
            if (what == &input_mark) return 0;
            if (what == &tick_mark && read(timer, &expired, sizeof expired) > 0) tick();
            else if (what == &pace_mark && read(pace, &expired, sizeof expired) > 0)
                ask_on_a_free_one();
            else if (what != &tick_mark && what != &pace_mark &&
                     ((struct connection *)what)->fd >= 0)
                receive(what);
        }
    }
}
