/* Reads HTTP/1.1 answers strictly: what is not well framed is broken. */
#define _GNU_SOURCE
#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void begin_response(struct response *response) {
    memset(response, 0, offsetof(struct response, head));
    response->head_length = response->line_length = response->frame_length = 0;
}

static bool line_starts(const struct response *response, const char *text) {
    size_t length = strlen(text);
    return response->line_length >= length && memcmp(response->line, text, length) == 0;
}

static void end_line(struct response *response) {
    if (line_starts(response, "data:")) {
        response->events++;
        if (line_starts(response, "data: [DONE]") || line_starts(response, "data:[DONE]")) response->done = true;
        if (line_starts(response, "data: {\"error\"")) response->failed = true;
    }
    response->line_length = 0;
}

/* Look only at the start of each line: the rest of it is passed over. */
static void count_events(struct response *response, const char *bytes, size_t length) {
    const char *end = bytes + length;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t here = (size_t)((newline == NULL ? end : newline) - bytes);
        size_t room = sizeof response->line - response->line_length, kept = here < room ? here : room;
        memcpy(response->line + response->line_length, bytes, kept);
        response->line_length += kept;
        if (newline == NULL) return;
        end_line(response);
        bytes = newline + 1;
    }
}

static const char *value_of(const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') return NULL;
    return line + length + 1 + strspn(line + length + 1, " \t");
}

static enum state framing_of(struct response *response) {
    bool chunked = false, sized = false;
    char *line = strstr(response->head, "\r\n");
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        const char *value;
        if ((value = value_of(line, "content-length"))) {
            char *end;
            response->left = strtoull(value, &end, 10);
            sized = true;
            if (end == value || strcspn(end, " \t\r") != 0) return BROKEN;
        }
        if ((value = value_of(line, "transfer-encoding"))) chunked = strncasecmp(value, "chunked", 7) == 0;
        if ((value = value_of(line, "connection"))) response->close = strncasecmp(value, "close", 5) == 0;
    }
    if (chunked && sized) return BROKEN;
    if (response->status == 204 || response->status == 304) return WHOLE;
    if (chunked) return SIZE_LINE;
    if (sized) return response->left > 0 ? LENGTH : WHOLE;
    response->close = true;
    return UNTIL_CLOSE;
}

/* Take bytes up to the blank line that ends a head; what follows is left for the body, whatever it looks like. */
static size_t take_head(struct response *response, const char *bytes, size_t length) {
    size_t before = response->head_length, room = sizeof response->head - 1 - before;
    size_t taken = length < room ? length : room;
    memcpy(response->head + before, bytes, taken);
    response->head_length += taken;
    size_t from = before > 3 ? before - 3 : 0;
    char *end = memmem(response->head + from, response->head_length - from, "\r\n\r\n", 4);
    if (end == NULL) {
        if (taken == room) response->state = BROKEN;
        return taken;
    }
    size_t used = (size_t)(end + 4 - response->head) - before;
    end[2] = '\0';
    response->head_length = 0;
    if (strncmp(response->head, "HTTP/1.", 7) != 0) {
        response->state = BROKEN;
        return used;
    }
    response->status = atoi(response->head + 9);
    if (response->status >= 200) response->state = framing_of(response);
    return used;
}

/* Take bytes up to the end of a line of the framing; the line is then in `frame`, without its end. */
static bool take_line(struct response *response, const char *bytes, size_t length, size_t *used) {
    for (*used = 0; *used < length;) {
        char byte = bytes[(*used)++];
        if (byte == '\n') {
            if (response->frame_length == 0 || response->frame[response->frame_length - 1] != '\r') break;
            response->frame[response->frame_length - 1] = '\0';
            response->frame_length = 0;
            return true;
        }
        if (response->frame_length == sizeof response->frame) break;
        response->frame[response->frame_length++] = byte;
        if (*used == length) return false;
    }
    if (*used > 0) response->state = BROKEN;
    return false;
}

static size_t take_framing(struct response *response, const char *bytes, size_t length) {
    size_t used;
    if (!take_line(response, bytes, length, &used)) return used;
    if (response->state == CHUNK_END) {
        response->state = response->frame[0] == '\0' ? SIZE_LINE : BROKEN;
    } else if (response->state == TRAILERS) {
        if (response->frame[0] == '\0') response->state = WHOLE;
    } else {
        char *end;
        response->left = strtoull(response->frame, &end, 16);
        if (end == response->frame || (*end != '\0' && *end != ';' && *end != ' ')) response->state = BROKEN;
        else response->state = response->left > 0 ? CHUNK : TRAILERS;
    }
    return used;
}

static size_t take_body(struct response *response, const char *bytes, size_t length) {
    size_t used = response->state == UNTIL_CLOSE || length < response->left ? length : (size_t)response->left;
    count_events(response, bytes, used);
    response->body_bytes += used;
    if (response->state == UNTIL_CLOSE) return used;
    response->left -= used;
    if (response->left == 0) response->state = response->state == CHUNK ? CHUNK_END : WHOLE;
    return used;
}

size_t take(struct response *response, const char *bytes, size_t length) {
    size_t used = 0;
    while (used < length && response->state != WHOLE && response->state != BROKEN) {
        const char *at = bytes + used;
        size_t left = length - used;
        switch (response->state) {
        case HEAD: used += take_head(response, at, left); break;
        case LENGTH:
        case CHUNK:
        case UNTIL_CLOSE: used += take_body(response, at, left); break;
        default: used += take_framing(response, at, left);
        }
    }
    return used;
}

void end_of_bytes(struct response *response) { response->state = response->state == UNTIL_CLOSE ? WHOLE : BROKEN; }
