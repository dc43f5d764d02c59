/* Where the mock listens. */
#ifndef LISTENING_H
#define LISTENING_H

#include <stdbool.h>
#include <stdint.h>

/* Leave with status 1, and say why, where something that is needed did not work. */
void need(bool fine, const char *what);

/* Listen on the loopback address, and say on which port as one line of JSON; port 0 is any that is free. */
int listen_on(uint16_t port);

#endif
