/* A binary heap. */
#include "schedule.h"

static struct connection *schedule[MOST_CONNECTIONS];
static size_t scheduled;

static void put(size_t place, struct connection *connection) { schedule[place] = connection; }

static void sink_down(size_t place) {
    struct connection *moved = schedule[place];
    for (size_t child; (child = 2 * place + 1) < scheduled; place = child) {
        if (child + 1 < scheduled && schedule[child + 1]->due_ns < schedule[child]->due_ns) child++;
        if (moved->due_ns <= schedule[child]->due_ns) break;
        put(place, schedule[child]);
    }
    put(place, moved);
}

void enter_schedule(struct connection *connection) {
    size_t place = scheduled++;
    for (size_t parent; place > 0; place = parent) {
        parent = (place - 1) / 2;
        if (schedule[parent]->due_ns <= connection->due_ns) break;
        put(place, schedule[parent]);
    }
    put(place, connection);
    connection->scheduled = true;
}

void leave_schedule(struct connection *connection) {
    if (!connection->scheduled) return;
    connection->scheduled = false;
    if (schedule[0] == connection) {
        schedule[0] = schedule[--scheduled];
        if (scheduled > 0) sink_down(0);
        return;
    }
    size_t kept = 0; /* out of turn only clients leave that hung up */
    for (size_t place = 0; place < scheduled; place++)
        if (schedule[place] != connection) schedule[kept++] = schedule[place];
    scheduled = kept;
    for (size_t place = scheduled / 2; place-- > 0;) sink_down(place);
}

struct connection *next_due(void) { return scheduled > 0 ? schedule[0] : NULL; }
