/*
 * A deterministic upstream: one thread, epoll, HTTP/1.1 with keep-alive.
 *
 *   mock [--port N] [--events N] [--pace-us N]
 *
 * It says where it listens as one line of JSON, and answers
 *   POST …/chat/completions   about 1 KB, or a stream of events when the body says "stream":true
 *   POST /api/chat            the same in Ollama's own dialect
 *   GET  …/models, /api/tags  one model; any other GET is fine too
 *   POST /mock/pace?us=N      from now on streams send an event every N µs; 0 is as fast as they are taken
 *
 * Paced events are written one by one. The first goes out at once; the second at a phase that differs from stream to
 * stream, so that streams which began together do not go on in step. In a flood four are written at a time, since
 * with one it would be the mock, not what is measured, that sets the speed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "listening.h"
#include "request.h"
#include "schedule.h"

#define MOST_BYTES (8u << 20)
#define BATCH 256
#define FLOOD_EVENTS 4


static struct replies replies;
static int epoll, timer;
static uint64_t pace_us, streams_begun;
static size_t connections;
static struct connection *dropped;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void drop(struct connection *connection) {
    leave_schedule(connection);
    close(connection->fd);
    connection->fd = -1;
    connection->next_dropped = dropped;
    dropped = connection;
    connections--;
}

static void watch(struct connection *connection, bool writing) {
    if (connection->waits_to_write == writing) return;
    connection->waits_to_write = writing;
    struct epoll_event event = {EPOLLIN | EPOLLRDHUP | (writing ? EPOLLOUT : 0u), {.ptr = connection}};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

/* Write what is left of the current piece; false if not all of it was taken. */
static bool write_out(struct connection *connection) {
    while (connection->out.length > 0) {
        ssize_t wrote = send(connection->fd, connection->out.bytes, connection->out.length, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno == EAGAIN ? false : (drop(connection), false);
        connection->out.bytes += wrote;
        connection->out.length -= (size_t)wrote;
    }
    return true;
}

static void answer_next(struct connection *connection);

static void finish(struct connection *connection) {
    connection->script = NULL;
    if (connection->close) drop(connection);
    else {
        watch(connection, false);
        answer_next(connection);
    }
}

/* Write the next event of a stream, and see to it that the one after it will be. */
static void write_event(struct connection *connection) {
    const struct script *script = connection->script;
    connection->out = script->pieces[connection->next++];
    if (connection->pace_ns == 0 && connection->next > 1)
        for (int more = 1; more < FLOOD_EVENTS && connection->next < script->count; more++)
            connection->out.length += script->pieces[connection->next++].length;
    bool all = write_out(connection);
    if (connection->fd < 0) return;
    if (!all) return watch(connection, true);
    if (connection->next == script->count) return finish(connection);
    if (connection->pace_ns == 0) return watch(connection, true);
    watch(connection, false);
    uint64_t phase = connection->next > 1 ? 1000000u : streams_begun * 618034u % 1000000u;
    connection->due_ns += connection->pace_ns * phase / 1000000u;
    enter_schedule(connection);
}

static void begin_stream(struct connection *connection, const struct script *script) {
    streams_begun++;
    connection->script = script;
    connection->next = 0;
    connection->pace_ns = pace_us * 1000u;
    connection->due_ns = now_ns();
    write_event(connection);
}

static void send_whole(struct connection *connection, struct piece reply) {
    connection->out = reply;
    bool all = write_out(connection);
    if (connection->fd < 0) return;
    if (!all) watch(connection, true);
}

static bool ends(const struct request *request, const char *end) {
    size_t length = strlen(end);
    return request->path_length >= length && is(request->path + request->path_length - length, length, end);
}

static void answer(struct connection *connection, const struct request *request) {
    static const char PACE[] = "/mock/pace?us=";
    connection->close = request->close;
    bool post = is(request->method, request->method_length, "POST");
    if (post && ends(request, "/chat/completions")) {
        if (streams(request, "true")) return begin_stream(connection, &replies.events);
        return send_whole(connection, replies.chat);
    }
    if (post && ends(request, "/api/chat")) {
        if (!streams(request, "false")) return begin_stream(connection, &replies.lines);
        return send_whole(connection, replies.native_chat);
    }
    if (post && strncmp(request->path, PACE, sizeof PACE - 1) == 0) {
        pace_us = strtoull(request->path + sizeof PACE - 1, NULL, 10);
        return send_whole(connection, replies.fine);
    }
    if (post) return send_whole(connection, replies.unknown);
    if (ends(request, "/models")) return send_whole(connection, replies.models);
    if (ends(request, "/api/tags")) return send_whole(connection, replies.native_tags);
    send_whole(connection, replies.fine);
}

/* Answer the requests that are there, each after the one before it. */
static void answer_next(struct connection *connection) {
    while (connection->fd >= 0 && connection->script == NULL && connection->out.length == 0) {
        struct request request;
        enum reading read = read_request(connection->in, connection->in_length, &request);
        if (read == REFUSED) return drop(connection);
        if (read == INCOMPLETE) {
            if (request.expects_continue && !connection->told_to_continue) {
                connection->told_to_continue = true;
                static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
                send_whole(connection, (struct piece){CONTINUE, sizeof CONTINUE - 1});
            }
            return;
        }
        connection->told_to_continue = false;
        answer(connection, &request);
        if (connection->fd < 0) return;
        connection->in_length -= request.length;
        memmove(connection->in, connection->in + request.length, connection->in_length);
        if (connection->script == NULL && connection->out.length == 0 && connection->close) return drop(connection);
    }
}

static void take_bytes(struct connection *connection) {
    for (;;) {
        if (connection->in_room - connection->in_length < 16384) {
            if (connection->in_room >= MOST_BYTES) {
                send_whole(connection, replies.too_large);
                return drop(connection);
            }
            connection->in_room = connection->in_room * 2 + 32768;
            need((connection->in = realloc(connection->in, connection->in_room)) != NULL, "memory");
        }
        size_t room = connection->in_room - connection->in_length;
        ssize_t got = recv(connection->fd, connection->in + connection->in_length, room, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) return drop(connection);
        connection->in_length += (size_t)got;
        if ((size_t)got < room) break;
    }
    answer_next(connection);
}

static void go_on_writing(struct connection *connection) {
    bool all = write_out(connection);
    if (connection->fd < 0 || !all) return;
    if (connection->script != NULL && connection->next < connection->script->count) return write_event(connection);
    finish(connection);
}

static void take_connections(int listening) {
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (connections == MOST_CONNECTIONS) {
            close(fd);
            continue;
        }
        connections++;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        need(connection != NULL, "memory");
        connection->fd = fd;
        struct epoll_event event = {EPOLLIN | EPOLLRDHUP, {.ptr = connection}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void write_what_is_due(void) {
    uint64_t now = now_ns();
    struct connection *next;
    while ((next = next_due()) != NULL && next->due_ns <= now) {
        leave_schedule(next);
        write_event(next);
    }
    struct itimerspec when = {0};
    if (next != NULL) {
        when.it_value.tv_sec = (time_t)(next->due_ns / 1000000000u);
        when.it_value.tv_nsec = (long)(next->due_ns % 1000000000u);
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void free_dropped(void) {
    while (dropped != NULL) {
        struct connection *connection = dropped;
        dropped = connection->next_dropped;
        free(connection->in);
        free(connection);
    }
}

static void serve(int listening) {
    struct epoll_event events[BATCH];
    for (;;) {
        int count = epoll_wait(epoll, events, BATCH, -1);
        bool timed = next_due() != NULL;
        for (int number = 0; number < count; number++) {
            if (events[number].data.ptr == &timer) continue;
            if (events[number].data.ptr == &epoll) {
                take_connections(listening);
                continue;
            }
            struct connection *connection = events[number].data.ptr;
            uint32_t what = events[number].events;
            if (connection->fd >= 0 && what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) take_bytes(connection);
            if (connection->fd >= 0 && what & EPOLLOUT) go_on_writing(connection);
        }
        if (timed || next_due() != NULL) write_what_is_due();
        free_dropped();
    }
}

static void watch_always(int fd, void *name) {
    struct epoll_event event = {EPOLLIN, {.ptr = name}};
    need(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
}

int main(int argc, char **argv) {
    unsigned long port = 0, events = 100;
    for (int at = 1; at + 1 < argc; at += 2) {
        unsigned long value = strtoul(argv[at + 1], NULL, 10);
        if (strcmp(argv[at], "--port") == 0) port = value;
        else if (strcmp(argv[at], "--events") == 0 && value >= 3) events = value;
        else if (strcmp(argv[at], "--pace-us") == 0) pace_us = value;
        else return fprintf(stderr, "mock: unknown: %s %s\n", argv[at], argv[at + 1]), 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive who started it */
    replies = build_replies(events);
    need((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0, "epoll");
    need((timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) >= 0, "timer");
    int listening = listen_on((uint16_t)port);
    watch_always(listening, &epoll);
    watch_always(timer, &timer);
    serve(listening);
}
