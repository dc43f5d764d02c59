/* The socket that takes connections. */
#define _GNU_SOURCE
#include "listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void need(bool fine, const char *what) {
    if (fine) return;
    fprintf(stderr, "mock: %s: %s\n", what, strerror(errno));
    exit(1);
}

int listen_on(uint16_t port) {
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    need(listening >= 0, "socket");
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    need(bind(listening, (struct sockaddr *)&address, length) == 0, "bind");
    need(listen(listening, 4096) == 0, "listen");
    getsockname(listening, (struct sockaddr *)&address, &length);
    printf("{\"port\":%u}\n", ntohs(address.sin_port));
    fflush(stdout);
    return listening;
}
