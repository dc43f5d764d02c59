/* The streams that wait for their next event, the next due first. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "connection.h"

void enter_schedule(struct connection *connection);

void leave_schedule(struct connection *connection);

/* Return the connection that is due next, or NULL. */
struct connection *next_due(void);

#endif
