/* What the mock answers: built once at start, sent as it stands. */
#ifndef REPLIES_H
#define REPLIES_H

#include <stddef.h>

struct piece {
    const char *bytes;
    size_t length;
};

/* A streamed answer: each piece is one event, framed as an HTTP chunk, right behind the one before; the first also
 * holds the head. */
struct script {
    struct piece *pieces;
    size_t count;
};

struct replies {
    struct piece chat, models, native_chat, native_tags, fine, unknown, too_large;
    struct script events, lines;
};

/* Build all replies; streams have `events` events each. */
struct replies build_replies(size_t events);

#endif
