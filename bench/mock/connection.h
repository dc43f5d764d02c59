/* A client's connection to the mock. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replies.h"

#define MOST_CONNECTIONS 8192

struct connection {
    int fd; /* -1: dropped, and freed at the end of the round, since an event of the round may still name it */
    char *in;
    size_t in_length, in_room;
    struct piece out;            /* what of the current piece is still to be written */
    const struct script *script; /* the stream that is under way, if any */
    size_t next;                 /* its next piece */
    uint64_t due_ns, pace_ns;    /* when that is written; no pace: as soon as it can be */
    bool scheduled, close, told_to_continue, waits_to_write;
    struct connection *next_dropped;
};

#endif
