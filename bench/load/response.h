/* One answer as it arrives: its framing, and the events in it. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state { HEAD, LENGTH, SIZE_LINE, CHUNK, CHUNK_END, TRAILERS, UNTIL_CLOSE, WHOLE, BROKEN };

struct response {
    enum state state;
    int status;
    bool close; /* the server will close after it */
    uint64_t left, body_bytes;
    uint64_t events;
    bool done, failed; /* the stream's [DONE] was seen; an error event was */
    char head[16384];
    size_t head_length;
    char line[20]; /* the start of the current line of the body */
    size_t line_length;
    char frame[512]; /* the current line of the framing */
    size_t frame_length;
};

void begin_response(struct response *response);

/* Take the next bytes; afterwards the state tells whether the answer is WHOLE or BROKEN. Return how many were used. */
size_t take(struct response *response, const char *bytes, size_t length);

/* The server closed: an answer that runs until then is whole now. */
void end_of_bytes(struct response *response);

#endif
