/* The command line of the load client. */
#define _GNU_SOURCE
#include "options.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "load --address 127.0.0.1:PORT --path PATH [--method M] [--host NAME] [--header 'Name: value'] … [--body FILE]\n"
    "     [--connections N] [--duration-s S] [--count N] [--grace-s S] [--ramp-s S] [--mode plain|stream]\n"
    "     [--hang-ups SHARE]\n";

static void refuse(const char *what, const char *value) {
    fprintf(stderr, "load: %s: %s\n%s", what, value, USAGE);
    exit(2);
}

static struct sockaddr_in address_of(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) refuse("not an address and port", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) refuse("not an address and port", text);
    return address;
}

static char *contents(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) refuse("cannot be read", path);
    *length = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*length + 1);
    if (bytes == NULL || fread(bytes, 1, *length, file) != *length) refuse("cannot be read", path);
    fclose(file);
    return bytes;
}

static void set_request(struct options *options, const char *method, const char *path, const char *host,
                        const char *headers, const char *body_path) {
    size_t body_length = 0;
    char *body = body_path == NULL ? NULL : contents(body_path, &body_length);
    size_t room = strlen(method) + strlen(path) + strlen(host) + strlen(headers) + body_length + 256;
    options->request = malloc(room);
    if (options->request == NULL) abort();
    int length = snprintf(options->request, room, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", method, path, host, headers);
    if (body != NULL)
        length += snprintf(options->request + length, room - (size_t)length,
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n", body_length);
    length += snprintf(options->request + length, room - (size_t)length, "\r\n");
    if (body != NULL) memcpy(options->request + length, body, body_length);
    options->request_length = (size_t)length + body_length;
    free(body);
}

struct options read_options(int argc, char **argv) {
    struct options options = {.connections = 1, .duration_s = 3, .grace_s = 10};
    const char *address = NULL, *method = "POST", *path = NULL, *host = NULL, *body = NULL;
    char headers[8192] = "";
    for (int at = 1; at < argc; at += 2) {
        const char *name = argv[at], *value = argv[at + 1];
        if (value == NULL) refuse("has no value", name);
        if (strcmp(name, "--address") == 0) address = value;
        else if (strcmp(name, "--method") == 0) method = value;
        else if (strcmp(name, "--path") == 0) path = value;
        else if (strcmp(name, "--host") == 0) host = value;
        else if (strcmp(name, "--body") == 0) body = value;
        else if (strcmp(name, "--connections") == 0) options.connections = (unsigned)atoi(value);
        else if (strcmp(name, "--duration-s") == 0) options.duration_s = atof(value);
        else if (strcmp(name, "--count") == 0) options.count = strtoul(value, NULL, 10);
        else if (strcmp(name, "--grace-s") == 0) options.grace_s = atof(value);
        else if (strcmp(name, "--ramp-s") == 0) options.ramp_s = atof(value);
        else if (strcmp(name, "--hang-ups") == 0) options.hang_ups = atof(value);
        else if (strcmp(name, "--mode") == 0) options.stream = strcmp(value, "stream") == 0;
        else if (strcmp(name, "--header") == 0) {
            size_t used = strlen(headers);
            if (used + strlen(value) + 3 > sizeof headers) refuse("too many headers", value);
            snprintf(headers + used, sizeof headers - used, "%s\r\n", value);
        } else refuse("unknown", name);
    }
    if (address == NULL) refuse("is needed", "--address");
    if (path == NULL) refuse("is needed", "--path");
    if (options.connections < 1 || options.connections > 4096) refuse("must be 1 to 4096", "--connections");
    options.address = address_of(address);
    set_request(&options, method, path, host == NULL ? address : host, headers, body);
    return options;
}
