/*
 * A closed-loop load client: each connection sends its next request when the answer to the one before is whole.
 * One thread, epoll. What it saw goes to stdout as one JSON object; times are in µs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "response.h"
#include "samples.h"

#define BATCH 256
#define MOST_ERRORS 100000
#define NEVER UINT64_MAX

struct connection {
    int fd; /* -1: closed */
    size_t sent;
    uint64_t began_ns;
    bool connecting, waiting_for_first, idle;
    uint64_t hang_up_at; /* after this many events the request is abandoned; NEVER: it is not */
    struct response response;
};

struct tally {
    unsigned long begun, whole, hang_ups, connections;
    unsigned long status, broken, closed, connect, unfinished; /* errors */
    uint64_t events, bytes;
    struct samples whole_us, first_us;
    uint64_t last_ns;
};

static struct options options;
static struct tally tally;
static struct connection *connections;
static int epoll;
static uint64_t begin_ns, end_ns;
static uint32_t randomness = 0x9e3779b9u;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double chance(void) {
    randomness ^= randomness << 13;
    randomness ^= randomness >> 17;
    randomness ^= randomness << 5;
    return (double)randomness / 4294967296.0;
}

static unsigned long errors(void) {
    return tally.status + tally.broken + tally.closed + tally.connect + tally.unfinished;
}

static void watch(struct connection *connection, int how, uint32_t what) {
    struct epoll_event event = {what, {.ptr = connection}};
    epoll_ctl(epoll, how, connection->fd, &event);
}

static void hang_up(struct connection *connection) {
    if (connection->fd >= 0) close(connection->fd);
    connection->fd = -1;
}

static bool connect_again(struct connection *connection) {
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) return false;
    int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tally.connections++;
    int failed = connect(connection->fd, (struct sockaddr *)&options.address, sizeof options.address);
    if (failed && errno != EINPROGRESS) {
        hang_up(connection);
        return false;
    }
    connection->connecting = true;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
    return true;
}

static bool may_begin(void) {
    return now_ns() < end_ns && (options.count == 0 || tally.begun < options.count) && errors() < MOST_ERRORS;
}

static void send_request(struct connection *connection);

static void begin(struct connection *connection) {
    connection->idle = !may_begin();
    if (connection->idle) return;
    tally.begun++;
    begin_response(&connection->response);
    connection->sent = 0;
    connection->waiting_for_first = true;
    connection->hang_up_at = NEVER;
    if (chance() < options.hang_ups) connection->hang_up_at = options.stream ? (uint64_t)(chance() * 80) : 0;
    connection->began_ns = now_ns();
    if (connection->fd >= 0) return send_request(connection);
    if (!connect_again(connection)) {
        tally.connect++;
        connection->idle = true;
    }
}

static void fail(struct connection *connection, unsigned long *kind) {
    (*kind)++;
    hang_up(connection);
    begin(connection);
}

static void send_request(struct connection *connection) {
    while (connection->sent < options.request_length) {
        ssize_t wrote = send(connection->fd, options.request + connection->sent,
                             options.request_length - connection->sent, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0 && errno == EAGAIN) return watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        if (wrote < 0) return; /* the answer, or the end, is read next */
        connection->sent += (size_t)wrote;
    }
    if (connection->hang_up_at == 0) {
        tally.hang_ups++;
        hang_up(connection);
        begin(connection);
    }
}

static void count_whole(struct connection *connection) {
    const struct response *response = &connection->response;
    tally.last_ns = now_ns();
    tally.events += response->events;
    tally.bytes += response->body_bytes;
    if (response->status < 200 || response->status > 299) tally.status++;
    else if (options.stream && (!response->done || response->failed)) tally.broken++;
    else {
        tally.whole++;
        add_sample(&tally.whole_us, (double)(tally.last_ns - connection->began_ns) / 1e3);
    }
    if (response->close) hang_up(connection);
    begin(connection);
}

static void receive(struct connection *connection) {
    static char bytes[1 << 18];
    struct response *response = &connection->response;
    /* Who will hang up reads little at a time, not to find that the answer was whole already. */
    size_t room = connection->hang_up_at == NEVER ? sizeof bytes : 4096;
    ssize_t got = recv(connection->fd, bytes, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (connection->idle) return hang_up(connection);
    if (got <= 0) {
        bool until_close = got == 0 && response->state == UNTIL_CLOSE;
        if (!until_close) return fail(connection, connection->connecting ? &tally.connect : &tally.closed);
        end_of_bytes(response);
        return count_whole(connection);
    }
    size_t used = take(response, bytes, (size_t)got);
    if (connection->waiting_for_first && response->body_bytes > 0) {
        connection->waiting_for_first = false;
        if (options.stream) add_sample(&tally.first_us, (double)(now_ns() - connection->began_ns) / 1e3);
    }
    if (response->state == BROKEN || used < (size_t)got) return fail(connection, &tally.broken);
    if (response->state == WHOLE) return count_whole(connection);
    if (response->events < connection->hang_up_at) return;
    tally.hang_ups++;
    tally.events += response->events;
    hang_up(connection);
    begin(connection);
}

static void handle(struct connection *connection, uint32_t what) {
    if (connection->fd < 0) return;
    if (what & EPOLLOUT && !(what & (EPOLLERR | EPOLLHUP))) {
        connection->connecting = false;
        watch(connection, EPOLL_CTL_MOD, EPOLLIN);
        send_request(connection);
        return;
    }
    receive(connection);
}

static bool under_way(void) {
    for (unsigned number = 0; number < options.connections; number++)
        if (!connections[number].idle) return true;
    return false;
}

/* Begin the connections that are due, and return how many have begun. */
static unsigned ramp_up(unsigned begun) {
    double past = options.ramp_s > 0 ? (double)(now_ns() - begin_ns) / 1e9 / options.ramp_s : 1;
    while (begun < options.connections && begun <= past * options.connections) begin(&connections[begun++]);
    return begun;
}

static void run(void) {
    struct epoll_event events[BATCH];
    uint64_t give_up_ns = end_ns + (uint64_t)(options.grace_s * 1e9);
    unsigned begun = 0;
    for (unsigned number = 0; number < options.connections; number++)
        connections[number] = (struct connection){.fd = -1, .idle = true};
    do {
        if (begun < options.connections) begun = ramp_up(begun);
        int count = epoll_wait(epoll, events, BATCH, begun < options.connections ? 1 : 100);
        for (int number = 0; number < count; number++) handle(events[number].data.ptr, events[number].events);
    } while (now_ns() < give_up_ns && (under_way() || (begun < options.connections && may_begin())));
    for (unsigned number = 0; number < options.connections; number++) tally.unfinished += !connections[number].idle;
}

static void report(void) {
    double seconds = tally.whole > 0 ? (double)(tally.last_ns - begin_ns) / 1e9 : 0;
    double per = seconds > 0 ? 1 / seconds : 0;
    printf("{\"requests\":%lu,\"seconds\":%.4f,\"per_second\":%.2f,\"connections\":%lu,\"hang_ups\":%lu,"
           "\"errors\":{\"status\":%lu,\"broken\":%lu,\"closed\":%lu,\"connect\":%lu,\"unfinished\":%lu},"
           "\"events\":%llu,\"events_per_second\":%.2f,\"body_bytes\":%llu,\"latency_us\":",
           tally.whole, seconds, (double)tally.whole * per, tally.connections, tally.hang_ups, tally.status,
           tally.broken, tally.closed, tally.connect, tally.unfinished, (unsigned long long)tally.events,
           (double)tally.events * per, (unsigned long long)tally.bytes);
    write_percentiles(stdout, &tally.whole_us);
    fputs(",\"first_event_us\":", stdout);
    write_percentiles(stdout, &tally.first_us);
    puts("}");
}

int main(int argc, char **argv) {
    options = read_options(argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive who started it */
    connections = calloc(options.connections, sizeof *connections);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || epoll < 0) {
        perror("load");
        return 1;
    }
    begin_ns = now_ns();
    end_ns = begin_ns + (uint64_t)(options.duration_s * 1e9);
    run();
    report();
    return 0;
}
