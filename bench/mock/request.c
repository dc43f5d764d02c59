/* Reads requests that arrive in any pieces, with a length or in chunks. */
#define _GNU_SOURCE
#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool is(const char *text, size_t length, const char *expected) {
    return strlen(expected) == length && memcmp(text, expected, length) == 0;
}

struct framing {
    long length; /* -1: not given */
    bool chunked;
};

/* Return the value of a header line if it has this name. */
static const char *value_of(const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') return NULL;
    const char *value = line + length + 1;
    return value + strspn(value, " \t");
}

static void read_headers(const char *line, const char *end, struct request *request, struct framing *framing) {
    while (line < end) {
        const char *value;
        if ((value = value_of(line, "content-length"))) framing->length = strtol(value, NULL, 10);
        if ((value = value_of(line, "transfer-encoding"))) framing->chunked = strncasecmp(value, "chunked", 7) == 0;
        if ((value = value_of(line, "connection"))) request->close = strncasecmp(value, "close", 5) == 0;
        if ((value = value_of(line, "expect"))) request->expects_continue = strncasecmp(value, "100-", 4) == 0;
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        line = next == NULL ? end : next + 2;
    }
}

/* Join the chunks in place, once all are there: until then nothing is changed. */
static enum reading read_chunks(char *bytes, char *end, struct request *request) {
    for (int joining = 0; joining < 2; joining++) {
        char *at = bytes, *joined = bytes;
        for (;;) {
            char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
            if (line_end == NULL) return INCOMPLETE;
            size_t size = strtoul(at, NULL, 16);
            char *data = line_end + 2;
            if ((size_t)(end - data) < size + 2) return INCOMPLETE;
            if (joining) memmove(joined, data, size);
            joined += size;
            at = data + size + 2;
            if (size == 0) break;
        }
        request->body_length = (size_t)(joined - bytes);
        request->length = (size_t)(at - bytes);
    }
    request->body = bytes;
    return COMPLETE;
}

static bool read_first_line(const char *bytes, const char *end, struct request *request) {
    const char *space = memchr(bytes, ' ', (size_t)(end - bytes));
    if (space == NULL) return false;
    const char *path = space + 1, *path_end = memchr(path, ' ', (size_t)(end - path));
    if (path_end == NULL) return false;
    request->method = bytes;
    request->method_length = (size_t)(space - bytes);
    request->path = path;
    request->path_length = (size_t)(path_end - path);
    return true;
}

enum reading read_request(char *bytes, size_t length, struct request *request) {
    *request = (struct request){0};
    char *head_end = memmem(bytes, length, "\r\n\r\n", 4);
    if (head_end == NULL) return INCOMPLETE;
    char *line_end = memmem(bytes, length, "\r\n", 2);
    if (!read_first_line(bytes, line_end, request)) return REFUSED;
    struct framing framing = {-1, false};
    read_headers(line_end + 2, head_end + 2, request, &framing);
    char *body = head_end + 4;
    if (framing.chunked) {
        enum reading read = read_chunks(body, bytes + length, request);
        request->length += (size_t)(body - bytes);
        return read;
    }
    request->body = body;
    request->body_length = framing.length < 0 ? 0 : (size_t)framing.length;
    request->length = (size_t)(body - bytes) + request->body_length;
    return request->length <= length ? COMPLETE : INCOMPLETE;
}

bool streams(const struct request *request, const char *word) {
    static const char KEY[] = "\"stream\"";
    const char *at = request->body, *end = request->body + request->body_length;
    while ((at = memmem(at, (size_t)(end - at), KEY, sizeof KEY - 1))) {
        at += sizeof KEY - 1;
        while (at < end && strchr(" \t\r\n:", *at)) at++;
        if ((size_t)(end - at) >= strlen(word) && memcmp(at, word, strlen(word)) == 0) return true;
    }
    return false;
}
