/* Requests as the mock reads them: only what it acts upon. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum reading { INCOMPLETE, COMPLETE, REFUSED };

struct request {
    const char *method, *path; /* not terminated: compare with `is` */
    size_t method_length, path_length;
    const char *body; /* valid until the bytes it was read from change */
    size_t body_length;
    size_t length; /* of the whole request on the wire */
    bool close, expects_continue;
};

/* Read one request from the start of `bytes`, which may hold only a part of it, or more than it. */
enum reading read_request(char *bytes, size_t length, struct request *request);

bool is(const char *text, size_t length, const char *expected);

/* Say whether the body sets the member "stream" to this word. */
bool streams(const struct request *request, const char *word);

#endif
