/* The answers of the mock, in OpenAI's dialect and in Ollama's own. */
#include "replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL "mock-upstream"
#define ID "chatcmpl-0123456789abcdef0123456789abcdef"
#define ROOM 4096

static const char *const WORDS[] = {" the",   " answer", " of",  " a",     " model", " comes", " word",
                                    " after", " word",   " and", " every", " word",  " is",    " counted"};
#define WORD_COUNT (sizeof WORDS / sizeof *WORDS)

static struct piece kept(const char *text) {
    struct piece piece = {strdup(text), strlen(text)};
    if (piece.bytes == NULL) abort();
    return piece;
}

static struct piece reply(const char *status, const char *body) {
    char text[ROOM];
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             status, strlen(body), body);
    return kept(text);
}

/* About 700 bytes of words, so that a whole reply has about 1 KB. */
static const char *prose(void) {
    static char text[1024];
    if (text[0] != '\0') return text;
    size_t used = 0;
    for (size_t word = 0; used < 680; word++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", WORDS[word % WORD_COUNT]);
    return text;
}

#define STREAM_HEAD(type) \
    "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LAST_CHUNK "0\r\n\r\n"
#define DONE_CHUNK "e\r\ndata: [DONE]\n\n\r\n" LAST_CHUNK

static void event_text(char *text, size_t number, size_t count) {
    char choices[512];
    const char *usage = "";
    if (number == count - 1) {
        snprintf(choices, sizeof choices, "[]");
        usage = ",\"usage\":{\"prompt_tokens\":212,\"completion_tokens\":98,\"total_tokens\":310}";
    } else if (number == count - 2) {
        snprintf(choices, sizeof choices,
                 "[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]");
    } else {
        snprintf(choices, sizeof choices,
                 "[{\"index\":0,\"delta\":{%s\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":null}]",
                 number == 0 ? "\"role\":\"assistant\"," : "", number == 0 ? "" : WORDS[number % WORD_COUNT]);
    }
    snprintf(text, ROOM / 2,
             "data: {\"id\":\"" ID "\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"" MODEL
             "\",\"choices\":%s%s}\n\n",
             choices, usage);
}

static void line_text(char *text, size_t number, size_t count) {
    const char *done = number < count - 1
        ? "\"done\":false"
        : "\"done\":true,\"done_reason\":\"stop\",\"total_duration\":1000000000,\"load_duration\":1000000,"
          "\"prompt_eval_count\":212,\"prompt_eval_duration\":1000000,\"eval_count\":98,\"eval_duration\":990000000";
    snprintf(text, ROOM / 2,
             "{\"model\":\"" MODEL "\",\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"message\":"
             "{\"role\":\"assistant\",\"content\":\"%s\"},%s}\n",
             number < count - 1 ? WORDS[number % WORD_COUNT] : "", done);
}

/* The pieces lie one after another, so that several can be written at once. */
static struct script script(size_t count, const char *head, const char *tail, void (*text)(char *, size_t, size_t)) {
    struct script made = {calloc(count, sizeof(struct piece)), count};
    char *bytes = calloc(count, ROOM);
    if (made.pieces == NULL || bytes == NULL) abort();
    for (size_t number = 0; number < count; number++) {
        char event[ROOM / 2];
        text(event, number, count);
        int length = snprintf(bytes, ROOM, "%s%zx\r\n%s\r\n%s", number == 0 ? head : "", strlen(event), event,
                              number == count - 1 ? tail : "");
        made.pieces[number] = (struct piece){bytes, (size_t)length};
        bytes += length;
    }
    return made;
}

struct replies build_replies(size_t events) {
    char chat[ROOM / 2], native[ROOM / 2];
    snprintf(chat, sizeof chat,
             "{\"id\":\"" ID "\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"" MODEL
             "\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},"
             "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":212,"
             "\"completion_tokens\":120,\"total_tokens\":332},\"system_fingerprint\":\"fp_mock\"}",
             prose());
    snprintf(native, sizeof native,
             "{\"model\":\"" MODEL "\",\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"message\":"
             "{\"role\":\"assistant\",\"content\":\"%s\"},\"done\":true,\"done_reason\":\"stop\","
             "\"total_duration\":1000000000,\"load_duration\":1000000,\"prompt_eval_count\":212,"
             "\"prompt_eval_duration\":1000000,\"eval_count\":120,\"eval_duration\":990000000}",
             prose());
    return (struct replies){
        .chat = reply("200 OK", chat),
        .models = reply("200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"" MODEL
                                  "\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}"),
        .native_chat = reply("200 OK", native),
        .native_tags = reply("200 OK", "{\"models\":[{\"name\":\"" MODEL "\",\"model\":\"" MODEL
                                       "\",\"modified_at\":\"2026-01-01T00:00:00Z\",\"size\":1}]}"),
        .fine = reply("200 OK", "{\"status\":\"ok\"}"),
        .unknown = reply("404 Not Found", "{\"error\":{\"message\":\"The mock has no such path.\"}}"),
        .too_large = reply("413 Content Too Large", "{\"error\":{\"message\":\"The mock takes 8 MiB.\"}}"),
        .events = script(events, STREAM_HEAD("text/event-stream"), DONE_CHUNK, event_text),
        .lines = script(events, STREAM_HEAD("application/x-ndjson"), LAST_CHUNK, line_text),
    };
}
